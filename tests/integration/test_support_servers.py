"""The test servers are real: real git talks to them, and their faults are real faults."""

from __future__ import annotations

import gzip
import http.client
import os
import random
import shlex
import ssl
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from support.https_server import HttpsGitServer
from support.pki import Pki
from support.ssh_server import SshGitServer
from support.upstream import Upstream, UpstreamFactory

LS_REFS = b"0014command=ls-refs\n0000"
V2_TYPE = "application/x-git-upload-pack-request"


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    upstream.commit({"README": "hello\n", "noise": random.Random(0).randbytes(200_000)})
    return upstream


def git(*args: str | Path, env: Mapping[str, str], timeout: float = 20) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *args],
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
        env={**os.environ, "GIT_TERMINAL_PROMPT": "0", **env},
    )


def statuses(server: HttpsGitServer) -> list[int]:
    return [request.status for request in server.requests]


def post(server: HttpsGitServer, body: object, headers: Mapping[str, str]) -> bytes:
    context = ssl.create_default_context(cafile=str(server.ca_file))
    connection = http.client.HTTPSConnection("localhost", server.port, context=context, timeout=10)
    try:
        connection.request(
            "POST",
            "/tool.git/git-upload-pack",
            body=body,  # type: ignore[arg-type]
            headers={"Content-Type": V2_TYPE, "Git-Protocol": "version=2", **headers},
            encode_chunked="Transfer-Encoding" in headers,
        )
        response = connection.getresponse()
        assert response.status == 200
        return response.read()
    finally:
        connection.close()


def test_https_clone_uses_protocol_v2_and_the_private_ca(
    https_server: HttpsGitServer, tool: Upstream, tmp_path: Path
) -> None:
    env = https_server.env() | {"GIT_TRACE_PACKET": "1"}
    done = git("clone", https_server.url("tool.git"), tmp_path / "c", env=env)
    assert done.returncode == 0, done.stderr
    assert "version 2" in done.stderr
    assert (tmp_path / "c" / "README").read_text() == "hello\n"
    methods = [(request.method, request.status) for request in https_server.requests]
    assert methods == [("GET", 200), ("POST", 200), ("POST", 200)]


def test_https_without_the_ca_is_refused(https_server: HttpsGitServer, tool: Upstream) -> None:
    done = git("ls-remote", https_server.url("tool.git"), env={})
    assert done.returncode == 128
    assert "certificate" in done.stderr
    assert https_server.requests == []


def test_names_by_address_and_unknown_repositories(https_server: HttpsGitServer, tool: Upstream) -> None:
    by_address = https_server.url("tool.git", host="127.0.0.1")
    assert git("ls-remote", by_address, env=https_server.env()).returncode == 0
    https_server.clear_requests()
    missing = git("ls-remote", https_server.url("none.git"), env=https_server.env())
    assert missing.returncode == 128
    assert statuses(https_server) == [404]


def test_push_is_refused(https_server: HttpsGitServer, tool: Upstream, tmp_path: Path) -> None:
    env = https_server.env()
    assert git("clone", "-q", https_server.url("tool.git"), tmp_path / "c", env=env).returncode == 0
    pushed = git("-C", tmp_path / "c", "push", "origin", "main:other", env=env)
    assert pushed.returncode != 0
    assert "403" in pushed.stderr


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_request_bodies_may_be_gzipped_and_chunked(
    https_server: HttpsGitServer, tool: Upstream, chunked: bool, packed: bool
) -> None:
    body = gzip.compress(LS_REFS) if packed else LS_REFS
    headers = {"Content-Encoding": "gzip"} if packed else {}
    if chunked:
        headers["Transfer-Encoding"] = "chunked"
    sent = iter([body[:5], body[5:]]) if chunked else body
    assert tool.rev("main").encode() in post(https_server, sent, headers)


def test_basic_login(https_server: HttpsGitServer, tool: Upstream) -> None:
    https_server.auth = ("user", "secret")
    url = https_server.url("tool.git")
    assert git("ls-remote", url, env=https_server.env()).returncode == 128
    assert set(statuses(https_server)) == {401}
    helper = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "credential.helper",
        "GIT_CONFIG_VALUE_0": "!f() { echo username=user; echo password=secret; }; f",
    }
    https_server.clear_requests()
    done = git("ls-remote", url, env=https_server.env() | helper)
    assert done.returncode == 0, done.stderr
    assert statuses(https_server) == [401, 200, 200]


def test_fail_next_fails_twice(https_server: HttpsGitServer, tool: Upstream) -> None:
    https_server.fail_next(2, 503, headers={"Retry-After": "1"})
    runs = [git("ls-remote", https_server.url("tool.git"), env=https_server.env()) for _ in "123"]
    assert [run.returncode for run in runs] == [128, 128, 0]
    assert "503" in runs[0].stderr
    assert statuses(https_server)[:2] == [503, 503]


def test_fail_always_hits_only_what_it_names(
    https_server: HttpsGitServer, tool: Upstream, upstream_factory: UpstreamFactory
) -> None:
    upstream_factory("group/other").commit({"a": "1"})
    https_server.fail_always(500, only="/tool.git/")
    env = https_server.env()
    for _ in range(3):
        assert "500" in git("ls-remote", https_server.url("tool.git"), env=env).stderr
    assert git("ls-remote", https_server.url("group/other.git"), env=env).returncode == 0
    https_server.clear_faults()
    assert git("ls-remote", https_server.url("tool.git"), env=env).returncode == 0


@pytest.mark.parametrize("reset", [False, True])
def test_cut_ends_one_long_response(https_server: HttpsGitServer, tool: Upstream, tmp_path: Path, reset: bool) -> None:
    https_server.cut(100_000, reset=reset)
    first = git("clone", https_server.url("tool.git"), tmp_path / "c", env=https_server.env())
    assert first.returncode == 128
    assert "early EOF" in first.stderr or "RPC failed" in first.stderr
    assert statuses(https_server) == [200, 200, 200]
    again = git("clone", https_server.url("tool.git"), tmp_path / "c", env=https_server.env())
    assert again.returncode == 0, again.stderr


def test_stall_trips_the_low_speed_limit(https_server: HttpsGitServer, tool: Upstream, tmp_path: Path) -> None:
    https_server.stall(100_000)
    slow = {"GIT_HTTP_LOW_SPEED_LIMIT": "1000", "GIT_HTTP_LOW_SPEED_TIME": "1"}
    done = git("clone", https_server.url("tool.git"), tmp_path / "c", env=https_server.env() | slow)
    assert done.returncode == 128
    assert https_server.stalled.is_set()


def test_a_stalled_response_goes_on_when_released(https_server: HttpsGitServer, tool: Upstream, tmp_path: Path) -> None:
    https_server.stall(100_000)
    url = https_server.url("tool.git")
    with subprocess.Popen(
        ["git", "clone", "-q", url, str(tmp_path / "c")],
        env={**os.environ, **https_server.env()},
    ) as child:
        assert https_server.stalled.wait(10)
        assert child.poll() is None
        https_server.clear_faults()
        assert child.wait(10) == 0


def test_stopping_ends_stalled_connections(upstreams_root: Path, pki: Pki, tool: Upstream) -> None:
    with HttpsGitServer(upstreams_root, pki=pki) as server:
        server.stall(0)
        child = subprocess.Popen(
            ["git", "ls-remote", server.url("tool.git")],
            env={**os.environ, **server.env()},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert server.stalled.wait(10)
    with child:
        assert child.wait(10) == 128


def test_redirects_are_followed(https_server: HttpsGitServer, tool: Upstream, upstreams_root: Path, pki: Pki) -> None:
    with HttpsGitServer(upstreams_root, pki=pki) as old:
        old.redirect("/was/here", https_server.url("tool.git"))
        done = git("ls-remote", old.url("was/here"), env=old.env())
        assert done.returncode == 0, done.stderr
        assert statuses(old) == [301]
    assert statuses(https_server) == [200, 200]


def test_latency_delays_each_answer(https_server: HttpsGitServer, tool: Upstream) -> None:
    https_server.latency = 0.2
    start = time.monotonic()
    assert git("ls-remote", https_server.url("tool.git"), env=https_server.env()).returncode == 0
    assert time.monotonic() - start >= 0.4


def test_plain_http_serves_without_tls(upstreams_root: Path, pki: Pki, tool: Upstream) -> None:
    with HttpsGitServer(upstreams_root, pki=pki, plain_http=True) as server:
        assert server.base_url.startswith("http://localhost:")
        done = git("ls-remote", server.url("tool.git"), env=server.env())
    assert done.returncode == 0, done.stderr


def test_ssh_clone_uses_protocol_v2(ssh_server: SshGitServer, tool: Upstream, tmp_path: Path) -> None:
    done = git("clone", "-q", ssh_server.url("tool.git"), tmp_path / "c", env=ssh_server.env())
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "c" / "README").read_text() == "hello\n"
    assert ssh_server.requests == [(f"git-upload-pack '{tool.path}'", "version=2")]
    assert git("ls-remote", ssh_server.url("tool"), env=ssh_server.env()).returncode == 0


def test_ssh_refuses_a_changed_host_key(ssh_server: SshGitServer, tool: Upstream) -> None:
    url = ssh_server.url("tool.git")
    ssh_server.change_host_key()
    done = git("ls-remote", url, env=ssh_server.env())
    assert done.returncode == 128
    assert "HOST IDENTIFICATION HAS CHANGED" in done.stderr
    assert ssh_server.requests == []


def test_ssh_can_start_with_a_changed_host_key(upstreams_root: Path, tool: Upstream, tmp_path: Path) -> None:
    folder = tmp_path / "ssh"
    with SshGitServer(upstreams_root, folder=folder, changed_host_key=True) as server:
        done = git("ls-remote", server.url("tool.git"), env=server.env())
    assert "HOST IDENTIFICATION HAS CHANGED" in done.stderr


def test_ssh_refuses_a_stranger(ssh_server: SshGitServer, tool: Upstream, tmp_path: Path) -> None:
    with SshGitServer(tmp_path, folder=tmp_path / "stranger") as other:
        key = str(other.key_file)
    command = ssh_server.env()["GIT_SSH_COMMAND"].replace(str(ssh_server.key_file), key)
    done = git("ls-remote", ssh_server.url("tool.git"), env={"GIT_SSH_COMMAND": command})
    assert done.returncode == 128
    assert "Permission denied" in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "",
        "id",
        "git-receive-pack '{tool}'",
        "git-upload-pack '{tool}' extra",
        "git-upload-pack '{tool}'; id",
        "git-upload-pack '{tool}/../..'",
        "git-upload-pack '/'",
    ],
)
def test_ssh_runs_nothing_else(ssh_server: SshGitServer, tool: Upstream, command: str) -> None:
    ssh = shlex.split(ssh_server.env()["GIT_SSH_COMMAND"])
    text = command.format(tool=tool.path)
    done = subprocess.run(
        [*ssh, "-T", "-p", str(ssh_server.port), "git@localhost", *([text] if text else [])],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert (done.returncode, done.stdout) == (128, "")
    assert "only git-upload-pack" in done.stderr
