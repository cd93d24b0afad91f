"""``hybrid-metadata``: manifest, lock, state and mirrors are valid and agree with each other."""

from __future__ import annotations

import sys

from git_hybrid.cli.hook_start import run


def main() -> int:
    """Return the exit status of the hook."""
    return run("metadata", "mirrors")


if __name__ == "__main__":
    sys.exit(main())
