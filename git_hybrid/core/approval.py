"""Which approvals of an override count, by policy and by the signatures that were found good. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from git_hybrid.core.ahead import APART, WAY_OUT, Ahead
from git_hybrid.core.canonical import Json, canonical_json
from git_hybrid.core.endpoints import leads_to
from git_hybrid.core.errors import ToolTooOld
from git_hybrid.core.ids import Oid, SourceName, Url
from git_hybrid.core.lock import Lock
from git_hybrid.core.manifest import Manifest, Policy
from git_hybrid.core.override import UNKNOWN, Approval, Kind, Override, Overrides, Trail, is_in_force, person
from git_hybrid.core.people import may_ask
from git_hybrid.core.spent import is_spent, used
from git_hybrid.core.value import Struct, replace
from git_hybrid.core.values import format_time
from git_hybrid.core.words import quoted

Verify = Callable[[bytes, str, str], bool]
"""Tells whether a signature (its armour) of a text was made with an SSH public key: ``verify(text, key, armour)``."""

Doubt = Callable[[Override], str]
"""Returns what the keys that policy names do not bear out in the approvals of an override, as a clause, or nothing."""


class Approvals(Struct, frozen=True):
    """What says whether an override is in force.

    ``trail`` is what the audit log tells of overrides, ``clock`` the later of the present time and that of its newest
    record; ``signed``: policy names keys, so an approval takes a signature; ``age`` is the ``min_release_age`` of it.
    """

    overrides: Overrides
    trail: Trail
    clock: datetime
    doubt: Doubt
    signed: bool
    age: timedelta = timedelta(0)


_SPENT = (
    "was used already, and what was signed is good for one override: ask for another one, "
    "with another request id, reason or expiry"
)


class Approved(Struct, frozen=True, kw_only=True):
    """What is asked of policy: the request, who asks, who approved (``signed``: with a good signature), until when.

    ``requesters`` are those who ask now and those who asked first: none of them may approve. ``spent`` are those whose
    good signature is of what an override was made with before. ``unable`` says why no signature could be checked, if
    none could; ``ahead`` that the log is ahead of the clock.
    """

    request_id: str
    requesters: tuple[str, ...]
    approvers: tuple[str, ...]
    signed: Collection[str] = frozenset()
    spent: Collection[str] = frozenset()
    unable: str = ""
    ahead: Ahead | None = None
    since: datetime
    until: datetime


def unmet(asked: Approved, policy: Policy) -> tuple[str, ...]:
    """Return what policy misses in a request, each in one sentence; nothing if it is met."""
    return (*unlike(asked.request_id, policy.request_pattern), *_uncounted(asked, policy), *untimely(asked, policy))


def untimely(asked: Approved, policy: Policy) -> list[str]:
    """Return what is wrong with when a request would expire, if anything."""
    now = asked.ahead.now if asked.ahead else asked.since
    is_far = asked.since - now > APART
    since = now if is_far else asked.since
    # Files and signatures have it to the second.
    until = asked.until.replace(microsecond=0)
    found, counts = "", "which counts as past"
    if until <= now:
        found = "which is past"
    elif until <= asked.since:
        found = counts
    elif until - since > policy.override_max_age:
        found = f"and [policy] override_max_age ends at {format_time(since + policy.override_max_age)}"
    if found and asked.ahead and (is_far or found == counts):
        found += f": the audit log is ahead of the clock, {asked.ahead.record}; {WAY_OUT}"
    return [f"it would expire at {format_time(asked.until)}, {found}"] if found else []


def unlike(request_id: str, pattern: str) -> list[str]:
    """Return that a request id is not as the *pattern* of policy says, if so; nothing where that has none."""
    if not pattern:
        return []
    from git_hybrid.core.request_ids import LONGEST, matches  # noqa: PLC0415

    if len(request_id) > LONGEST:
        return [f"the request id has more than {LONGEST} characters"]
    return (
        []
        if matches(pattern, request_id)
        else [f"the request id {quoted(request_id)} does not match {quoted(pattern)}"]
    )


def _uncounted(asked: Approved, policy: Policy) -> list[str]:
    """Return what policy misses in those who approved."""
    people = {person(name): name for name in asked.approvers}
    requesters = {person(name): name for name in asked.requesters}
    own = {key for key, name in people.items() if any(may_ask(name, other) for other in asked.requesters)}
    asking = [name for name in requesters.values() if any(may_ask(name, other) for other in asked.approvers)]
    problems = [f"{name} asks for it and may not approve it" for name in asking]
    if UNKNOWN in requesters:
        problems.append("nobody knows who asks for it: set GIT_HYBRID_OPERATOR, or user.name and user.email of git")
    counted = [key for key in people if key not in own]
    known = {person(item.id): item for item in policy.approvers}
    if known:
        strangers = [people[key] for key in counted if key not in known]
        problems += [f"{name} is not among [policy] approvers" for name in strangers]
        counted = [key for key in counted if key in known]
        unsigned = [key for key in counted if known[key].key and key not in asked.signed]
        why = f"cannot be checked: {asked.unable}" if asked.unable else "is not signed with the key that policy names"
        problems += [f"the approval of {people[key]} {_SPENT if key in asked.spent else why}" for key in unsigned]
        counted = [key for key in counted if key not in unsigned]
    if len(counted) < policy.override_min_approvers:
        wanted = policy.override_min_approvers
        problems.append(f"{wanted} approver{'s are' if wanted > 1 else ' is'} needed, {len(counted)} counted")
    return problems


class Asked(Struct, frozen=True, kw_only=True):
    """What somebody asks to be allowed: which source may go from where to where, why, until when."""

    kind: Kind = "pin"
    source: SourceName
    url: str
    from_commit: Oid | None
    to_commit: str
    request_id: str
    reason: str
    expires_at: datetime
    findings: tuple[str, ...] = ()
    waived: tuple[str, ...] = ()


def payload(asked: Asked) -> bytes:
    """Return the bytes that an approver signs: one line of canonical JSON."""
    values: dict[str, Json] = {
        "kind": asked.kind,
        "source": asked.source,
        "url": asked.url,
        "from_commit": asked.from_commit,
        "to_commit": asked.to_commit,
        "request_id": asked.request_id,
        "reason": asked.reason,
        "expires_at": format_time(asked.expires_at),
        "findings": list(asked.findings),
        "waived": list(asked.waived),
    }
    return canonical_json(values) + b"\n"


def last_approvals(record: Override) -> tuple[Approval, ...]:
    """Return the approvals that *record* rests on now: those of its last renewal, if it was renewed."""
    last = approved_at(record)
    return tuple(item for item in record.approvers if item.at == last)


def approved_at(record: Override) -> datetime:
    """Return when *record* was approved last: when it was made, or renewed."""
    return max((item.at for item in record.approvers), default=record.created_at)


class Signatures(Struct, frozen=True, kw_only=True):
    """What is known of the signatures of overrides in force.

    ``good`` has those that were made with a key that policy names, each as the id of its override and who signed;
    ``spent`` those of what another override was made with, which was closed. ``unable`` says why none could be checked.
    """

    good: frozenset[tuple[str, str]] = frozenset()
    spent: frozenset[tuple[str, str]] = frozenset()
    unable: str = ""


def keys_of(policy: Policy) -> list[str]:
    """Return the keys of approvers that policy names."""
    return [approver.key for approver in policy.approvers if approver.key]


def has_keys(policy: Policy) -> bool:
    """Tell whether policy names the key of an approver."""
    return any(approver.key for approver in policy.approvers)


def check_signatures(
    manifest: Manifest, lock: Lock, overrides: Overrides, trail: Trail, clock: datetime, verify: Verify
) -> Signatures:
    """Return what *verify* says of the signatures of overrides in force; without a key in policy it is not asked."""
    if not has_keys(manifest.policy):
        return Signatures()
    found: list[Signatures] = []
    try:
        for record in overrides.records.values():
            if is_in_force(record, clock):
                here = (manifest.sources.get(record.source), lock.pins.get(record.source))
                urls = [item.url for item in here if item is not None]
                spent = used(overrides, trail, record.source, record.kind, record.to_commit, closed=True)
                found.append(signatures_of(record, urls, trail, manifest.policy, spent, verify))
    except ToolTooOld as error:
        return Signatures(unable=f"{error.tool} is not installed")
    good, gone = (frozenset().union(*told) for told in ([one.good for one in found], [one.spent for one in found]))
    return Signatures(good=good, spent=gone)


def signatures_of(
    record: Override, urls: Sequence[Url], trail: Trail, policy: Policy, earlier: Collection[str], verify: Verify
) -> Signatures:
    """Return what *verify* says of the signatures of *record*, of a source at *urls*.

    A text that a signature of *earlier* is of is spent: who wants it again has to ask again.

    Raises:
        ToolTooOld: there is nothing to check a signature with.
    """
    given = [item.signature for item in last_approvals(record) if item.signature is not None]
    asked = [asked_of(record, url) for url in _spelled(record, urls, trail)]
    # Who captures a lost override again asks to stay at a commit, and the record says where it had come from.
    starts = dict.fromkeys((record.from_commit, record.to_commit))
    texts = [payload(replace(item, from_commit=start)) for item in asked for start in starts]
    made = signed_texts(texts, given, policy, verify)
    spent = {text for text in {text for _, text in made.values()} if is_spent(text, earlier, keys_of(policy), verify)}
    good = frozenset((record.id, who) for who, (_, text) in made.items() if text not in spent)
    return Signatures(good=good, spent=frozenset((record.id, who) for who in made) - good)


def signed_texts(
    texts: Sequence[bytes], armours: Sequence[str], policy: Policy, verify: Verify
) -> dict[str, tuple[str, bytes]]:
    """Return the signatures of one of *texts*, each with that text, by who made them, as policy knows their keys."""
    found: dict[str, tuple[str, bytes]] = {}
    for approver in policy.approvers:
        for armour in armours if approver.key else ():
            text = next((item for item in texts if verify(item, approver.key, armour)), None)
            if text is not None:
                found[person(approver.id)] = armour, text
    return found


def _spelled(record: Override, urls: Sequence[Url], trail: Trail) -> Sequence[str]:
    """Return *urls*, and how else the same repositories were written where the commit of *record* was pinned."""
    told = trail.urls.get((record.source, record.to_commit), ())
    same = (text for text in told if any(leads_to(text, url) for url in urls))
    return list(dict.fromkeys((*map(str, urls), *same))) or [""]


def asked_of(record: Override, url: str) -> Asked:
    """Return what the last approvers of *record* were asked, of a source at *url*."""
    return Asked(
        kind=record.kind,
        source=record.source,
        url=url,
        from_commit=record.from_commit,
        to_commit=record.to_commit,
        request_id=record.request_id,
        reason=record.reason,
        expires_at=record.expires_at,
        findings=record.findings,
        waived=record.waived,
    )


def as_approved(record: Override, signatures: Signatures) -> Approved:
    """Return what policy is asked of *record*: its request, and the approvals that it rests on now."""
    current = last_approvals(record)
    return Approved(
        request_id=record.request_id,
        requesters=(record.requested_by,),
        approvers=tuple(item.id for item in current),
        signed={who for identity, who in signatures.good if identity == record.id},
        spent={who for identity, who in signatures.spent if identity == record.id},
        unable=signatures.unable,
        since=approved_at(record),
        until=record.expires_at,
    )


def doubtful(record: Override, policy: Policy, signatures: Signatures) -> str:
    """Return what the keys that policy names do not bear out in the approvals of *record*, as a clause.

    Nothing where policy names none: names alone can be written by anybody, so ``check`` and review look at them.
    """
    if not has_keys(policy):
        return ""
    problems = _uncounted(as_approved(record, signatures), policy)
    return f"which is not approved as policy asks: {'; '.join(problems)}" if problems else ""
