"""A pin that leaves by an edit of the manifest and comes back by another goes on from where it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.cli import Hybrid
from support.kit import git, lock, replace, started
from support.upstream import Upstream, UpstreamFactory

FORCE = ("--force", "--request", "CHG-1", "--approver", "bea@example.org", "--reason", "hotfix", "--expires", "3d")


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    for subject in ("one", "two", "three"):
        upstream.commit({"README": subject}, subject)
    upstream.tag("v1", "main~1")
    return upstream


def test_no_rollback_by_way_of_another_url(
    hybrid: Hybrid, workspace: Path, tool: Upstream, upstream_factory: UpstreamFactory
) -> None:
    started(hybrid, tool.url, "--branch", "main")
    other = upstream_factory("other")
    git("push", "-q", other.path, "main", cwd=tool.path)
    manifest, old, new = workspace / "sources.toml", tool.rev("main~1"), tool.rev("main")
    replace(manifest, tool.url, other.url)
    hybrid("pin", "tool", "--to", old)
    replace(manifest, other.url, tool.url)
    told = hybrid("pin", "tool", "--to", old, check=6).err
    assert f"{old} is older than {new}, where it stood last by this URL" in told
    hybrid("pin", "tool", "--to", old, *FORCE)
    (record,) = hybrid("override", "list", "--json").json()["overrides"]
    assert (record["from_commit"], record["lifts"]) == (new, ["rollback"])
    hybrid("override", "revoke", record["id"], "--reason", "over")
    hybrid("pin", "tool", "--to", old, check=6)
    hybrid("pin", "tool")
    assert lock(workspace)["tool"]["commit"] == new
    hybrid("audit", "verify")


def test_who_comes_back_to_a_url_may_go_on_there(
    hybrid: Hybrid, workspace: Path, tool: Upstream, upstream_factory: UpstreamFactory
) -> None:
    started(hybrid, tool.url, "--branch", "main")
    other = upstream_factory("other")
    other.commit({"else": "1"}, "another history")
    manifest = workspace / "sources.toml"
    replace(manifest, tool.url, other.url)
    hybrid("pin", "tool")
    replace(manifest, other.url, tool.url)
    new = tool.commit({"README": "four"}, "four")
    hybrid("pin", "tool")
    hybrid("sync")
    assert lock(workspace)["tool"]["commit"] == new


@pytest.mark.parametrize(("option", "value"), [("tag", "v1"), ("branch", "main")])
def test_what_moved_upstream_is_not_taken_by_naming_its_commit_for_a_moment(
    hybrid: Hybrid, workspace: Path, tool: Upstream, option: str, value: str
) -> None:
    started(hybrid, tool.url, f"--{option}", value)
    if option == "tag":
        tool.tag("v1", "main", force=True)
    else:
        tool.reset("main", "main~1")
        tool.commit({"README": "rewritten"}, "rewritten")
    new = tool.rev("main")
    hybrid("pin", "tool", check=5)
    manifest = workspace / "sources.toml"
    before = manifest.read_text()
    replace(manifest, f'{option} = "{value}"', f'commit = "{new}"')
    hybrid("pin", "tool")
    manifest.write_text(before)
    for words in (("pin", "tool"), ("pin",), ("pin", "--all", "-n")):
        told = hybrid(*words, check=5).err
        assert f"{value}" in told
    hybrid("pin", "tool", "--to", new, *FORCE)
    hybrid("sync")
    hybrid("audit", "verify")
