"""What keeps ``sync --prune`` from removing a folder that belongs to no source: the commands for sources know none."""

from __future__ import annotations

from collections.abc import Mapping

from git_hybrid.cli.remedies_unsaved import AWAY
from git_hybrid.cli.remedy import Remedy

_LOOK = "git -C {path} status"
_NOT_REMOVED = "it belongs to no source, and was not removed"

STRAYS: Mapping[str, Remedy] = {
    "dirty": Remedy(3, "{path} has local changes in {files_counted}; " + _NOT_REMOVED, "{files}", (_LOOK, AWAY)),
    "operation-in-progress": Remedy(3, "a {operation} is in progress in {path}; " + _NOT_REMOVED, hints=(_LOOK, AWAY)),
    "index-locked": Remedy(
        3,
        "another git process works in {path} (it holds .git/{lock}); " + _NOT_REMOVED,
        "run the command again when that has ended",
        (_LOOK, "where no git is at work any more: rm {path}/.git/{lock}"),
    ),
    "foreign-folder": Remedy(
        3,
        "{path} is {what}; " + _NOT_REMOVED,
        "nothing in it was touched",
        ("{take}", "ls -l {path}", AWAY),
    ),
    "unsaved-work": Remedy(
        3,
        "{path} holds work that exists nowhere else; " + _NOT_REMOVED,
        "{refs}",
        # By what it is: git_hybrid.cli.remedies_unsaved.
        (_LOOK, AWAY),
    ),
}
"""By the code of the error, in place of its remedy."""
