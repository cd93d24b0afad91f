"""Keep a file of an older version before the newest version replaces it."""

from __future__ import annotations

from pathlib import Path

from git_hybrid.core.files import STATE
from git_hybrid.store.durable import write_file
from git_hybrid.store.parsing import read_bytes
from git_hybrid.store.statefile import VERSION, state_version


def keep_older_state(path: Path) -> None:
    """Keep a copy ``<file>.bak-vN`` of state of an older version.

    Raises:
        LocalIo: the file system refused.
    """
    data = read_bytes(path, STATE)
    version = VERSION if data is None else state_version(data)
    backup = path.with_name(f"{path.name}.bak-v{version}")
    if data is not None and version < VERSION and not backup.exists():
        write_file(backup, data)
