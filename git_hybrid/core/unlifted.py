"""Overrides that lift less than what their pin was forced past, as far as the log alone shows that. Pure.

No signature is of what an override lifts, and where that is nothing a plain pin goes on from there: what was approved
for two days would be right for good.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from git_hybrid.core.audit import Record, detail_of, rests_on
from git_hybrid.core.bare_moves import commits_of, is_back
from git_hybrid.core.errors import IdentityChanged, MovedTag, RewrittenHistory, Rollback
from git_hybrid.core.governance import ASIDE
from git_hybrid.core.last_pins import ANEW, last_pins, roots_told, tag_of
from git_hybrid.core.lock import is_other_repository
from git_hybrid.core.override import overridden
from git_hybrid.core.pin_steps import Walk, is_elsewhere, lifts_of
from git_hybrid.core.value import Struct


class Unlifted(Struct, frozen=True):
    """The ``record`` of a forced pin, the refusal that its override does not lift, and where the pin came from."""

    record: Record
    code: str
    before: tuple[str, ...]


def unlifted(records: Mapping[str, Record], names: Collection[str]) -> Iterator[Unlifted]:
    """Yield the forced pins of *names*, since each began anew, that went past a refusal which their override lacks.

    Of an override only the run that made it is asked: there everything was written down that spoke against the pin.
    """
    last = last_pins(records, names, ends=ANEW)
    walk = Walk(records, last, lifts_of(records))
    made = {(overridden(item), item["command_id"]) for item in records.values() if item["event"] == "override"}
    newest = [records[digest] for digests in last.newest.values() for digest in digests]
    for record in walk.all_before(newest):
        if (rests_on(record), record["command_id"]) in made:
            yield from _judged(walk, record)


def _judged(walk: Walk, record: Record) -> Iterator[Unlifted]:
    before = [walk.records[digest] for digest in sorted(walk.last.over[str(record["hash"])])]
    bases = [walk.bases(item) for item in before]
    judged = [item for found in bases for item in found]
    lifts = walk.lifted(record)
    if lifts:
        # Where nothing spoke against it, it would lift what the one before had let lie aside.
        judged += before
    earlier = walk.all_before(before)
    needed = [_refused(walk, record, item, earlier) for item in judged]
    if all(bases) and needed and all(codes and lifts.isdisjoint(codes) for codes in needed):
        yield Unlifted(record, needed[0][0], commits_of(judged))


def _refused(walk: Walk, to: Record, item: Record, earlier: Sequence[Record]) -> tuple[str, ...]:
    """Return the code of what ``pin`` refuses from *item* to *to*, and those which that may be told by instead."""
    if to.get("after") == item.get("after") or is_elsewhere(detail_of(to), detail_of(item).get("url")):
        return ()
    old, new = roots_told(item), roots_told(to)
    if is_other_repository(old, new):
        return (IdentityChanged.code,)
    unknown = () if old and new else (IdentityChanged.code,)
    if is_back(walk, to, item, earlier):
        rewritten = () if tag_of(to) else (RewrittenHistory.code,)
        return (Rollback.code, *ASIDE, *rewritten, *unknown)
    here = any(one.get("after") == to.get("after") for one in earlier)
    return (MovedTag.code, *ASIDE, *unknown) if tag_of(to) and tag_of(to) == tag_of(item) and not here else ()
