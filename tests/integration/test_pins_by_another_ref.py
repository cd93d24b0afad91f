"""No pin goes back by way of another ref, and whoever goes on in a series of its own is free."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.beginning import Begun
from support.cli import Hybrid
from support.kit import lock, replace
from support.upstream import Upstream, UpstreamFactory

FORCE = ("--force", "--request", "CHG-1", "--approver", "bea@example.org", "--reason", "hotfix", "--expires", "3d")
WHY = "where it stood before it followed something else"


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    """Three versions on main, and a branch of the first one with a version of its own."""
    upstream = upstream_factory()
    for version in ("v1.0", "v2.0", "v2.1"):
        upstream.tag(version, upstream.commit({"README": version}, version))
    upstream.branch("old", "v2.0")
    upstream.branch("series", "v1.0")
    upstream.tag("v1.1", upstream.commit({"fix": "1"}, "a fix", branch="series"))
    upstream.commit({"fix": "2"}, "another fix", branch="series")
    return upstream


def test_no_rollback_by_way_of_another_ref(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, "--version", ">=1")
    newest, older = tool.rev("main"), tool.rev("main~1")
    hybrid("pin", "tool", "--branch", "series")
    before = (workspace / "state" / "sources-audit.jsonl").read_bytes()
    for words in (
        ("--version", ">=1", "--to", "v2.0"),
        ("--version", ">=1,<2.1"),
        ("--tag", "v2.0"),
        ("--branch", "old"),
        ("--commit", older),
    ):
        assert f"error: tool: {older} is older than {newest}, {WHY}\n" in hybrid("pin", "tool", *words, check=6).err
    # What the manifest allows still is the newest, also where the other series goes on.
    told = hybrid("pin", "tool", "--version", ">=1", "--to", "v1.1", check=6).err
    assert f"{tool.rev('series~1')} is older than" in told
    text = (workspace / "sources.toml").read_text()
    replace(workspace / "sources.toml", 'branch = "series"', 'tag = "v2.0"')
    told = hybrid("pin", "tool", check=6).err
    assert (WHY in told, "put that back" in told) == (True, False)
    (workspace / "sources.toml").write_text(text)
    assert (workspace / "state" / "sources-audit.jsonl").read_bytes() == before
    hybrid("pin", "tool", "--version", ">=1")
    assert lock(workspace)["tool"]["commit"] == newest


@pytest.mark.parametrize("between", ["name", "url"])
def test_nor_with_another_name_or_url_in_between(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun, between: str
) -> None:
    begun(tool.url, "--version", ">=1")
    entry, name = workspace / "sources.toml", "tool"
    if between == "name":
        name = "renamed"
        replace(entry, "[source.tool]", "[source.renamed]")
        replace(entry, 'version = ">=1"', 'branch = "series"')
    else:
        fork = tool.path.with_name("fork.git")
        shutil.copytree(tool.path, fork)
        replace(entry, tool.url, fork.as_uri())
        hybrid("pin", name)
        hybrid("pin", name, "--branch", "series")
        replace(entry, fork.as_uri(), tool.url)
    hybrid("pin", name)
    assert WHY in hybrid("pin", name, "--version", ">=1", "--to", "v2.0", check=6).err
    hybrid("pin", name, "--version", ">=1")
    assert lock(workspace)[name]["commit"] == tool.rev("main")


def test_what_was_approved_by_way_of_another_ref_is_as_approved(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    begun(tool.url, "--version", ">=1")
    hybrid("pin", "tool", "--branch", "series")
    hybrid("pin", "tool", "--version", ">=1", "--to", "v2.0", *FORCE)
    (record,) = hybrid("override", "list", "--json").json()["overrides"]
    assert (record["from_commit"], record["lifts"]) == (tool.rev("series"), ["rollback"])
    hybrid("sync")
    hybrid("check", "audit")
    hybrid("override", "revoke", record["id"], "--reason", "over")
    hybrid("pin", "tool", "--to", "v2.0", check=6)
    hybrid("pin", "tool", "--tag", "v2.0", check=6)
    hybrid("pin", "tool")
    assert lock(workspace)["tool"]["commit"] == tool.rev("main")


def test_a_series_of_its_own_goes_on(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, "--tag", "v2.1")
    hybrid("pin", "tool", "--branch", "series")
    tool.tag("v1.2", "series")
    newer = tool.commit({"fix": "3"}, "a third fix", branch="series")
    tool.tag("v1.3", newer)
    # The tag that is there already, newer ones, and a range of them.
    hybrid("pin", "tool", "--tag", "v1.2")
    hybrid("pin", "tool", "--version", "<2")
    assert lock(workspace)["tool"]["commit"] == newer
    hybrid("pin", "tool", "--branch", "series")
    hybrid("pin", "tool", "--tag", "v2.1")
    hybrid("sync")
    hybrid("check")
    hybrid("audit", "verify")
