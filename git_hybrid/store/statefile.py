"""Read and write state ``state/sources.json``; older versions are migrated when they are read."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from msgspec import to_builtins

from git_hybrid.core.errors import InvalidFile, Problem, until_many
from git_hybrid.core.files import STATE
from git_hybrid.core.ids import SourceName, parse_name, parse_oid, parse_url
from git_hybrid.core.manifest import track_field
from git_hybrid.core.state import SourceState, State
from git_hybrid.core.value import replace
from git_hybrid.core.values import format_time, parse_time
from git_hybrid.store.manifest import track_of
from git_hybrid.store.mended import from_git, mended
from git_hybrid.store.parsing import (
    as_written,
    check_version,
    checked,
    convert,
    encode_json,
    load_json_value,
    or_none,
    place_in,
)
from git_hybrid.store.scanstatus import decode_scan, encode_scan
from git_hybrid.store.wire import OldStateShape, StateShape

VERSION = 1
_ALWAYS = frozenset({"command_id", "audit_hash", "scan_status"})
"""The keys that reading can do without and that no entry is written without, but one of version 0."""


def decode_state(data: bytes) -> State:
    """Return the state in *data*, migrated to the newest version in memory.

    Raises:
        InvalidFile: with its bad entries.
        NewerSchema: it was written by a newer version.
    """
    return state_in(data)[0]


@mended(from_git(STATE), "or move it away, then: git hybrid sync")
def state_in(data: bytes) -> tuple[State, bool]:
    """Return :func:`decode_state`, and whether *data* has the form in which state is written.

    Raises:
        InvalidFile, NewerSchema: as there.
    """
    written = as_written(data)
    document = load_json_value(data, STATE) if written is None else written
    problems: list[Problem] = []
    entries: Any
    if is_old := isinstance(document, list):
        entries = _migrated(document, problems)
    elif not isinstance(document, dict):
        raise InvalidFile.at(STATE, "file", "must be a JSON object with schema_version and sources")
    else:
        check_version(document, known=VERSION, shown=STATE)
        problems.extend(Problem(key, "unknown key") for key in document if key not in ("schema_version", "sources"))
        entries = document.get("sources")
    if not isinstance(entries, list):
        problems.append(Problem("sources", "must be a list of entries"))
        entries = []
    sources: dict[SourceName, SourceState] = {}
    for index, entry in until_many(enumerate(entries), problems):
        place = place_in("sources", entry, index)
        decoded = decode_entry(entry, place, problems)
        if decoded is not None and decoded.name in sources:
            problems.append(Problem(place, "stands twice in the file"))
        elif decoded is not None:
            is_whole = is_old or entry.keys() >= _ALWAYS
            sources[decoded.name] = decoded if is_whole else _lacking(decoded, entry)
    if problems:
        raise InvalidFile(path=STATE, problems=tuple(problems))
    # What an older version wrote is written anew by the next run that changes it.
    return State(sources=dict(sorted(sources.items()))), written is not None or is_old


def _lacking(decoded: SourceState, entry: Collection[str]) -> SourceState:
    return replace(decoded, lacking=tuple(sorted(_ALWAYS.difference(entry))))


def state_version(data: bytes) -> int:
    """Return the version of the state in *data*: 0 for a plain list.

    Raises:
        InvalidFile: it is no JSON.
    """
    document = load_json_value(data, STATE)
    return int(document["schema_version"]) if isinstance(document, dict) else 0


def _migrated(entries: list[object], problems: list[Problem]) -> list[object]:
    """Return version 0, a plain list of smaller entries, as entries of version 1."""
    result: list[object] = []
    for index, entry in enumerate(entries):
        shape = convert(entry, OldStateShape, place_in("sources", entry, index), problems)
        if shape is not None:
            updated_at = _in_utc(shape.updated_at)
            result.append({**to_builtins(shape), "updated_at": updated_at, "scan_status": {"state": "missing"}})
    return result


def _in_utc(text: str) -> str:
    """Return a time of version 0 in UTC, which may have been written with an offset; what is none stays as it is."""
    try:
        moment = datetime.fromisoformat(text)
        return text if moment.tzinfo is None else format_time(moment)
    except (ValueError, OverflowError):
        return text


def decode_entry(entry: object, place: str, problems: list[Problem]) -> SourceState | None:
    """Return one entry of state, or None after adding what is wrong with it to *problems*."""
    shape = convert(entry, StateShape, place, problems)
    if shape is None:
        return None
    before = len(problems)
    name = checked(parse_name, shape.name, f"{place}.name", problems)
    url = checked(parse_url, shape.repo_url, f"{place}.repo_url", problems)
    track = track_of(shape, place, problems)
    commit = checked(parse_oid, shape.commit_sha, f"{place}.commit_sha", problems)
    updated_at = checked(parse_time, shape.updated_at, f"{place}.updated_at", problems)
    scan = decode_scan(shape.scan_status, f"{place}.scan_status", problems)
    if name is None or url is None or track is None or commit is None or updated_at is None or len(problems) > before:
        return None
    return SourceState(
        name=name,
        url=url,
        track=track,
        commit=commit,
        updated_at=updated_at,
        updated_by=shape.updated_by,
        command_id=or_none(shape.command_id),
        served_by=or_none(shape.served_by),
        scan=scan,
        audit_hash=or_none(shape.audit_hash),
        notes=or_none(shape.notes),
    )


def encode_state(state: State) -> bytes:
    """Return *state* as the bytes of its file."""
    entries = [encode_entry(entry) for _, entry in sorted(state.sources.items())]
    return encode_json({"schema_version": VERSION, "sources": entries})


def encode_entry(entry: SourceState) -> dict[str, Any]:
    """Return one entry of state as plain values."""
    key, value = track_field(entry.track)
    plain: dict[str, Any] = {
        "name": entry.name,
        "repo_url": str(entry.url),
        key: value,
        "commit_sha": entry.commit,
        "updated_at": format_time(entry.updated_at),
        "updated_by": entry.updated_by,
        "command_id": entry.command_id,
        "served_by": entry.served_by,
        "audit_hash": entry.audit_hash,
        "notes": entry.notes,
    }
    present = {key: value for key, value in plain.items() if value is not None}
    return present | {"scan_status": encode_scan(entry.scan)}
