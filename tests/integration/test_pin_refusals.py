"""`git hybrid pin`: moved tags, rollbacks, commits that are off the branch, overrides."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.beginning import Begun
from support.cli import Hybrid
from support.https_server import HttpsGitServer
from support.kit import changes, codes, errors, git, head, lock, released, replace, snapshot, started
from support.upstream import Upstream, UpstreamFactory

OVERRIDE = ["--request", "CHG-1", "--approver", "a@example.org", "--reason", "why", "--expires", "14d"]


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    released(upstream)
    return upstream


@pytest.mark.parametrize("synced", [True, False])
@pytest.mark.parametrize("annotated", [True, False])
def test_retagged_upstream_is_5_with_old_and_new(
    hybrid: Hybrid, workspace: Path, tool: Upstream, synced: bool, annotated: bool, begun: Begun
) -> None:
    tool.tag("rel", "main~1", annotated=annotated)
    begun(tool.url, "--tag", "rel", sync=synced)
    old = tool.rev("rel")
    new = tool.tag("rel", "main", annotated=annotated, force=True)
    before = snapshot(workspace)
    for words in (["pin", "tool"], ["pin", "-n", "tool"]):
        moved = hybrid(*words, check=5)
        assert old[:7] in moved.err
        assert new[:7] in moved.err
        assert changes(before, snapshot(workspace)) == []


def test_moved_tag_on_a_fresh_clone_is_5(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, "--tag", "v1.0.0", sync=False)
    before = (workspace / "state/sources.lock").read_bytes()
    tool.tag("v1.0.0", "main", force=True)
    hybrid("sync", check=5)
    assert not (workspace / "sources/tool").exists()
    assert (workspace / "state/sources.lock").read_bytes() == before
    assert not (workspace / "state/resume.json").exists()


def test_rewritten_tag_object_of_the_same_commit_is_5(hybrid: Hybrid, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, "--tag", "v1.0.0", sync=False)
    tool.tag("v1.0.0", "v1.0.0^{commit}", force=True)
    hybrid("pin", "tool", check=5)


def test_a_tag_is_held_against_the_pins_of_other_names(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    git("init", "-q", cwd=workspace)
    started(hybrid, tool.url, "--tag", "v1.0.0", sync=False)
    git("add", "-A", cwd=workspace)
    git("commit", "-q", "-m", "one", cwd=workspace)
    old, new = tool.rev("v1.0.0"), tool.tag("v1.0.0", "main", force=True, annotated=False)
    told = hybrid("add", tool.url, "--tag", "v1.0.0", "--name", "two", check=5).err
    assert "cause: tool, of the same repository, was pinned by it before: " in told
    assert f"hint: if the new one is approved: git hybrid add {tool.url} --commit {new} --name two\n" in told
    # By another name what the last commit has counts, though the lock lost it.
    replace(workspace / "sources.toml", "source.tool", "source.two")
    for words in (("status",), ("sync", "--prune")):
        hybrid(*words, check=None)
        assert f"it was {old}, it is {new}\n" in hybrid("pin", check=5).err
    hybrid("pin", "two", "--to", new, "--force", *OVERRIDE)
    hybrid("check", "metadata", "overrides", "audit")
    hybrid("add", tool.url, "--tag", "v1.0.0", "--name", "three")
    hybrid("pin")
    hybrid("check", "metadata")


def test_a_tag_that_the_list_of_refs_has_elsewhere_is_5(
    hybrid: Hybrid, workspace: Path, tool: Upstream, https_server: HttpsGitServer
) -> None:
    good, bad, url, env = tool.rev("v1.1.0^{}"), tool.rev("v1.0.0^{}"), https_server.url("tool.git"), https_server.env()
    hybrid("init")
    hybrid("add", url, "--name", "other", env=env)
    old, new = (f"peeled:{commit}".encode() for commit in (good, bad))
    https_server.change_always(lambda body: body.replace(old, new))
    before = snapshot(workspace)
    for words, mirrors, by in (
        (["add", url, "--tag", "v1.1.0"], "direct", "upstream"),
        (["pin", "other", "--to", "v1.1.0"], "direct", "upstream"),
        (["add", tool.url, "--tag", "v1.1.0"], f"{https_server.base_url}/{{name}}.git,direct", "of the mirror"),
    ):
        told = hybrid(*words, env={**env, "GIT_HYBRID_MIRRORS": mirrors}, check=5).err
        assert f"refs/tags/v1.1.0 {by}" in told
        assert f"{url} lists it as {bad}" in told
        assert f"sends it as {good}" in told
        assert changes(before, snapshot(workspace)) == []


def test_a_url_that_is_written_otherwise_opens_no_way(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    begun(tool.url, "--tag", "v1.0.0")
    replace(workspace / "sources.toml", tool.url, f"{tool.url}/")
    tool.commit({"README": "four\n"})
    hybrid("pin")
    assert lock(workspace)["tool"]["url"] == f"{tool.url}/"
    hybrid("sync")
    tool.tag("v1.0.0", "main", force=True)
    hybrid("add", tool.url, "--name", "other")
    tool.reset("main", "main~2")
    replace(workspace / "sources.toml", f'{tool.url}"', f'{tool.url}//"')
    replace(workspace / "sources.toml", f'{tool.url}/"', f'{tool.url}"')
    assert codes(hybrid("pin", "--all", "--json", check=5)) == {"other": 6, "tool": 5}


def test_to_another_tag_is_not_called_a_moved_tag(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    begun(tool.url, "--tag", "v1.0.0", sync=False)
    before = snapshot(workspace)
    refused = hybrid("pin", "tool", "--to", "v1.1.0", check=6)
    assert "moved" not in refused.err
    assert changes(before, snapshot(workspace)) == []


def test_rollback_is_6(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url)
    before = snapshot(workspace)
    hybrid("pin", "tool", "--to", "main~1", check=None)
    refused = hybrid("pin", "tool", "--to", tool.rev("main~1"), check=6)
    assert "hint: " in refused.err
    assert changes(before, snapshot(workspace)) == []


def test_force_pushed_branch_is_not_followed_silently(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    begun(tool.url)
    before = snapshot(workspace)
    tool.reset("main", "main~2")
    hybrid("pin", "tool", check=6)
    assert changes(before, snapshot(workspace)) == []


def test_off_branch_is_6(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    side = tool.commit({"s": "x"}, branch="side", parents=["main"])
    begun(tool.url, "--branch", "main")
    before = snapshot(workspace)
    hybrid("pin", "tool", "--to", side, check=6)
    assert changes(before, snapshot(workspace)) == []


def test_commit_of_a_pull_request_only_is_5(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    pull = tool.commit({"p": "x"}, branch="tmp", parents=["main"])
    tool.update_ref("refs/pull/1/head", pull)
    tool.delete_ref("refs/heads/tmp")
    hybrid("init")
    before = snapshot(workspace)
    hybrid("add", tool.url, "--commit", pull, check=5)
    assert changes(before, snapshot(workspace)) == []
    hybrid("add", tool.url, "--branch", "main")
    before = snapshot(workspace)
    hybrid("pin", "tool", "--to", pull, check=None)
    assert changes(before, snapshot(workspace)) == []


def test_a_rollback_is_6_force_without_the_options_2_and_with_them_0(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    begun(tool.url, sync=False)
    oid = tool.rev("main~1")
    before = snapshot(workspace)
    hybrid("pin", "tool", "--to", oid, "--force", check=2)
    hybrid("pin", "tool", "--to", oid, "--force", *OVERRIDE[:-2], check=2)
    hybrid("pin", "tool", "--to", oid, *OVERRIDE, check=2)
    hybrid("pin", "tool", "--to", oid, check=6)
    assert changes(before, snapshot(workspace)) == []
    hybrid("pin", "tool", "--to", oid, "--force", *OVERRIDE)
    assert lock(workspace)["tool"]["commit"] == oid


def test_one_refusal_does_not_stop_the_others(
    hybrid: Hybrid, workspace: Path, tool: Upstream, upstream_factory: UpstreamFactory, begun: Begun
) -> None:
    lib = upstream_factory("lib")
    lib.commit({"a": "a"})
    begun(tool.url, "--tag", "v1.0.0", sync=False)
    hybrid("add", lib.url)
    new = lib.commit({"a": "b"})
    tool.tag("v1.0.0", "main", force=True)
    mixed = hybrid("--json", "pin", "--all", check=5)
    assert codes(mixed) == {"lib": 0, "tool": 5}
    assert lock(workspace)["lib"]["commit"] == new


def test_another_repository_under_the_same_url_is_refused(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    begun(tool.url)
    tool.commit({"evil": "x"}, branch="main", parents=[])
    before = snapshot(workspace)
    refused = hybrid("pin", "tool", check=None)
    assert refused.code in (5, 6)
    assert changes(before, snapshot(workspace)) == []
    hybrid("sync")
    assert head(workspace) == lock(workspace)["tool"]["commit"]


def test_a_commit_that_nothing_upstream_has_is_5(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    lost = tool.commit({"README": "lost\n"}, branch="lost")
    tool.delete_ref("refs/heads/lost")
    begun(tool.url, "--branch", "main", sync=False)
    before = snapshot(workspace)
    for track in ('branch = "main"', 'tag = "v1.1.0"'):
        replace(workspace / "sources.toml", 'branch = "main"', track)
        assert errors(hybrid("pin", "tool", "--to", lost, "--json", check=5)) == {"tool": "unreachable"}
        assert errors(hybrid("pin", "tool", "--to", "f" * 40, "--json", check=5)) == {"tool": "ref-missing"}
        tool.update_ref("refs/heads/lost", lost)
        assert errors(hybrid("pin", "tool", "--to", lost, "--json", check=6)) == {"tool": "off-branch"}
        tool.delete_ref("refs/heads/lost")
    replace(workspace / "sources.toml", 'tag = "v1.1.0"', 'branch = "main"')
    assert [path for path in changes(before, snapshot(workspace)) if "audit" not in path] == []


@pytest.mark.parametrize("history", ["full", "shallow", "treeless"])
def test_who_follows_a_commit_needs_no_ref_that_is_gone(
    hybrid: Hybrid, workspace: Path, tool: Upstream, history: str, begun: Begun
) -> None:
    commit = tool.rev("main~1")
    tool.update_ref("refs/heads/stable", commit)
    begun(tool.url, "--branch", "stable", "--history", history)
    tool.delete_ref("refs/heads/stable")
    gone = hybrid("pin", "tool", check=5)
    stay = f"hint: to follow the commit of its pin alone: git hybrid pin tool --commit {commit}\n"
    assert stay in gone.err
    shutil.rmtree(workspace / "sources/tool")
    assert stay in hybrid("sync", env={"GIT_HYBRID_CACHE_DIR": ""}, check=5).err
    hybrid("pin", "tool", "--commit", commit)
    entry = lock(workspace)["tool"]
    assert (entry["commit"], "stable" in entry["ref"]) == (commit, False)
    hybrid("sync")
    assert head(workspace) == commit
    # The ref that it is pinned by now may go too, as long as another one has the commit.
    tool.update_ref("refs/heads/other", "main")
    tool.delete_ref(entry["ref"])
    shutil.rmtree(workspace / "sources/tool")
    hybrid("sync", env={"GIT_HYBRID_CACHE_DIR": ""})
    assert head(workspace) == commit


def test_a_pin_of_a_commit_does_not_name_a_tag_that_moved(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    tool.tag("rel", "main~1")
    commit = tool.rev("main~1")
    begun(tool.url, "--tag", "rel")
    tool.tag("rel", "main", force=True)
    replace(workspace / "sources.toml", 'tag = "rel"', f'commit = "{commit}"')
    hybrid("pin")
    assert (lock(workspace)["tool"]["commit"], lock(workspace)["tool"]["ref"]) == (commit, "refs/tags/v1.1.0")
