"""The last records of each thing: over branches, after an end, and of long logs with what they need and no more."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence

import pytest

from git_hybrid.core.audit import Record
from git_hybrid.core.last_told import Last, last_told


def a_record(name: str, *before: str, source: str = "tool", event: str = "pin") -> Record:
    return {"hash": name, "prev": list(before), "event": event, "source": source}


def told(*records: Record) -> Last:
    return last_told({str(record["hash"]): record for record in records}, source_of, ends={"remove"})


def source_of(record: Record) -> str | None:
    return str(record["source"]) if record["event"] != "seen" else None


def newest(*records: Record) -> set[str]:
    return set(told(*records).newest.get("tool", ()))


FORK = (a_record("a"), a_record("b", "a"), a_record("c", "a"))


def test_a_record_takes_the_place_of_those_that_it_follows() -> None:
    assert newest() == set()
    assert newest(*FORK[:2]) == {"b"}
    assert newest(*FORK) == {"b", "c"}
    joined = (*FORK, a_record("d", "b", "c", event="seen"), a_record("e", "d", source="other"))
    assert newest(*joined) == {"b", "c"}
    assert told(*joined, a_record("f", "e")).over == {
        "a": frozenset(),
        "b": {"a"},
        "c": {"a"},
        "e": frozenset(),
        "f": {"b", "c"},
    }
    assert newest(*joined, a_record("f", "e")) == {"f"}
    # One side of a merge knows no more than the place that the other took.
    assert newest(*FORK[:2], a_record("s", "a", event="seen"), a_record("m", "s", "b", event="seen")) == {"b"}


def test_what_an_end_follows_counts_no_more() -> None:
    ended = (*FORK, a_record("d", "b", event="remove"))
    assert newest(*ended) == {"c"}
    assert newest(*ended, a_record("e", "c", "d", event="remove")) == set()
    again = told(*ended, a_record("e", "d"))
    assert (again.newest["tool"], again.over["e"]) == ({"c", "e"}, frozenset())


def test_what_no_log_should_have_is_read_all_the_same() -> None:
    assert newest(a_record("a", "gone"), a_record("b", "a", "a")) == {"b"}
    assert newest(a_record("b", "a"), a_record("a")) == {"a", "b"}


def test_each_move_of_many_sources_takes_no_copy_of_all() -> None:
    def peak(count: int) -> int:
        names = [f"s{number}" for number in range(count)] * 2
        records: Sequence[Record] = [
            a_record(f"{number}", str(number - 1), source=name) for number, name in enumerate(names)
        ]
        tracemalloc.start()
        try:
            assert len(told(*records).newest) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(800) < 3 * peak(400)


@pytest.mark.timeout(10)
def test_many_branches_take_no_square_of_their_number() -> None:
    names = [f"{number}" for number in range(20_000)]
    branches = [a_record(name, "first") for name in names]
    joined = a_record("joined", *names, event="seen")
    behind = [a_record(f"b{name}", "joined") for name in names[:5000]]
    assert len(newest(a_record("first"), *branches, joined, *behind)) == 5000
