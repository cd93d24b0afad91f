"""What a mirror folder says of itself: ``mirror.json`` and ``index.html``, and its one writer at a time."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

from git_hybrid.core.errors import HybridError, SymlinkRefused
from git_hybrid.core.reducer import RunInfo
from git_hybrid.store.durable import make_folder, write_file
from git_hybrid.store.filelock import Held, writer_lock
from git_hybrid.store.parsing import load_json, read_bytes

LISTING, PAGE = "mirror.json", "index.html"


def held(
    folder: Path, info: RunInfo, *, timeout: timedelta, cancelled: Callable[[], int]
) -> AbstractContextManager[Held]:
    """Return what makes one the only writer of the mirror folder for a block; it is made if it is not there.

    Raises:
        LockBusy: another writer does not end in time.
        SymlinkRefused: a file that is to be written is a symbolic link.
    """
    make_folder(folder)
    for path in (folder / ".lock", folder / ".incoming", folder / LISTING, folder / PAGE):
        if path.is_symlink():
            raise SymlinkRefused(path=str(path))
    return writer_lock(folder / ".lock", timeout=timeout, command=info.command, now=info.now, cancelled=cancelled)


def read_listing(folder: Path) -> list[dict[str, Any]]:
    """Return the repositories that ``mirror.json`` tells of; a listing that cannot be read tells of none."""
    try:
        document = load_json(read_bytes(folder / LISTING, LISTING) or b"{}", LISTING)
    except HybridError:
        return []
    found = document.get("repositories", [])
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def write_listing(folder: Path, document: dict[str, Any], page: str) -> None:
    """Write ``mirror.json`` and ``index.html``.

    Raises:
        LocalIo: the file system refused.
    """
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=True) + "\n"
    write_file(folder / LISTING, text.encode("ascii"))
    write_file(folder / PAGE, page.encode("utf-8"))
