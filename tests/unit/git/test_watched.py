"""What a child says while it runs: progress is told, everything else stays as it was."""

from __future__ import annotations

import os
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_hybrid.core.errors import Interrupted
from git_hybrid.core.transfer import Transfer
from git_hybrid.git.classify import classify_network, redirects
from git_hybrid.git.limits import Limits
from git_hybrid.git.run import Runner
from git_hybrid.git.watched import MOST, Sieve
from support.kit import git

PROGRESS = (
    b"remote: Enumerating objects: 3, done.        \n",
    b"remote: Counting objects:  50% (1/2)        \r",
    b"Receiving objects:  45% (450/1000), 12.30 MiB | 3.20 MiB/s\r",
    b"Receiving objects: 100% (1000/1000), 22.30 MiB | 3.20 MiB/s, done.\n",
    b"Resolving deltas:   0% (0/7)\r",
)
WORDS = (
    b"warning: redirecting to https://mirror.example/x\n",
    b"remote: Receiving objects:  45% (450/1000)\r",
    b"remote: \x1b[2Jfatal: nothing\r",
    b"From https://example.org/x\n",
    b"error: RPC failed; curl 18 transfer closed\n",
    b"fatal: early EOF\n",
    b"\n",
    b"x" * 400 + b"Receiving objects:  45% (1/2)\r",
)


def _sieved(data: bytes, cuts: list[int]) -> tuple[bytes, list[Transfer]]:
    seen: list[Transfer] = []
    sieve = Sieve(seen.append)
    places = sorted({0, *(cut % (len(data) + 1) for cut in cuts), len(data)})
    for start, end in pairwise(places):
        sieve.feed(data[start:end])
    return sieve.close(), seen


@given(st.lists(st.sampled_from([*PROGRESS, *WORDS])), st.lists(st.integers(0, 5000)))
def test_words_are_kept_byte_for_byte_and_progress_is_told(pieces, cuts):
    kept, seen = _sieved(b"".join(pieces), cuts)
    assert kept == b"".join(piece for piece in pieces if piece in WORDS)
    assert bool(seen) == any(piece in PROGRESS for piece in pieces)


def test_what_has_no_end_of_line_is_kept():
    assert _sieved(b"fatal: no end", [3]) == (b"fatal: no end", [])
    endless = b"y" * 100_000
    assert _sieved(endless, list(range(0, 100_000, 997)))[0] == endless


def test_of_words_without_an_end_both_ends_are_kept():
    sieve = Sieve(lambda _told: None)
    sieve.feed(b"fatal: first\n")
    for _ in range(40):
        sieve.feed(b"A" * (MOST // 4) + b"\n")
    sieve.feed(b"fatal: last\n")
    kept = sieve.close()
    assert kept.startswith(b"fatal: first\n")
    assert kept.endswith(b"\nfatal: last\n")
    assert len(kept) <= 3 * MOST + len(b"fatal: last\n")


def test_a_failure_is_the_same_with_progress_in_between():
    words = b"".join(WORDS[:6])
    mixed = b"".join([*PROGRESS[:2], WORDS[0], PROGRESS[2], *WORDS[1:5], PROGRESS[4], WORDS[5]])
    plain, sieved = words.decode(), _sieved(mixed, [7, 90, 91])[0].decode()
    assert redirects(sieved) == redirects(plain) == ("https://mirror.example/x",)
    told = [classify_network(text, url="u", status=128, command="git fetch") for text in (plain, sieved)]
    assert told[0].facts() == told[1].facts()
    assert told[0].code == told[1].code == "network"


def _runner() -> Runner:
    return Runner(environ=dict(os.environ))


def test_a_real_fetch_tells_its_progress_and_nothing_else_of_it(tmp_path: Path):
    git("init", "-q", "-b", "main", "up", cwd=tmp_path)
    for number in range(40):
        (tmp_path / "up" / f"f{number}").write_bytes(os.urandom(3000))
    git("add", ".", cwd=tmp_path / "up")
    git("commit", "-qm", "one", cwd=tmp_path / "up")
    git("init", "-q", "--bare", "down", cwd=tmp_path)
    seen: list[Transfer] = []
    words = ["fetch", "--progress", "--no-write-fetch-head", f"file://{tmp_path}/up", "+main:refs/heads/got"]
    limits = Limits(stall=timedelta(seconds=30), deadline=timedelta(seconds=60))
    done = _runner().git_network(words, limits=limits, git_dir=tmp_path / "down", watch=seen.append)
    assert done.status == 0
    assert "objects" not in done.stderr
    assert "got" in done.stderr
    assert "receiving" in {told.phase for told in seen}
    assert max(told.done for told in seen) == 42


def test_stdout_is_all_there_and_the_status_is_the_childs():
    script = "head -c 300000 /dev/zero; echo words >&2; exit 3"
    done = _runner().run(["sh", "-c", script], env=dict(os.environ), watch=lambda _told: None)
    assert (done.status, len(done.stdout), done.stderr) == (3, 300_000, "words\n")


@pytest.mark.parametrize("script", ["sleep 60", "exec >&- 2>&-; sleep 60"])
def test_a_silent_child_ends_by_a_signal(script):
    asked = iter([0, 0, 15])
    runner = Runner(environ={}, cancelled=lambda: next(asked))
    with pytest.raises(Interrupted):
        runner.run(["sh", "-c", script], env=dict(os.environ), watch=lambda _told: None)
