"""Settings: GIT_HYBRID_* variables, their `git config` twins, mirrors, and who wins."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from support.beginning import Begun
from support.cli import Hybrid, merged_env
from support.https_server import HttpsGitServer
from support.kit import changes, git, git_env_path, head, lock, released, snapshot, started, state
from support.upstream import Upstream, UpstreamFactory


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    released(upstream)
    return upstream


def _mirror(tool: Upstream, place: Path) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(tool.path, place)
    return place


@pytest.fixture
def dead(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> str:
    """A pinned source whose own URL answers nothing."""
    begun(tool.url, "--branch", "main", sync=False)
    lost = tool.path.with_name("lost")
    tool.path.rename(lost)
    shutil.copytree(lost, tool.path.parent / "copy")
    shutil.rmtree(lost)
    return tool.url


TEMPLATES = {"plain": "{base}", "placeholders": "{base}/{{host}}/{{path}}.git", "name": "{base}/by/{{name}}.git"}


@pytest.mark.parametrize("kind", TEMPLATES)
def test_mirrors(hybrid: Hybrid, workspace: Path, tmp_path: Path, tool: Upstream, dead: str, kind: str) -> None:
    mirror = tmp_path / "mirror"
    path = str(tool.path).lstrip("/")
    places = {"plain": f"localhost/{path}", "placeholders": f"localhost/{path}", "name": "by/tool.git"}
    place = mirror / places[kind]
    place.parent.mkdir(parents=True)
    (tool.path.parent / "copy").rename(place)
    base = TEMPLATES[kind].format(base=mirror.as_uri())
    hybrid("sync", env={"GIT_HYBRID_MIRRORS": f"{(tmp_path / 'empty').as_uri()},{base}"})
    assert head(workspace) == lock(workspace)["tool"]["commit"]
    assert state(workspace)["tool"]["served_by"].startswith(mirror.as_uri())
    assert state(workspace)["tool"]["repo_url"] == dead


def test_no_fallback_without_direct(
    hybrid: Hybrid, workspace: Path, tmp_path: Path, tool: Upstream, begun: Begun
) -> None:
    begun(tool.url, "--branch", "main", sync=False)
    empty = (tmp_path / "empty").as_uri()
    failed = hybrid("sync", env={"GIT_HYBRID_MIRRORS": empty}, check=4)
    assert "hint: " in failed.err
    assert not (workspace / "sources/tool").exists()
    given_up = hybrid("resume", "--abort")
    assert given_up.out.split() == ["tool", "left"]
    assert given_up.err.startswith("gave up 1 source in ")
    assert given_up.err.endswith(": 1 left\n")
    for mirrors in ("off", f"{empty},off", f"{empty},off,direct"):
        hybrid("sync", env={"GIT_HYBRID_MIRRORS": mirrors}, check=4)
        hybrid("resume", "--abort")
    hybrid("sync", env={"GIT_HYBRID_MIRRORS": f"{empty},direct"})
    assert head(workspace) == tool.rev("main")


def test_mirror_over_https_joins_port_to_host(
    hybrid: Hybrid, workspace: Path, tmp_path: Path, tool: Upstream, https_server: HttpsGitServer
) -> None:
    hybrid("init")
    hybrid("add", https_server.url("tool.git"), env=https_server.env())
    place = _mirror(tool, tmp_path / f"m/localhost_{https_server.port}/tool.git")
    https_server.clear_requests()
    hybrid("sync", env={"GIT_HYBRID_MIRRORS": (tmp_path / "m").as_uri()})
    assert https_server.requests == []
    assert state(workspace)["tool"]["served_by"] == place.as_uri()


def test_a_mirror_that_lies_is_5(hybrid: Hybrid, workspace: Path, tmp_path: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, "--tag", "v1.0.0", sync=False)
    place = _mirror(tool, tmp_path / "m/localhost" / str(tool.path).lstrip("/"))
    Upstream(place).tag("v1.0.0", "main", force=True)
    hybrid("sync", env={"GIT_HYBRID_MIRRORS": (tmp_path / "m").as_uri()}, check=5)
    assert not (workspace / "sources/tool").exists()


def _git_hybrid(*words: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *words],
        cwd=cwd,
        env=merged_env(git_env_path() | (env or {})),
        capture_output=True,
        text=True,
        check=False,
    )


def test_config_twins_and_precedence(
    hybrid: Hybrid, workspace: Path, tmp_path: Path, tool: Upstream, begun: Begun
) -> None:
    begun(tool.url, "--branch", "main", sync=False)
    assert _git_hybrid("-c", "hybrid.offline=true", "hybrid", "sync", cwd=workspace).returncode == 4
    hybrid("resume", "--abort")
    empty = (tmp_path / "empty").as_uri()
    assert _git_hybrid("-c", f"hybrid.mirrors={empty}", "hybrid", "sync", cwd=workspace).returncode == 4
    hybrid("resume", "--abort")
    assert _git_hybrid("-c", "hybrid.jobs=banana", "hybrid", "sync", cwd=workspace).returncode == 2
    env = {"GIT_HYBRID_OPERATOR": "Env <env@example.org>", "GIT_AUTHOR_NAME": "no", "GIT_AUTHOR_EMAIL": "no@x"}
    done = _git_hybrid(
        "-c", "hybrid.operator=Cfg <c@x.org>", "-c", "hybrid.jobs=2", "hybrid", "sync", cwd=workspace, env=env
    )
    assert done.returncode == 0, done.stderr
    assert state(workspace)["tool"]["updated_by"] == "Env <env@example.org>"
    tool.commit({"x": "x"})
    assert _git_hybrid("-c", "hybrid.operator=Cfg <c@x.org>", "hybrid", "pin", "tool", cwd=workspace).returncode == 0
    last = (workspace / "state/sources-audit.jsonl").read_text().splitlines()[-1]
    assert json.loads(last)["operator"] == "Cfg <c@x.org>"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JOBS", "0"),
        ("JOBS", "x"),
        ("LOCK_TIMEOUT", "soon"),
        ("OFFLINE", "perhaps"),
        ("MIRRORS", "ftp://x/"),
        ("OFFLINE", " "),
        ("CACHE_DIR", " \t"),
    ],
)
def test_bad_values_are_2_and_name_the_variable(
    hybrid: Hybrid, workspace: Path, tool: Upstream, name: str, value: str, begun: Begun
) -> None:
    begun(tool.url, sync=False)
    before = snapshot(workspace)
    refused = hybrid("sync", env={f"GIT_HYBRID_{name}": value}, check=2)
    assert f"GIT_HYBRID_{name}" in refused.err
    assert changes(before, snapshot(workspace)) == []


def test_called_from_a_git_hook(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    git("init", "-q", cwd=workspace)
    started(hybrid, tool.url, "--branch", "main", sync=False)
    git("add", ".", cwd=workspace)
    hook = workspace / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        "#!/bin/sh\nset -e\nenv | grep ^GIT_ >seen\ngit hybrid sync\ngit hybrid status --exit-code\ngit hybrid pin tool\n"
    )
    hook.chmod(0o755)
    done = _git_hybrid("commit", "-m", "x", cwd=workspace)
    assert done.returncode == 0, done.stderr
    assert "GIT_INDEX_FILE" in (workspace / "seen").read_text()
    assert head(workspace) == tool.rev("main")
    env = {"GIT_DIR": str(workspace / ".git"), "GIT_WORK_TREE": str(workspace), "GIT_INDEX_FILE": ".git/index"}
    outer = git("rev-parse", "HEAD", cwd=workspace)
    tool.commit({"x": "x"})
    hybrid("pin", "tool", env=env)
    hybrid("sync", env=env)
    assert head(workspace) == tool.rev("main")
    (workspace / "sources/tool/x").write_text("mine")
    hybrid("reset", "tool", env=env)
    assert git("rev-parse", "HEAD", cwd=workspace) == outer
    assert git("for-each-ref", "refs/hybrid", cwd=workspace) == ""


def test_trace_and_other_noise_of_the_caller_is_harmless(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    env = {"GIT_TRACE": "1", "GIT_LITERAL_PATHSPECS": "1", "LC_ALL": "de_DE.UTF-8", "GIT_CEILING_DIRECTORIES": "/"}
    env |= {"GIT_OBJECT_DIRECTORY": "/nonexistent", "GIT_NAMESPACE": "n", "GIT_DEFAULT_HASH": "sha256"}
    hybrid("init", env=env)
    hybrid("add", tool.url, "--tag", "v1.0.0", env=env)
    hybrid("sync", env=env)
    assert head(workspace) == tool.rev("v1.0.0^{commit}")


def test_a_protocol_that_the_settings_of_git_forbid_is_not_used(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    begun(tool.url, sync=False)
    git("config", "--global", "protocol.allow", "never", cwd=workspace)
    for command in (("sync",), ("outdated",), ("add", tool.url, "--name", "other")):
        assert "transport: 'file': git may not use it" in hybrid(*command, check=2).err
    git("config", "--global", "protocol.file.allow", "user", cwd=workspace)
    hybrid("sync")
