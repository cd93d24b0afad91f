"""Records of pins that came along with a picked commit, and that no commit of this history has ever counted. Pure.

git joins the log by lines, so that a pick brings records of other sources too. A lock in which such a record never
counted and one from which it was taken back look alike: the commits tell.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from git_hybrid.core.audit import Record
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.last_pins import by_source, last_records, without
from git_hybrid.core.lock import Lock, Pin
from git_hybrid.core.lock_moves import Past, places
from git_hybrid.core.value import Struct, field

Brought = Mapping[SourceName, frozenset[str]]
Installed = Mapping[SourceName, Oid]


class History(Struct, kw_only=True):
    """What the commits tell: those that came before, and the locks of a branch that was pushed and is not gone on from.

    ``lines`` has by the hash of a record the SHA-256 of its line; ``decode`` reads a lock.
    """

    past: Past
    pushed: Sequence[bytes]
    lines: Mapping[str, str]
    decode: Callable[[bytes], Lock | None]
    _stood: dict[str, Mapping[SourceName, str]] = field(default_factory=dict)
    _having: dict[str, list[str]] = field(default_factory=dict)

    def counted(self, record: Record, names: Collection[SourceName]) -> bool:
        """Tell whether a commit may have had the pin of *record* where that has it; *names* are all that are asked.

        So may one that is not committed yet, and one that was there when the history begins that is here.
        """
        line = self.lines.get(str(record["hash"]), "")
        having = self._commits_with(line)
        began = (commit for commit in having if line in self.past.added.get(commit, ()))
        if not having or not all(self.past.parents[commit] for commit in began):
            return True
        name, commit = SourceName(str(record["source"])), record.get("after")
        there = [self._places(item, names) for item in having]
        there += [_commits(places(text, names, self.decode)) for text in self.pushed]
        return any(found.get(name) == commit for found in there)

    def _commits_with(self, line: str) -> list[str]:
        """Return the commits whose log has *line*, or had it before, the newest first as in ``past``."""
        if line not in self._having:
            found = dict[str, None]()
            for commit in reversed(tuple(self.past.parents)):
                if line in self.past.added.get(commit, ()) or not found.keys().isdisjoint(self.past.parents[commit]):
                    found[commit] = None
            # Locks are read together with those that come after in this order.
            self._having[line] = list(reversed(found))
        return self._having[line]

    def _places(self, commit: str, names: Collection[SourceName]) -> Mapping[SourceName, str]:
        if commit not in self._stood:
            self._stood[commit] = _commits(places(self.past.lock(commit), names, self.decode))
        return self._stood[commit]


def brought(
    records: Sequence[Record], pins: Mapping[SourceName, Pin], installed: Installed, history: History
) -> Brought:
    """Return the hashes of the last of *records* of each of *pins* that only came along, by the name of the source.

    What is *installed* is nothing that only came along.
    """
    told = by_source(records)
    found = {
        name: _of(told.get(name, ()), pin, lambda record: not _counts(record, pins, installed, history))
        for name, pin in pins.items()
    }
    return {name: hashes for name, hashes in found.items() if hashes}


def _counts(record: Record, pins: Mapping[SourceName, Pin], installed: Installed, history: History) -> bool:
    is_there = installed.get(SourceName(str(record["source"]))) == record.get("after")
    return is_there or history.counted(record, pins)


def _of(told: Sequence[Record], pin: Pin, only_came: Callable[[Record], bool]) -> frozenset[str]:
    found = set[str]()
    while True:
        last = last_records(without(told, found), pin.source)
        more = {str(item["hash"]) for item in last if item.get("after") != pin.commit and only_came(item)}
        if not more:
            return frozenset(found)
        found |= more


def _commits(found: Mapping[SourceName, tuple[str, ...]]) -> Mapping[SourceName, str]:
    return {name: place[0] for name, place in found.items()}
