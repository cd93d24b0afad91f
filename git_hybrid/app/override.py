"""``git hybrid override``: renew and revoke approved exceptions. Nothing is ever deleted."""

from __future__ import annotations

from git_hybrid.app.force import Forced, approvals_of
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.settling import decided_before, deciding
from git_hybrid.core.approval import Asked, asked_of
from git_hybrid.core.audit_archives import AGAIN
from git_hybrid.core.errors import HybridError, UnknownOverride
from git_hybrid.core.files import OVERRIDES
from git_hybrid.core.governance import unbound
from git_hybrid.core.override import Override, closed, event_of, restoring
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.reducer import Decision
from git_hybrid.core.standing import regained
from git_hybrid.core.value import replace
from git_hybrid.core.words import BRING_BACK


def renew(rt: Runtime, identity: str, forced: Forced) -> Override:
    """Let an override go on until another time, with approvals of its own, and return it.

    What an interrupted run of this very command had decided stands by then, and is not asked for once more.

    Raises:
        UnknownOverride: there is none of this id, or it was closed.
        PolicyNotMet: the new approval does not satisfy policy.
        UnfinishedRun, LockBusy, InvalidFile: nothing was done.
    """
    with deciding(rt) as snapshot:
        before, old = decided_before(rt).overrides.get(identity), find(snapshot, identity)
        if before is not None and before.status == old.status == "active":
            return old
        require_open(snapshot, old)
        forced = replace(forced, request_id=forced.request_id or old.request_id)
        fresh = approvals_of(rt, snapshot, asked_again(snapshot, old, forced), forced, renews=old)
        new = replace(
            old,
            request_id=forced.request_id,
            reason=forced.reason,
            approvers=(*old.approvers, *fresh),
            expires_at=forced.expires_at,
        )
        return _record(rt, new, "override-renewed", reason=forced.reason)


def asked_again(snapshot: Snapshot, old: Override, forced: Forced) -> Asked:
    """Return what an approver of a renewal signs."""
    source = snapshot.manifest.sources.get(old.source)
    asked = asked_of(old, str(source.url) if source else "")
    return replace(asked, request_id=forced.request_id, reason=forced.reason, expires_at=forced.expires_at)


def revoke(rt: Runtime, identity: str, *, reason: str) -> Override:
    """End an override now, and return it; a pin that rests on it is refused from here on.

    One that an interrupted run had decided to revoke is revoked by then.

    Raises:
        UnknownOverride: there is none of this id, or it was closed.
        UnfinishedRun, LockBusy, InvalidFile: nothing was done.
    """
    with deciding(rt) as snapshot:
        before, old = rt.ledger.finished.overrides.get(identity), find(snapshot, identity)
        if before is not None and before.status == old.status == "revoked":
            return old
        require_open(snapshot, old)
        ended = closed(old, "revoked", at=rt.info.now, by=rt.info.operator)
        return _record(rt, ended, "override-revoked", reason=reason)


def _record(rt: Runtime, override: Override, event: str, *, reason: str) -> Override:
    """Write *override*, and return it as it was recorded: it names the record of this change."""
    told = event_of(override, event, reason=reason)
    rt.ledger.record(rt.info, Decision(events=[told], overrides={override.id: override}), ())
    return rt.ledger.snapshot().overrides.records[override.id]


def find(snapshot: Snapshot, identity: str) -> Override:
    """Return the override of this id.

    Raises:
        UnknownOverride: there is none.
    """
    record = snapshot.overrides.records.get(identity)
    if record is None and identity in snapshot.trail.latest:
        what = f"is in the audit log and not in {OVERRIDES}"
        raise UnknownOverride(override=identity, why=what, hint=regained(identity, snapshot))
    if record is None:
        raise UnknownOverride(override=identity)
    return record


def require_open(snapshot: Snapshot, record: Override) -> None:
    """Raise if *record* can go on no more.

    Raises:
        UnknownOverride: it was closed, or the audit log does not bear it out.
    """
    if record.status != "active":
        raise UnknownOverride(override=record.id, why=f"was {record.status} already, and stays so")
    if what := unbound(record, snapshot.trail):
        hint = restoring(record.id) if record.id in snapshot.trail.latest else AGAIN
        hint = BRING_BACK if snapshot.trail.absent() else hint
        raise UnknownOverride(override=record.id, why=f"is a record {what}", hint=hint)


def moved_over(rt: Runtime, override: Override) -> str:
    """Return what stands between the commits of *override*, in words; nothing where the clone does not have both."""
    if override.from_commit is None or override.from_commit == override.to_commit:
        return ""
    try:
        stage = rt.clones.as_stage(override.source)
        found = rt.objects.between(stage, override.from_commit, override.to_commit, limit=20, files=False)
    except HybridError:
        return ""
    lines = [f"{line.commit[:10]} {line.subject}" for line in found.commits]
    return "; ".join([f"{found.ahead} ahead, {found.behind} behind", *lines])
