"""What has no end, or little in it that git makes much of, fills nobody's memory: neither git's nor ours."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from git_hybrid.core.errors import EndlessAnswer, InvalidFile
from git_hybrid.core.manifest import Defaults
from git_hybrid.git import child, memory, servers
from git_hybrid.git.importing import read_gitmodules
from git_hybrid.git.limits import Limits
from git_hybrid.git.memory import bound_memory
from git_hybrid.git.oddities import odd_settings
from git_hybrid.git.permitted import Policy
from git_hybrid.git.pktline import ls_refs
from git_hybrid.git.run import Runner
from git_hybrid.git.servers import Servers
from git_hybrid.git.transport import GitTransport
from support.cli import Hybrid
from support.https_server import HttpsGitServer
from support.kit import write_manifest
from support.upstream import Gitlink, Link, UpstreamFactory

ADVERTISED, RESULT = "application/x-git-upload-pack-advertisement", "application/x-git-upload-pack-result"
SERVICE, POST = b"001e# service=git-upload-pack\n0000", "/git-upload-pack"
REFS = b"".join(b"0041%s refs/heads/%08x\n" % (b"1" * 40, number) for number in range(1000))
LIMITS = Limits(stall=timedelta(seconds=30), deadline=timedelta(minutes=2))


def _noise(server: HttpsGitServer) -> None:
    server.never_end(ADVERTISED, begin=SERVICE, piece=b"z" * 60_000)


def _refs(server: HttpsGitServer) -> None:
    begin = b"%s HEAD\0multi_ack\n" % (b"1" * 40)
    server.never_end(ADVERTISED, begin=SERVICE + b"%04x" % (len(begin) + 4) + begin, piece=REFS)


def _refs_of_version_2(server: HttpsGitServer) -> None:
    server.never_end(RESULT, begin=b"", piece=REFS, only=POST)


@pytest.mark.parametrize("mode", [_noise, _refs, _refs_of_version_2])
def test_git_gets_so_much_memory_for_a_list_of_refs_and_no_more(
    https_server: HttpsGitServer,
    upstream_factory: UpstreamFactory,
    monkeypatch: pytest.MonkeyPatch,
    mode: Callable[[HttpsGitServer], None],
) -> None:
    upstream_factory("tool").commit({"README": "one\n"})
    mode(https_server)
    monkeypatch.setattr(memory, "LISTING", 64 << 20)
    transport = GitTransport(runner=Runner(environ={**os.environ, **https_server.env()}), allowed_host=lambda _: True)
    defaults = Defaults(stall=LIMITS.stall, deadline=LIMITS.deadline)
    with pytest.raises(EndlessAnswer) as caught:
        transport.list_refs(https_server.url("tool.git"), defaults, head=True)
    assert "Out of memory" in caught.value.message
    https_server.clear_faults()
    assert transport.list_refs(https_server.url("tool.git"), defaults, head=True).tips


def test_whoever_talks_on_is_not_listened_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "ssh"
    program.write_text("#!/bin/sh\nexec yes words >&2\n")
    program.chmod(0o755)
    monkeypatch.setattr(child, "_MOST_WORDS", 1 << 20)
    runner = Runner(environ={**os.environ, "GIT_SSH_COMMAND": str(program), "GIT_SSH_VARIANT": "simple"})
    transport = GitTransport(runner=runner, allowed_host=lambda _: True)
    with pytest.raises(EndlessAnswer) as caught:
        transport.list_refs(
            "ssh://git.example/tool.git", Defaults(stall=LIMITS.stall, deadline=LIMITS.deadline), head=True
        )
    assert caught.value.message == "what it says has no end"


def test_a_list_without_end_is_left_to_git(https_server: HttpsGitServer, monkeypatch: pytest.MonkeyPatch) -> None:
    _refs_of_version_2(https_server)
    monkeypatch.setattr(servers, "_MOST", 1 << 20)
    policy = Policy(https=True, file=False, authorities=https_server.env()["GIT_SSL_CAINFO"], nobody=True)
    asked = Servers(policy, lambda: 0, "2.39.5")
    try:
        assert asked.ask(https_server.url("tool.git"), ls_refs(), LIMITS) is None
    finally:
        asked.close()


def test_a_limit_that_is_there_already_stays(tmp_path: Path) -> None:
    runner = Runner(environ=os.environ)
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\nread line\n(ulimit -d)\n")
    script.chmod(0o755)
    with runner._started([str(script)], env=os.environ, cwd=tmp_path, stdin="pipe") as begun:
        bound_memory(begun.pid, 1 << 30)
        assert resource.prlimit(begun.pid, resource.RLIMIT_DATA) == (1 << 30, 1 << 30)
        bound_memory(begun.pid, 2 << 30)
        assert begun.communicate(b"\n", timeout=30)[0] == b"%d\n" % (1 << 20)
    bound_memory(begun.pid, 1 << 30)


MULTIPLIED = f'[x "{"x" * 100_000}"]\n' + "a\n" * 60
"""Settings of 100 KB of which git lists 6 MB."""
LISTED = "git lists more than 4.0 MiB of settings in it\n"


@pytest.mark.parametrize(
    ("file", "entry", "option", "why"),
    [
        (".gitmodules", MULTIPLIED, "submodules = true", LISTED),
        (".lfsconfig", MULTIPLIED, 'lfs = "fetch"', LISTED),
        (".lfsconfig", Link("README"), 'lfs = "fetch"', "is a symbolic link\n"),
    ],
)
def test_settings_of_upstream_that_git_multiplies_are_refused(
    upstream_factory: UpstreamFactory,
    workspace: Path,
    hybrid: Hybrid,
    file: str,
    entry: str | Link,
    option: str,
    why: str,
) -> None:
    upstream = upstream_factory()
    leaf = upstream.commit({"README": "one\n"})
    upstream.commit({file: entry, "sub": Gitlink(leaf)})
    write_manifest(workspace, f'[source.tool]\nurl = "{upstream.url}"\nbranch = "main"\n{option}\n')
    assert f"{file}: {why}" in hybrid("pin", check=5).err


def test_settings_of_this_machine_that_git_multiplies_are_not_all_read(tmp_path: Path) -> None:
    config, runner = tmp_path / "config", Runner(environ=os.environ)
    config.write_text(MULTIPLIED)
    assert odd_settings(runner, tmp_path) == ["something that cannot be read"]
    with pytest.raises(InvalidFile) as caught:
        read_gitmodules(runner, config)
    assert f"{caught.value.problems[0].reason}\n" == LISTED
