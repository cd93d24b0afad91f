"""What a folder below ``sources/`` is that belongs to no source, read without a process."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from git_hybrid.core.ids import InvalidText, Oid, parse_oid
from git_hybrid.core.plan import PIN_REF, Stray
from git_hybrid.git.kept import packed_refs
from git_hybrid.git.origin import origin_of
from git_hybrid.git.plainfiles import read_plain

_TIP = "refs/remotes/origin/HEAD"
_REF, _LENT = b"ref: ", b"gitdir: "
_LINKS = 5
"""So many names of names are followed, as git does."""


def stray_at(path: Path) -> Stray:
    """Return what the clone at *path* is, as far as its files tell."""
    git_dir = path / ".git"
    if not path.is_symlink() and (text := read_plain(git_dir) or b"").startswith(_LENT):
        return Stray(lent_by=os.fsdecode(text.removeprefix(_LENT).strip()))
    if path.is_symlink() or git_dir.is_symlink() or not git_dir.is_dir():
        return Stray()
    # What cannot be read tells nothing.
    with suppress(OSError):
        packed = packed_refs(git_dir)
        head, tip, installed = (_commit(git_dir, packed, ref) for ref in ("HEAD", _TIP, PIN_REF))
        return Stray(head=head, tip=tip, origin=origin_of(git_dir), installed=installed)
    return Stray()


def _commit(git_dir: Path, packed: dict[str, str], ref: str) -> Oid | None:
    for _ in range(_LINKS):
        text = (read_plain(git_dir / ref) or packed.get(ref, "").encode()).strip()
        if not text.startswith(_REF):
            with suppress(InvalidText):
                return parse_oid(text.decode("ascii", "replace"))
            return None
        ref = text.removeprefix(_REF).decode("utf-8", "replace")
        if not ref.startswith("refs/") or ".." in ref:
            return None
    return None
