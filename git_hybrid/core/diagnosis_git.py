"""What ``diag`` says of the git repository that a workspace is in. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from git_hybrid.core.diagnosis import Finding
from git_hybrid.core.files import LOG
from git_hybrid.core.value import Struct, field

_ATTRIBUTES = {
    "merge": (
        "branches that both write the log merge",
        f"{LOG} has no merge=union: two branches that both write it will conflict",
        f"/{LOG} merge=union",
    ),
    "endings": (
        "git converts no line endings of state/",
        "state/ has no -text: where git converts line endings, the log is not what was written",
        "/state/** -text",
    ),
}
OF_RUNS = {"sources/.incoming/": "*", "state/journal/": "journal/"}
"""What is of a run alone, and the line of the folder's ``.gitignore`` that has git ignore it."""


class Setup(Struct, frozen=True, kw_only=True):
    """How the repository that a workspace is in is set up for it.

    ``merge`` and ``text`` are attributes of the audit log, ``ignored`` what git ignores that must be committed,
    ``exposed`` what of :data:`OF_RUNS` it does not ignore, and whether the folder has a ``.gitignore`` all the same.
    ``joined`` are the files that git would join line by line, though each of their tables is one decision.
    ``cone``: what of the workspace a sparse checkout in cone mode has to name, if there is one.
    """

    merge: str
    text: str
    ignored: tuple[str, ...] = ()
    exposed: Mapping[str, bool] = field(default_factory=dict)
    joined: tuple[str, ...] = ()
    cone: str = ""


def repository_findings(setup: Setup | None) -> tuple[Finding, ...]:
    """Return how the repository around a workspace is set up for it."""
    if setup is None:
        what = "the workspace is in no git repository: nothing witnesses its history"
        return (Finding(area="git", name="repository", level="warn", what=what, remedy="git init, then commit"),)
    found = [Finding(area="git", name="repository", level="ok", what="the workspace is in a git repository")]
    found.append(_attribute("merge", is_set=setup.merge == "union"))
    found.append(_attribute("endings", is_set=setup.text == "unset"))
    found += [_joined(name) for name in setup.joined]
    found += [
        Finding(
            area="git",
            name="ignored",
            level="fail",
            what=f"{name} is ignored by git: what was decided is not kept",
            remedy=f"git check-ignore -v {name}",
        )
        for name in setup.ignored
    ]
    found += [_exposed(path, is_there=is_there) for path, is_there in setup.exposed.items()]
    return (*found, *([_cone(setup.cone)] if setup.cone else []))


def _joined(name: str) -> Finding:
    what = f"{name} has merge=union: git joins the lines of two branches, also of one pin, and tells no conflict"
    return Finding(area="git", name="merge", level="warn", what=what, remedy=f"echo '/{name} !merge' >> .gitattributes")


def _cone(names: str) -> Finding:
    what = "a sparse checkout in cone mode is on: if it leaves the workspace out, git deletes clones with all work"
    remedy = f"name {names} in each git sparse-checkout set; what it has now: git sparse-checkout list"
    return Finding(area="git", name="sparse-checkout", level="warn", what=what, remedy=remedy)


def _exposed(path: str, *, is_there: bool) -> Finding:
    folder = path.partition("/")[0]
    what = f"git does not ignore {path}: git add of everything would commit what is of this machine alone"
    remedy = f"echo '{OF_RUNS[path]}' >> {folder}/.gitignore" if is_there else "git hybrid sync"
    return Finding(area="git", name="ignored", level="warn", what=what, remedy=remedy)


def _attribute(name: str, *, is_set: bool) -> Finding:
    fine, bad, line = _ATTRIBUTES[name]
    if is_set:
        return Finding(area="git", name=name, level="ok", what=fine)
    return Finding(area="git", name=name, level="warn", what=bad, remedy=f"echo '{line}' >> .gitattributes")
