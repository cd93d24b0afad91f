"""What stands between a pin and the clone on the disk."""

from __future__ import annotations

from git_hybrid.app.runtime import Runtime
from git_hybrid.core.ids import Oid
from git_hybrid.core.lock import Pin, is_valid
from git_hybrid.core.manifest import Source
from git_hybrid.core.plan import Absent, Broken, Clone, Foreign, Looked, Unreadable
from git_hybrid.core.planner import differs
from git_hybrid.core.report import Row
from git_hybrid.core.value import replace

SHOWN_COMMITS = 10


def disk_row(rt: Runtime, source: Source, pin: Pin, seen: Looked) -> Row:
    """Return what the clone of *source*, which was *seen*, has otherwise than its *pin*.

    Raises:
        HybridError: the machine refuses to read it.
    """
    name = pin.source
    if isinstance(seen, Unreadable):
        raise seen.error
    if not isinstance(seen, Clone):
        word, why = _no_clone(seen)
        return Row(name=name, outcome=word, before=pin.commit, ref=pin.ref, notes=why)
    if seen.head == pin.commit:
        row = Row(name=name, outcome="same", before=pin.commit, after=seen.head, ref=pin.ref)
        if seen.dirty_count:
            return replace(row, outcome="dirty", notes=seen.dirty)
        unlike = differs(source, seen) if is_valid(pin, source) else ""
        return replace(row, outcome="differs", notes=(unlike,)) if unlike else row
    row = Row(name=name, outcome="differs", before=pin.commit, after=seen.head, ref=pin.ref, notes=seen.dirty)
    # A treeless clone has the files of one of the two alone.
    files = source.history != "treeless"
    return with_range(rt, row, pin.commit, seen.head, files=files) if seen.has_pin else row


def with_range(rt: Runtime, row: Row, old: Oid, new: Oid, *, files: bool = True) -> Row:
    """Return *row* with what lies between two commits that its clone has.

    Raises:
        GitFailed, LocalIo: the clone cannot be read.
    """
    stage = rt.clones.as_stage(row.name)
    found = rt.objects.between(stage, old, new, limit=SHOWN_COMMITS, files=files)
    if found.ahead and found.behind and rt.objects.is_shallow(stage):
        # Where each ends at a commit without parents, both counts are of what was fetched and not of what lies between.
        return replace(row, notes=(*row.notes, "the commits between are not told: the history is cut off here"))
    return replace(row, range=found)


def _no_clone(seen: Absent | Foreign | Broken) -> tuple[str, tuple[str, ...]]:
    match seen:
        case Absent():
            return "missing", ()
        case Foreign(what):
            return "foreign", (what,)
        case Broken(why):
            return "broken", (why,)
