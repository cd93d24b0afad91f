"""What the hooks share: the files as they are about to be committed, and how violations are told."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from git_hybrid.core.checks import Violation
from git_hybrid.core.errors import HybridError, InvalidFile
from git_hybrid.core.lock import Lock
from git_hybrid.core.manifest import Manifest
from git_hybrid.core.state import State
from git_hybrid.git.environment import child_environment
from git_hybrid.git.run import Runner
from git_hybrid.store.layout import find_root
from git_hybrid.store.lockfile import SHOWN as LOCK
from git_hybrid.store.lockfile import decode_lock
from git_hybrid.store.manifest import SHOWN as MANIFEST
from git_hybrid.store.manifest import decode_manifest
from git_hybrid.store.statefile import SHOWN as STATE
from git_hybrid.store.statefile import decode_state
from git_hybrid.view.term import safe

Check = Callable[[Manifest, Lock, State], Sequence[Violation]]


def run(check: Check) -> int:
    """Return 0 if *check* finds nothing, 1 if it does, 2 if a file cannot be read. Writes nothing, asks no server."""
    try:
        root = find_root(Path.cwd()).root
        manifest, lock, state = (_staged(root, name) for name in (MANIFEST, LOCK, STATE))
        violations = check(
            decode_manifest(manifest or b""),
            Lock() if lock is None else decode_lock(lock),
            State() if state is None else decode_state(state),
        )
    except InvalidFile as error:
        for problem in error.problems:
            print(f"{safe(error.path)}: {safe(problem.place)}: {safe(problem.reason)}")
        print(f"  mend: {safe(error.mend or 'correct the file, then git add it')}")
        return 2
    except HybridError as error:
        print(f"error: {safe(str(error))}")
        return 2
    for item in violations:
        print(f"{item.file}: {safe(item.entry)}: {safe(item.what)}")
        print(f"  why:  {item.why}\n  mend: {safe(item.mend)}")
    return int(bool(violations))


def _staged(root: Path, name: str) -> bytes | None:
    """Return the file as it is about to be committed; outside of git, or if git does not track it, as it is on disk."""
    runner = Runner(environ=os.environ)
    # The index in use is the one that the commit is made from: `git commit -a` sets GIT_INDEX_FILE to another.
    kept = {key: os.environ[key] for key in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE") if key in os.environ}
    env = child_environment(os.environ, network=True) | kept
    done = runner.run(["git", "cat-file", "blob", f":./{name}"], env=env, cwd=root)
    if done.status == 0:
        return done.stdout
    path = root / name
    return path.read_bytes() if path.is_file() else None
