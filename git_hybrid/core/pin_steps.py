"""The steps that brought a pin where it stands, by the records of its source, and what each is judged by. Pure.

What was forced is no step that a plain pin goes on from as from any other: ``pin`` judges by what it came from, and the
checks by the same (:func:`git_hybrid.app.bases.bases_of`, :mod:`git_hybrid.app.held`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from git_hybrid.core.audit import Record, detail_of, rests_on
from git_hybrid.core.canonical import Json
from git_hybrid.core.endpoints import same_repository
from git_hybrid.core.governance import ASIDE, REPLACED
from git_hybrid.core.ids import InvalidText, parse_url
from git_hybrid.core.last_told import Last
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Commit, Source
from git_hybrid.core.override import overridden
from git_hybrid.core.value import Struct

Lifts = Mapping[str, frozenset[str]]


class Step(Struct, frozen=True):
    """A record that brought a pin where it stands, and those that ``pin`` judges it by.

    ``left`` is what the overrides lifted that had brought it there before, and that *to* no longer names.
    """

    to: Record
    before: Sequence[Record]
    left: frozenset[str]


def lifts_of(records: Mapping[str, Record]) -> Lifts:
    """Return what each override lifts, by all that the log tells of it: no later record takes any of that back."""
    found: dict[str, frozenset[str]] = {}
    for record in records.values():
        if identity := overridden(record):
            lifts = detail_of(record).get("lifts")
            codes = lifts if isinstance(lifts, list) else ()
            found[identity] = found.get(identity, frozenset()).union(map(str, codes))
    return found


def is_plain(record: Record, lifts: Lifts) -> bool:
    """Tell whether *record*, of a pin, names no override, or one that lifts nothing: forced without need is as good."""
    identity = rests_on(record)
    return not identity or lifts.get(identity) == frozenset()


class Walk(Struct, frozen=True):
    """The way back from a pin through the records of its source."""

    records: Mapping[str, Record]
    last: Last
    lifts: Lifts

    def steps(self, pin: Pin, source: Source) -> Sequence[Step]:
        """Return the records that brought *pin* where it stands, over any that left it there.

        There are none where an override, another branch or a beginning explains one of them.
        """
        open_ = [item for item in self.last.newest.get(pin.source, ()) if self._is_at(self.records[item], pin)]
        steps, done = list[Step](), set(open_)
        while open_:
            digest = open_.pop()
            before = self._before(self.records[digest])
            if not before or rests_on(self.records[digest]):
                return ()
            held = [item for item in before if self._is_held(item, pin, source)]
            same = {str(item["hash"]) for item in before if self._is_at(item, pin) and item not in held}
            open_ += same - done
            done |= same
            if same:
                continue
            bases = [self.bases(item, stays=bool(held)) for item in before]
            if not all(bases) or len(held) not in (0, len(before)):
                return ()
            left = frozenset[str]().union(*(self.lifted(item) for item in held))
            steps.append(Step(self.records[digest], [item for found in bases for item in found], left))
        return steps

    def all_before(self, begin: Sequence[Record]) -> list[Record]:
        """Return *begin* and all of the same source that those follow."""
        open_ = [str(item["hash"]) for item in begin]
        done = set(open_)
        while open_:
            more = self.last.over[open_.pop()] - done
            done |= more
            open_ += more
        return [self.records[digest] for digest in done]

    def lifted(self, record: Record) -> frozenset[str]:
        """Return what the override lifts that *record* names; nothing if it names none."""
        return self.lifts.get(rests_on(record), frozenset())

    def _before(self, record: Record) -> list[Record]:
        return [self.records[item] for item in sorted(self.last.over[str(record["hash"])])]

    def _is_at(self, record: Record, pin: Pin) -> bool:
        return record.get("after") == pin.commit

    def _is_held(self, record: Record, pin: Pin, source: Source) -> bool:
        """Tell whether *record* forced *pin* where it stands, and a plain ``pin`` would not leave it there.

        Where it came from that commit, upstream may have put right what the log does not tell, such as a tag object.
        """
        lifts, told = self.lifted(record), detail_of(record)
        if not self._is_at(record, pin) or not (ASIDE | REPLACED) & lifts:
            return False
        if not REPLACED & lifts:
            return True
        is_same = told.get("ref") == pin.ref and not is_elsewhere(told, str(pin.url))
        came_back = any(self._is_at(item, pin) for item in self.bases(record, stays=True))
        return is_same and not came_back and not isinstance(source.track, Commit)

    def bases(self, record: Record, *, stays: bool = False) -> list[Record]:
        """Return what ``pin`` judges a plain pin by that follows *record*; nothing where it may be anything.

        Of a forced one that is the last before it that was not; and itself, unless it lay aside or the pin *stays*.
        """
        lifts = self.lifted(record)
        is_aside = stays or (ASIDE & lifts and not REPLACED & lifts)
        found, open_, done = list[Record](), [record], set[str]()
        while open_:
            item = open_.pop()
            identity, before = rests_on(item), self._before(item)
            if is_plain(item, self.lifts) or (item is record and not is_aside):
                found.append(item)
            if is_plain(item, self.lifts):
                continue
            if identity not in self.lifts or len({earlier.get("after") for earlier in before}) != 1:
                return []
            open_ += [earlier for earlier in before if str(earlier["hash"]) not in done]
            done |= {str(earlier["hash"]) for earlier in before}
        return found


def is_elsewhere(told: Mapping[str, Json], url: Json) -> bool:
    """Return whether a record that *told* this is of another repository than that at *url*."""
    if told.get("url") == url:
        return False
    try:
        return not same_repository(parse_url(str(told.get("url"))), parse_url(str(url)))
    except InvalidText:
        return True
