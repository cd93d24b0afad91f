"""The one line of progress: what it says, at any width, whoever sends what."""

from __future__ import annotations

import io

import pytest

from git_hybrid.core.transfer import Transfer
from git_hybrid.view.lines import Lines
from git_hybrid.view.progress import OneLine
from git_hybrid.view.progressline import Shown, progress_line, time_left
from git_hybrid.view.term import width

MIB = 1 << 20
RECEIVING = Transfer(phase="receiving", done=450, total=1000, size=int(12.3 * MIB), rate=int(3.2 * MIB))


def _line(columns: int = 120, **given) -> str:
    facts = {"done": 37, "total": 100, "name": "terraform-aws-vpc", "text": "fetching"} | given
    return progress_line(Shown(**facts), columns).rstrip()


def test_all_of_it():
    expected = "[ 37/100] terraform-aws-vpc: receiving 450/1,000 objects, 12.3 MiB at 3.2 MiB/s · about 40 s left"
    assert _line(transfer=RECEIVING, left=41) == expected


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (90, "[ 37/100] terraform-aws-vpc: receiving 450/1,000 objects, 12.3 MiB at 3.2 MiB/s"),
        (60, "[ 37/100] terraform-aws-vpc: receiving 45 %, 3.2 MiB/s"),
        (45, "[ 37/100] terraform-aws-vpc: receiving 45 %"),
        (39, "[ 37/100] terraform-aw…: receiving 45 %"),
    ],
)
def test_a_narrow_terminal_gets_less(columns, shown):
    assert _line(columns, transfer=RECEIVING, left=41).replace(" …", "…") == shown


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({}, "terraform-aws-vpc: fetching"),
        ({"since": 12.4}, "terraform-aws-vpc: fetching, 12 s"),
        ({"since": 12.4, "left": 130}, "terraform-aws-vpc: fetching, 12 s · about 2 min left"),
        ({"left": 4}, "terraform-aws-vpc: fetching · a few seconds left"),
        ({"left": 7200}, "terraform-aws-vpc: fetching · about 2 h left"),
        ({"name": "", "text": "scanning"}, "scanning"),
        ({"transfer": Transfer(phase="server counts", done=9)}, "terraform-aws-vpc: server counts 9 objects"),
        ({"transfer": Transfer(phase="resolving", done=1, total=9)}, "terraform-aws-vpc: resolving 1/9 deltas"),
        ({"transfer": Transfer(phase="packing", done=0, size=2 * MIB)}, "terraform-aws-vpc: packing 2.0 MiB"),
    ],
)
def test_what_is_said(given, shown):
    assert _line(**given) == f"[ 37/100] {shown}"


@pytest.mark.parametrize("columns", [39, 59, 79])
@pytest.mark.parametrize("name", ["tool", "a" * 100, "\x1b[2J\u202e名前" * 9])
@pytest.mark.parametrize("transfer", [None, RECEIVING])
def test_it_never_leaves_its_line(columns, name, transfer):
    line = progress_line(Shown(done=1, total=9, name=name, text="x\x1b\r\n" * 30, transfer=transfer), columns)
    assert width(line) == columns
    assert line.isprintable()


def test_nobody_is_told_a_time_that_nobody_knows():
    assert time_left(done=2, started=10, total=40, seconds=100) is None
    assert time_left(done=4, started=10, total=100, seconds=100) is None
    assert time_left(done=20, started=28, total=100, seconds=1) is None
    assert time_left(done=99, started=100, total=100, seconds=100) is None
    assert time_left(done=20, started=28, total=100, seconds=10) == 40


class _Screen:
    def __init__(self, **given) -> None:
        self.now = 0.0
        self.stream = io.StringIO()
        self.line = OneLine(lines=Lines(stream=self.stream), columns=120, clock=lambda: self.now, **given)

    def shows(self) -> str:
        return self.stream.getvalue().rsplit("\r", 1)[-1].strip()

    def tell(self, kind, name, text, seconds=0.2):
        self.line(kind, name, text)
        self.now += seconds


def test_the_source_that_moves_most_has_the_line_and_not_another_all_the_time():
    screen = _Screen()
    screen.tell("begin", "bringing clones to their pins", "3")
    assert screen.shows() == "[0/3] bringing clones to their pins"
    screen.tell("start", "a", "clone")
    screen.tell("step", "b", "fetching")
    assert screen.shows() == "[0/3] a: clone"
    screen.line.moved("b", RECEIVING)
    assert screen.shows() == "[0/3] a: clone"
    screen.now += 1.5
    screen.line.moved("b", RECEIVING)
    assert screen.shows() == "[0/3] b: receiving 450/1,000 objects, 12.3 MiB at 3.2 MiB/s"
    screen.now += 0.2
    screen.tell("done", "b", "cloned")
    assert screen.shows() == "[1/3] a: clone"
    screen.tell("done", "a", "cloned")
    assert screen.shows() == "[2/3] a: cloned"
    screen.tell("begin", "proving the clones", "2")
    assert screen.shows() == "[0/2] proving the clones"


def test_what_is_noted_stands_above_the_line():
    screen = _Screen()
    screen.tell("step", "a", "fetching")
    screen.tell("retry", "a", "try 1 of 5 failed")
    screen.tell("note", "a", "asking the next")
    lines = [part.split("\r")[-1].strip() for part in screen.stream.getvalue().split("\n")]
    assert lines == ["a: try 1 of 5 failed", "a: asking the next", "[0/1] a: fetching"]


def test_what_is_over_at_once_draws_nothing():
    screen = _Screen(delay=0.5)
    screen.tell("begin", "pinning", "1", 0.1)
    screen.tell("start", "a", "pin", 0.1)
    screen.tell("done", "a", "pinned", 0.1)
    screen.line.close()
    assert screen.stream.getvalue() == ""


def test_a_cleared_line_stays_away_until_something_happens():
    screen = _Screen()
    screen.tell("start", "a", "pin")
    screen.line.clear()
    written = screen.stream.getvalue()
    screen.line._draw(99.0, again=True)
    assert screen.stream.getvalue() == written
    screen.tell("start", "b", "pin")
    assert screen.shows() == "[0/2] b: pin"


def test_a_step_that_takes_long_is_drawn_again_though_nothing_is_heard():
    screen = _Screen(ticks=True)
    screen.line._end.wait = lambda _seconds: True
    screen.tell("step", "a", "scanning with secrets", 7)
    screen.line._draw(screen.now, again=True)
    assert screen.shows() == "[0/1] a: scanning with secrets, 7 s"
    screen.line.close()
    assert screen.line._ticker is not None
    assert not screen.line._ticker.is_alive()
