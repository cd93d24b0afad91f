"""A workspace's dashboard with everything on it, of any size: every state, every scan, overrides, mirrors, trouble."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from git_hybrid.core.audit import Event, Record, extend, tail_of
from git_hybrid.core.checks import Facts, Violation
from git_hybrid.core.condition import SEVERITY, Condition, Word
from git_hybrid.core.dashboard import Dashboard, Surroundings, build_dashboard
from git_hybrid.core.ids import Oid, RunId, SourceName
from git_hybrid.core.manifest import Manifest, OpenIssues, Scanner, Tag
from git_hybrid.core.mirror_told import mirror_event
from git_hybrid.core.mirrors import Held, Inventory, Mirror
from git_hybrid.core.moves import moves_of
from git_hybrid.core.override import Approval, Override, Overrides, event_of, phase, trail_of
from git_hybrid.core.override import Status as OverrideStatus
from git_hybrid.core.report import Status
from git_hybrid.core.state import ScanStatus
from git_hybrid.core.value import replace
from support.values import NOW, a_pin, a_source, a_state_entry, oid

PEOPLE = ("Ada Lovelace <ada@example.org>", "Grace Hopper <grace@example.org>", "Radia Perlman <radia@example.org>")
GOOD_FROM = len(SEVERITY) - 1
_ULID = "01J2ZK5Y8Q00000000000{:05d}"


def _name(number: int) -> str:
    kinds = ("terraform-aws", "packer-plugin", "ansible-role", "libgit", "proto", "zlib", "tool")
    return f"{kinds[number % len(kinds)]}-{number:04d}"


def an_override(number: int, *, days: int, status: OverrideStatus = "active") -> Override:
    made = NOW - timedelta(days=20)
    return Override(
        id=f"ovr-{_ULID.format(number)}",
        kind="pin",
        source=SourceName(_name(number)),
        request_id=f"CHG-{1000 + number}",
        reason="upstream force-pushed its release branch",
        from_commit=oid(number),
        to_commit=oid(number + 1),
        requested_by=PEOPLE[0],
        approvers=(Approval(id=PEOPLE[1], at=made),),
        incident="INC-7" if number % 2 else None,
        created_at=made,
        expires_at=NOW + timedelta(days=days),
        status=status,
        command_id=_ULID.format(number),
    )


def _scan(number: int, commit: Oid) -> ScanStatus:
    if number % 11 == 0:
        return ScanStatus()
    found = number % 13 == 0
    counts = {"high": int(found), "medium": 2 * int(found), "low": 0}
    return ScanStatus(
        state="findings" if found else "clean",
        scanner="secrets",
        commit=commit,
        scanned_at=NOW - timedelta(days=number % 9, hours=3),
        counts=counts,
    )


def a_row(number: int, word: Word, *, override: Override | None = None) -> Condition:
    if word == "stray":
        return Condition(name=SourceName(_name(number)), word="stray", why="no source of the manifest")
    tag = f"v1.{number % 30}.{number % 7}"
    source = a_source(_name(number), url=f"https://github.com/example/{_name(number)}", track=Tag(tag))
    commit = Oid(hashlib.sha1(str(number).encode()).hexdigest())
    scan = _scan(number, commit)
    age = NOW - scan.scanned_at if scan.scanned_at else None
    stale = age is not None and age > timedelta(days=7)
    return Condition(
        name=source.name,
        word=word,
        why="" if word == "ok" else f"why it is {word}",
        source=source,
        pin=None if word == "unpinned" else a_pin(source, commit=commit),
        recorded=a_state_entry(source, commit=commit, scan=scan),
        override=override,
        override_phase=None if override is None else phase(override, NOW),
        head=commit,
        scan="stale" if stale else scan.state,
        scan_why="it is 8 d old" if stale else "",
        scan_wanted=True,
        scan_age=age,
    )


def records(count: int) -> tuple[Record, ...]:
    """Return the audit records of a year in which each source moved a few times."""
    made: list[Record] = []
    for number in range(count * 2):
        source = _name(number * 7 % count)
        detail = {"ref": "refs/tags/v1", **({"rests_on": "ovr-x"} if number % 17 == 3 else {})}
        before = oid(number) if number > 2 else None
        event = Event(
            event="pin",
            source=source,
            before=before,
            after=hashlib.sha1(str(number).encode()).hexdigest(),
            detail=detail,
        )
        at = NOW - timedelta(days=300) + timedelta(days=299) * (number / (count * 2))
        made += extend(
            tail_of(made[-1:]),
            [event],
            at=at,
            operator=PEOPLE[number % 3],
            command_id=RunId(_ULID.format(number)),
            log_id="x",
        )
    return tuple(made)


def inventory(count: int) -> Inventory:
    """Return two mirrors: one that holds every source, the fifth of them too long ago, and one never verified."""
    held = {
        SourceName(_name(number)): Held(
            commit=oid(number), checked_at=NOW - timedelta(days=9 if number == 4 else 1), ok=True
        )
        for number in range(count)
    }
    served = Mirror(
        name="inside",
        base_url="https://mirror.example.org/git",
        kind="mirror",
        owner=PEOPLE[2],
        added_at=NOW,
        added_by=PEOPLE[0],
        verified_at=NOW,
        sources=held,
    )
    stick = Mirror(
        name="usb", base_url="file:///media/usb", kind="bundle", owner=PEOPLE[0], added_at=NOW, added_by=PEOPLE[0]
    )
    return Inventory(mirrors={"inside": served, "usb": stick})


def a_dashboard(count: int, *, calm: bool = False) -> Dashboard:
    """Return the dashboard of *count* sources; *calm*: nothing is wrong."""
    overrides = [
        an_override(3, days=2),
        an_override(5, days=25),
        an_override(8, days=-1),
        an_override(9, days=3, status="revoked"),
    ]
    who = {"operator": PEOPLE[0], "command_id": RunId(_ULID.format(0)), "log_id": "x"}
    events = [event_of(item, "override") for item in overrides]
    told = extend(tail_of(()), events, at=NOW, **who)
    pairs = zip(overrides, told, strict=True)
    overrides = [replace(item, audit_hash=str(record["hash"])) for item, record in pairs]
    by_number = {3: overrides[0], 5: overrides[1], 8: overrides[2]}
    trouble = min(len(SEVERITY) - 1, count // 3)
    rows = []
    for number in range(count):
        word = SEVERITY[number] if number < trouble and not calm else "ok"
        rows.append(a_row(number, word, override=None if calm else by_number.get(number)))
    bad = Violation(
        file="state/sources.lock",
        entry="source.tool",
        what="was pinned from another entry",
        why="so",
        mend="git hybrid pin tool",
    )
    mild = Violation(
        file="f", entry="e", what="expires in 2 d", why="w", mend="git hybrid override renew X", level="warn"
    )
    results = {"metadata": () if calm else (bad,) * 10, "overrides": () if calm else (mild,), "scans": (), "audit": ()}
    manifest = Manifest(
        scanners=(Scanner(name="secrets", preset="betterleaks"), Scanner(name="workflows", preset="zizmor")),
        open_issues=(OpenIssues(spec="specs/vendoring/spec.md", remediations="docs/remediations.md"),),
    )
    log, listed = records(max(count, 1)), inventory(count)
    inside = listed.mirrors["inside"]
    (checked,) = extend(tail_of(log[-1:]), [mirror_event("mirror-verify", inside, {})], at=NOW, **who)
    facts = Facts(
        manifest=manifest,
        now=NOW,
        clock=NOW,
        overrides=Overrides(records={} if calm else {item.id: item for item in overrides}),
        trail=trail_of(told),
        inventory=Inventory(mirrors={**listed.mirrors, "inside": replace(inside, audit_hash=str(checked["hash"]))}),
    )
    last = {move.source: move for move in moves_of(log)}
    rows = [row if row.pin is None else replace(row, moved=last.get(row.name)) for row in rows]
    around = Surroundings(workspace="platform-vendored", now=NOW, operator=PEOPLE[0], version="0.1.0")
    return build_dashboard(
        Status(rows=tuple(rows), unfinished=None, has_scanners=True),
        facts,
        results,
        (*log, checked),
        around=around,
    )
