"""Where a hook starts: lean, since hooks run on every commit."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

_OBJECTS = 50_000
_PUSHED, REMOTE = "--pre-push", "PRE_COMMIT_REMOTE_NAME"
"""How a hook knows that it runs before a push: git names commits on its standard input, pre-commit says where to."""


def run(*names: str) -> int:
    """Return the exit status of the checks *names* (none: all); git is asked before the rest is imported."""
    # What a hook makes lives until its end: there is no garbage to search for.
    gc.set_threshold(_OBJECTS)
    # Whoever starts us may ignore the ends of children: then none can be waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # It writes nothing, so Ctrl-C just ends it: Python would print a trace of ours among what git says.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from git_hybrid.cli.streams import Unsaid, end, make_sure_of_streams

    make_sure_of_streams()
    code = 0
    try:
        code = _run(names)
        sys.stdout.flush()
    except (BrokenPipeError, Unsaid) as error:
        from git_hybrid.cli.hook_words import unheard

        code = unheard(error, code)
    return end(code)


def _run(names: Sequence[str]) -> int:
    from git_hybrid.git.ahead import Ahead, ask_for_hook

    if options := _options(sys.argv[1:]):
        from git_hybrid.cli.hook_words import answer

        if (code := answer(options, _PUSHED)) is not None:
            return code
    ahead, pushed = Ahead(), bool(options)
    try:
        if not pushed and not os.environ.get(REMOTE):
            # The folder that we stand in may be gone: told by whoever needs it.
            with suppress(FileNotFoundError):
                ask_for_hook(ahead, os.path.realpath(os.curdir), names)
        from git_hybrid.cli import hooking

        return hooking.run(*names, ahead=ahead, pushed=pushed)
    finally:
        ahead.close()


def _options(words: Sequence[str]) -> list[str]:
    """Return the options among *words*; all else is a file name."""
    found = words[: words.index("--")] if "--" in words else words
    return [word for word in found if word.startswith("-") and word != "-"]
