"""Many sources over https: two requests each on kept connections, checked as ever, and git's own where it differs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from support.beginning import Beginning
from support.cli import Hybrid, executable, merged_env
from support.https_server import HttpsGitServer
from support.kit import codes, commands, git, head, lock, logging_git, write_manifest
from support.upstream import Upstream, UpstreamFactory

NAMES = ["a", "b", "c", "d", "e"]
FAST = "[defaults]\njobs = 2\nretry = { attempts = 3, initial = '10ms', maximum = '50ms' }\nstall = '30s'\n"
POST = "/git-upload-pack"
MAIN, KEPT = "refs/heads/main", "refs/hybrid/upstream/heads/main"


@pytest.fixture
def https_server(lasting_server: HttpsGitServer) -> HttpsGitServer:
    lasting_server.forget()
    return lasting_server


@pytest.fixture
def upstreams(upstream_factory: UpstreamFactory) -> dict[str, Upstream]:
    made = {name: upstream_factory(name) for name in NAMES}
    for name, upstream in made.items():
        upstream.commit({"README": name, "much": "".join(f"line {line} of {name}\n" for line in range(3000))})
        upstream.commit({"noise": Random(name).randbytes(200_000)})
    return made


@pytest.fixture
def pinned(
    hybrid: Hybrid,
    workspace: Path,
    upstreams: dict[str, Upstream],
    https_server: HttpsGitServer,
    tmp_path: Path,
    beginning: Beginning,
) -> tuple[dict[str, str], Path]:
    """Pin each upstream over https, and clone none; return the environment, with a git that logs, and its log."""
    tables = [f'[source.{name}]\nurl = "{https_server.url(f"{name}.git")}"\nbranch = "main"\n' for name in NAMES]
    write_manifest(workspace, FAST + "".join(tables))
    # Nobody need serve for that: git is told to look where they are.
    folder = next(iter(upstreams.values())).path.parent
    key, value = f"url.{folder.as_uri()}/.insteadOf", f"{https_server.base_url}/"
    env = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": key, "GIT_CONFIG_VALUE_0": value}
    beginning(workspace, lambda: hybrid("pin", env=env))
    assert https_server.requests == []
    logged, log = logging_git(tmp_path / "git")
    return logged | https_server.env() | {"GIT_HYBRID_CACHE_DIR": str(tmp_path / "new-cache")}, log


def is_all_there(workspace: Path) -> bool:
    """Tell whether each clone stands at its pin and git finds nothing wrong with it."""
    pins = lock(workspace)
    for name in NAMES:
        clone = workspace / "sources" / name
        assert git("fsck", "--full", "--strict", "--no-dangling", cwd=clone) == ""
        assert git("status", "--porcelain", cwd=clone) == ""
    return {name: head(workspace, name) for name in NAMES} == {name: pins[name]["commit"] for name in NAMES}


def test_two_requests_a_source_and_no_git_that_asks(hybrid, workspace, https_server, pinned):
    env, log = pinned
    hybrid("sync", env=env)
    assert is_all_there(workspace)
    assert commands(log) == ["index-pack"] * len(NAMES)
    assert all("--strict=" in line for line in log.read_text().splitlines() if "\037index-pack\037" in line)
    assert sorted(request.path for request in https_server.requests) == sorted(
        [f"/{n}.git{POST}" for n in NAMES * 2] + [f"/{n}.git/info/refs?service=git-upload-pack" for n in NAMES]
    )
    for name in NAMES:
        refs = git("for-each-ref", "--format=%(refname)", cwd=workspace / "sources" / name).split()
        assert refs == ["refs/hybrid/pin", KEPT]


def test_an_update_brings_what_is_new(hybrid, workspace, upstreams, https_server, pinned):
    env, log = pinned
    hybrid("sync", env=env)
    for upstream in upstreams.values():
        upstream.commit({"much": "other\n"})
    colleague = workspace.with_name("colleague")
    shutil.copytree(workspace, colleague, symlinks=True)
    hybrid("-C", colleague, "pin", *NAMES, env=env)
    for name in ("sources.lock", "sources-audit.jsonl"):
        shutil.copyfile(colleague / "state" / name, workspace / "state" / name)
    (workspace / "sources/c/README").write_text("mine\n")
    shutil.rmtree(env["GIT_HYBRID_CACHE_DIR"])
    log.write_text("")
    https_server.clear_requests()
    result = hybrid("sync", "--json", env=env, check=3)
    assert codes(result) == {"a": 0, "b": 0, "c": 3, "d": 0, "e": 0}
    assert commands(log) == ["index-pack"] * 4
    git("checkout", "-q", "--", "README", cwd=workspace / "sources/c")
    hybrid("sync", env=env)
    assert is_all_there(workspace)


def test_pins_are_moved_without_a_git_that_asks(hybrid, workspace, upstreams, https_server, pinned):
    env, log = pinned
    new = {name: upstream.commit({"README": "new"}) for name, upstream in upstreams.items()}
    hybrid("pin", *NAMES, env=env)
    assert {name: pin["commit"] for name, pin in lock(workspace).items()} == new
    assert commands(log) == ["index-pack"] * len(NAMES)
    assert {request.status for request in https_server.requests} == {200}


def test_few_sources_are_git_s(hybrid, https_server, pinned):
    env, log = pinned
    hybrid("sync", "a", "b", "c", env=env)
    assert commands(log).count("clone") == 3


def test_what_the_user_set_is_git_s_to_obey(hybrid, workspace, pinned):
    env, log = pinned
    git("config", "--global", "http.extraHeader", "X-Token: 1", cwd=workspace)
    hybrid("sync", env=env)
    assert commands(log).count("clone") == len(NAMES)
    assert is_all_there(workspace)


@pytest.mark.parametrize("condition", ["gitdir:/**", "hasconfig:remote.*.url:https://**", "onbranch:**"])
@pytest.mark.parametrize(
    ("setting", "clones"), [("[http]\n\textraHeader = X: 1\n", 5), ("[user]\n\temail = me@example.org\n", 0)]
)
def test_what_the_user_includes_under_a_condition(hybrid, workspace, tmp_path, pinned, condition, setting, clones):
    env, log = pinned
    (tmp_path / "included").write_text(setting)
    git("config", "--global", f"includeIf.{condition}.path", str(tmp_path / "included"), cwd=workspace)
    hybrid("sync", env=env)
    assert commands(log).count("clone") == clones
    assert is_all_there(workspace)


def test_a_relative_include_may_be_anything(hybrid, workspace, pinned):
    env, log = pinned
    git("config", "--global", "includeIf.onbranch:x.path", "elsewhere", cwd=workspace)
    hybrid("sync", env=env)
    assert commands(log).count("clone") == len(NAMES)


@pytest.mark.parametrize("text", [None, "", "no certificate\n"])
def test_authorities_that_are_none_are_told_by_git(hybrid, tmp_path, pinned, text):
    env, _ = pinned
    if text is not None:
        (tmp_path / "ca").write_text(text)
    for words in (("sync",), ("outdated",)):
        result = hybrid(*words, "--json", env=env | {"GIT_SSL_CAINFO": str(tmp_path / "ca")}, check=None)
        assert [row["exit_code"] for row in result.json()["sources"]] == [result.code] * len(NAMES)
        hybrid("resume", "--abort", check=None)


def test_a_login_is_git_s(hybrid, workspace, https_server, pinned):
    env, _ = pinned
    https_server.auth = ("me", "secret")
    helper = "!f() { echo username=me; echo password=secret; }; f"
    git("config", "--global", "credential.helper", helper, cwd=workspace)
    hybrid("sync", env=env)
    assert is_all_there(workspace)
    # git is refused once for each; once a server has refused us, its other repositories are not asked in vain.
    assert sum(request.status == 401 for request in https_server.requests) <= len(NAMES) + 2


def test_a_login_that_curl_finds_is_git_s(hybrid, workspace, https_server, pinned):
    env, log = pinned
    netrc = Path(os.environ["HOME"], ".netrc")
    netrc.write_text("machine localhost login me password secret\n")
    netrc.chmod(0o600)
    https_server.auth = ("me", "secret")
    hybrid("sync", env=env)
    assert commands(log).count("clone") == len(NAMES)
    assert is_all_there(workspace)


def test_a_login_that_nobody_has_is_asked_for_once(hybrid, https_server, pinned):
    env, _ = pinned
    https_server.fail_always(401, headers={"WWW-Authenticate": 'Basic realm="x"'}, only="/c.git")
    row = hybrid("sync", "--json", env=env, check=4).json()["sources"][2]
    assert row["error"]["code"] == "access-denied"
    assert [request.status for request in https_server.requests if "/c.git" in request.path] == [401]


def test_a_redirect_is_git_s(hybrid, workspace, https_server, pinned):
    env, log = pinned
    https_server.redirect("/b.git", https_server.url("c.git", host="127.0.0.1"))
    hybrid("sync", env=env, check=5)
    assert commands(log).count("clone") == 1


@pytest.mark.parametrize("target", ["https://127.0.0.1:{port}/x.git", "//127.0.0.1:{port}/x.git"])
def test_nothing_is_sent_to_a_host_that_policy_does_not_have(hybrid, workspace, https_server, pinned, target):
    env, _ = pinned
    https_server.redirect("/b.git", target.format(port=https_server.base_url.rpartition(":")[2]))
    text = (workspace / "sources.toml").read_text()
    (workspace / "sources.toml").write_text(f'{text}\n[policy]\nhosts = ["localhost"]\n')
    result = hybrid("sync", "--json", env=env, check=6)
    assert codes(result) == {"a": 0, "b": 6, "c": 0, "d": 0, "e": 0}
    assert not [request for request in https_server.requests if "/x.git" in request.path]


def test_a_server_of_plain_files_is_git_s(hybrid, workspace, upstreams, https_server, pinned):
    env, log = pinned
    for upstream in upstreams.values():
        git("update-server-info", cwd=upstream.path)
    listed = {
        name: "".join(
            f"{line.partition(' ')[0]}\t{line.partition(' ')[2]}\n"
            for line in git("for-each-ref", "--format=%(objectname) %(refname)", cwd=upstream.path).splitlines()
        )
        for name, upstream in upstreams.items()
    }
    https_server.fail_always(
        200, headers={"Content-Type": "text/plain"}, body=listed["c"].encode(), only="/c.git/info/refs"
    )
    hybrid("sync", env=env, check=None)
    assert commands(log).count("clone") == 1


def test_a_server_whose_certificate_is_not_trusted(hybrid, https_server, pinned):
    env, _ = pinned
    result = hybrid(
        "sync", "--json", env={key: value for key, value in env.items() if key != "GIT_SSL_CAINFO"}, check=4
    )
    assert {row["error"]["code"] for row in result.json()["sources"]} == {"tls"}
    assert https_server.requests == []


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_refusal_says_what_git_says(hybrid, https_server, pinned, status):
    env, _ = pinned
    https_server.fail_always(status, only="/c.git")
    alone = hybrid("sync", "c", "--json", env=env, check=4).json()["sources"]
    hybrid("resume", "--abort", env=env)
    result = hybrid("sync", "--json", env=env, check=4)
    assert codes(result) == {"a": 0, "b": 0, "c": 4, "d": 0, "e": 0}
    assert [row for row in result.json()["sources"] if row["name"] == "c"] == alone


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (lambda server: server.fail_next(1, 503, headers={"Retry-After": "0"}, only="/c.git"), "http-503"),
        (lambda server: server.fail_next(1, 500, only="/c.git"), "http-500"),
        (lambda server: server.cut(20_000, only=f"/c.git{POST}"), "cut"),
        (lambda server: server.cut(20_000, only=f"/c.git{POST}", reset=True), "cut"),
        (lambda server: server.cut(300, only=f"/c.git{POST}"), "cut"),
        (lambda server: server.stall(20_000, only=f"/c.git{POST}"), "stalled"),
    ],
)
def test_what_may_pass_is_tried_again_by_git(
    hybrid: Hybrid,
    workspace: Path,
    https_server: HttpsGitServer,
    pinned: tuple[dict[str, str], Path],
    fault: Callable[[HttpsGitServer], None],
    kind: str,
) -> None:
    env, log = pinned
    if kind == "stalled":
        text = (workspace / "sources.toml").read_text()
        (workspace / "sources.toml").write_text(text.replace("stall = '30s'", "stall = '2s'"))
    fault(https_server)
    result = hybrid("-v", "sync", env=env)
    assert f"c: try 1 of 3 failed ({kind})" in result.err
    assert "try 2" not in result.err
    assert is_all_there(workspace)
    assert commands(log).count("clone") == 1
    assert not list((workspace / "sources").glob(".incoming/*"))


def test_tries_end(hybrid, workspace, https_server, pinned):
    env, _ = pinned
    https_server.cut(20_000, times=None, only=f"/c.git{POST}")
    result = hybrid("sync", "--json", env=env, check=4)
    assert codes(result) == {"a": 0, "b": 0, "c": 4, "d": 0, "e": 0}
    https_server.clear_faults()
    hybrid("resume", env=env)
    assert is_all_there(workspace)


def test_a_pack_that_was_changed_on_its_way(hybrid, workspace, https_server, pinned):
    env, _ = pinned
    https_server.change_always(lambda data: data[:90_000] + bytes(50) + data[90_050:], over=100_000, only="/c.git")
    alone = hybrid("sync", "c", "--json", env=env, check=5).json()["sources"]
    result = hybrid("sync", "--json", env=env, check=5)
    found = [row["error"] for row in result.json()["sources"] if row["error"]]
    assert [(row["code"], row["message"]) for row in found] == [
        (row["error"]["code"], row["error"]["message"]) for row in alone
    ]
    assert not (workspace / "sources/c").exists()
    https_server.clear_faults()
    hybrid("sync", env=env)
    assert is_all_there(workspace)


def test_what_fsck_refuses_is_named(hybrid, workspace, upstreams, pinned):
    env, _ = pinned
    upstream = upstreams["d"]
    tree = upstream.raw_tree([("100644", upstream.blob(b"x"), b".git")])
    upstream.update_ref(MAIN, upstream.raw_commit(tree, parents=[upstream.rev("main")]))
    result = hybrid("sync", "--json", env=env, check=5)
    row = result.json()["sources"][3]
    assert row["error"]["code"] == "fsck-refused"
    assert tree in str(row["error"])
    assert not (workspace / "sources/d").exists()


def test_a_branch_that_is_gone(hybrid, upstreams, pinned):
    env, _ = pinned
    upstreams["e"].update_ref("refs/heads/other", upstreams["e"].rev("main"))
    git("update-ref", "-d", MAIN, cwd=upstreams["e"].path)
    result = hybrid("sync", "--json", env=env, check=5)
    assert result.json()["sources"][4]["error"]["code"] == "ref-missing"


def test_a_signal_ends_it_and_resume_goes_on(workspace, https_server, pinned, hybrid):
    env, _ = pinned
    https_server.stall(20_000, times=None, only=f"/c.git{POST}")
    text = (workspace / "sources.toml").read_text()
    (workspace / "sources.toml").write_text(text.replace("stall = '30s'", "stall = '10m'"))
    with subprocess.Popen(
        [executable(), "sync"],
        cwd=workspace,
        env=merged_env(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as child:
        assert https_server.stalled.wait(30)
        os.kill(child.pid, signal.SIGINT)
        child.communicate(timeout=30)
    assert child.returncode == 130
    assert subprocess.run(["pgrep", "-s", str(child.pid)], check=False, stdout=subprocess.DEVNULL).returncode == 1
    https_server.clear_faults()
    hybrid("resume", env=env)
    assert is_all_there(workspace)


def test_somebody_who_looks_is_told(hybrid, workspace, pinned):
    env, log = pinned
    result = hybrid("sync", "--progress", env=env | {"COLUMNS": "100"})
    assert result.err.rstrip().endswith(": 5 cloned")
    assert all("-v" in line.split("\037") for line in log.read_text().splitlines() if "\037index-pack\037" in line)
