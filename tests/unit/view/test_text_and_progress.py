"""What people see: nothing that steers a terminal, nothing wider than it."""

from __future__ import annotations

import io
import json
from datetime import timedelta

import msgspec
import pytest

from git_hybrid.core.condition import Condition
from git_hybrid.core.errors import Interrupted, NoPin
from git_hybrid.core.ids import RefName, SourceName
from git_hybrid.core.ports import CommitLine, Range
from git_hybrid.core.report import Report, Row, Status, failed
from git_hybrid.view.jsonout import dump, report_document
from git_hybrid.view.lines import Lines
from git_hybrid.view.progress import OneLine
from git_hybrid.view.status import porcelain_lines, status_lines
from git_hybrid.view.term import fit, paint, safe, width
from git_hybrid.view.text import Look, report_lines, summary_line
from support.samples import NOW, OID, pin_of, source, state_of

HOSTILE = "".join(map(chr, [*range(32), *range(0x7F, 0xA0)])) + "\u202a\u202e\u2066\u2069\u200b\u200e\u200f\ufeff\u2028"
HOSTILE += "\u2029\u00ad\u061c\udc9b\ue000\U000e0041\U000f0000"


def _look(columns: int = 80, *, color: bool = False, verbose: bool = True) -> Look:
    return Look(color=color, columns=columns, verbose=verbose)


@pytest.mark.parametrize("char", HOSTILE, ids=lambda char: f"{ord(char):04x}")
def test_what_could_steer_a_terminal_is_escaped(char):
    shown = safe(f"a{char}b")
    assert shown.startswith("a\\")
    assert shown.isascii()
    assert shown.isprintable()


def test_what_a_runner_takes_for_a_command_is_none():
    assert safe(" ::add-mask::e") == " \\x3a:add-mask::e"
    assert safe("fine ###[stop-commands]x ##VSO[task]") == "fine #\\x23#[stop-commands]x \\x23#VSO[task]"


@pytest.mark.parametrize("text", ["plain", "a::b", "## [1.2.0]", "#[x]", "äöü ß é", "名前", "→ – …", "a\\b", ""])
def test_ordinary_text_stays(text):
    assert safe(text) == text


def test_paint():
    assert paint("x", "bad", color=True) == "\033[31mx\033[0m"
    assert paint("x", "bad", color=False) == paint("x", None, color=True) == "x"


@pytest.mark.parametrize("columns", [1, 2, 5, 10])
@pytest.mark.parametrize("text", ["", "a", "abcdefgh", "名前名前", "e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301"])
def test_fit_is_exact(text, columns):
    assert width(fit(text, columns)) == columns


def _row(name: str = "tool", ref: str = "refs/heads/main", word: str = "dirty") -> Condition:
    entry = source(name)
    return Condition(
        name=SourceName(name),
        word=word,
        why="3 changed files",
        source=entry,
        pin=_pinned(entry, ref),
        recorded=state_of(entry),
        head=OID,
        dirty=("a",),
        dirty_count=3,
        scan="stale",
        scan_age=timedelta(days=400),
    )


def _pinned(entry, ref):
    pin = pin_of(entry)
    return type(pin)(**{key: getattr(pin, key) for key in type(pin).__struct_fields__} | {"ref": RefName(ref)})


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
@pytest.mark.parametrize("color", [False, True])
def test_the_table_fits(columns, color):
    rows = (_row("a"), _row("a-name-of-" + "x" * 80, "refs/heads/" + "feature/" * 12, "operation"), _row("b"))
    lines = status_lines(Status(rows=rows, unfinished=None, has_scanners=True), _look(columns, color=color), NOW)
    plain = [_plain(line) for line in lines]
    assert [line for line in plain if width(line) > columns] == []
    assert plain[0].startswith("SOUR")
    assert all(word in "".join(plain) for word in ("dirty", "stale"))


def _plain(line: str) -> str:
    for code in ("31", "32", "33", "1", "2", "0"):
        line = line.replace(f"\033[{code}m", "")
    return line


def test_colour_changes_no_words():
    status = Status(rows=(_row(),), unfinished=None, has_scanners=True)
    coloured = status_lines(status, _look(color=True), NOW)
    assert [_plain(line) for line in coloured] == status_lines(status, _look(), NOW)


def test_words_of_strangers_are_escaped():
    bad = "x\033[2J\u202e"
    found = Range(ahead=3, behind=1, commits=(CommitLine(commit=OID, subject=bad),), files=1)
    row = Row(
        name=SourceName("tool"),
        outcome="pinned",
        before=OID,
        after="f" * 40,
        ref=f"refs/heads/{bad}",
        notes=(bad,),
        range=found,
    )
    lines = report_lines(Report(command="pin", rows=(row,)), _look())
    assert not set("\033\u202e") & set("".join(lines))
    text = "\n".join(lines)
    assert "3 commits ahead, 1 commit behind, 1 file changed" in text
    assert "… and 2 more" in text
    assert "0123456789 → ffffffffff" in text
    assert dump({"x": bad}).isascii()


def test_calm_rows_only_when_asked_for():
    row = Row(name=SourceName("tool"), outcome="unchanged")
    report = Report(command="sync", rows=(row,))
    assert report_lines(report, _look(verbose=False)) == []
    assert len(report_lines(report, _look())) == 1


def test_what_a_signal_kept_from_being_begun_is_counted_and_not_listed():
    kept, done, begun = (SourceName(name) for name in ("a", "b", "c"))
    rows = (
        failed(kept, Interrupted(signal=2, begun=False)),
        Row(name=done, outcome="pinned"),
        failed(begun, Interrupted(signal=2)),
    )
    report = Report(command="pin", rows=rows, interrupted=2)
    assert [line.split()[0] for line in report_lines(report, _look())] == ["b", "c"]
    line = "pinned 1 of 3 sources in 1.0 s: 1 pinned, 1 failed; interrupted: 1 not reached"
    assert summary_line(report, seconds=1) == line
    report = Report(command="pin", rows=rows[:2], interrupted=2)
    assert summary_line(report, seconds=1) == "pinned 1 of 2 sources in 1.0 s; interrupted: 1 not reached"
    report = Report(command="pin", rows=rows[:1], interrupted=2)
    assert summary_line(report, seconds=1) == "pinned none of 1 source in 1.0 s; interrupted: 1 not reached"
    told = report_document(report, lambda error: {"code": error.code, "exit_code": 130}, exit_code=130)
    assert [(row["outcome"], row["error"]["code"]) for row in told["sources"]] == [("failed", "interrupted")]


def test_summary():
    rows = [Row(name=SourceName(n), outcome=o) for n, o in (("a", "unchanged"), ("b", "cloned"), ("c", "cloned"))]
    report = Report(command="sync", rows=tuple(rows), dry_run=True)
    assert (
        summary_line(report, seconds=1.25) == "looked at 3 sources in 1.2 s: 2 cloned, 1 unchanged; nothing was written"
    )
    assert summary_line(Report(command="sync"), seconds=1) == ""
    differing = tuple(Row(name=SourceName(name), outcome="differs") for name in "ab")
    for number, words in ((1, "1 source in 1.0 s: 1 differs"), (2, "2 sources in 1.0 s: 2 differ")):
        assert summary_line(Report(command="diff", rows=differing[:number]), seconds=1) == f"compared {words}"


def test_porcelain_is_one_line_of_six_fields():
    status = Status(rows=(_row(), _row("other")), unfinished=None, has_scanners=True)
    lines = porcelain_lines(status)
    assert lines[0].split("\t") == ["dirty", "tool", OID, OID, "3", "stale"]
    assert len(lines) == 2


def test_errors_stand_in_the_row_as_their_code():
    row = Row(name=SourceName("tool"), outcome="failed", error=NoPin(name="tool", stale=True, mend="git hybrid pin"))
    assert report_lines(Report(command="sync", rows=(row,)), _look()) == ["tool  failed  no-pin"]


def test_json_is_sorted_and_versioned():
    document = json.loads(dump({"b": 1, "a": "ä"}))
    assert document == {"schema_version": 1, "a": "ä", "b": 1}
    assert dump({"b": 1, "a": 2}) == dump({"a": 2, "b": 1})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a\udcff/\udc80\udcfe", r"a\xff/\x80\xfe"),
        ("\\\udcff", r"\\xff"),
        (r"\udcff", r"\udcff"),
        ("\U0001f600\udcff\U0001f600", "\U0001f600\\xff\U0001f600"),
        ("\ud800\u00e9", "\\ud800\u00e9"),
    ],
)
def test_json_has_no_half_of_a_surrogate_pair(text: str, told: str) -> None:
    document = msgspec.json.decode(dump({text: [text]}))
    assert document == {"schema_version": 1, told: [told]}


@pytest.mark.parametrize(("verbose", "kinds"), [(False, 2), (True, 5)])
def test_lines(verbose, kinds):
    stream = io.StringIO()
    tell = Lines(verbose=verbose, stream=stream)
    for kind in ("start", "step", "done", "retry", "note"):
        tell(kind, "tool", f"{kind}\033")
    assert stream.getvalue().count("\n") == kinds
    assert "\033" not in stream.getvalue()


@pytest.mark.parametrize("columns", [40, 80])
def test_one_line_fits_and_is_cleared(columns):
    stream = io.StringIO()
    line = OneLine(lines=Lines(stream=stream), columns=columns)
    line("start", "tool", "名前" * 100)
    line("note", "tool", "said")
    line("done", "tool", "")
    line.close()
    drawn = stream.getvalue().replace("\n", "\r").split("\r")
    assert all(width(part) < columns for part in drawn)
    assert "tool: said\n" in stream.getvalue()
    assert stream.getvalue().endswith(" \r")


def test_an_unused_line_draws_nothing():
    stream = io.StringIO()
    OneLine(lines=Lines(stream=stream), columns=80).close()
    assert stream.getvalue() == ""
