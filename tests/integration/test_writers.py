"""One writer at a time: who holds the lock, and what readers see meanwhile."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.cli import Hybrid, executable, merged_env
from support.https_server import HttpsGitServer
from support.kit import head, lock, released, started
from support.upstream import Upstream, UpstreamFactory


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    released(upstream)
    return upstream


@contextmanager
def _busy(workspace: Path, server: HttpsGitServer) -> Iterator[subprocess.Popen[str]]:
    server.stall(10, only="upload-pack")
    child = subprocess.Popen(
        [str(executable()), "sync"],
        cwd=workspace,
        env=merged_env(server.env()),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stalled.wait(20)
        yield child
    finally:
        server.clear_faults()
        child.kill()
        child.communicate()


def test_busy_is_75_and_names_the_holder(
    hybrid: Hybrid, workspace: Path, tool: Upstream, https_server: HttpsGitServer
) -> None:
    started(hybrid, tool.url, "--name", "local", sync=False)
    hybrid("add", https_server.url("tool.git"), env=https_server.env())
    with _busy(workspace, https_server) as child:
        for words in (["sync"], ["pin", "local"], ["remove", "local"]):
            begun = time.monotonic()
            busy = hybrid(*words, env={"GIT_HYBRID_LOCK_TIMEOUT": "0.2" if words == ["x"] else "200ms"}, check=75)
            assert time.monotonic() - begun < 5
            assert str(child.pid) in busy.err
            assert "Traceback" not in busy.err
        assert busy.err.startswith("error: ")
        hybrid("status")
        hybrid("diff")
        hybrid("outdated", "local")
        https_server.clear_faults()
        _, err = child.communicate(timeout=20)
        assert child.returncode == 0, err
    assert head(workspace) == lock(workspace)["tool"]["commit"]


def test_the_second_waits_for_the_first(
    hybrid: Hybrid, workspace: Path, tool: Upstream, https_server: HttpsGitServer
) -> None:
    hybrid("init")
    hybrid("add", https_server.url("tool.git"), env=https_server.env())
    with _busy(workspace, https_server) as child:
        second = subprocess.Popen(
            [str(executable()), "sync"],
            cwd=workspace,
            env=merged_env({**https_server.env(), "GIT_HYBRID_LOCK_TIMEOUT": "20"}),
            stderr=subprocess.PIPE,
            text=True,
        )
        time.sleep(0.5)
        https_server.clear_faults()
        child.communicate(timeout=20)
        _, err = second.communicate(timeout=20)
        assert (child.returncode, second.returncode) == (0, 0), err
    assert head(workspace) == lock(workspace)["tool"]["commit"]


def test_four_syncs_at_once(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    hybrid("init")
    for name in ("a", "b"):
        hybrid("add", tool.url, "--branch", "main", "--name", name)
    env = merged_env({"GIT_HYBRID_LOCK_TIMEOUT": "30s"})
    children = [
        subprocess.Popen([str(executable()), "sync"], cwd=workspace, env=env, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    ended = [(child.communicate(timeout=40)[1], child.returncode) for child in children]
    assert [code for _, code in ended] == [0, 0, 0, 0], ended
    events = [json.loads(line)["event"] for line in (workspace / "state/sources-audit.jsonl").read_text().splitlines()]
    assert events.count("clone") == 2
    assert head(workspace, "a") == head(workspace, "b") == tool.rev("main")
