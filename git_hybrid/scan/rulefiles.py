"""The files that decide what a scanner finds, by their content: rules on its command line, and a program of its own."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

_CHUNK = 1 << 20
_NOTHING: Mapping[Path, bytes] = {}


def digest_of(path: Path, instead: Mapping[Path, bytes] = _NOTHING) -> str:
    """Return the SHA-256 of a file, or of the files below a folder by their names: 64 hex digits.

    *instead* holds what is taken for files at or below *path* in place of what the disk has.

    Raises:
        OSError: a file cannot be read.
    """
    digest = hashlib.sha256()
    for file in sorted({*_files(path), *instead}):
        digest.update(os.fsencode(file.relative_to(path)) + b"\0")
        if file in instead:
            digest.update(instead[file])
        else:
            with open(file, "rb") as stream:
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
        digest.update(b"\0")
    return digest.hexdigest()


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    for base, _, names in os.walk(path):
        yield from (file for name in names if (file := Path(base, name)).is_file())
