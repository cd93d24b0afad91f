"""A first fetch from a folder of this machine: by two programs of git's, checked as ever, and git's own where it differs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from git_hybrid.core.errors import Interrupted, NetworkFailure
from git_hybrid.core.ids import SourceName
from git_hybrid.core.manifest import Defaults
from git_hybrid.core.ports import FetchRequest, Stage
from git_hybrid.git.nearby import HAVES, Nearby
from git_hybrid.git.run import Runner
from git_hybrid.git.skeleton import write_skeleton
from git_hybrid.git.transport import GitTransport
from support.kit import git, head, logging_git, released, started
from support.upstream import Upstream, UpstreamFactory

MAIN, KEPT = "refs/heads/main", "refs/hybrid/upstream/heads/main"


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    released(upstream)
    return upstream


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    path = tmp_path / "stage"
    write_skeleton(path / ".git", object_format="sha1")
    return Stage(name=SourceName("tool"), path=str(path))


def commands(log: Path) -> list[str]:
    """Return which of the commands that fetch were started, in their order."""
    found = ("clone", "fetch", "ls-remote", "upload-pack", "index-pack")
    lines = [line.split("\037") for line in log.read_text().splitlines()]
    return [word for words in lines for word in found if word in words]


def fake_git(folder: Path, upload_pack: str) -> dict[str, str]:
    """Put a `git` in *folder* whose `upload-pack` is the line of shell *upload_pack*; return the environment."""
    real = shutil.which("git")
    folder.mkdir()
    script = folder / "git"
    script.write_text(f'#!/bin/sh\ncase " $* " in *" upload-pack "*) {upload_pack} ;; esac\nexec {real} "$@"\n')
    script.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def replacing(folder: Path) -> str:
    """Return a command that copies what comes at once, with its first argument replaced by the second."""
    script = folder / "replacing.py"
    script.write_text(
        "import os, sys\n"
        "old, new = (word.encode() for word in sys.argv[1:])\n"
        "while data := os.read(0, 1 << 16):\n"
        "    os.write(1, data.replace(old, new))\n"
    )
    return f'{sys.executable} -I "{script}"'


def fetched(
    tool: Upstream, stage: Stage, *, env: dict[str, str] | None = None, ref: str = MAIN, **options: object
) -> bool:
    nearby = Nearby(Runner(environ={**os.environ, **(env or {})}, **options))
    kept = "refs/hybrid/upstream/" + ref.removeprefix("refs/")
    return nearby.fetch(stage, tool.url, FetchRequest(refs=(ref,)), Defaults(), kept)


def untouched(stage: Stage) -> bool:
    packs = list(Path(stage.path, ".git/objects/pack").iterdir())
    return not packs and git("for-each-ref", cwd=stage.path) == ""


@pytest.mark.parametrize(("option", "value"), [("--branch", "main"), ("--tag", "v1.1.0")])
def test_a_source_is_cloned_by_two_programs(hybrid, workspace, tool, tmp_path, option, value):
    started(hybrid, tool.url, option, value, sync=False)
    env, log = logging_git(tmp_path / "bin")
    hybrid("sync", env=env | {"GIT_HYBRID_CACHE_DIR": str(tmp_path / "new-cache")})
    assert commands(log) == ["upload-pack", "index-pack"]
    assert any("--strict=" in word for word in log.read_text().split("\037"))
    assert git("fsck", "--full", "--strict", "--no-dangling", cwd=workspace / "sources/tool") == ""
    assert head(workspace) == tool.rev(f"{value}^{{commit}}")
    assert git("for-each-ref", "--format=%(refname)", cwd=workspace / "sources/tool").split() == [
        "refs/hybrid/pin",
        "refs/hybrid/upstream/" + ("heads/main" if value == "main" else "tags/v1.1.0"),
    ]


def test_upstream_is_asked_for_its_tip_where_the_cache_has_all(hybrid, workspace, tool, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_HYBRID_CACHE_DIR", str(tmp_path / "object-cache"))
    started(hybrid, tool.url, "--branch", "main")
    shutil.rmtree(workspace / "sources/tool")
    env, log = logging_git(tmp_path / "bin")
    hybrid("sync", env=env)
    assert commands(log) == ["upload-pack"]
    assert head(workspace) == tool.rev("main")
    tool.commit({"README": "more\n"}, "more")
    shutil.rmtree(workspace / "sources/tool")
    log.write_text("")
    hybrid("sync", env=env)
    assert commands(log) == ["upload-pack", "fetch"]


@pytest.mark.parametrize(
    "setting",
    [
        ("protocol.version", "1"),
        ("fetch.fsck.missingEmail", "error"),
        ("url.file:///nowhere/.insteadOf", "https://nowhere.example/"),
        ("remote.git-hybrid.uploadpack", "git-upload-pack"),
    ],
)
def test_settings_of_the_user_are_git_s_to_obey(tool, stage, tmp_path, monkeypatch, setting):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    git("config", "--global", *setting, cwd=tmp_path)
    assert not fetched(tool, stage)
    assert untouched(stage)


@pytest.mark.parametrize(
    "variables",
    [
        {"GIT_ALLOW_PROTOCOL": "https"},
        {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "a.b", "GIT_CONFIG_VALUE_0": "c"},
        {"GIT_CONFIG_PARAMETERS": "'a.b=c'"},
    ],
)
def test_variables_are_git_s_to_obey(tool, stage, variables):
    assert not fetched(tool, stage, env=variables)
    assert untouched(stage)


def test_what_the_user_allows_is_no_reason_to_leave_it_to_git(tool, stage, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    git("config", "--global", "protocol.file.allow", "always", cwd=tmp_path)
    git("config", "--global", "pack.threads", "1", cwd=tmp_path)
    assert fetched(tool, stage)
    assert git("rev-parse", KEPT, cwd=stage.path).strip() == tool.rev("main")


def test_a_ref_that_is_not_there_is_git_s_to_tell(tool, stage):
    assert not fetched(tool, stage, ref="refs/heads/mai")
    assert not fetched(tool, stage, ref="refs/tags/nothing")
    assert untouched(stage)


def test_a_shallow_server_is_git_s(tool, stage, tmp_path):
    subprocess.run(["git", "clone", "-q", "--bare", "--depth=1", tool.url, tmp_path / "cut.git"], check=True)
    cut = Nearby(Runner(environ=dict(os.environ)))
    url = (tmp_path / "cut.git").as_uri()
    assert not cut.fetch(stage, url, FetchRequest(refs=(MAIN,)), Defaults(), KEPT)
    assert untouched(stage)


@pytest.mark.parametrize(
    "upload_pack",
    [
        "exit 0",
        "echo nonsense; exit 0",
        'REAL "$@" | dd bs=1 count=900 status=none; exit 0',  # the pack is cut in its middle
        'REAL "$@" | FILTER NAK ACK; exit 0',
        'REAL "$@"; exit 3',
    ],
)
def test_a_server_that_fails_leaves_nothing(tool, stage, tmp_path, upload_pack):
    tool.commit({"noise": os.urandom(5000)})
    line = upload_pack.replace("REAL", str(shutil.which("git"))).replace("FILTER", replacing(tmp_path))
    assert not fetched(tool, stage, env=fake_git(tmp_path / "bin", line))
    assert untouched(stage)


def test_what_fsck_refuses_leaves_nothing(tool, stage):
    blob = tool.blob(b"x")
    tool.update_ref(MAIN, tool.raw_commit(tool.raw_tree([("100644", blob, b".git")])))
    assert not fetched(tool, stage)
    assert untouched(stage)


def test_a_pack_without_what_was_promised_leaves_nothing(tool, stage, tmp_path, upstream_factory):
    """The server names its main, and sends the whole history of something else."""
    other = upstream_factory("other")
    other.commit({"f": "other\n"})
    real, tip, sent = shutil.which("git"), tool.rev("main"), other.rev("main")
    turn = replacing(tmp_path)
    served = f'{turn} {tip} {sent} | {real} upload-pack "{other.path}" | {turn} {sent} {tip}; exit 0'
    assert not fetched(tool, stage, env=fake_git(tmp_path / "bin", served))
    assert untouched(stage)


def test_a_stage_that_has_something_else_is_git_s(tool, stage):
    git("-c", "fetch.unpackLimit=1", "fetch", "-q", str(tool.path), "v1.0.0", cwd=stage.path)
    before = sorted(Path(stage.path, ".git").rglob("*"))
    assert not fetched(tool, stage)
    assert sorted(Path(stage.path, ".git").rglob("*")) == before


def test_more_than_one_ref_or_less_than_all_is_git_s(tool, stage):
    nearby = Nearby(Runner(environ=dict(os.environ)))
    for request in (
        FetchRequest(refs=(MAIN, "refs/tags/v1.0.0")),
        FetchRequest(refs=("refs/heads/*",)),
        FetchRequest(refs=(MAIN,), depth=1),
        FetchRequest(refs=(MAIN,), commits_only=True),
        FetchRequest(refs=(MAIN,), waived=(tool.rev("main"),)),
    ):
        assert not nearby.fetch(stage, tool.url, request, Defaults(), KEPT)
    assert not nearby.fetch(
        stage, tool.url.replace("file://", "file://localhost"), FetchRequest(refs=(MAIN,)), Defaults(), KEPT
    )


def test_a_tip_that_the_store_has_needs_no_pack(tool, stage):
    assert fetched(tool, stage)
    Path(stage.path, ".git", KEPT).unlink()
    Path(stage.path, ".git/packed-refs").write_text(f"{tool.rev('main')} {HAVES}0\n")
    assert fetched(tool, stage)
    assert Path(stage.path, ".git", KEPT).read_text() == f"{tool.rev('main')}\n"
    tool.commit({"README": "more\n"}, "more")
    assert not fetched(tool, stage)


def test_a_signal_and_a_deadline_end_it(tool, stage, tmp_path):
    env = fake_git(tmp_path / "bin", "exec sleep 60")
    before = time.monotonic()
    with pytest.raises(Interrupted):
        fetched(tool, stage, env=env, cancelled=lambda: 2)
    transport = GitTransport(
        runner=(runner := Runner(environ={**os.environ, **env})), allowed_host=lambda _host: True, nearby=Nearby(runner)
    )
    with pytest.raises(NetworkFailure) as caught:
        transport.fetch(stage, tool.url, FetchRequest(refs=(MAIN,)), Defaults(deadline=timedelta(seconds=1)))
    assert caught.value.kind == "deadline"
    assert time.monotonic() - before < 30
