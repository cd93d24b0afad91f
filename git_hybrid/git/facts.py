"""Read what is told of a commit from its bytes, as git writes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from git_hybrid.core.ids import parse_oid
from git_hybrid.core.pattern import pattern
from git_hybrid.core.ports import CommitFacts

_COMMITTED = pattern(rb"^committer [^\n]*> (\d+) [-+]\d{4}$", re.MULTILINE)


def facts_of(tree: str, commit: bytes) -> CommitFacts | None:
    """Return what the bytes of *commit* tell, whose tree is *tree*; None if they are not as git writes them."""
    committed = _COMMITTED.search(commit.split(b"\n\n", 1)[0])
    if committed is None:
        return None
    return CommitFacts(tree=parse_oid(tree), commit_time=moment(committed[1].decode("ascii")), root_commits=())


def moment(seconds: str) -> datetime:
    """Return the time that git tells of a commit; where its date is missing or beyond all calendars, 1970."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)
