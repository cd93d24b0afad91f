"""``hybrid-overrides``: every override is complete, bound and unexpired, every pin that needs one has one."""

from __future__ import annotations

import sys

from git_hybrid.cli.hook_start import run


def main() -> int:
    """Return the exit status of the hook."""
    return run("overrides")


if __name__ == "__main__":
    sys.exit(main())
