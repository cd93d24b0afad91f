"""``git hybrid audit rotate``: close the log into an archive, without a break in the chain."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from git_hybrid.app.runtime import Runtime
from git_hybrid.app.settling import deciding
from git_hybrid.core.audit import ROTATE, Event
from git_hybrid.core.audit_archives import free_archive
from git_hybrid.core.reducer import Decision


def rotate(rt: Runtime, archives: Callable[[], Sequence[str]]) -> str:
    """Archive the log under the name of the year and return the path of the archive from the root.

    What an interrupted run had decided to archive is archived by then, and not once more.

    Raises:
        UnfinishedRun, LockBusy, InvalidFile, LocalIo: the log is as it was.
    """
    with deciding(rt):
        if (archive := rt.ledger.finished.archive) is not None:
            return archive
        # The name of one that is missing would be free, and taken.
        rt.ledger.require_archives()
        name = free_archive(str(rt.info.now.year), archives())
        event = Event(event=ROTATE, detail={"archive": name.rsplit("/", 1)[-1]})
        rt.ledger.record(rt.info, Decision(events=[event], archive=name), ())
        return name
