"""Files of a workspace that an interrupted writer left, and those that somebody else took away.

Only names of our own are ever removed; a file that is there is never written.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from git_hybrid.core.errors import LocalIo, reported
from git_hybrid.core.files import FILES, MARKER, STATE
from git_hybrid.core.ids import RunId
from git_hybrid.core.pattern import pattern
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
_LOG = pattern(r"sources-audit(\.\d{4}(-\d+)?)?\.jsonl\.tmp")


def restore_ignores(layout: Layout) -> None:
    """Write each ``.gitignore`` that is missing."""
    for name, text in IGNORES.items():
        if not os.path.lexists(f"{layout.root}/{name}"):
            # What the command did stands all the same: the next writer tries again, and check tells.
            with suppress(LocalIo):
                write_file(layout.root / name, text.encode("ascii"))


def leftovers(folder: Path) -> tuple[Path, ...]:
    """Return the temporary files that an earlier writer left in *folder*."""
    if not folder.is_dir():
        return ()
    return tuple(sorted(path for path in folder.iterdir() if path.name.endswith(TEMPORARY) and path.is_file()))


def remove_leftovers(layout: Layout) -> list[str]:
    """Remove whole files that were never renamed into place, and say so.

    Raises:
        LocalIo: the file system refused.
    """
    found = [*leftovers(layout.state_folder), *leftovers(layout.root)]
    ours = [path for path in found if path.name in _OURS or _LOG.fullmatch(path.name) or _PROBE.fullmatch(path.name)]
    ours += leftovers(layout.scans)
    # There may be thousands of clones beside it.
    inside = [name for name in os.listdir(layout.sources_folder) if name == _HINTS or _PROBE.fullmatch(name)]
    ours += [path for name in inside if (path := layout.sources_folder / name).is_file()]
    for path in ours:
        remove_file(path)
    return [f"removed {layout.relative(path)}, which an interrupted run left" for path in ours]


def remove_stray_journals(layout: Layout, *, keep: RunId | None) -> list[str]:
    """Remove the journals of runs that came to no marker, all but the one to *keep*, and say so.

    Raises:
        LocalIo: the file system refused.
    """
    if not layout.journals.is_dir():
        return []
    kept = None if keep is None else layout.journal(keep)
    stray = [path for path in sorted(layout.journals.glob("*.jsonl")) if path != kept]
    refuse_linked(layout, stray)
    notes = [f"dropped {layout.relative(path)}: {_done(path)}" for path in stray]
    for path in stray:
        remove_file(path)
    if kept is None:
        remove_tree(layout.journals)
    return notes


def _done(path: Path) -> str:
    """Return how far the run of the journal at *path* came that has no marker: that goes when all is written."""
    with reported(path, "read"):
        has_decided = _DECISION in regular(path)
    return "its run had written all that it decided" if has_decided else "its run had recorded nothing"
