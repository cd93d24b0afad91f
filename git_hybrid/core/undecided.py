"""Pins that branches which met had each moved, and that stand behind where another one had them. Pure.

Whoever merges may take either side, and the one that goes on is what a plain ``pin`` would take too. The other one goes
back, and neither record tells that: the log reads as if both had gone forward. So whoever means that records it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from git_hybrid.core.audit import RESTS_ON, Record, detail_of
from git_hybrid.core.audit_archives import Breach
from git_hybrid.core.endpoints import same_repository
from git_hybrid.core.files import LOG
from git_hybrid.core.ids import SourceName
from git_hybrid.core.last_pins import pin_of
from git_hybrid.core.lock import Lock, Pin, still_allowed
from git_hybrid.core.manifest import Source
from git_hybrid.core.pin_steps import is_plain, lifts_of
from git_hybrid.core.words import approval_words

_PROVES = "a merge, a pick or a rebase took the side that is behind, and nobody said that it is meant"


def undecided(last: Sequence[Record], pin: Pin, records: Mapping[str, Record]) -> list[Record]:
    """Return those of the *last* of *records* that have *pin* elsewhere, if it stands where another one of them put it.

    What an override let in on either side is no step that a pin would have to go on from.
    """
    own = [record for record in last if record.get("after") == pin.commit]
    if not own or pin.override is not None:
        return []
    others = [record for record in last if record not in own]
    lifts = lifts_of(records) if any(detail_of(record).get(RESTS_ON) for record in others) else {}
    return [record for record in others if is_plain(record, lifts)]


def pin_at(lock: Lock | None, record: Record) -> Pin | None:
    """Return the pin of *lock* that stands where *record* put it; None if it stands elsewhere."""
    pin = None if lock is None else lock.pins.get(SourceName(str(record.get("source"))))
    return pin if pin is not None and pin.commit == record.get("after") else None


def may_be_older(pin: Pin, than: Pin) -> bool:
    """Tell whether *pin* is an older version *than* another, or on its branch no younger commit.

    Only objects show which of two commits is the older one; the time of a commit is what its lock tells of that.
    """
    return is_older(pin, than) or (_is_by_branch(pin, than) and pin.commit_time == than.commit_time)


def is_older(pin: Pin, than: Pin) -> bool:
    """Tell whether *pin* is an older version *than* another, or on its branch an older commit."""
    if _is_by_branch(pin, than):
        return pin.commit_time < than.commit_time
    from git_hybrid.core.resolve import is_older_release  # noqa: PLC0415

    return same_repository(pin.url, than.url) and is_older_release(than.ref, pin.ref)


def left_behind(
    pin: Pin, record: Record, source: Source | None, *, signed: bool, is_made: bool, goes_back: bool
) -> Breach:
    """Return that *pin* stands behind where *record* put it, with both ways on.

    Until the commit *is_made* whoever merges may choose, and needs no approval: it fails where the pin *goes_back* from
    there, and to say that it is meant is one command.
    """
    name, after = pin.source, pin_of(record, pin.source, pin.url)
    what = f"{name} is at {pin.commit[:12]}, and another branch had moved it on to {after.commit[:12]}:"
    go_on, stay = (f"git hybrid pin {name} --to {commit}" for commit in (after.commit, pin.commit))
    if is_made:
        stay += f", where that is refused, with {approval_words(signed=signed)}"
    mend = f"{go_on}; or, if the older one is meant: {stay}"
    if source is not None and not still_allowed(after, source):
        mend = f"if the older one is meant: {stay}; if not, put its entry in sources.toml back as it was, then {go_on}"
    return Breach(
        id="unexplained-move",
        file=LOG,
        line=0,
        what=f"{what} no record tells that it may go back",
        proves=_PROVES,
        mend=mend,
        level="fail" if goes_back and not is_made else "warn",
    )


def _is_by_branch(pin: Pin, than: Pin) -> bool:
    return same_repository(pin.url, than.url) and pin.ref == than.ref and pin.ref.startswith("refs/heads/")
