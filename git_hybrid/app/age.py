"""``[policy] min_release_age``: a pin moves to a commit only so long after this side first saw it."""

from __future__ import annotations

from datetime import datetime

from git_hybrid.app.runtime import Runtime
from git_hybrid.core.audit import Event
from git_hybrid.core.errors import TooYoung
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.reducer import Decision
from git_hybrid.core.report import Row, refused
from git_hybrid.core.value import replace
from git_hybrid.core.values import format_age, format_time, later


def too_young(
    rt: Runtime, snapshot: Snapshot, new: Pin, old: Pin | None, *, seen: datetime, bundle: str = ""
) -> TooYoung | None:
    """Return the error for a pin that moves to what this side first saw at *seen*; *bundle* is the file it comes in.

    A pin that stays where it is, and rested on no override there, is judged no more.
    """
    age = snapshot.manifest.policy.min_release_age
    is_new = old is None or old.commit != new.commit or old.override is not None
    if not age or not is_new or rt.info.now - seen >= age:
        return None
    times = {"first_seen": format_time(seen), "allowed_from": format_time(later(seen, age))}
    return TooYoung(name=new.source, commit=new.commit, ref=new.ref, bundle=bundle, **times)


def seen_now(rt: Runtime, error: TooYoung) -> Decision:
    """Return what keeps the time at which a commit was first seen, from which its age counts."""
    name, commit = SourceName(error.name), Oid(error.commit)
    if rt.ledger.first_seen(name, commit) is not None:
        return Decision()
    return Decision(events=[Event(event="seen", source=name, after=commit, detail={"ref": error.ref})])


def held_by_age(rt: Runtime, snapshot: Snapshot, row: Row) -> Row:
    """Return *row*; what is too new for policy, as far as the audit log tells, is told as such."""
    if row.outcome != "outdated" or row.after is None or row.detail.get("refused"):
        return row
    age, seen = snapshot.manifest.policy.min_release_age, rt.ledger.first_seen(row.name, Oid(row.after))
    if seen is None:
        note = f"the {format_age(age)} of [policy] min_release_age begin when pin sees it"
        return replace(row, notes=(*row.notes, note))
    if rt.info.now - seen >= age:
        return row
    return refused(row, "too-young", f"allowed from {format_time(later(seen, age))}: [policy] min_release_age")
