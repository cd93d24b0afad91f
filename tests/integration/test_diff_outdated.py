"""`git hybrid diff` and `git hybrid outdated`: what differs, where, and the exit codes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.beginning import Begun
from support.cli import Hybrid
from support.https_server import HttpsGitServer
from support.kit import changes, git, lock, released, replace, snapshot
from support.upstream import Upstream, UpstreamFactory


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    released(upstream)
    return upstream


def test_diff_between_lock_and_disk(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, "--branch", "main")
    assert hybrid("diff", "--exit-code").code == 0
    old = lock(workspace)["tool"]["commit"]
    new = tool.commit({"README": "four\n"}, "subject four")
    hybrid("pin", "tool")
    shown = hybrid("diff", "tool")
    assert old[:7] in shown.out
    assert new[:7] in shown.out
    hybrid("diff", "--exit-code", check=1)
    hybrid("sync")
    (workspace / "sources/tool/b").write_text("mine")
    dirty = hybrid("diff")
    assert "b" in dirty.out.split()
    hybrid("diff", "--exit-code", check=1)


def test_diff_upstream_shows_commits_and_writes_no_pin(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    begun(tool.url, "--branch", "main")
    hybrid("diff", "--upstream", "--exit-code")
    tool.commit({"README": "four\n"}, "subject four")
    new = tool.commit({"README": "five\n"}, "subject five")
    locked = snapshot(workspace / "state")
    shown = hybrid("diff", "--upstream", "--exit-code", check=1)
    assert "subject four" in shown.out
    assert "subject five" in shown.out
    assert new[:7] in shown.out
    assert changes(locked, snapshot(workspace / "state")) == []
    assert hybrid("--json", "diff", "--upstream").json()["sources"][0]["name"] == "tool"


def test_diff_of_local_commits(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, "--branch", "main")
    clone = workspace / "sources/tool"
    (clone / "README").write_text("mine")
    git("commit", "-q", "-a", "-m", "my own subject", cwd=clone)
    assert "my own subject" in hybrid("diff").out
    hybrid("diff", "--exit-code", check=1)
    (clone / ".git/HEAD").unlink()
    assert hybrid("diff").out.startswith("tool  broken  ")
    shutil.rmtree(clone / ".git")
    assert "  foreign  " in hybrid("diff").out
    shutil.rmtree(clone)
    assert "  missing  " in hybrid("diff").out


@pytest.mark.parametrize("history", ["shallow", "treeless"])
def test_diff_upstream_shows_the_commits_of_a_part_of_a_history(
    hybrid: Hybrid, workspace: Path, tool: Upstream, history: str
) -> None:
    hybrid("init")
    hybrid("add", tool.url, "--branch", "main", "--history", history)
    new = tool.commit({"README": "new\n"}, "what is new")
    (row,) = hybrid("diff", "--upstream", "--json").json()["sources"]
    assert row["range"] == {
        "ahead": 1,
        "behind": 0,
        "files": None,
        "commits": [{"commit": new, "subject": "what is new"}],
    }
    assert "    1 commit ahead\n" in hybrid("pin", "--all", "-n").out


@pytest.mark.parametrize("history", ["full", "shallow"])
def test_what_a_move_would_bring_is_read_before_it(
    hybrid: Hybrid, workspace: Path, tool: Upstream, history: str
) -> None:
    hybrid("init")
    hybrid("add", tool.url, "--branch", "main", "--history", history)
    # No attribute of upstream's hides what it changes.
    tool.commit({"README": "one\n\x1b[2Jtwo\n", ".gitattributes": "* binary\n"})
    assert "hint: what would change: git hybrid diff --upstream --patch tool\n" in hybrid("pin", "tool", "-n").err
    told = hybrid("diff", "--upstream", "--patch")
    assert "\n+++ b/sources/tool/README\n" in told.out
    assert "\n+\x1b[2Jtwo\n" in told.out
    assert "tool  differs  " in told.err
    shown = hybrid("diff", "--upstream", "-p", "--color=always", env={"GIT_PAGER_IN_USE": "true"}).out
    assert "\x1b[32m+\\x1b[2Jtwo\x1b[0m\n" in shown
    names = hybrid("diff", "--upstream", "--name-only", "-q")
    assert names.err == ""
    assert names.out.splitlines() == ["sources/tool/.gitattributes", "sources/tool/README"]
    assert " 2 files changed, " in hybrid("diff", "--upstream", "--stat").out
    for words in (("--patch", "--json"), ("--stat", "--name-only")):
        hybrid("diff", *words, check=2)


def test_a_patch_of_the_clone_runs_nothing(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, begun: Begun
) -> None:
    begun(tool.url, "--branch", "main")
    clone = workspace / "sources/tool"
    assert hybrid("diff", "-p").out == ""
    (clone / "README").write_text("mine\n")
    for key in ("diff.external", "core.fsmonitor", "filter.x.clean", "diff.x.textconv"):
        git("config", key, f"touch {tmp_path}/ran; cat", cwd=clone)
    (clone / ".git/info/attributes").write_text("* filter=x diff=x\n")
    told = hybrid("diff", "-p").out
    assert told.startswith("diff --git a/sources/tool/README b/sources/tool/README\n")
    assert told.endswith("+mine\n")
    assert not (tmp_path / "ran").exists()


def test_diff_upstream_tells_a_branch_that_pin_would_refuse(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    begun(tool.url, "--branch", "main")
    pinned = tool.rev("main")
    tool.reset("main", "main~1")
    assert f"older than the pinned {pinned}\n" in hybrid("diff", "--upstream").out
    hybrid("pin", "tool", check=6)
    tool.commit({"README": "another\n"})
    assert f"main no longer has {pinned}: it was rewritten\n" in hybrid("diff", "--upstream").out
    hybrid("pin", "tool", check=5)
    shutil.rmtree(workspace / "sources/tool")
    (row,) = hybrid("diff", "--upstream", "--json").json()["sources"]
    assert (row["outcome"], row["detail"]["refused"]) == ("differs", "rewritten-history")
    assert row["notes"] == [f"main no longer has {pinned}: it was rewritten, or went back"]


@pytest.mark.parametrize("command", [["outdated"], ["diff", "--upstream"]], ids=" ".join)
def test_the_document_has_the_status_that_the_command_ends_with(
    hybrid: Hybrid, tool: Upstream, command: list[str], begun: Begun
) -> None:
    begun(tool.url, "--branch", "main", sync=False)
    assert hybrid(*command, "--exit-code", "--json").json()["exit_code"] == 0
    tool.commit({"README": "four\n"})
    assert hybrid(*command, "--json").json()["exit_code"] == 0
    assert hybrid(*command, "--exit-code", "--json", check=1).json()["exit_code"] == 1


@pytest.mark.parametrize("track", ["branch", "version", "tag", "commit"])
def test_outdated(hybrid: Hybrid, workspace: Path, tool: Upstream, track: str, begun: Begun) -> None:
    value = {"branch": "main", "version": ">=1,<2", "tag": "v1.1.0", "commit": tool.rev("main")}[track]
    begun(tool.url, f"--{track}", value, sync=False)
    hybrid("outdated", "--exit-code")
    new = tool.commit({"README": "four\n"})
    tool.tag("v1.2.0")
    tool.tag("v2.0.0")
    before = snapshot(workspace)
    plain = hybrid("outdated")
    assert changes(before, snapshot(workspace)) == []
    if track == "commit":
        assert hybrid("outdated", "--exit-code").code == 0
        return
    if track == "tag":
        # Newer tags are told, but a source that names one tag allows no other.
        assert hybrid("outdated", "--exit-code", check=None).code in (0, 1)
        return
    assert (new[:7] if track == "branch" else "v1.2.0") in plain.out
    assert "v2.0.0" not in plain.out
    hybrid("outdated", "--exit-code", check=1)
    row = hybrid("outdated", "--json").json()["sources"][0]
    assert row["name"] == "tool"


def test_another_commit_in_the_manifest_is_told_wherever_upstream_has_it(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    pinned, tip = tool.rev("main~2"), tool.rev("main")
    between, nowhere = tool.rev("main~1"), "0123456789abcdef0123456789abcdef01234567"
    begun(tool.url, "--commit", pinned, sync=False)
    manifest = workspace / "sources.toml"
    edited, refused = manifest.read_text(), {"refused": "unreachable"}
    for commit, detail in ((between, {}), (tip, {}), (nowhere, refused)):
        manifest.write_text(edited.replace(pinned, commit))
        row = hybrid("diff", "--upstream", "--exit-code", "--json", check=1).json()["sources"][0]
        assert (row["outcome"], row["to_commit"], row.get("detail", {})) == ("differs", commit, detail)
        told = hybrid("outdated", "--exit-code", check=1)
        assert told.out == f"tool  outdated  {pinned[:10]} → {commit[:10]}\n"
        assert "branch" not in told.err
        assert "hint: git hybrid pin tool\n" in told.err


@pytest.mark.parametrize(("option", "value"), [("--version", ">=1,<1.2"), ("--tag", "v1.1.0")], ids=["version", "tag"])
def test_a_release_that_the_manifest_does_not_allow_is_told(
    hybrid: Hybrid, tool: Upstream, workspace: Path, option: str, value: str, begun: Begun
) -> None:
    begun(tool.url, option, value, sync=False)
    assert "newer release" not in hybrid("outdated").err
    for tag in ("v1.9.0", "v2.0.0", "v3.0.0rc1", "nightly"):
        tool.tag(tag)
    told = hybrid("outdated", "--exit-code")
    assert told.out == ""
    assert "hint: 1 source has a newer release than the manifest allows: git hybrid outdated -v\n" in told.err
    go = "; to follow it: git hybrid pin tool --tag v2.0.0" if option == "--tag" else ""
    assert hybrid("outdated", "-v").out.splitlines()[1] == f"    newer than the manifest allows: v2.0.0{go}"
    elsewhere = hybrid("-C", workspace.name, "outdated", "-v", cwd=workspace.parent).out.splitlines()[1]
    assert elsewhere.endswith(go.replace("hybrid", f"hybrid -C {workspace.name}"))
    detail = hybrid("outdated", "--json").json()["sources"][0]["detail"]
    assert (detail["newer_release"], f"--{detail['follows']}") == ("v2.0.0", option)


def test_of_a_tag_that_is_no_version_it_is_told_that_no_newer_one_is_known(
    hybrid: Hybrid, tool: Upstream, begun: Begun
) -> None:
    tool.tag("jq-1.6")
    begun(tool.url, "--tag", "jq-1.6", sync=False)
    tool.tag("jq-1.7")
    assert hybrid("outdated").out == ""
    note = "jq-1.6 is no version: of newer tags nothing is told"
    assert hybrid("outdated", "-v").out.splitlines()[1:] == [f"    {note}"]
    assert hybrid("outdated", "--json").json()["sources"][0]["notes"] == [note]


def test_of_many_that_are_behind_only_those_are_to_be_moved_that_were_asked_about(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    begun(tool.url, "--branch", "main", sync=False)
    for name in ("b", "c", "d"):
        hybrid("add", tool.url, "--branch", "main", "--name", name, "-g", "web")
    tool.commit({"a": "2"})
    move, look = "hint: git hybrid pin ", "hint: how the branch moved: git hybrid diff --upstream"
    for words, told in (((), ""), (("tool", "-g", "web"), " tool -g web")):
        err = hybrid("outdated", *words).err
        assert f"{look}{told}\n{move}{told.strip() or '--all'}\n" in err


def test_outdated_without_a_pin(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, sync=False)
    (workspace / "state/sources.lock").unlink()
    hybrid("outdated", "--exit-code", check=1)


def test_outdated_when_one_upstream_is_gone(
    hybrid: Hybrid, tool: Upstream, upstream_factory: UpstreamFactory, begun: Begun
) -> None:
    lib = upstream_factory("lib")
    lib.commit({"a": "a"})
    begun(tool.url, "--branch", "main", sync=False)
    hybrid("add", lib.url)
    new = tool.commit({"x": "x"})
    lib.path.rename(lib.path.with_name("gone"))
    mixed = hybrid("outdated", check=4)
    assert new[:7] in mixed.out
    assert "lib" in mixed.err


def test_outdated_fetches_nothing(
    hybrid: Hybrid, workspace: Path, tool: Upstream, https_server: HttpsGitServer, begun: Begun
) -> None:
    begun(tool.url, sync=False)
    replace(workspace / "sources.toml", tool.url, https_server.url("tool.git"))
    hybrid("pin", env=https_server.env())
    hybrid("sync", env=https_server.env())
    tool.commit({"x": "x"})
    https_server.clear_requests()
    before = snapshot(workspace)
    hybrid("outdated", env=https_server.env())
    assert 1 <= len(https_server.requests) <= 2
    assert changes(before, snapshot(workspace)) == []


def test_a_pinned_version_that_upstream_took_away_is_no_update(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    begun(tool.url, "--version", ">=1,<2", sync=False)
    tool.delete_ref("refs/tags/v1.1.0")
    for words in (["outdated"], ["diff", "--upstream"]):
        assert "upstream has no refs/tags/v1.1.0" in hybrid(*words, check=5).err
    tool.tag("v1.2.0")
    assert "v1.2.0" in hybrid("outdated").out
    hybrid("pin", "tool")


def test_what_goes_on_from_the_pin_is_no_older_version(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    tool.tag("3.5")
    begun(tool.url, "--tag", "3.5", sync=False)
    for before, tag in (("3.5", "3.5a"), ("3.5a", "1.0")):
        tool.commit({"README": tag})
        tool.tag(tag)
        replace(workspace / "sources.toml", f'"{before}"', f'"{tag}"')
        told = hybrid("outdated").out
        assert ("older than what is pinned" in told) is (tag == "1.0")
        hybrid("pin", "tool")
        hybrid("check")
        hybrid("audit", "verify")
    # As many releases are made, beside the newer version.
    tool.reset("main", "3.5")
    tool.commit({"README": "0.9"})
    tool.tag("0.9")
    replace(workspace / "sources.toml", '"1.0"', '"0.9"')
    assert "is older than" in hybrid("pin", check=6).err


def test_outdated_tells_what_pin_would_refuse(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, "--version", ">=1,<2", sync=False)
    hybrid("add", tool.url, "--name", "main", "--branch", "main")
    replace(workspace / "sources.toml", ">=1,<2", ">=1,<1.1")
    tool.commit({"README": "four\n"})
    told = hybrid("outdated")
    assert "older than what is pinned" in told.out
    assert "hint: git hybrid pin tool" not in told.err
    assert "hint: how the branch moved: git hybrid diff --upstream main\n" in told.err
    assert "hint: if it only went on: git hybrid pin main\n" in told.err
    replace(workspace / "sources.toml", "[policy]", '[policy]\nmin_release_age = "3d"')
    assert "begin when pin sees it" in hybrid("outdated", "main").out
    hybrid("pin", "main", check=6)
    young = hybrid("outdated", "main")
    assert "allowed from 20" in young.out
    assert "hint: " not in young.err
    row = hybrid("outdated", "main", "--json").json()["sources"][0]
    assert (row["outcome"], row["detail"]["refused"]) == ("outdated", "too-young")
