"""What the audit log tells of scans, and whether state tells the same. Pure; ``check scans``, sync and scan share it.

State only repeats what a record of the log says: a result that no record bears out was written by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from git_hybrid.core.audit import SCANNED, Record, detail_of, previous
from git_hybrid.core.ids import Oid
from git_hybrid.core.lock import Lock
from git_hybrid.core.scans import DIGEST, SEVERITIES, scan_digest
from git_hybrid.core.state import FindingRef, ScannerRecord, ScanStatus, ScanTrail, State
from git_hybrid.core.values import parse_time

_UNCLEAN = frozenset({"findings", "error"})


def scan_trail_of(records: Sequence[Record], state: State, lock: Lock) -> ScanTrail:
    """Return what *records*, in the order of the log, tell of scans that *state* does not.

    A scan that kept a pin from moving is no result of the source, and stands in the log alone.
    """
    places = _places(records)
    unproved = frozenset(
        name
        for name, entry in state.sources.items()
        if entry.scan.state != "missing"
        and not _stands(records, places.get((name, entry.scan.commit or ""), ()), entry.scan)
    )
    told: dict[str, ScanStatus] = {}
    for name, pin in lock.pins.items():
        entry = state.sources.get(name)
        if name not in unproved and entry is not None and entry.scan.commit == pin.commit:
            continue
        known = [at for at in places.get((name, pin.commit), ()) if told_by(records[at], pin.commit) is not None]
        newest = [_newest(records, known)] if known else []
        said = told_together((records[at] for at in (*(at for at in known if at not in newest), *newest)), pin.commit)
        told[name] = said or ScanStatus()
    return ScanTrail(unproved=unproved, told=told)


def _places(records: Sequence[Record]) -> dict[tuple[str, str], list[int]]:
    """Return where *records* tell of a scan of each source and commit."""
    places: dict[tuple[str, str], list[int]] = {}
    for at, record in enumerate(records):
        if is_result(record):
            places.setdefault((str(record.get("source")), str(record.get("after"))), []).append(at)
    return places


def is_result(record: Record) -> bool:
    """Tell whether *record* is of a scan that became the result of its source, and has the digest of all of it."""
    return record["event"] in SCANNED and DIGEST in detail_of(record) and "refused" not in detail_of(record)


def _stands(records: Sequence[Record], places: Sequence[int], scan: ScanStatus) -> bool:
    """Tell whether one of the records at *places* tells of *scan*, and none of them stands over that."""
    mine = next((at for at in reversed(places) if tells(records[at], scan)), None)
    return mine is not None and not any(_is_over(records, at, mine) for at in places if at != mine)


def _newest(records: Sequence[Record], places: Sequence[int]) -> int:
    """Return which of *places*, of which there is one at least, has the record that counts."""
    newest = places[-1]
    for at in reversed(places[:-1]):
        # Of two that stand over each other the incomplete one does: it keeps what the other one has.
        keeps = is_incomplete(records[newest]) and _is_over(records, newest, at)
        if not keeps and _is_over(records, at, newest):
            newest = at
    return newest


def _is_over(records: Sequence[Record], other: int, mine: int) -> bool:
    """Tell whether the record at *other* counts and not the one at *mine*.

    It was made after that. Of two that a merge of branches brought together neither was: there the later scan counts
    where it has more, or the one with more where the later is incomplete.
    """
    if other > mine and _follows(records, other, mine):
        return True
    # That a later scan failed says nothing of what an earlier one found.
    is_older = scanned_at(records[other]) < scanned_at(records[mine]) and not is_incomplete(records[mine])
    if is_older or not _has_more(records[other], records[mine]):
        return False
    return other > mine or not _follows(records, mine, other)


def scanned_at(record: Record) -> str:
    """Return when the scan was made that *record* tells of; else when it was recorded."""
    return str(detail_of(record).get("scanned_at") or record["at"])


def is_incomplete(record: Record) -> bool:
    """Tell whether a scanner did not come to its end in the scan that *record* tells of."""
    return detail_of(record).get("state") == "error"


def _has_more(other: Record, mine: Record) -> bool:
    """Tell whether *other* has a finding that *mine* has not, or is not clean, and *mine* is."""
    found, known = (_results(record) for record in (other, mine))
    return (
        found[0] > known[0] or not found[1] <= known[1] or any(a > b for a, b in zip(found[2], known[2], strict=True))
    )


def _results(record: Record) -> tuple[bool, frozenset[str], list[int]]:
    told: Mapping[str, Any] = detail_of(record)
    counts = told.get("counts") or {}
    named = frozenset(str(item["id"]) for item in told.get("findings") or ())
    return told.get("state") in _UNCLEAN, named, [int(counts.get(level, 0)) for level in SEVERITIES]


def _follows(records: Sequence[Record], later: int, earlier: int) -> bool:
    """Tell whether the record at *later* was made after the one at *earlier*, over any number of others."""
    before = {str(records[later]["hash"])}
    for at in range(later, earlier, -1):
        if str(records[at]["hash"]) in before:
            before.update(previous(records[at]))
    return str(records[earlier]["hash"]) in before


def tells(record: Record, scan: ScanStatus) -> bool:
    """Tell whether *record*, which is about the same source and commit, says of the scan what *scan* says."""
    return detail_of(record).get(DIGEST) == scan_digest(scan)


def told_by(record: Record, commit: Oid) -> ScanStatus | None:
    """Return the scan that *record* tells of as one of *commit*, counts and names only; None if it tells no result."""
    detail: Mapping[str, Any] = detail_of(record)
    state = detail.get("state")
    if state not in ("clean", "findings", "error"):
        return None
    at: datetime = parse_time(str(record["at"]))
    scanners = tuple(_scanner_told(item, at) for item in detail.get("scanners") or ())
    unclean = [item.name for item in scanners if item.state != "clean"]
    by = unclean[0] if len(unclean) == 1 else ""
    refs = [
        FindingRef(id=str(item["id"]), level=item["level"], scanner=by, rule="", path="")
        for item in detail.get("findings") or ()
    ]
    return ScanStatus(
        state=state,
        commit=commit,
        scanned_at=at,
        counts=detail.get("counts"),
        scanners=scanners,
        findings=tuple(refs),
    )


def _scanner_told(told: Mapping[str, Any], at: datetime) -> ScannerRecord:
    return ScannerRecord(
        name=str(told.get("name")),
        state=told.get("state", "error"),
        version=str(told.get("version", "")),
        config_digest=str(told.get("config_digest", "")),
        rules_digest=str(told.get("rules_digest", "")),
        scanned_at=at,
        reason=str(told.get("reason", "")),
    )


def told_together(records: Iterable[Record], commit: Oid) -> ScanStatus | None:
    """Return what *records* of scans of the same files, the oldest first, tell of *commit*; None if none has a result.

    That is what the last one tells, and what it takes back nothing of (:func:`git_hybrid.core.scan_kept.kept`).
    """
    # Where state tells what the log does, which is nearly always, this is not needed.
    from git_hybrid.core.scan_kept import kept  # noqa: PLC0415

    found: ScanStatus | None = None
    for record in records:
        if (said := told_by(record, commit)) is not None:
            found = kept(said, found)
    return found
