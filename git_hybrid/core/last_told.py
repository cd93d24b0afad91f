"""The last records of each thing that the audit log tells of, over branches that a merge brought together. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping

from git_hybrid.core.audit import Record, detail_of, previous
from git_hybrid.core.value import Struct

BROUGHT = "brought_along"
"""What a record of a pin tells of those before it that came along with a picked commit: it takes not their place."""
Known = dict[str, frozenset[str]]


class Last(Struct, frozen=True):
    """The last records of each thing, by their hashes: more than one where branches went on side by side.

    ``over`` has for each of those records the ones whose place it took.
    """

    newest: Mapping[str, frozenset[str]]
    over: Mapping[str, frozenset[str]]


def last_told(
    records: Mapping[str, Record], about: Callable[[Record], str | None], *, ends: Collection[str] = ()
) -> Last:
    """Return the last of *records* that tell of each thing; what an event of *ends* follows counts no more.

    *about* names the thing that a record tells of, or returns None. A record stands for all of its thing that it
    follows, over any number of others. What stands before a record that it names as earlier is not followed.
    """
    left = _followers(records)
    at: dict[str, Known] = {}
    over: dict[str, frozenset[str]] = {}
    replaced: set[str] = set()
    counted: set[frozenset[str]] = set()
    for digest, record in records.items():
        known = _known(at, left, previous(record))
        name = about(record)
        if name is not None:
            before = known.get(name, frozenset())
            named = brought_along(record)
            beside = before & named
            before = _without(named, before, over) if beside else before
            if before not in counted:
                counted.add(before)
                replaced |= before
            known[name] = frozenset()
            if record["event"] not in ends:
                known[name], over[digest] = frozenset({digest}) | beside, before
        at[digest] = known
    # What another record follows is there no more.
    newest = _joined({}, at.values())
    return Last({name: told - replaced for name, told in newest.items()}, over)


def brought_along(record: Record) -> frozenset[str]:
    """Return the hashes of the records of its pin that *record* tells to have come along with a picked commit."""
    told = detail_of(record).get(BROUGHT)
    return frozenset(map(str, told)) if isinstance(told, list) else frozenset()


def _without(named: frozenset[str], before: frozenset[str], over: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return *before* without those *named*, and with what these took the place of."""
    left, open_ = set[str](), list(before)
    while open_:
        item = open_.pop()
        if item in named:
            open_ += over.get(item, ())
        else:
            left.add(item)
    return frozenset(left)


def has_branches(records: Iterable[Record]) -> bool:
    """Tell whether some of *records* were made side by side."""
    seen: set[str] = set()
    for record in records:
        before = previous(record)
        if not seen.isdisjoint(before):
            return True
        seen.update(before)
    return False


def _followers(records: Mapping[str, Record]) -> dict[str, int]:
    """Return how many of *records* follow each one that stands before them."""
    left: dict[str, int] = {}
    for digest, record in records.items():
        for item in previous(record):
            if item in left:
                left[item] += 1
        left[digest] = 0
    return left


def _known(at: MutableMapping[str, Known], left: MutableMapping[str, int], before: Iterable[str]) -> Known:
    """Return what is known after all of *before*; taken out of *at*, not copied, once nothing else follows.

    A copy for each record, of a log in which nothing branched, would take the square of its length.
    """
    mine, others = list[Known](), list[Known]()
    for item in before:
        if item in at:
            left[item] -= 1
            if left[item]:
                others.append(at[item])
            else:
                mine.append(at.pop(item))
    first = mine.pop() if mine else {}
    return _joined(first, (*mine, *others))


def _joined(known: Known, others: Iterable[Known]) -> Known:
    told: dict[str, set[frozenset[str]]] = {}
    for other in others:
        for name, last in other.items():
            told.setdefault(name, set()).add(last)
    # All at once, and none twice: many branches would take the square of their number.
    for name, sides in told.items():
        if name in known:
            sides.add(known[name])
        known[name] = frozenset[str]().union(*sides) if len(sides) > 1 else sides.pop()
    return known
