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
from git_hybrid.core.lock import Pin
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
    young = {name: pin for name, pin in witnesses.lock.pins.items() if now - pin.first_seen < age}
    young = {name: pin for name, pin in young.items() if not _is_lifted(pin, witnesses)}
    if not young or witnesses.committed is None:
        return
    for name, digests in sorted(last_pins(records, young).newest.items()):
        pin = young[SourceName(name)]
        moved = [records[digest] for digest in digests if records[digest].get("after") == pin.commit]
        early = [item for item in moved if "bundle" not in detail_of(item) and _age_at(item, pin, now) < age]
        if early and all(_age_at(item, pin, now) < _asked(lines[str(item["hash"])], age, witnesses) for item in early):
            yield _breach(pin, early[0], age, now, signed=witnesses.has_keys)


def _is_lifted(pin: Pin, witnesses: Witnesses) -> bool:
    override = witnesses.overrides.records.get(pin.override or "")
    return override is not None and TooYoung.code in override.lifts


def _age_at(record: Record, pin: Pin, now: datetime) -> timedelta:
    return (now if ahead(record, now) else parse_time(str(record["at"]))) - pin.first_seen


def _asked(line: str, age: timedelta, witnesses: Witnesses) -> timedelta:
    """Return what policy asked where a record was committed, or is about to be: no more than it did before that too."""
    commit = witnesses.commit_of(line)
    if commit is None and line in (witnesses.committed or frozenset()) - witnesses.picked:
        # It was committed, and nobody looks back so far here.
        return timedelta(0)
    texts = witnesses.manifests(commit)
    if commit is not None and len(texts) == 1:
        # What was there when history begins, or further back than a shallow clone knows, was brought by nobody.
        return timedelta(0)
    return min([age, *(timedelta(0) if text is None else witnesses.decode_age(text) for text in texts)])


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
