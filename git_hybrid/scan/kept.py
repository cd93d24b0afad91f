"""The reports of a workspace, as what they say: the one place between stored SARIF and findings."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from git_hybrid.core.ids import SourceName
from git_hybrid.core.ports_scan import Scanned
from git_hybrid.core.value import Struct
from git_hybrid.scan.reading import Incomplete, read_document, write_report


class KeptReports(Struct, frozen=True):
    """The reports of :mod:`git_hybrid.core.ports_scan`, over three functions of the store."""

    read: Callable[[SourceName, str], bytes | None]
    keep: Callable[[str, SourceName, bytes], None]
    place: Callable[[SourceName], None]

    def runs_of(self, name: SourceName, sha256: str, scanner: str) -> Scanned | None:
        """Return what the kept report of *name* has of *scanner*; None if it is another report, or has nothing."""
        data = self.read(name, sha256)
        if data is None:
            return None
        try:
            document = json.loads(data)
            runs = [run for run in document["runs"] if run["automationDetails"]["id"] == f"{scanner}/"]
            report = read_document({"version": document["version"], "runs": runs}, scanner=scanner)
        except (ValueError, KeyError, TypeError, RecursionError, Incomplete):
            return None
        return Scanned(runs=report.runs, version=report.version, findings=report.findings)

    def encode(self, runs: Sequence[Mapping[str, object]]) -> bytes:
        """Return *runs* as one SARIF file."""
        return write_report([dict(run) for run in runs])

    def require_place(self, name: SourceName) -> None:
        """Raise where the report of *name* could not be written."""
        self.place(name)

    def stage(self, run: str, name: SourceName, report: bytes) -> None:
        """Keep *report* until the decision of *run*."""
        self.keep(run, name, report)
