"""What a source is like, in one word: manifest, lock, state and disk seen together. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal, get_args

from git_hybrid.core.errors import ScanBlocked
from git_hybrid.core.governance import Unapproved, in_force, mend_of, unapproved, why_unapproved
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Pin, is_valid
from git_hybrid.core.manifest import Source, allows_host
from git_hybrid.core.mirrors import age, serving
from git_hybrid.core.moves import Move
from git_hybrid.core.override import Override, Phase, phase
from git_hybrid.core.plan import UNWRITTEN, Absent, Broken, Clone, Foreign, Looked, Snapshot, Unreadable
from git_hybrid.core.planner import differs, has_other_origin, same_facts
from git_hybrid.core.scan_policy import accepted_by, scan_blocked
from git_hybrid.core.scans import Identity, stale_reason, stale_words
from git_hybrid.core.state import ScanStatus, SourceState
from git_hybrid.core.value import Struct
from git_hybrid.core.words import BRING_BACK, MAY_BE, counted

Word = Literal[
    "unapproved",
    "broken",
    "unreadable",
    "foreign",
    "diverged",
    "dirty",
    "busy",
    "refused",
    "interrupted",
    "running",
    "stale-pin",
    "unpinned",
    "behind",
    "missing",
    "stray",
    "ok",
]
SEVERITY: tuple[Word, ...] = get_args(Word)
"""Worst first: the order of the rows of status."""

ScanWord = Literal["clean", "accepted", "findings", "error", "missing", "stale"]
"""``accepted``: overrides accept every finding that policy blocks on."""
SCAN_SEVERITY: tuple[ScanWord, ...] = ("error", "findings", "missing", "stale", "accepted", "clean")
"""Worst first: the order of rows that are alike in all else."""


class Served(Struct, frozen=True, kw_only=True):
    """The mirror that served what is installed; ``name`` and ``age`` are None if it is not in the inventory.

    ``stale``: its age is more than policy allows for a new pin.
    """

    url: str
    name: str | None = None
    age: timedelta | None = None
    stale: bool = False


class Condition(Struct, frozen=True, kw_only=True):
    """One row of status.

    ``mend`` is what brings a pin that is not approved to order, or one back that the lock lost; or ends a stray.
    ``override`` is what its pin rests on, ``override_phase`` how that stands; ``accepted`` is the override by which
    findings are accepted that policy blocks on, of several the next to end; ``in_force`` has all overrides of the
    source that are. ``blocked`` tells of the findings for which sync refuses it.
    ``scan_age`` is the time since the last scan, None if there was none; ``scan_why`` says why it is stale or an error;
    ``scan_wanted``: a scanner is configured. ``moved`` is how the pin, or one that the lock lost, came to its commit.
    """

    name: SourceName
    word: Word
    why: str = ""
    mend: str = ""
    source: Source | None = None
    pin: Pin | None = None
    recorded: SourceState | None = None
    override: Override | None = None
    override_phase: Phase | None = None
    accepted: Override | None = None
    accepted_phase: Phase | None = None
    in_force: tuple[Override, ...] = ()
    blocked: ScanBlocked | None = None
    head: str | None = None
    dirty: tuple[str, ...] = ()
    dirty_count: int = 0
    scan: ScanWord = "missing"
    scan_why: str = ""
    scan_wanted: bool = False
    scan_age: timedelta | None = None
    served: Served | None = None
    moved: Move | None = None


def condition(
    snapshot: Snapshot,
    source: Source,
    seen: Looked,
    *,
    now: datetime,
    identities: Mapping[str, Identity] = {},
    moved: Move | None = None,
) -> Condition:
    """Return what *source* is like; *identities* are the scanners that this machine has."""
    name = source.name
    pin, recorded = snapshot.lock.pins.get(name), snapshot.state.sources.get(name)
    blocked = scan_blocked(snapshot, name, pin) if pin else None
    error = unapproved(pin, source, snapshot.approvals) if pin else None
    word, why = _word(snapshot, source, pin, recorded, seen, blocked, error)
    scan = recorded.scan if recorded else ScanStatus()
    accepted = accepted_by(snapshot, pin, scan) if pin and blocked is None else None
    scan_word, scan_why = _scan_word(snapshot, pin, scan, accepted, name=name, now=now, identities=identities)
    clone = seen if isinstance(seen, Clone) else None
    override = snapshot.overrides.records.get(pin.override) if pin and pin.override else None
    return Condition(
        name=name,
        word=word,
        why=why,
        mend=mend_of(error, pin, snapshot.approvals) if pin and error and word == "unapproved" else "",
        source=source,
        pin=pin,
        recorded=recorded,
        override=override,
        override_phase=None if override is None else phase(override, snapshot.clock),
        accepted=accepted,
        accepted_phase=None if accepted is None else phase(accepted, snapshot.clock),
        in_force=in_force(name, snapshot.approvals),
        blocked=blocked,
        head=clone.head if clone else None,
        dirty=clone.dirty if clone else (),
        dirty_count=clone.dirty_count if clone else 0,
        scan=scan_word,
        scan_why=scan_why,
        scan_wanted=bool(snapshot.manifest.scanners),
        scan_age=now - scan.scanned_at if scan.scanned_at else None,
        served=_served(snapshot, recorded, now),
        moved=moved,
    )


def _scan_word(
    snapshot: Snapshot,
    pin: Pin | None,
    scan: ScanStatus,
    accepted: Override | None,
    *,
    name: SourceName,
    now: datetime,
    identities: Mapping[str, Identity],
) -> tuple[ScanWord, str]:
    """Return what the recorded scan says of the pin, and why it says nothing."""
    if name in snapshot.scan_trail.unproved:
        absent = snapshot.trail.absent()
        return "error", f"{MAY_BE}{absent}" if absent else "state/sources.json is not what the audit log tells of it"
    pinned = pin.commit if pin else None
    stale = stale_reason(scan, snapshot.manifest, name, pinned=pinned, now=now, identities=identities)
    if stale is not None:
        return "stale", stale_words(stale, scan, now)
    if scan.state == "findings":
        return "findings" if accepted is None else "accepted", ""
    return scan.state, next((f"{item.name}: {item.reason}" for item in scan.scanners if item.state == "error"), "")


def _served(snapshot: Snapshot, recorded: SourceState | None, now: datetime) -> Served | None:
    url = recorded.served_by if recorded is not None else None
    if recorded is None or url is None or url == str(recorded.url):
        return None
    mirror = serving(snapshot.mirrors, url, recorded.url, recorded.name)
    if mirror is None:
        return Served(url=url)
    old = age(mirror, recorded.name, now)
    return Served(url=url, name=mirror.name, age=old, stale=old > snapshot.manifest.policy.mirror_max_staleness)


def _word(
    snapshot: Snapshot,
    source: Source,
    pin: Pin | None,
    recorded: SourceState | None,
    seen: Looked,
    blocked: ScanBlocked | None,
    error: Unapproved | None,
) -> tuple[Word, str]:
    first = _unapproved(snapshot, error) or _running(snapshot, source.name) or _local_word(seen, pin, recorded)
    if first is not None:
        return first
    if not allows_host(snapshot.manifest.policy, source.url):
        return "refused", f"host {source.url.host} is not allowed by policy"
    if left := _left(snapshot, source.name):
        return "interrupted", left
    if pin is None:
        return "unpinned", "no commit is pinned yet"
    if not is_valid(pin, source):
        return "stale-pin", "the manifest entry changed since it was pinned"
    if blocked is not None:
        return "refused", f"{blocked.counted} at or above {blocked.level} ([policy] scan_block_on){blocked.former}"
    return _standing(source, pin, recorded, seen) if isinstance(seen, Clone) else ("missing", "not cloned yet")


def _standing(source: Source, pin: Pin, recorded: SourceState | None, seen: Clone) -> tuple[Word, str]:
    """Return how the clone stands to its pin, where nothing is in the way of a sync."""
    if not seen.can_have(pin.commit):
        return "behind", "the pin is of another object format: sync makes the clone anew"
    if seen.head != pin.commit:
        # State travels with commits: who pulls one is not told by it that this clone was at the pin.
        is_back = seen.installed == pin.commit
        return "behind", f"{'HEAD' if is_back else 'the pin'} moved: sync brings it {'back' if is_back else 'here'}"
    if why := differs(source, seen):
        return "behind", why
    if has_other_origin(source, seen):
        return "behind", "its origin is another URL than sources.toml has: sync sets it"
    if recorded is None or not same_facts(source, pin, recorded):
        return "behind", "stands at its pin, but state does not say so yet"
    return "ok", ""


def _unapproved(snapshot: Snapshot, error: Unapproved | None) -> tuple[Word, str] | None:
    if error is None:
        return None
    run = snapshot.unfinished
    if run is None or not run.is_unwritten:
        return "unapproved", why_unapproved(error)
    # What the files say together proves nothing until then.
    return "running" if run.held_by else "interrupted", UNWRITTEN


def _running(snapshot: Snapshot, name: SourceName) -> tuple[Word, str] | None:
    """Return what is said of a source that a run brings to its pin just now, whatever stands there meanwhile."""
    held_by = snapshot.unfinished.held_by if snapshot.unfinished is not None else ""
    return ("running", f"a run is at work on it: {held_by}") if held_by and _left(snapshot, name) else None


def _left(snapshot: Snapshot, name: SourceName) -> str:
    return snapshot.unfinished.left(name) if snapshot.unfinished is not None else ""


def _local_word(seen: Looked, pin: Pin | None, recorded: SourceState | None) -> tuple[Word, str] | None:
    match seen:
        case Absent():
            return None
        case Foreign(what):
            return "foreign", what
        case Broken(why):
            return "broken", why
        case Unreadable(error):
            return "unreadable", f"cannot {error.operation} {error.path}: {error.reason}"
        case _:
            return _clone_word(seen, pin, recorded)


def _clone_word(clone: Clone, pin: Pin | None, recorded: SourceState | None) -> tuple[Word, str] | None:
    if clone.locked:
        return "busy", "another git process works in it"
    if clone.operation is not None:
        return "busy", f"a {clone.operation} is in progress"
    if clone.dirty_count:
        files = counted(clone.dirty_count, "file")
        return "dirty", f"{files} changed: {', '.join(clone.dirty[:3])}" + (", …" if clone.dirty_count > 3 else "")
    known = {entry.commit for entry in (pin, recorded) if entry is not None}
    if clone.head not in known and clone.head != clone.installed:
        return "diverged", f"HEAD is {clone.head[:10]}, which is neither pinned nor recorded"
    return None


def resting(item: Condition) -> tuple[Override | None, Phase | None]:
    """Return the override that a row rests on, and how it stands: that of its pin, else that of its findings."""
    if item.override is not None:
        return item.override, item.override_phase
    return item.accepted, item.accepted_phase


def needs_scan(item: Condition) -> bool:
    """Tell whether a new scan mends what the last one says of a row, and can be made: its pin is in its clone."""
    absent = ("broken", "unreadable", "foreign", "interrupted", "running", "stale-pin", "unpinned", "missing")
    can_be = item.recorded is not None and item.word not in absent and not item.scan_why.startswith(MAY_BE)
    return can_be and item.scan in ("error", "missing", "stale")


def awaits_archive(item: Condition) -> bool:
    """Tell whether a row waits for an archive of the audit log that is not there, or not as it was closed."""
    return BRING_BACK in (item.mend, item.blocked and item.blocked.accept) or item.scan_why.startswith(MAY_BE)


def scan_mend(item: Condition) -> str | None:
    """Return the command that mends the scan of a row: makes a new one, or accepts what was found."""
    if item.scan_why.startswith(MAY_BE):
        return BRING_BACK
    if item.scan_wanted and needs_scan(item) and (item.blocked is None or not item.blocked.former):
        return f"git hybrid scan {item.name}"
    return (item.blocked.accept or item.blocked.move) if item.blocked is not None else None


def needs_attention(item: Condition) -> bool:
    """Tell whether a row is not as it should be (``--exit-code``)."""
    good = ("clean", "accepted") if item.scan_wanted else ("clean", "accepted", "missing")
    return item.word != "ok" or item.scan not in good
