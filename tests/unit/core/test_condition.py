from __future__ import annotations

from datetime import timedelta
from typing import get_args

import pytest

from git_hybrid.core.condition import (
    SEVERITY,
    Condition,
    ScanWord,
    Word,
    condition,
    needs_attention,
    resting,
    scan_mend,
)
from git_hybrid.core.errors import LocalIo
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.manifest import Policy, Scanner
from git_hybrid.core.override import Overrides
from git_hybrid.core.plan import Absent, Broken, Clone, Foreign, Looked, Snapshot, Unreadable
from git_hybrid.core.reducer import Decision
from git_hybrid.core.state import ScanStatus, ScanTrail
from git_hybrid.core.value import replace
from support.scan_values import SECRETS, a_finding, a_scan, accepting_override
from support.values import (
    NOW,
    a_clone,
    a_pin,
    a_snapshot,
    a_source,
    a_state_entry,
    a_task,
    an_override,
    an_unfinished_run,
    oid,
)

PINNED, OLD, STRANGE = oid(2), oid(1), oid(3)
SOURCE, NAME = a_source(), SourceName("tool")
PIN = a_pin(SOURCE, commit=PINNED)
RECORDED = a_state_entry(SOURCE, commit=PINNED)
IN_SYNC = a_snapshot(SOURCE, pins=[PIN], recorded=[RECORDED])


def seen_as(seen: Looked, snapshot: Snapshot = IN_SYNC) -> Condition:
    return condition(snapshot, snapshot.manifest.sources[NAME], seen, now=NOW)


def test_a_source_in_sync_is_ok() -> None:
    found = seen_as(a_clone(PINNED))
    assert (found.word, found.why, found.scan, found.scan_age) == ("ok", "", "missing", None)
    assert (found.source, found.pin, found.recorded, found.head) == (SOURCE, PIN, RECORDED, PINNED)


UNREADABLE = Unreadable(LocalIo(path="f", operation="read", reason="Permission denied"))
STALE_PIN = a_snapshot(SOURCE, pins=[a_pin(SOURCE, commit=PINNED, digest="sha256:old")], recorded=[RECORDED])
ASKING = replace(SOURCE, submodules=True)
WITH_SUBMODULES = a_snapshot(ASKING, pins=[a_pin(ASKING, commit=PINNED)], recorded=[RECORDED])
UNFINISHED = replace(IN_SYNC, unfinished=an_unfinished_run(a_task(SOURCE)))
KEPT = replace(
    IN_SYNC, unfinished=replace(an_unfinished_run(a_task(SOURCE)), failures={SOURCE.name: "dns: " + "x" * 300})
)
RUNNING = replace(IN_SYNC, unfinished=replace(an_unfinished_run(a_task(SOURCE)), held_by="pid 1"))
OTHER_UNFINISHED = replace(IN_SYNC, unfinished=an_unfinished_run(a_task(a_source("other"))))
OTHER_RUNNING = replace(IN_SYNC, unfinished=replace(an_unfinished_run(a_task(a_source("other"))), held_by="pid 1"))
REFUSED = a_snapshot(SOURCE, pins=[PIN], recorded=[RECORDED], policy=Policy(hosts=frozenset({"github.com"})))
PIN_SHA256 = a_snapshot(
    SOURCE, pins=[a_pin(SOURCE, commit=Oid("2" * 64))], recorded=[a_state_entry(SOURCE, commit=OLD)]
)
PIN_MOVED = a_snapshot(SOURCE, pins=[PIN], recorded=[a_state_entry(SOURCE, commit=OLD)])


@pytest.mark.parametrize(
    ("snapshot", "seen", "word"),
    [
        (IN_SYNC, Broken("no objects"), "broken"),
        (IN_SYNC, UNREADABLE, "unreadable"),
        (IN_SYNC, Foreign("a file"), "foreign"),
        (IN_SYNC, a_clone(STRANGE), "diverged"),
        (IN_SYNC, a_clone(PINNED, dirty=("a",)), "dirty"),
        (IN_SYNC, a_clone(PINNED, locked=True), "busy"),
        (IN_SYNC, a_clone(PINNED, operation="rebase"), "busy"),
        (REFUSED, a_clone(PINNED), "refused"),
        (REFUSED, Absent(), "refused"),
        (UNFINISHED, a_clone(PINNED), "interrupted"),
        (UNFINISHED, Absent(), "interrupted"),
        (KEPT, Absent(), "interrupted"),
        (OTHER_UNFINISHED, a_clone(PINNED), "ok"),
        (RUNNING, Absent(), "running"),
        (RUNNING, a_clone(PINNED, dirty=("a",)), "running"),
        (OTHER_RUNNING, a_clone(PINNED), "ok"),
        (STALE_PIN, a_clone(PINNED), "stale-pin"),
        (a_snapshot(SOURCE), Absent(), "unpinned"),
        (a_snapshot(SOURCE, recorded=[RECORDED]), a_clone(PINNED), "unpinned"),
        (a_snapshot(SOURCE, pins=[PIN]), Absent(), "missing"),
        (PIN_MOVED, a_clone(OLD), "behind"),
        (PIN_MOVED, a_clone(PINNED), "behind"),
        (a_snapshot(SOURCE, pins=[PIN]), a_clone(PINNED), "behind"),
        (a_snapshot(SOURCE), a_clone(PINNED), "diverged"),
        (IN_SYNC, replace(a_clone(PINNED), lfs=True, pointers=("a.bin",)), "behind"),
        (IN_SYNC, replace(a_clone(PINNED), filled=True), "behind"),
        (IN_SYNC, replace(a_clone(PINNED), hollow=True), "ok"),
        (WITH_SUBMODULES, replace(a_clone(PINNED), hollow=True), "behind"),
        (IN_SYNC, replace(a_clone(PINNED), complete=False), "behind"),
        (IN_SYNC, replace(a_clone(PINNED), origin="https://old.example/x"), "behind"),
    ],
    ids=[
        *(
            "broken",
            "unreadable",
            "foreign",
            "diverged",
            "dirty",
            "locked",
            "operation",
            "host",
            "host-not-cloned",
            "interrupted",
        ),
        *(
            "interrupted-not-cloned",
            "interrupted-with-reason",
            "other-interrupted",
            "running",
            "running-half-written",
            "other-running",
            "stale-pin",
            "no-pin",
            "no-pin-cloned",
            "not-cloned",
        ),
        *("pin-moved", "state-behind", "state-lost", "nothing-known", "lfs-pointers"),
        *("submodules-left", "submodules-empty", "submodules-lacking", "history-cut-off", "other-origin"),
    ],
)
def test_a_source_is_told_in_one_word(snapshot: Snapshot, seen: Looked, word: str) -> None:
    found = seen_as(seen, snapshot)
    assert found.word == word
    assert needs_attention(found) is (word != "ok")
    assert bool(found.why) is (word != "ok")


@pytest.mark.parametrize(
    ("seen", "snapshot", "part"),
    [
        (Broken("no objects"), IN_SYNC, "no objects"),
        (UNREADABLE, IN_SYNC, "cannot read f: Permission denied"),
        (Foreign("a file"), IN_SYNC, "a file"),
        (a_clone(STRANGE), IN_SYNC, STRANGE[:10]),
        (a_clone(PINNED, operation="rebase"), IN_SYNC, "rebase"),
        (a_clone(PINNED), REFUSED, "git.example.org"),
        (a_clone(OLD), PIN_SHA256, "another object format"),
        (a_clone(OLD), PIN_MOVED, "the pin moved: sync brings it here"),
        (replace(a_clone(OLD), installed=OLD), IN_SYNC, "the pin moved: sync brings it here"),
        (replace(a_clone(OLD), installed=PINNED), PIN_MOVED, "HEAD moved: sync brings it back"),
    ],
    ids=[
        *("broken", "unreadable", "foreign", "diverged", "operation", "host", "object-format"),
        *("pin-moved", "pin-pulled", "head-moved"),
    ],
)
def test_the_reason_names_the_fact(seen: Looked, snapshot: Snapshot, part: str) -> None:
    assert part in seen_as(seen, snapshot).why


@pytest.mark.parametrize(
    ("files", "count", "why"),
    [
        (("a",), 1, "1 file changed: a"),
        (("a", "b", "c"), 3, "3 files changed: a, b, c"),
        (("a", "b", "c", "d"), 4, "4 files changed: a, b, c, …"),
        (("a", "b", "c", "d"), 400, "400 files changed: a, b, c, …"),
    ],
)
def test_a_dirty_source_names_at_most_three_files(files: tuple[str, ...], count: int, why: str) -> None:
    found = seen_as(a_clone(PINNED, dirty=files, dirty_count=count))
    assert (found.why, found.dirty, found.dirty_count) == (why, files, count)


@pytest.mark.parametrize(
    ("clone", "word"),
    [
        (a_clone(STRANGE, dirty=("a",), locked=True), "busy"),
        (a_clone(STRANGE, dirty=("a",), operation="merge"), "busy"),
        (a_clone(STRANGE, dirty=("a",)), "dirty"),
    ],
    ids=["lock-first", "operation-next", "dirty-next"],
)
def test_what_somebody_does_right_now_is_told_first(clone: Clone, word: str) -> None:
    assert seen_as(clone).word == word


def test_nobody_is_accused_by_files_that_are_half_written() -> None:
    bare = replace(PIN, override="ovr-1")
    accused = a_snapshot(SOURCE, pins=[bare], recorded=[RECORDED])
    assert seen_as(a_clone(PINNED), accused).word == "unapproved"
    assert seen_as(a_clone(PINNED), accused).mend.startswith("git hybrid pin tool")
    run = replace(an_unfinished_run(), is_unwritten=True)
    for stopped, word in ((run, "interrupted"), (replace(run, held_by="pid 1"), "running")):
        found = seen_as(a_clone(PINNED), replace(accused, unfinished=stopped))
        assert (found.word, found.why, found.mend) == (word, "what a run decided is not in all files yet", "")


def test_what_a_half_written_decision_is_about_is_not_as_it_should_be() -> None:
    calm, run = a_snapshot(SOURCE, pins=[PIN], recorded=[RECORDED]), replace(an_unfinished_run(), is_unwritten=True)
    for decided, word in ((Decision(pins={NAME: PIN}).sources, "interrupted"), (Decision().sources, "ok")):
        assert seen_as(a_clone(PINNED), replace(calm, unfinished=replace(run, decided=decided))).word == word
    approved = Decision(overrides={"ovr-1": an_override()}, dropped=frozenset({SourceName("gone")}))
    assert approved.sources == {an_override().source, "gone"}


def test_what_is_not_cloned_has_no_head_and_no_files() -> None:
    found = seen_as(Absent())
    assert (found.head, found.dirty, found.dirty_count) == (None, (), 0)


SCANNER = (Scanner(name="secrets", preset="betterleaks"),)
DAY = timedelta(days=1)


def scanned(state: str, *, commit: Oid = PINNED, age: timedelta = DAY) -> ScanStatus:
    return ScanStatus(state=state, commit=commit, scanned_at=NOW - age)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("scan", "scanners", "word", "attention"),
    [
        (None, (), "missing", False),
        (None, SCANNER, "missing", True),
        (scanned("clean"), SCANNER, "clean", False),
        (scanned("findings"), SCANNER, "findings", True),
        (scanned("error"), SCANNER, "error", True),
        (scanned("clean", commit=OLD), SCANNER, "stale", True),
        (scanned("clean", age=8 * DAY), SCANNER, "stale", True),
        (scanned("clean", age=7 * DAY), SCANNER, "clean", False),
    ],
    ids=["no-scanner", "never", "clean", "findings", "error", "other-commit", "too-old", "just-in-time"],
)
def test_the_scan_of_the_pinned_commit_is_told(
    scan: ScanStatus | None, scanners: tuple[Scanner, ...], word: ScanWord, *, attention: bool
) -> None:
    entry = a_state_entry(SOURCE, commit=PINNED, scan=scan)
    found = seen_as(a_clone(PINNED), a_snapshot(SOURCE, pins=[PIN], recorded=[entry], scanners=scanners))
    assert (found.word, found.scan) == ("refused" if word == "findings" else "ok", word)
    assert needs_attention(found) is attention


FOUND = a_scan(findings=(a_finding(1), a_finding(2, level="low")), commit=PINNED)
FOUND_HERE = replace(
    a_snapshot(SOURCE, pins=[PIN], recorded=[a_state_entry(SOURCE, commit=PINNED, scan=FOUND)], scanners=(SECRETS,)),
    clock=NOW,
)


def test_findings_that_sync_is_refused_for_are_told_with_what_mends_them() -> None:
    found = seen_as(a_clone(PINNED), FOUND_HERE)
    assert (found.word, found.scan) == ("refused", "findings")
    assert found.why == "1 finding at or above high ([policy] scan_block_on)"
    for wanted in (True, False):
        assert (scan_mend(replace(found, scan_wanted=wanted)) or "").startswith(
            "git hybrid pin tool --kind scan --force"
        )
    assert seen_as(Absent(), FOUND_HERE).word == "refused"
    below = replace(FOUND_HERE, manifest=replace(FOUND_HERE.manifest, policy=Policy(scan_block_on="none")))
    told = seen_as(a_clone(PINNED), below)
    assert (told.word, told.scan, needs_attention(told), scan_mend(told)) == ("ok", "findings", True, None)


@pytest.mark.parametrize(("ids", "word"), [((a_finding(1).id,), "accepted"), ((a_finding(2).id,), "findings")])
def test_findings_that_an_override_accepts_are_no_trouble_until_it_ends(ids: tuple[str, ...], word: str) -> None:
    record, trail = accepting_override(NAME, PINNED, ids, kind="scan", expires_at=NOW + 8 * DAY)
    told = replace(FOUND_HERE, overrides=Overrides(records={record.id: record}), trail=trail)
    found = seen_as(a_clone(PINNED), told)
    assert (found.scan, needs_attention(found)) == (word, word == "findings")
    assert resting(found) == ((record, "active") if word == "accepted" else (None, None))
    assert found.in_force == (record,)
    assert resting(replace(found, override=record, override_phase="expiring")) == (record, "expiring")
    ended = seen_as(a_clone(PINNED), replace(told, clock=NOW + 8 * DAY))
    assert (ended.word, ended.scan, ended.in_force) == ("refused", "findings", ())


def test_a_scan_that_the_log_does_not_bear_out_is_an_error() -> None:
    forged = replace(FOUND_HERE, scan_trail=ScanTrail(unproved=frozenset({NAME}), told={NAME: ScanStatus()}))
    found = seen_as(a_clone(PINNED), forged)
    assert (found.word, found.scan, scan_mend(found)) == ("ok", "error", "git hybrid scan tool")
    assert "audit log" in found.scan_why
    assert scan_mend(replace(found, scan_wanted=False)) is None
    # What is not there cannot be scanned.
    for seen in (Foreign("a file"), Broken("x"), Absent()):
        assert scan_mend(seen_as(seen, forged)) is None
    assert scan_mend(replace(found, recorded=None)) is None


def test_the_age_of_the_scan_is_told() -> None:
    entry = a_state_entry(SOURCE, commit=PINNED, scan=scanned("clean", age=3 * DAY))
    assert seen_as(a_clone(PINNED), a_snapshot(SOURCE, pins=[PIN], recorded=[entry])).scan_age == 3 * DAY


def test_a_scan_without_a_pin_is_stale() -> None:
    entry = a_state_entry(SOURCE, commit=PINNED, scan=scanned("clean"))
    assert seen_as(a_clone(PINNED), a_snapshot(SOURCE, recorded=[entry])).scan == "stale"


def test_every_word_has_its_place_among_the_severities() -> None:
    assert sorted(SEVERITY) == sorted(get_args(Word))
    assert len(set(SEVERITY)) == len(SEVERITY)
    assert (SEVERITY[0], SEVERITY[-1]) == ("unapproved", "ok")
