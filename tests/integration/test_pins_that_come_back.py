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


def moved(tool: Upstream, option: str) -> str:
    """Move the tag of upstream, or rewrite its branch, and return the commit that is there now."""
    if option == "tag":
        tool.tag("v1", "main", force=True)
    else:
        tool.reset("main", "main~1")
        tool.commit({"README": "rewritten"}, "rewritten")
    return tool.rev("main")


def hints(told: str) -> list[str]:
    return [line.removeprefix("hint: ") for line in told.splitlines() if line.startswith("hint: ")]


WAYS = pytest.mark.parametrize(("option", "value"), [("tag", "v1"), ("branch", "main")])


@WAYS
def test_what_moved_upstream_is_not_taken_by_naming_its_commit_for_a_moment(
    hybrid: Hybrid, workspace: Path, tool: Upstream, option: str, value: str
) -> None:
    started(hybrid, tool.url, f"--{option}", value)
    new = moved(tool, option)
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


@WAYS
@pytest.mark.parametrize("by_url", [False, True])
def test_what_was_forced_is_not_taken_for_good_by_edits_that_cancel_out(
    hybrid: Hybrid,
    workspace: Path,
    tool: Upstream,
    upstream_factory: UpstreamFactory,
    option: str,
    value: str,
    by_url: bool,
) -> None:
    started(hybrid, tool.url, f"--{option}", value)
    old, new = lock(workspace)["tool"]["commit"], moved(tool, option)
    hybrid("pin", "tool", "--to", new, *FORCE)
    hybrid("override", "revoke", hybrid("override", "list", "--json").json()["overrides"][0]["id"], "--reason", "over")
    manifest = workspace / "sources.toml"
    before = manifest.read_text()
    if by_url:
        other = upstream_factory("other")
        git("push", "-q", other.path, "main", "v1", cwd=tool.path)
        replace(manifest, tool.url, other.url)
    else:
        replace(manifest, f'{option} = "{value}"', f'commit = "{new}"')
    hybrid("pin", "tool")
    assert "override" not in lock(workspace)["tool"]
    manifest.write_text(before)
    for words in (("pin", "tool"), ("pin",), ("pin", "tool", "--to", new), ("pin", "--all", "-n")):
        told = hybrid(*words, check=6).err
        assert "was revoked" in told
    # What allowed it may be approved anew, and is the same exception then.
    hybrid("pin", "tool", "--to", new, *FORCE)
    first, second = sorted(hybrid("override", "list", "--json").json()["overrides"], key=lambda item: item["id"])
    assert (second["from_commit"], second["lifts"]) == (old, first["lifts"])
    hybrid("pin", "tool")
    assert lock(workspace)["tool"]["override"] == second["id"]
    hybrid("audit", "verify")
    hybrid("check", "overrides")
    hybrid("override", "revoke", second["id"], "--reason", "over")
    hybrid("pin", "tool", check=6)
    # Upstream is what it was: that needs no approval.
    if option == "tag":
        tool.tag("v1", old, force=True)
    else:
        tool.reset("main", old)
    hybrid("pin", "tool")
    assert lock(workspace)["tool"] | {"override": ""} == lock(workspace)["tool"] | {"override": "", "commit": old}
    hybrid("audit", "verify")


@WAYS
def test_what_follows_on_a_forced_pin_is_free(
    hybrid: Hybrid, workspace: Path, tool: Upstream, option: str, value: str
) -> None:
    started(hybrid, tool.url, f"--{option}", value)
    new = moved(tool, option)
    hybrid("pin", "tool", "--to", new, *FORCE)
    manifest = workspace / "sources.toml"
    before = manifest.read_text()
    replace(manifest, f'{option} = "{value}"', f'commit = "{new}"')
    hybrid("pin", "tool")
    newer = tool.commit({"README": "newer"}, "newer")
    if option == "tag":
        tool.tag("v2")
        manifest.write_text(before.replace('"v1"', '"v2"'))
    else:
        manifest.write_text(before)
    hybrid("pin", "tool")
    assert lock(workspace)["tool"]["commit"] == newer
    hybrid("audit", "verify")


@WAYS
def test_the_hints_at_what_ended_lead_on(
    hybrid: Hybrid, workspace: Path, tool: Upstream, option: str, value: str
) -> None:
    started(hybrid, tool.url, f"--{option}", value)
    new = moved(tool, option)
    hybrid("pin", "tool", "--to", new, *FORCE)
    hybrid("override", "revoke", hybrid("override", "list", "--json").json()["overrides"][0]["id"], "--reason", "over")
    stay = f'write commit = "{new}" into its entry, then: git hybrid pin tool'
    for command in ("pin", "sync"):
        assert hints(hybrid(command, "tool", check=6).err)[0] == stay
    assert f"mend: {stay}" in hybrid("check", "overrides", check=1).out
    replace(workspace / "sources.toml", f'{option} = "{value}"', f'commit = "{new}"')
    hybrid("pin", "tool")
    hybrid("sync")
    hybrid("check")
