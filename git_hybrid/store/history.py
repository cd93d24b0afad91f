"""What the audit log says of earlier pins and scans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.state import FindingRef, ScanStatus
from git_hybrid.core.value import Struct
from git_hybrid.core.values import parse_time
from git_hybrid.store.chain import SHOWN, parse_log
from git_hybrid.store.layout import Layout, archives
from git_hybrid.store.parsing import read_bytes


class AuditHistory(Struct, frozen=True):
    """The history of :mod:`git_hybrid.core.ports_scan`."""

    layout: Layout

    def previous_pin(self, name: SourceName, commit: Oid) -> Oid | None:
        """Return the commit that was pinned before *commit*, by the last record of the move."""
        found = None
        for record in self._records("pin"):
            if record["event"] == "pin" and record.get("source") == name and record.get("after") == commit:
                found = record.get("before")
        return Oid(str(found)) if found and found != commit else None

    def known_scan(self, commit: Oid, tree: Oid) -> ScanStatus | None:
        """Return what the last scan of *commit*, or of any commit with its *tree*, came to; counts and names only."""
        found: ScanStatus | None = None
        for record in self._records("scan"):
            detail = record.get("detail")
            if record["event"] != "scan" or not isinstance(detail, Mapping):
                continue
            if record.get("after") == commit or detail.get("tree") == tree:
                found = _status(detail, commit, parse_time(str(record["at"]))) or found
        return found

    def _records(self, event: str) -> Sequence[Mapping[str, Any]]:
        """Return the records of the log and its archives; nothing if none of them is of *event*."""
        files = [self.layout.root / name for name in archives(self.layout)]
        data = b"".join(read_bytes(path, SHOWN) or b"" for path in (*files, self.layout.audit))
        return parse_log(data).records if f'"event":"{event}"'.encode("ascii") in data else ()


def _status(detail: Mapping[str, Any], commit: Oid, at: datetime) -> ScanStatus | None:
    state = detail.get("state")
    if state not in ("clean", "findings", "error"):
        return None
    refs = [
        FindingRef(id=str(item["id"]), level=item["level"], scanner="", rule="", path="")
        for item in detail.get("findings") or ()
    ]
    return ScanStatus(state=state, commit=commit, scanned_at=at, counts=detail.get("counts"), findings=tuple(refs))
