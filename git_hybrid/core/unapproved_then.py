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
from git_hybrid.core.committed_policy import UNCHECKED, is_made
from git_hybrid.core.files import LOG
from git_hybrid.core.ids import SourceName
from git_hybrid.core.last_pins import ANEW
from git_hybrid.core.last_told import last_told
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Policy
from git_hybrid.core.override import is_in_force
from git_hybrid.core.signed_then import Signed, Urls, claimed, has_signed, last_given, told_urls
from git_hybrid.core.value import Struct, replace
from git_hybrid.core.values import parse_time
from git_hybrid.core.witnesses import Witnesses
from git_hybrid.core.words import approval_words, counted

_FORGED = "a signature in it is not by the key that it names, so another wrote it"
_UNPROVED = "whether they are by the keys that they name nobody can tell"
_PROVES = "another policy was in force for it than the one that is committed"


class Judged(Struct, frozen=True, kw_only=True):
    """A record of an override that the policy before it did not allow: in which ways.

    ``loosened``: the policy that came along with it does. ``fresh``: no commit of this branch has it yet. ``picked``:
    one of another branch does. ``forged``: a signature in it is not by the key that it names. There are no problems
    where nothing could be checked that was committed: ``unable`` says why.
    """

    record: Record
    problems: tuple[str, ...] = ()
    loosened: bool = False
    fresh: bool = False
    picked: bool = False
    forged: bool = False
    unable: str = ""


class _Looking(Struct, frozen=True):
    """What the signatures of records are held against."""

    witnesses: Witnesses
    now: datetime
    urls: Urls

    def may_verify(self, record: Record, line: str) -> bool:
        """Tell whether the signatures of *record* may be new to those who are asked; git is asked nothing for it.

        A hook before a commit looks at no older ones. Of an override in force ``check overrides`` tells.
        """
        seen = self.witnesses
        looks_back = seen.has_keys and (seen.past is not None or seen.is_made)
        is_near = seen.verify is not None and (looks_back or _is_fresh(line, seen))
        return is_near and bool(claimed(record).keys) and not _lasts(record, seen, self.now)

    def signed(self, record: Record, line: str) -> Signed:
        """Return who has signed *record*; what it says itself where that is not to be verified."""
        seen, name = self.witnesses, SourceName(str(record.get("source")))
        if seen.verify is None or not self.may_verify(record, line):
            return claimed(record)
        if not _is_fresh(line, seen) and seen.is_shared(line):
            return claimed(record)
        here = (seen.manifest.sources.get(name), seen.lock.pins.get(name))
        found = has_signed(record, self.urls, [str(item.url) for item in here if item], seen.verify)
        is_open = _is_fresh(line, seen) or seen.is_made
        # What is committed was verified once, and by those who have the program is again.
        return found if is_open or not found.unable else replace(claimed(record), unable=found.unable)


def against_policy(
    records: Mapping[str, Record], lines: Mapping[str, str], witnesses: Witnesses, now: datetime
) -> Iterator[Breach]:
    """Yield the overrides that neither the policy before them nor the one that came along with them allowed.

    *lines* is the SHA-256 of each record's line by the hash of the record.
    """
    found = judged(records, lines, witnesses, now)
    for item in found:
        if item.problems and not item.loosened:
            yield _breach(item, witnesses)
    if unable := [item for item in found if item.unable and not item.problems]:
        what = f"the signatures of {counted(len(unable), 'closed override')} could not be checked: {unable[0].unable}"
        mend = "install it, then: git hybrid check audit"
        yield Breach(id=UNCHECKED, file=LOG, line=0, what=what, proves=_UNPROVED, mend=mend, level="warn")


def judged(
    records: Mapping[str, Record], lines: Mapping[str, str], witnesses: Witnesses, now: datetime
) -> Sequence[Judged]:
    """Return the overrides of pinned sources that the policy before them did not allow, the oldest first.

    Of what is committed only that which policy of now does not allow either is looked at; what is in force still
    ``check overrides`` tells. What a later override of the same kind that is allowed goes on from is made
    good, what was taken back is gone, and so is what a source had before it began anew. A signature is verified where
    the record is new to those who are asked; elsewhere it counts whose key it names.
    """
    looking = _Looking(witnesses, now, told_urls(records.values()) if witnesses.verify else {})
    made = {digest: record for digest, record in records.items() if is_made(record)}
    asked_of = {
        str(record.get("source")) for digest, record in made.items() if _may_be_asked(record, lines[digest], looking)
    }
    after = _following(records, made, {name for name in asked_of if name in witnesses.lock.pins})
    found: dict[str, Judged] = {}
    settling: set[tuple[str, Json]] = set()
    for digest, record in reversed(made.items()):
        if digest not in after:
            continue
        (own, behind), kind = after[digest], detail_of(record).get("kind")
        later = [item for item in own if item["hash"] in behind]
        if _is_left(record, witnesses.lock.pins[SourceName(str(record["source"]))], own, behind):
            continue
        if any(item["event"] in ANEW or (item["hash"], kind) in settling for item in later):
            continue
        signed = looking.signed(record, lines[digest])
        if (asked := _asked(record, lines[digest], signed, looking)) is not None:
            found[digest] = asked
        if not _missed(record, witnesses.manifest.policy, signed) and not (asked and asked.problems):
            settling.add((digest, kind))
    return list(found.values())[::-1]


def _may_be_asked(record: Record, line: str, looking: _Looking) -> bool:
    is_allowed = not _missed(record, looking.witnesses.manifest.policy, claimed(record))
    return not is_allowed or _is_fresh(line, looking.witnesses) or looking.may_verify(record, line)


def _is_fresh(line: str, witnesses: Witnesses) -> bool:
    return line not in (witnesses.committed or frozenset()) or line in witnesses.picked


def _following(
    records: Mapping[str, Record], made: Mapping[str, Record], names: Collection[str]
) -> Mapping[str, tuple[Sequence[Record], Collection[str]]]:
    """Return for each override *made* of the sources *names* the records of its source, and which go on from it.

    Git puts the records of one branch behind those of another, whose pins say nothing of what was done there.
    """

    def about(record: Record) -> str | None:
        name = str(record.get("source"))
        is_told = record["event"] == "pin" or record["event"] in ANEW or is_made(record)
        return name if is_told and name in names else None

    over = last_told(records, about).over if names else {}
    own: dict[str, list[Record]] = {}
    for digest in over:
        own.setdefault(str(records[digest]["source"]), []).append(records[digest])
    told = {digest: own[str(record["source"])] for digest, record in made.items() if record.get("source") in names}
    return {digest: (item, _behind(digest, item, over)) for digest, item in told.items()}


def _behind(digest: str, own: Sequence[Record], over: Mapping[str, frozenset[str]]) -> Collection[str]:
    known = {digest}
    for item in (str(record["hash"]) for record in own):
        if not known.isdisjoint(over[item]):
            known.add(item)
    return known - {digest}


def _is_left(record: Record, pin: Pin, own: Sequence[Record], behind: Collection[str]) -> bool:
    """Tell whether nothing of an override is left in *pin*: it went back since, or what has the findings is gone.

    Of the *own* records of its source those *behind* it may have moved a pin of another branch, where it never stood:
    the one that a pick came to, or the other side of a merge.
    """
    if detail_of(record).get("kind") == "scan":
        return record.get("after") != pin.commit
    pins = [item for item in own if item["event"] == "pin"]
    elsewhere = {record.get("before"), *(item["after"] for item in pins if item["hash"] not in behind)}
    came = {record.get("after")}
    for item in pins:
        if item["hash"] in behind:
            start, commit = item.get("before"), item["after"]
            # Where no record had it before, a lock was edited by hand.
            if commit != record.get("before") and (start in came or start not in elsewhere):
                came.add(commit)
            else:
                came.discard(commit)
                elsewhere.add(commit)
    return pin.commit in elsewhere - came


def _asked(record: Record, line: str, signed: Signed, looking: _Looking) -> Judged | None:
    """Return what the policy before *record* misses in it; None if that is nothing, or nobody can tell."""
    witnesses = looking.witnesses
    policy, fresh, picked = witnesses.manifest.policy, _is_fresh(line, witnesses), line in witnesses.picked
    current = _missed(record, policy, signed)
    if current and _lasts(record, witnesses, looking.now):
        return None
    if current and not _missed(record, policy, claimed(record)):
        forged = not signed.unable
        return Judged(record=record, problems=current, fresh=fresh, picked=picked, forged=forged, unable=signed.unable)
    unable = Judged(record=record, unable=signed.unable) if signed.unable else None
    if not fresh and not (current and _is_seen(line, witnesses)):
        return unable
    texts = witnesses.manifests(None if fresh else line, str(record["at"]))
    after, before = ((), texts) if fresh else (texts[:1], texts[1:])
    brought = [policy] if fresh else [witnesses.decode_policy(text) for text in after if text is not None]
    # One that cannot be read allows no more than what it is put right by.
    stood = [
        (text, None if text is None else witnesses.decode_policy(text) or next(iter(brought), None)) for text in before
    ]
    # Where there was no manifest all was allowed; of one that cannot be read nobody can tell.
    missed = [() if item is None else _missed(record, item, signed) for text, item in stood if text is None or item]
    if not missed or not all(missed):
        return unable
    loosened = any(item is not None and not _missed(record, item, signed) for item in brought)
    return Judged(record=record, problems=missed[0], loosened=loosened, fresh=fresh, picked=picked)


def _is_seen(line: str, witnesses: Witnesses) -> bool:
    """Tell whether a committed *line* is to be judged, and somebody looks back as far as its commit."""
    return not witnesses.is_shared(line) and witnesses.commit_of(line) is not None


def _lasts(record: Record, witnesses: Witnesses, now: datetime) -> bool:
    override = witnesses.overrides.records.get(str(detail_of(record).get("override")))
    return override is not None and is_in_force(override, now)


def _missed(record: Record, policy: Policy, signed: Signed) -> tuple[str, ...]:
    """Return what *policy* misses in *record*, as it was *signed*."""
    told, current = detail_of(record), last_given(record)
    try:
        last = str(current[0].get("at")) if current else str(record["at"])
        asked = Approved(
            request_id=str(told.get("request_id")),
            # That who asks may not approve is no matter of policy, and was held against it when it was made.
            requesters=(),
            approvers=tuple(str(item.get("id")) for item in current),
            signed=signed.people(policy),
            unable="" if signed.keys else signed.unable,
            since=max(parse_time(last), parse_time(str(record["at"]))),
            until=parse_time(str(told.get("expires_at"))),
        )
    except ValueError:
        return ("its record does not tell when it was approved, and until when",)
    return unmet(asked, policy)


def _breach(item: Judged, witnesses: Witnesses) -> Breach:
    record, told = item.record, detail_of(item.record)
    name, before = SourceName(str(record.get("source"))), record.get("before")
    words = approval_words(signed=witnesses.has_keys)
    if item.fresh and not item.picked:
        mend = AGAIN
    elif told.get("kind") == "scan":
        mend = f"git hybrid pin {name}, or: git hybrid pin {name} --kind scan {words}"
    elif before is None:
        mend = f"git hybrid remove {name}, then git hybrid add"
    else:
        mend = f"go back: git hybrid pin {name} --to {before}; where that is refused, with {words}"
    what = f"{told.get('override')} ({name}) was not allowed by policy: {'; '.join(item.problems)}"
    proves = _FORGED if item.forged else _UNPROVED if item.unable else _PROVES
    return Breach(id="not-allowed", file=LOG, line=0, what=what, proves=proves, mend=mend)
