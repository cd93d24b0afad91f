"""What the small files of a repository say, where their text leaves no doubt; anything else is for git to read."""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from io import FileIO
from pathlib import Path

from git_hybrid.core.pattern import pattern

_LARGEST = 16 << 20
_OID = pattern(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_MOVE = pattern(rb"([0-9a-f]{40,64}) ([0-9a-f]{40,64}) ")
_LINE = 1 << 12
_PROMISED = pattern(rb"^[ \t]*(?:promisor|partialclone)[ \t]*(?:=|$)", re.IGNORECASE | re.MULTILINE)
_SECTION = pattern(r'\[([A-Za-z0-9-]+)(?: "([ !#-\[\]-~]*)")?\]')
# No quote, backslash or comment, and no blank at either end.
_SETTING = pattern(r"\t?([A-Za-z][A-Za-z0-9-]*) = ((?:[!$-:<-\[\]-~](?: (?! |$))?)+)")


def file_at(path: bytes | str | Path, *, links: bool = False) -> FileIO:
    """Open the file at *path* for reading, without a buffer; a pipe keeps nobody waiting, and *links* may be followed.

    Raises:
        OSError: it cannot be opened, or is a folder, or a link that may not be followed.
    """
    return open(path, "rb", buffering=0, opener=_follow if links else _refuse)


def _follow(path: str, _flags: int) -> int:
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)


def _refuse(path: str, _flags: int) -> int:
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)


def bytes_at(path: bytes | str | Path, *, links: bool = True) -> bytes:
    """Return what the file at *path* holds, with *links* also behind a link; nothing of a pipe.

    Raises:
        OSError: it cannot be read.
    """
    with file_at(path, links=links) as file:
        return file.read() or b""


def read_plain(path: Path, largest: int = _LARGEST) -> bytes | None:
    """Return what the file at *path* holds; None where it is no file, a link, a large one, or cannot be read."""
    with suppress(OSError), file_at(path) as file:
        status = os.fstat(file.fileno())
        if stat.S_ISREG(status.st_mode) and status.st_size <= largest:
            return file.read()
    return None


def expects_more(git_dir: Path) -> bool:
    """Tell whether the settings name somebody to ask for objects that are missing: git then misses none of them."""
    return _PROMISED.search(read_plain(git_dir / "config") or b"") is not None


def oids_in(path: Path) -> list[str]:
    """Return the ids in the file at *path*, one a line; lines of a damaged file that are none are left out."""
    lines = (read_plain(path) or b"").split(b"\n")
    return [line.decode("ascii") for line in lines if _OID.fullmatch(line)]


def moved_from(git_dir: Path, commit: str) -> str | None:
    """Return the commit at which HEAD stood before it was moved to *commit*, by the last line of its reflog.

    None where that is of another move, or does not show.
    """
    with suppress(OSError), file_at(git_dir / "logs/HEAD") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - _LINE))
        last = (file.read() or b"").rstrip(b"\n").rpartition(b"\n")[2]
        if (line := _MOVE.match(last)) is not None and line[2] == commit.encode("ascii"):
            return line[1].decode("ascii")
    return None


def plain_settings(path: Path) -> list[tuple[str, str]] | None:
    """Return the settings in the file at *path* as ``git config --list`` would; None if a line is not quite plain.

    Plain are the lines that git itself writes for values that need no quotes (git-config(1), syntax).
    """
    data = read_plain(path)
    if data is None or not data.isascii():
        return None
    found: list[tuple[str, str]] = []
    section = ""
    for line in data.decode("ascii").split("\n"):
        if (opened := _SECTION.fullmatch(line)) is not None:
            section = opened[1].lower() + ("" if opened[2] is None else f".{opened[2]}")
        elif section and (setting := _SETTING.fullmatch(line)) is not None:
            found.append((f"{section}.{setting[1].lower()}", setting[2]))
        elif line:
            return None
    return found
