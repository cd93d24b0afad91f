"""What a hook says beside its checks: to options other than its own, and where nobody hears it. Few come here."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from git_hybrid import __version__
from git_hybrid.view.term import safe

_HELP = """\
Check what is about to be committed, or what is pushed. Exit 1 if a check fails, 2 if a file cannot be read.
File names are taken, as pre-commit may give them, and change nothing: the whole commit is checked.

Options:
  --pre-push  Check the commits that git names on the standard input.
  --version   Show the version and exit.
  -h, --help  Show this message and exit.

More in git-hybrid-hooks(1) and git-hybrid-check(1)."""

_BROKEN_PIPE = 128 + 13


def answer(options: Sequence[str], known: str) -> int | None:
    """Answer to *options* and return the exit status; None where all of them are the *known* one."""
    program = os.path.basename(sys.argv[0])
    usage = f"{program} [{known}] [--] [FILE]..."
    for option in options:
        if option in {"-h", "--help"}:
            print(f"Usage: {safe(usage)}\n\n{_HELP}")
            return 0
        if option == "--version":
            print(f"{safe(program)} version {__version__}")
            return 0
        if option != known:
            print(f"error: no such option: {safe(option)}", file=sys.stderr)
            print(f"usage: {safe(usage)}", file=sys.stderr)
            return 2
    return None


def unheard(error: OSError, code: int) -> int:
    """Tell that standard output could not take what is said, and return the exit status where *code* is that so far."""
    if isinstance(error, BrokenPipeError):
        return _BROKEN_PIPE
    from git_hybrid.cli.telling import tell
    from git_hybrid.core.errors import ReportLost

    told = tell(ReportLost(reason=error.strerror or str(error), is_failed=code != 0))
    print(f"error: {told.title}", file=sys.stderr)
    return code or told.exit
