"""Overrides that policy forbade where they were committed, whatever stands in it now. Pure.

``pin --force`` asks the policy on the disk, and ``check overrides`` that of now of what is in force still. One that was
loosened for the length of a command, and an override that was closed before the commit, leave no trace in either.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from git_hybrid.core.approval import Approved, unmet
from git_hybrid.core.audit import Record, detail_of
from git_hybrid.core.audit_archives import AGAIN, Breach
from git_hybrid.core.canonical import Json
from git_hybrid.core.committed_policy import is_made
from git_hybrid.core.files import LOG
from git_hybrid.core.ids import SourceName
from git_hybrid.core.last_pins import ANEW
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Policy, key_bytes
from git_hybrid.core.override import is_in_force, person
from git_hybrid.core.spent import key_of
from git_hybrid.core.value import Struct
from git_hybrid.core.values import parse_time
from git_hybrid.core.witnesses import Witnesses
from git_hybrid.core.words import approval_words

_PROVES = "another policy was in force for it than the one that is committed"


class Judged(Struct, frozen=True, kw_only=True):
    """A record of an override that the policy before it did not allow: in which ways.

    ``loosened``: the policy that came along with it does. ``fresh``: no commit has it yet.
    """

    record: Record
    problems: tuple[str, ...]
    loosened: bool
    fresh: bool


def against_policy(
    records: Mapping[str, Record], lines: Mapping[str, str], witnesses: Witnesses, now: datetime
) -> Iterator[Breach]:
    """Yield the overrides that neither the policy before them nor the one that came along with them allowed.

    *lines* is the SHA-256 of each record's line by the hash of the record.
    """
    for item in judged(records, lines, witnesses, now):
        if not item.loosened:
            yield _breach(item, witnesses)


def judged(
    records: Mapping[str, Record], lines: Mapping[str, str], witnesses: Witnesses, now: datetime
) -> Sequence[Judged]:
    """Return the overrides of pinned sources that the policy before them did not allow, the oldest first.

    Of what is committed only that which policy of now does not allow either is looked at; what is in force still
    ``check overrides`` tells. What a later override that is allowed goes on from is made good, what was taken back is
    gone, and so is what stands before a source began anew. Whether a signature is good is told while the override
    lasts: here it counts whose key it names.
    """
    found: list[Judged] = []
    settled, reached = set[str](), set[tuple[str, Json]]()
    for digest, record in reversed(list(records.items())):
        name = str(record.get("source"))
        if record["event"] in ANEW:
            settled.add(name)
        elif record["event"] == "pin":
            reached.add((name, record.get("after")))
        pin = witnesses.lock.pins.get(SourceName(name))
        if not is_made(record) or name in settled or pin is None or _is_left(record, pin, reached):
            continue
        if (asked := _asked(record, lines[digest], witnesses, now)) is not None:
            found.append(asked)
        elif not _missed(record, witnesses.manifest.policy):
            settled.add(name)
    return found[::-1]


def _is_left(record: Record, pin: Pin, later: Collection[tuple[str, Json]]) -> bool:
    """Tell whether nothing of an override is left: its pin went back since, or what it accepts findings of is gone."""
    if detail_of(record).get("kind") == "scan":
        return record.get("after") != pin.commit
    return (pin.source, record.get("before")) in later


def _asked(record: Record, line: str, witnesses: Witnesses, now: datetime) -> Judged | None:
    """Return what the policy before *record* misses in it; None if that is nothing, or nobody can tell."""
    committed, policy = witnesses.committed or frozenset(), witnesses.manifest.policy
    fresh, current = line not in committed or line in witnesses.picked, _missed(record, policy)
    if current and _lasts(record, witnesses, now):
        return None
    if not fresh and not (current and _is_seen(line, witnesses)):
        return None
    texts = witnesses.manifests(None if fresh else line)
    after, before = ((), texts) if fresh else (texts[:1], texts[1:])
    stood = [None if text is None else witnesses.decode_policy(text) for text in before]
    missed = [() if item is None else _missed(record, item) for item in stood]
    if not missed or not all(missed):
        return None
    brought = [policy] if fresh else [witnesses.decode_policy(text) for text in after if text is not None]
    loosened = any(item is not None and not _missed(record, item) for item in brought)
    return Judged(record=record, problems=missed[0], loosened=loosened, fresh=fresh)


def _is_seen(line: str, witnesses: Witnesses) -> bool:
    """Tell whether a committed *line* is to be judged, and somebody looks back as far as its commit."""
    return not witnesses.is_shared(line) and witnesses.commit_of(line) is not None


def _lasts(record: Record, witnesses: Witnesses, now: datetime) -> bool:
    override = witnesses.overrides.records.get(str(detail_of(record).get("override")))
    return override is not None and is_in_force(override, now)


def _missed(record: Record, policy: Policy) -> tuple[str, ...]:
    """Return what *policy* misses in *record*; nothing where that does not tell what an approval has."""
    told = detail_of(record)
    people = told.get("approvers")
    given = [item for item in people if isinstance(item, Mapping)] if isinstance(people, list) else []
    try:
        # A renewal has approvals of its own, and what a bundle brings is approved anew where it comes in.
        last = max((str(item.get("at")) for item in given), default=str(record["at"]))
        current = [item for item in given if str(item.get("at")) == last]
        asked = Approved(
            request_id=str(told.get("request_id")),
            # That who asks may not approve is no matter of policy, and was held against it when it was made.
            requesters=(),
            approvers=tuple(str(item.get("id")) for item in current),
            signed=_signed(current, policy),
            since=max(parse_time(last), parse_time(str(record["at"]))),
            until=parse_time(str(told.get("expires_at"))),
        )
    except ValueError:
        return ()
    return unmet(asked, policy)


def _signed(given: Sequence[Mapping[str, Json]], policy: Policy) -> set[str]:
    """Return which approvers that *policy* knows the keys of have signed, as the signatures themselves say."""
    said = {key_bytes(key) for item in given if (key := key_of(str(item.get("signature"))))}
    return {person(item.id) for item in policy.approvers if item.key and key_bytes(item.key) in said}


def _breach(item: Judged, witnesses: Witnesses) -> Breach:
    record, told = item.record, detail_of(item.record)
    name, before = SourceName(str(record.get("source"))), record.get("before")
    words = approval_words(signed=witnesses.has_keys)
    if item.fresh:
        mend = AGAIN
    elif told.get("kind") == "scan":
        mend = f"git hybrid pin {name}, or: git hybrid pin {name} --kind scan {words}"
    elif before is None:
        mend = f"git hybrid remove {name}, then git hybrid add"
    else:
        mend = f"go back: git hybrid pin {name} --to {before}; where that is refused, with {words}"
    what = f"{told.get('override')} ({name}) was not allowed by policy: {'; '.join(item.problems)}"
    return Breach(id="not-allowed", file=LOG, line=0, what=what, proves=_PROVES, mend=mend)
