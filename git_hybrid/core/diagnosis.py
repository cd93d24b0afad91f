"""What ``diag`` says: findings about a workspace and the machine that it is on, made from facts. Pure.

No finding holds an age: the same facts give the same words, so that two support archives can be compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, get_args

from git_hybrid.core.checks import Violation, going_back
from git_hybrid.core.condition import Condition, Word
from git_hybrid.core.lock import pinning
from git_hybrid.core.manifest import BRIEFEST, Policy
from git_hybrid.core.mirrors import Inventory, Mirror, late, update_target
from git_hybrid.core.value import Struct
from git_hybrid.core.values import format_age, format_time
from git_hybrid.core.words import LENGTHEN, PRUNE, counted, plural

Level = Literal["ok", "warn", "fail"]
LEVELS: tuple[Level, ...] = ("fail", "warn", "ok")
"""Worst first: the order in which findings are told."""

Area = Literal["files", "lock", "clones", "mirrors", "overrides", "scans", "audit", "open issues", "git", "environment"]
AREAS: tuple[Area, ...] = get_args(Area)

_FIXED_IN = {43: 7, 44: 4, 45: 4, 46: 4, 47: 3, 48: 2, 49: 1, 50: 1}
"""The first releases without CVE-2025-48384 and its kin: 2.43.7, 2.44.4, … (git's release notes of July 2025)."""

_AREA_OF_CHECK: Mapping[str, Area] = {
    "metadata": "files",
    "overrides": "overrides",
    "scans": "scans",
    "mirrors": "mirrors",
    "audit": "audit",
    "sources": "clones",
    "open-issues": "open issues",
}
_SAID_WELL = {
    "metadata": "manifest, lock and state agree",
    "overrides": "every pin that needs an override has one in force",
    "scans": "every pin has a complete scan, not too old, without blocking findings",
    "mirrors": "every mirror in use is recorded, with an owner",
    "audit": "the log is whole, and agrees with the other files and with git",
    "sources": "nothing of clones and runs is committed, and no clone stands elsewhere than at its pin",
    "open-issues": "every specification names its open issues",
}
_WARNED: frozenset[Word] = frozenset({"missing", "running", "stray"})
_ELSEWHERE: frozenset[Word] = frozenset({"broken", "unreadable", "foreign", "diverged", "dirty", "busy", "behind"})
_COUNTED_BY_CHECKS: frozenset[Word] = frozenset({"unapproved"})
_GIB = 2**30


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that was looked at: how it stands, in words, and what mends it (empty where nothing is to mend)."""

    area: Area
    name: str
    level: Level
    what: str
    remedy: str = ""


class Cadence(Struct, frozen=True, kw_only=True):
    """How the pinned sources are scanned, as state has it.

    ``newest`` and ``oldest`` are times in RFC 3339; empty where nothing was scanned. ``stale`` counts the scans that
    say nothing about the pin any more, ``bad`` those with findings or errors.
    """

    scanners: tuple[str, ...]
    pinned: int
    scanned: int
    stale: int
    bad: int
    newest: str
    oldest: str
    max_age: timedelta


def sorted_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return *findings*, worst first; alike ones by area and name, in the order in which they came."""
    return tuple(sorted(findings, key=lambda item: (LEVELS.index(item.level), AREAS.index(item.area))))


def has_failed(findings: Iterable[Finding]) -> bool:
    """Tell whether anything fails."""
    return any(item.level == "fail" for item in findings)


def check_findings(results: Mapping[str, Sequence[Violation]]) -> tuple[Finding, ...]:
    """Return what the checks of the table found; a check without a violation is one finding that says so."""
    found: list[Finding] = []
    for name, violations in results.items():
        area = _AREA_OF_CHECK.get(name, "files")
        if not violations:
            found.append(Finding(area=area, name=name, level="ok", what=_SAID_WELL.get(name, f"check {name} passes")))
        for item in violations:
            what = f"{item.file}: {item.entry}: {item.what}"
            level: Level = "ok" if item.level == "note" else item.level
            found.append(Finding(area=area, name=name, level=level, what=what, remedy=item.mend))
    return tuple(found)


def clone_findings(rows: Sequence[Condition]) -> tuple[Finding, ...]:
    """Return what is wrong with clones and pins, from the rows of status; one finding if nothing is."""
    wrong = [row for row in rows if row.word not in ("ok", *_COUNTED_BY_CHECKS)]
    if not wrong:
        what = f"all as pinned ({len(rows)})" if rows else "no sources yet"
        return (Finding(area="clones", name="status", level="ok", what=what),)
    return tuple(
        Finding(
            area="clones",
            name="status",
            level="warn" if row.word in _WARNED else "fail",
            what=f"{row.name}: {row.word}: {row.why}",
            remedy=remedy_of(row),
        )
        for row in wrong
    )


def misplaced(rows: Iterable[Condition]) -> tuple[Violation, ...]:
    """Return the clones that *rows* of status show to stand elsewhere than at their pins; no object is read."""
    other, unknown = "what is built from there is not the pinned commit", "nobody can tell what stands there"
    return tuple(
        Violation(
            file=f"sources/{row.name}",
            entry=f"source.{row.name}",
            what=f"is {row.word}: {row.why}",
            why=unknown if row.word == "unreadable" else other,
            mend=remedy_of(row),
        )
        for row in rows
        if row.word in _ELSEWHERE
    )


def remedy_of(row: Condition) -> str:
    """Return what mends how *row* stands: a command, or words with one at their end."""
    match row.word:
        case "dirty" | "diverged":
            return going_back(row.name, (row.head or "") if row.word == "diverged" else "")
        case "foreign" | "unreadable":
            first = f"move sources/{row.name} away" if row.word == "foreign" else "mend disk and rights"
            return f"{first}, then: git hybrid sync {row.name}"
        case "busy":
            return f"git -C sources/{row.name} status"
        case "refused" if row.blocked is not None:
            return row.blocked.accept or row.blocked.move
        case "refused":
            return f"have its host added to [policy] hosts, or: git hybrid remove {row.name}"
        case "interrupted":
            return "git hybrid resume"
        case "running":
            return "wait for it to end"
        case "stale-pin" | "unpinned":
            assert row.source is not None
            return row.mend or pinning(row.source, row.pin, lost=row.pin is None and row.moved is not None)
        case "stray":
            return row.mend or PRUNE
        case _:
            return f"git hybrid sync {row.name}"


def cadence_of(rows: Sequence[Condition], *, scanners: Sequence[str], max_age: timedelta) -> Cadence:
    """Return how the sources in *rows* are scanned."""
    pinned = [row for row in rows if row.pin is not None]
    scans = [row.recorded.scan for row in pinned if row.recorded is not None]
    times = sorted(scan.scanned_at for scan in scans if scan.scanned_at is not None)
    return Cadence(
        scanners=tuple(scanners),
        pinned=len(pinned),
        scanned=len(times),
        stale=sum(row.scan == "stale" for row in pinned),
        bad=sum(row.scan in ("findings", "error") for row in pinned),
        newest=format_time(times[-1]) if times else "",
        oldest=format_time(times[0]) if times else "",
        max_age=max_age,
    )


def cadence_words(cadence: Cadence) -> str:
    """Return the cadence of scans in one sentence; it is told with every diagnosis."""
    who = f"scanners: {', '.join(cadence.scanners)}" if cadence.scanners else "no scanner is configured"
    span = f"; newest {cadence.newest}, oldest {cadence.oldest}" if cadence.newest else ""
    counts = f"{cadence.scanned:,} of {counted(cadence.pinned, 'pin')} scanned{span}; {cadence.stale} stale"
    with_findings = f"; {cadence.bad} with findings or errors" if cadence.bad else ""
    return f"{who}; {counts} (scan_max_age {format_age(cadence.max_age)}){with_findings}"


def cadence_finding(cadence: Cadence) -> Finding:
    """Return the one finding about scans that is always there."""
    what = cadence_words(cadence)
    level: Level = "ok"
    remedy = ""
    if not cadence.scanners:
        level, remedy = "warn", 'add to sources.toml: [[scanner]], then name = "secrets" and preset = "betterleaks"'
    elif cadence.stale or cadence.scanned < cadence.pinned:
        level, remedy = "warn", "git hybrid scan --stale"
        if cadence.stale and cadence.max_age < BRIEFEST:
            remedy = f"{LENGTHEN}, then {remedy}"
    elif cadence.bad:
        level, remedy = "warn", "git hybrid status"
    return Finding(area="scans", name="cadence", level=level, what=what, remedy=remedy)


def git_finding(text: str, version: Sequence[int]) -> Finding:
    """Return how the installed git stands; *version* is its number, such as (2, 39, 5)."""
    major, minor, patch = (*version, 0, 0, 0)[:3]
    holes = (major, minor) < (2, 43) or (major == 2 and patch < _FIXED_IN.get(minor, 0))
    if not holes:
        return Finding(area="environment", name="git", level="ok", what=text)
    what = f"{text} is older than the releases that closed CVE-2025-48384 and others, unless your system mends it"
    remedy = "take the security updates of your system, or git 2.50.1 or newer"
    return Finding(area="environment", name="git", level="warn", what=what, remedy=remedy)


def libgit2_finding(found: str, *, minimum: str) -> Finding:
    """Return how libgit2 stands; one that is older than *minimum* is refused by every command."""
    numbers = [tuple(int(part) for part in text.split(".")[:3] if part.isdigit()) for text in (found, minimum)]
    if numbers[0] >= numbers[1]:
        return Finding(area="environment", name="libgit2", level="ok", what=f"libgit2 {found}")
    what = f"libgit2 {found} has known holes (CVE-2026-53583 to 53587); {minimum} is the oldest without them"
    remedy = "pip install --upgrade pygit2"
    return Finding(area="environment", name="libgit2", level="fail", what=what, remedy=remedy)


def disk_finding(free: int) -> Finding:
    """Return whether *free* bytes are enough; in steps, so that the words stay when a file comes or goes."""
    if free < _GIB // 8:
        what, remedy = "less than 128 MiB are free: a clone could not be finished", "free some space"
        return Finding(area="environment", name="disk", level="fail", what=what, remedy=remedy)
    if free < _GIB:
        what, remedy = "less than 1 GiB is free", "free some space"
        return Finding(area="environment", name="disk", level="warn", what=what, remedy=remedy)
    step = max(step for step in (1, 10, 100, 1000) if free >= step * _GIB)
    return Finding(area="environment", name="disk", level="ok", what=f"more than {step} GiB are free")


def locks_finding(problem: str) -> Finding:
    """Return whether the file system of ``sources/`` has locks; *problem* says why not, empty if it has."""
    if not problem:
        return Finding(area="lock", name="file system", level="ok", what="file locks work here")
    what, remedy = f"file locks do not work here: {problem}", "move the workspace to a local file system"
    return Finding(area="lock", name="file system", level="fail", what=what, remedy=remedy)


def holder_finding(holder: str, *, alive: bool, is_unwritten: bool = False, stopped: int = 0) -> Finding:
    """Return who writes; *holder* names the process that holds the lock or last said that it does, if any.

    *is_unwritten* tells that its run has files left to write; *stopped* is its id if a signal has stopped it, or 0.
    """
    if alive:
        remedy = f"it is stopped; to let it go on: kill -CONT {stopped}" if stopped else "wait for it to end"
        return Finding(area="lock", name="writer", level="warn", what=f"held by {holder}", remedy=remedy)
    harm = "" if is_unwritten else ", which does no harm"
    left = f"nobody writes; {holder} ended without a word{harm}" if holder else "nobody writes"
    return Finding(area="lock", name="writer", level="ok", what=left)


def mirror_findings(inventory: Inventory, policy: Policy, now: datetime) -> tuple[Finding, ...]:
    """Return how each mirror of the inventory stands."""
    return tuple(_mirror(mirror, policy, now) for mirror in inventory.mirrors.values())


def _mirror(mirror: Mirror, policy: Policy, now: datetime) -> Finding:
    behind = late(mirror, policy, now)
    if mirror.verified_at is None or behind:
        what = "was never verified"
        if behind:
            limit = format_age(policy.mirror_max_staleness)
            number, all_of_them = len(behind), counted(len(mirror.sources), "source")
            state = f"{plural(number, 'is')} not well or behind, or {plural(number, 'was')} not verified within {limit}"
            what = f"{number} of {all_of_them} {state}"
        target, verify = update_target(mirror), f"git hybrid mirror verify {mirror.name}"
        update = f"git hybrid mirror update {target}" if target else "make its bundles anew"
        remedy = f"{update}, then {verify}"
        return Finding(area="mirrors", name="age", level="warn", what=f"{mirror.name}: {what}", remedy=remedy)
    what = f"{mirror.name}: current, verified {format_time(mirror.verified_at)}"
    return Finding(area="mirrors", name="age", level="ok", what=what)


def plain_finding(item: Finding) -> dict[str, str]:
    """Return *item* as plain values."""
    told = {"area": item.area, "name": item.name, "level": item.level}
    return told | {"what": item.what, "remedy": item.remedy}
