"""Pins that took the side of a merge that had lost when the merge was committed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from git_hybrid.core.audit import Event, Record
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Lock, Pin
from git_hybrid.core.manifest import Branch, Source, Tag
from git_hybrid.core.value import replace
from support.values import a_source
from unit.core.test_lock_moves import Committed, aged, decided, found, grown, lock, pinned, text

TOOL = SourceName("tool")
SOURCE = a_source(track=Branch("main"))
BASE = grown((), pinned(1))
NEWER, OLDER = grown(BASE, pinned(2)), grown(BASE, pinned(3))
MET = (*NEWER, OLDER[-1])
AGAIN = pinned(3, branch="main")
LOG = grown(MET, AGAIN)
NEW, OLD = aged(2, 1), aged(3, 0)


def told(
    stands: Pin = OLD,
    log: Sequence[Record] = LOG,
    history: Mapping[str, Committed] | None = None,
    *,
    before: Sequence[Lock] = (lock(NEW),),
    known: Sequence[Sequence[Record]] = (MET,),
    source: Source | None = SOURCE,
) -> list[str]:
    sources = {} if source is None else {TOOL: source}
    breaches = found(stands, log, history or {}, before=before, known=known, decode=decided, sources=sources)
    return [breach.level for breach in breaches if "pin itself refuses" in breach.proves]


def test_a_record_that_takes_the_older_side_again_is_told_before_it_is_committed() -> None:
    assert told() == ["fail"]
    # Only objects show whether one of the same time is the older one; what is ahead is a step forward.
    assert told(aged(3, 1)) == ["warn"]
    assert told(aged(3, 2)) == []
    # As long as nobody has committed both, whoever merges may choose.
    assert told(known=(NEWER,)) == told(before=(lock(NEW), lock(OLD)), known=(NEWER, OLDER)) == []
    assert told(before=(Lock(),)) == told(before=(lock(OLD),)) == []
    # Another record behind it explains nothing, unless an override approves that, or the source begins anew.
    assert told(aged(4, 0), grown(LOG, pinned(4, branch="main"))) == ["fail"]
    assert told(aged(4, 0), grown(LOG, pinned(5, rests_on="ovr-1"), pinned(4, branch="main"))) == []
    assert told(replace(OLD, override="ovr-1"), grown(LOG, pinned(3, rests_on="ovr-1"))) == []
    assert told(OLD, grown(LOG, Event(event="remove", source="tool"), AGAIN)) == []
    # Where it went on since, all is well.
    assert told(NEW, grown(LOG, pinned(2, branch="main"))) == []


def test_what_the_entry_lets_a_pin_leave_is_no_step_back() -> None:
    assert told(source=None) == told(source=a_source(track=Tag("v1"))) == []
    assert told(log=grown(MET, pinned(3, branch="main", descends="yes"))) == []
    assert told(before=(lock(replace(NEW, url=a_source(url="https://example.org/fork").url)),)) == []
    forced = (*grown(BASE, pinned(2, rests_on="ovr-1")), OLDER[-1])
    assert told(log=grown(forced, AGAIN), known=(forced,)) == []


def test_a_record_that_came_too_late_is_found_in_history() -> None:
    sides = {
        "left": (("a",), text(2), NEWER[1:]),
        "right": (("a",), text(3), OLDER[1:]),
        "a": ((), text(1), BASE),
    }
    merged = {"m": (("left", "right"), text(2), ()), **sides}
    late = {"c": (("m",), text(3), LOG[-1:]), **merged}
    committed: dict[str, Any] = {"before": (lock(OLD),), "known": (LOG,)}
    assert told(history=late, **committed) == ["fail"]
    # Also where the lock could not be read, or had no pin, in between.
    for broken in (b"<<<<<<<", None):
        between = {"c": (("n",), text(3), LOG[-1:]), "n": (("m",), broken, ()), **merged}
        assert told(history=between, **committed) == ["fail"]
    # In the merge itself, or on a branch that made it, it was in time.
    assert told(history={"m": (("left", "right"), text(3), LOG[-1:]), **sides}, **committed) == []
    on_branch = {"m": (("left", "right"), text(3), LOG[-1:]), **sides}
    met_later = {"n": (("o", "m"), text(3), LOG[-1:]), "o": (("left", "right"), text(2), ()), **on_branch}
    assert told(history=met_later, **committed) == []
    # Without history nobody can tell.
    assert told(**committed) == []
