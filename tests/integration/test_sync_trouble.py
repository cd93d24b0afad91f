"""The network fails: which code, how many tries, what stays, and how `resume` finishes."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.beginning import Beginning
from support.cli import Hybrid, executable, merged_env
from support.https_server import HttpsGitServer
from support.kit import changes, codes, git, head, lock, outcomes, snapshot
from support.upstream import Upstream, UpstreamFactory

FAST = "[defaults]\nretry = { attempts = 3, initial = '10ms', maximum = '50ms' }\n"


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    upstream.commit({"README": "one\n", "noise": random.Random(0).randbytes(200_000)})
    return upstream


@pytest.fixture
def https_server(lasting_server: HttpsGitServer) -> HttpsGitServer:
    lasting_server.forget()
    return lasting_server


@pytest.fixture
def pinned(
    hybrid: Hybrid, workspace: Path, tool: Upstream, https_server: HttpsGitServer, beginning: Beginning
) -> dict[str, str]:
    """Two pinned sources, one over https; return the environment for the server."""
    env = https_server.env()

    def make() -> None:
        (workspace / "sources.toml").write_text("schema_version = 1\n" + FAST)
        hybrid("add", https_server.url("tool.git"), "--branch", "main", env=env)
        hybrid("add", tool.url, "--branch", "main", "--name", "local")

    beginning(workspace, make)
    https_server.clear_requests()
    return env


@pytest.mark.parametrize("status", [401, 403, 404])
def test_refusals_are_4_after_one_attempt(
    hybrid: Hybrid, workspace: Path, pinned: dict[str, str], https_server: HttpsGitServer, status: int
) -> None:
    headers = {"WWW-Authenticate": 'Basic realm="x"'} if status == 401 else {}
    https_server.fail_always(status, headers=headers)
    result = hybrid("sync", "--json", env=pinned, check=4)
    assert codes(result) == {"local": 0, "tool": 4}
    assert [request.status for request in https_server.requests] == [status]
    assert head(workspace, "local") == lock(workspace)["local"]["commit"]
    assert result.json()["pending"] == [{"name": "tool"}]
    https_server.clear_faults()
    hybrid("resume", env=pinned)
    assert head(workspace) == lock(workspace)["tool"]["commit"]


def test_an_upstream_that_is_gone_keeps_no_sync_from_the_others(
    hybrid: Hybrid, workspace: Path, pinned: dict[str, str], tool: Upstream, https_server: HttpsGitServer
) -> None:
    https_server.fail_always(404)
    hybrid("sync", env=pinned, check=4)
    assert head(workspace, "local") == lock(workspace)["local"]["commit"]
    shutil.rmtree(workspace / "sources/local")
    again = hybrid("sync", "--json", env=pinned, check=4)
    assert outcomes(again) == {"local": "cloned", "tool": "failed"}
    assert "hint: git hybrid resume --abort" in hybrid("pin", "local", env=pinned, check=7).err
    hybrid("resume", "--abort", env=pinned)
    hybrid("pin", "local", env=pinned)
    assert "nothing to resume" in hybrid("resume", env=pinned).err


def test_a_sync_goes_on_with_the_others_when_the_unfinished_one_fails_again(
    hybrid: Hybrid, workspace: Path, pinned: dict[str, str], https_server: HttpsGitServer
) -> None:
    https_server.fail_always(503)
    assert "hint: or give it up: git hybrid resume --abort" in hybrid("sync", env=pinned, check=4).err
    shutil.rmtree(workspace / "sources/local")
    (workspace / "sources/stray").mkdir()
    git("init", "-q", cwd=workspace / "sources/stray")
    git("commit", "-q", "--allow-empty", "-m", "x", cwd=workspace / "sources/stray")
    git("update-ref", "refs/hybrid/pin", "HEAD", cwd=workspace / "sources/stray")
    again = hybrid("sync", "--json", "--prune", env=pinned, check=4)
    assert outcomes(again) == {"local": "cloned", "stray": "removed", "tool": "failed"}
    assert [item["name"] for item in again.json()["pending"]] == ["tool"]
    assert [item["name"] for item in hybrid("status", "--json").json()["unfinished_run"]["sources"]] == ["tool"]
    assert "hint: git hybrid resume --abort" in hybrid("pin", "local", env=pinned, check=7).err
    https_server.clear_faults()
    hybrid("resume", env=pinned)
    assert {name: head(workspace, name) for name in ("tool", "local")} == {
        name: pin["commit"] for name, pin in lock(workspace).items()
    }
    hybrid("audit", "verify")
    assert "all 2 sources as pinned" in hybrid("status").err
    assert not (workspace / "state/journal").exists()


def test_what_a_run_leaves_is_kept_when_it_is_killed_at_the_others(
    hybrid: Hybrid, workspace: Path, pinned: dict[str, str], https_server: HttpsGitServer
) -> None:
    https_server.fail_always(503)
    hybrid("sync", env=pinned, check=4)
    shutil.rmtree(workspace / "sources/local")
    [run] = workspace.glob("state/journal/*.jsonl")
    command = [str(executable()), "sync"]
    child = subprocess.Popen(command, cwd=workspace, env=merged_env(pinned), stderr=subprocess.DEVNULL)
    journals = workspace / "state/journal"
    try:
        _wait(lambda: any('"name": "local"' in path.read_text() for path in journals.glob("*.jsonl") if path != run))
    finally:
        child.kill()
        child.wait()
    https_server.clear_faults()
    hybrid("sync", env=pinned)
    assert {name: head(workspace, name) for name in ("tool", "local")} == {
        name: pin["commit"] for name, pin in lock(workspace).items()
    }


def test_503_twice_is_retried(hybrid: Hybrid, pinned: dict[str, str], https_server: HttpsGitServer) -> None:
    https_server.fail_next(2, 503)
    hybrid("sync", env=pinned)
    assert [request.status for request in https_server.requests[:2]] == [503, 503]


def test_attempts_end(hybrid: Hybrid, pinned: dict[str, str], https_server: HttpsGitServer) -> None:
    https_server.fail_always(503)
    failed = hybrid("sync", env=pinned, check=4)
    assert len(https_server.requests) == 3
    assert "hint: git hybrid resume" in failed.err


def test_cut_leaves_a_marker_and_resume_finishes_what_was_planned(
    hybrid: Hybrid, workspace: Path, tool: Upstream, pinned: dict[str, str], https_server: HttpsGitServer
) -> None:
    https_server.cut(50_000, times=None, only="upload-pack")
    hybrid("sync", env=pinned, check=4)
    marker = workspace / "state/resume.json"
    assert marker.is_file()
    planned = lock(workspace)["tool"]["commit"]
    tool.commit({"README": "moved on\n"})
    tool.reset("main", tool.commit({"other": "x"}))
    for words in (["pin", "local"], ["pin"], ["remove", "local"], ["sync", "local"]):
        before = snapshot(workspace)
        unfinished = hybrid(*words, env=pinned, check=7)
        assert "hint: git hybrid resume" in unfinished.err
        assert changes(before, snapshot(workspace)) == []
    https_server.clear_faults()
    hybrid("resume", env=pinned)
    assert head(workspace) == planned
    assert not marker.exists()
    assert not list((workspace / "state").glob("journal/*"))
    assert not list((workspace / "sources").glob(".incoming/*"))
    before = snapshot(workspace)
    hybrid("sync", env=pinned)
    assert changes(before, snapshot(workspace)) == []


def test_a_sync_of_the_pending_source_goes_on(
    hybrid: Hybrid, workspace: Path, pinned: dict[str, str], https_server: HttpsGitServer
) -> None:
    https_server.cut(50_000, times=None, only="upload-pack")
    hybrid("sync", env=pinned, check=4)
    hybrid("status")
    https_server.clear_faults()
    hybrid("sync", env=pinned)
    assert head(workspace) == lock(workspace)["tool"]["commit"]
    assert not (workspace / "state/resume.json").exists()


def test_abort_of_a_clone(
    hybrid: Hybrid, workspace: Path, pinned: dict[str, str], https_server: HttpsGitServer
) -> None:
    https_server.cut(50_000, times=None, only="upload-pack")
    hybrid("sync", env=pinned, check=4)
    hybrid("resume", "--abort")
    assert not (workspace / "state/resume.json").exists()
    assert not (workspace / "sources/tool").exists()
    hybrid("pin", "local")
    https_server.clear_faults()
    hybrid("sync", env=pinned)
    assert head(workspace) == lock(workspace)["tool"]["commit"]


def test_abort_of_an_update_keeps_the_recorded_state(
    hybrid: Hybrid, workspace: Path, tool: Upstream, pinned: dict[str, str], https_server: HttpsGitServer
) -> None:
    hybrid("sync", env=pinned)
    old = head(workspace)
    tool.commit({"README": "two\n", "more": random.Random(1).randbytes(200_000)})
    hybrid("pin", "tool", "local", env=pinned)
    (workspace / "sources/tool").rename(workspace / "aside")
    hybrid("sync", "local")
    new = head(workspace, "local")
    assert new != old
    https_server.cut(50_000, times=None, only="upload-pack")
    hybrid("sync", env=pinned, check=4)
    hybrid("resume", "--abort", env=pinned, check=None)
    assert head(workspace, "local") == new
    assert not (workspace / "state/resume.json").exists()


def test_basic_login_by_a_credential_helper(
    hybrid: Hybrid, workspace: Path, pinned: dict[str, str], https_server: HttpsGitServer
) -> None:
    https_server.auth = ("user", "hunter2")
    refused = hybrid("sync", env=pinned, check=4)
    assert "hint: " in refused.err
    helper = "!f() { echo username=user; echo password=hunter2; }; f"
    config = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "credential.helper", "GIT_CONFIG_VALUE_0": helper}
    hybrid("sync", env=pinned | config)
    assert head(workspace) == lock(workspace)["tool"]["commit"]
    for path, data in snapshot(workspace).items():
        assert b"hunter2" not in data, path


def _wait(condition: Callable[[], bool], *, seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def _children(group: int) -> list[str]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                session = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[3])
            except (OSError, ValueError):
                continue
            if session == group and words:
                found.append(words)
    return found


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_with_a_marker_and_no_git(
    hybrid: Hybrid,
    workspace: Path,
    pinned: dict[str, str],
    https_server: HttpsGitServer,
    number: signal.Signals,
    code: int,
) -> None:
    https_server.stall(50_000, only="upload-pack")
    child = subprocess.Popen(
        [str(executable()), "sync"],
        cwd=workspace,
        env=merged_env(pinned),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    )
    try:
        assert https_server.stalled.wait(15)
        os.kill(child.pid, number)
        _, err = child.communicate(timeout=15)
    finally:
        child.kill()
    assert child.returncode == code, err
    assert "Traceback" not in err
    assert (workspace / "state/resume.json").is_file()
    _wait(lambda: _children(child.pid) == [], seconds=3)
    https_server.clear_faults()
    hybrid("resume", env=pinned)
    assert head(workspace) == lock(workspace)["tool"]["commit"]
    assert not (workspace / "state/resume.json").exists()


def test_a_run_that_goes_on_is_not_called_interrupted(
    hybrid: Hybrid, workspace: Path, pinned: dict[str, str], https_server: HttpsGitServer
) -> None:
    https_server.stall(50_000, only="upload-pack")
    command = [str(executable()), "sync"]
    child = subprocess.Popen(command, cwd=workspace, env=merged_env(pinned), stderr=subprocess.DEVNULL)
    try:
        assert https_server.stalled.wait(15)
        shown = hybrid("status")
        document = hybrid("status", "--json").json()
        found = hybrid("diag", "--json", check=None).json()["findings"]
    finally:
        child.kill()
        child.wait()
    assert f"is at work: pid {child.pid} on " in shown.err
    assert "hint: git hybrid resume" not in shown.err
    assert "a run is at work on it" in shown.out
    assert {source["state"] for source in document["sources"]} == {"running"}
    assert document["unfinished_run"]["held_by"].startswith(f"pid {child.pid} on ")
    assert [item["what"] for item in found if item["level"] == "fail" and item["area"] in ("clones", "files")] == []
    assert any(item["name"] == "run" and "is at work" in item["what"] for item in found)
    after = hybrid("status", "--json").json()
    assert {source["state"] for source in after["sources"]} == {"interrupted"}
    assert after["unfinished_run"]["held_by"] is None
    assert "hint: git hybrid resume" in hybrid("status").err


def test_kill_leaves_something_that_sync_finishes(
    hybrid: Hybrid, workspace: Path, pinned: dict[str, str], https_server: HttpsGitServer
) -> None:
    https_server.stall(50_000, only="upload-pack")
    child = subprocess.Popen(
        [str(executable()), "sync"],
        cwd=workspace,
        env=merged_env(pinned),
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert https_server.stalled.wait(15)
    finally:
        child.kill()
        child.wait()
    hybrid("status")
    hybrid("pin", "local", check=7)
    https_server.clear_faults()
    hybrid("sync", env=pinned)
    assert head(workspace) == lock(workspace)["tool"]["commit"]
    assert not list((workspace / "sources").glob(".incoming/*"))


def test_redirect_to_a_host_that_policy_forbids_is_6(
    hybrid: Hybrid, workspace: Path, pinned: dict[str, str], https_server: HttpsGitServer
) -> None:
    path = workspace / "sources.toml"
    path.write_text(path.read_text() + '\n[policy]\nhosts = ["localhost"]\n')
    https_server.redirect("/tool.git", https_server.url("tool.git", host="127.0.0.1").replace("tool.git", "t2.git"))
    (https_server.root / "t2.git").symlink_to("tool.git")
    hybrid("sync", "tool", env=pinned, check=6)
    assert not (workspace / "sources/tool").exists()


def test_a_redirect_by_way_of_a_host_that_policy_forbids_is_6(
    hybrid: Hybrid, workspace: Path, pinned: dict[str, str], https_server: HttpsGitServer
) -> None:
    path = workspace / "sources.toml"
    path.write_text(path.read_text() + '\n[policy]\nhosts = ["localhost"]\n')
    https_server.redirect("/tool.git", https_server.url("t2.git", host="127.0.0.1"))
    https_server.redirect("/t2.git", https_server.url("t3.git"))
    (https_server.root / "t3.git").symlink_to("tool.git")
    refused = hybrid("sync", "tool", env=pinned, check=6)
    assert "the host 127.0.0.1 is not in" in refused.err
    path.write_text(path.read_text().replace('["localhost"]', '["localhost", "127.0.0.1"]'))
    hybrid("sync", "tool", env=pinned)


@pytest.mark.parametrize("server", ["", "{}.", "{}/tool.git."])
@pytest.mark.parametrize("included", [False, True])
def test_certificates_are_verified_whatever_git_is_set_to(
    hybrid: Hybrid,
    workspace: Path,
    tmp_path: Path,
    pinned: dict[str, str],
    https_server: HttpsGitServer,
    server: str,
    included: bool,
) -> None:
    key = f"http.{server.format(https_server.base_url)}sslVerify"
    if included:
        git("config", "--file", str(tmp_path / "more"), key, "false", cwd=workspace)
        git("config", "--global", "includeIf.gitdir:**.path", str(tmp_path / "more"), cwd=workspace)
    else:
        git("config", "--global", key, "false", cwd=workspace)
    assert "certificate" in hybrid("sync", "tool", check=4).err
    assert not (workspace / "sources/tool").exists()
    if not included:
        assert "is not obeyed: certificates are always verified" in hybrid("diag", check=None).out
    hybrid("sync", "tool", env=pinned)


def test_unknown_certificate_is_4(hybrid: Hybrid, pinned: dict[str, str]) -> None:
    failed = hybrid("sync", "tool", check=4)
    assert "certificate" in failed.err.lower()


def test_ended_with_local_work_leaves_no_marker(
    hybrid: Hybrid, workspace: Path, tool: Upstream, pinned: dict[str, str]
) -> None:
    hybrid("sync", env=pinned)
    (workspace / "sources/tool/README").write_text("mine")
    tool.commit({"x": "y"})
    hybrid("pin", "local")
    mixed = hybrid("sync", "--json", env=pinned, check=3)
    assert codes(mixed) == {"local": 0, "tool": 3}
    assert not (workspace / "state/resume.json").exists()
    lines = (workspace / "state/sources-audit.jsonl").read_text().splitlines()
    assert all(json.loads(line)["hash"] for line in lines)
    git("status", cwd=workspace / "sources/tool")
