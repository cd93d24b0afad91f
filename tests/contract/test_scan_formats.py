"""What a scan writes: state, journal and audit log tell the same, and a report waits for its decision."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path

import pytest

from git_hybrid.core.audit import Event
from git_hybrid.core.errors import HybridError, InvalidFile, SymlinkRefused
from git_hybrid.core.reducer import Decision
from git_hybrid.core.scans import scan_event
from git_hybrid.core.state import State
from git_hybrid.core.value import replace
from git_hybrid.store import decisions, runs
from git_hybrid.store.history import AuditHistory
from git_hybrid.store.layout import Layout
from git_hybrid.store.ledger import FileLedger
from git_hybrid.store.reports import read_report, stage_report
from git_hybrid.store.statefile import decode_state, encode_state
from support.samples import NAME, make_workspace, run_info, source, state_of
from support.scan_values import WORKFLOWS, a_finding, a_record, a_scan
from support.values import NOW, oid

FAILED = a_record(WORKFLOWS, state="error", version="", reason="it crashed")
FULL = a_scan(a_record(state="findings", age=timedelta(days=1)), FAILED, findings=(a_finding(), a_finding(2)))
ENTRY = replace(state_of(source()), scan=FULL, command_id=run_info().run, audit_hash="a" * 64)
REPORT = b'{"version": "2.1.0"}\n'
DIGEST = hashlib.sha256(REPORT).hexdigest()


def test_a_scan_status_reads_back_as_it_was_written() -> None:
    data = encode_state(State(sources={NAME: ENTRY}))
    assert decode_state(data).sources[NAME] == ENTRY
    status = json.loads(data)["sources"][0]["scan_status"]
    contract = {"state", "scanner", "scanner_version", "commit_sha", "scanned_at", "counts"}
    assert contract <= status.keys()
    assert encode_state(decode_state(data)) == data


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tree", "x"),
        ("rules_digest", "x"),
        ("report_sha256", "x"),
        ("scanners", [{"name": "a"}]),
        ("findings", [{"id": "x"}]),
        ("unknown", 1),
    ],
)
def test_a_broken_scan_status_is_refused_with_its_place(key: str, value: object) -> None:
    document = json.loads(encode_state(State(sources={NAME: ENTRY})))
    document["sources"][0]["scan_status"][key] = value
    with pytest.raises(InvalidFile) as error:
        decode_state(json.dumps(document).encode())
    assert "scan_status" in error.value.problems[0].place


def test_a_scanner_record_with_a_bad_time_is_refused() -> None:
    document = json.loads(encode_state(State(sources={NAME: ENTRY})))
    document["sources"][0]["scan_status"]["scanners"][0]["scanned_at"] = "yesterday"
    with pytest.raises(InvalidFile) as error:
        decode_state(json.dumps(document).encode())
    assert "scanners[0].scanned_at" in error.value.problems[0].place


def ledger(layout: Layout) -> FileLedger:
    """Return the ledger of the workspace at *layout*."""
    return FileLedger(
        layout=layout,
        lock_timeout=timedelta(seconds=5),
        cancelled=lambda: 0,
        clean_quarantine=lambda: (),
        close_quarantine=lambda: None,
        now=NOW,
    )


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(make_workspace(tmp_path).root)


def test_the_journal_carries_the_reports_of_a_decision(layout: Layout) -> None:
    info = run_info("scan")
    path = layout.journal(info.run)
    decision = Decision(events=[scan_event(NAME, FULL)], entries={NAME: ENTRY}, reports={NAME: DIGEST})
    runs.begin_journal(path, info, ())
    runs.append_lines(path, [decisions.decision_line(decision)])
    journal = runs.read_journal(path, "journal")
    assert journal is not None
    assert journal.decision is not None
    assert journal.decision.reports == {NAME: DIGEST}
    assert journal.decision.entries == {NAME: ENTRY}


@pytest.mark.parametrize("placed", [False, True])
def test_a_killed_run_is_finished_with_its_report(layout: Layout, *, placed: bool) -> None:
    info = run_info("scan")
    decision = Decision(events=[scan_event(NAME, FULL)], entries={NAME: ENTRY}, reports={NAME: DIGEST})
    stage_report(layout, info.run, NAME, REPORT)
    runs.begin_journal(layout.journal(info.run), info, ())
    runs.append_lines(layout.journal(info.run), [decisions.decision_line(decision)])
    runs.write_marker(layout.marker, info, ())
    if placed:
        layout.scans.mkdir()
        layout.report(NAME).write_bytes(REPORT)
        layout.staged_report(info.run, NAME).unlink()
    layout.scans.mkdir(exist_ok=True)
    (layout.scans / f"{NAME}.sarif.tmp").write_bytes(b"half")
    files = ledger(layout)
    with files.writer(run_info(random=b"9876543210")) as mended:
        assert any("finished writing" in note for note in mended)
    assert layout.report(NAME).read_bytes() == REPORT
    assert files.snapshot().state.sources[NAME].scan == FULL
    assert [path.name for path in layout.scans.iterdir()] == [f"{NAME}.sarif"]
    assert not layout.journals.exists()


def _occupied(layout: Layout, what: str) -> None:
    layout.scans.mkdir()
    if what == "link":
        layout.report(NAME).symlink_to(layout.root / "elsewhere")
    else:
        (layout.report(NAME) / "inner").mkdir(parents=True)


@pytest.mark.parametrize("what", ["link", "folder"])
def test_what_has_come_into_the_place_of_a_report_holds_no_run_up(layout: Layout, what: str) -> None:
    info = run_info("scan")
    decision = Decision(events=[scan_event(NAME, FULL)], entries={NAME: ENTRY}, reports={NAME: DIGEST})
    stage_report(layout, info.run, NAME, REPORT)
    runs.begin_journal(layout.journal(info.run), info, ())
    runs.append_lines(layout.journal(info.run), [decisions.decision_line(decision)])
    runs.write_marker(layout.marker, info, ())
    _occupied(layout, what)
    files = ledger(layout)
    with files.writer(run_info(random=b"9876543210")) as mended:
        assert f"left state/scans/{NAME}.sarif as it is: it is not a regular file" in mended
    assert files.snapshot().state.sources[NAME].scan == FULL
    assert not layout.journals.exists()
    assert not (layout.root / "elsewhere").exists()
    assert layout.report(NAME).is_symlink() or (layout.report(NAME) / "inner").is_dir()


@pytest.mark.parametrize(("what", "error"), [("link", SymlinkRefused), ("folder", InvalidFile)])
def test_a_report_without_a_place_is_refused_before_anything_is_written(
    layout: Layout, what: str, error: type[HybridError]
) -> None:
    _occupied(layout, what)
    decision = Decision(events=[scan_event(NAME, FULL)], entries={NAME: ENTRY}, reports={NAME: DIGEST})
    files = ledger(layout)
    with pytest.raises(error) as caught:
        stage_report(layout, run_info().run, NAME, REPORT)
    assert caught.value.path == f"state/scans/{NAME}.sarif"  # type: ignore[attr-defined]
    with pytest.raises(error), files.writer(run_info()):
        files.record(run_info(), decision, ())
    assert not layout.journals.exists()
    assert not layout.marker.exists()


def test_with_a_source_its_link_to_a_report_goes_and_a_folder_is_refused(layout: Layout) -> None:
    _occupied(layout, "link")
    files, dropped = ledger(layout), Decision(dropped=frozenset({NAME}))
    with files.writer(run_info()):
        files.record(run_info(), dropped, ())
    assert not layout.report(NAME).is_symlink()
    layout.report(NAME).mkdir()
    with pytest.raises(InvalidFile), files.writer(run_info()):
        files.record(run_info(), dropped, ())
    assert not layout.marker.exists()


def test_a_report_without_a_decision_goes_with_its_run(layout: Layout) -> None:
    stage_report(layout, "01J2ZK5Y8Q0000000000000001", NAME, REPORT)
    with ledger(layout).writer(run_info()):
        assert not layout.journals.exists()
    assert not layout.scans.exists()


def test_a_report_counts_only_if_it_is_the_one_that_is_named(layout: Layout) -> None:
    assert read_report(layout, NAME, DIGEST) is None
    layout.scans.mkdir()
    layout.report(NAME).write_bytes(REPORT)
    assert read_report(layout, NAME, DIGEST) == REPORT
    assert read_report(layout, NAME, "0" * 64) is None
    layout.report(NAME).rename(layout.scans / "other")
    layout.report(NAME).symlink_to(layout.scans / "other")
    assert read_report(layout, NAME, DIGEST) is None


def test_the_audit_log_remembers_pins_and_scans(layout: Layout) -> None:
    history = AuditHistory(layout)
    assert history.previous_pin(NAME, oid(2)) is None
    assert history.known_scan(oid(1), oid(0x77)) is None
    moved = Event(event="pin", source=NAME, before=oid(1), after=oid(2))
    first = Event(event="pin", source=NAME, after=oid(1))
    odd = Event(event="scan", source=NAME, after=oid(1), detail={"state": "odd"})
    files, info = ledger(layout), run_info("scan", now=NOW)
    with files.writer(info):
        files.record(info, Decision(events=[first, moved, scan_event(NAME, FULL), odd]), ())
    assert history.previous_pin(NAME, oid(2)) == oid(1)
    assert history.previous_pin(NAME, oid(1)) is None
    for commit, tree in ((oid(1), oid(3)), (oid(9), oid(0x77))):
        known = history.known_scan(commit, tree)
        assert known is not None
        assert (known.state, known.commit, known.counts) == ("error", commit, {"high": 2, "medium": 0, "low": 0})
        assert [item.id for item in known.findings] == [a_finding().id, a_finding(2).id]
    assert history.known_scan(oid(9), oid(9)) is None
    # A scan that failed takes nothing back of that.
    again = run_info("scan", now=NOW + timedelta(minutes=1))
    with files.writer(again):
        files.record(again, Decision(events=[scan_event(NAME, a_scan(a_record(state="error")), refused=True)]), ())
    known = history.known_scan(oid(1))
    assert known is not None
    assert [item.id for item in known.findings] == [a_finding().id, a_finding(2).id]
