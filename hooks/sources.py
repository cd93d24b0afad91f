"""``hybrid-sources``: nothing of clones and runs is committed, and the clones stand at their pins."""

from __future__ import annotations

import sys

from git_hybrid.cli.hook_start import run


def main() -> int:
    """Return the exit status of the hook."""
    return run("sources")


if __name__ == "__main__":
    sys.exit(main())
