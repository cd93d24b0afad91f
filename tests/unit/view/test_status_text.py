"""Status at a glance: what stands in a row, what gives way on a narrow terminal, what a calm fleet looks like."""

from __future__ import annotations

from datetime import timedelta

import pytest

from git_hybrid.core.condition import Condition, Served
from git_hybrid.core.ids import RefName, SourceName
from git_hybrid.core.moves import Move
from git_hybrid.core.report import Status
from git_hybrid.core.value import replace
from git_hybrid.view.jsonout import status_document
from git_hybrid.view.status import status_lines, status_summary
from git_hybrid.view.term import width
from git_hybrid.view.text import Look
from support.pages import an_override
from support.scan_values import a_finding, a_scan
from support.values import NOW, a_pin, a_source, a_state_entry, oid

NARROW = Look(color=False, columns=80, verbose=False)
WIDE = Look(color=False, columns=200, verbose=False)
LOUD = Look(color=False, columns=80, verbose=True)


def _row(name: str = "tool", **more: object) -> Condition:
    source = a_source(name)
    pin = replace(a_pin(source, commit=oid(0xABC)), ref=RefName("refs/tags/v1.2.3"))
    row = Condition(
        name=source.name,
        word="ok",
        source=source,
        pin=pin,
        recorded=a_state_entry(source),
        head=pin.commit,
        scan="clean",
        scan_wanted=True,
        scan_age=timedelta(hours=5),
        moved=Move(
            source=name,
            at=NOW - timedelta(days=3),
            by="Grace <g@example.org>",
            command_id="R",
            before=oid(1),
            after=pin.commit,
        ),
    )
    return replace(row, **more)


def _status(*rows: Condition, scanners: bool = True) -> Status:
    return Status(rows=rows, unfinished=None, has_scanners=scanners)


def _lines(*rows: Condition, look: Look = NARROW, scanners: bool = True, height: int | None = None) -> list[str]:
    return status_lines(_status(*rows, scanners=scanners), look, NOW, height=height)


def test_a_row_answers_at_a_glance():
    head, row = _lines(_row())
    assert head.split() == ["SOURCE", "STATE", "PINNED", "MOVED", "SCAN"]
    assert row.split() == ["tool", "ok", "0000000000", "v1.2.3", "3", "d", "ago,", "Grace", "clean,", "5", "h"]


def test_who_moved_the_pin_is_not_who_installed_it():
    head, row = _lines(_row(), look=WIDE)
    assert head.split()[-2:] == ["FROM", "INSTALLED"]
    assert "3 d ago, Grace" in row
    assert "git.example.org/team/tool" in row
    assert row.endswith("1 d ago, Ada")
    told = "\n".join(_lines(_row(), look=LOUD))
    assert "    from https://git.example.org/team/tool" in told
    assert "    installed 1 d ago, Ada" in told


def test_a_scan_that_is_missing_stands_out_also_without_a_scanner():
    missing = _row(scan="missing", scan_age=None, scan_wanted=False)
    head, row = _lines(missing, scanners=False, look=replace(NARROW, color=True))
    assert "SCAN" in head
    assert row.endswith("\x1b[33mmissing\x1b[0m")


def test_an_override_is_a_column_where_there_is_room():
    override = an_override(3, days=2)
    row = _row(override=override, override_phase="expiring")
    wide = _lines(row, look=WIDE)
    assert "OVERRIDE" in wide[0]
    assert "until 2026-07-22" in wide[1]
    narrow = _lines(_row("x" * 40, override=override, override_phase="expiring"))
    assert "OVERRIDE" not in narrow[0]
    for told in (wide, narrow):
        assert "forced until 2026-07-22T12:00:00Z, 2 d left (CHG-1003" in told[2]
    ended = _lines(_row(override=override, override_phase="expired", word="unapproved", why="ended"), look=WIDE)
    assert "expired 2026-07-22" in ended[1]
    assert ended[2] == "    ended"
    assert _lines(_row("a"), row, look=WIDE)[1].count("–") == 1


def test_a_mirror_says_so():
    served = Served(url="https://m/x", name="inside", age=timedelta(days=9), stale=True)
    lines = _lines(_row(served=served), look=WIDE)
    assert "mirror inside" in lines[1]
    assert lines[-1] == "tool: served by mirror inside, 9 d old, too old to pin from"
    unknown = _lines(_row(served=Served(url="https://m/x")), look=WIDE)
    assert unknown[-1].endswith("which is not in the inventory of mirrors")


def test_what_has_no_pin_and_what_is_no_source():
    (_, unpinned) = _lines(_row(word="unpinned", pin=None, moved=None, recorded=None), look=WIDE)
    assert "– branch main" in unpinned
    (_, stray, why) = _lines(Condition(name=SourceName("x"), word="stray", why="not ours"), look=WIDE)
    assert stray.split() == ["x", "stray", "–", "–", "–", "–", "–"]
    assert why == "    not ours"


@pytest.mark.parametrize("columns", range(40, 220, 7))
def test_no_line_is_wider_than_the_terminal(columns):
    look = Look(color=False, columns=columns, verbose=False)
    rows = [
        _row("a" * 60),
        _row(override=an_override(3, days=30), override_phase="active"),
        _row(word="dirty", why="f"),
    ]
    table = [line for line in _lines(*rows, look=look) if not line.startswith("    ")]
    assert max(map(width, table)) <= columns


def test_without_a_terminal_nothing_is_cut_and_the_columns_are_the_usual_ones():
    endless = Look(color=False, columns=None, verbose=False)
    head, line = _lines(_row("a" * 70), look=endless)
    (_, narrow) = _lines(_row("a" * 70), look=NARROW)
    assert line.startswith(f"{'a' * 70}  ok")
    assert "…" in narrow
    assert "…" not in line
    assert "INSTALLED" not in head
    assert _lines(_row(), look=endless)[0].split() == _lines(_row(), look=NARROW)[0].split()


def test_a_name_is_cut_after_who_moved_it_and_where():
    rows = [_row(f"terraform-aws-vpc-endpoints-{word}") for word in ("internal", "external")]
    for columns in range(68, 120):
        first, second = _lines(*rows, look=Look(color=False, columns=columns, verbose=False))[1:]
        assert first.split()[0] == "terraform-aws-vpc-endpoints-internal"
        assert second.split()[0] == "terraform-aws-vpc-endpoints-external"


def test_calm_rows_are_counted_where_they_do_not_fit():
    bad = _row("bad", word="dirty", why="x")
    rows = [bad, *(_row(f"s{number}-{'long' * 9}") for number in range(50))]
    lines = _lines(*rows, height=24)
    # And make no column wide.
    assert lines[:3] == _lines(bad)
    assert len(lines) == 4
    assert lines[1].startswith("bad")
    assert lines[-1] == "… and 50 sources as pinned (-v shows each)"
    assert _lines(*rows[1:], height=24)[1:] == ["50 sources as pinned (-v shows each)"]
    assert len(_lines(*rows)) == 53
    assert len(_lines(*rows, height=100)) == 53
    assert len(_lines(*rows, look=LOUD, height=24)) > 53


def test_the_summary_of_a_calm_fleet_is_one_calm_line():
    assert status_summary(_status(_row("a"), _row("b"))) == "all 2 sources as pinned; scans fresh and clean"
    stray = Condition(name=SourceName("x"), word="stray", why="not ours")
    told = "the one source is as pinned; scans fresh and clean; 1 stray folder"
    assert status_summary(_status(stray, _row("a"))) == told
    assert status_summary(_status(stray, stray)) == "2 stray folders"
    assert status_summary(_status(_row(), scanners=False)) == "the one source is as pinned; no scanner is configured"
    stale = _row("b", scan="stale")
    assert status_summary(_status(_row("a"), stale)) == "all 2 sources as pinned; 1 scan stale"
    bad = [_row("c", scan=scan) for scan in ("missing", "error", "error", "findings")]
    told = "; 2 scans incomplete, 1 with findings, 1 missing, 1 stale"
    assert status_summary(_status(stale, *bad)).endswith(told)
    forced = [
        _row(str(days), override=item, override_phase=phase, in_force=(item,))
        for days, phase in ((30, "active"), (2, "expiring"))
        for item in (an_override(3, days=days),)
    ]
    assert status_summary(_status(*forced)).endswith("; 2 overrides in force, the next ends 2026-07-22")
    assert status_summary(_status(forced[0])).endswith("; 1 override in force, ends 2026-08-19")


ACCEPTED = an_override(3, days=30)
WITH_ACCEPTED = _row(
    scan="accepted",
    accepted=ACCEPTED,
    accepted_phase="active",
    in_force=(ACCEPTED,),
    recorded=a_state_entry(a_source(), scan=a_scan(findings=(a_finding(),))),
)


def test_findings_that_are_accepted_are_told_with_their_override():
    summary = status_summary(_status(_row("a"), WITH_ACCEPTED))
    assert summary.endswith("; scans fresh, findings of 1 source accepted; 1 override in force, ends 2026-08-19")
    head, row, *rest = _lines(WITH_ACCEPTED, look=WIDE)
    assert "OVERRIDE" in head
    assert "accepted, 5 h" in row
    assert "until 2026-08-19" in row
    _, _, *narrow = _lines(WITH_ACCEPTED)
    assert [told.strip()[:35] for told in (*rest, *narrow)] == ["findings accepted until 2026-08-19T"] * 2
    (plain,) = status_document(_status(WITH_ACCEPTED), exit_code=0)["sources"]
    assert (plain["override"], plain["accepted"]["state"], plain["needs_attention"]) == (None, "active", False)
    assert plain["scan_status"]["mend"] is None


def test_a_row_with_findings_counts_them():
    row = replace(WITH_ACCEPTED, scan="findings", accepted=None, accepted_phase=None)
    assert _lines(row)[-1] == "    scan: 1 finding (1 high)"


def test_the_summary_of_trouble_counts_it():
    assert status_summary(_status(_row(word="dirty"), _row("b"))) == "2 sources: 1 dirty, 1 ok"
    assert "none pinned yet" in status_summary(_status(_row(word="unpinned", pin=None, moved=None)))
    lost = status_summary(_status(_row(word="unpinned", pin=None), _row("b")))
    assert lost == "2 sources: 1 pin gone from state/sources.lock, which the audit log has"


def test_json_tells_who_moved_the_pin():
    (told,) = status_document(_status(_row()), exit_code=0)["sources"]
    assert told["moved"] == {
        "at": "2026-07-17T12:00:00Z",
        "by": "Grace <g@example.org>",
        "command_id": "R",
        "from_commit": oid(1),
        "forced": False,
    }
    assert status_document(_status(_row(moved=None)), exit_code=0)["sources"][0]["moved"] is None
