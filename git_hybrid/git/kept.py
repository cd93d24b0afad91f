"""The refs that keep what was fetched: upstream's, below ``refs/hybrid/upstream/``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from git_hybrid.core.pattern import pattern
from git_hybrid.git.plainfiles import bytes_at, file_at

_ID = rb"[0-9a-fA-F]{40}(?:[0-9a-fA-F]{24})?"
_NAMED = pattern(rb"(%b)\s*" % _ID)
# What stops git is a line that is none (read_line and its like in refs/packed-backend.c).
_PACKED = pattern(rb"(?:# pack-refs with:[^\n]*\n)?(?:%b\s[^\n]+\n(?:\^%b\n)?)*" % (_ID, _ID))
UPSTREAM = "refs/hybrid/upstream/"


def kept_ref(ref: str) -> str:
    """Return the ref below ``refs/hybrid/upstream/`` that a fetched *ref* is kept as."""
    return UPSTREAM + ref.removeprefix("refs/")


def upstream_ref(kept: str) -> str:
    """Return upstream's own name of a *kept* ref."""
    return "refs/" + kept.removeprefix(UPSTREAM)


def packed_refs(git_dir: Path) -> dict[str, str]:
    """Return the ids in the file of packed refs of the repository at *git_dir*, by ref; none where there is none.

    Raises:
        OSError: the file system refused.
    """
    try:
        lines = os.fsdecode(bytes_at(git_dir / "packed-refs")).split("\n")
    except FileNotFoundError:
        return {}
    named = (line.partition(" ") for line in lines)
    return {ref: oid for oid, _, ref in named if ref.startswith("refs/")}


def fetched_refs(git_dir: Path) -> dict[str, str]:
    """Return what was fetched into the repository at *git_dir*, which is ours: packed refs, then loose ones.

    One that is broken, as a power cut may leave it, is not among them.

    Raises:
        OSError: the file system refused.
    """
    found = {ref: oid for ref, oid in packed_refs(git_dir).items() if ref.startswith(UPSTREAM)}
    return found | {ref: oid for ref, oid in _loose_refs(git_dir) if oid}


def broken_refs(git_dir: Path) -> list[str]:
    """Return the refs that keep what was fetched into the repository at *git_dir* and name nothing: git stops at them.

    Raises:
        OSError: the file system refused.
    """
    return [ref for ref, oid in _loose_refs(git_dir) if not oid]


def _loose_refs(git_dir: Path) -> Iterator[tuple[str, str]]:
    """Yield each kept ref that is a file, with the id that it names; nothing for one that is broken."""
    for folder, _, names in os.walk(f"{git_dir}/{UPSTREAM.rstrip('/')}"):
        # No ref may end in .lock (git-check-ref-format(1)): that is another git at work.
        for path in (f"{folder}/{name}" for name in names if not name.endswith(".lock")):
            with file_at(path, links=True) as file:
                match = _NAMED.fullmatch(file.read() or b"")
            yield path.removeprefix(f"{git_dir}/"), match[1].decode("ascii") if match else ""


def is_sound(packed: bytes) -> bool:
    """Tell whether git can read the file of packed refs *packed*; of one that it cannot no ref can be had at all."""
    return _PACKED.fullmatch(packed) is not None
