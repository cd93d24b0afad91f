"""``hybrid-open-issues``: specifications point to their open issues, and keep up with assessments."""

from __future__ import annotations

import sys

from git_hybrid.cli.hook_start import run


def main() -> int:
    """Return the exit status of the hook."""
    return run("open-issues")


if __name__ == "__main__":
    sys.exit(main())
