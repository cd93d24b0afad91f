"""Findings that a later scan of the same files by the same scanners no longer has. Pure; ``scan`` and ``check`` tell.

What a scanner reads besides its program, its rules and the files, such as a variable that somebody set for one run, is
no part of its identity. But nothing that is told apart can make one find less.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from git_hybrid.core.audit import SCANNED, Record, detail_of
from git_hybrid.core.canonical import Json
from git_hybrid.core.ids import SourceName
from git_hybrid.core.scans import scan_detail
from git_hybrid.core.state import ScanStatus, plain_record
from git_hybrid.core.value import Struct
from git_hybrid.core.values import format_time
from git_hybrid.core.words import counted

_SAME = ("name", "version", "config_digest", "rules_digest")


class Loss(Struct, frozen=True):
    """Which findings an earlier scan had, by id; when that was made."""

    ids: tuple[str, ...]
    at: str

    @property
    def told(self) -> str:
        """That in words, as the end of a sentence about the scan."""
        shown = ", ".join(self.ids[:3]) + (", …" if self.ids[3:] else "")
        return f"lacks {counted(len(self.ids), 'finding')} of the one at {self.at} by the same scanners: {shown}"


def losses(records: Iterable[Record], scans: Mapping[SourceName, ScanStatus]) -> Mapping[SourceName, Loss]:
    """Return what each of *scans*, the last of its source, has lost against an earlier one; the last such counts.

    One with more findings than it names says nothing of those that it does not name, and one that is no result nothing
    at all.
    """
    whole = {name: scan for name, scan in scans.items() if _is_whole(scan)}
    found: dict[SourceName, Loss] = {}
    for record in records if whole else ():
        name, told = SourceName(str(record.get("source"))), detail_of(record)
        scan = whole.get(name)
        if record["event"] not in SCANNED or scan is None or told.get("tree") != scan.tree:
            continue
        if _same(told.get("scanners")) != _same([plain_record(item) for item in scan.scanners]):
            continue
        kept, items = {item.id for item in scan.findings}, told.get("findings")
        ids = [str(item["id"]) for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []
        if lost := tuple(item for item in ids if item not in kept):
            found[name] = Loss(lost, str(record["at"]))
    return found


def loss_since(before: ScanStatus, scan: ScanStatus) -> Loss | None:
    """Return what *scan* has lost against the one *before* it of the same source, or None."""
    name = SourceName("scanned")
    at = "" if before.scanned_at is None else format_time(before.scanned_at)
    record: Record = {"event": "scan", "source": name, "at": at, "detail": scan_detail(before)}
    return losses([record], {name: scan}).get(name)


def _is_whole(scan: ScanStatus) -> bool:
    return scan.state in ("clean", "findings") and sum((scan.counts or {}).values()) <= len(scan.findings)


def _same(scanners: Json) -> list[list[Json]]:
    told = [item for item in scanners if isinstance(item, Mapping)] if isinstance(scanners, list) else []
    return [[item.get(key) for key in _SAME] for item in told]
