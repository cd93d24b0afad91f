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


def read_back(folder: str, entries: Sequence[TreeEntry]) -> tuple[str, Collector]:
    """Return a digest of the files of *entries* below *folder*, and their stat data, taken before they were read.

    The digest is SHA-256 over ``<mode> <sha256 of the file> <path>`` NUL of each entry, in the order of the tree. The
    content of a symbolic link is its target; a gitlink has none and counts as the empty string.

    Raises:
        LocalIo: a file is not there, or is of another kind.
    """
    digest, root, seen = hashlib.sha256(), os.fsencode(folder) + b"/", Collector()
    path = root
    try:
        for name in folders_of(entry.path for entry in entries):
            path = root + name
            seen.add(name, os.lstat(path))
        for entry in entries:
            path = root + entry.path
            if entry.mode == GITLINK:
                found = _EMPTY
            elif entry.mode == LINK:
                seen.add(entry.path, os.lstat(path))
                found = hashlib.sha256(os.readlink(path)).hexdigest()
            else:
                found = _file(path, entry, seen)
            digest.update(content_line(entry.mode, found, entry.path))
    except OSError as error:
        reason = error.strerror or str(error)
        raise LocalIo(path=os.fsdecode(path), operation="read back", reason=reason) from error
    return digest.hexdigest(), seen


def _file(path: bytes, entry: TreeEntry, seen: Collector) -> str:
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    digest, left = hashlib.sha256(), entry.size + 1
    try:
        seen.add(entry.path, os.fstat(number))
        while True:
            # A byte more than there should be: less is the end of the file, and more is not what was checked out.
            asked = min(left, _CHUNK)
            data = os.read(number, asked)
            digest.update(data)
            left -= len(data)
            if len(data) < asked or not left:
                return digest.hexdigest()
    finally:
        os.close(number)
