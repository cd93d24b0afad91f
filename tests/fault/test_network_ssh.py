"""Servers that fail, over real ssh: each failure ends, asks nobody, and is healed by the next command (P9, P10)."""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.cli import Hybrid
from support.fleet import half_done, pinned_fleet, wrong_clones
from support.kit import replace
from support.proxy import Proxy
from support.ssh_server import SshGitServer
from support.terminal import Ended, run_on_terminal
from support.upstream import UpstreamFactory

LIMITS = '[defaults]\nstall = "1s"\ndeadline = "5s"\nretry = { attempts = 2, initial = "10ms", maximum = "50ms" }\n'
PACK = 12_000
"""After so many bytes of the stream, key exchange and login are over and the pack has begun."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A workspace with one pinned source behind a proxy in front of an ssh server."""

    proxy: Proxy
    server: SshGitServer
    workspace: Path
    commit: str
    env: dict[str, str]

    def sync(self, **env: str) -> Ended:
        """Run `sync`, and fail if it asks a question, leaves a process, takes too long or leaves half a clone."""
        ended = run_on_terminal("sync", "-v", cwd=self.workspace, env=self.env | env, limit=50)
        assert ended.asked == b""
        assert ended.orphans == ()
        assert ended.seconds < 2 * (5 + 5)
        assert half_done(self.workspace, ["tool"]) == []
        assert len(re.findall("^error: ", ended.result.err, re.MULTILINE)) == 1
        assert re.search("^cause: .", ended.result.err, re.MULTILINE)
        assert re.search("^hint: .", ended.result.err, re.MULTILINE)
        return ended


@pytest.fixture
def scene(
    upstream_factory: UpstreamFactory, ssh_server: SshGitServer, workspace: Path, hybrid: Hybrid
) -> Iterator[Scene]:
    tool = upstream_factory()
    tool.commit({"README": "one\n", "noise": random.Random(0).randbytes(60_000)})
    with Proxy(ssh_server.port) as proxy:
        known = ssh_server.known_hosts.read_text()
        ssh_server.known_hosts.write_text(known + known.replace(str(ssh_server.port), str(proxy.port)))
        url = ssh_server.url("tool.git").replace(f":{ssh_server.port}", f":{proxy.port}")
        commit = pinned_fleet(workspace, tool, {"tool": url}, head=LIMITS)
        scene = Scene(proxy, ssh_server, workspace, commit, ssh_server.env())
        yield scene
        proxy.fail("none")
        hybrid("resume", env=scene.env)
        assert wrong_clones(workspace, ["tool"], commit) == []


def _transient(ended: Ended) -> None:
    assert ended.result.code == 4
    assert "after 2 tries" in ended.result.err
    assert "try 1 of 2 failed" in ended.result.err
    assert "hint: git hybrid resume" in ended.result.err


def _final(ended: Ended) -> None:
    assert ended.result.code == 4
    assert "try 1 of" not in ended.result.err


def test_refused(scene: Scene) -> None:
    with scene.proxy.refusing():
        ended = scene.sync()
    _transient(ended)
    assert "refused" in ended.result.err


def test_a_server_that_says_nothing(scene: Scene) -> None:
    scene.proxy.fail("mute")
    err = scene.sync().result.err
    assert "(deadline) after 1 try\n" in err
    assert "hint: git hybrid resume" in err
    assert scene.proxy.connections == 1


def test_a_server_that_lists_its_refs_and_then_says_nothing(scene: Scene, tmp_path: Path) -> None:
    first = f"{scene.commit} refs/heads/main\0agent=x\n"
    told = f"{len(first) + 4:04x}{first}0000"
    silent = tmp_path / "silent"
    silent.write_text(f"#!{sys.executable}\nimport sys\nprint({told!r}, end='', flush=True)\nsys.stdin.read()\n")
    silent.chmod(0o755)
    replace(scene.workspace / "sources.toml", 'stall = "1s"', 'stall = "100ms"')
    err = scene.sync(GIT_SSH_COMMAND=str(silent), GIT_SSH_VARIANT="ssh").result.err
    assert "nothing has come for 0 s; given up after 1 s" in err
    assert "(stall) after 1 try\n" in err


SLOW = [("fin", 0), ("fin", 30), ("rst", PACK)]


@pytest.mark.parametrize(
    ("how", "after"), [("fin", PACK), *(pytest.param(*case, marks=pytest.mark.sweep) for case in SLOW)]
)
def test_the_stream_breaks(scene: Scene, how: str, after: int) -> None:
    scene.proxy.fail(how, after)  # type: ignore[arg-type]
    _transient(scene.sync())
    assert scene.proxy.connections == 2


def test_another_host_key(scene: Scene) -> None:
    known = scene.server.known_hosts.read_text()
    scene.server.known_hosts.write_text(re.sub(r"AAAA\S{40}", lambda key: key[0][:-2] + "AA", known))
    ended = scene.sync()
    scene.server.known_hosts.write_text(known)
    _final(ended)
    assert "host key" in ended.result.err.lower()
    assert scene.proxy.connections == 1
    assert scene.server.requests == []


@pytest.mark.sweep
def test_an_unknown_host_key_is_no_question(scene: Scene) -> None:
    ssh = scene.env["GIT_SSH_COMMAND"].replace("BatchMode=yes", "BatchMode=no").replace("Checking=yes", "Checking=ask")
    known = scene.server.known_hosts.read_text()
    scene.server.known_hosts.write_text("")
    ended = scene.sync(GIT_SSH_COMMAND=ssh)
    scene.server.known_hosts.write_text(known)
    _final(ended)
    assert scene.proxy.connections == 1


@pytest.mark.sweep
def test_a_key_that_is_not_known(scene: Scene) -> None:
    key = scene.server.key_file
    stranger = key.with_name("nobody")
    ended = scene.sync(GIT_SSH_COMMAND=scene.env["GIT_SSH_COMMAND"].replace(str(key), str(stranger)))
    _final(ended)
    assert "access denied" in ended.result.err
    assert scene.proxy.connections == 1


@pytest.mark.sweep
@pytest.mark.timeout(3000)
def test_the_stream_breaks_anywhere(scene: Scene) -> None:
    bad = []
    offsets = range(40, 62_000, 2_000)
    for after in offsets:
        scene.proxy.fail("fin" if after % 4000 < 2000 else "rst", after)
        try:
            ended = scene.sync()
            _transient(ended)
        except AssertionError as error:
            bad.append(f"{after}: {error}"[:400])
    print(f"P9 P10 (ssh): held {len(offsets) - len(bad)} of {len(offsets)}")
    assert bad == []
