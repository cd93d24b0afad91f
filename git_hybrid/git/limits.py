"""How long a child may take."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from git_hybrid.core.errors import GitRefused
from git_hybrid.core.value import Struct
from git_hybrid.core.words import typed

IDLE = 30.0
"""So many seconds a git that only reads may do nothing at all."""
_STEP = 1.0
_OF_SETTINGS = frozenset({"config", "version"})
_SETTINGS = "its settings, asked in"
_PLACES = "~ /etc/gitconfig -maxdepth 3"


class Limits(Struct, frozen=True):
    """How long a network step may take: without progress, and in all. ``url`` is what git asks by itself."""

    stall: timedelta
    deadline: timedelta
    url: str = ""


class DeadlineExceeded(Exception):
    """A child was killed because its time was over; ``waited_for`` is what had not answered it, if that is known."""

    waited_for: str = ""


class Stalled(Exception):
    """Fewer bytes came than the limit asks for: 1000 a second, as git is told."""


class Unconnectable(Stalled):
    """No connection came about in that time."""


class TalksOn(Exception):
    """A child was killed because it wrote more to stderr than anybody would read."""


def end_of(deadline: timedelta) -> float:
    """Return the time of the monotonic clock at which *deadline*, which begins now, is over."""
    return time.monotonic() + deadline.total_seconds()


def at_work(pid: int, folder: str | Path, check: Callable[[], None], argv: Sequence[str] = ()) -> Callable[[], None]:
    """Return *check*, which raises GitRefused as well where *pid*, a git that only reads in *folder*, does nothing.

    It waits for what may never come: nobody writes to a pipe that stands in the place of a file. *argv* started it:
    some commands read nothing but settings, which may stand anywhere.
    """
    used, waited, looked = 0.0, 0.0, time.monotonic()

    def checked() -> None:
        nonlocal used, waited, looked
        check()
        before, used, last, looked = used, _processor_time(pid), looked, time.monotonic()
        # While this program was stopped nobody looked.
        waited = waited + min(looked - last, _STEP) if used == before else 0.0
        if waited > IDLE and _is_asleep(pid):
            words = f"it has waited {IDLE:.0f} s for what does not come: has a pipe taken the place of a file"
            place = str(folder)
            if not _OF_SETTINGS.isdisjoint(argv[1:2]):
                # git itself can be asked for nothing: it reads all of them before it says a word.
                words = f"{words}, or of one that include.path names?"
                raise GitRefused(path=place, words=words, mend=f"find {_PLACES} -type p", what=_SETTINGS)
            raise GitRefused(path=place, words=f"{words}?", mend=f"find {typed(place)} -type p")

    return checked


def _processor_time(pid: int) -> float:
    """Return how many seconds of processor time *pid* has used; NaN where it has ended, and on another system."""
    try:
        # As clock_getcpuclockid(3) makes it.
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return float("nan")


def _is_asleep(pid: int) -> bool:
    """Tell whether *pid* waits for no disk and for no child of its own, and nobody stopped it (proc_pid_stat(5))."""
    from git_hybrid.git.memory import started_by
    from git_hybrid.git.plainfiles import bytes_at

    try:
        states = [bytes_at(f"/proc/{pid}/task/{thread}/stat") for thread in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return False
    return all(state.rpartition(b") ")[2][:1] == b"S" for state in states) and not any(started_by(pid))
