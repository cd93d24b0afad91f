"""What took longest begins first, and no host is asked too much at once."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from git_hybrid.app.executor import run_slowest_first
from git_hybrid.app.hosts import HostGate
from git_hybrid.core.ids import SourceName
from git_hybrid.core.ports import NoDurations
from git_hybrid.core.value import replace
from git_hybrid.store.durations import FileDurations
from support.fakes import FakeTransport, runtime


class Remembered:
    def __init__(self, known: Mapping[SourceName, float]) -> None:
        self.before, self.kept = known, {}

    def known(self, kind: str) -> Mapping[SourceName, float]:
        assert kind == "sync"
        return self.before

    def keep(self, kind: str, took: Mapping[SourceName, float]) -> None:
        assert kind == "sync"
        self.kept = took


def _run(durations: Remembered, items: list[str], *, jobs: int) -> tuple[list[str], tuple[str | None, ...]]:
    begun: list[str] = []
    rt = replace(runtime(FakeTransport({})), durations=durations)

    def work(item: str) -> str:
        begun.append(item)
        return item.upper()

    return begun, run_slowest_first(work, items, rt=rt, jobs=jobs, name=SourceName, kind="sync")


def test_the_slowest_begins_and_results_keep_their_order() -> None:
    durations = Remembered({SourceName("b"): 2.0, SourceName("d"): 9.0})
    begun, results = _run(durations, ["a", "b", "c", "d"], jobs=1)
    assert begun == ["d", "b", "a", "c"]
    assert results == ("A", "B", "C", "D")
    assert set(durations.kept) == {"a", "b", "c", "d"}
    assert all(0 <= seconds < 60 for seconds in durations.kept.values())


def test_where_all_begin_at_once_nothing_is_kept() -> None:
    durations = Remembered({})
    assert _run(durations, ["a", "b"], jobs=2)[1] == ("A", "B")
    assert durations.kept == {}


def test_without_a_place_for_them_nothing_is_known() -> None:
    durations = NoDurations()
    durations.keep("sync", {SourceName("a"): 1.0})
    assert durations.known("sync") == {}


def test_durations_are_kept_by_kind(tmp_path: Path) -> None:
    durations = FileDurations(tmp_path / ".durations")
    assert durations.known("sync") == {}
    durations.keep("sync", {SourceName("a"): 1.234, SourceName("b"): 2.0})
    durations.keep("mirror", {SourceName("a"): 7.0})
    durations.keep("sync", {SourceName("b"): 3.0})
    assert durations.known("sync") == {"a": 1.23, "b": 3.0}
    assert durations.known("mirror") == {"a": 7.0}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{",
        b'{"sync": 3}',
        b'{"sync": {"../x": 1, "a": "b"}}',
        b"[" * 9999,
        b'{"sync": {"a": 1' + b"0" * 400 + b"}}",
    ],
)
def test_a_hint_that_is_damaged_says_nothing(data: bytes, tmp_path: Path) -> None:
    (tmp_path / ".durations").write_bytes(data)
    assert FileDurations(tmp_path / ".durations").known("sync") == {}


def test_a_hint_that_cannot_be_written_is_none(tmp_path: Path) -> None:
    FileDurations(tmp_path / "nowhere" / ".durations").keep("sync", {SourceName("a"): 1.0})
    assert list(tmp_path.iterdir()) == []


def test_a_host_is_asked_by_so_many_at_once() -> None:
    gate, inside, most = HostGate(lambda: 0, most=2), 0, 0
    lock, together = threading.Lock(), threading.Barrier(2, timeout=10)

    def ask() -> None:
        nonlocal inside, most
        with gate("example.org"):
            with lock:
                inside += 1
                most = max(most, inside)
            together.wait()
            with lock:
                inside -= 1

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    with gate("other.example.org"), gate(""), gate(""), gate(""):
        pass
    for thread in threads:
        thread.join()
    assert most == 2


def test_whoever_waits_is_let_go_by_a_signal() -> None:
    cancelled, reached = 0, []
    gate = HostGate(lambda: cancelled, most=1)
    with gate("example.org"):
        cancelled = 2
        with gate("example.org"):
            reached.append("let go")
    cancelled = 0
    with gate("example.org"):
        reached.append("free again")
    assert reached == ["let go", "free again"]
