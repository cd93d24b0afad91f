"""Overrides that a bundle brings: which of them stand on this side, and what policy of this side says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from git_hybrid.core.ahead import APART
from git_hybrid.core.approval import (
    Approvals,
    Doubt,
    Signatures,
    Verify,
    approved_at,
    as_approved,
    doubtful,
    has_keys,
    signatures_of,
    unmet,
)
from git_hybrid.core.audit import Event
from git_hybrid.core.bundles import BundleContent
from git_hybrid.core.endpoints import same_repository
from git_hybrid.core.errors import OverrideEnded, PolicyNotMet
from git_hybrid.core.governance import ended, governed, renewal, unbound
from git_hybrid.core.lock import Pin
from git_hybrid.core.override import UNKNOWN, Override, Overrides, closed, digest, event_of, why_closed, with_overrides
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.scan_policy import accepted_findings, accepting, blocked_by, with_former
from git_hybrid.core.spent import used
from git_hybrid.core.state import ScanStatus
from git_hybrid.core.value import Struct, replace
from git_hybrid.core.values import format_time
from git_hybrid.core.words import approval_words

_ELSEWHERE = "on the other side, then a new bundle: "


class Brought(Struct, frozen=True):
    """What a bundle brings, what stands here, ``verify``, which checks the signature of an approval, and the time."""

    content: BundleContent
    snapshot: Snapshot
    verify: Verify
    now: datetime

    def is_news(self, identity: str | None) -> bool:
        """Tell whether the bundle tells something else of an override than this side, such as a renewal or its end."""
        theirs, ours = self._theirs(identity), self._ours(identity)
        if theirs is None or (ours is not None and digest(theirs) == digest(ours)):
            return False
        return theirs.status != "active" or _comes_instead(theirs, ours)

    def ends(self) -> Mapping[str, Override]:
        """Return the overrides that are open here and were closed on the other side, closed as they were there.

        What gave way to another pin there ends with that pin alone, so only where the bundle has the source.
        """
        found: dict[str, Override] = {}
        for identity, theirs in self.content.overrides.records.items():
            ours = self.snapshot.overrides.records.get(identity)
            if ours is None or theirs.status == "active" or not self._is_end(theirs, ours):
                continue
            if theirs.closed_at is not None and (theirs.status == "revoked" or theirs.source in self.content.lock.pins):
                by = theirs.closed_by or UNKNOWN
                found[identity] = closed(ours, theirs.status, at=theirs.closed_at, by=by)
        return found

    def _is_end(self, theirs: Override, ours: Override) -> bool:
        """Tell whether *theirs* is *ours*, which is open; what its log does not bear out nobody closed, or opened."""
        same = (theirs.source, theirs.kind, theirs.to_commit) == (ours.source, ours.kind, ours.to_commit)
        is_borne_out = not unbound(theirs, self.content.trail) and not unbound(ours, self.snapshot.trail)
        return ours.status == "active" and same and is_borne_out

    def why_ended(self, override: Override) -> str:
        """Return the reason that the other side gave for the end of *override*; nothing if none."""
        return why_closed(self.content.overrides.records[override.id], self.content.trail)

    def end_of(self, override: Override) -> Event:
        """Return the audit event of an override that ends because it ended on the other side."""
        event = event_of(override, f"override-{override.status}", reason=self.why_ended(override) or None)
        return replace(event, detail={**(event.detail or {}), "bundle": self.content.sha256})

    def forced_beside(self, pin: Pin) -> tuple[Pin, ...]:
        """Return the forced pins by the ref of *pin* that come with it: what explains them may explain it."""
        return tuple(
            item
            for item in self.content.lock.pins.values()
            if item.override is not None and item.ref == pin.ref and item.source != pin.source
            if same_repository(item.url, pin.url)
        )

    def refuse_closed(self, pin: Pin) -> None:
        """Raise if *pin* rests on an override that was closed here: no bundle opens it again.

        Raises:
            OverrideEnded: it does.
        """
        ours = self._ours(pin.override)
        if ours is not None and ours.status != "active":
            raise self._closed(pin, ours)

    def refuse_override(self, pin: Pin) -> Override:
        """Return the override that *pin* rests on, which is in force and meets policy of this side.

        Raises:
            OverrideUnrecorded, OverrideEnded, OverrideUnsigned: there is no such record, or it has ended.
            PolicyNotMet: with everything that policy of this side misses.
        """
        theirs, ours = self._theirs(pin.override), self._ours(pin.override)
        here = ours is not None and theirs is not None and not _comes_instead(theirs, ours)
        if (error := governed(pin, self.snapshot.approvals if here else self._brought(_no_doubt))) is not None:
            raise error if here or not isinstance(error, OverrideEnded) else _elsewhere(error)
        record = self.content.overrides.records[str(pin.override)]
        if ours is None or _comes_instead(record, ours):
            self._refuse_unmet(record)
        return record

    def refuse_findings(self, pin: Pin, ours: Sequence[ScanStatus]) -> None:
        """Raise if a scan of the pinned commit, the other side's or one of *ours*, has findings that policy blocks on.

        Raises:
            ScanBlocked: it has, and no override accepts them.
            OverrideEnded, PolicyNotMet: one does that the bundle brings, and it cannot stand here.
        """
        theirs, told = self.content.state.sources.get(pin.source), self.content.scan_trail.told.get(pin.source)
        # What its log tells counts also where its state was cut.
        for found in (None if theirs is None else theirs.scan, told):
            if found is not None and found.commit == pin.commit:
                self._refuse_blocked(pin, found, is_ours=False)
        for scan in ours:
            self._refuse_blocked(pin, scan, is_ours=True)

    def _refuse_blocked(self, pin: Pin, scan: ScanStatus, *, is_ours: bool) -> None:
        block_on, snapshot = self.snapshot.manifest.policy.scan_block_on, self.snapshot
        approvals = replace(snapshot, overrides=self._here()).approvals
        accepted = accepted_findings(approvals, pin)
        accepted |= {name for item in self._accepting(pin) for name in item.findings if item.id == pin.override}
        accepted |= {name for item in self.acceptances(pin) for name in item.findings}
        here = snapshot.lock.pins.get(pin.source)
        is_new = not is_ours or here is None or here.commit != pin.commit
        signed, has = snapshot.has_keys, bool(snapshot.manifest.scanners)
        error = blocked_by(scan, pin.source, block_on, accepted, is_new=is_new, signed=signed, has_scanner=has)
        if error is None:
            return
        for item in accepting(self._brought(_no_doubt), pin):
            if item.kind == "scan" and set(item.findings) & set(error.ids):
                ours = self._ours(item.id)
                if ours is not None and ours.status != "active":
                    raise self._closed(pin, ours)
                self._refuse_unmet(item)
        if not is_new:
            raise with_former(error, approvals, pin) or error
        if error.accept:
            words = approval_words(signed=has_keys(self.content.manifest.policy))
            again = f"git hybrid pin {pin.source} --kind scan {words}"
            error.accept = f"{_ELSEWHERE}{again}"
        raise error

    def acceptances(self, pin: Pin) -> tuple[Override, ...]:
        """Return the overrides of kind ``scan`` for the pinned commit that come into the records of this side."""
        found = (item for item in self._accepting(pin) if item.kind == "scan" and self.is_news(item.id))
        return tuple(item for item in found if not self._problems(item))

    def _accepting(self, pin: Pin) -> tuple[Override, ...]:
        policy = self.snapshot.manifest.policy

        def doubt(record: Override) -> str:
            return doubtful(record, policy, self._signatures(record))

        return accepting(self._brought(doubt), pin)

    def _brought(self, doubt: Doubt) -> Approvals:
        """Return the approvals that the bundle brings, as this side would take them."""
        snapshot = self.snapshot
        return Approvals(self.content.overrides, self.content.trail, snapshot.clock, doubt, snapshot.has_keys)

    def _theirs(self, identity: str | None) -> Override | None:
        return self.content.overrides.records.get(identity or "")

    def _ours(self, identity: str | None) -> Override | None:
        return self._here().records.get(identity or "")

    def _here(self) -> Overrides:
        """Return the overrides of this side, without those that ended on the other."""
        return with_overrides(self.snapshot.overrides, self.ends())

    def _closed(self, pin: Pin, ours: Override) -> OverrideEnded:
        error = _elsewhere(ended(pin, ours, self.snapshot.approvals))
        theirs = self._theirs(ours.id)
        if theirs is None or theirs.status == "active":
            error.way = (
                f"on the other side, where it has to end too: git hybrid override revoke {ours.id} --reason TEXT"
            )
        return error

    def _refuse_unmet(self, record: Override) -> None:
        problems = self._problems(record)
        if problems:
            way = renewal(record.id, signed=has_keys(self.content.manifest.policy))
            raise PolicyNotMet(name=record.source, problems=problems, ask=f"{_ELSEWHERE}{way}")

    def _problems(self, record: Override) -> tuple[str, ...]:
        asked = as_approved(record, self._signatures(record))
        found = unmet(replace(asked, since=self.snapshot.clock), self.snapshot.manifest.policy)
        # As the check of overrides asks: here it would last longer than policy allows.
        if (since := approved_at(record)) > self.now + APART:
            found = (*found, f"it was approved at {format_time(since)}, which is still to come here: a clock was wrong")
        return found

    def _signatures(self, record: Override) -> Signatures:
        """Return what policy of this side makes of the signatures of a record that the bundle brings.

        What was closed on either side has spent its own.
        """
        spent: set[str] = set()
        for side in (self.snapshot, self.content):
            spent |= used(side.overrides, side.trail, record.source, record.kind, record.to_commit, closed=True)
        policy = self.snapshot.manifest.policy
        url = self.content.lock.pins[record.source].url
        return signatures_of(record, (url,), self.content.trail, policy, spent, self.verify)


def _elsewhere(error: OverrideEnded | None) -> OverrideEnded:
    """Return *error* with its ways on for the other side: here nobody has what it would pin instead."""
    assert error is not None
    error.way, error.leave = error.way and f"{_ELSEWHERE}{error.way}", ""
    error.hint = f"{_ELSEWHERE}{error.hint}"
    return error


def _comes_instead(theirs: Override, ours: Override | None) -> bool:
    """Tell whether a record comes in the place of ours: if it was approved later, and ours was not closed."""
    if ours is None:
        return True
    told = [(approved_at(item), item.expires_at) for item in (theirs, ours)]
    return ours.status == "active" and told[0] > told[1]


def _no_doubt(_record: Override) -> str:
    return ""
