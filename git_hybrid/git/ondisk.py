"""Read back what a checkout wrote: the digest of the files themselves, not of the objects that they came from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext

from git_hybrid.core.errors import LocalIo
from git_hybrid.core.tree import GITLINK, LINK, TreeEntry, content_digest
from git_hybrid.git.linked import real_folder
from git_hybrid.git.seen import Collector
from git_hybrid.git.treefiles import folders_of
from git_hybrid.turn import TURN

_CHUNK, _SMALL = 1 << 20, 4 << 20


def read_back(
    folder: str, entries: Sequence[TreeEntry], take: Callable[[bytes], object] = lambda _content: None
) -> tuple[str, Collector, list[str]]:
    """Return a digest of the files of *entries* below *folder*, their stat data from before that, and their hashes.

    The digest is SHA-256 over ``<mode> <sha256 of the file> <path>`` NUL of each entry, in the order of the tree. The
    content of a symbolic link is its target; a gitlink has none and counts as the empty string. The hashes are those
    SHA-256 of each entry, gitlinks left out. *take* is given what was read, from the first file to the last.

    Raises:
        LocalIo: a file is not there, or is of another kind.
    """
    seen, hashes, name = Collector(), list[str](), b""
    # Of large trees most of the time goes into hashing, which other threads need not wait for.
    turn = TURN if sum(entry.size for entry in entries) < _SMALL else nullcontext()
    try:
        with turn, real_folder(folder) as top:
            for name in folders_of(entry.path for entry in entries):
                seen.add(name, os.lstat(name, dir_fd=top))
            for entry in entries:
                name = entry.path
                if entry.mode == LINK:
                    seen.add(name, os.lstat(name, dir_fd=top))
                    content = os.readlink(name, dir_fd=top)
                    take(content)
                    hashes.append(hashlib.sha256(content).hexdigest())
                elif entry.mode != GITLINK:
                    hashes.append(_file(top, entry, seen, take))
    except OSError as error:
        raise LocalIo.of(error, os.fsdecode(os.path.join(os.fsencode(folder), name)), "read back") from error
    return content_digest(entries, iter(hashes)), seen, hashes


def _file(top: int, entry: TreeEntry, seen: Collector, take: Callable[[bytes], object]) -> str:
    number = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=top)
    try:
        seen.add(entry.path, os.fstat(number))
        # A byte more than there should be: less is the end of the file, and more is not what was checked out.
        left = entry.size + 1
        data = os.read(number, min(left, _CHUNK))
        digest, left = hashlib.sha256(data), left - len(data)
        take(data)
        while left and len(data) == _CHUNK:
            data = os.read(number, min(left, _CHUNK))
            digest.update(data)
            take(data)
            left -= len(data)
        return digest.hexdigest()
    finally:
        os.close(number)
