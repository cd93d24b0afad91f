"""What the audit log says of earlier pins and scans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from git_hybrid.core.audit import Record
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.scan_trail import SCANNED, told_by
from git_hybrid.core.state import ScanStatus
from git_hybrid.core.value import Struct
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

    def known_scan(self, commit: Oid, tree: Oid | None = None) -> ScanStatus | None:
        """Return what the last scan of *commit*, or of any commit with its *tree*, came to; counts and names only."""
        found: ScanStatus | None = None
        for record in self._records(*SCANNED):
            detail = record.get("detail")
            if record["event"] not in SCANNED or not isinstance(detail, Mapping):
                continue
            if record.get("after") == commit or (tree and detail.get("tree") == tree):
                found = told_by(record, commit) or found
        return found

    def _records(self, *events: str) -> Sequence[Record]:
        """Return the records of the log and its archives; nothing if none of them is of *events*."""
        files = [self.layout.root / name for name in archives(self.layout)]
        data = b"".join(read_bytes(path, SHOWN) or b"" for path in (*files, self.layout.audit))
        told = any(f'"event":"{event}"'.encode("ascii") in data for event in events)
        return parse_log(data).records if told else ()
