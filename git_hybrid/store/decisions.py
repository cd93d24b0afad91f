"""The decision of a run, as the journal keeps it until all files are written."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from git_hybrid.core.audit import Event
from git_hybrid.core.errors import Problem
from git_hybrid.core.ids import parse_name
from git_hybrid.core.reducer import Decision, ManifestEdit
from git_hybrid.core.values import format_time, parse_time
from git_hybrid.store.lockfile import decode_pin, encode_pin
from git_hybrid.store.statefile import decode_entry, encode_entry

Line = dict[str, Any]


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
        "pins": {name: plain_pin(encode_pin(pin)) for name, pin in decision.pins.items()},
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


def plain_pin(pin: Line) -> Line:
    """Return the fields of a pin as JSON has them."""
    return {key: format_time(value) if isinstance(value, datetime) else value for key, value in pin.items()}


def timed_pin(pin: Line) -> Line:
    """Return what :func:`plain_pin` returned as the fields of a pin."""
    return {key: parse_time(value) if key in ("commit_time", "first_seen") else value for key, value in pin.items()}


def decode_decision(line: Line) -> Decision:
    """Return the decision in a line of :func:`decision_line`.

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    from git_hybrid.store.mirrorfile import decode_mirror
    from git_hybrid.store.overridefile import decode_override

    problems: list[Problem] = []
    entries = [decode_entry(entry, "entry", problems) for entry in line["entries"]]
    pins = {
        parse_name(raw): decode_pin(parse_name(raw), timed_pin(pin), raw, problems) for raw, pin in line["pins"].items()
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
