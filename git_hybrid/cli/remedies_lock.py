"""The remedies where the lock was edited: by the audit log, of which it names another thing, or by the manifest."""

from __future__ import annotations

from collections.abc import Mapping

from git_hybrid.cli.remedy import Remedy

_TITLE = "{name}: state/sources.lock does not name what was pinned"
_WHY = "the audit log tells otherwise than the lock, which was edited by hand or by a merge"
_HINTS = (
    "git checkout HEAD -- state/sources.lock",
    "where that is what was committed, find the pin that was: git log -p -- state/sources.lock",
)
EDITED: Mapping[str, Remedy] = {
    "wrong-content": Remedy(5, _TITLE, "{what}: the lock has {expected}, found was {found}\n" + _WHY, _HINTS),
    "unreachable": Remedy(5, _TITLE, "it has {commit}, which is not in the history of {ref}\n" + _WHY, _HINTS),
    "off-branch": Remedy(
        6,
        "{name}: state/sources.lock has {locked}, and sources.toml {ref}",
        "no command pins so: the lock was edited by hand, or by a merge",
        (_HINTS[0], "where it was committed so: git hybrid pin {name}"),
    ),
}
"""By the code of the error, in place of its remedy."""
