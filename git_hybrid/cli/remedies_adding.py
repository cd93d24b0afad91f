"""What to type next where a source could not be added: no other command knows it, since nothing was written."""

from __future__ import annotations

from collections.abc import Mapping

from git_hybrid.core.errors import HybridError, Interrupted, RefMissing, RemoteError, RepositoryNotFound
from git_hybrid.core.ids import normalize_url
from git_hybrid.core.value import replace
from git_hybrid.core.words import as_typed, typed

_TOO = as_typed()
_ANOTHER = "add another branch, tag, version or commit of it: git hybrid add {added} --tag TAG" + _TOO
_TELL = "tell upstream, where this shows it: git fsck"

ADDING: Mapping[str, tuple[str, ...]] = {
    "too-young": (
        "wait until then, and add it again: git hybrid add {added}" + _TOO,
        "or, if its branch moved on by then: git hybrid add {added} --commit {commit}" + _TOO,
    ),
    "unreachable": ("check the id, or " + _ANOTHER,),
    "unusable-ref": (_ANOTHER,),
    "moved-tag": (_ANOTHER, "if the new one is approved: git hybrid add {added} --commit {new_commit}" + _TOO),
    "off-branch": (
        "name a branch that has it, or none, so that the commit is followed: git hybrid add {added} --commit {commit}"
        + _TOO,
    ),
    "ref-missing": ("{meant}", "git ls-remote {url}", _ANOTHER),
    "hostile-tree": (_ANOTHER,),
    "fsck-refused": (_TELL, _ANOTHER),
    "scan-blocked": (_ANOTHER,),
    "host-not-allowed": ("add it to [policy] hosts in sources.toml after review, then: git hybrid add {added}" + _TOO,),
}
"""By the code of the error, in place of the hints of its remedy."""

_BRANCH = "name a branch that has the commit by branch = in {imported}, or none: then the commit itself is followed"
_OTHER_COMMIT = "check out another commit of the submodule and stage it"

IMPORTING: Mapping[str, tuple[str, ...]] = {
    "too-young": ("wait until then, and import it again",),
    "unreachable": ("push the commit to a branch of its upstream, or " + _OTHER_COMMIT,),
    "unusable-ref": (_BRANCH,),
    "moved-tag": (_OTHER_COMMIT,),
    "off-branch": (_BRANCH,),
    "ref-missing": ("git ls-remote {url}", _BRANCH),
    "hostile-tree": (_OTHER_COMMIT,),
    "fsck-refused": (_TELL, _OTHER_COMMIT),
    "scan-blocked": (_OTHER_COMMIT,),
    "host-not-allowed": ("add it to [policy] hosts in sources.toml after review",),
}
"""The same for a submodule that was to be imported: ``init`` has no options for what to take of it.

None is a command: ``init`` names its own, as it was typed, behind them.
"""

_ANOTHER_LISTED = "name another commit, branch or tag of it in {imported}, or take it out of that"

LISTED: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(IMPORTING, (_ANOTHER_LISTED,)),
    **{code: IMPORTING[code] for code in ("too-young", "host-not-allowed")},
    "ref-missing": ("git ls-remote {url}", _ANOTHER_LISTED),
    "fsck-refused": (_TELL, _ANOTHER_LISTED),
}
"""The same where the file of another tool names the commits itself."""


_ANOTHER_CLONE = "check out another commit in the clone, or move the clone out of {imported}"

CLONES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(IMPORTING, (_ANOTHER_CLONE,)),
    **{code: IMPORTING[code] for code in ("too-young", "host-not-allowed")},
    "unreachable": ("push the commit to a branch of its upstream, or " + _ANOTHER_CLONE,),
    "ref-missing": ("git ls-remote {url}", _ANOTHER_CLONE),
    "fsck-refused": (_TELL, _ANOTHER_CLONE),
}
"""The same where clones that stand in a folder are taken over."""


def hints_for(error: HybridError, hints: tuple[str, ...]) -> tuple[str, ...]:
    """Return the hints of *error*, which is about what is added; *hints* are those of its remedy."""
    if isinstance(error, Interrupted) and error.imported:
        # What it made is gone with it: there may be no workspace.
        return (f"git hybrid init{_TOO}",)
    if isinstance(error, RefMissing) and error.imported and error.ref.startswith("commit "):
        # No ref is what is missing there: a submodule was committed and never pushed.
        return _of_import(error)["unreachable"]
    if isinstance(error, RemoteError) and not error.imported:
        from git_hybrid.cli.browsed import instead_of

        return (instead_of(error.url), *_of_scp(error), *hints)
    return (_of_import(error) if error.imported else ADDING).get(error.code, hints)


def _of_import(error: HybridError) -> Mapping[str, tuple[str, ...]]:
    if error.imported.endswith("/"):
        return CLONES
    return LISTED if error.listed else IMPORTING


def _of_scp(error: RemoteError) -> tuple[str, ...]:
    """Return what user@host:path may have meant that the URL with that path from the root does not mean."""
    if "://" in error.added or ":" not in error.added:
        return ()
    url, path = normalize_url(error.added), error.added.rpartition(":")[2]
    below = typed(str(replace(url, path=f"/~/{path}")))
    home = f"where the path begins at the home of the login: git hybrid add {below}{_TOO}"
    instead = (
        f"where url.*.insteadOf rewrites {error.added} it has to rewrite {url} too: "
        r"git config --show-origin --get-regexp '^url\..*\.insteadof$'"
    )
    is_below = isinstance(error, RepositoryNotFound) and not path.startswith(("/", "~"))
    return (home, instead) if is_below else (instead,)
