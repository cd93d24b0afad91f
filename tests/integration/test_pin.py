"""`git hybrid pin`: which pins move, where to, and that a dry run writes nothing."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path

import pytest

from support.beginning import Begun
from support.cli import Hybrid
from support.gitenv import IDENTITY
from support.governed import shifted
from support.kit import changes, head, lock, manifest, released, replace, snapshot
from support.upstream import Upstream, UpstreamFactory


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    released(upstream)
    return upstream


@pytest.fixture
def lib(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory("lib")
    upstream.commit({"lib": "1\n"})
    return upstream


def test_without_names_only_missing_pins_are_made(
    hybrid: Hybrid, workspace: Path, tool: Upstream, lib: Upstream, begun: Begun
) -> None:
    begun(tool.url, sync=False)
    pinned = lock(workspace)["tool"]
    tool.commit({"new": "x\n"})
    path = workspace / "sources.toml"
    path.write_text(path.read_text() + f'\n[source.lib]\nurl = "{lib.url}"\nbranch = "main"\n')
    hybrid("pin")
    assert lock(workspace)["tool"] == pinned
    assert lock(workspace)["lib"]["commit"] == lib.rev("main")
    before = snapshot(workspace)
    hybrid("pin")
    assert changes(before, snapshot(workspace)) == []


def test_with_a_name_one_pin_moves_and_with_all_every_pin(
    hybrid: Hybrid, workspace: Path, tool: Upstream, lib: Upstream, begun: Begun
) -> None:
    begun(tool.url, sync=False)
    hybrid("add", lib.url)
    old = lock(workspace)
    new_tool, new_lib = tool.commit({"new": "x\n"}), lib.commit({"new": "x\n"})
    hybrid("pin", "tool")
    assert lock(workspace)["tool"]["commit"] == new_tool
    assert lock(workspace)["lib"] == old["lib"]
    hybrid("pin", "--all")
    assert lock(workspace)["lib"]["commit"] == new_lib
    assert list(lock(workspace)) == ["lib", "tool"]


def test_pin_does_not_touch_the_clone_or_the_manifest(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    begun(tool.url)
    old = head(workspace)
    intent = (workspace / "sources.toml").read_bytes()
    new = tool.commit({"new": "x\n"})
    moved = hybrid("pin", "tool")
    assert head(workspace) == old
    assert (workspace / "sources.toml").read_bytes() == intent
    assert new[:7] in moved.out
    assert old[:7] in moved.out
    assert "hint: git hybrid sync" in moved.err


@pytest.mark.parametrize("kind", ["tag", "branch", "full", "short"])
def test_to(hybrid: Hybrid, workspace: Path, tool: Upstream, kind: str, begun: Begun) -> None:
    begun(tool.url, sync=False)
    new = [tool.commit({"n": str(number)}) for number in range(3)]
    tool.tag("v2", new[1])
    rev = {"tag": "v2", "branch": "main", "full": new[0], "short": new[0][:9]}[kind]
    hybrid("pin", "tool", "--to", rev)
    assert lock(workspace)["tool"]["commit"] == tool.rev(f"{rev}^{{commit}}")
    hybrid("sync")
    assert head(workspace) == tool.rev(f"{rev}^{{commit}}")


def test_to_a_short_id_that_is_ambiguous_or_unknown(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, begun: Begun
) -> None:
    tool = upstream_factory()
    tool.commit({"a": "a"})
    begun(tool.url, sync=False)
    tree, parent, seen = tool.rev("main^{tree}"), tool.rev("main"), dict[str, str]()
    for number in itertools.count():
        stamp = f"{IDENTITY} 1800000000 +0000"
        body = f"tree {tree}\nparent {parent}\nauthor {stamp}\ncommitter {stamp}\n\n{number}\n"
        short = hashlib.sha1(f"commit {len(body)}\0{body}".encode()).hexdigest()[:7]
        if short in seen:
            break
        seen[short] = str(number)
    twins = [tool.raw_commit(tree, [parent], text, when=1800000000) for text in (seen[short], str(number))]
    assert [twin[:7] for twin in twins] == [short, short]
    tool.commit({}, parents=twins)
    before = snapshot(workspace)
    ambiguous = hybrid("pin", "tool", "--to", short, check=None)
    assert ambiguous.code in (2, 5), ambiguous.err
    assert "ambiguous" in ambiguous.err or "more than one" in ambiguous.err
    unknown = hybrid("pin", "tool", "--to", "nosuchref", check=None)
    assert unknown.code in (2, 5), unknown.err
    assert changes(before, snapshot(workspace)) == []


def test_to_needs_one_name(hybrid: Hybrid, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, sync=False)
    hybrid("pin", "--to", "main", check=2)
    hybrid("pin", "--all", "--to", "main", check=2)
    for words in (("tool", "--all"), ("--group", "g", "--all"), ("tool", "--all", "-n")):
        refused = hybrid("pin", *words, check=2)
        assert "moves every pin: give names or groups, or --all alone" in refused.err


@pytest.mark.parametrize("synced", [True, False])
def test_dry_run_shows_the_move_and_writes_nothing(
    hybrid: Hybrid, workspace: Path, tool: Upstream, synced: bool, begun: Begun
) -> None:
    begun(tool.url, sync=synced)
    old = lock(workspace)["tool"]["commit"]
    tool.commit({"p": "1\n"}, "subject one")
    new = tool.commit({"q": "1\n", "README": "x\n"}, "subject two")
    before = snapshot(workspace)
    shown = hybrid("pin", "-n", "tool")
    assert changes(before, snapshot(workspace)) == []
    assert old[:7] in shown.out
    assert new[:7] in shown.out
    assert "2 commits" in shown.out
    assert "3 files" in shown.out
    assert "subject one" in shown.out
    assert "subject two" in shown.out


def test_edited_manifest_makes_a_stale_pin_that_pin_renews(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    begun(tool.url, "--tag", "v1.0.0")
    replace(workspace / "sources.toml", "v1.0.0", "v1.1.0")
    stale = hybrid("sync", check=1)
    assert "git hybrid pin tool" in stale.err
    assert head(workspace) == tool.rev("v1.0.0^{commit}")
    hybrid("pin")
    assert lock(workspace)["tool"]["commit"] == tool.rev("v1.1.0^{commit}")


@pytest.mark.parametrize(
    ("spec", "tag"),
    [
        (">=1.2,<2", "v1.10.0"),
        ("~=1.2.0", "1.2.3"),
        ("==1.2.3", "1.2.3"),
        (">=1", "v2.0"),
        (">=3.0rc1", "v3.0.0-rc1"),
        ("==3.0.0rc1", "v3.0.0-rc1"),
    ],
)
def test_version_ranges(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, spec: str, tag: str
) -> None:
    tool = upstream_factory()
    for name in ("v1.1.0", "1.2.3", "v1.9.0", "v1.10.0", "v2.0", "v3.0.0-rc1", "nightly", "v1.11.0.junk"):
        tool.commit({"v": name})
        tool.tag(name, annotated=name != "v1.9.0")
    hybrid("init")
    hybrid("add", tool.url, "--version", spec)
    assert manifest(workspace)["tool"]["version"] == spec
    assert lock(workspace)["tool"]["ref"] == f"refs/tags/{tag}"


def test_version_moves_to_the_next_release(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, "--version", ">=1,<2")
    assert lock(workspace)["tool"]["ref"] == "refs/tags/v1.1.0"
    tool.tag("v1.2.0")
    tool.tag("v2.0.0")
    hybrid("pin", "tool")
    assert lock(workspace)["tool"]["ref"] == "refs/tags/v1.2.0"
    hybrid("sync")
    assert head(workspace) == tool.rev("v1.2.0^{commit}")


_RANGE = 'version = ">=1,<1.1"'


@pytest.fixture
def ranged(hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, begun: Begun) -> Upstream:
    """An upstream of three releases, of which the range of the manifest has the first alone."""
    found = upstream_factory()
    for name in ("v1.0.0", "v1.1.0", "v1.2.0"):
        found.commit({"v": name})
        found.tag(name)
    begun(found.url, "--version", ">=1,<1.1")
    return found


@pytest.mark.parametrize(
    "edits",
    [
        ['version = ">=1,<2"'],
        ['version = ">=1,<2"', 'history = "shallow"'],
        ['version = ">=1,<2"', 'history = "treeless"', "submodules = true", 'lfs = "fetch"'],
    ],
)
@pytest.mark.parametrize("env", [{}, {"GIT_HYBRID_CACHE_DIR": ""}])
def test_an_edited_entry_keeps_its_version_though_there_are_newer_ones(
    hybrid: Hybrid, workspace: Path, ranged: Upstream, edits: list[str], env: dict[str, str]
) -> None:
    old = lock(workspace)["tool"]
    replace(workspace / "sources.toml", _RANGE, "\n".join(edits))
    tried = hybrid("pin", "-n", env=env)
    assert f"would-pin  {old['commit'][:10]} (v1.0.0)" in tried.out
    assert lock(workspace)["tool"] == old
    hybrid("pin", env=env)
    new = lock(workspace)["tool"]
    assert new["config_digest"] != old["config_digest"]
    assert {**new, "config_digest": ""} == {**old, "config_digest": ""}
    hybrid("sync", env=env)
    # A name moves it.
    hybrid("pin", "tool", env=env)
    assert lock(workspace)["tool"]["ref"] == "refs/tags/v1.2.0"


@pytest.mark.parametrize("more", ["submodules = true", 'history = "shallow"', 'lfs = "fetch"'])
def test_what_is_fetched_changes_and_the_version_stays(
    hybrid: Hybrid, workspace: Path, ranged: Upstream, more: str
) -> None:
    replace(workspace / "sources.toml", _RANGE, 'version = ">=1,<2"')
    hybrid("pin")
    old = lock(workspace)["tool"]
    path = workspace / "sources.toml"
    path.write_text(path.read_text() + more + "\n")
    assert "hint: git hybrid pin\n" in hybrid("sync", check=1).err
    hybrid("pin")
    new = lock(workspace)["tool"]
    assert new["config_digest"] != old["config_digest"]
    assert new["commit"] == old["commit"] == ranged.rev("v1.0.0^{commit}")
    hybrid("sync")


def test_a_version_that_would_stay_is_refused_where_its_tag_moved_or_went(
    hybrid: Hybrid, workspace: Path, ranged: Upstream
) -> None:
    before = lock(workspace)
    replace(workspace / "sources.toml", _RANGE, 'version = ">=1,<2"')
    ranged.tag("v1.0.0", "main", force=True)
    assert "v1.0.0" in hybrid("pin", check=5).err
    assert lock(workspace) == before
    ranged.git("tag", "-d", "v1.0.0")
    assert "upstream has no refs/tags/v1.0.0" in hybrid("pin", check=5).err
    assert lock(workspace) == before


def test_the_newest_of_two_versions_of_one_commit_is_pinned_by_name(
    hybrid: Hybrid, workspace: Path, ranged: Upstream
) -> None:
    replace(workspace / "sources.toml", _RANGE, 'version = ">=1,<1.1"\nhistory = "shallow"')
    ranged.tag("v1.0.1", "v1.0.0^{commit}")
    old = lock(workspace)["tool"]
    hybrid("pin", "tool")
    new = lock(workspace)["tool"]
    assert (new["ref"], new["commit"]) == ("refs/tags/v1.0.1", old["commit"])
    hybrid("sync")


def test_where_the_newest_is_too_new_the_newest_that_is_not_is_pinned(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    """Upstream releases more often than pins may move; what was seen long enough ago comes in its turn."""
    begun(tool.url, "--branch", "main", sync=False)
    hybrid("add", tool.url, "--name", "ranged", "--version", ">=1")
    replace(workspace / "sources.toml", "[policy]", '[policy]\nmin_release_age = "3d"')
    seen = list[str]()

    def pinned_on(day: int, *, code: int = 6) -> set[str]:
        seen.append(tool.commit({"README": f"{len(seen)}\n"}))
        tool.tag(f"v3.{len(seen)}")
        hybrid("pin", "--all", env=shifted(f"+{day}d"), check=code)
        return {pin["commit"] for pin in lock(workspace).values()}

    before = pinned_on(0)
    assert pinned_on(2) == before
    told = hybrid("outdated", "--json", env=shifted("+4d")).json()["sources"]
    assert {row["to_commit"] for row in told} == {seen[0]}
    assert all("is newer: " in row["notes"][0] for row in told)
    assert pinned_on(4, code=0) == {seen[0]}
    # It stays until the next one is old enough, and never goes back.
    assert pinned_on(4) == {seen[0]}


def test_a_dry_run_tells_no_time_that_nothing_keeps(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    begun(tool.url, "--branch", "main", sync=False)
    replace(workspace / "sources.toml", "[policy]", '[policy]\nmin_release_age = "3d"')
    new = tool.commit({"README": "new\n"})
    for _ in range(2):
        told = hybrid("pin", "tool", "-n", check=6).err
        assert f"{new} is too new: the 3 d of [policy] min_release_age begin when pin sees it\n" in told
        assert "hint: git hybrid pin tool\n" in told
        assert "allowed from" not in told
    shown = hybrid("outdated")
    assert "begin when pin sees it" in shown.out
    assert "hint: if it only went on: git hybrid pin tool\n" in shown.err
    (row,) = hybrid("outdated", "--json").json()["sources"]
    assert (row["detail"]["refused"], "allowed_from" in row["detail"]) == ("too-young", False)
    hybrid("pin", "tool", check=6)
    told = hybrid("pin", "tool", "-n", check=6).err
    (row,) = hybrid("outdated", "--json").json()["sources"]
    assert f"allowed from {row['detail']['allowed_from']}" in told
