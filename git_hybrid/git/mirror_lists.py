"""The lists of refs and packs by which a server that knows files only serves a repository (gitrepository-layout(5))."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from git_hybrid.git.plainfiles import read_plain

_PEELED = "^{}"


def lists(git_dir: Path) -> tuple[bytes | None, bytes | None]:
    """Return what ``info/refs`` and ``objects/info/packs`` of the repository at *git_dir* are; None for no file."""
    return read_plain(git_dir / "info/refs"), read_plain(git_dir / "objects/info/packs")


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
