"""Take tables apart that git has joined from both sides of a merge, line by line, where it saw no conflict."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from git_hybrid.core.audit import Record, records_of
from git_hybrid.core.files import LOCK, LOG, STATE
from git_hybrid.core.ids import SourceName
from git_hybrid.core.last_pins import untold
from git_hybrid.core.lock import Lock, Pin
from git_hybrid.core.merging import agreed, common, joined, merged_state
from git_hybrid.core.stages import LEFT
from git_hybrid.core.state import SourceState, State
from git_hybrid.core.value import Struct, field
from git_hybrid.store.chain import segment_of
from git_hybrid.store.lockfile import decode_lock, encode_lock
from git_hybrid.store.parsing import readable
from git_hybrid.store.statefile import decode_state, encode_state
from git_hybrid.store.torn import Torn, Versions


class Parted(Struct, frozen=True):
    """The pins of both sides, all that ``stand`` now, and the ``names`` of those that were joined."""

    ours: Mapping[SourceName, Pin] = field(default_factory=dict)
    theirs: Mapping[SourceName, Pin] = field(default_factory=dict)
    stand: Mapping[SourceName, Pin] = field(default_factory=dict)
    names: tuple[SourceName, ...] = ()


def part_pins(torn: Torn, sides: Mapping[str, Versions], *, is_made: bool) -> Parted:
    """Take the pins of ours where git has joined those of both, and say which these are.

    Where the merge *is_made*, it is committed which commit is pinned: then that of the side which has that commit. A
    pin that a record of the audit log bears out was made since, and stays.
    """
    git = Torn(layout=torn.layout, conflicts=sides)
    locks = git.sides(LOCK, decode_lock, Lock())
    left, now = readable(sides.get(LOCK, {}).get(LEFT), decode_lock), readable(torn.read(LOCK), decode_lock)
    if locks is None or left is None or now is None:
        return Parted()
    ours, theirs = agreed(locks[1].pins, locks[2].pins)
    names = joined(left.pins, common([lock.pins for lock in locks[0]]), ours, theirs)
    wanted: dict[SourceName, Pin] = {}
    records = _pinned(torn.read(LOG) or b"") if names else []
    for name in names:
        pin = left.pins[name]
        own = [record for record in records if record.get("source") == name]
        if all(record.get("after") != pin.commit or untold(record, pin) for record in own):
            wanted[name] = theirs[name] if is_made and pin.commit == theirs[name].commit else ours[name]
    stand = {name: wanted.get(name, pin) if pin == left.pins.get(name) else pin for name, pin in now.pins.items()}
    if stand != now.pins:
        torn.texts[LOCK] = encode_lock(Lock(pins=stand))
    return Parted(ours, theirs, stand, tuple(name for name, pin in wanted.items() if stand.get(name) == pin))


def _pinned(log: bytes) -> list[Record]:
    return [record for record in records_of([segment_of(LOG, log, alone=True)]) if record["event"] == "pin"]


def part_state(torn: Torn, sides: Mapping[str, Versions], parted: Collection[str]) -> None:
    """Take for each entry that git has joined from both, and of the sources whose pin was *parted*, that of a side.

    What is another now than git has it was made since, and stays.
    """
    git = Torn(layout=torn.layout, conflicts=sides)
    states = git.sides(STATE, decode_state, State())
    left, now = readable(sides.get(STATE, {}).get(LEFT), decode_state), readable(torn.read(STATE), decode_state)
    lock = readable(torn.read(LOCK), decode_lock)
    if states is None or left is None or now is None or lock is None:
        return
    base, ours, theirs = common([side.sources for side in states[0]]), states[1].sources, states[2].sources
    fitting, mixed = merged_state(base, ours, theirs, lock.pins), joined(left.sources, base, ours, theirs)

    def stands(name: SourceName, entry: SourceState) -> SourceState:
        sides = (ours.get(name), theirs.get(name))
        is_open = name in mixed or (name in parted and entry in sides)
        if name not in fitting or entry != left.sources.get(name) or not is_open:
            return entry
        return fitting[name] if name in mixed or fitting[name].commit == lock.pins[name].commit else entry

    found = {name: stands(name, entry) for name, entry in now.sources.items()}
    if found != now.sources:
        torn.texts[STATE] = encode_state(State(sources=found))
