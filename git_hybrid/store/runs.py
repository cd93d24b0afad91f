"""The journal of one run and the marker ``state/resume.json``.

The journal (``state/journal/<run>.jsonl``) is written before the first effect of a run: what it will do, how far each
source came, and in the end the decision that goes into the files. The marker says that a run is open; it comes after
the journal and goes before it, so a marker without a journal never is, but by somebody else's hand.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from git_hybrid.core.errors import HybridError, InvalidFile, NewerSchema, Problem
from git_hybrid.core.files import MARKER
from git_hybrid.core.ids import InvalidText, RunId, SourceName, parse_name, parse_oid, parse_run_id
from git_hybrid.core.manifest import Defaults, Source, track_field
from git_hybrid.core.plan import Phase, Task, Unfinished
from git_hybrid.core.reducer import Decision, RunInfo
from git_hybrid.core.value import Struct, field
from git_hybrid.core.values import format_time, parse_time
from git_hybrid.store.decisions import Line, decode_decision, plain_pin, shaped_line, timed_pin
from git_hybrid.store.durable import append_file, drop_torn_line, make_folder, write_file
from git_hybrid.store.layout import Layout
from git_hybrid.store.lockfile import decode_pin, encode_pin
from git_hybrid.store.manifest import decode_source
from git_hybrid.store.parsing import check_version, encode_json, load_json, read_bytes

if TYPE_CHECKING:
    from git_hybrid.store.wire_journal import TaskShape

VERSION = 1
JOURNALS_SHOWN = "state/journal/"
_ABORT = "git hybrid resume --abort"
_UNTRACK = f"git rm -r --cached --ignore-unmatch -- {MARKER} {JOURNALS_SHOWN.removesuffix('/')}"


class Journal(Struct, frozen=True, kw_only=True):
    """What the journal of an open run says. ``decision`` is there when writing the files had begun."""

    info: RunInfo
    tasks: tuple[Task, ...] = ()
    phases: Mapping[SourceName, Phase] = field(default_factory=dict)
    served_by: Mapping[SourceName, str] = field(default_factory=dict)
    failures: Mapping[SourceName, str] = field(default_factory=dict)
    decision: Decision | None = None

    def unfinished(self) -> Unfinished:
        """Return the part of the journal that is about sources."""
        return Unfinished(
            run=self.info.run,
            command=self.info.command,
            started_at=self.info.now,
            tasks=self.tasks,
            phases=self.phases,
            served_by=self.served_by,
            failures=self.failures,
            is_unwritten=self.decision is not None,
            decided=frozenset() if self.decision is None else self.decision.sources,
        )


def begin_line(info: RunInfo, tasks: tuple[Task, ...]) -> Line:
    """Return the first line of a journal."""
    return {
        "t": "begin",
        "v": VERSION,
        "run": info.run,
        "command": info.command,
        "operator": info.operator,
        "started_at": format_time(info.now),
        "log_id": info.log_id,
        "tasks": [_encode_task(task) for task in tasks],
    }


def _encode_task(task: Task) -> Line:
    return {
        "name": task.name,
        "action": task.action,
        "before": task.before,
        "source": _encode_source(task.source),
        "pin": plain_pin(encode_pin(task.pin)),
    }


def _encode_source(source: Source) -> Line:
    key, value = track_field(source.track)
    return {
        "url": str(source.url),
        key: value,
        "groups": list(source.groups),
        "history": source.history,
        "submodules": source.submodules,
        "lfs": source.lfs,
    }


def installing_line(name: SourceName, served_by: str | None) -> Line:
    """Return the line that says that the working tree of a source is about to be changed."""
    return {"t": "phase", "source": name, "phase": "installing", "served_by": served_by}


def attempt_line(name: str, error: str) -> Line:
    """Return the line that keeps one failed try of a network step, or what a source failed with in the end."""
    return {"t": "attempt", "source": name, "error": error}


def recorded_line(names: tuple[SourceName, ...]) -> Line:
    """Return the line that says that the decision is in the files."""
    return {"t": "recorded", "sources": sorted(names)}


def begin_journal(path: Path, info: RunInfo, tasks: tuple[Task, ...]) -> None:
    """Write the first line of the journal at *path*, durably, in place of all that it may say already.

    Raises:
        LocalIo: the file system refused.
    """
    line = begin_line(info, tasks)
    if path.exists():
        write_file(path, _encoded([line]))
    else:
        # Whoever may write in state/ has to be able to read it, and to go on with it.
        make_folder(path.parent, shared=True)
        append_file(path, _encoded([line]), shared=True)


def append_lines(path: Path, lines: list[Line]) -> None:
    """Append *lines* to the journal at *path*, durably; a line that was torn before does not swallow them.

    Raises:
        LocalIo: the file system refused, or no journal is there: without its first line nobody could read it.
    """
    drop_torn_line(path)
    append_file(path, _encoded(lines), new=False)


def _encoded(lines: list[Line]) -> bytes:
    import json

    return b"".join(json.dumps(line, sort_keys=True).encode("utf-8") + b"\n" for line in lines)


def write_marker(
    path: Path, info: RunInfo, tasks: tuple[Task, ...], installing: Collection[SourceName] = frozenset()
) -> None:
    """Write the marker at *path*: which sources the run still has, their commits, and how far each is by now."""
    sources = [
        {"name": task.name, "action": task.action, "phase": "installing" if task.name in installing else "pending"}
        | {"from_commit": task.before, "to_commit": task.pin.commit}
        for task in tasks
    ]
    head = {"schema_version": VERSION, "run": info.run, "command": info.command, "operator": info.operator}
    document = {**head, "started_at": format_time(info.now), "sources": sources}
    write_file(path, encode_json(document), shared=True)


def read_marker(path: Path) -> RunId | None:
    """Return the run that the marker at *path* names, or None if there is no marker.

    Raises:
        InvalidFile: the marker is no marker.
        NewerSchema: a newer version wrote it.
    """
    data = read_bytes(path, MARKER)
    if data is None:
        return None
    try:
        document = load_json(data, MARKER)
        check_version(document, known=VERSION, shown=MARKER)
        return parse_run_id(str(document.get("run")))
    except InvalidFile as error:
        raise InvalidFile(path=MARKER, problems=error.problems, mend=_ABORT) from error
    except InvalidText as error:
        raise InvalidFile.at(MARKER, "run", str(error), mend=_ABORT) from error


def read_unfinished(layout: Layout) -> Unfinished | None:
    """Return the run that has sources left, or files to write; None if there is none.

    Raises:
        InvalidFile, NewerSchema: its marker or its journal cannot be read, or the journal is gone.
    """
    run = read_marker(layout.marker)
    journal = None if run is None else journal_of(layout, run)
    # A reader takes no lock: the writer may have ended its run since, and the marker goes first.
    if run is not None and journal is None and read_marker(layout.marker) == run:
        journal = open_journal(layout, run)
    is_open = journal is not None and (journal.tasks or journal.decision is not None)
    return journal.unfinished() if journal is not None and is_open else None


def read_journal(path: Path, shown: str) -> Journal | None:
    """Return what the journal at *path* says, or None if nothing was begun; a torn last line does not count.

    Raises:
        InvalidFile: a whole line is not what this program writes.
    """
    data = read_bytes(path, shown) or b""
    try:
        lines = [load_json(line, shown, fractions=False) for line in data.split(b"\n")[:-1] if line]
        return _fold(lines) if lines else None
    except InvalidFile as error:
        raise InvalidFile(path=shown, problems=error.problems, mend=_ABORT) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidFile.at(shown, "journal", f"is not what this program writes ({error})", mend=_ABORT) from error


def has_decision(path: Path, *, at_worst: bool) -> bool:
    """Tell whether the journal at *path* holds a decision; *at_worst* is said where it cannot be read."""
    try:
        journal = read_journal(path, "state/journal")
    except HybridError:
        return at_worst
    return journal is not None and journal.decision is not None


def journal_of(layout: Layout, run: RunId) -> Journal | None:
    """Return the journal of *run*, or None if nothing was begun.

    Raises:
        InvalidFile: a line is not what this program writes, or the journal is another run's.
    """
    shown = f"{JOURNALS_SHOWN}{run}.jsonl"
    journal = read_journal(layout.journal(run), shown)
    if journal is not None and journal.info.run != run:
        raise InvalidFile.at(shown, "run", "is another one than the file names", mend=_ABORT)
    return journal


def _fold(lines: list[Line]) -> Journal:
    from git_hybrid.store.wire_journal import AttemptShape, BeginShape, PhaseShape, RecordedShape

    if lines[0]["v"] > VERSION:
        raise NewerSchema(path="state/journal", found=lines[0]["v"], known=VERSION)
    first = shaped_line(lines[0], BeginShape)
    info = RunInfo(
        run=parse_run_id(first.run),
        command=first.command,
        now=parse_time(first.started_at),
        operator=first.operator,
        log_id=first.log_id,
    )
    tasks = tuple(_decode_task(task) for task in first.tasks)
    phases: dict[SourceName, Phase] = {}
    served, failures = dict[SourceName, str](), dict[SourceName, str]()
    recorded: set[str] = set()
    decision: Decision | None = None
    for line in lines[1:]:
        match line["t"]:
            case "phase":
                name = parse_name((phase := shaped_line(line, PhaseShape)).source)
                phases[name] = phase.phase
                served |= {name: phase.served_by} if phase.served_by else {}
                # What it failed with until then was got past.
                failures.pop(name, None)
            case "attempt":
                failures |= {parse_name((kept := shaped_line(line, AttemptShape)).source): kept.error}
            case "decision":
                decision = decode_decision(line)
            case "recorded":
                decision = None
                recorded.update(shaped_line(line, RecordedShape).sources)
            case _:
                continue
    left = tuple(task for task in tasks if task.name not in recorded)
    return Journal(info=info, tasks=left, phases=phases, served_by=served, failures=failures, decision=decision)


def _decode_task(line: TaskShape) -> Task:
    name = parse_name(line.name)
    before = None if line.before is None else parse_oid(line.before)
    problems: list[Problem] = []
    source = decode_source(name, line.source, Defaults(), name, problems)
    pin = decode_pin(name, timed_pin(line.pin), name, problems)
    if source is None or pin is None:
        raise ValueError(problems[0].reason)
    return Task(source=source, pin=pin, action=line.action, before=before)


def in_git(layout: Layout) -> InvalidFile:
    """Return the error for a marker or a journal that git has: what it says was written by whoever committed it."""
    shown = MARKER if layout.marker.exists() else JOURNALS_SHOWN
    reason = "has what is of one run on one machine, so it may be somebody else's; if the run is yours: "
    return InvalidFile.at(shown, "git", reason + _UNTRACK, mend=_ABORT)


def open_journal(layout: Layout, run: RunId) -> Journal:
    """Return the journal of the *run* that the marker names.

    Raises:
        InvalidFile: as :func:`journal_of`, or it is gone.
    """
    journal = journal_of(layout, run)
    if journal is None:
        raise InvalidFile.at(MARKER, "run", f"names the run {run}, whose journal is not there", mend=_ABORT)
    return journal
