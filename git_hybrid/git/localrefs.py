"""Read from a folder of this machine what a ref names there, where it is sure that git would tell the same.

``upload-pack`` has to be started for that otherwise, which takes as long as all the rest of a clone from the object
cache. Where the repository is not of the plainest kind, belongs to somebody else, or hides some of its refs, git says.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress

_OID = re.compile(rb"([0-9a-f]{40})\n")
_HEAD = re.compile(rb"(ref: refs/|[0-9a-f]{40}\n)")
# Whatever brings other settings in, or another kind of refs.
_UNUSUAL = re.compile(
    rb"^\s*\[\s*(include|includeif|extensions|core\s*\"|transfer\s*\"|uploadpack\s*\")", re.MULTILINE | re.IGNORECASE
)
_HIDDEN = re.compile(rb"hiderefs[ \t]*(?:=[ \t]*(.*?))?[ \t]*$", re.MULTILINE | re.IGNORECASE)
_PLAIN = re.compile(rb"refs/[A-Za-z0-9_./-]+")


def tip(path: str, ref: str) -> str | None:
    """Return the id that *ref* has in the repository at *path*; None where that is for git to say."""
    with suppress(OSError, ValueError):
        git_dir = _git_dir(path)
        if git_dir is not None and _is_plain(git_dir, ref.encode()):
            return _loose(f"{git_dir}/{ref}") or _packed(f"{git_dir}/packed-refs", ref.encode())
    return None


def _git_dir(path: str) -> str | None:
    """Return the git folder that ``upload-pack`` would serve from (enter_repo in git's path.c)."""
    inner = f"{path}/.git"
    if os.path.lexists(inner):
        return inner if stat.S_ISDIR(os.lstat(inner).st_mode) else None
    return path


def _is_plain(git_dir: str, ref: bytes) -> bool:
    names = {*os.listdir(git_dir)}
    if not {"HEAD", "config", "objects", "refs"} <= names or names & {"commondir", "reftable", "config.worktree"}:
        return False
    # git refuses the repositories of others (safe.directory, git-config(1)).
    if os.stat(git_dir).st_uid != os.geteuid():
        return False
    if _HEAD.match(_read(f"{git_dir}/HEAD")) is None:
        return False
    config = _read(f"{git_dir}/config")
    if _UNUSUAL.search(config) is not None or b"\\\n" in config:
        return False
    hidden = [match[1] or b"" for match in _HIDDEN.finditer(config)]
    return all(_PLAIN.fullmatch(text) and not (ref + b"/").startswith(text.rstrip(b"/") + b"/") for text in hidden)


def _loose(path: str) -> str | None:
    """Return the id in a file; None where there is none.

    Raises:
        OSError, ValueError: there is something else.
    """
    try:
        match = _OID.fullmatch(_read(path))
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
    if match is None:
        raise ValueError(path)
    return match[1].decode("ascii")


def _packed(path: str, ref: bytes) -> str | None:
    match = re.search(rb"^([0-9a-f]{40}) %s$" % re.escape(ref), _read(path), re.MULTILINE)
    return None if match is None else match[1].decode("ascii")


def _read(path: str) -> bytes:
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK), "rb", buffering=0) as file:
        return file.read()
