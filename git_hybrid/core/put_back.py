"""What is told of a pin that was put back where no record says that it may be, and what mends it. Pure."""

from __future__ import annotations

from git_hybrid.core.audit import Record, rests_on
from git_hybrid.core.audit_archives import Breach
from git_hybrid.core.endpoints import same_repository
from git_hybrid.core.files import LOG
from git_hybrid.core.ids import RefName
from git_hybrid.core.last_pins import pin_of
from git_hybrid.core.lock import Pin, still_allowed
from git_hybrid.core.manifest import Source
from git_hybrid.core.moves_told import Odds
from git_hybrid.core.words import approval_words

_PROVES = "the lock was moved by hand or by a merge: no record says who moved it there, and why"


def put_back(pin: Pin, odds: Odds, where: str, source: Source | None, *, signed: bool) -> Breach:
    """Return that *pin* was put back, with both ways on; *where* says by what, as words behind its commit.

    *source* is its entry, which says whether it may stay where *odds* have it; *signed*: approvals take signatures.
    """
    name = pin.source
    # To stay where one needs no approval comes first.
    record, *others = sorted(odds.records, key=lambda item: (rests_on(item), str(item.get("after"))))
    commits = dict.fromkeys(str(item.get("after")) for item in (record, *others))
    was = f"was put back to {pin.commit[:12]}{where}"
    has = " or ".join(item[:12] for item in commits)
    if record.get("after") == pin.commit:
        has = f"it by {rests_on(record) or 'no override'}"
    stay = f"git hybrid pin {name} --to {record.get('after')}"
    approval = approval_words(signed=signed)
    mend = f"{stay} {approval}" if rests_on(record) else _choice(pin, record, source, stay, approval)
    if rests_on(record) and record.get("after") != pin.commit:
        # A plain pin stays where that came from; elsewhere, as where it was rebased to, it may be refused.
        refused = f", where that is refused, with {approval}" if others or record.get("before") != pin.commit else ""
        mend = f"git hybrid pin {name} --to {pin.commit}{refused}; or, if it is to stay forced: {mend}"
    elif rests_on(record):
        mend = f"{stay}, where that is refused, with {approval}"
    what = f"{name} {was}, and {odds.how} {has}"
    return Breach(id="unexplained-move", file=LOG, line=0, what=what, proves=_PROVES, mend=mend)


def _choice(pin: Pin, record: Record, source: Source | None, stay: str, approval: str) -> str:
    """Return both ways on from where *pin* was put back: by an approval, or to *stay* where *record* has it."""
    after = pin_of(record, pin.source, pin.url)
    same = same_repository(after.url, pin.url)
    back = f"git hybrid pin {pin.source} --to {pin.commit}"
    # By another URL it is compared with where it stood by that, and nobody knows yet whether that is refused.
    back += f" {approval}" if same and _is_back(pin, after.ref) else f", where that is refused, with {approval}"
    if source is None or (same and still_allowed(after, source)):
        return f"{stay}; or, if going back is approved: {back}"
    return f"if going back is approved: {back}; if not, put its entry in sources.toml back as it was, then {stay}"


def _is_back(pin: Pin, ref: RefName) -> bool:
    """Tell whether *pin* is surely older than what was pinned by *ref* after it, so that no plain pin goes there."""
    from git_hybrid.core.resolve import is_older_release  # noqa: PLC0415

    return is_older_release(ref, pin.ref) or (pin.ref == ref and ref.startswith("refs/heads/"))
