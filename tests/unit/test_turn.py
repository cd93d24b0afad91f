"""Turns: one thread at a time, given away where a thread waits, and never a reason to stand still."""

from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import Self

import pytest

from git_hybrid.turn import Turn

SOON, LONG = 10.0, 3600.0


class Other:
    """A thread of its own for the block; what it raises is raised at its end."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._work, self._error = work, list[BaseException]()
        self._thread = Thread(target=self._run)

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001
            self._error.append(error)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.join()

    def join(self) -> None:
        self._thread.join(SOON)
        assert not self._thread.is_alive()
        if self._error:
            raise self._error[0]


def has(turn: Turn) -> bool:
    """Tell whether another thread would have to wait for its turn now."""
    found: list[bool] = []

    def look() -> None:
        quick = turn._lock.acquire(blocking=False)
        if quick:
            turn._lock.release()
        found.append(not quick)

    with Other(look):
        pass
    return found[0]


def test_one_has_its_turn_until_the_outermost_block_ends():
    turn = Turn()
    with turn:
        with turn:
            assert has(turn)
        assert has(turn)
    assert not has(turn)


def test_another_waits_until_it_is_given_the_turn():
    turn, inside, order = Turn(LONG), Event(), list[str]()

    def work() -> None:
        inside.set()
        with turn:
            order.append("other")

    with turn:
        other = Other(work)
        other.__enter__()
        assert inside.wait(SOON)
        order.append("first")
        with turn, turn.waiting():
            other.join()
        order.append("first again")
        assert has(turn)
    assert order == ["first", "other", "first again"]
    assert not has(turn)


def test_one_that_does_not_want_it_back_goes_on_without_until_it_waits_again():
    turn = Turn()
    with turn:
        with turn.waiting(back=False):
            assert not has(turn)
        assert not has(turn)
        with turn:
            assert not has(turn)
        with turn.waiting():
            pass
        assert has(turn)
    assert not has(turn)


def test_who_has_no_turn_gives_none_away():
    turn = Turn()
    with turn.waiting():
        assert not has(turn)
        with turn:
            assert has(turn)
        assert not has(turn)
    assert not has(turn)


def test_a_block_that_raises_gives_the_turn_away():
    turn = Turn()
    with pytest.raises(KeyError), turn, turn.waiting(), turn:
        raise KeyError
    assert not has(turn)
    with turn:
        assert has(turn)


def test_nobody_stands_still_for_one_that_never_lets_go():
    turn, held, done = Turn(0.01), Event(), Event()

    def keep() -> None:
        with turn:
            held.set()
            assert done.wait(SOON)

    with Other(keep):
        assert held.wait(SOON)
        with turn:
            assert has(turn)
        # The second time it does not even wait: the same one is at it.
        turn._patience = LONG
        with turn, turn.waiting():
            pass
        done.set()
    assert not has(turn)
    with turn:
        assert has(turn)


def test_a_lock_and_a_turn_in_either_order_are_no_deadlock():
    turn, mutex, locked = Turn(0.01), Lock(), Event()

    def lock_first() -> None:
        with mutex:
            locked.set()
            with turn:
                pass

    with turn, Other(lock_first) as other:
        assert locked.wait(SOON)
        with mutex:
            pass
        other.join()


def test_a_lock_is_waited_for_without_the_turn():
    turn, mutex, locked, order = Turn(LONG), Lock(), Event(), list[str]()

    def lock_first() -> None:
        with mutex:
            locked.set()
            with turn:
                order.append("other")

    with turn, turn.waiting():
        other = Other(lock_first)
        with turn:
            other.__enter__()
            assert locked.wait(SOON)
            with turn.held_with(mutex):
                order.append("first")
                assert has(turn)
        other.join()
    assert order == ["other", "first"]
    with turn.held_with(mutex):
        assert not mutex.acquire(blocking=False)
    assert mutex.acquire(blocking=False)
