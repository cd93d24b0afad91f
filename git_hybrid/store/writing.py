"""Write what a run has decided into the files of its workspace, and before that into the audit log that it will."""

from __future__ import annotations

from collections.abc import Sequence

from git_hybrid.core.audit import Event, Record, extend
from git_hybrid.core.reducer import Decision, Files, RunInfo, to_records
from git_hybrid.core.value import Struct
from git_hybrid.store.chain import append_records, is_rotated, read_log
from git_hybrid.store.layout import Layout
from git_hybrid.store.meanwhile import Watch, undisturbed
from git_hybrid.store.overtaking import require_announced
from git_hybrid.store.records import write_records
from git_hybrid.store.snapshots import read_files


class Written(Struct, frozen=True):
    """What is said of a decision that was written out: notes, and of which sources and mirrors others wrote since.

    ``files`` are what the files say then.
    """

    notes: Sequence[str]
    left: frozenset[str]
    files: Files


def announce(layout: Layout, info: RunInfo, intent: Event) -> None:
    """Append *intent* to the audit log.

    Raises:
        LocalIo, InvalidFile: the log cannot be read or written.
    """

    def once() -> None:
        watch = Watch(layout.audit)
        append_records(layout.audit, _extended(layout, info, intent), watch)

    undisturbed(once)


def _extended(layout: Layout, info: RunInfo, intent: Event) -> tuple[Record, ...]:
    who = {"operator": info.operator, "command_id": info.run, "log_id": info.log_id}
    return extend(read_log(layout.audit).tail, [intent], at=info.now, **who)


def write_out(layout: Layout, info: RunInfo, decision: Decision) -> Written:
    """Write *decision* of the run *info* into the files; again, it changes nothing that is there already.

    Where others write there meanwhile, it is written into what they have left.

    Raises:
        LogWithoutRun: they have taken away the audit log in which the run announced it.
        LocalIo: the file system refused, or they do not end.
        InvalidFile, NewerSchema: a file is not in its format.
    """
    return undisturbed(lambda: _write_out(layout, info, decision))


def _write_out(layout: Layout, info: RunInfo, decision: Decision) -> Written:
    watch = Watch(layout.audit, layout.overrides, layout.state, layout.lock, layout.mirrors, layout.manifest)
    notes, left, log = list[str](), frozenset[str](), read_log(layout.audit)
    written = [record for record in log.records if record["command_id"] == info.run]
    require_announced(decision, info, written)
    files = read_files(layout)
    if decision.base:
        from git_hybrid.core.overtaken import overtaken, remaining

        left, decision = overtaken(decision, files), remaining(decision, files, written=written)
    # Reports come first: what the state says of a scan is never without the report that it names.
    if decision.reports or decision.dropped:
        from git_hybrid.store.reports import place_reports

        watch.require()
        notes = place_reports(layout, decision, info.run)
    records = to_records(decision, files, tail=log.tail, written=written, info=info)
    if decision.archive is None or not is_rotated(log.records, info):
        append_records(layout.audit, records.audit, watch)
        notes += write_records(layout, records, watch)
        if decision.archive is not None:
            from git_hybrid.store.rotating import rotate

            rotate(layout.audit, layout.root / decision.archive, info, watch)
        # The journal, from which all this could be done again, goes next.
        watch.require()
    return Written(notes, left, records.over(files))
