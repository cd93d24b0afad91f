"""``hybrid-audit``: the audit log is whole and holds all that HEAD's log holds."""

from __future__ import annotations

import sys

from git_hybrid.cli.hook_start import run


def main() -> int:
    """Return the exit status of the hook."""
    return run("audit")


if __name__ == "__main__":
    sys.exit(main())
