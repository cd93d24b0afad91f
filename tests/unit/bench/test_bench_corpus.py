"""The upstreams of the bench are the same everywhere, and what is to come is not in a clone."""

from __future__ import annotations

import subprocess

import pytest

from bench.corpus import LATER, SMALL, make_corpus, make_upstream, move_upstream, moving
from bench.sandbox import GIT_ENV


def _git(*args):
    return subprocess.run(["git", *args], check=True, capture_output=True, text=True, env=GIT_ENV).stdout.strip()


@pytest.fixture
def corpus(tmp_path):
    return make_corpus(tmp_path / "upstreams", 2, SMALL, processes=1)


def test_twice_the_same_commits(tmp_path, corpus):
    again = make_corpus(tmp_path / "again", 2, SMALL, processes=1)
    assert again.upstreams == corpus.upstreams
    assert corpus.upstreams[0].head == "21c889acda55980a2dc3bb954c356ee64026301e"
    assert [len(upstream.later) for upstream in corpus.upstreams] == [LATER, 0]


def test_what_is_there_stays(corpus):
    pack = next((corpus.folder / "small-0000.git").rglob("*.pack"))
    made = pack.stat().st_mtime_ns
    assert make_corpus(corpus.folder, 2, SMALL, processes=1) == corpus
    assert pack.stat().st_mtime_ns == made


def test_a_clone_holds_no_later_commit(tmp_path, corpus):
    upstream = corpus.upstreams[0]
    url = (corpus.folder / f"{upstream.name}.git").as_uri()
    _git("clone", "-q", "--bare", url, str(tmp_path / "clone"))
    held = _git("-C", str(tmp_path / "clone"), "cat-file", "--batch-check", "--batch-all-objects")
    assert upstream.head in held
    assert not [commit for commit in upstream.later if commit in held]


def test_an_upstream_moves_and_moves_back(tmp_path, corpus):
    upstream = corpus.upstreams[0]
    repo = str(corpus.folder / f"{upstream.name}.git")
    assert move_upstream(corpus, upstream, 2) == upstream.later[1] == _git("-C", repo, "rev-parse", "main")
    assert _git("-C", repo, "merge-base", upstream.head, "main") == upstream.head
    assert move_upstream(corpus, upstream, 0) == upstream.head == _git("-C", repo, "rev-parse", "main")


def test_only_those_move_that_can(tmp_path):
    upstreams = [make_upstream(tmp_path, number, SMALL) for number in (0, 1)]
    assert moving(upstreams, 10) == moving(upstreams, 1) == upstreams[:1]
    assert [range(100)[i] for i in moving(range(100), 10)] == list(range(0, 100, 10))
