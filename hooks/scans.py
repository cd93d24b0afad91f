"""``hybrid-scans``: every pinned source was scanned, not too long ago, and nothing was found that policy blocks on."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from git_hybrid.cli.staged import run
from git_hybrid.core.check_scans import NO_SCANNER, check_scans
from git_hybrid.core.checks import Violation
from git_hybrid.core.lock import Lock
from git_hybrid.core.manifest import Manifest
from git_hybrid.core.state import State


def main() -> int:
    """Return 0 if all holds, 1 if something does not, 2 if a file cannot be read. Writes nothing, runs no scanner."""
    return run(_check)


def _check(manifest: Manifest, lock: Lock, state: State) -> Sequence[Violation]:
    if not manifest.scanners:
        print(NO_SCANNER)
    return check_scans(manifest, lock, state, now=datetime.now(UTC))


if __name__ == "__main__":
    sys.exit(main())
