"""Read from a folder of this machine what a ref names there, where it is sure that git would tell the same.

``upload-pack`` has to be started for that otherwise, which takes as long as all the rest of a clone from the object
cache. Only the plainest repositories are read, line by line as git writes them; what is anything else, belongs to
somebody else, or hides some of its refs, is for git to say.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress

from git_hybrid.git.plainfiles import file_at

_OID = re.compile(rb"([0-9a-f]{40})\n")
_HEAD = re.compile(rb"(ref: refs/|[0-9a-f]{40}\n)")
_SECTION = re.compile(rb'\[([A-Za-z0-9.-]+)( "[^"\\]*")?\]')
_KEY = re.compile(rb'([A-Za-z][A-Za-z0-9-]*)(?:[ \t]*=[ \t]*([^"\\#;\0]*?))?[ \t]*')
_REFUSED = frozenset({b"include", b"includeif", b"extensions"})
"""Sections that bring other settings in, or another kind of repository."""
_YES_OR_NO = (b"true", b"false")
_CORE: dict[bytes, tuple[bytes, ...]] = dict.fromkeys(
    (b"bare", b"filemode", b"ignorecase", b"precomposeunicode", b"symlinks"), _YES_OR_NO
)
_CORE |= {b"repositoryformatversion": (b"0",), b"logallrefupdates": (*_YES_OR_NO, b"always")}
_SERVING = (b"transfer", b"uploadpack")
_HIDING = b"hiderefs"
_LARGEST = 16 << 20
_PARTIAL = (b"promisor", b"partialclonefilter")
"""What lets git fetch what is missing there, in a way that these settings choose."""
_PLAIN = re.compile(rb"refs/[A-Za-z0-9_./-]+")
_PACKED = re.compile(rb"(# pack-refs with:[^\n]*\n)?(?:[0-9a-f]{40} refs/[^\n]+\n(?:\^[0-9a-f]{40}\n)?)*")
_LISTED = re.compile(rb"^([0-9a-f]{40}) (refs/[^\n]+)$", re.MULTILINE)


def tip(path: str, ref: str) -> str | None:
    """Return the id that *ref* has in the repository at *path*; None where that is for git to say."""
    with suppress(OSError, ValueError):
        git_dir, name = serving(path), ref.encode()
        if git_dir is not None and _is_plain(git_dir, name):
            # git reads both, and stops at what is malformed in either.
            packed, loose = _packed(f"{git_dir}/packed-refs", name), _loose(f"{git_dir}/{ref}")
            found = loose or packed
            return found if found is not None and _has_objects(f"{git_dir}/objects", found) else None
    return None


def serving(path: str) -> str | None:
    """Return the git folder that ``upload-pack`` would serve from (enter_repo in git's path.c), if it is a folder.

    Raises:
        OSError: it cannot be looked at.
    """
    inner = f"{path}/.git"
    if os.path.lexists(inner):
        return inner if stat.S_ISDIR(os.lstat(inner).st_mode) else None
    return path


def _is_plain(git_dir: str, ref: bytes) -> bool:
    names = {*os.listdir(git_dir)}
    if names & {"commondir", "reftable", "config.worktree", "shallow"} or os.path.lexists(f"{git_dir}/info/grafts"):
        return False
    if not all(stat.S_ISDIR(os.lstat(f"{git_dir}/{name}").st_mode) for name in ("objects", "refs")):
        return False
    # git refuses the repositories of others (safe.directory, git-config(1)).
    if os.stat(git_dir).st_uid != os.geteuid() or _HEAD.match(_read(f"{git_dir}/HEAD")) is None:
        return False
    return _shows(_read(f"{git_dir}/config"), ref)


def _shows(config: bytes, ref: bytes) -> bool:
    """Tell whether git surely understands the settings *config*, and *ref* is not hidden by them."""
    section = b""
    for line in config.split(b"\n"):
        text = line.strip(b" \t")
        if not text or text[:1] in (b"#", b";"):
            continue
        if (opened := _SECTION.fullmatch(text)) is not None:
            section = opened[1].lower()
            if section in _REFUSED:
                return False
            continue
        match = _KEY.fullmatch(text)
        if match is None or not section or not _is_harmless(section, match[1].lower(), match[2], ref):
            return False
    return True


def _is_harmless(section: bytes, key: bytes, value: bytes | None, ref: bytes) -> bool:
    if section == b"core":
        return value in _CORE.get(key, ())
    if key in _PARTIAL:
        return False
    if section not in _SERVING:
        return True
    if key != _HIDING:
        return value in _YES_OR_NO
    hidden = value or b""
    return _PLAIN.fullmatch(hidden) is not None and not (ref + b"/").startswith(hidden.rstrip(b"/") + b"/")


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
    """Return the id of *ref* in the file of packed refs; None where it is not there.

    Raises:
        OSError, ValueError: it is not as git writes it.
    """
    try:
        data = _read(path)
    except FileNotFoundError:
        return None
    listed = _LISTED.findall(data)
    if _PACKED.fullmatch(data) is None or [name for _, name in listed] != sorted({name for _, name in listed}):
        raise ValueError(path)
    return next((oid.decode("ascii") for oid, name in listed if name == ref), None)


def _has_objects(folder: str, oid: str) -> bool:
    """Tell whether the object may be there: git lists no ref, and serves none, whose object is missing."""
    if os.path.lexists(f"{folder}/{oid[:2]}/{oid[2:]}") or os.path.lexists(f"{folder}/info/alternates"):
        return True
    return any(name.endswith(".pack") for name in os.listdir(f"{folder}/pack"))


def _read(path: str) -> bytes:
    with file_at(path) as file:
        found = os.fstat(file.fileno())
        if found.st_size > _LARGEST:
            raise ValueError(path)
        return file.read(_LARGEST) or b""
