from __future__ import annotations

from git_hybrid.core.errors import DirtySource, GitFailed, MovedTag, NetworkFailure, NoPin, Offline
from git_hybrid.core.ids import SourceName
from git_hybrid.core.report import Report, Row, Status, failed, moved_note, refused, run_words
from git_hybrid.core.value import replace
from support.values import RUN, an_unfinished_run

TOOL = SourceName("tool")


def test_a_source_that_ended_with_an_error_is_a_failed_row() -> None:
    error = NoPin(name="tool", stale=False, mend="git hybrid pin tool")
    assert failed(TOOL, error) == Row(name=TOOL, outcome="failed", error=error)
    work = DirtySource(name="tool", path="sources/tool", files=("a",), count=1)
    assert failed(TOOL, work).outcome == "blocked"


def test_an_error_that_does_not_know_its_source_learns_it() -> None:
    network = NetworkFailure(url="https://host/x", message="timeout", kind="stall")
    local = GitFailed(command="fsck", status=1, stderr="")
    failed(TOOL, network)
    failed(TOOL, local)
    assert (network.name, local.name) == ("tool", "tool")


def test_an_error_keeps_the_source_it_names() -> None:
    error = MovedTag(name="other", tag="v1", old="1", new="2", old_commit="3", new_commit="4")
    row = failed(TOOL, error)
    assert (error.name, row.name) == ("other", "tool")
    offline = Offline(name="", url="https://host/x", why="--offline")
    failed(TOOL, offline)
    assert offline.name == "tool"


def test_a_report_without_rows_says_that_nothing_happened() -> None:
    report = Report(command="sync")
    assert (report.rows, report.pending, report.dry_run, report.interrupted) == ((), (), False, 0)


def test_a_run_is_at_work_or_unfinished() -> None:
    run = an_unfinished_run()
    assert run_words(run) == f"run {RUN} (sync) is unfinished"
    told = Status(rows=(), unfinished=run, has_scanners=False)
    for stopped, expected in (
        (None, False),
        (run, False),
        (replace(run, is_unwritten=True), True),
        (replace(run, is_unwritten=True, held_by="pid 1"), False),
    ):
        assert replace(told, unfinished=stopped).is_half_written is expected
    assert run_words(replace(run, is_unwritten=True)) == f"run {RUN} (sync) has files left to write"
    assert run_words(replace(run, held_by="pid 7")) == f"run {RUN} (sync) is at work: pid 7"


def test_a_row_keeps_what_it_has_beside_why_pin_would_not_move_there() -> None:
    row = Row(name=SourceName("a"), outcome="outdated", notes=("one",), detail={"release": "v2"})
    told = refused(row, "too-young", "two")
    assert (told.notes, told.detail) == (("one", "two"), {"release": "v2", "refused": "too-young"})


def test_where_upstream_has_moved_to_is_told_with_what_to_do() -> None:
    place = "https://new.example/tool"
    told = f"upstream has moved: it sends on to {place}, which is to be the url in sources.toml"
    assert moved_note(place) == told
