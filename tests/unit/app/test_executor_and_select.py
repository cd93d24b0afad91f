"""Work over many sources, and which sources a command is about."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from git_hybrid import threads
from git_hybrid.app import executor
from git_hybrid.app.executor import run_all, run_to_end
from git_hybrid.app.select import select, select_to_pin
from git_hybrid.core.errors import Interrupted, UnknownSource
from git_hybrid.core.manifest import Manifest, Source
from git_hybrid.core.value import replace
from git_hybrid.core.words import unmarked
from git_hybrid.threads import are_at_work, wait_for_all
from support.fakes import FakeTransport, runtime
from support.samples import source


def _never() -> int:
    return 0


@pytest.mark.parametrize("jobs", [1, 3, 50])
def test_results_come_in_the_order_of_the_input(jobs):
    def work(number: int) -> int:
        time.sleep((20 - number) / 2000)
        return number * 2

    assert run_all(work, range(20), jobs=jobs, cancelled=_never) == tuple(range(0, 40, 2))


def test_nothing_to_do():
    assert run_all(lambda item: item, [], jobs=4, cancelled=_never) == ()


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_no_more_than_so_many_at_a_time(jobs):
    lock, running, most = threading.Lock(), 0, 0
    # So many are at work at once, or they wait for each other in vain.
    together = threading.Barrier(jobs, timeout=10)

    def work(_item: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait()
        with lock:
            running -= 1

    run_all(work, range(12), jobs=jobs, cancelled=_never)
    assert most == jobs


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_signal_keeps_the_rest_from_starting(jobs):
    started: list[int] = []
    asked = threading.Event()

    def work(item: int) -> int:
        started.append(item)
        if item == 1:
            asked.set()
        time.sleep(0.02)
        return item

    found = run_all(work, range(20), jobs=jobs, cancelled=lambda: 2 if asked.is_set() else 0)
    assert len(started) < 5
    assert [item for item in found if item is not None] == sorted(started)
    assert found[-1] is None
    assert len(found) == 20


def test_nothing_that_a_signal_kept_from_starting_is_left_out_without_a_word():
    started: list[int] = []
    rt = replace(runtime(FakeTransport({})), jobs=1, cancelled=lambda: 2 if len(started) == 3 else 0)

    def work(item: int) -> int | None:
        started.append(item)
        return item or None

    assert run_to_end(rt, Manifest(), "work", work, range(2)) == (1,)
    with pytest.raises(Interrupted):
        run_to_end(rt, Manifest(), "work", work, range(2))


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_bug_ends_the_run(jobs):
    def work(item: int) -> int:
        return 1 // item

    with pytest.raises(ZeroDivisionError):
        run_all(work, [1, 2, 0, 4], jobs=jobs, cancelled=_never)


def test_every_item_has_a_thread_that_lives_until_the_end():
    """A child is killed together with the thread that started it, and an id of a thread that is gone is given again."""
    met = threading.Barrier(4)

    def work(_item: int) -> int:
        met.wait(10)
        assert are_at_work()
        return threading.get_ident()

    assert len({*run_all(work, range(4), jobs=4, cancelled=_never), threading.get_ident()}) == 5
    wait_for_all()
    assert not are_at_work()


@pytest.fixture
def manifest() -> Manifest:
    entries = [source("alpha"), source("beta"), source("gamma")]
    groups = {"alpha": ("one",), "beta": ("one", "two"), "gamma": ()}
    made = {entry.name: _grouped(entry, groups[entry.name]) for entry in entries}
    return Manifest(sources=made)


def _grouped(entry: Source, groups: tuple[str, ...]) -> Source:
    return Source(name=entry.name, url=entry.url, track=entry.track, groups=groups)


@pytest.mark.parametrize(
    ("names", "groups", "want"),
    [
        ((), (), ("alpha", "beta", "gamma")),
        (("gamma", "alpha"), (), ("alpha", "gamma")),
        (("gamma", "gamma"), (), ("gamma",)),
        ((), ("one",), ("alpha", "beta")),
        ((), ("one", "two"), ("alpha", "beta")),
        (("gamma",), ("two",), ("beta", "gamma")),
    ],
)
def test_select(manifest, names, groups, want):
    assert select(manifest, names, groups) == want


def test_every_unknown_name_is_named_with_its_neighbours(manifest):
    with pytest.raises(UnknownSource) as caught:
        select(manifest, ["alpah", "zzz", "beta"])
    assert (caught.value.names, caught.value.nearest, caught.value.what) == (("alpah", "zzz"), ("alpha",), "source")


@pytest.mark.parametrize(
    ("names", "nearest", "instead"),
    [
        (["ALPHA"], ("alpha",), ""),
        (["sources/alpha/src"], ("alpha",), ""),
        (["alpha", "v1.0.0"], (), "git hybrid pin alpha --to v1.0.0"),
        (["alpha@v1 x"], ("alpha",), "git hybrid pin alpha --to 'v1 x'"),
        (["alpha@"], ("alpha",), ""),
        (["alpha", "bta"], ("beta",), ""),
        (["alpha", "beta", "v1.0.0"], (), ""),
        (["v1.0.0"], (), ""),
    ],
)
def test_what_may_be_meant_by_an_unknown_name(manifest, names, nearest, instead):
    with pytest.raises(UnknownSource) as caught:
        select_to_pin(manifest, names, ())
    assert (caught.value.nearest, unmarked(caught.value.instead)) == (nearest, instead)


def test_an_unknown_group(manifest):
    with pytest.raises(UnknownSource) as caught:
        select(manifest, [], ["thre"])
    assert caught.value.what == "group"


@pytest.mark.parametrize("room", [0, 1, 3])
@pytest.mark.parametrize("dies", [False, True], ids=["is refused", "dies before it begins"])
def test_threads_that_the_system_has_no_room_for_are_done_without(monkeypatch, room, dies):
    """Without memory a thread may also be made and end before the first line of its work."""
    begun, start = [], threads.start_new_thread

    def start_or_refuse(function: Callable[..., None], arguments: tuple[object, ...]) -> None:
        begun.append(function)
        if len(begun) <= room:
            start(function, arguments)
        elif not dies:
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threads, "start_new_thread", start_or_refuse)
    assert run_all(lambda item: item * 2, range(9), jobs=4, cancelled=_never) == tuple(range(0, 18, 2))
    assert len(begun) == 4 if dies else room + 1
    wait_for_all()


def test_one_that_waits_for_what_a_thread_without_memory_held_is_left_behind(monkeypatch):
    """As for the lock of a module that it was importing: Python lets nobody have that any more."""
    monkeypatch.setattr(executor, "_SCARCE", 0.1)
    held, waits = threading.Lock(), threading.Event()
    held.acquire()

    def work(item: int) -> None:
        if item:
            waits.wait(10)
            raise MemoryError
        waits.set()
        held.acquire()

    with pytest.raises(MemoryError):
        run_all(work, range(2), jobs=2, cancelled=_never)
    wait_for_all()
    assert are_at_work()
    held.release()


def test_a_thread_that_lacks_memory_between_two_items_leaves_none_out():
    def cancelled() -> int:
        if threading.current_thread() is not threading.main_thread():
            raise MemoryError
        return 0

    with pytest.raises(MemoryError):
        run_all(lambda item: item, range(9), jobs=2, cancelled=cancelled)
