"""Many new refs of a repository of a mirror: in one file at once, where git would write and sync a file for each."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path

from git_hybrid.core.errors import reported
from git_hybrid.git.plainfiles import read_plain
from git_hybrid.git.quarantine import Disk
from git_hybrid.git.run import Runner

_FEW = 100
"""So many git may write one by one."""
_KINDS = ("commit", "tag", "tree", "blob")
_HEAD = b"# pack-refs with:"


def pack_new(runner: Runner, disk: Disk, git_dir: Path, refs: Mapping[str, str]) -> Collection[str]:
    """Add those of *refs* that the repository at *git_dir* does not have to its packed refs, durably; return them.

    None where they are few, where another git holds the packed refs, or where one of them is not for a plain list: it
    names what is not there, is a branch and names no commit, or has no place beside another. These are left to git.

    Raises:
        LocalIo: the file system refused.
    """
    if len(refs) <= _FEW or os.path.lexists(git_dir / "reftable"):
        return ()
    with _locked(git_dir / "packed-refs.lock") as is_ours:
        if not is_ours:
            return ()
        there = runner.git(["for-each-ref", "--format=%(refname)"], git_dir=git_dir)
        held = frozenset(filter(None, os.fsdecode(there.stdout).split("\n")))
        new = {ref: oid for ref, oid in refs.items() if ref not in held}
        if there.status != 0 or len(new) <= _FEW or not _is_fit(runner, git_dir, new, held):
            return ()
        disk.write_file(git_dir / "packed-refs", _merged(read_plain(git_dir / "packed-refs") or b"", new))
    # What each tag is of stands there too then, or whoever serves them would have to look. Without it they are whole.
    runner.git(["pack-refs", "--all"], git_dir=git_dir)
    return new.keys()


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Hold the lock of git's at *path* for the block; yield whether it is ours, and nobody else's."""
    with reported(path, "create"):
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
        except FileExistsError:
            is_ours = False
        else:
            is_ours = True
    if not is_ours:
        yield False
        return
    try:
        yield True
    finally:
        path.unlink(missing_ok=True)


def _is_fit(runner: Runner, git_dir: Path, new: Mapping[str, str], held: Collection[str]) -> bool:
    folders = {folder for ref in (*new, *held) for folder in _folders(ref)}
    if not folders.isdisjoint(new) or not folders.isdisjoint(held):
        return False
    # A file there, though git tells of no such ref, is a broken one, which would hide the packed one.
    if any(os.path.lexists(git_dir / ref) for ref in new):
        return False
    asked = "".join(f"{oid}\n" for oid in new.values()).encode("ascii")
    told = runner.git(["cat-file", "--batch-check=%(objecttype)"], git_dir=git_dir, stdin=asked)
    kinds = told.stdout.decode("ascii").splitlines()
    return told.status == 0 and all(
        kind == "commit" or (kind in _KINDS and not ref.startswith("refs/heads/"))
        for ref, kind in zip(new, kinds, strict=True)
    )


def _folders(ref: str) -> Sequence[str]:
    """Return the folders that *ref* would stand in."""
    return list(accumulate(ref.split("/")[:-1], "{}/{}".format))


def _merged(packed: bytes, new: Mapping[str, str]) -> bytes:
    """Return the file of packed refs *packed* with *new* ones; it no longer says that it tells what each tag is of."""
    entries: list[tuple[bytes, bytes]] = [
        (os.fsencode(ref), b"%s %s\n" % (oid.encode(), os.fsencode(ref))) for ref, oid in new.items()
    ]
    for line in packed.splitlines(keepends=True):
        if line.startswith(b"^"):
            ref, text = entries.pop()
            entries.append((ref, text + line))
        elif not line.startswith(_HEAD):
            entries.append((line.rstrip(b"\n").partition(b" ")[2], line))
    return _HEAD + b" sorted \n" + b"".join(text for _, text in sorted(entries))
