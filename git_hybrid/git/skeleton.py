"""An empty repository, as ``git init --template=`` makes it, without a process.

What git finds out about the file system (git-config(1), core.fileMode, core.symlinks, core.ignoreCase) is found out
here in the same way.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from git_hybrid.core.pattern import pattern
from git_hybrid.git.plainfiles import read_plain

BRANCH = "hybrid"
_FOLDERS = ("objects", "objects/pack", "objects/info", "refs", "refs/heads", "refs/tags", "info")
_SHA256 = pattern(rb"^[ \t]*objectformat[ \t]*=[ \t]*\"?sha256", re.IGNORECASE | re.MULTILINE)
# What was found out about file systems, by the folder two above the repository: many are made beside each other.
_found: dict[str, tuple[bool, bool, bool]] = {}


def write_skeleton(
    git_dir: Path, *, object_format: str, bare: bool = False, attributes: str = "", more: str = ""
) -> None:
    """Make *git_dir*, which must not exist, an empty repository, with ``info/attributes`` if *attributes* has text.

    *more* is what its config has beside what git writes.

    Raises:
        OSError: the file system refused.
    """
    text = os.fspath(git_dir)
    os.makedirs(text)
    for folder in _FOLDERS[: None if attributes else -1]:
        os.mkdir(f"{text}/{folder}")
    _write(f"{text}/HEAD", f"ref: refs/heads/{BRANCH}\n")
    _write(f"{text}/config", settings(text, object_format=object_format, bare=bare) + more)
    if attributes:
        _write(f"{text}/info/attributes", attributes)


def settings(git_dir: str, *, object_format: str, bare: bool) -> str:
    """Return what git writes into the config of a new repository at *git_dir*, which must have none yet.

    Raises:
        OSError: the file system refused.
    """
    folder = os.path.dirname(os.path.dirname(git_dir))
    if folder not in _found:
        _found[folder] = _probed(git_dir)
    keeps_modes, knows_links, ignores_case = _found[folder]
    lines = [
        "[core]",
        f"\trepositoryformatversion = {0 if object_format == 'sha1' else 1}",
        f"\tfilemode = {_word(keeps_modes)}",
        f"\tbare = {_word(bare)}",
    ]
    if not bare:
        lines.append("\tlogallrefupdates = true")
    if not knows_links:
        lines.append("\tsymlinks = false")
    if ignores_case:
        lines.append("\tignorecase = true")
    if object_format != "sha1":
        lines += ["[extensions]", f"\tobjectformat = {object_format}"]
    return "".join(f"{line}\n" for line in lines)


def _probed(git_dir: str) -> tuple[bool, bool, bool]:
    """Return whether the file system keeps modes, knows symbolic links, and ignores case."""
    path = f"{git_dir}/config"
    _write(path, "")
    return _keeps_modes(path), _knows_links(f"{path}.link"), os.path.exists(f"{git_dir}/CoNfIg")


def _keeps_modes(path: str) -> bool:
    before = stat.S_IMODE(os.lstat(path).st_mode)
    if before & stat.S_IXUSR:
        return False
    os.chmod(path, before ^ stat.S_IXUSR)
    after = stat.S_IMODE(os.lstat(path).st_mode)
    os.chmod(path, before)
    return before != after


def _knows_links(path: str) -> bool:
    try:
        os.symlink("testing", path)
    except OSError:
        return False
    os.unlink(path)
    return True


def _word(value: object) -> str:
    return "true" if value else "false"


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        os.write(descriptor, text.encode("ascii"))
    finally:
        os.close(descriptor)


def borrow_from(git_dir: Path, *lenders: str | Path) -> None:
    """Let the repository at *git_dir*, which nobody else knows yet, have the objects of those at *lenders*.

    Raises:
        OSError: the file system refused.
    """
    lines = "".join(f"{_quoted(f'{lender}/objects')}\n" for lender in lenders)
    (git_dir / "objects/info/alternates").write_bytes(os.fsencode(lines))


def _quoted(path: str) -> str:
    """Return *path* as ``info/alternates`` names it: one that has a line feed is quoted, as in C."""
    if "\n" not in path:
        return path
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def can_lend(git_dir: Path, *, oid_length: int) -> bool:
    """Tell whether a repository with ids of so many digits can :func:`borrow_from` *git_dir* whoever reads it.

    What is quoted libgit2 does not read; packs of the other object format git takes for damaged ones.
    """
    config = read_plain(git_dir / "config") or b""
    return "\n" not in os.fspath(git_dir) and (_SHA256.search(config) is None) == (oid_length == 40)
