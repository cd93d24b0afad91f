"""The bench finds a tool that did less than it should, and a git hybrid that has something turned off."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from bench.corpus import SMALL, make_corpus
from bench.measure import Step, ToolFailed, run_steps
from bench.safety import read_trace
from bench.sandbox import GIT_ENV
from bench.tools import Pin, Setting
from bench.tools_hybrid import Hybrid
from bench.verify import wrong_clones

TRACE = """\
1 execve("/usr/bin/git", ["git", "index-pack", "--stdin", "--strict"], ["A=b"]) = 0
1 fsync(3) = 0
1 syncfs(4) = 0
1 openat(AT_FDCWD, "/w/state/journal/R.jsonl", O_WRONLY|O_CREAT|O_APPEND|O_CLOEXEC, 0644) = 3
1 openat(AT_FDCWD, "/w/state/sources-audit.jsonl", O_WRONLY|O_APPEND|O_CLOEXEC) = 3
1 rename("/w/state/sources.json.tmp", "/w/state/sources.json") = 0
"""


@pytest.fixture
def clone(tmp_path):
    corpus = make_corpus(tmp_path / "upstreams", 1, SMALL, processes=1)
    upstream = corpus.upstreams[0]
    url = (corpus.folder / f"{upstream.name}.git").as_uri()
    subprocess.run(["git", "clone", "-q", url, str(tmp_path / "a")], check=True, env=GIT_ENV)
    return Pin(name="a", url=url, commit=upstream.head)


def test_a_right_clone_passes(tmp_path, clone):
    assert wrong_clones(tmp_path, [clone], GIT_ENV) == []


def test_a_wrong_head_is_found(tmp_path, clone):
    subprocess.run(["git", "-C", str(tmp_path / "a"), "checkout", "-q", "HEAD~1"], check=True, env=GIT_ENV)
    (found,) = wrong_clones(tmp_path, [clone], GIT_ENV)
    assert f"not at {clone.commit}" in found


def test_dirt_and_a_missing_clone_are_found(tmp_path, clone):
    (tmp_path / "a" / "new").touch()
    found = wrong_clones(tmp_path, [clone, Pin("b", clone.url, clone.commit)], GIT_ENV)
    assert found == ["a: not clean: ?? new", "b: no clone"]


def test_a_trace_with_everything_in_it():
    seen = read_trace(TRACE, sources=1)
    assert seen == {"sources": 1, "fsck": 1, "syncs": 2, "journal": True, "state": True, "audit": True, "missing": []}


@pytest.mark.parametrize(("cut", "word"), [("--strict", "fsck"), ("sync", "fsync"), ("journal", "journal")])
def test_a_trace_that_lacks_something(cut, word):
    (missing,) = read_trace(TRACE.replace(cut, "x"), sources=1)["missing"]
    assert missing.startswith(word)


@pytest.mark.parametrize(("cut", "word"), [("sources.json", "state"), ("audit.jsonl", "audit")])
def test_a_trace_in_which_a_file_is_not_written(cut, word):
    assert read_trace(TRACE.replace(cut, "x"), sources=1)["missing"] == [f"{word}: never written"]


def test_a_state_that_does_not_hold_the_pins_is_found(tmp_path):
    hybrid = Hybrid(Setting(jobs=1, env={}, scratch=tmp_path))
    state = tmp_path / "state"
    state.mkdir()
    (state / "sources.json").write_text(json.dumps({"sources": [{"name": "a", "commit_sha": "0" * 40}]}))
    (state / "sources-audit.jsonl").write_text('{"source":"a"}\n{"source":"a"}\n')
    assert hybrid.evidence(tmp_path, [Pin("a", "u", "0" * 40)]) == []
    (state / "resume.json").touch()
    found = hybrid.evidence(tmp_path, [Pin("a", "u", "1" * 40), Pin("b", "u", "1" * 40)])
    assert found == [
        "state/sources.json does not hold the pins",
        "only 2 audit records name a source",
        "the run is not finished",
    ]


def test_a_command_that_fails_is_no_sample(tmp_path):
    steps = [Step((sys.executable, "-c", "import sys; print('why'); sys.exit(3)"), tmp_path)]
    with pytest.raises(ToolFailed, match=r"exit 3: why"):
        run_steps(steps, {"PATH": os.defpath}, tmp_path / "log")
    assert run_steps([steps[0]._replace(ok=(3,))], {"PATH": os.defpath}, tmp_path / "log").rss is None


def test_memory_is_summed_over_the_tree(tmp_path):
    child = "import time; held = bytes(b'x' * 50_000_000); time.sleep(0.5)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    sample = run_steps(
        [Step((sys.executable, "-c", code), tmp_path)], {"PATH": os.defpath}, tmp_path / "log", memory=True
    )
    assert sample.rss is not None
    assert sample.pss is not None
    assert sample.rss > sample.pss > 45
