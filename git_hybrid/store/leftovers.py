"""Files of a workspace that an interrupted writer left, and those that somebody else took away.

Only names of our own are ever removed; a file that is there is never written.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from git_hybrid.core.errors import InvalidFile, LocalIo, reported
from git_hybrid.core.files import FILES, MARKER, STATE
from git_hybrid.core.ids import InvalidText, RunId, parse_run_id
from git_hybrid.core.pattern import pattern
from git_hybrid.core.words import typed
from git_hybrid.store.content import regular
from git_hybrid.store.durable import TEMPORARY, remove_file, remove_tree, write_file
from git_hybrid.store.layout import Layout, refuse_linked

IGNORES = {
    "sources/.gitignore": "# Clones are made by `git hybrid sync`; only this file is committed.\n*\n!.gitignore\n",
    "state/.gitignore": (
        "# What was decided is committed, whatever is ignored elsewhere (*.lock is by many).\n!sources*\n"
        "# Of this machine alone: what an unfinished run needs, and what was there before a migration.\n"
        "resume.json\njournal/\n*.tmp\n*.bak-v0\n"
    ),
}
"""What keeps the clones, and what is of one machine alone, out of commits."""
_WHOLE = (*FILES, MARKER, f"{STATE}.bak-v0", ".gitattributes")
_OURS = frozenset(name.rpartition("/")[2] + TEMPORARY for name in _WHOLE)
_DECISION = b'"t": "decision"'
"""What a journal with a decision has, and in no other place: within a text the marks would be escaped."""
_HINTS = ".durations" + TEMPORARY
_PROBE = pattern(r"\.probe-[a-z0-9_]{8}\.tmp")
"""What :func:`git_hybrid.store.filelock.probe_locks` makes."""
_REPORT = f".sarif{TEMPORARY}"
_JOURNAL = ".jsonl"
_LOG = pattern(r"sources-audit(\.\d{4}(-\d+)?)?\.jsonl\.tmp")


def restore_ignores(layout: Layout) -> None:
    """Write each ``.gitignore`` that is missing."""
    for name, text in IGNORES.items():
        if not os.path.lexists(f"{layout.root}/{name}"):
            # What the command did stands all the same: the next writer tries again, and check tells.
            with suppress(LocalIo):
                write_file(layout.root / name, text.encode("ascii"))


def leftovers(folder: Path) -> tuple[Path, ...]:
    """Return what an earlier writer left in *folder* by a temporary name of ours; no folder: none is made by it."""
    return tuple(path for path in _temporary(folder) if _is_ours(path.name) and not _is_folder(path))


def _temporary(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.name.endswith(TEMPORARY))


def _is_ours(name: str) -> bool:
    return name in _OURS or _LOG.fullmatch(name) is not None or _PROBE.fullmatch(name) is not None


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _ours(layout: Layout) -> list[Path]:
    """Return what stands where a file is written before it takes the place of another, or where locks are probed."""
    found = [*_temporary(layout.state_folder), *_temporary(layout.root)]
    reports = [path for path in _temporary(layout.scans) if path.name.endswith(_REPORT)]
    return [*(path for path in found if _is_ours(path.name)), *reports]


def in_the_way(layout: Layout) -> list[Path]:
    """Return the folders that stand where a file is to be written first."""
    return _folders(_ours(layout))


def _folders(found: list[Path]) -> list[Path]:
    """Return the folders in *found*; what is written by init alone stops no other command."""
    others = [path for path in found if path.name != f".gitattributes{TEMPORARY}" and not _PROBE.fullmatch(path.name)]
    return [path for path in others if _is_folder(path)]


def why_in_the_way(layout: Layout, path: Path) -> InvalidFile:
    """Return the error for what is :func:`in_the_way`: a run that comes to it has decided, and is stuck for good."""
    mend = typed("rm", "-r", "--", str(path))
    why = f"is a folder, and a file is written there first; if git has it, it also takes: git {mend}"
    return InvalidFile.at(layout.relative(path), "folder", why, mend=mend)


def remove_leftovers(layout: Layout) -> list[str]:
    """Remove whole files that were never renamed into place, and return their paths from the root.

    Raises:
        InvalidFile: a folder stands where one would be written.
        LocalIo: the file system refused.
    """
    found = _ours(layout)
    for path in _folders(found):
        raise why_in_the_way(layout, path)
    ours = [path for path in found if not _is_folder(path)]
    # There may be thousands of clones beside it.
    inside = [name for name in os.listdir(layout.sources_folder) if name == _HINTS or _PROBE.fullmatch(name)]
    ours += [path for name in inside if not _is_folder(path := layout.sources_folder / name)]
    for path in ours:
        remove_file(path)
    return [layout.relative(path) for path in ours]


def taken_names(layout: Layout) -> tuple[Path, ...]:
    """Return what stands in ``state/`` by the names of files of a workspace, or of what a run leaves there.

    Where there never was a workspace it is somebody else's: the first writer would go on from it, or remove it.
    """
    names = {name for name in (*FILES, MARKER) if name.startswith("state/")}
    names |= {name + TEMPORARY for name in names}
    found = [layout.root / name for name in sorted(names) if os.path.lexists(layout.root / name)]
    journals = layout.journals
    is_taken = os.path.lexists(journals) and not (journals.is_dir() and not os.listdir(journals))
    return (*found, *([journals] if is_taken else []))


def of_runs(layout: Layout) -> list[Path]:
    """Return what runs have made in ``state/journal/``, by its names: journals, and folders of scan reports."""
    if not layout.journals.is_dir():
        return []
    return [path for path in sorted(layout.journals.iterdir()) if _is_of_a_run(path.name)]


def not_of_runs(layout: Layout) -> list[str]:
    """Return the names of all else that stands there."""
    names = os.listdir(layout.journals) if layout.journals.is_dir() else ()
    return sorted(name for name in names if not _is_of_a_run(name))


def _is_of_a_run(name: str) -> bool:
    with suppress(InvalidText):
        parse_run_id(name.removesuffix(TEMPORARY).removesuffix(_JOURNAL))
        return True
    return False


def journals_of(layout: Layout) -> list[Path]:
    """Return the journals of runs."""
    return [path for path in of_runs(layout) if path.suffix == _JOURNAL]


def remove_journals(layout: Layout) -> None:
    """Remove the journals of all runs and what waits beside them, and the folder unless there is something else in it.

    Raises:
        LocalIo: the file system refused.
    """
    for path in journals_of(layout):
        remove_file(path)
    for path in of_runs(layout):
        remove_tree(path)
    if layout.journals.is_dir() and not os.listdir(layout.journals):
        remove_tree(layout.journals)


def remove_stray_journals(layout: Layout, *, keep: RunId | None) -> list[str]:
    """Remove the journals of runs that came to no marker, all but the one to *keep*, and say so.

    Raises:
        LocalIo: the file system refused.
    """
    kept = None if keep is None else layout.journal(keep)
    stray = [path for path in journals_of(layout) if path != kept]
    refuse_linked(layout, stray)
    notes = [f"dropped {layout.relative(path)}: {_done(path)}" for path in stray]
    for path in stray:
        remove_file(path)
    if kept is None:
        remove_journals(layout)
    return notes


def _done(path: Path) -> str:
    """Return how far the run of the journal at *path* came that has no marker: that goes when all is written."""
    with reported(path, "read"):
        has_decided = _DECISION in regular(path)
    return "its run had written all that it decided" if has_decided else "its run had recorded nothing"
