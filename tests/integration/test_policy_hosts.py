"""`[policy] hosts`: no command asks a host that is not in it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_hybrid.git.environment import configured
from support.beginning import Beginning
from support.cli import Hybrid
from support.https_server import HttpsGitServer
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


@pytest.fixture
def elsewhere(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, https_server: HttpsGitServer, tmp_path: Path
) -> dict[str, str]:
    """Let the server send whoever asks to a host that policy does not have; return the environment of a login."""
    made = upstream_factory("tool")
    made.commit({"README": "one"})
    env = https_server.env()
    hybrid("init")
    hybrid("add", https_server.url("tool.git"), env=env)
    replace(workspace / "sources.toml", "[policy]\n", '[policy]\nhosts = ["localhost"]\n')
    https_server.auth = ("ci", "TOKEN")
    https_server.redirect("/tool.git", https_server.url("moved.git", host="127.0.0.1"))
    (https_server.root / "moved.git").symlink_to("tool.git")
    says = f"!f() {{ test $1 = get && grep host= >>{tmp_path}/asked; echo username=ci; echo password=TOKEN; }}; f"
    # Of git's own, for this server alone; it counts no more than for all.
    follow = f"http.{https_server.base_url}.followRedirects"
    settings = {"credential.helper": says, follow: "true"}
    return {**env, **configured(settings)}


@pytest.mark.parametrize("command", ["outdated", "sync", "pin tool", "mirror update m"])
def test_a_host_that_it_leads_to_is_asked_nothing_and_shown_no_login(
    hybrid: Hybrid, https_server: HttpsGitServer, elsewhere: dict[str, str], tmp_path: Path, command: str
) -> None:
    refused = hybrid(*command.split(), env=elsewhere, check=6)
    assert "127.0.0.1 is not in [policy] hosts" in refused.err + refused.out
    assert not [request for request in https_server.requests if "moved" in request.path]
    assert not (tmp_path / "asked").exists()


def test_a_host_that_policy_has_is(
    hybrid: Hybrid, workspace: Path, https_server: HttpsGitServer, elsewhere: dict[str, str], tmp_path: Path
) -> None:
    replace(workspace / "sources.toml", '["localhost"]', '["localhost", "127.0.0.1"]')
    hybrid("sync", env=elsewhere)
    hybrid("outdated", env=elsewhere)
    asked = {*(tmp_path / "asked").read_text().splitlines()}
    assert asked == {f"host=127.0.0.1:{https_server.port}"}


def test_another_path_of_the_same_host_is_asked(
    hybrid: Hybrid, workspace: Path, https_server: HttpsGitServer, elsewhere: dict[str, str]
) -> None:
    https_server.clear_redirects()
    https_server.redirect("/tool.git", "/moved.git")
    hybrid("sync", env=elsewhere)
    https_server.clear_redirects()
    https_server.redirect("/tool.git", "/tool.git")
    assert "leads back to where it was asked before" in hybrid("pin", "--all", env=elsewhere, check=4).err
    https_server.clear_redirects()
    https_server.redirect("/tool.git", "/login?back=")
    replace(workspace / "sources.toml", "[defaults]\n", "[defaults]\nretry = { attempts = 1 }\n")
    assert "to no repository there" in hybrid("outdated", env=elsewhere, check=4).err


def test_a_cache_in_front_that_sends_on_to_upstream_is_no_loop(
    hybrid: Hybrid, workspace: Path, https_server: HttpsGitServer, upstream: Upstream
) -> None:
    https_server.redirect("/cache/", f"{https_server.base_url}/")
    cache = https_server.url("cache/", host="127.0.0.1")
    env = {**https_server.env(), **configured({f"url.{cache}.insteadOf": f"{https_server.base_url}/"})}
    hybrid("init")
    replace(workspace / "sources.toml", "[policy]\n", '[policy]\nhosts = ["localhost", "127.0.0.1"]\n')
    hybrid("add", https_server.url(upstream.path.name), env=env)
    hybrid("sync", env=env)
    hybrid("outdated", env=env)
    assert any(request.path.startswith("/cache/") for request in https_server.requests)
