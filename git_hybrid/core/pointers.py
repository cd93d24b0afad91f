"""Pointers of Git LFS as git-lfs reads them, which is more than its specification has. Pure.

It takes heads of its first versions, blanks around, and lines that end as on Windows or not at all
(https://github.com/git-lfs/git-lfs, docs/spec.md and lfs/pointer.go).
"""

from __future__ import annotations

import re

from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import Struct

LFS_LIMIT = 1024
"""A blob of so many bytes, or more, git-lfs takes for no pointer when it looks for what to fetch."""
_VERSIONS = frozenset(
    (b"http://git-media.io/v/2", b"https://hawser.github.com/spec/v1", b"https://git-lfs.github.com/spec/v1")
)
_KEYS = (b"version", b"oid", b"size")
_EXTENSION = pattern(rb"ext-[0-9]-[0-9A-Za-z_]")
_OID, _SIZE = pattern(rb"sha256:([0-9a-f]{64})"), pattern(rb"\+?([0-9]{1,19})")
# What Unicode calls white space, of which Python has more.
_BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


class Pointer(Struct, frozen=True):
    """What a pointer names: SHA-256 and size of the content; and whether it does so by way of an extension.

    That is a program, which the settings of git name (git-lfs-config(5), "Extensions").
    """

    sha256: str
    size: int
    extended: bool = False


def parse_pointer(blob: bytes) -> Pointer | None:
    """Return the pointer that git-lfs takes *blob* for, None if it takes it for none."""
    if len(blob) >= LFS_LIMIT:
        return None
    text = blob.decode("utf-8", "surrogateescape").strip(_BLANKS).encode("utf-8", "surrogateescape")
    told, extended = list[bytes](), False
    for line in filter(None, re.split(rb"\r?\n", text)):
        key, blank, value = line.partition(b" ")
        if not blank or len(told) == len(_KEYS):
            return None
        if key == _KEYS[len(told)]:
            told.append(value)
        elif _EXTENSION.match(key):
            extended = True
        else:
            return None
    if len(told) < len(_KEYS) or told[0] not in _VERSIONS:
        return None
    oid, size = _OID.fullmatch(told[1]), _SIZE.fullmatch(told[2])
    if oid is None or size is None:
        return None
    return Pointer(sha256=oid[1].decode("ascii"), size=int(size[1]), extended=extended)
