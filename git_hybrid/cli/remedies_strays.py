"""What keeps ``sync --prune`` from removing a folder that belongs to no source: the commands for sources know none."""

from __future__ import annotations

from collections.abc import Mapping

from git_hybrid.cli.remedy import Remedy

_LOOK = "git -C {typed} status"
_AWAY = "move it away, then: git hybrid sync --prune"
_NOT_REMOVED = "it belongs to no source, and was not removed"

STRAYS: Mapping[str, Remedy] = {
    "dirty": Remedy(3, "{path} has local changes in {files_counted}; " + _NOT_REMOVED, "{files}", (_LOOK, _AWAY)),
    "operation-in-progress": Remedy(3, "a {operation} is in progress in {path}; " + _NOT_REMOVED, hints=(_LOOK, _AWAY)),
    "index-locked": Remedy(
        3,
        "another git process works in {path} (it holds .git/index.lock); " + _NOT_REMOVED,
        "run the command again when that has ended",
        (_LOOK,),
    ),
    "foreign-folder": Remedy(
        3,
        "{path} is {what}; " + _NOT_REMOVED,
        "nothing in it was touched",
        ("ls -l {typed}", _AWAY),
    ),
    "unsaved-work": Remedy(
        3,
        "{path} holds commits that exist nowhere else; " + _NOT_REMOVED,
        "{refs}",
        (
            "git -C {typed} log --all",
            _AWAY,
            "delete a branch that may go: git -C {typed} branch -D BRANCH",
        ),
    ),
}
"""By the code of the error, in place of its remedy."""
