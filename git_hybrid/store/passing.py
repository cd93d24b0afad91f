"""A workspace that lasts as long as one errand: it knows which servers may be asked, for how much, and nothing else."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from git_hybrid.core.errors import HybridError
from git_hybrid.core.files import MANIFEST
from git_hybrid.core.manifest import Policy
from git_hybrid.store.durable import make_folder, remove_tree, rename_path, write_file
from git_hybrid.temporary import temporary_folder

_PREFIX, _ALIVE = "git-hybrid-errand-", ".alive"


@contextmanager
def passing_workspace(policy: Policy) -> Iterator[Path]:
    """Yield a new workspace that goes away in the end; those that killed processes left go away too.

    Raises:
        LocalIo: there is no room for it.
    """
    place = temporary_folder()
    for left in Path(place).glob(f"{_PREFIX}*"):
        _remove_dead(left)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=place, ignore_cleanup_errors=True) as name:
        folder = Path(os.path.realpath(name))
        made = folder / f"{_ALIVE}.new"
        alive = os.open(made, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(alive, fcntl.LOCK_EX)
            # Only now: whoever found it without a lock would take this errand for dead.
            rename_path(made, folder / _ALIVE)
            for part in ("sources", "state"):
                make_folder(folder / part)
            # Whoever follows a redirect asks the manifest whether the host is allowed. A JSON list is a TOML list.
            hosts = "" if policy.hosts is None else f"hosts = {json.dumps(sorted(policy.hosts))}\n"
            told = f"schema_version = 1\n[policy]\nmax_bytes = {policy.max_bytes}\n{hosts}"
            write_file(folder / MANIFEST, told.encode())
            yield folder
        finally:
            os.close(alive)


def _remove_dead(folder: Path) -> None:
    """Remove the workspace of an errand unless a living process holds it; it may be gone, or somebody else's."""
    with suppress(OSError, HybridError):
        alive = os.open(folder / _ALIVE, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            if os.fstat(alive).st_uid == os.getuid():
                fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_tree(folder)
        finally:
            os.close(alive)
