"""The entry points. A plain ``sync`` or ``status`` runs without click, which costs as much as all it does."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from git_hybrid.cli.common import Common

_IO, _SIGNALLED = 74, 128
_OBJECTS = 50_000
# Made when there was room for it: the words of git_hybrid.cli.remedies_scarce.
_NO_MEMORY = b"""\
error: cannot get more memory: Cannot allocate memory
hint: what limits it, if anything does: ulimit -a
hint: or take one source at a time, as -j 1 does: export GIT_HYBRID_JOBS=1
"""


def _enter(common: Common, argv: Sequence[str]) -> int:
    from git_hybrid.cli import plain

    if (line := plain.read(argv)) is not None:
        return line.run(common)
    from git_hybrid.cli import tree

    if argv[:1] == ["__complete"]:
        from git_hybrid.cli.completing import proposals

        print(*proposals(tree.group, argv[1:]), sep="\n")
        return 0
    page = tree.page_asked(argv) if sys.stdout.isatty() else ""
    if page and (status := open_page(page)) is not None:
        return status
    return tree.run(common, argv)


def open_page(page: str) -> int | None:
    """Show the manual page and return man's exit status; None where man(1) does not find it."""
    import subprocess

    from git_hybrid.git.environment import on_path

    man = on_path("man", os.environ)
    if man is None or subprocess.run([man, "-w", page], capture_output=True, check=False).returncode:
        return None
    return subprocess.call([man, page])


def page_text(path: str) -> str | None:
    """Return the manual page in the file *path* as plain text; None where man(1) is not there to make it."""
    import subprocess

    from git_hybrid.git.environment import on_path

    if (man := on_path("man", os.environ)) is None:
        return None
    # Plain text whatever the user chose for a terminal: whole words, one width.
    env = {**os.environ, "MANWIDTH": "80", "MANOPT": "--nh --nj", "MAN_KEEP_FORMATTING": ""}
    done = subprocess.run([man, path], capture_output=True, check=False, env=env)
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``git hybrid`` with *argv* (default: the process's) and return its exit status."""
    if argv is None:
        return _of_process()
    from git_hybrid.cli import boundary

    return boundary.run(_enter, argv)


def _of_process(*words: str) -> int:
    # Most of what a command makes lives until its end: to search all of it for garbage every 700 objects costs a
    # twentieth of a start.
    gc.set_threshold(_OBJECTS)
    # Whoever starts us may ignore the ends of children, which we would inherit: then none can be waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # Until somebody can tell what Ctrl-C means it just ends the process: Python would print a trace of our imports.
    traced = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if traced:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from git_hybrid.cli import plain
    from git_hybrid.cli.streams import end, make_sure_of_streams

    make_sure_of_streams()
    argv = [*words, *sys.argv[1:]]
    # There is nothing in the process but this command: what it will need is set going before the rest is imported.
    line = plain.read(argv)
    ahead = None if line is None else plain.go_ahead(line)
    try:
        try:
            from git_hybrid.cli import boundary

            if traced:
                signal.signal(signal.SIGINT, signal.default_int_handler)
            code = boundary.run(_enter, argv, ahead)
        except (MemoryError, ImportError) as error:
            # The boundary tells every error, unless there is no room for what it needs to do so.
            if not _lacks_memory(error):
                raise
            os.write(2, _NO_MEMORY)
            code = _IO
        finally:
            if ahead is not None:
                ahead.close()
        if code > _SIGNALLED:
            # Asked to stop, it is about to end: a second signal that comes late must not change the status.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
        return end(code)
    except KeyboardInterrupt:
        # Once more, while the end was told: nobody wants more words, and what they go to may take none.
        os._exit(_SIGNALLED + signal.SIGINT)


def _lacks_memory(error: BaseException | None) -> bool:
    """Tell whether *error*, or what it came up after, says that there is no memory; so may the loader of libraries."""
    lacks = isinstance(error, MemoryError) or "map segment from shared object" in str(error)
    return lacks or (error is not None and _lacks_memory(error.__context__))


def main_sync() -> int:
    """Run ``git hybrid sync``."""
    return _of_process("sync")


def main_pin() -> int:
    """Run ``git hybrid pin``."""
    return _of_process("pin")


def main_resume() -> int:
    """Run ``git hybrid resume``."""
    return _of_process("resume")
