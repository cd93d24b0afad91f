"""The files of a workspace as one thing. The order in which they are written is known here and nowhere else.

A run that writes: journal, marker, (effects on clones), decision in the journal, audit log, overrides, state, lock,
manifest, marker removed, journal removed. Whoever is killed in between leaves a journal, and the next writer goes on
from it: a decision is written out again, which changes nothing that is there already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Lock as Mutex

from git_hybrid.core.approval import Verify
from git_hybrid.core.audit import Event
from git_hybrid.core.errors import HybridError, InvalidFile, LocalIo, Overtaken
from git_hybrid.core.files import MARKER
from git_hybrid.core.ids import SourceName
from git_hybrid.core.plan import Snapshot, Task
from git_hybrid.core.reducer import Decision, Files, RunInfo, intent_of, with_leftovers
from git_hybrid.core.value import field, replace
from git_hybrid.core.words import again_line
from git_hybrid.store import reading, runs
from git_hybrid.store.decisions import Line, decision_line
from git_hybrid.store.durable import make_folder, remove_file
from git_hybrid.store.filelock import Held, writer_lock
from git_hybrid.store.inplace import Facts, as_group, facts_of, require_manifest, require_place
from git_hybrid.store.layout import refuse_links
from git_hybrid.store.leftovers import (
    journals_of,
    of_runs,
    remove_journals,
    remove_leftovers,
    remove_stray_journals,
    restore_ignores,
)
from git_hybrid.store.logreader import LogReader
from git_hybrid.store.snapshots import read_snapshot
from git_hybrid.turn import TURN


class FileLedger(LogReader):
    """The ledger of one workspace on disk (:class:`git_hybrid.core.ports_ledger.Ledger`).

    ``cancelled`` returns the number of a signal that asks to stop, or 0; ``clean_quarantine`` removes what dead runs
    left below ``sources/.incoming/``, ``close_quarantine`` what this run staged. ``verify`` checks the
    signature of an approval. ``tracked`` returns what git has of markers and journals.
    """

    lock_timeout: timedelta
    cancelled: Callable[[], int]
    clean_quarantine: Callable[[], Sequence[str]]
    close_quarantine: Callable[[], None]
    verify: Verify = lambda _text, _key, _armour: False
    tracked: Callable[[], Sequence[str]] = tuple
    finished: Decision = field(default_factory=Decision)
    finished_by: str = ""
    _journal: Path | None = None
    _tasks: tuple[Task, ...] = field(default=())
    has_recorded: bool = False
    _installing: set[SourceName] = field(default_factory=set)
    _decided: bool = False
    _intent: Event | None = None
    _held: Held | None = None
    _began: Facts | None = None
    _notes: list[str] = field(default_factory=list)
    _removed: Sequence[str] = ()
    _seen: Files | None = None
    _announcing: Mutex = field(default_factory=Mutex)
    _appending: Mutex = field(default_factory=Mutex)

    @contextmanager
    def writer(self, info: RunInfo, *, gives_up: bool = False, settles: bool = True) -> Iterator[Sequence[str]]:
        """Hold the writer lock for the block and yield what was mended first, and then left unwritten, in words.

        With *gives_up* a marker or journal that nobody can read, or that git has, is dropped. Unless it
        *settles*, what an earlier run has decided is left to the next writer.

        Raises:
            WorkspaceGone: there is no manifest any more, and nothing is made where it was.
            LockBusy: another writer does not end in time.
            InvalidFile: marker or journal of an earlier run cannot be read, or git has it; or the audit log is lost.
            GitRefused: git does not say whether it has one.
            LogWithoutRun: the audit log is not that in which an earlier run announced what it has decided.
        """
        self.require_place()
        require_manifest(self.layout)
        refuse_links(self.layout)
        with as_group(self.layout.sources_folder), self._locked(info) as self._held:
            self._notes = []
            try:
                self._removed = remove_leftovers(self.layout)
                self._notes += [f"removed {name}, which an interrupted run left" for name in self._removed]
                reading.require_log(self.layout)
                if settles:
                    self._notes += [*self._settled(gives_up=gives_up), *self.clean_quarantine()]
                yield self._notes
                restore_ignores(self.layout)
            except HybridError as error:
                error.after_mending(self._notes)
                raise
            finally:
                # Before the lock goes: the next writer would take what is being removed for a dead run's.
                self.close_quarantine()

    @contextmanager
    def _locked(self, info: RunInfo) -> Iterator[Held]:
        make_folder(self.layout.sources_folder)
        make_folder(self.layout.state_folder)
        path, timeout = self.layout.writer_lock, self.lock_timeout
        with writer_lock(path, timeout=timeout, command=info.command, now=info.now, cancelled=self.cancelled) as held:
            yield held

    def _settled(self, *, gives_up: bool) -> list[str]:
        try:
            return self._settle(gives_up=gives_up)
        except InvalidFile as error:
            if not gives_up or not error.path.startswith((MARKER, runs.JOURNALS_SHOWN)):
                raise
            self.forget()
            return [f"dropped {error.path}, from which no run can go on: git hybrid status shows what is half done"]

    def _settle(self, *, gives_up: bool) -> list[str]:
        """Write out a decision that an earlier run did not bring to its end, or drop it where it can be given up."""
        run = runs.read_marker(self.layout.marker)
        if run is None and not of_runs(self.layout):
            return []
        if self.tracked():
            raise runs.in_git(self.layout)
        notes = remove_stray_journals(self.layout, keep=run)
        if run is None:
            return notes
        journal = runs.open_journal(self.layout, run)
        if journal.decision is not None:
            self._journal, self._tasks = self.layout.journal(journal.info.run), journal.tasks
            from git_hybrid.store.overtaking import finished, given_up

            info, decision, done = journal.info, journal.decision, set[SourceName]()
            if not (dropped := given_up(self, decision, info, gives_up=gives_up)):
                told, left = self._write_out(info, decision)
                done, self.finished, self.finished_by = {*decision.entries, *decision.done}, decision, info.command
                notes += [*told, *finished(info, left, told)]
            self._append(self._journal, runs.recorded_line(tuple(done)))
            notes += dropped
            journal = runs.open_journal(self.layout, run)
        if not journal.tasks:
            self.forget()
        return notes

    def snapshot(self) -> Snapshot:
        """Return manifest, lock, state and what is unfinished.

        Raises:
            InvalidFile, NewerSchema: one of the files is not in its format, or a newer version wrote it.
        """
        self._began = self._began or facts_of(self.layout.root)
        snapshot = read_snapshot(self.layout, self.now, self.verify)
        self._seen = Files(lock=snapshot.lock, overrides=snapshot.overrides, mirrors=snapshot.mirrors)
        return snapshot

    def steady(self) -> Snapshot:
        """Return :meth:`snapshot` as of a time when no run is half way through the files (:func:`steady.steady`)."""
        from git_hybrid.store.steady import steady

        return steady(self.layout, self.snapshot, patience=self.lock_timeout)

    def begin(self, info: RunInfo, tasks: Sequence[Task], intent: Event | None = None) -> None:
        """Write the journal and then the marker of a run, before its first effect.

        *intent* goes into the audit log when the first clone is about to be changed.

        Raises:
            LocalIo: the file system refused; nothing was begun.
        """
        self.require_place()
        self._journal = self.layout.journal(info.run)
        self._tasks, self._decided, self._intent = tuple(tasks), False, intent
        runs.begin_journal(self._journal, info, self._tasks)
        runs.write_marker(self.layout.marker, info, self._tasks)
        # A run that takes over from an unfinished one, or goes on after it: all that was left of that is in *tasks*.
        for path in journals_of(self.layout):
            if path != self._journal:
                remove_file(path)

    def _append(self, path: Path, line: Line) -> None:
        # Sources are worked on in threads: while one mends a torn line, no other may append.
        with TURN.held_with(self._appending):
            self.require_place()
            runs.append_lines(path, [line])

    def require_place(self) -> None:
        """Raise WorkspaceGone if the workspace is no longer where it was read or locked: others may write there now."""
        require_place(self.layout.root, self._began, self._held)

    def installing(self, info: RunInfo, name: SourceName, served_by: str | None) -> None:
        """Write into the journal that the working tree of a source is about to be changed."""
        self._announce(info)
        self._append(self.layout.journal(info.run), runs.installing_line(name, served_by))
        self._installing.add(name)

    def _announce(self, info: RunInfo) -> None:
        """Write into the audit log what the run is about to do, once."""
        with TURN.held_with(self._announcing):
            if self._intent is not None:
                self.require_place()
                from git_hybrid.store.writing import announce

                announce(self.layout, info, with_leftovers(self._intent, self._removed))
                # Where this fails, the source that comes next is not changed without it either.
                self._intent, self._removed = None, ()

    def attempt(self, info: RunInfo, name: str, error: str) -> None:
        """Write one failed try of a network step into the journal of a run that was begun."""
        if self._journal is not None and self._journal == self.layout.journal(info.run):
            self._append(self._journal, runs.attempt_line(name, error))

    def record(self, info: RunInfo, decision: Decision, pending: Sequence[Task]) -> None:
        """Write *decision* into the journal and then into the files; close the run unless sources are *pending*.

        Raises:
            DecidedOnly: the file system refused; the next writer finishes the decision.
            SymlinkRefused, InvalidFile: a report cannot be written or removed; nothing was begun.
            LocalIo: it refused before there was one.
            Overtaken: the files have something else by now than the run had read; that stands.
            LogWithoutRun: the audit log in which the run announced it was taken away; its journal keeps the decision.
        """
        if decision.reports or decision.dropped:
            from git_hybrid.store.reports import require_places

            require_places(self.layout, decision)
        self._decided, is_written = False, False
        if decision.is_shared and self._seen is not None:
            from git_hybrid.store.overtaking import with_base

            decision = with_base(self.layout, decision, self._seen, info)
        if self._journal is None:
            self.begin(info, (), None if self.is_announced(info) else intent_of(info, decision))
        elif decision.is_shared and self._intent is None and not self.is_announced(info):
            self._intent = intent_of(info, decision)
        if decision.events:
            self._announce(info)
            # What changes no pin and no clone is not announced: its own record tells.
            first, *others = decision.events
            decision = replace(decision, events=(with_leftovers(first, self._removed), *others))
            self._removed = ()
        decision = replace(decision, done={task.name for task in self._tasks} - {task.name for task in pending})
        try:
            self._append(self.layout.journal(info.run), decision_line(decision))
            self._decided = True
            told, left = self._write_out(info, decision)
            self.has_recorded = True
            self._notes += told
            is_written = not pending
            self._close(info, decision, pending)
        except (LocalIo, OSError) as error:
            self.require_place()  # Where the lock is gone, so may the journal be, and nobody goes on with it.
            if not self.is_decided(info, at_worst=False):
                raise
            from git_hybrid.store.records import decided_only

            raise decided_only(error, is_written=is_written) from error
        if left:
            raise Overtaken(names=tuple(sorted(left)), again=again_line(info.command), is_partly=True)

    def _close(self, info: RunInfo, decision: Decision, pending: Sequence[Task]) -> None:
        if pending:
            self._append(self.layout.journal(info.run), runs.recorded_line(tuple(decision.done)))
            runs.write_marker(self.layout.marker, info, tuple(pending), self._installing)
        else:
            self.forget()

    def is_decided(self, info: RunInfo, *, at_worst: bool = True) -> bool:
        """Tell whether this run has decided; *at_worst* is said where its journal, which may be gone, is unreadable."""
        return self._decided or runs.has_decision(self.layout.journal(info.run), at_worst=at_worst)

    def _write_out(self, info: RunInfo, decision: Decision) -> tuple[list[str], frozenset[str]]:
        """Write *decision* into the files; return notes, and of which sources and mirrors others wrote since."""
        from git_hybrid.store.writing import write_out

        written = write_out(self.layout, info, decision)
        self._seen = None if self._seen is None else written.files
        return [*written.notes], written.left

    def forget(self) -> None:
        """Remove the marker, then every journal of a run.

        Raises:
            LocalIo: the file system refused.
        """
        self.require_place()
        remove_file(self.layout.marker)
        remove_journals(self.layout)
        self._journal, self._tasks = None, ()
