"""What diag says of facts: levels, words, remedies, and an order in which the worst comes first."""

from __future__ import annotations

from datetime import timedelta

import pytest

from git_hybrid.core.checks import Violation
from git_hybrid.core.condition import SEVERITY, Condition
from git_hybrid.core.diagnosis import (
    AREAS,
    Cadence,
    Finding,
    cadence_finding,
    cadence_of,
    cadence_words,
    check_findings,
    clone_findings,
    disk_finding,
    git_finding,
    has_failed,
    holder_finding,
    libgit2_finding,
    locks_finding,
    mirror_findings,
    misplaced,
    plain_finding,
    sorted_findings,
)
from git_hybrid.core.diagnosis_git import Setup, repository_findings
from git_hybrid.core.ids import SourceName
from git_hybrid.core.manifest import Policy
from git_hybrid.core.mirrors import Inventory
from git_hybrid.core.moves import Move
from git_hybrid.core.scan_policy import blocked_by
from git_hybrid.core.state import ScanStatus
from git_hybrid.core.value import replace
from git_hybrid.core.words import pinning_head
from support.pages import inventory
from support.scan_values import a_finding, a_scan
from support.values import NOW, a_pin, a_source, a_state_entry

WEEK = timedelta(days=7)


def _row(name: str = "tool", word: str = "ok", *, scan: ScanStatus | None = None, state: str = "missing") -> Condition:
    source = a_source(name)
    recorded = a_state_entry(source, scan=scan) if scan else None
    pin = None if word == "unpinned" else a_pin(source)
    return Condition(name=SourceName(name), word=word, why="why", source=source, pin=pin, recorded=recorded, scan=state)


def test_the_worst_comes_first_and_areas_keep_their_order():
    found = [
        Finding(area=area, name="x", level=level, what="")
        for level in ("ok", "fail", "warn")
        for area in reversed(AREAS)
    ]
    told = [(item.level, item.area) for item in sorted_findings(found)]
    assert told == [(level, area) for level in ("fail", "warn", "ok") for area in AREAS]
    assert has_failed(found)
    assert not has_failed([item for item in found if item.level != "fail"])


def test_checks_become_findings():
    bad = Violation(file="f", entry="e", what="w", why="y", mend="git hybrid sync")
    mild = Violation(file="f", entry="e", what="w", why="y", mend="", level="warn")
    told = Violation(file="f", entry="e", what="w", why="y", mend="", level="note")
    found = check_findings({"metadata": (), "audit": (bad, mild, told), "of-tomorrow": ()})
    assert [(item.area, item.level) for item in found] == [
        ("files", "ok"),
        ("audit", "fail"),
        ("audit", "warn"),
        ("audit", "ok"),
        ("files", "ok"),
    ]
    assert (found[1].what, found[1].remedy) == ("f: e: w", "git hybrid sync")
    assert found[4].what == "check of-tomorrow passes"


def test_clones_that_are_as_pinned_are_one_finding():
    assert [item.what for item in clone_findings([_row("a"), _row("b")])] == ["all as pinned (2)"]
    assert [item.what for item in clone_findings([])] == ["no sources yet"]


@pytest.mark.parametrize("word", [word for word in SEVERITY if word not in ("ok", "unapproved")])
def test_every_other_state_has_a_remedy(word):
    (found,) = clone_findings([_row(word=word), _row("fine")])
    assert found.what == f"tool: {word}: why"
    assert found.remedy
    assert found.level == ("warn" if word in ("missing", "running", "stray") else "fail")


def test_a_source_with_blocking_findings_is_mended_by_accepting_them():
    blocked = blocked_by(a_scan(findings=(a_finding(),)), SourceName("tool"), "high", signed=False)
    (found,) = clone_findings([replace(_row(word="refused"), blocked=blocked)])
    assert found.remedy.startswith("git hybrid pin tool --kind scan --force")


def test_a_pin_that_the_lock_lost_or_that_is_stale_stays_where_it_was():
    moved = Move(source="tool", at=NOW, by="Ada", command_id="R", before=None, after="a" * 40)
    remedies = [
        found.remedy
        for row in (_row(word="unpinned"), replace(_row(word="unpinned"), moved=moved), _row(word="stale-pin"))
        for found in clone_findings([row])
    ]
    assert remedies == ["git hybrid pin tool", "git hybrid pin", "git hybrid pin"]
    (lost,) = clone_findings([replace(_row(word="unpinned"), moved=moved, mend="git checkout HEAD -- f")])
    assert lost.remedy == "git checkout HEAD -- f"


def test_what_status_sees_of_clones_is_told_without_a_proof():
    rows = [_row(word, word=word) for word in ("dirty", "broken", "unreadable", "ok", "missing", "behind")]
    assert [(item.file, item.what, item.mend) for item in misplaced(rows)] == [
        ("sources/dirty", "is dirty: why", "git hybrid diff dirty, then git hybrid reset dirty"),
        ("sources/broken", "is broken: why", "git hybrid sync broken"),
        ("sources/unreadable", "is unreadable: why", "mend disk and rights, then: git hybrid sync unreadable"),
        ("sources/behind", "is behind: why", "git hybrid sync behind"),
    ]


def test_what_somebody_has_checked_out_can_be_pinned():
    (found,) = misplaced([replace(_row(word="diverged"), head="a" * 40)])
    assert found.mend.endswith(f"; or, {pinning_head('tool', 'a' * 40)}")


def test_a_pin_without_approval_is_told_by_its_check():
    assert [item.level for item in clone_findings([_row(word="unapproved")])] == ["ok"]


def _scan(days: int) -> ScanStatus:
    return ScanStatus(state="clean", scanned_at=NOW - timedelta(days=days))


def test_the_cadence_of_scans():
    rows = [
        _row("a", scan=_scan(1), state="clean"),
        _row("b", scan=_scan(9), state="stale"),
        _row("c", scan=_scan(2), state="findings"),
        _row("d"),
        Condition(name=SourceName("e"), word="unpinned"),
    ]
    cadence = cadence_of(rows, scanners=["secrets"], max_age=WEEK)
    assert cadence == Cadence(
        scanners=("secrets",),
        pinned=4,
        scanned=3,
        stale=1,
        bad=1,
        newest="2026-07-19T12:00:00Z",
        oldest="2026-07-11T12:00:00Z",
        max_age=WEEK,
    )
    assert cadence_words(cadence) == (
        "scanners: secrets; 3 of 4 pins scanned; newest 2026-07-19T12:00:00Z, oldest 2026-07-11T12:00:00Z; 1 stale "
        "(scan_max_age 7 d); 1 with findings or errors"
    )
    assert cadence_finding(cadence).level == "warn"
    assert cadence_finding(cadence).remedy == "git hybrid scan --stale"


def test_the_cadence_without_a_scanner_and_without_anything_to_say():
    none = cadence_finding(cadence_of([_row()], scanners=[], max_age=WEEK))
    assert none.what == "no scanner is configured; 0 of 1 pin scanned; 0 stale (scan_max_age 7 d)"
    assert (none.level, "[[scanner]]" in none.remedy) == ("warn", True)
    fresh = cadence_finding(cadence_of([_row(scan=_scan(1), state="clean")], scanners=["s"], max_age=WEEK))
    assert (fresh.level, fresh.remedy) == ("ok", "")


def test_an_age_too_brief_for_any_scan_is_made_longer_first():
    found = cadence_of([_row(scan=_scan(1), state="stale")], scanners=["s"], max_age=timedelta(milliseconds=500))
    remedy = cadence_finding(found).remedy
    assert remedy.startswith('in sources.toml set [policy] scan_max_age to "1m" or more')
    assert remedy.endswith(", then git hybrid scan --stale")


@pytest.mark.parametrize(
    "version", [(2, 34, 1), (2, 39, 5), (2, 43, 6), (2, 44, 3), (2, 47, 2), (2, 48, 1), (2, 49, 0), (2, 50), (2, 50, 0)]
)
def test_a_git_with_holes_is_a_warning(version):
    assert git_finding("git version x", version).level == "warn"


@pytest.mark.parametrize(
    "version", [(2, 43, 7), (2, 44, 4), (2, 45, 4), (2, 46, 4), (2, 47, 3), (2, 48, 2), (2, 50, 1), (2, 51), (3, 0)]
)
def test_a_git_without_known_holes(version):
    assert git_finding("git version x", version).level == "ok"


@pytest.mark.parametrize(
    ("found", "level"), [("1.9.6", "fail"), ("1.9.7", "ok"), ("1.10.0", "ok"), ("1.9.7.dev", "ok")]
)
def test_libgit2(found, level):
    assert libgit2_finding(found, minimum="1.9.7").level == level


@pytest.mark.parametrize(
    ("free", "level", "what"),
    [
        (0, "fail", "less than 128 MiB"),
        (2**27, "warn", "less than 1 GiB"),
        (2**30, "ok", "more than 1 GiB"),
        (99 * 2**30, "ok", "more than 10 GiB"),
        (5000 * 2**30, "ok", "more than 1000 GiB"),
    ],
)
def test_disk(free, level, what):
    found = disk_finding(free)
    assert found.level == level
    assert found.what.startswith(what)


def test_locks():
    assert locks_finding("").level == "ok"
    assert locks_finding("no").level == "fail"
    assert holder_finding("pid 7", alive=True).what == "held by pid 7"
    assert holder_finding("pid 7", alive=True, stopped=7).remedy.endswith(": kill -CONT 7")
    assert holder_finding("pid 7", alive=False).what.startswith("nobody writes; pid 7 ended")
    assert holder_finding("pid 7", alive=False, is_unwritten=True).what.endswith("ended without a word")
    assert holder_finding("", alive=False).what == "nobody writes"


def test_the_repository_around():
    assert [item.level for item in repository_findings(None)] == ["warn"]
    assert [item.level for item in repository_findings(Setup(merge="union", text="unset"))] == ["ok"] * 3
    found = repository_findings(Setup(merge="unspecified", text="auto", ignored=("state/sources.lock",)))
    assert [item.level for item in found] == ["ok", "warn", "warn", "fail"]
    assert [item.remedy for item in found[1:3]] == [
        "echo '/state/sources-audit.jsonl merge=union' >> .gitattributes",
        "echo '/state/** -text' >> .gitattributes",
    ]
    assert found[3].remedy == "git check-ignore -v state/sources.lock"
    exposed = {"sources/.incoming/": False, "state/journal/": True}
    found = repository_findings(Setup(merge="union", text="unset", exposed=exposed))[3:]
    told = [("warn", "git hybrid sync"), ("warn", "echo 'journal/' >> state/.gitignore")]
    assert [(item.level, item.remedy) for item in found] == told
    (joined,) = repository_findings(Setup(merge="union", text="unset", joined=("state/sources.lock",)))[3:]
    assert (joined.level, joined.remedy) == ("warn", "echo '/state/sources.lock !merge' >> .gitattributes")
    (cone,) = repository_findings(Setup(merge="union", text="unset", cone="infra"))[3:]
    assert (cone.level, cone.remedy.partition(" in ")[0]) == ("warn", "name infra")


def test_mirrors():
    found = mirror_findings(inventory(60), Policy(), NOW)
    assert [(item.level, item.what) for item in found] == [
        ("warn", "inside: 1 of 60 sources is not well or behind, or was not verified within 7 d"),
        ("warn", "usb: was never verified"),
    ]
    assert [item.remedy for item in found] == [
        "git hybrid mirror update DIR, then git hybrid mirror verify inside",
        "make its bundles anew, then git hybrid mirror verify usb",
    ]
    (good,) = mirror_findings(Inventory(mirrors={"inside": inventory(3).mirrors["inside"]}), Policy(), NOW)
    assert (good.level, good.what) == ("ok", "inside: current, verified 2026-07-20T12:00:00Z")


def test_plain_values():
    found = Finding(area="lock", name="n", level="ok", what="w")
    assert plain_finding(found) == {"area": "lock", "name": "n", "level": "ok", "what": "w", "remedy": ""}


def test_findings_are_not_mended_by_another_scan():
    found = cadence_finding(cadence_of([_row(scan=_scan(1), state="findings")], scanners=["s"], max_age=WEEK))
    assert (found.level, found.remedy) == ("warn", "git hybrid status")
    assert (
        cadence_finding(cadence_of([_row(scan=_scan(1), state="accepted")], scanners=["s"], max_age=WEEK)).level == "ok"
    )
