"""`git hybrid add`: the manifest entry, its pin, and what is refused."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from support.cli import Hybrid
from support.governed import shifted
from support.kit import changes, git, git_env_path, lock, manifest, released, replace, snapshot
from support.ssh_server import SshGitServer
from support.upstream import Upstream, UpstreamFactory


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    released(upstream)
    return upstream


def test_a_folder_is_told_as_a_url(hybrid: Hybrid, workspace: Path) -> None:
    hybrid("init")
    (workspace / "near by").mkdir()
    for text in ("near by", "./near by", str(workspace / "near by"), f"file://{workspace}/sources/../near by"):
        err = hybrid("add", text, check=2).err
        assert f"is written {(workspace / 'near by').resolve().as_uri()}" in err
    assert "is written" not in hybrid("add", "nowhere", check=2).err


def test_add_takes_the_default_branch_and_hints_at_the_release(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    hybrid("init")
    tool.branch("trunk", "main~1")
    tool.set_head("trunk")
    added = hybrid("add", tool.url)
    assert manifest(workspace) == {"tool": {"url": tool.url, "branch": "trunk"}}
    entry = lock(workspace)["tool"]
    assert entry["commit"] == tool.rev("trunk")
    assert entry["ref"] == "refs/heads/trunk"
    assert entry["tree"] == tool.rev("trunk^{tree}")
    assert "hint: the newest release is v1.1.0; to follow that: git hybrid pin tool --tag v1.1.0\n" in added.err
    assert not (workspace / "sources/tool").exists()
    hybrid("pin", "tool", "--tag", "v1.1.0")
    assert lock(workspace)["tool"]["ref"] == "refs/tags/v1.1.0"


def test_a_branch_beyond_the_newest_release_is_told_with_what_follows_that(
    hybrid: Hybrid, workspace: Path, tool: Upstream
) -> None:
    hybrid("init")
    added = hybrid("add", tool.url, "--name", "new", "-g", "x", "--json")
    assert added.json()["sources"][0]["detail"] == {"newest_release": "v1.1.0", "beyond_release": "true"}
    hybrid("remove", "new")
    told = hybrid("add", tool.url, "--name", "new", "-g", "x").err.splitlines()
    assert told[1:3] == [
        "hint: the newest release is v1.1.0, which main has gone beyond; to follow that: git hybrid remove new",
        f"hint: then: git hybrid add {tool.url} --tag v1.1.0 --name new -g x",
    ]
    for line in told[1:3]:
        hybrid(*shlex.split(line.rpartition("git hybrid ")[2]))
    assert manifest(workspace) == {"new": {"url": tool.url, "tag": "v1.1.0", "groups": ["x"]}}


def test_the_way_to_the_newest_release_spares_a_clone_that_stood_there(
    hybrid: Hybrid, workspace: Path, tool: Upstream
) -> None:
    hybrid("init")
    clone = workspace / "sources/tool"
    git("clone", "-q", tool.url, clone, cwd=workspace)
    (clone / ".git/info/exclude").write_text("mine\n")
    (clone / "mine").touch()
    (told,) = (line for line in hybrid("add", tool.url).err.splitlines() if "has gone beyond" in line)
    subprocess.run(told.rpartition(": ")[2], shell=True, check=True, cwd=workspace, env=os.environ | git_env_path())
    assert manifest(workspace) == {}
    assert (clone / "mine").exists()


def test_a_range_is_told_that_no_tag_is_a_version(hybrid: Hybrid, upstream_factory: UpstreamFactory) -> None:
    jq = upstream_factory("jq")
    jq.commit({"a": "a"})
    for name in ("jq-1.6", "jq-1.7", "jq-1.8.2"):
        jq.tag(name)
    hybrid("init")
    told = hybrid("add", jq.url, "--version", ">=1.6", check=5).err.splitlines()
    assert told[2] == "cause: none of its tags is a version: jq-1.8.2, jq-1.7"
    assert f"git hybrid add {jq.url} --tag TAG" in told[4]


def test_a_version_of_long_ago_is_no_release_to_hint_at(hybrid: Hybrid, tool: Upstream) -> None:
    hybrid("init")
    for name in ("tool@2.0.0", "tool@2.1.0", "tool@2.2.0"):
        tool.tag(name)
    assert hybrid("add", tool.url).err.count("hint: ") == 1


@pytest.mark.parametrize(
    ("option", "value", "rev", "ref"),
    [
        ("--tag", "v1.0.0", "v1.0.0^{commit}", "refs/tags/v1.0.0"),
        ("--branch", "main", "main", "refs/heads/main"),
        ("--version", ">=1,<1.1", "v1.0.0^{commit}", "refs/tags/v1.0.0"),
        ("--version", "~=1.0", "v1.1.0^{commit}", "refs/tags/v1.1.0"),
    ],
)
def test_add_with_a_ref(
    hybrid: Hybrid, workspace: Path, tool: Upstream, option: str, value: str, rev: str, ref: str
) -> None:
    hybrid("init")
    hybrid("add", tool.url, option, value)
    assert manifest(workspace)["tool"] == {"url": tool.url, option.removeprefix("--"): value}
    assert lock(workspace)["tool"]["commit"] == tool.rev(rev)
    assert lock(workspace)["tool"]["ref"] == ref


def test_add_a_commit_and_a_group(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    hybrid("init")
    oid = tool.rev("main~1")
    hybrid("add", tool.url, "--commit", oid, "--name", "x", "--group", "b", "--group", "a", "--group", "b")
    assert manifest(workspace)["x"] == {"url": tool.url, "commit": oid, "groups": ["a", "b"]}
    assert lock(workspace)["x"]["commit"] == oid
    assert lock(workspace)["x"]["reachable_from"].startswith("refs/")


def test_lock_evidence_of_an_annotated_tag(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    hybrid("init")
    hybrid("add", tool.url, "--tag", "v1.0.0")
    entry = lock(workspace)["tool"]
    assert entry["tag_object"] == tool.rev("v1.0.0")
    assert entry["root_commits"] == [tool.rev("main~2")]
    assert len(entry["content_sha256"]) == 64
    assert entry["config_digest"].startswith("sha256:")
    assert entry["reachable_from"] == "refs/heads/main"
    assert str(entry["commit_time"]).startswith("2023-11-14")
    assert "override" not in entry


def test_two_ref_options_are_2(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    hybrid("init")
    before = snapshot(workspace)
    hybrid("add", tool.url, "--tag", "v1.0.0", "--branch", "main", check=2)
    assert changes(before, snapshot(workspace)) == []


def test_scp_like_urls_become_ssh(hybrid: Hybrid, workspace: Path, tool: Upstream, ssh_server: SshGitServer) -> None:
    hybrid("init")
    # The port cannot be said in the scp form: insteadOf, which is the user's own, adds it.
    base = f"ssh://git@localhost:{ssh_server.port}"
    env = ssh_server.env() | {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{base}.insteadOf",
        "GIT_CONFIG_VALUE_0": "ssh://git@example.invalid",
    }
    hybrid("add", f"git@example.invalid:{tool.path}", env=env)
    assert manifest(workspace)["tool"]["url"] == f"ssh://git@example.invalid{tool.path}"


def test_a_path_from_the_home_of_the_login_is_told_as_a_url_has_it(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path
) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text(f'#!/bin/sh\ncd {tool.path.parent} && for word; do :; done && HOME=$PWD exec sh -c "$word"\n')
    ssh.chmod(0o755)
    env = {"GIT_SSH_COMMAND": str(ssh), "GIT_SSH_VARIANT": "ssh"}
    hybrid("init")
    told = hybrid("add", f"git@NAS:{tool.path.name}", "--group", "g", env=env, check=4).err.splitlines()
    command, setting = (line.partition("git hybrid ")[2] for line in told if line.startswith("hint: where"))
    assert setting == ""
    hybrid(*shlex.split(command), env=env)
    assert manifest(workspace)["tool"]["url"] == f"ssh://git@nas/~/{tool.path.name}"
    assert manifest(workspace)["tool"]["groups"] == ["g"]


def test_comments_are_kept(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    hybrid("init")
    text = '\n# mine: ünïcode\n[source.zed]   # trailing\nurl = "https://example.org/z"\ntag = "v1"\n'
    path = workspace / "sources.toml"
    path.write_text(path.read_text() + text)
    before = path.read_text()
    hybrid("add", tool.url)
    assert path.read_text().startswith(before.rstrip("\n"))


BAD_URLS = (
    "http://example.org/x",
    "HTTPS://example.org/x",
    "ext::sh -c id",
    "https://user:secret@example.org/x",
    "https://user@example.org/x",
    "https://example.org/a/../b",
    "https://example.org/a?access_token=secret",
    "https://example.org/a%2e%2e/b",
    "https://example.org/$(id)",
    "file://host/x",
    "ssh://-oProxyCommand=id/x",
    "-u",
    "https://example.org/a\nb",
)
BAD_NAMES = ("..", "a..b", "x.git", "x.lock", "-x", "a/b", "NUL.txt", "x.", "a" * 101, "é")


def test_urls_outside_the_grammar(hybrid: Hybrid, workspace: Path) -> None:
    hybrid("init")
    before = snapshot(workspace)
    for url in BAD_URLS:
        refused = hybrid("add", "--name", "x", "--", url, check=2)
        assert refused.err.startswith("error: "), url
        assert "secret" not in refused.err
        assert changes(before, snapshot(workspace)) == [], url


def test_names_outside_the_grammar(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    hybrid("init")
    before = snapshot(workspace)
    for name in BAD_NAMES:
        hybrid("add", tool.url, f"--name={name}", check=2)
        assert changes(before, snapshot(workspace)) == [], name


def test_duplicates_and_case_twins_are_2(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    hybrid("init")
    hybrid("add", tool.url)
    before = snapshot(workspace)
    hybrid("add", tool.url, check=2)
    hybrid("add", tool.url, "--name", "TOOL", check=2)
    assert changes(before, snapshot(workspace)) == []


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--tag", "v9"], 5),
        (["--branch", "nope"], 5),
        (["--version", ">=7"], 5),
        (["--commit", "1" * 40], 5),
        (["--version", "banana"], 2),
        (["--commit", "abc"], 2),
    ],
)
def test_a_ref_that_is_not_there_writes_nothing(
    hybrid: Hybrid, workspace: Path, tool: Upstream, options: list[str], code: int
) -> None:
    hybrid("init")
    before = snapshot(workspace)
    failed = hybrid("add", tool.url, *options, check=None)
    assert changes(before, snapshot(workspace)) == []
    assert failed.code == code, failed.err


def test_a_missing_repository_writes_nothing(hybrid: Hybrid, workspace: Path, upstreams_root: Path) -> None:
    hybrid("init")
    before = snapshot(workspace)
    hybrid("add", (upstreams_root / "none.git").as_uri(), check=4)
    assert changes(before, snapshot(workspace)) == []


def test_hosts_policy_is_6(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    hybrid("init")
    replace(workspace / "sources.toml", "[policy]\n", '[policy]\nhosts = ["example.org"]\n')
    before = snapshot(workspace)
    hybrid("add", "https://elsewhere.invalid/x", check=6)
    assert changes(before, snapshot(workspace)) == []


def test_sources_in_an_inline_table_get_company(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    path = workspace / "sources.toml"
    path.write_text(f'schema_version = 1\nsource = {{ old = {{ url = "{tool.url}", tag = "v1.0.0" }} }} # mine\n')
    before = manifest(workspace)
    hybrid("add", tool.url, "--name", "new", "--branch", "main")
    assert manifest(workspace) == before | {"new": {"url": tool.url, "branch": "main"}}
    assert "# mine" in path.read_text()
    hybrid("remove", "old")
    assert set(manifest(workspace)) == {"new"}


def test_submodules_are_imported_into_an_empty_inline_table(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    (workspace / "sources.toml").write_text("schema_version = 1\nsource = {}\n")
    (workspace / ".gitmodules").write_text(f'[submodule "third"]\n\tpath = third\n\turl = {tool.url}\n')
    git("init", "-q", cwd=workspace)
    git("update-index", "--add", "--cacheinfo", f"160000,{tool.rev('main')},third", cwd=workspace)
    hybrid("init", "--import", ".gitmodules")
    assert set(manifest(workspace)) == {"third"}


def test_the_line_ends_of_the_manifest_stay(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    hybrid("init")
    path = workspace / "sources.toml"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    for words in (["add", tool.url, "--name", "one"], ["add", tool.url, "--name", "two"], ["remove", "one"]):
        hybrid(*words)
        written = path.read_bytes()
        assert written.count(b"\n") == written.count(b"\r\n") > 10
    assert list(manifest(workspace)) == ["two"]


def test_the_command_is_recorded_as_it_is_typed(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    hybrid("init")
    hybrid("add", tool.url, "--version", ">=1,<2")
    log = (workspace / "state/sources-audit.jsonl").read_text()
    (intent,) = (record for record in map(json.loads, log.splitlines()) if record["event"] == "intent")
    assert shlex.split(intent["detail"]["command"]) == ["git", "hybrid", "add", tool.url, "--version", ">=1,<2"]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["add", "nowhere"], "git hybrid add -h"),
        (["add", "https://h/x", "--name", ".."], "git hybrid add -h"),
        (["-C", "/nowhere", "status"], "git hybrid status -h"),
        (["-C", "sync", "pin", "x", "--to", "a", "b"], "git hybrid pin -h"),
        (["mirror", "add", "..", "https://h", "--owner", "me"], "git hybrid mirror add -h"),
    ],
)
def test_a_bad_argument_points_at_the_help_of_its_command(
    hybrid: Hybrid, workspace: Path, words: list[str], hint: str
) -> None:
    hybrid("init")
    (workspace / "sync").mkdir()
    assert f"hint: {hint}\n" in hybrid(*words, check=2).err


def test_a_setting_that_is_wrong_can_be_found(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    hybrid("init")
    # Without it upstream would be asked.
    told = hybrid("sync", env={"GIT_HYBRID_MIRRORS": "http://m.corp/git"}, check=2).err
    assert "hint: export GIT_HYBRID_MIRRORS=" in told
    assert "unset" not in told
    assert "hint: unset GIT_HYBRID_JOBS\n" in hybrid("status", env={"GIT_HYBRID_JOBS": "x"}, check=2).err
    config = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "hybrid.jobs", "GIT_CONFIG_VALUE_0": "x"}
    assert "git config --show-origin --get-all hybrid.jobs\n" in hybrid("status", env=config, check=2).err
    hybrid("add", tool.url)
    assert f"git ls-remote {tool.url}" in hybrid("pin", "tool", "--to", "no-such", check=2).err


def test_what_could_not_be_added_is_hinted_at_by_commands_that_need_no_source(
    hybrid: Hybrid, workspace: Path, tool: Upstream, upstreams_root: Path
) -> None:
    hybrid("init")
    told = [
        hybrid("add", (upstreams_root / "none.git").as_uri(), check=4).err,
        hybrid("add", tool.url, "--tag", "v9", check=5).err,
        hybrid("add", tool.url, "--commit", "1" * 40, "--name", "lib", "-g", "x", check=5).err,
    ]
    replace(workspace / "sources.toml", "[policy]\n", '[policy]\nmin_release_age = "3d"\n')
    told.append(hybrid("add", tool.url, check=6).err)
    for err in told:
        assert "hint: " in err
        assert "git hybrid " not in err.replace(f"git hybrid add {tool.url}", "")
        assert "sources.toml" not in err
    assert f": git hybrid add {tool.url} --tag TAG --name lib -g x\n" in told[2]
    assert f"hint: wait until then, and add it again: git hybrid add {tool.url}\n" in told[-1]
    first = tool.rev("main")
    assert f"hint: or, if its branch moved on by then: git hybrid add {tool.url} --commit {first}\n" in told[-1]
    tool.commit({"a.txt": "moved on\n"})
    hybrid("add", tool.url, check=6, env=shifted("+4d"))
    hybrid("add", tool.url, "--commit", first, env=shifted("+4d"))


def test_a_group_outside_the_grammar_is_named_as_the_option(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    hybrid("init")
    before = snapshot(workspace)
    refused = hybrid("add", tool.url, "--group", "bad group", check=2)
    assert "error: --group: 'bad group'" in refused.err
    assert "sources.toml" not in refused.err
    assert changes(before, snapshot(workspace)) == []
