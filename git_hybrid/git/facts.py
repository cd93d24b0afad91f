"""Read what is told of a commit from its bytes, as git writes them."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from git_hybrid.core.ids import Oid, parse_oid
from git_hybrid.core.pattern import pattern
from git_hybrid.core.ports import CommitFacts
from git_hybrid.git.libgit2 import links, open_repository, released
from git_hybrid.git.raw import Unsure, opened

_COMMITTED = pattern(rb"^committer [^\n]*> (\d+) [-+]\d{4}$", re.MULTILINE)


def told_of(git_dir: Path, oid: Oid) -> CommitFacts | None:
    """Return tree and commit time from the bytes of a commit; None if they are not as git writes them."""
    with suppress(Unsure), opened(git_dir) as raw:
        return facts_of(raw.links(oid)[0], raw.read(oid)[1])
    with released(open_repository(git_dir)) as repository:
        if repository is None or (found := links(repository, oid)) is None:
            return None
        return facts_of(found[0], repository.odb.read(oid)[1])


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
