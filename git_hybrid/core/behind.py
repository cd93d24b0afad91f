"""Pins that a commit has behind where one before had them, by another of their last records. Pure.

What speaks for that, and what is told of it, is :mod:`git_hybrid.core.undecided`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from git_hybrid.core.audit import Record
from git_hybrid.core.audit_archives import Breach
from git_hybrid.core.last_told import brought_along
from git_hybrid.core.lock import Pin
from git_hybrid.core.lock_moves import Moves, Past, all_before, first_with
from git_hybrid.core.undecided import is_older, left_behind, may_be_older, pin_at, undecided
from git_hybrid.core.value import replace


def behind(
    records: Mapping[str, Record], moves: Moves, pin: Pin, newest: Collection[str], past: Past | None, *, is_made: bool
) -> Iterator[Breach]:
    """Yield that *pin* stands behind where a commit before had it, by another one of its *newest* records.

    What a picked commit brought along was never there.
    """
    last = [records[digest] for digest in sorted(newest)]
    for record in undecided(last, pin, records):
        here = [pin_at(lock, record) for lock in moves.before]
        line = moves.lines[str(record["hash"])]
        commits = [] if past is None else [commit for commit, lines in past.added.items() if line in lines]
        at = {item: pin_at(moves.decode(past.lock(item) or b""), record) for item in commits} if past else {}
        if any(than is not None and may_be_older(pin, than) for than in (*here, *at.values())):
            # The first one is HEAD.
            goes_back = any(than is not None and is_older(pin, than) for than in here[:1])
            source = moves.sources.get(pin.source)
            found = left_behind(pin, record, source, signed=moves.signed, is_made=is_made, goes_back=goes_back)
            own = [moves.lines[str(item["hash"])] for item in last if record["hash"] in brought_along(item)]
            stood = {item for item, than in at.items() if than is not None}
            yield replace(found, level="fail") if past and _is_denied(own, stood, past) else found
            return


def _is_denied(own: Sequence[str], commits: Collection[str], past: Past) -> bool:
    """Tell whether a line of *own*, of a record that says another only came along, came after *commits*, which had it.

    It did not come along there, so another than ``pin`` wrote that.
    """
    first = (commit for line in own for commit in first_with(line, past))
    return any(not all_before(commit, past).isdisjoint(commits) for commit in first)
