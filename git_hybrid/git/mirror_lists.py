"""The lists of refs and packs by which a server that knows files only serves a repository (gitrepository-layout(5)).

Whoever carries such a folder away carries what is in it alone.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from git_hybrid.core.errors import reported
from git_hybrid.git.plainfiles import expects_more, read_plain

# A server that speaks git's protocol may then serve every history mode.
SERVING = "[uploadpack]\n\tallowFilter = true\n\tallowAnySHA1InWant = true\n"
_PEELED = "^{}"
_LISTS = ("info/refs", "objects/info/packs")
_ELSEWHERE = ("commondir", "objects/info/alternates", "shallow")


def lists(git_dir: Path) -> tuple[bytes | None, bytes | None]:
    """Return what ``info/refs`` and ``objects/info/packs`` of the repository at *git_dir* are; None for no file."""
    refs, packs = (read_plain(git_dir / name) for name in _LISTS)
    return refs, packs


def clear_lists(git_dir: Path) -> None:
    """Take away what stands in the place of a list and is no file: git reads the old one, and waits at a pipe.

    Raises:
        LocalIo: the file system refused.
    """
    for name in _LISTS:
        path = git_dir / name
        with reported(path, "remove"), suppress(FileNotFoundError):
            if not stat.S_ISREG(path.lstat().st_mode):
                path.unlink()


def is_partial(git_dir: Path) -> bool:
    """Tell whether the repository at *git_dir* rests on another one, or has a part of its history or objects alone."""
    return expects_more(git_dir) or any(os.path.lexists(git_dir / name) for name in _ELSEWHERE)


def is_filled(git_dir: Path) -> bool:
    """Tell whether the repository at *git_dir*, which has no pin, was made for a source that has none."""
    return SERVING.encode("ascii") in (read_plain(git_dir / "config") or b"")


def is_listed(git_dir: Path, refs: Collection[tuple[str, str]]) -> bool:
    """Tell whether both lists are those of *refs*, pairs of an id and a ref, and of the packs that are there.

    Whoever is stopped between the refs and their list leaves them apart.
    """
    told, packs = (os.fsdecode(data or b"").split("\n") for data in lists(git_dir))
    lines = [line.partition("\t") for line in told if line and not line.endswith(_PEELED)]
    try:
        names = set(os.listdir(git_dir / "objects/pack"))
    except FileNotFoundError:
        names = set()
    there = {name for name in names if name.endswith(".pack") and f"{name[:-5]}.idx" in names}
    return {(oid, ref) for oid, _, ref in lines} == set(refs) and {line[2:] for line in packs if line} == there
