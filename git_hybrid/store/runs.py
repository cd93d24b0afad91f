"""The journal of one run and the marker ``state/resume.json``.

The journal (``state/journal/<run>.jsonl``) is written before the first effect of a run: what it will do, how far each
source came, and in the end the decision that goes into the files. The marker says that a run is open; it comes after
the journal and goes before it, so a marker without a journal never is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from git_hybrid.core.audit import Event
from git_hybrid.core.errors import InvalidFile, NewerSchema, Problem
from git_hybrid.core.ids import InvalidText, RunId, SourceName, parse_name, parse_oid, parse_run_id
from git_hybrid.core.manifest import Defaults, Source, track_field
from git_hybrid.core.plan import Action, Phase, Task, Unfinished
from git_hybrid.core.reducer import Decision, ManifestEdit, RunInfo
from git_hybrid.core.value import Struct, field
from git_hybrid.core.values import format_time, parse_time
from git_hybrid.store.durable import append_file, drop_torn_line, make_folder, write_file
from git_hybrid.store.lockfile import decode_pin, encode_pin
from git_hybrid.store.manifest import decode_source
from git_hybrid.store.parsing import check_version, load_json, read_bytes
from git_hybrid.store.statefile import decode_entry, encode_entry, encode_json

VERSION = 1
MARKER_SHOWN = "state/resume.json"
_ABORT = "git hybrid resume --abort"
Line = dict[str, Any]


class Journal(Struct, frozen=True, kw_only=True):
    """What the journal of an open run says. ``decision`` is there when writing the files had begun."""

    info: RunInfo
    tasks: tuple[Task, ...] = ()
    phases: Mapping[SourceName, Phase] = field(default_factory=dict)
    served_by: Mapping[SourceName, str] = field(default_factory=dict)
    decision: Decision | None = None

    def unfinished(self) -> Unfinished:
        """Return the part of the journal that is about sources."""
        return Unfinished(
            run=self.info.run,
            command=self.info.command,
            started_at=self.info.now,
            operator=self.info.operator,
            tasks=self.tasks,
            phases=self.phases,
            served_by=self.served_by,
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
        "pin": _plain_pin(encode_pin(task.pin)),
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


def _plain_pin(pin: Line) -> Line:
    return {key: format_time(value) if isinstance(value, datetime) else value for key, value in pin.items()}


def phase_line(name: SourceName, phase: Phase, served_by: str | None) -> Line:
    """Return the line that says how far one source came."""
    return {"t": "phase", "source": name, "phase": phase, "served_by": served_by}


def attempt_line(name: str, error: str) -> Line:
    """Return the line that keeps one failed try of a network step."""
    return {"t": "attempt", "source": name, "error": error}


def decision_line(decision: Decision) -> Line:
    """Return the line after which the run is decided: its files are written, again if need be."""
    manifest = decision.manifest
    overrides, mirrors = list[Line](), list[Line]()
    if decision.overrides:
        from git_hybrid.store.overridefile import encode_override

        overrides = [encode_override(item) for item in decision.overrides.values()]
    if decision.mirrors:
        from git_hybrid.store.mirrorfile import encode_mirror

        mirrors = [encode_mirror(entry) for entry in decision.mirrors.values()]
    return {
        "t": "decision",
        "events": [_encode_event(event) for event in decision.events],
        "entries": [encode_entry(entry) for entry in decision.entries.values()],
        "pins": {name: _plain_pin(encode_pin(pin)) for name, pin in decision.pins.items()},
        "dropped": sorted(decision.dropped),
        "overrides": overrides,
        "archive": decision.archive,
        "mirrors": mirrors,
        "dropped_mirrors": sorted(decision.dropped_mirrors),
        "manifest": manifest and {"before_sha256": manifest.before_sha256, "text": manifest.text},
        "reports": dict(decision.reports),
    }


def _encode_event(event: Event) -> Line:
    detail = dict(event.detail) if event.detail is not None else None
    return {
        "event": event.event,
        "source": event.source,
        "before": event.before,
        "after": event.after,
        "detail": detail,
    }


def recorded_line(names: tuple[SourceName, ...]) -> Line:
    """Return the line that says that the decision is in the files."""
    return {"t": "recorded", "sources": sorted(names)}


def append_lines(path: Path, lines: list[Line]) -> None:
    """Append *lines* to the journal at *path*, durably; a line that was torn before does not swallow them.

    Raises:
        LocalIo: the file system refused.
    """
    make_folder(path.parent)
    drop_torn_line(path)
    append_file(path, b"".join(json.dumps(line, sort_keys=True).encode("utf-8") + b"\n" for line in lines))


def write_marker(path: Path, info: RunInfo, tasks: tuple[Task, ...], phases: Mapping[SourceName, Phase]) -> None:
    """Write the marker at *path*: which sources the run still has, their commits and phases."""
    sources = [
        {
            "name": task.name,
            "action": task.action,
            "from_commit": task.before,
            "to_commit": task.pin.commit,
            "phase": phases.get(task.name, "pending"),
        }
        for task in tasks
    ]
    head = {"schema_version": VERSION, "run": info.run, "command": info.command, "operator": info.operator}
    document = {**head, "started_at": format_time(info.now), "phase": "applying", "sources": sources}
    write_file(path, encode_json(document))


def read_marker(path: Path) -> RunId | None:
    """Return the run that the marker at *path* names, or None if there is no marker.

    Raises:
        InvalidFile: the marker is no marker.
        NewerSchema: a newer version wrote it.
    """
    data = read_bytes(path, MARKER_SHOWN)
    if data is None:
        return None
    try:
        document = load_json(data, MARKER_SHOWN)
        check_version(document, key="schema_version", known=VERSION, shown=MARKER_SHOWN)
        return parse_run_id(str(document.get("run")))
    except InvalidFile as error:
        raise InvalidFile(path=MARKER_SHOWN, problems=error.problems, mend=_ABORT) from error
    except InvalidText as error:
        raise InvalidFile(path=MARKER_SHOWN, problems=(Problem("run", str(error)),), mend=_ABORT) from error


def read_journal(path: Path, shown: str) -> Journal | None:
    """Return what the journal at *path* says, or None if nothing was begun; a torn last line does not count.

    Raises:
        InvalidFile: a whole line is not what this program writes.
    """
    data = read_bytes(path, shown) or b""
    try:
        lines = [load_json(line, shown) for line in data.split(b"\n")[:-1] if line]
        return _fold(lines) if lines else None
    except InvalidFile as error:
        raise InvalidFile(path=shown, problems=error.problems, mend=_ABORT) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        problem = Problem("journal", f"is not what this program writes ({error})")
        raise InvalidFile(path=shown, problems=(problem,), mend=_ABORT) from error


def _fold(lines: list[Line]) -> Journal:
    first = lines[0]
    if first["v"] > VERSION:
        raise NewerSchema(path="state/journal", found=first["v"], known=VERSION)
    info = RunInfo(
        run=parse_run_id(first["run"]),
        command=first["command"],
        now=parse_time(first["started_at"]),
        operator=first["operator"],
        log_id=first["log_id"],
    )
    tasks = tuple(_decode_task(task) for task in first["tasks"])
    phases: dict[SourceName, Phase] = {}
    served: dict[SourceName, str] = {}
    recorded: set[str] = set()
    decision: Decision | None = None
    for line in lines[1:]:
        match line["t"]:
            case "phase":
                phases[line["source"]] = line["phase"]
                if line["served_by"]:
                    served[line["source"]] = line["served_by"]
            case "decision":
                decision = _decode_decision(line)
            case "recorded":
                decision = None
                recorded.update(line["sources"])
            case _:
                continue
    left = tuple(task for task in tasks if task.name not in recorded)
    return Journal(info=info, tasks=left, phases=phases, served_by=served, decision=decision)


def _decode_task(line: Line) -> Task:
    name = parse_name(line["name"])
    action: Action = line["action"]
    before = None if line["before"] is None else parse_oid(line["before"])
    problems: list[Problem] = []
    source = decode_source(name, line["source"], Defaults(), name, problems)
    pin = decode_pin(name, _timed_pin(line["pin"]), name, problems)
    if source is None or pin is None:
        raise ValueError(problems[0].reason)
    return Task(source=source, pin=pin, action=action, before=before)


def _timed_pin(pin: Line) -> Line:
    return {key: parse_time(value) if key in ("commit_time", "first_seen") else value for key, value in pin.items()}


def _decode_decision(line: Line) -> Decision:
    from git_hybrid.store.mirrorfile import decode_mirror
    from git_hybrid.store.overridefile import decode_override

    problems: list[Problem] = []
    entries = [decode_entry(entry, "entry", problems) for entry in line["entries"]]
    pins = {
        parse_name(raw): decode_pin(parse_name(raw), _timed_pin(pin), raw, problems)
        for raw, pin in line["pins"].items()
    }
    overrides = [decode_override(item, "override", problems) for item in line.get("overrides", [])]
    mirrors = [decode_mirror(entry, "mirror", problems) for entry in line.get("mirrors", [])]
    if problems:
        raise ValueError(problems[0].reason)
    manifest = line["manifest"]
    return Decision(
        events=tuple(Event(**event) for event in line["events"]),
        entries={entry.name: entry for entry in entries if entry is not None},
        pins={name: pin for name, pin in pins.items() if pin is not None},
        dropped=frozenset(parse_name(raw) for raw in line["dropped"]),
        overrides={item.id: item for item in overrides if item is not None},
        archive=line.get("archive"),
        manifest=manifest and ManifestEdit(before_sha256=manifest["before_sha256"], text=manifest["text"]),
        reports={parse_name(raw): str(digest) for raw, digest in line.get("reports", {}).items()},
        mirrors={entry.name: entry for entry in mirrors if entry is not None},
        dropped_mirrors=frozenset(line.get("dropped_mirrors", [])),
    )


def no_journal(run: RunId) -> InvalidFile:
    """Return the error for a marker whose journal is gone."""
    problem = Problem("run", f"names the run {run}, whose journal is not there")
    return InvalidFile(path=MARKER_SHOWN, problems=(problem,), mend=_ABORT)
