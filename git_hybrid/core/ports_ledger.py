"""The port through which use cases read and write the files of a workspace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from git_hybrid.core.audit import Event, Record
from git_hybrid.core.ids import Oid, RefName, SourceName, Url
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Source
from git_hybrid.core.mirrors import Inventory
from git_hybrid.core.moves import Move
from git_hybrid.core.plan import Snapshot, Task, Unfinished
from git_hybrid.core.reducer import Decision, RunInfo
from git_hybrid.core.value import Struct


class Head(Struct, frozen=True):
    """What the newest commit of the repository has: the audit log as it was written, and the pins of the lock."""

    log: bytes
    pins: Mapping[SourceName, Pin]

    def has(self, record: Record) -> bool:
        """Tell whether *record* is committed, and not only brought by a merge that is under way."""
        return f'"hash":"{record["hash"]}"'.encode() in self.log


class Ledger(Protocol):
    """The files of the workspace. The only thing that knows the order in which they are written."""

    def writer(
        self, info: RunInfo, *, gives_up: bool = False, settles: bool = True
    ) -> AbstractContextManager[Sequence[str]]:
        """Hold the writer lock and mend what an earlier writer left (*gives_up*: or drop it); yields what was done.

        Unless it *settles*, what that has decided is left to the next one.
        """
        ...

    @property
    def finished(self) -> Decision:
        """What an earlier run had decided, and the writer found left to be written; an empty one as a rule."""
        ...

    @property
    def has_recorded(self) -> bool:
        """Whether this run has written anything that it decided."""
        ...

    @property
    def finished_by(self) -> str:
        """The command that had decided it, as it was typed; nothing where there was none."""
        ...

    def require_place(self) -> None:
        """Raise unless the workspace is where it was read or locked: whatever fails then fails for that reason."""

    def snapshot(self) -> Snapshot:
        """Return everything that the files say."""
        ...

    def steady(self) -> Snapshot:
        """Return everything that the files say at a time when no run is half way through them.

        Raises:
            UnfinishedRun: one was stopped there; what they say together proves nothing.
            LockBusy: somebody writes them all the time.
        """
        ...

    def unfinished(self) -> Unfinished | None:
        """Return the run that has sources left."""
        ...

    def at_work(self, run: Unfinished) -> str:
        """Return who is at work on *run* at this moment, in words; nothing if nobody is. The lock is not touched."""
        ...

    def manifest_text(self) -> str:
        """Return the manifest as it stands."""
        ...

    def begin(self, info: RunInfo, tasks: Sequence[Task], intent: Event | None = None) -> None:
        """Write journal and marker: from here the run is never forgotten; *intent* is audited before any effect."""
        ...

    def installing(self, info: RunInfo, name: SourceName, served_by: str | None) -> None:
        """Write that the working tree of a source is about to be changed."""
        ...

    def is_announced(self, info: RunInfo) -> bool:
        """Tell whether the audit log says already what this run is about to do."""
        ...

    def attempt(self, info: RunInfo, name: str, error: str) -> None:
        """Write one failed try of a network step into the journal, if there is one."""
        ...

    def record(self, info: RunInfo, decision: Decision, pending: Sequence[Task]) -> None:
        """Write the decision into the files; the marker stays only for what is *pending*."""
        ...

    def is_decided(self, info: RunInfo) -> bool:
        """Tell whether the journal holds a decision of this run, which the next writer would carry out."""

    def first_seen(self, name: SourceName, commit: Oid) -> datetime | None:
        """Return when the audit log first says that upstream had the commit, or None if it never did.

        That is no earlier than the records which the one that says so follows.
        """
        ...

    def seen(self, name: SourceName) -> Sequence[tuple[Oid, RefName]]:
        """Return each commit that the audit log names of a source, with the ref it came by, the last one first."""
        ...

    def require_archives(self) -> None:
        """Raise unless the audit log has all that it goes on from: what is decided by its past may be in an archive."""

    def last_pins(self, name: SourceName, url: Url) -> tuple[Pin, ...]:
        """Return where the audit log has the pin of a source last; *url* is its URL where the log tells none."""
        ...

    def sides(self, name: SourceName) -> tuple[Record, ...]:
        """Return the last records of a pin that several branches moved, each elsewhere; nothing where one counts."""
        ...

    def believed(self, inventory: Inventory) -> Inventory:
        """Return *inventory* with nothing known of how fresh those mirrors are that the audit log does not bear out."""
        ...

    def former_pins(self, name: SourceName, url: Url, ref: RefName | None = None) -> tuple[Pin, ...]:
        """Return the last pins of a source that were of *url*, and of *ref*, since it last began anew."""
        ...

    def left_pins(self, source: Source) -> tuple[Pin, ...]:
        """Return the pins that *source*, as its entry is now, left without an override by following something else."""
        ...

    def leave_out(self, pins: Mapping[SourceName, Pin], installed: Mapping[SourceName, Oid]) -> frozenset[SourceName]:
        """Do not count from now on those last records of *pins* that only came along with a picked commit.

        Those are returned of which the log tells more than where they stand, so that they may be misplaced.
        *installed* is where each source is installed, which counts however it came there.
        """
        ...

    def left_out(self, name: SourceName) -> frozenset[str]:
        """Return the hashes of the records of a source that do not count."""
        ...

    def misplaced(self, pins: Mapping[SourceName, Pin]) -> frozenset[SourceName]:
        """Return which of *pins* the audit log has elsewhere last."""
        ...

    def moved_tags(
        self, pins: Mapping[SourceName, Pin], sources: Mapping[SourceName, Source]
    ) -> Mapping[SourceName, str]:
        """Return the commit of those of *pins* by the same tag before it was moved without an override."""
        ...

    def bare_moves(
        self, pins: Mapping[SourceName, Pin], sources: Mapping[SourceName, Source]
    ) -> Mapping[SourceName, str]:
        """Return the commit of those of *pins* that were moved from there as ``pin`` does by an override alone."""
        ...

    def last_moves(self, pins: Mapping[SourceName, Pin]) -> Mapping[SourceName, Move]:
        """Return the record that put each of *pins* where it is, as far as the audit log has it."""
        ...
