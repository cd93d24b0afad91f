"""The remedy where what was read is not what the lock names, and the audit log tells that the lock was edited."""

from __future__ import annotations

from git_hybrid.cli.remedy import Remedy

EDITED = Remedy(
    5,
    "{name}: state/sources.lock does not name what was pinned",
    "{what}: the lock has {expected}, found was {found}\n"
    "the audit log tells otherwise than the lock, which was edited by hand or by a merge",
    (
        "git checkout HEAD -- state/sources.lock",
        "where that is what was committed, find the pin that was: git log -p -- state/sources.lock",
    ),
)
