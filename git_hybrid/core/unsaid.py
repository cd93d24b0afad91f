"""Sources that the audit log tells were installed, and of which state has nothing. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import get_args

from git_hybrid.core.audit import Record, previous
from git_hybrid.core.plan import Action

_INSTALLS = frozenset(get_args(Action))
_ENDS = frozenset({"remove", "prune"})


def unsaid(records: Iterable[Record], names: Collection[str]) -> Mapping[str, bool]:
    """Return which of *names* the log has as installed last, and of each whether every state beside it must say so.

    That is not sure where another branch has records that neither follow nor precede: state may be that of its side.
    """
    told = list(records)
    last: dict[str, Record] = {}
    for record in told:
        if record.get("source") in names and record["event"] in _INSTALLS | _ENDS:
            last[str(record["source"])] = record
    found = {name: str(record["hash"]) for name, record in last.items() if record["event"] in _INSTALLS}
    if not found:
        return {}
    passed = _passed_by_all(told)
    return {name: digest in passed for name, digest in found.items()}


def _passed_by_all(records: list[Record]) -> frozenset[str]:
    """Return the hashes of the records that each other one follows, or precedes."""
    at = {str(record["hash"]): place for place, record in enumerate(records)}
    named = [[at[item] for item in previous(record) if item in at] for record in records]
    heads, follows_all = set[int](), set[int]()
    for place, before in enumerate(named):
        heads -= set(before)
        heads.add(place)
        if len(heads) == 1:
            follows_all.add(place)
    found, lowest = set[str](), len(records)
    for place in range(len(records) - 1, -1, -1):
        if place in follows_all and lowest >= place:
            found.add(str(records[place]["hash"]))
        # What follows nothing that is here may follow anything.
        lowest = min(lowest, *named[place], place) if named[place] else -1
    return frozenset(found)
