"""The one line of progress as text: what goes on, as much of it as the terminal has room for."""

from __future__ import annotations

from git_hybrid.core.transfer import Transfer
from git_hybrid.core.value import Struct
from git_hybrid.core.words import counted, sized
from git_hybrid.view.term import fit, safe, width

_NAME = 12
"""To how few columns a name is cut before what happens to it is."""
_FEW = 3
_SOON = 3.0


class Shown(Struct, frozen=True, kw_only=True):
    """What the line tells: how many sources are done, and what is being done to one of them.

    ``since`` is how many seconds that has been going on without another word, ``left`` how many are left in all.
    """

    done: int
    total: int
    name: str
    text: str
    transfer: Transfer | None = None
    since: float = 0.0
    left: float | None = None


def time_left(*, done: int, started: int, total: int, seconds: float) -> float | None:
    """Return about how many seconds are left, or None where nobody could know.

    What has not been started will take about as long as what is done. Once the last source has been started, that says
    nothing any more: it may be the largest of all.
    """
    if done < max(_FEW, total // 20) or started >= total or seconds < _SOON:
        return None
    return seconds / done * (total - done)


def progress_line(shown: Shown, columns: int) -> str:
    """Return the longest telling of *shown* that fits, cut or padded to exactly *columns*."""
    digits = len(f"{shown.total:,}")
    head = f"[{shown.done:{digits},}/{shown.total:,}] " if shown.total else ""
    name = safe(shown.name)
    for what in _tellings(shown):
        text = f"{head}{name}: {what}" if name else f"{head}{what}"
        if width(text) <= columns:
            return fit(text, columns)
    room = columns - width(head) - width(what) - 2
    if name and room >= min(_NAME, width(name)):
        return fit(f"{head}{fit(name, room)}: {what}", columns)
    return fit(f"{head}{name}: {what}" if name else f"{head}{what}", columns)


def _tellings(shown: Shown) -> list[str]:
    """Return what can be said, the fullest first."""
    left = "" if shown.left is None else f" · {_about(shown.left)} left"
    if shown.transfer is not None:
        found = _transfer(shown.transfer)
        return [f"{found[0]}{left}", *found]
    waiting = f", {shown.since:.0f} s" if shown.since >= _SOON else ""
    text = safe(shown.text)
    return [f"{text}{waiting}{left}", f"{text}{waiting}", text]


def _transfer(transfer: Transfer) -> list[str]:
    """Return how far git is, the fullest telling first."""
    done, total = transfer.done, transfer.total
    size = "" if transfer.size is None else sized(transfer.size)
    rate = "" if transfer.rate is None else f"{sized(transfer.rate)}/s"
    speed = f"{size} at {rate}" if size and rate else size
    objects = counted(done, "object") if total is None else f"{done:,}/{counted(total, 'object')}"
    if transfer.phase == "resolving":
        objects = f"{done:,}/{counted(total, 'delta')}" if total is not None else counted(done, "delta")
    phase = transfer.phase.removesuffix(" objects")
    if not done:
        objects = ""
    percent = f"{100 * done // total} %" if total else ""
    full = ", ".join(part for part in (objects, speed) if part)
    short = ", ".join(part for part in (percent or objects, rate or size) if part)
    return [f"{phase} {full}".strip(), f"{phase} {short}".strip(), f"{phase} {percent}".strip()]


def _about(seconds: float) -> str:
    if seconds < 10:
        return "a few seconds"
    if seconds < 57.5:
        return f"about {5 * round(seconds / 5)} s"
    if seconds < 3570:
        return f"about {round(seconds / 60)} min"
    return f"about {round(seconds / 3600)} h"
