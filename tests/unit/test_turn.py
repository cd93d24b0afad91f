"""Turns: one thread at a time, given away where a thread waits, and never a reason to stand still."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock

import pytest

from git_hybrid.turn import Turn

SOON, LONG = 10.0, 3600.0


@pytest.fixture
def other() -> Iterator[ThreadPoolExecutor]:
    """Return another thread."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


def has(turn: Turn) -> bool:
    """Tell whether another thread would have to wait for its turn now."""
    return turn._lock.locked()


def test_one_has_its_turn_until_the_outermost_block_ends():
    turn = Turn()
    with turn:
        with turn:
            assert has(turn)
        assert has(turn)
    assert not has(turn)


def test_another_waits_until_it_is_given_the_turn(other):
    turn, inside, order = Turn(LONG), Event(), list[str]()

    def work() -> None:
        inside.set()
        with turn:
            order.append("other")

    with turn:
        waits = other.submit(work)
        assert inside.wait(SOON)
        order.append("first")
        with turn, turn.waiting():
            waits.result(SOON)
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


def test_nobody_stands_still_for_one_that_never_lets_go(other):
    turn, held, done = Turn(0.01), Event(), Event()

    def keep() -> None:
        with turn:
            held.set()
            assert done.wait(SOON)

    keeps = other.submit(keep)
    assert held.wait(SOON)
    with turn:
        assert has(turn)
    # The second time it does not even wait: the same one is at it.
    turn._patience = LONG
    with turn, turn.waiting():
        pass
    done.set()
    keeps.result(SOON)
    assert not has(turn)
    with turn:
        assert has(turn)


def test_a_lock_and_a_turn_in_either_order_are_no_deadlock(other):
    turn, mutex, locked = Turn(0.01), Lock(), Event()

    def lock_first() -> None:
        with mutex:
            locked.set()
            with turn:
                pass

    with turn:
        locks = other.submit(lock_first)
        assert locked.wait(SOON)
        with mutex:
            pass
        locks.result(SOON)


def test_a_lock_is_waited_for_without_the_turn(other):
    turn, mutex, locked, order = Turn(LONG), Lock(), Event(), list[str]()

    def lock_first() -> None:
        with mutex:
            locked.set()
            with turn:
                order.append("other")

    with turn, turn.waiting():
        with turn:
            locks = other.submit(lock_first)
            assert locked.wait(SOON)
            with turn.held_with(mutex):
                order.append("first")
                assert has(turn)
        locks.result(SOON)
    assert order == ["other", "first"]
    with turn.held_with(mutex):
        assert not mutex.acquire(blocking=False)
    assert mutex.acquire(blocking=False)
