"""What the dashboard is made from: the last move of each pin, what is in force, what ends next."""

from __future__ import annotations

from datetime import timedelta

from git_hybrid.core.checks import Facts
from git_hybrid.core.condition import SEVERITY, Condition
from git_hybrid.core.dashboard import SourceLine, Surroundings, build_dashboard
from git_hybrid.core.ids import SourceName
from git_hybrid.core.manifest import Manifest
from git_hybrid.core.moves import moves_of
from git_hybrid.core.report import Status
from git_hybrid.core.value import replace
from support.pages import a_dashboard, records
from support.values import NOW, OPERATOR, an_unfinished_run

AROUND = Surroundings(workspace="ws", now=NOW, operator=OPERATOR, version="1")


def _record(event: str, **more: object) -> dict[str, object]:
    base = {"at": "2026-07-20T12:00:00Z", "operator": "Ada", "command_id": "R", "event": event, "seq": 1, "hash": "h"}
    return base | more


def test_only_pins_are_moves():
    log = [
        _record("init"),
        _record("pin", source="a", after="1", detail={"ref": "refs/tags/v1"}),
        _record("clone", source="a", after="1"),
        _record("pin", source="a", before="1", after="2", detail={"ref": "refs/tags/v2", "rests_on": "ovr-1"}),
        _record("bundle-apply", after="digest of a file"),
        _record("pin", source="b", after="3"),
    ]
    moves = moves_of(log)
    assert [(move.source, move.before, move.after, move.forced) for move in moves] == [
        ("a", None, "1", False),
        ("a", "1", "2", True),
        ("b", None, "3", False),
    ]


def test_an_empty_workspace():
    status = Status(rows=(), unfinished=None, has_scanners=False)
    page = build_dashboard(status, Facts(manifest=Manifest(), clock=NOW), {}, (), around=AROUND)
    assert (page.last, page.records, page.words, page.scan_words, page.unfinished) == (None, 0, (), (), "")
    assert page.check("audit") is None


def test_what_was_pinned_again_where_it_stood_did_not_move():
    again = _record("pin", source="a", before="1", after="1")
    log = [_record("pin", source="a", after="1"), again, again | {"detail": {"rests_on": "ovr-1"}}]
    status = Status(rows=(), unfinished=None, has_scanners=False)
    page = build_dashboard(status, Facts(manifest=Manifest(), clock=NOW), {}, log, around=AROUND)
    assert [(move.before, move.forced) for move in page.moves] == [(None, False), ("1", True)]


def test_the_last_change_is_the_record_with_the_highest_number():
    log = records(3)
    merged = (*log[:-2], log[-1], log[-2])
    status = Status(rows=(), unfinished=an_unfinished_run(), has_scanners=False)
    page = build_dashboard(status, Facts(manifest=Manifest(), clock=NOW), {}, merged, around=AROUND)
    assert page.last is not None
    assert (page.last.seq, page.last.hash) == (len(log), log[-1]["hash"])
    assert page.unfinished.startswith("sync (")
    assert page.running == ""


def test_a_run_that_is_at_work_is_not_called_unfinished():
    status = Status(rows=(), unfinished=replace(an_unfinished_run(), held_by="pid 7"), has_scanners=False)
    page = build_dashboard(status, Facts(manifest=Manifest(), clock=NOW), {}, records(3), around=AROUND)
    assert page.unfinished == ""
    assert page.running.endswith("pid 7")


def test_counts():
    page = a_dashboard(60)
    assert sum(count for _, count in page.words) == 60
    assert [word for word, _ in page.words] == list(SEVERITY)
    assert page.as_pinned == 60 - len(SEVERITY) + 1
    # One of them is a folder that belongs to no source.
    assert page.declared == 59
    assert page.failures == 10
    assert (page.checks[0].failures, page.checks[1].warnings) == (10, 1)
    assert page.in_force == 2
    assert sum(count for _, count in page.scan_words) == 58


def test_overrides_that_count_come_first_and_the_next_to_end_before_the_others():
    page = a_dashboard(60)
    assert [line.phase for line in page.overrides] == ["expired", "expiring", "active", "revoked"]
    assert page.overrides[0].left == timedelta(days=-1)


def test_a_line_of_a_folder_that_is_no_source():
    line = SourceLine(row=Condition(name=SourceName("x"), word="stray"), attention=True)
    assert (line.tracks, line.ref, line.url) == ("", "", "")
    assert line.rank == SEVERITY.index("stray")
    full = a_dashboard(60).sources[-1]
    assert full.tracks.startswith("tag v1.")
    assert full.url.startswith("https://github.com/example/")
    assert full.scan_rank == 5
    assert full.ref.startswith("v1.")


def test_mirrors_and_what_they_are_behind_with():
    lines = a_dashboard(60).mirrors
    assert [(line.name, line.count, line.bad) for line in lines] == [("inside", 60, 1), ("usb", 0, 0)]
