"""`git hybrid sync`: clones, updates, and the sync that has nothing to do."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from support.beginning import Begun
from support.cli import Hybrid
from support.https_server import HttpsGitServer
from support.kit import changes, codes, git, head, lock, logging_git, outcomes, released, snapshot, state
from support.upstream import Upstream, UpstreamFactory


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    released(upstream)
    return upstream


def test_clone_then_update(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, sync=False)
    locked = (workspace / "state/sources.lock").read_bytes()
    hybrid("sync")
    assert head(workspace) == tool.rev("main")
    assert git("symbolic-ref", "-q", "HEAD", cwd=workspace / "sources/tool", check=False) == ""
    assert (workspace / "sources/tool/README").read_text() == "three\n"
    assert git("status", "--porcelain", cwd=workspace / "sources/tool") == ""
    entry = state(workspace)["tool"]
    assert entry["commit_sha"] == tool.rev("main")
    assert entry["branch"] == "main"
    assert entry["repo_url"] == tool.url
    assert entry["updated_by"] == "Test Operator <operator@example.org>"
    assert entry["updated_at"].endswith("Z")
    assert entry["scan_status"]["state"] == "missing"
    assert (workspace / "state/sources.lock").read_bytes() == locked
    new = tool.commit({"README": "four\n", "b": None})
    hybrid("sync")
    assert head(workspace) != new, "sync never moves a pin"
    hybrid("pin", "tool")
    locked = (workspace / "state/sources.lock").read_bytes()
    hybrid("sync")
    assert head(workspace) == new
    assert not (workspace / "sources/tool/b").exists()
    assert state(workspace)["tool"]["commit_sha"] == new
    assert (workspace / "state/sources.lock").read_bytes() == locked
    assert not list((workspace / "sources").glob(".incoming/*"))
    assert not (workspace / "state/resume.json").exists()


def test_nothing_to_do(
    hybrid: Hybrid, workspace: Path, tmp_path: Path, tool: Upstream, https_server: HttpsGitServer
) -> None:
    env = https_server.env()
    hybrid("init")
    hybrid("add", https_server.url("tool.git"), env=env)
    for number in range(3):
        hybrid("add", tool.url, "--name", f"t{number}", "--branch", "main")
    hybrid("sync", env=env)
    path, log = logging_git(tmp_path / "bin")
    hybrid("sync", "tool", env=env | path)
    one = len(log.read_text().splitlines())
    log.write_text("")
    before = snapshot(workspace)
    stamps = {path: path.stat().st_mtime_ns for path in (workspace / "state").iterdir()}
    https_server.clear_requests()
    hybrid("sync", env=env | path)
    assert changes(before, snapshot(workspace)) == []
    assert {path: path.stat().st_mtime_ns for path in (workspace / "state").iterdir()} == stamps
    assert https_server.requests == []
    ran = log.read_text().splitlines()
    assert len(ran) == one, ran
    assert not any("sources/" in line for line in ran)


def test_no_request_when_the_commit_is_here(
    hybrid: Hybrid, workspace: Path, tool: Upstream, https_server: HttpsGitServer
) -> None:
    env = https_server.env()
    hybrid("init")
    hybrid("add", https_server.url("tool.git"), "--branch", "main", env=env)
    hybrid("sync", env=env)
    git("reset", "-q", "--hard", "HEAD~1", cwd=workspace / "sources/tool")
    https_server.clear_requests()
    hybrid("reset", "tool", env=env)
    assert head(workspace) == tool.rev("main")
    assert https_server.requests == []


def test_unpinned_source_is_1_and_the_others_go_on(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    begun(tool.url, sync=False)
    path = workspace / "sources.toml"
    path.write_text(path.read_text() + f'\n[source.a]\nurl = "{tool.url}"\nbranch = "main"\n')
    result = hybrid("sync", "--json", check=1)
    assert codes(result) == {"a": 1, "tool": 0}
    assert "hint: git hybrid pin a" in hybrid("sync", check=1).err
    assert head(workspace) == tool.rev("main")
    assert not (workspace / "sources/a").exists()


def test_dry_run_writes_nothing(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, sync=False)
    before = snapshot(workspace)
    shown = hybrid("sync", "-n")
    assert "tool" in shown.out
    assert changes(before, snapshot(workspace)) == []


def test_upstream_gone_but_the_commit_is_here(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, sync=False)
    hybrid("sync")
    tool.path.rename(tool.path.with_name("gone.git"))
    hybrid("sync")
    git("checkout", "-q", "HEAD~1", cwd=workspace / "sources/tool")
    hybrid("reset", "tool")
    assert head(workspace) == lock(workspace)["tool"]["commit"]


def test_a_dead_mirror_is_named(hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, begun: Begun) -> None:
    begun(tool.url, sync=False)
    failed = hybrid("sync", env={"GIT_HYBRID_MIRRORS": (tmp_path / "nowhere").as_uri()}, check=4)
    assert f"asked at the mirror {(tmp_path / 'nowhere').as_uri()}" in failed.err
    assert "hint: check the mirror in GIT_HYBRID_MIRRORS or git's hybrid.mirrors" in failed.err
    assert "sources.toml" not in failed.err


def test_offline_names_the_folder_of_bundles(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, sync=False)
    failed = hybrid("sync", "--offline", check=4)
    assert "or with tool.bundle, in GIT_HYBRID_BUNDLE_DIR" in failed.err
    missing = hybrid("sync", "--offline", env={"GIT_HYBRID_BUNDLE_DIR": "nowhere"}, check=4)
    assert "there is no folder nowhere, which GIT_HYBRID_BUNDLE_DIR names" in missing.err
    git("bundle", "create", "-q", workspace.parent / "tool.bundle", "main", cwd=tool.path)
    hybrid("sync", "--offline", env={"GIT_HYBRID_BUNDLE_DIR": ".."})


def test_offline(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, sync=False)
    offline = hybrid("sync", "--offline", check=4)
    assert "hint: " in offline.err
    assert "\nerror: tool has to be fetched " in hybrid("sync", "--offline", "-n", check=4).err
    hybrid("sync", check=4, env={"GIT_HYBRID_OFFLINE": "1"})
    assert not (workspace / "sources/tool").exists()


def test_groups_and_unknown_names(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    hybrid("init")
    for name, group in (("one", "a"), ("two", "b"), ("three", "c")):
        hybrid("add", tool.url, "--branch", "main", "--name", name, "--group", group)
    hybrid("sync", "--group", "a", "--group", "b")
    assert sorted(path.name for path in (workspace / "sources").iterdir() if path.name[0] != ".") == ["one", "two"]
    unknown = hybrid("sync", "thre", check=2)
    assert "three" in unknown.err
    hybrid("sync", "--group", "nosuch", check=2)
    assert not (workspace / "sources/three").exists()


def test_results_stand_in_name_order(hybrid: Hybrid, tool: Upstream) -> None:
    hybrid("init")
    names = ["delta", "alpha", "charlie", "bravo"]
    for name in names:
        hybrid("add", tool.url, "--branch", "main", "--name", name)
    rows = hybrid("sync", "-j", "4", "--json").json()["sources"]
    assert [row["name"] for row in rows] == sorted(names)


@pytest.mark.parametrize("words", [("sync",), ("sync", "-n"), ("reset", "tool")])
def test_what_stands_at_its_pin_is_told_alike(
    hybrid: Hybrid, tool: Upstream, words: tuple[str, ...], begun: Begun
) -> None:
    begun(tool.url, "--branch", "main", sync=False)
    hybrid("sync")
    (row,) = hybrid(*words, "--json").json()["sources"]
    commit = tool.rev("main")
    told = (row["outcome"], row["from_commit"], row["to_commit"], row["ref"])
    assert told == ("unchanged", commit, commit, "refs/heads/main")


def test_prune_removes_clean_orphans_only(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    hybrid("init")
    for name in ("keep", "clean", "dirty"):
        hybrid("add", tool.url, "--branch", "main", "--name", name)
    hybrid("sync")
    path = workspace / "sources.toml"
    kept = path.read_text().split("[source.clean]")[0]
    path.write_text(kept)
    (workspace / "sources/dirty/README").write_text("mine")
    hybrid("sync", check=None)
    assert (workspace / "sources/clean").exists()
    for words in (("keep",), ("-g", "g")):
        assert "hint: git hybrid sync --prune\n" in hybrid("sync", "--prune", *words, check=2).err
    assert (workspace / "sources/clean").exists()
    hybrid("sync", "--prune", check=3)
    assert not (workspace / "sources/clean").exists()
    assert (workspace / "sources/dirty/README").read_text() == "mine"


def test_what_prune_leaves_is_told_with_commands_that_know_it(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, begun: Begun
) -> None:
    begun(tool.url, "--branch", "main", sync=False)
    hybrid("sync")
    sources = workspace / "sources"
    for name in ("changed", "worked in"):
        shutil.copytree(sources / "tool", sources / name, symlinks=True)
    (sources / "changed/README").write_text("mine")
    git("checkout", "-q", "-b", "mine", cwd=sources / "worked in")
    git("commit", "-q", "--allow-empty", "-m", "mine", cwd=sources / "worked in")
    (sources / "notes").mkdir()
    (sources / "notes/file").touch()
    (sources / "link").symlink_to(tmp_path)
    blocked = hybrid("sync", "--prune", check=3)
    assert "sources/notes is a folder that is no git repository; it belongs to no source" in blocked.err
    hints = [line.removeprefix("hint: ") for line in blocked.err.splitlines() if line.startswith("hint: ")]
    assert {hint for hint in hints if "git hybrid" in hint} == {"move it away, then: git hybrid sync --prune"}
    for hint in hints:
        if hint.startswith(("git -C", "ls ")):
            subprocess.run(hint, cwd=workspace, shell=True, check=True, capture_output=True)
    for name in ("changed", "worked in", "notes", "link"):
        (sources / name).rename(tmp_path / name)
    hybrid("sync", "--prune")


def test_what_prune_finds_in_a_stray_is_told_by_what_it_is(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    begun(tool.url, "--branch", "main", sync=False)
    hybrid("sync")
    stray = workspace / "sources/old one"
    shutil.copytree(workspace / "sources/tool", stray, symlinks=True)
    git("fetch", "-q", "--tags", "origin", "refs/heads/*:refs/remotes/origin/*", cwd=stray)
    git("switch", "-q", "-c", "main", "origin/main", cwd=stray)
    git("tag", "-a", "-m", "mine", "mine", cwd=stray)
    git("commit", "-q", "--allow-empty", "-m", "mine", cwd=stray)
    git("checkout", "-q", "--detach", cwd=stray)
    git("reset", "-q", "--hard", "origin/main", cwd=stray)
    blocked = hybrid("sync", "--prune", check=3)
    assert "error: sources/old one holds work that exists nowhere else; it belongs to no source" in blocked.err
    hints = [line.removeprefix("hint: ") for line in blocked.err.splitlines() if line.startswith("hint: ")]
    assert hints[-1] == "move it away, then: git hybrid sync --prune"
    assert "push it: git -C 'sources/old one' push origin main" in hints
    assert "push them: git -C 'sources/old one' push origin refs/tags/mine refs/tags/v1.0.0 refs/tags/v1.1.0" in hints
    (gone,) = (hint for hint in hints if hint.startswith("if it may go: ") and "branch" in hint)
    subprocess.run(gone.partition(": ")[2], cwd=workspace, shell=True, check=True, capture_output=True)
    for line in hybrid("sync", "--prune", check=3).err.splitlines():
        if "may go: git -C" in line:
            subprocess.run(line.partition("may go: ")[2], cwd=workspace, shell=True, check=True, capture_output=True)
    for tag in git("tag", cwd=stray).split():
        git("tag", "-d", tag, cwd=stray)
    git("reflog", "expire", "--expire=now", "--all", cwd=stray)
    hybrid("sync", "--prune")
    assert not stray.exists()


def _plain_clone(workspace: Path, url: str, name: str) -> Path:
    git("-c", "protocol.file.allow=always", "clone", "-q", url, f"sources/{name}", cwd=workspace)
    return workspace / "sources" / name


def test_a_clone_that_somebody_else_made_is_not_pruned_and_can_be_taken_over(
    hybrid: Hybrid, workspace: Path, tool: Upstream
) -> None:
    hybrid("init")
    _plain_clone(workspace, tool.url, "tool")
    older = _plain_clone(workspace, tool.url, "older")
    git("checkout", "-q", "v1.0.0", cwd=older)
    git("remote", "remove", "origin", cwd=_plain_clone(workspace, tool.url, "alone"))
    (workspace / "sources/notes").mkdir()
    (workspace / "sources/notes/mine").touch()
    commits = {name: head(workspace, name) for name in ("tool", "older")}
    told = hybrid("status").err
    assert "sync --prune" not in told
    takes = [line.rpartition(": ")[2] for line in told.splitlines() if "to make it a source" in line]
    assert takes == [
        f"git hybrid add {tool.url} --name older --commit {commits['older']}",
        f"git hybrid add {tool.url}",
    ]
    before = snapshot(workspace / "sources")
    blocked = hybrid("sync", "--prune", check=3).err
    assert "error: sources/tool is a clone that git hybrid did not make; it belongs to no source" in blocked
    assert changes(before, snapshot(workspace / "sources")) == []
    for take in takes:
        assert f"hint: to make it a source: {take}\n" in blocked
        hybrid(*shlex.split(take)[2:])
    assert outcomes(hybrid("sync", "--json")) == {"older": "recorded", "tool": "recorded"}
    assert {name: head(workspace, name) for name in commits} == commits
    for name in ("alone", "notes"):
        (mend,) = (line.rpartition(": ")[2] for line in told.splitlines() if f"mv sources/{name} NEW" in line)
        subprocess.run(mend.replace("NEW", f"was-{name}"), cwd=workspace, shell=True, check=True)
    hybrid("sync", "--prune")


def test_a_clone_that_no_file_of_this_branch_knows_is_pruned_with_a_record_of_it(
    hybrid: Hybrid, workspace: Path, tool: Upstream
) -> None:
    git("init", "-q", "-b", "main", cwd=workspace)
    hybrid("init")
    git("add", "-A", cwd=workspace)
    git("commit", "-q", "-m", "begun", cwd=workspace)
    git("switch", "-q", "-c", "other", cwd=workspace)
    hybrid("add", tool.url)
    hybrid("sync")
    git("add", "-A", cwd=workspace)
    git("commit", "-q", "-m", "a source", cwd=workspace)
    git("switch", "-q", "main", cwd=workspace)
    assert hybrid("status").err.endswith("hint: git hybrid sync --prune\n")
    done = hybrid("sync", "--prune")
    assert done.err.endswith("hint: it is recorded in state/, which is to be committed: git add -- state\n")
    record = json.loads((workspace / "state/sources-audit.jsonl").read_text().splitlines()[-1])
    assert (record["event"], record["detail"]) == ("prune", {"head": tool.rev("main"), "url": tool.url})
    hybrid("audit", "verify")
    assert not (workspace / "sources/tool").exists()


def test_what_stands_elsewhere_than_what_is_added_is_told_with_how_to_pin_it(
    hybrid: Hybrid, workspace: Path, tool: Upstream
) -> None:
    hybrid("init")
    clone = _plain_clone(workspace, tool.url, "tool")
    assert "stands at" not in hybrid("add", tool.url, "--name", "other").err
    git("reset", "-q", "--hard", "v1.0.0", cwd=clone)
    told = hybrid("add", tool.url).err
    assert f"hint: sources/tool stands at {tool.rev('v1.0.0^0')[:10]}, which is not the pin" in told
    (hint,) = (line for line in told.splitlines() if line.startswith("hint: to pin what stands there: "))
    for command in hint.rpartition(": ")[2].split(" && "):
        words = shlex.split(command)
        hybrid(*words[2:]) if words[0] == "git" else subprocess.run(words, cwd=workspace, check=True)
    assert outcomes(hybrid("sync", "tool", "--json")) == {"tool": "recorded"}
    assert head(workspace) == tool.rev("v1.0.0^0")


def test_user_filters_and_hooks_do_not_run(hybrid: Hybrid, workspace: Path, tmp_path: Path) -> None:
    upstream = Upstream.create(tmp_path / "upstreams/crlf.git")
    upstream.commit({".gitattributes": "* text eol=crlf\n*.x filter=evil ident\n", "a.x": "$Id$\n", "b": "1\r\n2\n"})
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-checkout", "reference-transaction", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        (hooks / name).chmod(0o755)
    env = {"GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": "core.hooksPath", "GIT_CONFIG_VALUE_0": str(hooks)}
    env |= {"GIT_CONFIG_KEY_1": "filter.evil.smudge", "GIT_CONFIG_VALUE_1": f"touch {tmp_path}/ran; cat"}
    hybrid("init", env=env)
    hybrid("add", upstream.url, env=env)
    hybrid("sync", env=env)
    assert (workspace / "sources/crlf/a.x").read_bytes() == b"$Id$\n"
    assert (workspace / "sources/crlf/b").read_bytes() == b"1\r\n2\n"
    assert not (tmp_path / "ran").exists()
    hybrid("sync")
