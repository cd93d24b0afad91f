"""Forced pins: what an override needs before it is made, and what it is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from git_hybrid.app.bases import commit_before, stood_before
from git_hybrid.app.runtime import Runtime
from git_hybrid.core.approval import Approved, Asked, approved_at, keys_of, payload, signed_texts, unmet
from git_hybrid.core.asking import Signing, not_met, other_findings, unaskable, unrecorded
from git_hybrid.core.audit import Event
from git_hybrid.core.errors import BadArgument, FsckRefused, HybridError, OverrideUnnecessary, PolicyNotMet, ScanBlocked
from git_hybrid.core.governance import ASIDE, governed, lifted, renewal, unbound
from git_hybrid.core.ids import Oid, SourceName, is_oid
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Source
from git_hybrid.core.override import (
    Approval,
    Kind,
    Override,
    closed,
    event_of,
    is_in_force,
    is_named,
    person,
)
from git_hybrid.core.people import distinct, doubles
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.spent import is_spent, used
from git_hybrid.core.value import Struct, field, replace
from git_hybrid.core.values import format_time, later
from git_hybrid.core.words import FOLLOWED_BY, as_typed


class Forced(Struct, frozen=True, kw_only=True):
    """What the command line says of an override; ``findings`` are those on the forced commit that it accepts."""

    request_id: str
    approvers: Sequence[str]
    reason: str
    expires_at: datetime
    incidents: Sequence[str] = ()
    waived: Sequence[Oid] = ()
    findings: tuple[str, ...] = ()
    signing: Signing = Signing(armours=(), texts=(), verify=lambda _text, _key, _armour: False)


class Objections(Struct):
    """What speaks against a pin: raised at once, or kept where the pin is forced."""

    forced: bool = False
    lifted: list[HybridError] = field(default_factory=list)

    def meet(self, error: HybridError | None) -> None:
        """Raise *error*, or keep it if the pin is forced and that can be approved; None is no objection."""
        if error is not None and not self.lifts(error):
            raise error
        self.lifted += [] if error is None else [error]

    def lifts(self, error: HybridError) -> bool:
        """Tell whether the pin is forced, and an approval can accept some of what *error* tells."""
        return self.forced and (not isinstance(error, ScanBlocked) or bool(error.ids))

    @property
    def stays(self) -> str:
        """How many findings stay blocked since they have no id that an approval could name, in words."""
        told = (error.beside(self.findings) for error in self.lifted if isinstance(error, ScanBlocked))
        return next(filter(None, told), "")

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of what was kept, each once."""
        return tuple(dict.fromkeys(error.code for error in self.lifted))

    @property
    def findings(self) -> tuple[str, ...]:
        """The ids of the findings that scans object with, in the order in which an approver signs them."""
        return tuple(sorted({name for error in self.lifted if isinstance(error, ScanBlocked) for name in error.ids}))


def approved(
    rt: Runtime,
    snapshot: Snapshot,
    source: Source,
    to: str,
    forced: Forced,
    *,
    kind: Kind = "pin",
    findings: tuple[str, ...],
) -> tuple[Approval, ...]:
    """Return the approvals of a forced pin, or of *findings* that are accepted.

    Raises:
        PolicyNotMet: with everything that policy misses.
    """
    asked = asked_for(source, commit_before(rt, snapshot, source), to, forced, kind=kind, findings=findings)
    return approvals_of(rt, snapshot, asked, forced)


def approvals_of(
    rt: Runtime, snapshot: Snapshot, asked: Asked, forced: Forced, *, renews: Override | None = None
) -> tuple[Approval, ...]:
    """Return the approvals of what is *asked*, or of the renewal of an override.

    Raises:
        BadArgument: what is given as an approver names nobody.
        OverrideUnrecorded: a record that may have spent the signatures is lost.
        PolicyNotMet: with everything that policy misses.
    """
    if nobody := next((name for name in forced.approvers if not is_named(name)), ""):
        raise BadArgument(
            what="--approver", value=nobody, reason="names nobody: it has no letter and no digit, or an empty address"
        )
    signing, policy = forced.signing, snapshot.manifest.policy
    if signing.armours and (lost := unrecorded(snapshot.overrides, snapshot.trail, asked)):
        raise lost
    known = {person(item.id) for item in policy.approvers}
    names = distinct(forced.approvers, known)
    signed = signed_texts([payload(asked)], signing.armours, policy, signing.verify)
    made = {who: armour for who, (armour, _) in signed.items()}
    earlier = used(snapshot.overrides, snapshot.trail, asked.source, asked.kind, asked.to_commit)
    spent = made and is_spent(payload(asked), earlier, keys_of(policy), signing.verify)
    signatures = {} if spent else made
    claimed = Approved(
        request_id=forced.request_id,
        requesters=(rt.info.operator,) if renews is None else (rt.info.operator, renews.requested_by),
        approvers=names,
        signed=frozenset(signatures),
        spent=made.keys() - signatures.keys(),
        ahead=snapshot.ahead(rt.info.now),
        since=snapshot.clock,
        until=forced.expires_at,
    )
    problems = unmet(claimed, policy)
    if signatures and not is_oid(asked.to_commit):
        problems = (*problems, "a signed approval is for one commit: give its full id to --to")
    if problems:
        problems = (*problems, *doubles(forced.approvers, known))
        raise not_met(asked, claimed, problems, policy, signing, renews="" if renews is None else renews.id)
    # Their time is one that the age of an override can be counted from, and tells them from those of before.
    at = snapshot.clock if renews is None else max(snapshot.clock, later(approved_at(renews), timedelta(seconds=1)))
    return tuple(Approval(id=name, at=at, signature=signatures.get(person(name))) for name in names)


def require_askable(rt: Runtime, snapshot: Snapshot, asked: Asked) -> None:
    """Raise if no approval makes policy allow what is *asked*: nobody is to sign for nothing.

    Raises:
        PolicyNotMet: with everything that policy misses whoever approves.
    """
    nobody, until, ahead = (), asked.expires_at, snapshot.ahead(rt.info.now)
    claimed = Approved(
        request_id=asked.request_id, requesters=nobody, approvers=nobody, ahead=ahead, since=snapshot.clock, until=until
    )
    if problems := unaskable(claimed, snapshot.manifest.policy):
        raise PolicyNotMet(name=asked.source, problems=problems)


def asked_for(
    source: Source, before: Oid | None, to: str, forced: Forced, *, kind: Kind = "pin", findings: tuple[str, ...] = ()
) -> Asked:
    """Return what an approver signs, where the pin stands at *before* and *to* is the commit that is asked for."""
    return Asked(
        kind=kind,
        source=source.name,
        url=str(source.url),
        from_commit=before,
        to_commit=to,
        request_id=forced.request_id,
        reason=forced.reason,
        expires_at=forced.expires_at,
        findings=findings,
        waived=tuple(forced.waived),
    )


def make_override(
    rt: Runtime,
    snapshot: Snapshot,
    pin: Pin,
    *,
    forced: Forced,
    approvals: tuple[Approval, ...],
    objections: Objections,
    held: Pin | None = None,
) -> Override:
    """Return the record of a forced pin; *held* is one whose override is needed anew.

    Where nothing speaks against the pin it lifts nothing, and ends all the same when it was said to.

    Raises:
        OverrideUnnecessary: the pin stands there already by an override that is in force, and is needed.
        PolicyNotMet: it would accept other findings than were signed for, or named.
    """
    lifts: Sequence[str] = (*objections.codes, *((FsckRefused.code,) if forced.waived else ()))
    source = snapshot.manifest.sources[pin.source]
    pinned, stood = snapshot.lock.pins.get(pin.source), commit_before(rt, snapshot, source)
    lost = (item for item in stood_before(rt, snapshot, source) if item.commit == pin.commit)
    old = held or pinned or next(lost, None)
    same, before = old is not None and old.commit == pin.commit, stood
    if old is not None and same and (lifts or governed(old, snapshot.approvals) is not None):
        lifts, before = _captured_again(snapshot, old, lifts, stood)
    elif old is not None and same and old.override and _lifts_something(snapshot, old.override):
        # In its place would come one that lifts nothing of what that one does. The lock may have lost it.
        hint = f"git hybrid pin {pin.source} --to {pin.commit}{as_typed('scan', *FOLLOWED_BY)}"
        hint = renewal(old.override, signed=snapshot.has_keys) if pinned and pinned.override else hint
        why = f"has an override already: {old.override}"
        raise OverrideUnnecessary(name=pin.source, commit=pin.commit, hint=hint, why=why)
    elif pinned is not None and not lifts:
        # What goes on from a commit that lay aside may lie there too: a plain pin is judged from neither.
        # Where the one before it came from that is over.
        told = lifted(pinned.override, pin.source, snapshot.overrides, snapshot.trail)
        aside = told.lifts if told is not None and told.from_commit != pin.commit else ()
        lifts = [code for code in aside if code in ASIDE]
    if forced.findings or any(item.signature for item in approvals):
        asked = asked_for(source, stood, pin.commit, forced, findings=forced.findings)
        if error := other_findings(asked, objections.findings):
            raise error
    override = approved_override(rt, snapshot, forced, pin, approvals)
    waived, findings = tuple(forced.waived), objections.findings
    return replace(override, from_commit=before, lifts=tuple(lifts), findings=findings, waived=waived)


def _lifts_something(snapshot: Snapshot, identity: str) -> bool:
    record = snapshot.overrides.records.get(identity)
    return record is None or bool(record.lifts)


def approved_override(
    rt: Runtime, snapshot: Snapshot, forced: Forced, pin: Pin, approvals: tuple[Approval, ...]
) -> Override:
    """Return the override of this run for the commit of *pin*, as it was approved; what it lifts is not said yet."""
    return Override(
        id=f"ovr-{rt.info.run}",
        kind="pin",
        source=pin.source,
        request_id=forced.request_id,
        reason=forced.reason,
        from_commit=None,
        to_commit=pin.commit,
        requested_by=rt.info.operator,
        approvers=approvals,
        incident=", ".join(forced.incidents) or None,
        created_at=snapshot.clock,
        expires_at=forced.expires_at,
        command_id=rt.info.run,
    )


def _captured_again(
    snapshot: Snapshot, old: Pin, lifts: Sequence[str], before: Oid | None
) -> tuple[Sequence[str], Oid | None]:
    """Return what the lost or ended override of *old* had lifted, and where it came from: *before* if it had none."""
    identity = old.override or snapshot.trail.rests.get((old.source, old.commit), "")
    told = lifted(identity, old.source, snapshot.overrides, snapshot.trail)
    if told is None:
        return lifts, None if identity else before
    return tuple(dict.fromkeys((*lifts, *told.lifts))), told.from_commit


def superseded_if(
    rt: Runtime, snapshot: Snapshot, name: SourceName, is_over: Callable[[Override], bool]
) -> dict[str, Override]:
    """Return as superseded those open overrides of a source of which *is_over* tells that they end now.

    A record that the audit log does not bear out is none of them: its end would be a record of what nobody approved.
    """
    return {
        item.id: closed(item, "superseded", at=rt.info.now, by=rt.info.operator)
        for item in snapshot.overrides.of(name)
        if item.status == "active" and is_over(item) and not unbound(item, snapshot.trail)
    }


def superseded(rt: Runtime, snapshot: Snapshot, name: SourceName, *, commit: Oid | None) -> dict[str, Override]:
    """Return the overrides of a source that end because its pin is now *commit* (None: it has none any more)."""
    return superseded_if(rt, snapshot, name, lambda item: item.kind == "pin" or item.to_commit != commit)


def left_behind(rt: Runtime, snapshot: Snapshot, kept: Pin) -> dict[str, Override]:
    """Return the overrides of a source that end because its pin, which stays, does not rest on them."""

    def is_over(item: Override) -> bool:
        is_other = item.kind == "pin" or item.to_commit != kept.commit or not is_in_force(item, snapshot.clock)
        return is_other and item.id != kept.override

    return superseded_if(rt, snapshot, kept.source, is_over)


def closing_events(ended: Mapping[str, Override]) -> list[Event]:
    """Return the audit events of overrides that end."""
    return [event_of(item, "override-superseded") for item in ended.values()]


def expiry_note(override: Override, *, named: bool) -> str:
    """Return what a report says of a new override, with its id if that is *named*."""
    until = f"{'accepted' if override.kind == 'scan' else 'forced'} until {format_time(override.expires_at)}"
    return f"{override.id}: {until}" if named else until
