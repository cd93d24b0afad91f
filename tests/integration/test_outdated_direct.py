"""`git hybrid outdated` without a git process for each upstream: the same answers, and git wherever it may differ."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from git_hybrid import __version__
from git_hybrid.core.errors import Interrupted, NetworkFailure
from git_hybrid.core.manifest import Defaults
from git_hybrid.git.direct import Direct
from git_hybrid.git.environment import configured
from git_hybrid.git.run import Runner
from git_hybrid.git.transport import GitTransport
from support.beginning import Beginning
from support.cli import Hybrid, executable, merged_env
from support.https_server import HttpsGitServer
from support.kit import codes, git, logging_git, write_manifest
from support.upstream import Upstream, UpstreamFactory

NAMES = ["a", "b", "c", "d", "e"]
FAST = "[defaults]\njobs = 2\nretry = { attempts = 3, initial = '10ms', maximum = '50ms' }\nstall = '30s'\n"
POST = "/git-upload-pack"


@pytest.fixture
def https_server(lasting_server: HttpsGitServer) -> HttpsGitServer:
    lasting_server.forget()
    return lasting_server


@pytest.fixture
def upstreams(upstream_factory: UpstreamFactory) -> dict[str, Upstream]:
    made = {name: upstream_factory(name) for name in NAMES}
    for name, upstream in made.items():
        upstream.commit({"README": name})
        upstream.tag("v1.0.0")
    return made


@pytest.fixture
def asked(
    hybrid: Hybrid,
    workspace: Path,
    upstreams: dict[str, Upstream],
    https_server: HttpsGitServer,
    tmp_path: Path,
    beginning: Beginning,
) -> tuple[dict[str, str], Path]:
    """Pin each upstream over https; return the environment, with a git that logs, and its log."""
    tables = [f'[source.{name}]\nurl = "{https_server.url(f"{name}.git")}"\nbranch = "main"\n' for name in NAMES]
    write_manifest(workspace, FAST + "".join(tables))
    beginning(workspace, lambda: hybrid("pin", env=https_server.env()))
    https_server.clear_requests()
    logged, log = logging_git(tmp_path / "git")
    return logged | https_server.env(), log


def _listed(log: Path) -> int:
    """Return how many lists of refs were git's."""
    return log.read_text().count("\x1fls-remote\x1f")


def test_one_request_a_source_and_no_git(
    hybrid: Hybrid,
    workspace: Path,
    upstreams: dict[str, Upstream],
    https_server: HttpsGitServer,
    asked: tuple[dict[str, str], Path],
) -> None:
    env, log = asked
    new = upstreams["c"].commit({"README": "new"})
    rows = {row["name"]: row for row in hybrid("outdated", "--json", env=env).json()["sources"]}
    assert {name: row["outcome"] for name, row in rows.items()} == dict.fromkeys(NAMES, "current") | {"c": "outdated"}
    assert rows["c"]["to_commit"] == new
    assert sorted(request.path for request in https_server.requests) == [f"/{name}.git{POST}" for name in NAMES]
    assert _listed(log) == 0
    # Servers that do not serve old ones look at that.
    version = subprocess.run(["git", "version"], capture_output=True, text=True, check=True).stdout.split()[2]
    assert {request.agent for request in https_server.requests} == {f"git/{version} (git-hybrid {__version__})"}


def test_few_sources_are_asked_by_git(
    hybrid: Hybrid, https_server: HttpsGitServer, asked: tuple[dict[str, str], Path]
) -> None:
    env, log = asked
    hybrid("outdated", "a", "b", env=env)
    assert _listed(log) == 2


def test_folders_are_asked_without_ls_remote(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], asked: tuple[dict[str, str], Path]
) -> None:
    env, log = asked
    write_manifest(
        workspace, "".join(f'[source.{n}]\nurl = "{u.url}"\nbranch = "main"\n' for n, u in upstreams.items())
    )
    (workspace / "state/sources.lock").unlink()
    hybrid("pin")
    upstreams["b"].commit({"README": "new"})
    upstreams["e"].path.rename(upstreams["e"].path.with_name("gone"))
    rows = hybrid("outdated", "--json", env=env, check=4).json()["sources"]
    assert [row["outcome"] for row in rows] == ["current", "outdated", "current", "current", "failed"]
    assert rows[4]["error"]["code"] == "repository-not-found"
    assert _listed(log) == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"http.extraHeader": "X-Token: 1"},
        {"http.https://localhost.sslVerify": "true"},
        {"http.proxy": ""},
        {"url.https://elsewhere.example/.insteadOf": "https://nowhere.example/"},
        {"protocol.version": "0"},
        {"remote.https://localhost/x.proxy": ""},
    ],
)
def test_settings_of_the_user_are_git_s_to_obey(
    hybrid: Hybrid, asked: tuple[dict[str, str], Path], settings: Mapping[str, str]
) -> None:
    env, log = asked
    for key, value in settings.items():
        git("config", "--global", key, value, cwd=log.parent)
    hybrid("outdated", env=env)
    assert _listed(log) == len(NAMES)


def test_what_the_user_allows_changes_nothing(hybrid: Hybrid, asked: tuple[dict[str, str], Path]) -> None:
    """Children are told which protocols are allowed by a variable, which overrides all of this (git(1))."""
    env, log = asked
    git("config", "--global", "protocol.file.allow", "always", cwd=log.parent)
    git("config", "--global", "protocol.https.allow", "user", cwd=log.parent)
    hybrid("outdated", env=env)
    assert _listed(log) == 0


@pytest.mark.parametrize(
    "variables",
    [
        {"https_proxy": "", "HTTPS_PROXY": "http://127.0.0.1:1", "no_proxy": "localhost"},
        {"GIT_HTTP_USER_AGENT": "mine"},
        {"GIT_SSL_VERSION": "tlsv1.3"},
        {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "http.userAgent", "GIT_CONFIG_VALUE_0": "mine"},
    ],
)
def test_variables_are_git_s_to_obey(
    hybrid: Hybrid, asked: tuple[dict[str, str], Path], variables: Mapping[str, str]
) -> None:
    env, log = asked
    hybrid("outdated", env=env | variables)
    assert _listed(log) == len(NAMES)


def test_the_authority_of_the_user_is_obeyed(
    hybrid: Hybrid, https_server: HttpsGitServer, asked: tuple[dict[str, str], Path]
) -> None:
    env, log = asked
    del env["GIT_SSL_CAINFO"]
    git("config", "--global", "http.sslCAInfo", str(https_server.ca_file), cwd=log.parent)
    hybrid("outdated", env=env)
    assert _listed(log) == 0
    git("config", "--global", "--unset", "http.sslCAInfo", cwd=log.parent)
    result = hybrid("outdated", "--json", env=env, check=4)
    assert {row["error"]["code"] for row in result.json()["sources"]} == {"tls"}
    assert len(https_server.requests) == len(NAMES)


def test_a_variable_that_names_other_authorities(
    hybrid: Hybrid, https_server: HttpsGitServer, asked: tuple[dict[str, str], Path]
) -> None:
    env, log = asked
    del env["GIT_SSL_CAINFO"]
    hybrid("outdated", env=env | {"SSL_CERT_FILE": str(https_server.ca_file)}, check=None)
    assert _listed(log) == len(NAMES)


def test_a_login_is_git_s(hybrid: Hybrid, https_server: HttpsGitServer, asked: tuple[dict[str, str], Path]) -> None:
    env, log = asked
    https_server.auth = ("me", "secret")
    helper = "!f() { echo username=me; echo password=secret; }; f"
    git("config", "--global", "credential.helper", helper, cwd=log.parent)
    hybrid("outdated", env=env)
    assert _listed(log) == len(NAMES)
    # Once a server has refused, the others of it are not asked in vain.
    assert sum(request.method == "POST" and request.status == 401 for request in https_server.requests) <= 2


def test_a_redirect_is_git_s(
    hybrid: Hybrid, workspace: Path, https_server: HttpsGitServer, asked: tuple[dict[str, str], Path]
) -> None:
    env, log = asked
    # The first two that are asked: what they say is no word on the others of their server.
    https_server.redirect("/a.git", https_server.url("c.git"))
    https_server.redirect("/b.git", https_server.url("c.git", host="127.0.0.1"))
    text = (workspace / "sources.toml").read_text()
    (workspace / "sources.toml").write_text(f'{text}\n[policy]\nhosts = ["localhost"]\n')
    result = hybrid("outdated", "--json", env=env, check=6)
    assert codes(result) == {"a": 0, "b": 6, "c": 0, "d": 0, "e": 0}
    (moved,) = (row for row in result.json()["sources"] if row["name"] == "a")
    assert moved["detail"]["moved_to"] == https_server.url("c.git")
    assert moved["notes"] == [
        f"upstream has moved: it sends on to {https_server.url('c.git')}, which is to be the url in sources.toml"
    ]
    # Where the first leads is asked by another git, once that was judged; where the second leads is not.
    assert _listed(log) == 3


def test_a_server_that_sends_everybody_on_is_not_asked_in_vain(
    hybrid: Hybrid, https_server: HttpsGitServer, asked: tuple[dict[str, str], Path]
) -> None:
    env, log = asked
    for name in NAMES:
        https_server.redirect(f"/{name}.git", https_server.url("login"))
    hybrid("outdated", env=env, check=4)
    assert _listed(log) >= len(NAMES)
    # The third tells; a second thread may have asked by then.
    assert sum(request.method == "POST" for request in https_server.requests) in {3, 4}


def test_a_cache_of_the_user_s_that_sends_on_is_no_move_of_upstream(
    hybrid: Hybrid,
    upstreams: dict[str, Upstream],
    https_server: HttpsGitServer,
    asked: tuple[dict[str, str], Path],
) -> None:
    env, _ = asked
    https_server.redirect("/cache/secret/b.git", https_server.url("b.git"))
    # With a token of the user's in its path.
    https_server.redirect("/cache/secret/d.git", https_server.url("secret/d.git"))
    served = upstreams["d"].path.parent / "secret"
    served.mkdir()
    (served / "d.git").symlink_to(upstreams["d"].path)
    cache = configured({f"url.{https_server.url('cache/secret/')}.insteadOf": https_server.url("")})
    result = hybrid("outdated", "b", "d", "--json", env=env | cache)
    assert codes(result) == {"b": 0, "d": 0}
    assert "moved" not in result.out
    assert "secret" not in result.out + result.err


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, {"Content-Type": "text/html"}, b"<html>"),
        (200, {"Content-Type": "application/x-git-upload-pack-result"}, b"0014nonsense"),
        (200, {"Content-Type": "application/x-git-upload-pack-result", "Content-Encoding": "gzip"}, b"0000"),
        (403, {}, b""),
        (404, {}, b""),
        (405, {}, b""),
        (500, {}, b""),
    ],
)
def test_what_is_not_understood_is_git_s(
    hybrid: Hybrid,
    https_server: HttpsGitServer,
    asked: tuple[dict[str, str], Path],
    status: int,
    headers: dict[str, str],
    body: bytes,
) -> None:
    env, log = asked
    # Only the short way is barred: git asks for info/refs first, and then with the POST that fails here as well.
    https_server.fail_always(status, headers=headers, body=body, only=f"c.git{POST}")
    with_git = hybrid("outdated", "c", "--json", env=env, check=None)
    log.write_text("")
    result = hybrid("outdated", "--json", env=env, check=with_git.code)
    rows = {row["name"]: row for row in result.json()["sources"]}
    assert rows["c"] == with_git.json()["sources"][0]
    assert {row["outcome"] for name, row in rows.items() if name != "c"} == {"current"}
    assert _listed(log) >= 1


def test_a_busy_server_is_tried_again_as_often_as_before(
    hybrid: Hybrid, https_server: HttpsGitServer, asked: tuple[dict[str, str], Path]
) -> None:
    env, _ = asked
    https_server.fail_next(2, 503, headers={"Retry-After": "0"}, only="/c.git")
    hybrid("outdated", env=env)
    assert [request.status for request in https_server.requests if "/c.git" in request.path][:2] == [503, 503]
    https_server.clear_requests()
    https_server.fail_always(503, only="/c.git")
    result = hybrid("outdated", "--json", env=env, check=4)
    assert sum("/c.git" in request.path for request in https_server.requests) == 3
    row = next(row for row in result.json()["sources"] if row["name"] == "c")
    assert row["error"]["code"] == "network"


def test_a_cut_answer_is_git_s(
    hybrid: Hybrid, https_server: HttpsGitServer, asked: tuple[dict[str, str], Path]
) -> None:
    env, log = asked
    https_server.cut(10, only=f"/c.git{POST}")
    hybrid("outdated", env=env)
    assert _listed(log) == 1


def test_mirrors_are_asked_in_their_order(
    hybrid: Hybrid, https_server: HttpsGitServer, asked: tuple[dict[str, str], Path]
) -> None:
    env, log = asked
    base = https_server.base_url
    hybrid("outdated", env=env | {"GIT_HYBRID_MIRRORS": f"{base}/{{name}}.git"})
    assert _listed(log) == 0
    hybrid("outdated", env=env | {"GIT_HYBRID_MIRRORS": f"{base}/nothing/{{name}}.git,direct"})
    paths = [request.path for request in https_server.requests]
    assert {f"/{name}.git{POST}" for name in NAMES} <= set(paths)


def test_a_signal_ends_it(workspace: Path, https_server: HttpsGitServer, asked: tuple[dict[str, str], Path]) -> None:
    env, _ = asked
    https_server.stall(10, times=None, only=POST)
    text = (workspace / "sources.toml").read_text()
    (workspace / "sources.toml").write_text(text.replace("stall = '30s'", "stall = '10m'"))
    child = subprocess.Popen(
        [executable(), "outdated"],
        cwd=workspace,
        env=merged_env(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with child:
        assert https_server.stalled.wait(30)
        os.kill(child.pid, signal.SIGINT)
        child.communicate(timeout=30)
    assert child.returncode == 130


def _direct(server: HttpsGitServer, cancelled: int = 0) -> Direct:
    return Direct(Runner(environ={**os.environ, **server.env()}, cancelled=lambda: cancelled))


def test_a_stalled_server(https_server: HttpsGitServer, upstreams: dict[str, Upstream]) -> None:
    direct = _direct(https_server)
    url = https_server.url("a.git")
    try:
        https_server.stall(10)
        with pytest.raises(NetworkFailure) as caught:
            direct.list_refs(url, Defaults(stall=timedelta(seconds=1)))
        assert caught.value.kind == "stalled"
        https_server.clear_faults()
        # What comes next is git's.
        assert direct.list_refs(url, Defaults()) is None
        https_server.drip_always(0, size=1, pause=0.05, only="b.git")
        with pytest.raises(NetworkFailure) as caught:
            direct.list_refs(https_server.url("b.git"), Defaults(stall=timedelta(seconds=1)))
        assert caught.value.kind == "stalled"
        https_server.clear_faults()
        https_server.stall(10)
        with pytest.raises(NetworkFailure) as caught:
            direct.list_refs(https_server.url("c.git"), Defaults(deadline=timedelta(seconds=1)))
        assert caught.value.kind == "deadline"
    finally:
        direct.close()


def test_a_stopped_run_asks_nothing(https_server: HttpsGitServer, upstreams: dict[str, Upstream]) -> None:
    direct = _direct(https_server)
    direct.list_refs(https_server.url("a.git"), Defaults())
    direct.close()
    stopped = _direct(https_server, cancelled=signal.SIGINT)
    stopped._policy = direct._policy
    with pytest.raises(Interrupted):
        stopped.list_refs(https_server.url("b.git"), Defaults())
    stopped.close()


def test_a_connection_is_kept_and_replaced_when_the_server_closed_it(
    https_server: HttpsGitServer, upstreams: dict[str, Upstream]
) -> None:
    direct = _direct(https_server)
    try:
        for name in NAMES[:3]:
            assert direct.list_refs(https_server.url(f"{name}.git"), Defaults()) is not None
        assert len(https_server._listener._open) == 1
        https_server._listener.hang_up()
        assert direct.list_refs(https_server.url("d.git"), Defaults()) is not None
    finally:
        direct.close()


def test_both_ways_list_the_same(https_server: HttpsGitServer, upstream_factory: UpstreamFactory) -> None:
    plain = upstream_factory("plain")
    plain.commit({"a": "a"})
    plain.tag("v1.0.0")
    git("branch", "feature/ö", "main", cwd=plain.path)
    git("tag", "-a", "-m", "x", "v2.0.0", "main", cwd=plain.path)
    git("update-ref", "refs/pull/1/head", "main", cwd=plain.path)
    upstream_factory("empty")
    other = upstream_factory("sha256", object_format="sha256")
    other.commit({"a": "a"})
    direct = _direct(https_server)
    runner = Runner(environ={**os.environ, **https_server.env()})
    by_git = GitTransport(runner=runner, allowed_host=lambda _host: True)
    both = GitTransport(runner=runner, allowed_host=lambda _host: True, direct=direct)
    try:
        for name in ("plain", "empty", "sha256"):
            for url in (https_server.url(f"{name}.git"), f"file://{plain.path.parent}/{name}.git"):
                assert both.list_refs(url, Defaults(), head=True) == by_git.list_refs(url, Defaults(), head=True), url
        assert direct.list_refs(https_server.url("plain.git"), Defaults()) is not None
        assert direct.list_refs(plain.url, Defaults()) is not None
        for odd in ("https://me@localhost/x.git", "https://localhost/a/./b", "ssh://localhost/x", "file:///a%20b"):
            assert direct.list_refs(odd, Defaults()) is None
    finally:
        direct.close()
