"""The files of a workspace as values. A file that is not there says nothing, which is no error.

A run reads lock and state several times: the same bytes are the same value, and are not taken apart again.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import lru_cache, partial

from git_hybrid.core.audit import RESTS_ON, Record, detail_of, records_of
from git_hybrid.core.errors import InvalidFile
from git_hybrid.core.files import LOCK, LOG, MANIFEST, MIRRORS, OVERRIDES, STATE
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Lock, Pin
from git_hybrid.core.mirrors import Inventory
from git_hybrid.core.moves import Move, moves_of
from git_hybrid.core.override import Overrides, Trail, trail_of
from git_hybrid.core.state import ScanTrail, State
from git_hybrid.core.value import replace
from git_hybrid.core.values import format_time
from git_hybrid.core.words import typed
from git_hybrid.store import chain, lockfile, statefile
from git_hybrid.store.layout import Layout, archives
from git_hybrid.store.parsing import decode_text, read_bytes

_decoded_lock = lru_cache(maxsize=1)(lockfile.decode_lock)
_decoded_state = lru_cache(maxsize=1)(statefile.decode_state)

_AT = re.compile(rb'"at":"([0-9T:.Z-]{20,32})","(?:before|command_id)"')
"""The time of a record, and of no approval in it: what stands next is in none of those."""

_NAMED = re.compile(rb'"audit_hash":\s*"')
"""What state, overrides and mirrors have of the record that they rest on."""

SCAN = b'scan","hash":"'
"""What every line of the log holds that tells of a scan."""


def lock(layout: Layout) -> Lock:
    """Return the lock.

    Raises:
        InvalidFile, NewerSchema, LocalIo: it cannot be read.
    """
    data = read_bytes(layout.lock, LOCK)
    return Lock() if data is None else _decoded_lock(data)


def state(layout: Layout) -> State:
    """Return state.

    Raises:
        InvalidFile, NewerSchema, LocalIo: it cannot be read.
    """
    data = read_bytes(layout.state, STATE)
    return State() if data is None else _decoded_state(data)


def overrides(layout: Layout) -> Overrides:
    """Return the overrides.

    Raises:
        InvalidFile, NewerSchema, LocalIo: they cannot be read.
    """
    return overrides_in(read_bytes(layout.overrides, OVERRIDES))


def overrides_in(data: bytes | None) -> Overrides:
    """Return the overrides in the content of their file, which few workspaces have.

    Raises:
        InvalidFile, NewerSchema: they cannot be read.
    """
    if data is None:
        return Overrides()
    from git_hybrid.store.overridefile import decode_overrides

    return decode_overrides(data)


def mirrors(layout: Layout) -> Inventory:
    """Return the inventory of mirrors.

    Raises:
        InvalidFile, NewerSchema, LocalIo: it cannot be read.
    """
    return mirrors_in(read_bytes(layout.mirrors, MIRRORS))


def mirrors_in(data: bytes | None) -> Inventory:
    """Return the inventory of mirrors in the content of its file, which few workspaces have.

    Raises:
        InvalidFile, NewerSchema: it cannot be read.
    """
    if data is None:
        return Inventory()
    from git_hybrid.store.mirrorfile import decode_mirrors

    return decode_mirrors(data)


def records(layout: Layout, log: bytes | None = None) -> tuple[Record, ...]:
    """Return the whole records of the audit log and its archives, the oldest first.

    What is to be the audit log, and is not yet, is given as *log*.

    Raises:
        LocalIo: the log cannot be read.
    """
    return _records(_texts(layout) | ({} if log is None else {LOG: log}))


def whole_log(layout: Layout) -> bytes:
    """Return the audit log with its archives before it, as one log that was never rotated.

    Raises:
        LocalIo: the log cannot be read.
    """
    return b"".join(text if text.endswith(b"\n") or not text else text + b"\n" for text in _texts(layout).values())


def _texts(layout: Layout) -> dict[str, bytes]:
    names = (*archives(layout), LOG)
    return {name: read_bytes(layout.root / name, name) or b"" for name in names}


def _records(texts: Mapping[str, bytes]) -> tuple[Record, ...]:
    return records_of([chain.segment_of(name, text) for name, text in texts.items()])


def require_log(layout: Layout) -> None:
    """Refuse to begin an audit log where there is none, and other files name records of one.

    Raises:
        InvalidFile: one of them does.
        LocalIo: it cannot be read.
    """
    if layout.has_log():
        return
    for name in (STATE, OVERRIDES, MIRRORS):
        if _NAMED.search(read_bytes(layout.root / name, name) or b""):
            reason = f"is missing or empty, and {name} names records of it"
            mend = "take it from a copy of the workspace, then: git hybrid audit verify"
            aside = typed("mv", str(layout.state_folder), f"{layout.state_folder}.lost")
            otherwise = f"where there is none, begin anew, with new pins: {aside}, then: git hybrid pin"
            raise InvalidFile.at(LOG, "file", reason, mend=mend, otherwise=otherwise)


def trails(layout: Layout, now: datetime) -> tuple[Trail, ScanTrail]:
    """Return what the audit log and its archives say of overrides, and of scans that state does not.

    A log that names no override is not taken apart, but for a record of a time after *now*. A record that was edited
    says nothing: then the override or the scan that it told of is no longer borne out.

    Raises:
        LocalIo: the log cannot be read.
        InvalidFile, NewerSchema: state or lock is not in its format.
    """
    texts = _texts(layout)
    overridden = any(b'"override' in text for text in texts.values())
    trail = trail_of(_records(texts)) if overridden else Trail(last=_newest(texts, now))
    return replace(trail, absent=partial(_absent, layout)), _scan_trail(texts, state(layout), lock(layout))


def _absent(layout: Layout) -> str:
    from git_hybrid.store.told import absent_told

    return absent_told(layout)


def _newest(texts: Mapping[str, bytes], now: datetime) -> Record:
    """Return the record of the latest time after *now*, as ``newest_of`` tells it: an override counts from it."""
    told = format_time(now).encode("ascii")
    times = {time for text in texts.values() for time in _AT.findall(text) if time > told}
    for time in sorted(times, reverse=True):
        for name, text in reversed(list(texts.items())):
            end = len(text)
            while (at := text.rfind(b'"at":"' + time, 0, end)) >= 0:
                end = text.rfind(b"\n", 0, at) + 1
                (line,) = chain.segment_of(name, text[end : text.find(b"\n", at) + 1 or len(text)]).lines
                if line.whole and line.record is not None and str(line.record["at"]).encode("ascii") == time:
                    return line.record
    return {}


def _scan_trail(texts: Mapping[str, bytes], installed: State, decided: Lock) -> ScanTrail:
    """Return what the log in *texts* tells of scans that *installed* does not.

    Where the newest record of each scan tells of it as state does, which is nearly always, no other is taken apart.
    """
    wanted = {name: entry.scan for name, entry in installed.sources.items() if entry.scan.commit is not None}
    scanned = {(name, str(scan.commit)) for name, scan in wanted.items()}
    if not wanted and not any(SCAN in text for text in texts.values()):
        return ScanTrail()
    from git_hybrid.core.scan_trail import scan_trail_of, tells
    from git_hybrid.store.rivals import has_rivals, is_branched

    pinned = {(name, str(pin.commit)) for name, pin in decided.pins.items()}
    newest = _newest_scans(texts, scanned | pinned)
    is_told = set(newest) == scanned and all(tells(record, wanted[name]) for (name, _), record in newest.items())
    if is_told and not (is_branched(texts) and has_rivals(texts, newest)):
        return ScanTrail()
    return scan_trail_of(_records(texts), installed, decided)


def _newest_scans(
    texts: Mapping[str, bytes], wanted: Collection[tuple[str, str]]
) -> dict[tuple[SourceName, str], Record]:
    """Return the last record of a scan of each source and commit that is *wanted*, as far as they are in the log."""
    from git_hybrid.core.scan_trail import is_result

    found: dict[tuple[SourceName, str], Record] = {}
    left = {commit.encode("ascii") for _, commit in wanted}
    for name, text in reversed(list(texts.items())):
        end = len(text)
        while len(found) < len(wanted) and (at := text.rfind(SCAN, 0, end)) >= 0:
            end = text.rfind(b"\n", 0, at) + 1
            if text[end + 10 : text.find(b'"', end + 10)] not in left:
                continue
            stop = text.find(b"\n", at)
            (line,) = chain.segment_of(name, text[end : stop if stop >= 0 else len(text)]).lines
            if not line.whole or line.record is None or not is_result(line.record):
                continue
            key = (SourceName(str(line.record.get("source"))), str(line.record.get("after")))
            if key in wanted:
                found.setdefault(key, line.record)
    return found


def last_moves(layout: Layout, pins: Mapping[SourceName, Pin]) -> dict[SourceName, Move]:
    """Return the last record of each of *pins* that put it into the lock, or else one that put its commit there.

    A later one that moved nothing, but took note of another history, say, is none. From the end of the log backwards,
    as far as needed, and only lines that look like such a record: looking at the pins must not become slow because
    they have moved often. An edited record says nothing.

    Raises:
        LocalIo: the log cannot be read.
    """
    found = set[SourceName]()
    alike: dict[SourceName, Move] = {}
    kept: dict[SourceName, Move] = {}
    wanted = {pin.commit.encode("ascii") for pin in pins.values()}
    for name, line in chain.lines_backwards(layout) if pins else ():
        if b'"event":"pin"' not in line or line[10 : line.find(b'"', 10)] not in wanted:
            continue
        for record in _records({name: line + b"\n"}):
            pin = pins.get(SourceName(str(record.get("source"))))
            if pin is None or pin.source in found or record.get("after") != pin.commit:
                continue
            # What does not tell all that a pin takes is no move.
            if not (moves := moves_of((record,))):
                continue
            # Of branches that pinned the same commit, each by its own entry, one is in the lock.
            if _tells_of(record, pin):
                kept[pin.source] = moves[0]
                is_all = moves[0].before != moves[0].after
            else:
                alike.setdefault(pin.source, moves[0])
                is_all = pin.source in kept
            if is_all:
                found.add(pin.source)
        if len(found) == len(pins):
            break
    return alike | kept


def _tells_of(record: Record, pin: Pin) -> bool:
    """Tell whether *record*, which has the commit of *pin*, has also where it is from and what it rests on."""
    told = detail_of(record)
    entry = (told.get("url", str(pin.url)), told.get("ref", pin.ref), told.get(RESTS_ON))
    return entry == (str(pin.url), pin.ref, pin.override)


def manifest_text(layout: Layout) -> str:
    """Return the text of ``sources.toml``.

    Raises:
        InvalidFile: it is missing or not UTF-8.
        LocalIo: it cannot be read.
    """
    data = read_bytes(layout.manifest, MANIFEST)
    if data is None:
        raise InvalidFile.at(MANIFEST, "file", "is missing")
    return decode_text(data, MANIFEST)
