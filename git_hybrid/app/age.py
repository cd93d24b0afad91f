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
from git_hybrid.core.values import format_time, later


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
