"""Where every error ends: known ones become words and an exit status, a bug becomes a file and exit 70."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from git_hybrid.cli.options import Common
from git_hybrid.cli.remedies import BUG, IO, SIGNALLED, explain, tell
from git_hybrid.core.errors import HybridError

_USAGE = 2
_INTERRUPTED = SIGNALLED + 2


def run(command: Callable[[Common, Sequence[str]], int], argv: Sequence[str]) -> int:
    """Return the exit status of ``command(common, argv)``, with every error told."""
    common = Common(argv=tuple(argv))
    try:
        return command(common, argv)
    except HybridError as error:
        return _told(error, common, argv)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.UsageError as error:
        return _usage(error)
    except (KeyboardInterrupt, click.Abort):
        print("interrupted", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has had enough: not an error (git dies by SIGPIPE here).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SIGNALLED + 13
    except OSError as error:
        print(f"error: {error.filename or 'i/o'}: {error.strerror or error}", file=sys.stderr)
        return IO
    except Exception:
        return _bug(argv)


def _wants_json(common: Common, argv: Sequence[str]) -> bool:
    return common.json or "--json" in argv


def _told(error: HybridError, common: Common, argv: Sequence[str]) -> int:
    # Imported here: most runs end without an error, and completion and -h must stay cheap.
    from git_hybrid.cli.output import advice, print_told
    from git_hybrid.view.jsonout import dump

    told = tell(error)
    if _wants_json(common, argv):
        print(dump({"exit_code": told.exit, "error": explain(error), "sources": []}))
    color = common.color == "always" or (
        common.color is None and sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    )
    print_told(told, color=color, hints=advice({}, error.code) and not common.quiet)
    return told.exit


def _usage(error: click.UsageError) -> int:
    from git_hybrid.view.term import safe

    path = error.ctx.command_path if error.ctx is not None else "git hybrid"
    print(f"error: {safe(error.format_message())}", file=sys.stderr)
    print(f"hint: {path.replace('git-hybrid', 'git hybrid')} -h", file=sys.stderr)
    return _USAGE


def _bug(argv: Sequence[str]) -> int:
    """Write the trace to a file, where it can be sent from; a trace on a terminal helps nobody who sees it."""
    text = f"git hybrid {' '.join(argv)}\n{traceback.format_exc()}"
    name = f"git-hybrid-crash-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.getpid()}.log"
    path = Path(tempfile.gettempdir()) / name
    try:
        path.write_text(text, encoding="utf-8")
        where = str(path)
    except OSError:
        where = "nowhere (the file could not be written)"
    print("error: this is a bug in git hybrid", file=sys.stderr)
    print(f"cause: {text.strip().splitlines()[-1][:200]}; the trace is in {where}", file=sys.stderr)
    print("hint: please report it with that file; your workspace is as the last finished step left it", file=sys.stderr)
    return BUG
