"""The refs that keep what was fetched: upstream's, below ``refs/hybrid/upstream/``."""

from __future__ import annotations

import os
from pathlib import Path

UPSTREAM = "refs/hybrid/upstream/"


def kept_ref(ref: str) -> str:
    """Return the ref below ``refs/hybrid/upstream/`` that a fetched *ref* is kept as."""
    return UPSTREAM + ref.removeprefix("refs/")


def upstream_ref(kept: str) -> str:
    """Return upstream's own name of a *kept* ref."""
    return "refs/" + kept.removeprefix(UPSTREAM)


def fetched_refs(git_dir: Path) -> dict[str, str]:
    """Return what was fetched into the repository at *git_dir*, which is ours: packed refs, then loose ones.

    Of one that is damaged what is named is no id.

    Raises:
        OSError: the file system refused.
    """
    found: dict[str, str] = {}
    packed = git_dir / "packed-refs"
    for line in packed.read_bytes().split(b"\n") if packed.is_file() else ():
        oid, _, ref = os.fsdecode(line).partition(" ")
        if ref.startswith(UPSTREAM):
            found[ref] = oid
    for folder, _, names in os.walk(f"{git_dir}/{UPSTREAM.rstrip('/')}"):
        for name in names:
            path = f"{folder}/{name}"
            with open(path, encoding="ascii", errors="replace") as file:
                found[path.removeprefix(f"{git_dir}/")] = file.read().strip()
    return found
