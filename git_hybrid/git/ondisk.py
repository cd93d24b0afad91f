"""Read back what a checkout wrote: the digest of the files themselves, not of the objects that they came from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

from git_hybrid.core.errors import LocalIo
from git_hybrid.core.tree import GITLINK, LINK, TreeEntry, content_line
from git_hybrid.git.seen import Collector, folders_of

_CHUNK = 1 << 20
_EMPTY = hashlib.sha256(b"").hexdigest()


def read_back(folder: str, entries: Sequence[TreeEntry]) -> tuple[str, Collector, list[str]]:
    """Return a digest of the files of *entries* below *folder*, their stat data from before that, and their hashes.

    The digest is SHA-256 over ``<mode> <sha256 of the file> <path>`` NUL of each entry, in the order of the tree. The
    content of a symbolic link is its target; a gitlink has none and counts as the empty string. The hashes are those
    SHA-256 of each entry, gitlinks left out.

    Raises:
        LocalIo: a file is not there, or is of another kind.
    """
    digest, seen, hashes, name = hashlib.sha256(), Collector(), list[str](), b""
    try:
        top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in folders_of(entry.path for entry in entries):
                seen.add(name, os.lstat(name, dir_fd=top))
            for entry in entries:
                name = entry.path
                if entry.mode == GITLINK:
                    digest.update(content_line(entry.mode, _EMPTY, name))
                    continue
                if entry.mode == LINK:
                    seen.add(name, os.lstat(name, dir_fd=top))
                    found = hashlib.sha256(os.readlink(name, dir_fd=top)).hexdigest()
                else:
                    found = _file(top, entry, seen)
                hashes.append(found)
                digest.update(content_line(entry.mode, found, name))
        finally:
            os.close(top)
    except OSError as error:
        path, reason = os.path.join(os.fsencode(folder), name), error.strerror or str(error)
        raise LocalIo(path=os.fsdecode(path), operation="read back", reason=reason) from error
    return digest.hexdigest(), seen, hashes


def _file(top: int, entry: TreeEntry, seen: Collector) -> str:
    number = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=top)
    try:
        seen.add(entry.path, os.fstat(number))
        # A byte more than there should be: less is the end of the file, and more is not what was checked out.
        left = entry.size + 1
        data = os.read(number, min(left, _CHUNK))
        digest, left = hashlib.sha256(data), left - len(data)
        while left and len(data) == _CHUNK:
            data = os.read(number, min(left, _CHUNK))
            digest.update(data)
            left -= len(data)
        return digest.hexdigest()
    finally:
        os.close(number)
