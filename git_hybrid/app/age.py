"""``[policy] min_release_age``: a pin moves to a commit only so long after this side first saw it."""

from __future__ import annotations

from datetime import datetime

from git_hybrid.app.runtime import Runtime
from git_hybrid.core.audit import Event
from git_hybrid.core.errors import TooYoung
from git_hybrid.core.ids import Oid, RefName, SourceName, short_ref
from git_hybrid.core.lock import Pin, still_allowed
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


def old_enough(rt: Runtime, snapshot: Snapshot, name: SourceName) -> tuple[Oid, RefName] | None:
    """Return the newest commit, with its ref, that was seen after the pinned one and that policy allows by now.

    Whether upstream still has it, and has it ahead of the pinned one, is found out by whoever pins it.
    """
    old, age = snapshot.lock.pins.get(name), snapshot.manifest.policy.min_release_age
    if old is None:
        return None
    for commit, ref in rt.ledger.seen(name):
        if commit == old.commit:
            break
        at = rt.ledger.first_seen(name, commit)
        is_old = at is not None and rt.info.now - at >= age
        if is_old and still_allowed(replace(old, commit=commit, ref=ref), snapshot.manifest.sources[name]):
            return commit, ref
    return None


def young_note(error: TooYoung) -> str:
    """Return what is said of the newest commit where an older one is pinned."""
    return _newer(error.commit, error.ref, error.to_begin or _from(error.allowed_from))


def _newer(commit: str, ref: str, when: str) -> str:
    return f"{short_ref(ref) if ref.startswith('refs/tags/') else commit[:10]} is newer: {when}"


def _from(when: str) -> str:
    return f"allowed from {when}: [policy] min_release_age"


def to_begin(snapshot: Snapshot) -> str:
    """Return what is said of what no pin has seen yet, so that its time has not begun."""
    age = snapshot.manifest.policy.min_release_age
    return f"the {format_age(age)} of [policy] min_release_age begin when pin sees it"


def held_by_age(rt: Runtime, snapshot: Snapshot, row: Row) -> Row:
    """Return *row*; what is too new for policy, as far as the audit log tells, is told as such.

    Where something older is new enough to pin, and old enough for policy, that is what the row names.
    """
    if row.outcome != "outdated" or row.after is None or row.detail.get("refused"):
        return row
    age, seen = snapshot.manifest.policy.min_release_age, rt.ledger.first_seen(row.name, Oid(row.after))
    if seen is not None and rt.info.now - seen >= age:
        return row
    when = to_begin(snapshot) if seen is None else _from(format_time(later(seen, age)))
    if (older := old_enough(rt, snapshot, row.name)) is not None:
        notes = (*row.notes, _newer(row.after, row.ref or "", when))
        return replace(row, after=older[0], ref=older[1], notes=notes)
    if seen is not None:
        row = replace(row, detail={**row.detail, "allowed_from": format_time(later(seen, age))})
    return refused(row, TooYoung.code, when)
