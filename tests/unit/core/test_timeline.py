"""Where marks stand: in the order of time, inside of the drawing, never too many to be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from git_hybrid.core.moves import Move
from git_hybrid.core.timeline import LEFT, WIDTH, Tick, _inside, timeline
from support.values import NOW


def _move(source: str, at: datetime, *, forced: bool = False) -> Move:
    return Move(source=source, at=at, by="Ada", command_id="R", before=None, after="1" * 40, forced=forced)


def test_nothing_moved():
    assert timeline([], now=NOW) is None


def test_marks_stand_in_time():
    moves = [_move("a", NOW - timedelta(days=10)), _move("a", NOW - timedelta(days=5)), _move("b", NOW)]
    drawing = timeline(moves, now=NOW)
    assert drawing is not None
    assert [lane.name for lane in drawing.lanes] == ["b", "a"]
    (last,) = drawing.lanes[0].marks
    first, middle = drawing.lanes[1].marks
    assert (first.x, last.x) == (LEFT, WIDTH - 20)
    assert abs(middle.x - (first.x + last.x) / 2) < 1
    assert drawing.height > drawing.lanes[-1].y > drawing.lanes[0].y


def test_moves_at_one_time_are_one_mark():
    drawing = timeline([_move("a", NOW), _move("a", NOW, forced=True), _move("a", NOW + timedelta(days=9))], now=NOW)
    assert drawing is not None
    together, alone = drawing.lanes[0].marks
    assert (len(together.moves), together.forced, together.mixed) == (2, True, True)
    assert (len(alone.moves), alone.forced, alone.mixed) == (1, False, False)


@pytest.mark.parametrize(("count", "lanes"), [(1, 1), (15, 15), (16, 15), (1000, 15)])
def test_many_sources_share_a_lane(count, lanes):
    moves = [_move(f"s{number}", NOW + timedelta(minutes=number)) for number in range(count)]
    drawing = timeline(moves, now=NOW)
    assert drawing is not None
    assert len(drawing.lanes) == lanes
    assert sum(len(mark.moves) for lane in drawing.lanes for mark in lane.marks) == count
    if count > 15:
        assert drawing.lanes[-1].name == f"{count - 14} others"
        assert drawing.lanes[0].name == f"s{count - 1}"
        places = [mark.x for mark in drawing.lanes[-1].marks]
        assert all(right - left >= 16 for left, right in pairwise(places))


@pytest.mark.parametrize(
    ("span", "label"),
    [
        (timedelta(0), "12:05"),
        (timedelta(minutes=50), "12:50"),
        (timedelta(hours=5), "17:00"),
        (timedelta(hours=40), "22 Jul 00:00"),
        (timedelta(days=6), "26 Jul 2026"),
        (timedelta(days=50), "31 Aug 2026"),
        (timedelta(days=200), "Feb 2027"),
        (timedelta(days=700), "Apr 2028"),
        (timedelta(days=2500), "Jan 2033"),
        (timedelta(days=36000), None),
    ],
)
def test_ticks_are_few_and_round(span, label):
    drawing = timeline([_move("a", NOW)], now=NOW + span)
    assert drawing is not None
    assert 1 <= len(drawing.ticks) <= 10
    assert all(LEFT <= tick.x <= WIDTH for tick in drawing.ticks)
    labels = [tick.label for tick in drawing.ticks if tick.label]
    assert label is None or labels[-1] == label, labels


@pytest.mark.parametrize(
    ("ticks", "label", "left"),
    [
        ((300, 900), "23:20", False),
        ((300, 939), "23:20", True),
        ((939,), "23:20", True),
        ((880, 939), "", True),
    ],
    ids=["beside", "at-the-left", "alone", "no-room"],
)
def test_the_last_label_stays_inside(ticks: tuple[int, ...], label: str, *, left: bool) -> None:
    *_, last = _inside(tuple(Tick(x, "23:20") for x in ticks))
    assert (last.x, last.label, last.left) == (ticks[-1], label, left)
    assert _inside(()) == ()


@pytest.mark.parametrize(
    ("begin", "end", "labels"),
    [
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 5, 15, tzinfo=UTC), "Jan Feb Mar Apr May"),
        (datetime(2026, 5, 3, tzinfo=UTC), datetime(2027, 11, 29, tzinfo=UTC), "Jul Oct Jan Apr Jul Oct"),
        (datetime(2025, 2, 1, tzinfo=UTC), datetime(2028, 6, 1, tzinfo=UTC), "Jul Jan Jul Jan Jul Jan"),
        (datetime(2020, 2, 1, tzinfo=UTC), datetime(2045, 6, 1, tzinfo=UTC), "Jan Jan Jan Jan Jan"),
    ],
    ids=["months", "quarters", "half-years", "years"],
)
def test_the_label_of_a_month_stands_at_its_first_day(begin, end, labels):
    drawing = timeline([_move("a", begin)], now=end)
    assert drawing is not None
    assert [tick.label[:3] for tick in drawing.ticks] == labels.split()
    for tick in drawing.ticks:
        first = datetime.strptime(tick.label, "%b %Y").replace(tzinfo=UTC)
        assert abs(tick.x - (LEFT + (WIDTH - LEFT - 20) * ((first - begin) / (end - begin)))) < 0.1


@pytest.mark.parametrize("second", [0, 59])
def test_a_time_at_the_end_of_all_calendars_can_be_drawn(second: int) -> None:
    last = datetime(9999, 12, 31, 23, 59, second, 999999, tzinfo=UTC)
    drawing = timeline([_move("a", last)], now=NOW)
    assert drawing is not None
    assert len(drawing.lanes[0].marks) == 1
