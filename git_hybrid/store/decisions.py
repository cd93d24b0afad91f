"""The decision of a run, as the journal keeps it until all files are written."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from msgspec.structs import asdict

from git_hybrid.core.audit import Event
from git_hybrid.core.errors import Problem
from git_hybrid.core.ids import parse_name
from git_hybrid.core.override import plain
from git_hybrid.core.pattern import pattern
from git_hybrid.core.reducer import Decision, ManifestEdit
from git_hybrid.core.values import format_time, parse_time
from git_hybrid.store.lockfile import decode_pin, encode_pin
from git_hybrid.store.parsing import convert
from git_hybrid.store.statefile import decode_entry, encode_entry

Line = dict[str, Any]
T = TypeVar("T")
_ARCHIVE = pattern(r"state/sources-audit\.[0-9]{4}(?:-[1-9][0-9]{0,2})?\.jsonl")
"""The path of an archive, in the one form that a rotation makes: a file is written there."""


def decision_line(decision: Decision) -> Line:
    """Return the line after which the run is decided: its files are written, again if need be."""
    mirrors = list[Line]()
    if decision.mirrors:
        from git_hybrid.store.mirrorfile import encode_mirror

        mirrors = [encode_mirror(entry) for entry in decision.mirrors.values()]
    return {
        "t": "decision",
        "events": [asdict(event) | {"detail": event.detail and dict(event.detail)} for event in decision.events],
        "entries": [encode_entry(entry) for entry in decision.entries.values()],
        "pins": {name: plain_pin(encode_pin(pin)) for name, pin in decision.pins.items()},
        "dropped": sorted(decision.dropped),
        "overrides": [plain(item) for item in decision.overrides.values()],
        "archive": decision.archive,
        "mirrors": mirrors,
        "dropped_mirrors": sorted(decision.dropped_mirrors),
        "manifest": decision.manifest and asdict(decision.manifest),
        "reports": dict(decision.reports),
        "base": decision.base,
        # What has an entry is at its end anyhow.
        "done": sorted(decision.done - decision.entries.keys()),
    }


def plain_pin(pin: Line) -> Line:
    """Return the fields of a pin as JSON has them."""
    return {key: format_time(value) if isinstance(value, datetime) else value for key, value in pin.items()}


def timed_pin(pin: Line) -> Line:
    """Return what :func:`plain_pin` returned as the fields of a pin."""
    return {key: parse_time(value) if key in ("commit_time", "first_seen") else value for key, value in pin.items()}


def shaped_line(line: Line, kind: type[T]) -> T:
    """Return *line* as *kind*, one of the shapes of a journal.

    Raises:
        ValueError: it has another shape.
    """
    problems: list[Problem] = []
    shape = convert(line, kind, "", problems)
    if shape is None:
        raise ValueError(f"{problems[0].place}: {problems[0].reason}")
    return shape


def decode_decision(line: Line) -> Decision:
    """Return the decision in a line of :func:`decision_line`.

    Raises:
        ValueError: it is none.
    """
    from git_hybrid.store.mirrorfile import decode_mirror
    from git_hybrid.store.overridefile import decode_override
    from git_hybrid.store.wire_journal import DecisionShape

    told = shaped_line(line, DecisionShape)
    if told.archive is not None and _ARCHIVE.fullmatch(told.archive) is None:
        raise ValueError("archive: is not where a rotation makes one")
    problems: list[Problem] = []
    entries = [decode_entry(entry, "entry", problems) for entry in told.entries]
    pins = {
        parse_name(raw): decode_pin(parse_name(raw), timed_pin(pin), raw, problems) for raw, pin in told.pins.items()
    }
    overrides = [decode_override(item, "override", problems) for item in told.overrides]
    mirrors = [decode_mirror(entry, "mirror", problems) for entry in told.mirrors]
    if problems:
        raise ValueError(problems[0].reason)
    return Decision(
        events=tuple(Event(**asdict(event)) for event in told.events),
        entries={entry.name: entry for entry in entries if entry is not None},
        pins={name: pin for name, pin in pins.items() if pin is not None},
        dropped=frozenset(parse_name(raw) for raw in told.dropped),
        overrides={item.id: item for item in overrides if item is not None},
        archive=told.archive,
        manifest=None if told.manifest is None else ManifestEdit(**asdict(told.manifest)),
        reports={parse_name(raw): digest for raw, digest in told.reports.items()},
        mirrors={entry.name: entry for entry in mirrors if entry is not None},
        dropped_mirrors=frozenset(told.dropped_mirrors),
        base=told.base,
        done=frozenset(parse_name(raw) for raw in told.done),
    )
