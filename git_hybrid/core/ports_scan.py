"""What scanning needs of the outside, as Protocols."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.ports import Stage
from git_hybrid.core.scanners import ScannerSpec
from git_hybrid.core.scans import Finding, Identity
from git_hybrid.core.state import ScanStatus
from git_hybrid.core.tree import TreeLimits
from git_hybrid.core.value import Struct

Fill = Callable[[str], Sequence[bytes]]
"""Puts the files to scan into an empty folder and returns their paths."""


class Unusable(Struct, frozen=True):
    """A scanner that could not be run, or whose result does not count; ``reason`` is for people."""

    reason: str


class Scanned(Struct, frozen=True, kw_only=True):
    """The result of one whole scan: the SARIF runs as plain values, and what is in them."""

    runs: tuple[Mapping[str, object], ...]
    version: str
    findings: tuple[Finding, ...]


class Exporter(Protocol):
    """Writes the files of a commit into a folder, from the object store."""

    def export(self, stage: Stage, oid: Oid, folder: str, limits: TreeLimits, *, lfs: bool) -> Sequence[bytes]:
        """Write every file of the commit below *folder*, byte by byte, and return the paths; raise HostileTree.

        With *lfs* the content that the stage has of Git LFS is written in place of its pointers.
        """
        ...


class Scanners(Protocol):
    """Runs scanners."""

    def identify(self, spec: ScannerSpec) -> Identity | Unusable:
        """Return which version of the scanner with which rules is here."""
        ...

    def run(self, spec: ScannerSpec, identity: Identity, fill: Fill) -> Scanned | Unusable:
        """Run the scanner on what *fill* puts there."""
        ...


class Reports(Protocol):
    """The scan reports below ``state/scans/``."""

    def runs_of(self, name: SourceName, sha256: str, scanner: str) -> Scanned | None:
        """Return what the kept report has of one scanner; None if it is not the report that *sha256* names."""
        ...

    def encode(self, runs: Sequence[Mapping[str, object]]) -> bytes:
        """Return the SARIF file of *runs*."""
        ...

    def require_place(self, name: SourceName) -> None:
        """Raise SymlinkRefused or InvalidFile where the report of *name* could not be written."""
        ...

    def stage(self, run: str, name: SourceName, report: bytes) -> None:
        """Keep *report* durably beside the journal of *run*, until the run's decision puts it in its place."""
        ...


class History(Protocol):
    """What the audit log says of earlier pins and scans."""

    def previous_pin(self, name: SourceName, commit: Oid) -> Oid | None:
        """Return the commit that was pinned before *commit*."""
        ...

    def known_scan(self, commit: Oid, tree: Oid | None = None) -> ScanStatus | None:
        """Return what recorded scans of *commit*, or of other commits with the same *tree*, came to."""
        ...


class ScanTools(Struct, frozen=True, kw_only=True):
    """The ports of scanning."""

    exporter: Exporter
    scanners: Scanners
    reports: Reports
    history: History
