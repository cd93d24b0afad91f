"""Pins that were moved sooner than the ``min_release_age`` of the policy that was committed then allows. Pure.

``pin`` asks the policy on the disk. One that was lowered for the length of a command leaves no trace there, and the
commit that takes the move has another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from git_hybrid.core.ahead import WAY_OUT, ahead
from git_hybrid.core.audit import Record, detail_of
from git_hybrid.core.audit_archives import Breach
from git_hybrid.core.errors import TooYoung
from git_hybrid.core.files import LOG
from git_hybrid.core.ids import SourceName
from git_hybrid.core.last_pins import last_pins
from git_hybrid.core.lock import Lock, Pin
from git_hybrid.core.value import replace
from git_hybrid.core.values import format_age, format_time, later, parse_time
from git_hybrid.core.witnesses import Witnesses
from git_hybrid.core.words import approval_words

_AHEAD = "the clock of whoever made it was wrong"
_PROVES = "another policy was in force for it than the one that is committed"


def against_age(
    records: Mapping[str, Record], lines: Mapping[str, str], witnesses: Witnesses, now: datetime
) -> Iterator[Breach]:
    """Yield the pins that are too new for policy *now*, and were too new for it when they were moved.

    *lines* is the SHA-256 of each record's line by the hash of the record. What was moved under a policy that allowed
    it stays right; so does what an approval let through, and what has become old enough. What a clock that was ahead
    has let through is as old as it is now.
    """
    age = witnesses.manifest.policy.min_release_age
    young = {name: pin for name, pin in _seen_here(records, witnesses.lock).items() if now - pin.first_seen < age}
    young = {name: pin for name, pin in young.items() if not _is_lifted(pin, witnesses)}
    if not young or witnesses.committed is None:
        return
    for name, digests in sorted(last_pins(records, young).newest.items()):
        pin = young[SourceName(name)]
        moved = [records[digest] for digest in digests if records[digest].get("after") == pin.commit]
        early = [item for item in moved if _age_at(item, pin, now) < age]
        if early and all(_age_at(item, pin, now) < _asked(item, lines[str(item["hash"])], witnesses) for item in early):
            yield _breach(pin, early[0], age, now, signed=witnesses.has_keys)


def _seen_here(records: Mapping[str, Record], lock: Lock) -> Mapping[SourceName, Pin]:
    """Return the pins of *lock*; one that a bundle brought was first seen here when the log first tells of its commit.

    The lock has the time of the side that it comes from, which can be made up.
    """
    first = dict[tuple[str, str], str]()
    brought = set[tuple[str, str]]()
    for record in records.values():
        key = str(record.get("source")), str(record.get("after"))
        first[key] = min(first.get(key, str(record["at"])), str(record["at"]))
        if "bundle" in detail_of(record):
            brought.add(key)

    def seen(pin: Pin) -> Pin:
        key = (pin.source, pin.commit)
        return replace(pin, first_seen=max(pin.first_seen, parse_time(first[key]))) if key in brought else pin

    return {name: seen(pin) for name, pin in lock.pins.items()}


def _is_lifted(pin: Pin, witnesses: Witnesses) -> bool:
    override = witnesses.overrides.records.get(pin.override or "")
    return override is not None and TooYoung.code in override.lifts


def _age_at(record: Record, pin: Pin, now: datetime) -> timedelta:
    return (now if ahead(record, now) else parse_time(str(record["at"]))) - pin.first_seen


def _asked(record: Record, line: str, witnesses: Witnesses) -> timedelta:
    """Return what policy asked where *record* was committed, or is about to be: no more than it did before that too."""
    age = witnesses.manifest.policy.min_release_age
    committed = witnesses.commit_of(line) is not None
    if not committed and line in (witnesses.committed or frozenset()) - witnesses.picked:
        # It was committed, and nobody looks back so far here.
        return timedelta(0)
    texts = witnesses.manifests(line if committed else None, str(record["at"]))
    if committed and len(texts) < 2:
        # What was there when history begins, or further back than a shallow clone knows, was brought by nobody.
        return timedelta(0)
    policies = [None if text is None else witnesses.decode_policy(text) for text in texts]
    # Where there was no manifest nothing was asked. One that cannot be read asks what the next commit does; of what is
    # committed with it nobody can tell.
    told = [policy for text, policy in zip(texts, policies, strict=True) if text is None or policy is not None]
    ages = [timedelta(0) if policy is None else policy.min_release_age for policy in told]
    return timedelta(0) if committed and not told else min([age, *ages])


def _breach(pin: Pin, record: Record, age: timedelta, now: datetime, *, signed: bool) -> Breach:
    name, seen = pin.source, format_time(pin.first_seen)
    what = f"{name} was moved to {pin.commit[:12]} at {record['at']}, first seen {seen}: [policy] min_release_age"
    what += f" is {format_age(age)}, and no override lifts it"
    mend = f"wait until {format_time(later(pin.first_seen, age))}"
    if ahead(record, now):
        # No override that leads back would last: the newest record counts as now.
        return Breach(id=TooYoung.code, file=LOG, line=0, what=what, proves=_AHEAD, mend=f"{mend}, or {WAY_OUT}")
    if record.get("before") is not None:
        back = f"git hybrid pin {name} --to {record['before']}"
        mend += f", or go back: {back}; where that is refused, with {approval_words(signed=signed)}"
    return Breach(id=TooYoung.code, file=LOG, line=0, what=what, proves=_PROVES, mend=mend)
