"""Pins that a rewritten commit has behind where the one had them whose place it takes. Pure.

History shows no move there: the commit that moved such a pin was dropped, and its record came along with another. So
the other commit counts like one more that this was made from. Of a pin whose record was dropped as well the log tells
nothing: that records are missing is told by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from git_hybrid.core.audit import Record
from git_hybrid.core.audit_archives import Breach
from git_hybrid.core.last_pins import last_pins
from git_hybrid.core.lock import Lock, Pin
from git_hybrid.core.lock_moves import Moves
from git_hybrid.core.moves_told import Side, at_odds
from git_hybrid.core.put_back import put_back
from git_hybrid.core.undecided import is_older
from git_hybrid.core.value import replace

_PROVES = "the commit that moved it was dropped, as by a rebase, and its record came along with another"


def against_replaced(records: Mapping[str, Record], moves: Moves) -> Iterator[Breach]:
    """Yield the pins that went back from where a commit had them that is replaced, and that no record takes back."""
    for commit, (text, known) in moves.replaced.items():
        lock = moves.decode(text) or Lock()
        moved = {name: pin for name, pin in moves.lock.pins.items() if _is_back(pin, lock.pins.get(name))}
        told = {(str(record.get("source")), record.get("after")) for record in records.values()} if moved else set()
        moved = {name: pin for name, pin in moved.items() if (name, lock.pins[name].commit) in told}
        newest = last_pins(records, moved).newest if moved else {}
        for name, pin in moved.items():
            side = Side(lock.pins[name].commit, frozenset(known))
            odds = at_odds(records, newest.get(name, ()), pin, moves.lines, [side])
            if odds is not None:
                where = f" from where {commit[:12]} had it, whose place this takes"
                found = put_back(pin, odds, where, moves.sources.get(name), signed=moves.signed)
                yield replace(found, proves=_PROVES)


def _is_back(pin: Pin, before: Pin | None) -> bool:
    """Tell whether *pin* may have gone back from *before*; where that is surely the older one it went on."""
    return before is not None and before.commit != pin.commit and not is_older(before, pin)
