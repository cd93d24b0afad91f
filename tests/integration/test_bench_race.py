"""One round of the bench on a few small upstreams: it measures everything, and a tool that lies has no figure."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.corpus import SMALL, make_corpus
from bench.race import WORKLOADS, Race
from bench.sandbox import make_home
from bench.server import Site
from bench.tools import Setting
from bench.tools_git import Submodule, Xargs
from bench.tools_hybrid import Hybrid

TIMED = [name for name in WORKLOADS if name not in ("mem", "startup", "cached")]


class Liar(Xargs):
    """Says that it moved, and did not."""

    name = "liar"

    def update(self, ws):
        return self.status(ws)


@pytest.fixture
def race(tmp_path):
    def make(*tools, transport="file", url=None):
        corpus = make_corpus(tmp_path / "upstreams", 2, SMALL, processes=1)
        work = tmp_path / "work"
        work.mkdir()
        env = make_home(work / "home", [Path(sys.executable).parent])
        setting = Setting(jobs=2, env=env, scratch=work)
        return Race(
            corpus,
            [tool(setting) for tool in tools],
            transport=transport,
            url=url or (lambda upstream: (corpus.folder / f"{upstream.name}.git").as_uri()),
            folder=work,
            python=Path(sys.executable),
            keep_old=False,
            say=lambda text: None,
        )

    return make


def test_every_workload_of_every_tool_is_measured_and_nothing_is_off(race):
    run = race(Hybrid, Xargs, Submodule)
    run.run([*TIMED, "mem", "startup"], 1)
    assert run.failures == {}
    found = {(entry.workload, entry.tool) for entry in run.entries}
    assert {(workload, tool) for workload in TIMED for tool in ("hybrid", "xargs", "submodule")} <= found
    assert {("mem-cold", "hybrid"), ("startup", "hook check"), ("startup", "python -c pass")} <= found
    assert run.proof()["missing"] == []


def test_a_tool_that_does_not_move_has_no_figure(race):
    run = race(Liar)
    run.run(["update10", "status"], 1)
    assert list(run.failures) == [("liar", "update10")]
    assert {entry.workload for entry in run.entries} == {"status"}


def test_a_tool_that_is_missing_is_named(race):
    class Missing(Xargs):
        name = "missing"

        def missing(self):
            return "it is not installed"

    run = race(Missing, Xargs)
    run.run(["status"], 1)
    assert run.failures == {("missing", "setup"): "it is not installed"}
    assert {entry.tool for entry in run.entries} == {"xargs"}


def test_over_https_behind_a_longer_wire(race, tmp_path):
    with Site(tmp_path / "upstreams", tmp_path / "site", round_trip=0.002) as site:
        run = race(Xargs, transport="https", url=lambda upstream: f"{site.base_url}/{upstream.name}.git")
        config = tmp_path / "work" / "home" / ".gitconfig"
        config.write_text(f"{config.read_text()}[http]\n\tsslCAInfo = {site.ca}\n")
        run.run(["cold", "outdated", "update1"], 1)
    assert run.failures == {}
    assert {entry.workload for entry in run.entries} == {"cold", "outdated", "update1"}
