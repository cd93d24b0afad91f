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
        if there.status != 0 or len(new) <= _FEW or not _has_room(git_dir, new, held):
            return ()
        peeled = _peeled(runner, git_dir, new)
        if peeled is None:
            return ()
        disk.write_file(git_dir / "packed-refs", _merged(read_plain(git_dir / "packed-refs") or b"", new, peeled))
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


def _has_room(git_dir: Path, new: Collection[str], held: Collection[str]) -> bool:
    folders = {folder for ref in (*new, *held) for folder in _folders(ref)}
    if not folders.isdisjoint(new) or not folders.isdisjoint(held):
        return False
    # A file there, though git tells of no such ref, is a broken one, which would hide the packed one.
    return not any(os.path.lexists(git_dir / ref) for ref in new)


def _peeled(runner: Runner, git_dir: Path, new: Mapping[str, str]) -> Mapping[str, str] | None:
    """Return what each object of *new* refs is of in the end, itself or what a tag names; None where one is not fit."""
    asked = "".join(f"{oid}\n{oid}^{{}}\n" for oid in new.values()).encode("ascii")
    told = runner.git(["cat-file", "--batch-check=%(objectname) %(objecttype)"], git_dir=git_dir, stdin=asked)
    answers = [line.partition(" ")[::2] for line in told.stdout.decode("ascii").splitlines()]
    if told.status != 0 or len(answers) != 2 * len(new):
        return None
    kinds, ends = answers[::2], answers[1::2]
    if any(kind not in _KINDS or end not in _KINDS for (_, kind), (_, end) in zip(kinds, ends, strict=True)):
        return None
    if any(ref.startswith("refs/heads/") and kind != "commit" for ref, (_, kind) in zip(new, kinds, strict=True)):
        return None
    return {oid: end for oid, (end, _) in zip(new.values(), ends, strict=True)}


def _folders(ref: str) -> Sequence[str]:
    """Return the folders that *ref* would stand in."""
    return list(accumulate(ref.split("/")[:-1], "{}/{}".format))


def _merged(packed: bytes, new: Mapping[str, str], peeled: Mapping[str, str]) -> bytes:
    """Return the file of packed refs *packed* with *new* ones, each with what its tag is of.

    Without that whoever serves them would have to look into each tag. That it is said of all stays only where it was.
    """
    entries: list[tuple[bytes, bytes]] = []
    for name, oid in new.items():
        of = b"^%s\n" % peeled[oid].encode() if peeled[oid] != oid else b""
        entries.append((os.fsencode(name), b"%s %s\n%s" % (oid.encode(), os.fsencode(name), of)))
    is_of_all = not packed
    for line in packed.splitlines(keepends=True):
        if line.startswith(b"^"):
            ref, text = entries.pop()
            entries.append((ref, text + line))
        elif line.startswith(_HEAD):
            is_of_all = b" fully-peeled " in line
        else:
            entries.append((line.rstrip(b"\n").partition(b" ")[2], line))
    head = _HEAD + (b" peeled fully-peeled sorted \n" if is_of_all else b" sorted \n")
    return head + b"".join(text for _, text in sorted(entries))
