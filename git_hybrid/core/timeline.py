"""Where the marks of the timeline stand: moves of pins on lanes over time, in units of a drawing. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from git_hybrid.core.moves import Move
from git_hybrid.core.value import Struct
from git_hybrid.core.values import later

WIDTH, LEFT, LANE, TOP = 960, 200, 22, 26
"""The width of a drawing, where its time begins, the height of a lane, and that of the axis above the lanes."""

_LANES = 15
# How far apart marks stand: those of one source may touch, those of all the others must be told apart.
_NEAR, _APART = 5, 16
_STEPS = tuple(
    timedelta(**step)
    for step in (
        {"minutes": 1},
        {"minutes": 10},
        {"hours": 1},
        {"hours": 6},
        {"days": 1},
        {"days": 7},
    )
)
_MONTHS = (1, 3, 6, 12, 24, 60, 120, 240, 600, 1200)
_MOST_TICKS = 8
_LETTER = 6.5
"""So wide is a letter of a label at most, on average."""


class Mark(Struct, frozen=True):
    """One move, or several that stand too close to be told apart: the last of ``moves`` is the newest."""

    x: float
    moves: tuple[Move, ...]

    @property
    def forced(self) -> bool:
        """Tell whether one of the moves was forced by an override."""
        return any(move.forced for move in self.moves)

    @property
    def mixed(self) -> bool:
        """Tell whether forced moves and others stand here together."""
        return self.forced and not all(move.forced for move in self.moves)


class Lane(Struct, frozen=True):
    """The marks of one source, or of all the others together; ``y`` is the middle of the lane."""

    name: str
    y: float
    marks: tuple[Mark, ...]


class Tick(Struct, frozen=True):
    """One line of the axis; its label stands at the right of it, or with ``left`` at the left."""

    x: float
    label: str
    left: bool = False


class Timeline(Struct, frozen=True):
    """The drawing: lanes, those that moved last on top, and the axis of time."""

    width: int
    height: int
    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]


def timeline(moves: Sequence[Move], *, now: datetime) -> Timeline | None:
    """Return where the marks of *moves* stand; None if nothing ever moved."""
    if not moves:
        return None
    begin = min(move.at for move in moves)
    end = max(now, later(begin, timedelta(minutes=5)), *(move.at for move in moves))
    if begin == end:
        # Where all calendars end.
        begin -= timedelta(minutes=5)
    span = end - begin
    names = list(dict.fromkeys(move.source for move in sorted(moves, key=lambda item: item.at, reverse=True)))
    shown = names[: _LANES - 1] if len(names) > _LANES else names
    groups = [(name, [move for move in moves if move.source == name], _NEAR) for name in shown]
    rest = len(names) - len(shown)
    if rest:
        others = frozenset(shown)
        groups.append((f"{rest:,} others", [move for move in moves if move.source not in others], _APART))
    lanes = tuple(
        Lane(name, TOP + LANE * (index + 0.5), _marks(found, begin, span, apart=apart))
        for index, (name, found, apart) in enumerate(groups)
    )
    return Timeline(WIDTH, TOP + LANE * len(lanes) + 8, lanes, _inside(_ticks(begin, end)))


def _x(at: datetime, begin: datetime, span: timedelta) -> float:
    return round(LEFT + (WIDTH - LEFT - 20) * ((at - begin) / span), 1)


def _marks(moves: Sequence[Move], begin: datetime, span: timedelta, *, apart: int) -> tuple[Mark, ...]:
    marks: list[Mark] = []
    for move in sorted(moves, key=lambda item: item.at):
        x = _x(move.at, begin, span)
        if marks and x - marks[-1].x < apart:
            marks[-1] = Mark(marks[-1].x, (*marks[-1].moves, move))
        else:
            marks.append(Mark(x, (move,)))
    return tuple(marks)


def _ticks(begin: datetime, end: datetime) -> tuple[Tick, ...]:
    span = end - begin
    step = next((step for step in _STEPS if span / step <= _MOST_TICKS), None)
    if step is None:
        # A label such as Oct 2026 stands at the first of the month, wherever the time begins.
        return tuple(Tick(_x(at, begin, span), at.strftime("%b %Y")) for at in _months(begin, end))
    form = "%H:%M" if step < timedelta(hours=6) else "%d %b %H:%M" if step < timedelta(days=1) else "%d %b %Y"
    midnight = begin.replace(hour=0, minute=0, second=0, microsecond=0)
    first = later(midnight, step * -(-(begin - midnight) // step))
    count = int((end - first) / step) + 1
    times = (first + step * number for number in range(count))
    return tuple(Tick(_x(at, begin, span), at.strftime(form)) for at in times)


def _inside(ticks: tuple[Tick, ...]) -> tuple[Tick, ...]:
    """Return *ticks*, the label of the last one inside of the drawing: at its left, or nowhere if another is there."""
    if not ticks:
        return ()
    last = ticks[-1]
    room = 3 + _LETTER * len(last.label)
    if last.x + room <= WIDTH:
        return ticks
    is_free = len(ticks) == 1 or ticks[-2].x + room <= last.x - room
    return (*ticks[:-1], Tick(last.x, last.label if is_free else "", left=True))


def _months(begin: datetime, end: datetime) -> list[datetime]:
    """Return the beginnings of months, quarters or years between two times, as few as fit beside each other."""
    midnight = begin.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    months = range(_month(begin), _month(end) + 1)
    firsts = [midnight.replace(year=at // 12, month=at % 12 + 1) for at in months]
    choices = ([at for at in firsts if begin <= at <= end and _month(at) % step == 0] for step in _MONTHS)
    return next((found for found in choices if len(found) <= _MOST_TICKS), [])


def _month(at: datetime) -> int:
    return at.year * 12 + at.month - 1
