"""``hybrid-check``: everything that the other hooks check, in one process."""

from __future__ import annotations

import sys

from git_hybrid.cli.hook_start import run


def main() -> int:
    """Return the exit status of the hook."""
    return run()


if __name__ == "__main__":
    sys.exit(main())
