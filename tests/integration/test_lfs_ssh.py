"""LFS content of a repository that is asked over ssh: the server tells there where the content is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from git_hybrid.git.environment import configured
from support.cli import Hybrid
from support.https_server import HttpsGitServer
from support.kit import replace
from support.ssh_server import SshGitServer
from support.upstream import UpstreamFactory

CONTENT = b"x" * 9000
OID = hashlib.sha256(CONTENT).hexdigest()
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize {len(CONTENT)}\n"
RETRY = '[defaults]\nretry = { attempts = 1, initial = "10ms", maximum = "20ms" }\n'
FORGE = "https://forge.example/"


@pytest.fixture
def env(https_server: HttpsGitServer, ssh_server: SshGitServer) -> Mapping[str, str]:
    """Let the content be at the https server, by the name of a host that the URL of the source has."""
    ssh_server.lfs = https_server.url("content")
    found = {"oid": OID, "size": len(CONTENT), "authenticated": True}
    found |= {"actions": {"download": {"href": https_server.url("object")}}}
    body = json.dumps({"transfer": "basic", "objects": [found]}).encode()
    kind = {"Content-Type": "application/vnd.git-lfs+json"}
    https_server.fail_always(200, headers=kind, body=body, only="/content/objects/batch")
    https_server.fail_always(200, body=CONTENT, only="/object")
    return {**https_server.env(), **ssh_server.env()}


@pytest.fixture
def synced(workspace: Path, hybrid: Hybrid, upstream_factory: UpstreamFactory):
    upstream_factory("large").commit({".gitattributes": "*.bin filter=lfs\n", "a.bin": POINTER})

    def run(url: str, env: Mapping[str, str], *, hosts: str = "", check: int = 0) -> str:
        hybrid("init")
        hybrid("add", url, env=env)
        manifest = workspace / "sources.toml"
        replace(manifest, "[defaults]\n", RETRY)
        replace(manifest, 'branch = "main"\n', 'branch = "main"\nlfs = "fetch"\n')
        replace(manifest, "[policy]\n", f"[policy]\n{hosts}\n")
        hybrid("pin", env=env)
        return hybrid("sync", env=env, check=check).err

    return run


def _asked(server: SshGitServer) -> list[str]:
    return [request.command for request in server.requests if "git-lfs-authenticate" in request.command]


def _by_ssh(server: SshGitServer) -> dict[str, str]:
    """Return the setting by which people ask over ssh for what has an https URL."""
    return configured({f"url.{server.url('')}/.insteadOf": FORGE})


@pytest.mark.parametrize("rewritten", [False, True])
def test_it_comes_from_where_the_server_says(
    synced, env: Mapping[str, str], ssh_server: SshGitServer, workspace: Path, *, rewritten: bool
) -> None:
    url, more = (f"{FORGE}large.git", _by_ssh(ssh_server)) if rewritten else (ssh_server.url("large.git"), {})
    hosts = '["localhost", "forge.example"]'
    synced(url, {**env, **more}, hosts=f"hosts = {hosts}")
    assert (workspace / "sources/large/a.bin").read_bytes() == CONTENT
    assert _asked(ssh_server) == [f"git-lfs-authenticate {ssh_server.root}/large.git download"]


@pytest.mark.parametrize("rewritten", [False, True])
def test_a_host_that_policy_does_not_have_is_refused(
    synced,
    env: Mapping[str, str],
    ssh_server: SshGitServer,
    https_server: HttpsGitServer,
    workspace: Path,
    *,
    rewritten: bool,
) -> None:
    ssh_server.lfs = https_server.url("content", host="127.0.0.1")
    url, more = (f"{FORGE}large.git", _by_ssh(ssh_server)) if rewritten else (ssh_server.url("large.git"), {})
    hosts = '["localhost", "forge.example"]'
    told = synced(url, {**env, **more}, hosts=f"hosts = {hosts}", check=6)
    assert "127.0.0.1 is not in [policy] hosts" in told
    assert not (workspace / "sources/large").exists()


def test_what_no_server_of_content_answers_is_not_asked_again_and_again(
    synced, env: Mapping[str, str], ssh_server: SshGitServer
) -> None:
    ssh_server.lfs = None
    synced(ssh_server.url("large.git"), env, check=4)
    assert len(_asked(ssh_server)) == 2
