"""The scan reports ``state/scans/<name>.sarif``.

A new report waits beside the journal of its run until the run's decision, which names its digest, puts it in its place.
Whoever is killed in between leaves both, and the next writer goes on; a report without a decision goes with its run.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from git_hybrid.core.errors import LocalIo
from git_hybrid.core.ids import SourceName
from git_hybrid.core.reducer import Decision
from git_hybrid.store.durable import make_folder, remove_file, write_file
from git_hybrid.store.layout import Layout

LIMIT = 256 * 2**20


def read_report(layout: Layout, name: SourceName, sha256: str) -> bytes | None:
    """Return the kept report of *name*, or None if it is not there or not the one that *sha256* names."""
    return _read(layout.report(name), sha256)


def _read(path: Path, sha256: str) -> bytes | None:
    try:
        if path.is_symlink() or not path.is_file():
            return None
        with open(path, "rb") as file:
            data = file.read(LIMIT + 1)
    except OSError as error:
        raise LocalIo(path=str(path), operation="read", reason=error.strerror or str(error)) from error
    return data if hashlib.sha256(data).hexdigest() == sha256 else None


def stage_report(layout: Layout, run: str, name: SourceName, report: bytes) -> None:
    """Keep *report* until the decision of *run* is carried out.

    Raises:
        LocalIo: the file system refused.
    """
    path = layout.staged_report(run, name)
    for folder in (layout.journals, path.parent):
        make_folder(folder)
    write_file(path, report)


def place_reports(layout: Layout, decision: Decision, run: str) -> None:
    """Put the reports of *decision* in their places, and remove those of sources that it drops.

    Doing it twice does no harm: what was placed already is not staged any more in the form that the digest names, or
    is written once more.

    Raises:
        LocalIo: the file system refused.
    """
    for name, sha256 in decision.reports.items():
        staged = _read(layout.staged_report(run, name), sha256)
        if staged is not None:
            make_folder(layout.scans)
            write_file(layout.report(name), staged)
    for name in decision.dropped:
        remove_file(layout.report(name))
