"""What a mirror folder says of itself: ``mirror.json`` and ``index.html``, and its one writer at a time."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from git_hybrid.core.errors import BadArgument, HybridError, Problem, SymlinkRefused, reported
from git_hybrid.core.ids import InvalidText, parse_full_ref, parse_name, parse_oid
from git_hybrid.core.mirrors import PAGE_TITLE
from git_hybrid.core.ports_mirror import Claim
from git_hybrid.core.reducer import RunInfo
from git_hybrid.core.words import typed
from git_hybrid.store.durable import make_folder, write_file
from git_hybrid.store.filelock import Held, writer_lock
from git_hybrid.store.inplace import as_group
from git_hybrid.store.parsing import convert, load_json, read_bytes
from git_hybrid.store.wire_airgap import ClaimShape

LISTING, PAGE = "mirror.json", "index.html"
_LOCK, _STAGES = ".lock", ".incoming"
_RUN = re.compile(r"[0-9A-Z]{26}|\.lfs")
"""What stands among the stages: those of a run, and what an interrupted one had of LFS content."""
_HEAD = 4096


@contextmanager
def held(folder: Path, info: RunInfo, *, timeout: timedelta, cancelled: Callable[[], int]) -> Iterator[Held]:
    """Be the only writer of the mirror folder for the block; it is made if it is not there.

    Where a group shares the folder, it may write to all that is made.

    Raises:
        LockBusy: another writer does not end in time.
        SymlinkRefused: a file that is to be written is a symbolic link.
        BadArgument: a file that is to be written is there and somebody else's.
    """
    with as_group(folder):
        make_folder(folder)
        _refuse_links(folder)
        _refuse_taken(folder)
        path, command = folder / _LOCK, info.command
        with writer_lock(path, timeout=timeout, command=command, now=info.now, cancelled=cancelled) as lock:
            yield lock


def _refuse_links(folder: Path) -> None:
    for path in (folder / _LOCK, folder / _STAGES, folder / LISTING, folder / PAGE):
        if path.is_symlink():
            raise SymlinkRefused(path=str(path))


def _refuse_taken(folder: Path) -> None:
    """Raise where *folder* has what no mirror folder has at a place of its own: each run would write over it."""
    page = _head(folder / PAGE)
    is_ours = f"<title>{PAGE_TITLE}</title>".encode() in page
    # One that is damaged is written anew in a folder whose page is ours.
    told = is_ours or not _head(folder / LISTING) or isinstance(_document(folder).get("repositories"), list)
    is_mirror = is_ours or bool(_head(folder / LISTING))
    stages = () if is_mirror else (name for name in _names(folder / _STAGES) if not _RUN.fullmatch(name))
    locked = b"" if is_mirror else _head(folder / _LOCK).strip()
    taken = {
        PAGE: bool(page) and not is_ours,
        LISTING: not told,
        _STAGES: any(stages),
        _LOCK: bool(locked) and not locked.startswith(b"{"),
    }
    for name, is_taken in taken.items():
        if is_taken:
            what = "folder" if name == _STAGES else "file"
            reason = f"has a {what} {name} that is not of a mirror and would be written over: name a folder of its own"
            hint = f"git hybrid mirror update {typed(str(folder / 'git'))}"
            raise BadArgument(what="mirror", value=str(folder), reason=reason, hint=hint)


def _names(folder: Path) -> list[str]:
    with reported(folder, "read"), suppress(FileNotFoundError):
        return os.listdir(folder)
    return []


def _head(path: Path) -> bytes:
    with reported(path, "read"), suppress(FileNotFoundError), open(path, "rb", opener=_unwaiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            reason = f"has a {path.name} that is no file: take that away, or name another folder"
            raise BadArgument(what="mirror", value=str(path.parent), reason=reason)
        return file.read(_HEAD)
    return b""


def _unwaiting(path: str, _flags: int) -> int:
    """Open *path*: a pipe would keep the run waiting, and the lock of the folder with it."""
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)


def _document(folder: Path) -> dict[str, Any]:
    try:
        return load_json(read_bytes(folder / LISTING, LISTING) or b"{}", LISTING)
    except HybridError:
        return {}


def read_listing(folder: Path) -> list[dict[str, Any]]:
    """Return the repositories that ``mirror.json`` tells of; a listing that cannot be read tells of none."""
    found = _document(folder).get("repositories", [])
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def read_claims(item: dict[str, Any]) -> list[Claim]:
    """Return what locks need of a repository of the listing, as *item* tells; what is no such claim is left out."""
    found = item.get("claims")
    problems: list[Problem] = []
    shapes = (convert(entry, ClaimShape, "claims", problems) for entry in (found if isinstance(found, list) else ()))
    claims = []
    for shape in shapes:
        with suppress(InvalidText):
            if shape is not None:
                claims.append(
                    Claim(
                        source=parse_name(shape.source),
                        ref=parse_full_ref(shape.ref),
                        commit=parse_oid(shape.commit),
                        tip=None if shape.tip is None else parse_oid(shape.tip),
                        by_any=shape.by_any,
                        log=shape.log,
                    )
                )
    return claims


def plain_claim(claim: Claim, log: str) -> dict[str, Any]:
    """Return *claim*, of the workspace with the audit log of the id *log*, as it stands in the listing."""
    return {
        "log": log,
        "source": claim.source,
        "ref": claim.ref,
        "commit": claim.commit,
        "tip": claim.tip,
        "by_any": claim.by_any,
    }


def write_listing(folder: Path, document: dict[str, Any], page: str) -> None:
    """Write ``mirror.json`` and ``index.html``.

    Raises:
        LocalIo: the file system refused.
    """
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=True) + "\n"
    write_file(folder / LISTING, text.encode("ascii"))
    write_file(folder / PAGE, page.encode("utf-8"))
