"""What of the files in ``state/`` a run alone has changed since they were committed, or staged."""

from __future__ import annotations

from contextlib import suppress

from git_hybrid.cli.wiring import Session
from git_hybrid.core.errors import GitRefused, InvalidFile, LocalIo
from git_hybrid.core.files import LOCK, LOG, MIRRORS, OVERRIDES
from git_hybrid.git.repository import around
from git_hybrid.store.chain import as_written
from git_hybrid.store.parsing import read_bytes


def is_alone(session: Session, run: str) -> bool:
    """Tell whether git has all of ``state/`` but what *run* has recorded: taking that back takes nothing else.

    A pin, an override or a scan that is not committed yet would go with it. Where git does not answer, nobody can tell.
    """
    root = session.layout.root
    repository = around(session.runner, root)
    if repository.top is None:
        return False
    with suppress(GitRefused, InvalidFile, LocalIo):
        prefix, names = repository.prefix(root), (LOCK, OVERRIDES, MIRRORS, LOG)
        # Of the index: who has staged a file can take that back as well.
        *kept, known = repository.blobs(f":{prefix}{name}" for name in names)
        *there, log = (read_bytes(root / name, name) for name in names)
        if kept != there or not known or log is None:
            return False
        written, now = as_written(known), as_written(log)
        ours = b'"command_id":"%s"' % run.encode("ascii")
        added = now[len(written) :].splitlines() if now.startswith(written) else []
        return bool(added) and all(ours in line for line in added)
    return False
