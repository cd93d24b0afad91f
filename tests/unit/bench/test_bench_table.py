"""Medians, ratios, verdicts, and the page that they go into."""

from __future__ import annotations

import json

import pytest

from bench import report, table
from bench.table import Target, judge


def _cells(own, other):
    return {("noop", "hybrid"): dict(enumerate(own)), ("noop", "xargs"): dict(enumerate(other))}


def test_the_ratio_is_that_of_the_medians():
    (found,) = judge(_cells([1.0, 9.0, 2.0], [4.0, 3.0, 5.0]), [Target("noop", "xargs", 1.0)])
    assert (found.ratio, found.low, found.high) == (0.5, 0.25, 3.0)


@pytest.mark.parametrize(("own", "word"), [(2.1, "missed"), (2.0, "held"), (1.1, "held"), (1.0, "stretch")])
def test_a_verdict_has_three_words(own, word):
    (found,) = judge(_cells([own], [2.0]), [Target("noop", "xargs", 1.0, 0.5)])
    assert found.word == word


def test_a_target_may_stand_beside_another_workload():
    cells = {("cached", "hybrid"): {0: 1.0}, ("cold", "xargs"): {0: 10.0}}
    (found,) = judge(cells, [Target("cached", "xargs", 0.15, rival_workload="cold")], cpu={})
    assert (found.word, found.cpu) == ("held", None)


def test_a_thousand_sources_have_targets_of_their_own():
    assert table.targets_for(100) == table.TARGETS
    more = table.targets_for(1000)[len(table.TARGETS) :]
    assert {(target.workload, target.rival_workload or target.workload, target.ratio) for target in more} == {
        ("noop", "status", 0.6),
        ("status", "status", 0.6),
    }


def test_nothing_is_judged_that_was_not_measured():
    assert judge({("noop", "hybrid"): {0: 1.0}}) == []


def test_what_is_missing_is_said():
    rows = table.rows(
        _cells([1.0], [2.5]), ["hybrid", "xargs", "west"], ["noop", "cold"], {("west", "setup"): "failed"}
    )
    assert rows == [
        ["tool", "noop", "cold"],
        ["hybrid", "1.000 [1.000..1.000]", "-"],
        ["xargs", "2.500 [2.500..2.500] x2.50", "-"],
        ["west", "failed", "failed"],
    ]


def test_the_table_is_markdown():
    assert table.markdown([["a", "bbb"], ["cc", ""]]) == "| a  | bbb |\n|----|-----|\n| cc |     |"


def _report():
    def entry(tool, seconds):
        sample = {"seconds": seconds, "cpu": seconds / 2, "rss": None, "pss": None}
        return {"workload": "noop", "tool": tool, "round": 0, "sample": sample}

    race = {"n": 2, "transport": "file://", "profile": "small", "workloads": ["noop"], "tools": ["hybrid", "submodule"]}
    race |= {"jobs": 4, "rounds": 1, "entries": [entry("hybrid", 1.0), entry("submodule", 4.0)], "failures": []}
    machine = {"date": "2026-01-02T03:04:05+00:00", "cpu": "One", "cores": 2, "kernel": "6", "python": "3", "git": "g"}
    machine |= {"filesystem": "tmpfs", "load_at_start": [1.0], "load_at_end": [2.0], "commit": "abc"}
    return {"machine": machine, "races": [race | {"proof": {"missing": ["fsck: 0 times for 2 sources"]}}]}


def test_growth_needs_ten_times_as_many_of_the_same():
    (few,) = _report()["races"]
    many = json.loads(json.dumps(few)) | {"n": 20}
    many["entries"] = [entry | {"sample": entry["sample"] | {"seconds": 8.0}} for entry in many["entries"]]
    assert report.growth_text([few, many]) == "noop from 2 to 20 sources: x8.0 (target 10.5)"
    assert report.growth_text([few, many | {"profile": "large"}]) == ""


def test_the_page_is_made_anew(tmp_path, monkeypatch):
    page, data = tmp_path / "README.md", tmp_path / "results.json"
    data.write_text(json.dumps(_report()))
    page.write_text(f"before\n{report._BEGIN}old\n{report._END}after\n")
    monkeypatch.setattr(report, "_README", page)
    assert report.main([str(data)]) == 0
    once = page.read_text()
    assert (once.partition("<")[0], once.rpartition(">")[2]) == ("before\n", "\nafter\n")
    assert "old" not in once
    assert "| noop     | submodule | 0.25  | 0.25..0.25    | 0.25      | 1      | 0.5     | stretch |" in once
    assert "Not everything was on: fsck: 0 times for 2 sources." in once
    report.main([str(data)])
    assert page.read_text() == once
