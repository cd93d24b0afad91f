"""``hybrid-metadata``: manifest, lock and state that are about to be committed are valid and agree with each other."""

from __future__ import annotations

import sys

from git_hybrid.cli.staged import run
from git_hybrid.core.checks import check_metadata


def main() -> int:
    """Return 0 if all holds, 1 if something does not, 2 if a file cannot be read. Writes nothing, asks no server."""
    return run(check_metadata)


if __name__ == "__main__":
    sys.exit(main())
