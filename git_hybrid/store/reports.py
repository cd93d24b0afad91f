"""The scan reports ``state/scans/<name>.sarif``.

A new report waits beside the journal of its run until the run's decision, which names its digest, puts it in its place.
Whoever is killed in between leaves both, and the next writer goes on; a report without a decision goes with its run.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from git_hybrid.core.digest import sha256_hex
from git_hybrid.core.errors import InvalidFile, reported
from git_hybrid.core.ids import SourceName
from git_hybrid.core.reducer import Decision
from git_hybrid.core.state import State
from git_hybrid.store.content import content
from git_hybrid.store.durable import make_folder, remove_file, write_file
from git_hybrid.store.layout import Layout, refuse_linked

LIMIT = 256 * 2**20


def read_report(layout: Layout, name: SourceName, sha256: str) -> bytes | None:
    """Return the kept report of *name*, or None if it is not there or not the one that *sha256* names."""
    return _read(layout.report(name), sha256)


def foreign_reports(layout: Layout, state: State) -> frozenset[str]:
    """Return the sources whose kept report is another than *state* names.

    Raises:
        LocalIo: one cannot be read.
        SymlinkRefused: one is a symbolic link.
    """
    if layout.scans.is_dir():
        refuse_linked(layout, sorted(layout.scans.iterdir()))
    named = {name: entry.scan.report_sha256 for name, entry in state.sources.items()}
    return frozenset(
        name
        for name, sha256 in named.items()
        if sha256 is not None and layout.report(name).is_file() and read_report(layout, name, sha256) is None
    )


def _read(path: Path, sha256: str) -> bytes | None:
    with reported(path, "read"):
        if path.is_symlink() or not path.is_file():
            return None
        data = content(path, LIMIT)
    return data if sha256_hex(data) == sha256 else None


def require_place(layout: Layout, name: SourceName) -> None:
    """Refuse to go on where the report of *name* could not be written.

    Raises:
        SymlinkRefused: a symbolic link stands there.
        InvalidFile: a folder stands there, or anything else that is no file.
    """
    path = layout.report(name)
    refuse_linked(layout, [path])
    if path.exists() and not path.is_file():
        raise InvalidFile.at(layout.relative(path), "file", "is not a regular file")


def stage_report(layout: Layout, run: str, name: SourceName, report: bytes) -> None:
    """Keep *report* until the decision of *run* is carried out.

    Raises:
        LocalIo: the file system refused.
        SymlinkRefused, InvalidFile: there is no place for it (:func:`require_place`).
    """
    require_place(layout, name)
    path = layout.staged_report(run, name)
    for folder in (layout.journals, path.parent):
        make_folder(folder, shared=True)
    write_file(path, report, shared=True)


def require_places(layout: Layout, decision: Decision) -> None:
    """Refuse *decision* where :func:`place_reports` could not carry it out.

    Raises:
        SymlinkRefused, InvalidFile: a report cannot be written or removed.
    """
    for name in decision.reports:
        require_place(layout, name)
    for name in decision.dropped:
        if not layout.report(name).is_symlink():
            require_place(layout, name)


def place_reports(layout: Layout, decision: Decision, run: str) -> list[str]:
    """Put the reports of *decision* in their places, and remove those of sources that it drops.

    Doing it twice does no harm: what was placed already is not staged any more in the form that the digest names, or
    is written once more. A decision that was made has to be carried out: what has come into the place of a report
    since then stays there, and is told in what is returned.

    Raises:
        LocalIo: the file system refused.
    """
    taken = tuple(_taken(layout, decision))
    for name, sha256 in decision.reports.items():
        staged = _read(layout.staged_report(run, name), sha256)
        if staged is not None and layout.report(name) not in taken:
            make_folder(layout.scans)
            write_file(layout.report(name), staged)
    for name in decision.dropped:
        if layout.report(name) not in taken:
            remove_file(layout.report(name))
    return [f"left {layout.relative(path)} as it is: it is not a regular file" for path in taken]


def _taken(layout: Layout, decision: Decision) -> Iterator[Path]:
    """Yield the places of reports where something else stands."""
    for name in (*decision.reports, *decision.dropped):
        path = layout.report(name)
        if name in decision.reports if path.is_symlink() else path.is_dir():
            yield path
