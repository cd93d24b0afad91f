"""`[policy] hosts`: no command asks a host that is not in it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.beginning import Beginning
from support.cli import Hybrid
from support.kit import errors, replace, started
from support.upstream import Upstream, UpstreamFactory

NAMES = ["a", "b", "c", "d", "e"]


@pytest.fixture
def upstream(upstream_factory: UpstreamFactory) -> Upstream:
    made = upstream_factory()
    made.commit({"README": "one"})
    return made


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Yield a socket that takes connections and answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.setblocking(False)
        yield made


@pytest.fixture
def forbidden(
    hybrid: Hybrid, workspace: Path, upstream: Upstream, listener: socket.socket, beginning: Beginning
) -> None:
    """Pin five sources, and then let their URLs name a host that policy does not have."""

    def make() -> None:
        hybrid("init")
        for name in NAMES:
            hybrid("add", upstream.url, "--name", name, "--branch", "main")

    beginning(workspace, make)
    manifest = workspace / "sources.toml"
    replace(manifest, upstream.url, f"https://127.0.0.1:{listener.getsockname()[1]}/up")
    replace(manifest, "[defaults]\n", "[defaults]\nstall = '1s'\nretry = { attempts = 1 }\n")
    replace(manifest, "[policy]\n", '[policy]\nhosts = ["github.com"]\n')


def _was_asked(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


@pytest.mark.parametrize("command", [["outdated"], ["diff", "--upstream"], ["pin"]], ids=" ".join)
@pytest.mark.parametrize("names", [["a"], NAMES], ids=["one", "many"])
def test_a_forbidden_host_is_not_asked(
    hybrid: Hybrid, forbidden: None, listener: socket.socket, command: list[str], names: list[str]
) -> None:
    refused = hybrid(*command, *names, "--json", check=6)
    assert errors(refused) == dict.fromkeys(names, "host-not-allowed")
    assert not _was_asked(listener)


def test_nor_is_it_where_a_mirror_or_nobody_may_be_asked(
    hybrid: Hybrid, forbidden: None, listener: socket.socket, tmp_path: Path
) -> None:
    for env in ({"GIT_HYBRID_MIRRORS": f"file://{tmp_path}/nowhere,direct"}, {"GIT_HYBRID_OFFLINE": "1"}):
        refused = hybrid("outdated", "--json", env=env, check=6)
        assert errors(refused) == dict.fromkeys(NAMES, "host-not-allowed")
    assert not _was_asked(listener)


def test_verifying_mirrors_does_not_ask_it_what_is_newest(
    hybrid: Hybrid, forbidden: None, listener: socket.socket, tmp_path: Path
) -> None:
    hybrid("mirror", "add", "m", f"file://{tmp_path}/nowhere", "--owner", "me")
    shown = hybrid("mirror", "verify", check=1)
    assert "a: upstream may not be asked (host-not-allowed), so the last known tip counts" in shown.err
    assert not _was_asked(listener)


def test_a_file_has_no_host(hybrid: Hybrid, workspace: Path, upstream: Upstream) -> None:
    started(hybrid, upstream.url, "--branch", "main", sync=False)
    replace(workspace / "sources.toml", "[policy]\n", '[policy]\nhosts = ["github.com"]\n')
    hybrid("outdated")
