"""``check sources``: nothing of clones and of single runs is committed, and each clone stands at its pin. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from git_hybrid.core.checks import Facts, Violation, going_back
from git_hybrid.core.words import typed

KEPT = frozenset({"sources/.gitignore", "sources/.gitkeep", "sources/.keep"})
"""What may be committed in ``sources/``: git keeps no empty folder, and many put a file there by one of these names."""
_SHOWN = 5
_JOURNALS, _LEFT = "state/journal", ".tmp"
_OF_ANOTHER = (
    "is tracked by git, and belongs to another repository",
    "state/sources.lock says what is at this path; a copy would be built from without any proof",
)
_FILES = (
    "is tracked by git, and sources/ is for clones alone",
    "git shows no new file there, and what a clone has would be built from without any proof",
)
_NEXT = "git add -- sources.toml state"
_RUNS = frozenset({".lock", ".incoming", ".set-aside", ".durations.tmp"})
_OF_A_RUN = ("is tracked by git, and is of this machine alone", "whoever gets the commit would take it for a run's")


def check_sources(facts: Facts) -> tuple[Violation, ...]:
    """Return what is committed of clones and of runs, and which clones do not stand where the lock says."""
    # Those of the workspace itself are among what is tracked.
    elsewhere = {folder: paths for folder, paths in facts.abandoned.items() if folder != "sources"}
    return (
        *_committed(facts),
        *check_abandoned(elsewhere),
        *_of_runs(facts),
        *_exposed(facts),
        *_misplaced(facts),
    )


def check_abandoned(abandoned: Mapping[str, Sequence[str]]) -> tuple[Violation, ...]:
    """Return what is committed of clones that no workspace has: the paths to take out, by the folder of the clones."""
    what = "is tracked by git: the clones of a workspace that was moved from there, or is on another branch"
    why = "others get links to repositories that they do not have; nothing ignores it: move it out, or name it in"
    return tuple(
        Violation(
            file=folder,
            entry="index",
            what=what,
            why=f"{why} .git/info/exclude",
            mend=f"git rm -r -f --cached -- {typed(*paths)}",
        )
        for folder, paths in abandoned.items()
    )


def is_of_sources(path: str) -> bool:
    """Tell whether *path* is ``sources/`` or below it, in any case."""
    return path.lower().partition("/")[0] == "sources"


def _committed(facts: Facts) -> Iterator[Violation]:
    strays = [path for path in facts.tracked if is_of_sources(path) and (path not in KEPT or path in facts.links)]
    # Taken out of git, a file is gone for everybody else; of another repository no more goes than a link to it.
    files = {_entry_of(path) for path in strays if path not in facts.links}
    names = sorted({_entry_of(path) for path in strays})
    for name in names[:_SHOWN]:
        is_of_a_run = name.partition("/")[2] in _RUNS
        what, why = _OF_A_RUN if is_of_a_run else _FILES if name in files else _OF_ANOTHER
        mend = f"git rm -r -f --cached --ignore-unmatch -- {typed(name)}"
        if what == _FILES[0]:
            mend = f"to keep it, move it out: git mv {typed(name)} NEW; a copy of a clone goes by: {mend}"
        yield Violation(file=name, entry="index", what=what, why=why, mend=mend)
    if left := names[_SHOWN:]:
        what, why = f"{len(left)} more paths are tracked by git", "the same holds of them"
        mend = "git rm -r -f --cached --ignore-unmatch -- sources ':!sources/.gitignore'"
        if not files.isdisjoint(names):
            mend = "do the same with each of these: git ls-files -- sources"
        yield Violation(file="sources", entry="index", what=what, why=why, mend=mend)


def _entry_of(path: str) -> str:
    """Return what *path* is in, or is itself, of all that stands in ``sources/``."""
    return "/".join(path.split("/")[:2])


def _of_runs(facts: Facts) -> Iterator[Violation]:
    """Yield what is committed of the files that a run keeps for itself."""
    others = [path for path in facts.tracked if not is_of_sources(path)]
    for name in sorted({_one_of(path) for path in others}):
        what = "is being committed, and is of one run on one machine"
        why = "others would go on from it; if it is not yours, type -f for --cached, which takes it from the disk too"
        mend = f"git rm -r --cached --ignore-unmatch -- {typed(name)}"
        yield Violation(file=name, entry="index", what=what, why=why, mend=mend)


def _one_of(path: str) -> str:
    """Return the name under which *path* is told: all journals, and all that killed writers left, are one each."""
    if path.lower().startswith(_JOURNALS):
        return path[: len(_JOURNALS)]
    if path.lower().endswith(_LEFT) and "/" in path:
        return f"{path.partition('/')[0]}/*{_LEFT}"
    # A folder is told by its name: the pattern is of what it has.
    at = path.lower().find(f"{_LEFT}/")
    return path if at < 0 else path[: at + len(_LEFT)]


def _exposed(facts: Facts) -> Iterator[Violation]:
    if not facts.exposed:
        return
    some = ", ".join(facts.exposed[:_SHOWN]) + (", …" if len(facts.exposed) > _SHOWN else "")
    what, mend = f"is missing, and git does not ignore {some}", "git hybrid sync"
    if facts.ignore_file:
        what, mend = f"lets git take up {some}", "put a line with a * into it, then: git hybrid check sources"
    why = "git add of everything would commit it: a clone as a link to a repository that others do not have"
    yield Violation(file="sources/.gitignore", entry="file", what=what, why=why, mend=mend, level="warn")


def _misplaced(facts: Facts) -> Iterator[Violation]:
    for name, pin in facts.lock.pins.items():
        head = facts.heads.get(name, pin.commit)
        if head == pin.commit:
            continue
        what = f"stands at {head[:12] or 'no commit that can be read'}, and its pin is {pin.commit[:12]}"
        why = "what was built and tested here is not what is committed"
        if head and head == facts.tried.get(name):
            what, why = f"{what}: state/sources.lock on the disk has moved on", "that pin is in no commit yet"
            yield Violation(file=f"sources/{name}", entry="HEAD", what=what, why=why, mend=_NEXT, level="warn")
            continue
        recorded = facts.state.sources.get(name)
        known = head and head in (facts.installed.get(name), recorded.commit if recorded else None)
        mend = f"git hybrid sync {name}" if known else going_back(name, head)
        yield Violation(file=f"sources/{name}", entry="HEAD", what=what, why=why, mend=mend)
