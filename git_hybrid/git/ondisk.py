"""Read back what a checkout wrote: the digest of the files themselves, not of the objects that they came from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

from git_hybrid.core.errors import LocalIo
from git_hybrid.core.tree import GITLINK, LINK, TreeEntry, content_line

_CHUNK = 1 << 20
_EMPTY = hashlib.sha256(b"").hexdigest()


def content_sha256(folder: str, entries: Sequence[TreeEntry]) -> str:
    """Return SHA-256 over ``<mode> <sha256 of the file> <path>`` NUL of each entry, in the order of the tree.

    The content of a symbolic link is its target; a gitlink has none and counts as the empty string.

    Raises:
        LocalIo: a file is not there, or is of another kind.
    """
    digest, root = hashlib.sha256(), os.fsencode(folder) + b"/"
    for entry in entries:
        path = root + entry.path
        try:
            if entry.mode == GITLINK:
                found = _EMPTY
            elif entry.mode == LINK:
                found = hashlib.sha256(os.readlink(path)).hexdigest()
            else:
                found = _file(path, entry.size)
        except OSError as error:
            reason = error.strerror or str(error)
            raise LocalIo(path=os.fsdecode(path), operation="read back", reason=reason) from error
        digest.update(content_line(entry.mode, found, entry.path))
    return digest.hexdigest()


def _file(path: bytes, size: int) -> str:
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    digest, left = hashlib.sha256(), size + 1
    try:
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
