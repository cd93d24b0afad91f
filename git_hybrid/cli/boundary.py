"""Where every error ends: known ones become words and an exit status, a bug becomes a file and exit 70."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from git_hybrid.cli.common import Common, own_words, wants_color
from git_hybrid.cli.streams import Unsaid, reporting
from git_hybrid.core.errors import BadArgument, HybridError, LocalIo, ReportLost
from git_hybrid.core.words import path_of

if TYPE_CHECKING:
    from git_hybrid.git.ahead import Ahead

_USAGE, _BUG, _SIGNALLED = 2, 70, 128
_SIGINT, _BROKEN_PIPE = 2, _SIGNALLED + 13


def run(command: Callable[[Common, Sequence[str]], int], argv: Sequence[str], ahead: Ahead | None = None) -> int:
    """Return the exit status of ``command(common, argv)``, with every error told; *ahead* has what was set going."""
    common = Common(argv, ahead=ahead)
    try:
        return _flushed(command(common, argv), common)
    except KeyboardInterrupt as error:
        return _interrupted(error, common)
    except (BrokenPipeError, SystemExit):
        # Whoever read our output has had enough (click turns EPIPE into SystemExit); git dies by SIGPIPE here.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except Exception as error:
        if (behind := _interrupt_behind(error)) is not None:
            return _interrupted(behind, common)
        if (known := _known(error)) is None:
            return _bug(common)
    # What the command held is gone with its error: there is room again for what is said of it.
    return _told(known, common)


def _known(error: Exception) -> HybridError | None:
    """Return *error* as one that is told in words; None where it is a bug."""
    if isinstance(error, HybridError):
        return error
    if not isinstance(error, OSError):
        return _scarcity(error)
    reason = error.strerror or str(error)
    if isinstance(error, Unsaid):
        return ReportLost(reason=reason)
    return LocalIo(path=path_of(error) or "input or output", operation="use", reason=reason)


def _scarcity(error: Exception) -> LocalIo | None:
    """Return what of the machine *error* says was scarce; None also where what would tell cannot be loaded either."""
    with suppress(Exception):
        from git_hybrid.cli.remedies_scarce import scarcity

        return scarcity(error)
    return None


def _flushed(code: int, common: Common) -> int:
    """Return *code*, or another where all went well but what was said of it could not be written."""
    with reporting(common):
        sys.stdout.flush()
    if not common.lost:
        return code
    from git_hybrid.cli.lost import report_lost

    told = _told(report_lost(common, code), common)
    return code or told


def _document(common: Common, code: int, error: Mapping[str, object]) -> None:
    """Print the document that ``--json`` promises, also where the command came to nothing."""
    # Where the command line cannot be read, its words are all that is known.
    if common.json or "--json" in own_words(common.argv):
        # Where there is no room for it, or a library is broken that all need, it is said to a person at least.
        with suppress(OSError, *((Exception,) if code == _BUG else ())):
            from git_hybrid.view.jsonout import dump

            print(dump({"exit_code": code, "error": error, "sources": []}), flush=True)


def _gives_hints(common: Common, code: str) -> bool:
    """Tell whether hints for *code* are wanted, also where the command ended before it asked git for its settings."""
    from git_hybrid.cli.output import advice

    if common.quiet or not {"-q", "--quiet"}.isdisjoint(own_words(common.argv)) or not advice({}, code):
        return False
    # Whoever was asked to stop asks nobody; and what kept git from answering, or still does, is told only once.
    if not common.config and not common.is_asked and code != "interrupted":
        from git_hybrid.git.run import Runner

        with suppress(HybridError, OSError):
            common.config = common.settings_for(Runner(environ=os.environ), common.folder)
    return advice(common.config, code)


def _interrupted(error: KeyboardInterrupt, common: Common) -> int:
    print("interrupted", file=sys.stderr)
    if common.wired is not None and _gives_hints(common, "interrupted"):
        from git_hybrid.cli.decided import shown_by

        if command := shown_by(common.wired):
            print(f"hint: what was decided by then stands, and is shown by: {command}", file=sys.stderr)
    return _SIGNALLED + int(error.args[0] if error.args else _SIGINT)


def _interrupt_behind(error: BaseException) -> KeyboardInterrupt | None:
    """Return the interrupt that *error* came up after: what could not be tidied up then did not end the command."""
    behind = error.__context__
    while behind is not None and not isinstance(behind, KeyboardInterrupt):
        behind = behind.__context__
    return behind


def _told(error: HybridError, common: Common) -> int:
    # Imported here: most runs end without an error, and completion and -h must stay cheap.
    from git_hybrid.cli.output import print_told
    from git_hybrid.cli.telling import explain, tell
    from git_hybrid.view.term import safe

    if isinstance(error, BadArgument) and not error.hint:
        from git_hybrid.cli.tree import help_of

        error.hint = help_of(common.argv)
    told = tell(error, common.has_keys, common.placed)
    _document(common, told.exit, explain(error, common.has_keys, common.placed))
    hints = _gives_hints(common, error.code)
    for note in () if common.quiet else error.mended:
        print(f"note: {safe(note)}", file=sys.stderr)
    print_told(told, color=wants_color(common, tty=sys.stderr.isatty()), hints=hints)
    return told.exit


def usage(message: str, hints: Sequence[str], common: Common) -> int:
    """Tell that the command line is not in the grammar, and return the exit status of that."""
    from git_hybrid.core.redact import redact_typed
    from git_hybrid.view.term import safe

    text = _as_ours(safe(redact_typed(message)))
    _document(common, _USAGE, {"code": "usage", "exit_code": _USAGE, "message": text, "cause": [], "hints": [*hints]})
    print(f"error: {text}", file=sys.stderr)
    if _gives_hints(common, "usage"):
        for hint in hints:
            print(f"hint: {safe(hint)}", file=sys.stderr)
    return _USAGE


def _as_ours(message: str) -> str:
    """Return what click says as the other errors are said: it begins small, and one sentence ends without a stop."""
    message = message[:1].lower() + message[1:]
    return message[:-1] if message.endswith(".") and ". " not in message else message


def _bug(common: Common) -> int:
    """Write the trace to a file, where it can be sent from; a trace on a terminal helps nobody who sees it."""
    import tempfile
    import traceback

    from git_hybrid.core.redact import redact
    from git_hybrid.temporary import temporary_folder

    text = redact(traceback.format_exc())
    last = text.strip().splitlines()[-1][:200]
    try:
        # Named at random and readable by its owner alone: others write to the same folder.
        place = temporary_folder()
        descriptor, where = tempfile.mkstemp(prefix="git-hybrid-crash-", suffix=".log", dir=place)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            words = redact(" ".join(word for word in common.argv if "/" not in word))
            file.write(f"git hybrid {words}\n{text}")
    except OSError:
        where = "no file (none could be written)"
    _document(common, _BUG, {"code": "bug", "exit_code": _BUG, "message": last, "cause": [where], "hints": []})
    print("error: this is a bug in git hybrid", file=sys.stderr)
    print(f"cause: {last}; the trace is in {where}", file=sys.stderr)
    print("hint: please report it with that file; your workspace is as the last finished step left it", file=sys.stderr)
    return _BUG
