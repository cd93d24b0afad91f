"""What commands write is shown in the order of their sources, and no more is kept than has to be."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from git_hybrid.app.foreach import Ran
from git_hybrid.cli import inturn
from git_hybrid.cli.common import Common
from git_hybrid.cli.inturn import InTurn
from git_hybrid.cli.output import Output
from git_hybrid.cli.spool import spool
from git_hybrid.core.errors import Interrupted
from git_hybrid.core.ids import SourceName

A, B, C = map(SourceName, "abc")


class _Check:
    """Raises once it is told to."""

    stop = False

    def __call__(self) -> None:
        if self.stop:
            raise Interrupted(signal=2)


@pytest.fixture
def check() -> _Check:
    return _Check()


@pytest.fixture
def shown(check: _Check) -> Iterator[InTurn]:
    with spool() as place:
        found = InTurn(Output(Common([])), place, check)
        found.begin((A, B, C))
        yield found


@pytest.mark.parametrize(("status", "told"), [(3, "with status 3"), (-9, "by SIGKILL"), (-99, "by signal 99")])
def test_those_that_ended_early_are_shown_in_their_turn(shown, capfd, status, told):
    a, b, c = map(shown.watch, (A, B, C))
    c.out(b"c\n")
    c.err(b"said\n")
    shown.ended(Ran(name=C, status=status))
    b.out(b"b\n")
    assert capfd.readouterr() == ("", "")
    a.check()
    a.out(b"a\n")
    a.err("ä".encode()[:1])
    assert capfd.readouterr() == ("a\n", "==> a\n")
    a.err("ä".encode()[1:])
    shown.ended(Ran(name=A, status=0))
    assert capfd.readouterr() == ("", "ä")
    b.check()
    assert capfd.readouterr() == ("b\n", "==> b\n")
    shown.ended(Ran(name=B, status=0))
    assert capfd.readouterr() == ("c\n", f"==> c\nsaid\nerror: the command failed in c {told}\n")


def test_what_was_not_run_is_told_in_its_turn(shown, capfd):
    shown.ended(Ran(name=B, status=None))
    shown.ended(Ran(name=A, status=0))
    assert capfd.readouterr() == ("", "==> a\nb: no clone, skipped\n")


def test_a_command_that_has_written_much_waits_for_its_turn(shown, check, capfd, monkeypatch):
    monkeypatch.setattr(inturn, "MOST", 10)
    b, c, went_on = shown.watch(B), shown.watch(C), threading.Event()

    def write() -> None:
        b.out(b"x" * 11)
        went_on.set()

    writing = threading.Thread(target=write)
    writing.start()
    assert not went_on.wait(0.2)
    shown.ended(Ran(name=A, status=0))
    writing.join()
    assert went_on.is_set()
    b.out(b"y")
    assert capfd.readouterr() == ("x" * 11 + "y", "==> a\n==> b\n")
    check.stop = True
    with pytest.raises(Interrupted):
        c.out(b"z" * 11)
