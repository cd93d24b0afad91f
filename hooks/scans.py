"""``hybrid-scans``: every pinned source was scanned, not too long ago, and nothing was found that policy blocks on."""

from __future__ import annotations

import sys

from git_hybrid.cli.hook_start import run


def main() -> int:
    """Return the exit status of the hook."""
    return run("scans")


if __name__ == "__main__":
    sys.exit(main())
