"""What of the files in ``state/`` a run alone has changed since they were committed, or staged."""

from __future__ import annotations

from contextlib import suppress
from enum import Enum, auto

from git_hybrid.cli.wiring import Session
from git_hybrid.core.errors import GitRefused, InvalidFile, LocalIo
from git_hybrid.core.files import LOCK, LOG, MIRRORS, OVERRIDES, STATE
from git_hybrid.git.repository import around
from git_hybrid.store.chain import as_written
from git_hybrid.store.parsing import read_bytes


class Alone(Enum):
    """How what a run has recorded stands alone in ``state/``, and whether git could take it back."""

    REVERTIBLE = auto()
    NEW = auto()
    """git has no state yet: of what is taken back that would stay, and name records that are gone."""


def alone(session: Session, run: str) -> Alone | None:
    """Return how what *run* has recorded is all of ``state/`` that git does not have; None where there is more.

    A pin, an override or a scan that is not committed yet would go with it. Where git does not answer, nobody can tell.
    """
    root = session.layout.root
    repository = around(session.runner, root)
    if repository.top is None:
        return None
    with suppress(GitRefused, InvalidFile, LocalIo):
        prefix, names = repository.prefix(root), (LOCK, OVERRIDES, MIRRORS, LOG)
        # Of the index: who has staged a file can take that back as well.
        state, *kept, known = repository.blobs(f":{prefix}{name}" for name in (STATE, *names))
        *there, log = (read_bytes(root / name, name) for name in names)
        if kept != there or not known or log is None:
            return None
        written, now = as_written(known), as_written(log)
        ours = b'"command_id":"%s"' % run.encode("ascii")
        added = now[len(written) :].splitlines() if now.startswith(written) else []
        if added and all(ours in line for line in added):
            return Alone.NEW if state is None else Alone.REVERTIBLE
    return None
