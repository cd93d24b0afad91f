"""The files that decide what a scanner finds, by their content: rules on its command line, and a program of its own."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

_CHUNK = 1 << 20
_NOTHING: Mapping[Path, bytes] = {}
Listed = Callable[[Path, Path], Iterable[Path]]
"""Tells what of a path counts in the workspace at a root: it alone, or files and folders that are below it."""


def itself(_root: Path, path: Path) -> Iterable[Path]:
    """Return *path* alone."""
    return (path,)


def digest_of(path: Path, listed: Iterable[Path], instead: Mapping[Path, bytes] = _NOTHING) -> str:
    """Return the SHA-256 of *listed*, files and folders of files at or below *path*, by their names: 64 hex digits.

    *instead* holds what is taken for some of the files in place of what the disk has.

    Raises:
        OSError: a file cannot be read.
    """
    digest = hashlib.sha256()
    files = {file for one in listed for file in ((one,) if one in instead else _files(one))}
    for file in sorted(files):
        name, before, content = os.fsencode(file.relative_to(path)), digest.copy(), hashlib.sha256()
        digest.update(name + b"\0")
        has_end = False
        for chunk in (instead[file],) if file in instead else _chunks(file):
            digest.update(chunk)
            content.update(chunk)
            has_end = has_end or b"\0" in chunk
        digest.update(b"\0")
        if has_end and file != path:
            # It could end itself and go on as another file. No name is empty.
            digest = before
            digest.update(b"\0" + name + b"\0" + content.digest())
    return digest.hexdigest()


def _chunks(file: Path) -> Iterator[bytes]:
    with open(file, "rb") as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    for base, _, names in os.walk(path):
        yield from (file for name in names if (file := Path(base, name)).is_file())
