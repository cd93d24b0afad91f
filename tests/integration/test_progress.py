"""Progress: one line on stderr where somebody looks, and not a byte or an option of git's where nobody does."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from support.cli import Hybrid
from support.https_server import HttpsGitServer
from support.kit import logging_git, started
from support.upstream import Upstream, UpstreamFactory

LAST = re.compile(r"^synced 1 source in \d+\.\d s: 1 cloned$")


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    noise = random.Random(0)
    upstream.commit({f"f{number}": noise.randbytes(5_000) for number in range(60)})
    return upstream


def _drawn(err: str) -> list[str]:
    return [part.strip() for part in re.split(r"[\r\n]", err) if part.strip()]


def test_it_says_what_git_does_and_in_the_end_what_was_done(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory
) -> None:
    """The line is drawn ten times a second: what is over sooner is not seen."""
    tool, noise = upstream_factory(), random.Random(0)
    tool.commit({f"f{number}": noise.randbytes(50_000) for number in range(300)})
    started(hybrid, tool.url, "--branch", "main", sync=False)
    result = hybrid("sync", "--progress", env={"COLUMNS": "100"})
    drawn = _drawn(result.err)
    assert LAST.fullmatch(drawn[-1])
    assert any(re.match(r"\[[01]/1\] tool: ", line) for line in drawn)
    assert "\r" not in result.out
    assert hybrid("sync", "--progress").err.rstrip().endswith(": 1 unchanged")


def _fetches(log: Path) -> list[list[str]]:
    fetching = {"clone", "fetch", "index-pack"}
    return [words for line in log.read_text().splitlines() if fetching & set(words := line.split("\037"))]


@pytest.mark.parametrize("options", [(), ("--no-progress",), ("--quiet", "--progress"), ("--json",)])
def test_where_nobody_looks_git_is_not_asked(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, options: tuple[str, ...]
) -> None:
    env, log = logging_git(tmp_path / "bin")
    hybrid("init")
    err = hybrid("add", tool.url, *options, env=env).err
    assert "\r" not in err
    assert _fetches(log)
    assert not any({"--progress", "-v"} & set(words) for words in _fetches(log))


def test_where_somebody_looks_git_is_asked(hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path) -> None:
    env, log = logging_git(tmp_path / "bin")
    hybrid("init")
    hybrid("add", tool.url, "--progress", env=env)
    assert _fetches(log)
    assert all({"--progress", "-v"} & set(words) for words in _fetches(log))


def test_a_failure_says_the_same_with_progress_and_without(
    hybrid: Hybrid, workspace: Path, tool: Upstream, https_server: HttpsGitServer
) -> None:
    env = https_server.env()
    (workspace / "sources.toml").write_text("schema_version = 1\n[defaults]\nretry = { attempts = 1 }\n")
    hybrid("add", https_server.url("tool.git"), "--branch", "main", env=env)
    https_server.cut(100_000, times=None)
    told = []
    for option in ("--no-progress", "--progress"):
        result = hybrid("sync", option, env=env, check=4)
        lines = [line for line in _drawn(result.err) if line.startswith(("error:", "cause:", "hint:"))]
        told.append([re.sub(r"\d+ bytes", "N bytes", line) for line in lines])
    assert told[0] == told[1]
    assert len(told[0]) > 2
