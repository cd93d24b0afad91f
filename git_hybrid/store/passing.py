"""A workspace that lasts as long as one errand: it knows which servers may be asked, for how much, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from git_hybrid.core.files import MANIFEST
from git_hybrid.core.manifest import Policy
from git_hybrid.store.durable import make_folder, write_file
from git_hybrid.temporary import living_folder, remove_dead_folders, temporary_folder

_PREFIX = "git-hybrid-errand-"


@contextmanager
def passing_workspace(policy: Policy) -> Iterator[Path]:
    """Yield a new workspace that goes away in the end; those that killed processes left go away too.

    Raises:
        LocalIo: there is no room for it.
    """
    remove_dead_folders(_PREFIX)
    with living_folder(_PREFIX, temporary_folder()) as folder:
        for part in ("sources", "state"):
            make_folder(folder / part)
        # Whoever follows a redirect asks the manifest whether the host is allowed. A JSON list is a TOML list.
        hosts = "" if policy.hosts is None else f"hosts = {json.dumps(sorted(policy.hosts))}\n"
        told = f"schema_version = 1\n[policy]\nmax_bytes = {policy.max_bytes}\n{hosts}"
        write_file(folder / MANIFEST, told.encode())
        yield folder
