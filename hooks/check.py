"""``hybrid-check``: everything that the other hooks check, in one process."""

from __future__ import annotations

import sys

from git_hybrid.cli.hooking import run
from git_hybrid.core.check_table import CHECKS


def main() -> int:
    """Return the exit status of the hook."""
    return run(*CHECKS)


if __name__ == "__main__":
    sys.exit(main())
