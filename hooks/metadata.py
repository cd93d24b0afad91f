"""``hybrid-metadata``: manifest, lock and state that are about to be committed are valid and agree with each other."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from git_hybrid.core.check_metadata import check_metadata
from git_hybrid.core.errors import HybridError, InvalidFile
from git_hybrid.git.environment import child_environment
from git_hybrid.git.run import Runner
from git_hybrid.store.facts import read_facts
from git_hybrid.store.layout import find_root
from git_hybrid.view.findings import violation_lines
from git_hybrid.view.term import safe


def main() -> int:
    """Return 0 if all holds, 1 if something does not, 2 if a file cannot be read. Writes nothing, asks no server."""
    try:
        root = find_root(Path.cwd()).root
        violations = check_metadata(read_facts(lambda name: _staged(root, name), now=datetime.now(UTC)))
    except InvalidFile as error:
        for problem in error.problems:
            print(f"{safe(error.path)}: {safe(problem.place)}: {safe(problem.reason)}")
        print(f"  mend: {safe(error.mend or 'correct the file, then git add it')}")
        return 2
    except HybridError as error:
        print(f"error: {safe(str(error))}")
        return 2
    print("\n".join(violation_lines(violations)), end="\n" if violations else "")
    return int(any(item.level == "fail" for item in violations))


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


if __name__ == "__main__":
    sys.exit(main())
