"""GIT_HYBRID_BUNDLE_DIR: a folder of git bundles stands in for the network, and passes the same gates."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from support.beginning import Begun
from support.cli import Hybrid
from support.kit import git, head, lock, manifest, outcomes
from support.upstream import Upstream, UpstreamFactory


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    upstream.commit({"a.txt": "one\n"})
    return upstream


@pytest.fixture
def bundles(tool: Upstream, site_folder: Path, begun: Begun) -> Path:
    begun(tool.url, sync=False)
    folder = site_folder / "git bundles"
    folder.mkdir()
    git("bundle", "create", "-q", folder / "tool.bundle", "--all", cwd=tool.path)
    return folder


def test_a_bundle_serves_the_pin_offline(bundles: Path, tool: Upstream, workspace: Path, hybrid: Hybrid) -> None:
    hybrid("sync", "--offline", check=4)
    hybrid("sync", "--offline", env={"GIT_HYBRID_BUNDLE_DIR": str(bundles)})
    assert head(workspace) == tool.rev("main")
    assert f"{bundles.as_uri()}/tool.bundle" in (workspace / "state/sources.json").read_text()


def test_history_that_is_cut_off_comes_from_the_bundle_if_it_is_there(
    bundles: Path, tool: Upstream, workspace: Path, hybrid: Hybrid
) -> None:
    hybrid("sync")
    cut = workspace / "sources/tool/.git/shallow"
    cut.write_text(f"{tool.rev('main')}\n")
    (bundles / "tool.bundle").rename(bundles / "away")
    env = {"GIT_HYBRID_BUNDLE_DIR": str(bundles), "GIT_HYBRID_CACHE_DIR": ""}
    done = hybrid("sync", "--offline", "--json", env=env)
    assert outcomes(done) == {"tool": "unchanged"}
    assert "its history is still cut off" in done.out
    (bundles / "away").rename(bundles / "tool.bundle")
    assert outcomes(hybrid("sync", "--offline", "--json", env=env)) == {"tool": "updated"}
    assert not cut.exists()


def test_a_relative_folder_can_be_recorded(bundles: Path, workspace: Path, hybrid: Hybrid) -> None:
    env = {"GIT_HYBRID_BUNDLE_DIR": "../git bundles"}
    hybrid("sync", "--offline", env=env)
    assert f"{bundles.as_uri()}/tool.bundle" in (workspace / "state/sources.json").read_text()
    found = hybrid("check", "mirrors", "--json", env=env, check=1).json()["checks"][0]["violations"]
    (mend,) = {item["mend"] for item in found}
    words = mend.replace("NAME", "bd").replace("WHO", "me@example.org").split()[2:]
    hybrid(*words)
    hybrid("check", "mirrors", env=env)
    # A state of before, which has the folder as it was typed, is the same mirror.
    state = workspace / "state/sources.json"
    state.write_text(state.read_text().replace(bundles.as_uri(), f"{workspace.as_uri()}/../git%20bundles"))
    hybrid("check", "mirrors", env=env)


def test_a_bundle_without_the_pin_does_not_serve(
    bundles: Path, tool: Upstream, workspace: Path, hybrid: Hybrid
) -> None:
    tool.commit({"a.txt": "two\n"})
    hybrid("pin", "tool")
    failed = hybrid("sync", "--offline", env={"GIT_HYBRID_BUNDLE_DIR": str(bundles)}, check=4)
    assert f"{bundles}/tool.bundle does not have what is wanted" in failed.err
    assert not (workspace / "sources/tool").exists()


@pytest.mark.parametrize("history", ["full", "shallow", "treeless"])
@pytest.mark.parametrize("refs", [["--all"], ["HEAD", "--all"]], ids=["refs", "head"])
def test_where_a_bundle_lacks_what_is_wanted_the_servers_are_asked(
    bundles: Path, tool: Upstream, workspace: Path, hybrid: Hybrid, history: str, refs: list[str]
) -> None:
    env = {"GIT_HYBRID_BUNDLE_DIR": str(bundles)}
    file = bundles / "tool.bundle"
    git("bundle", "create", "-q", file, *refs, cwd=tool.path)
    newest = tool.commit({"a.txt": "two\n"})
    tool.tag("v2.0.0")
    path = workspace / "sources.toml"
    path.write_text(path.read_text().replace('branch = "main"', f'tag = "v2.0.0"\nhistory = "{history}"'))
    hybrid("pin", env=env)
    alone = hybrid("sync", "--offline", env=env, check=4)
    assert f"{file} does not have what is wanted" in alone.err
    hybrid("sync", env=env)
    assert head(workspace) == newest
    # What the bundle has needs no server.
    git("bundle", "create", "-q", file, *refs, cwd=tool.path)
    (bundles.parent / "upstreams").rename(bundles.parent / "gone")
    shutil.rmtree(workspace / "sources/tool")
    hybrid("sync", env=env | {"GIT_HYBRID_CACHE_DIR": str(workspace.parent / "another")})
    assert head(workspace) == newest


def test_a_bundle_that_builds_on_what_is_not_here_lacks_it(
    bundles: Path, tool: Upstream, workspace: Path, hybrid: Hybrid
) -> None:
    env = {"GIT_HYBRID_BUNDLE_DIR": str(bundles)}
    first = tool.rev("main")
    newest = tool.commit({"a.txt": "two\n"})
    hybrid("pin", "tool")
    git("bundle", "create", "-q", bundles / "tool.bundle", f"{first}..main", cwd=tool.path)
    refused = hybrid("sync", "--offline", env=env, check=5)
    assert f"the bundle builds on what is not here: {first}" in refused.err
    assert f"hint: in a clone of upstream: git bundle create '{bundles / 'tool.bundle'}' HEAD --all\n" in refused.err
    hybrid("mirror", "add", "disk", bundles.as_uri(), "--kind", "bundle", "--owner", "me")
    assert f"the mirror disk lacks what its bundle builds on: {first}" in hybrid("mirror", "verify", check=1).err
    hybrid("sync", env=env)
    assert head(workspace) == newest


def test_an_older_bundle_says_nothing_against_the_object_cache(
    bundles: Path, tool: Upstream, workspace: Path, hybrid: Hybrid
) -> None:
    newest = tool.commit({"a.txt": "two\n"})
    hybrid("pin", "tool")
    hybrid("sync")
    shutil.rmtree(workspace / "sources/tool")
    again = hybrid("sync", env={"GIT_HYBRID_BUNDLE_DIR": str(bundles)})
    assert "set aside" not in again.err
    assert head(workspace) == newest


def test_pin_and_outdated_read_a_bundle_where_no_server_may_be_asked(
    bundles: Path, tool: Upstream, workspace: Path, hybrid: Hybrid
) -> None:
    env = {"GIT_HYBRID_BUNDLE_DIR": str(bundles), "GIT_HYBRID_OFFLINE": "1"}
    hybrid("sync", env=env)
    assert hybrid("outdated", "--json", env=env).json()["sources"][0]["outcome"] == "current"
    older = (bundles / "tool.bundle").read_bytes()
    newest = tool.commit({"a.txt": "two\n"})
    tool.tag("v1.0.0")
    git("bundle", "create", "-q", bundles / "tool.bundle", "--all", cwd=tool.path)
    (bundles.parent / "upstreams").rename(bundles.parent / "gone")
    assert newest[:7] in hybrid("outdated", env=env).out
    hybrid("pin", "tool", env=env)
    hybrid("sync", env=env)
    assert head(workspace) == newest
    # An annotated tag is followed to its commit, as where a server lists it.
    (workspace / "sources.toml").write_text(
        (workspace / "sources.toml").read_text().replace('branch = "main"', 'tag = "v1.0.0"')
    )
    hybrid("pin", "tool", env=env)
    assert hybrid("outdated", "--json", env=env).json()["sources"][0]["outcome"] == "current"
    (bundles / "tool.bundle").write_bytes(older)
    failed = hybrid("pin", "tool", env=env, check=5)
    assert f"the mirror {bundles.as_uri()}/tool.bundle has no refs/tags/v1.0.0" in failed.err
    assert "--force" not in failed.err
    assert "mirror update" not in failed.err


def test_add_takes_the_default_branch_that_a_bundle_tells(
    bundles: Path, tool: Upstream, workspace: Path, hybrid: Hybrid
) -> None:
    env = {"GIT_HYBRID_BUNDLE_DIR": str(bundles), "GIT_HYBRID_OFFLINE": "1"}
    tool.commit({"b.txt": "b\n"}, branch="other", parents=[tool.rev("main")])
    git("update-ref", "refs/heads/same", "refs/heads/main", cwd=tool.path)
    git("bundle", "create", "-q", bundles / "new.bundle", "HEAD", "--all", cwd=tool.path)
    hybrid("add", tool.url, "--name", "new", env=env)
    assert manifest(workspace)["new"]["branch"] == "main"
    # Of two branches that are both not the usual ones nothing tells which it is.
    git("branch", "-m", "main", "mine", cwd=tool.path)
    for refs in (["HEAD", "--all"], ["--all"]):
        git("bundle", "create", "-q", bundles / "odd.bundle", *refs, cwd=tool.path)
        done = hybrid("add", tool.url, "--name", "odd", env=env, check=5)
        assert f"the mirror {bundles.as_uri()}/odd.bundle has no usable default branch" in done.err
        assert "hint: add another branch, tag, version or commit of it: git hybrid add " in done.err
        assert "ls-remote" not in done.err
    git("branch", "-D", "same", cwd=tool.path)
    git("bundle", "create", "-q", bundles / "odd.bundle", "HEAD", "--all", cwd=tool.path)
    hybrid("add", tool.url, "--name", "odd", env=env)
    assert manifest(workspace)["odd"]["branch"] == "mine"


def test_a_bundle_that_was_cut_is_no_trouble_of_the_network(bundles: Path, workspace: Path, hybrid: Hybrid) -> None:
    file = bundles / "tool.bundle"
    file.write_bytes(file.read_bytes()[:-60])
    done = hybrid("sync", "--offline", env={"GIT_HYBRID_BUNDLE_DIR": str(bundles)}, check=5)
    assert f"error: {file}: its pack: " in done.err
    assert "network" not in done.err
    assert f"sha256sum '{file}'" in done.err


@pytest.mark.parametrize("data", [b"", b"x\n", b"# v9 git bundle\n"], ids=["empty", "text", "version"])
def test_a_file_that_is_no_bundle_is_no_trouble_of_credentials(
    bundles: Path, tool: Upstream, workspace: Path, hybrid: Hybrid, data: bytes
) -> None:
    file = bundles / "tool.bundle"
    file.write_bytes(data)
    env = {"GIT_HYBRID_BUNDLE_DIR": str(bundles), "GIT_HYBRID_OFFLINE": "1"}
    done = hybrid("sync", env=env, check=5)
    assert f"error: {file}: its head: not that of a git bundle" in done.err
    assert f"sha256sum '{file}'" in done.err
    assert not (workspace / "state/resume.json").exists()
    file.rename(bundles / "new.bundle")
    for command in (["outdated", "tool"], ["add", tool.url, "--name", "new"]):
        (bundles / "tool.bundle").write_bytes(data)
        assert "not that of a git bundle" in hybrid(*command, env=env, check=5).err


def test_a_corrupt_bundle_is_refused(bundles: Path, workspace: Path, hybrid: Hybrid) -> None:
    file = bundles / "tool.bundle"
    data = bytearray(file.read_bytes())
    data[-40] ^= 0xFF
    file.write_bytes(data)
    done = hybrid("sync", "--offline", env={"GIT_HYBRID_BUNDLE_DIR": str(bundles)}, check=None)
    assert done.code == 5
    assert not (workspace / "sources/tool").exists()


def test_a_bundle_that_builds_on_the_clone_lists_what_is_newer(
    bundles: Path, tool: Upstream, workspace: Path, hybrid: Hybrid
) -> None:
    env = {"GIT_HYBRID_BUNDLE_DIR": str(bundles), "GIT_HYBRID_OFFLINE": "1"}
    hybrid("sync", env=env)
    first = tool.rev("main")
    newest = tool.commit({"a.txt": "two\n"})
    git("bundle", "create", "-q", bundles / "tool.bundle", f"{first}..main", cwd=tool.path)
    assert outcomes(hybrid("outdated", "--json", env=env)) == {"tool": "outdated"}
    assert outcomes(hybrid("diff", "--upstream", "--json", env=env)) == {"tool": "differs"}
    hybrid("pin", "tool", "--to", newest, "-n", env=env)
    hybrid("pin", "tool", env=env)
    hybrid("sync", env=env)
    assert head(workspace) == newest
    # Where the clone is lost, the hint is at a bundle of git's own.
    shutil.rmtree(workspace / "sources/tool")
    refused = hybrid("pin", "tool", env=env, check=5).err
    assert f"hint: in a clone of upstream: git bundle create '{bundles / 'tool.bundle'}' HEAD --all\n" in refused


@pytest.fixture
def carried(bundles: Path, tool: Upstream, workspace: Path, hybrid: Hybrid) -> Path:
    """Return the folder, with one file of bundle create and nothing of git's own; nobody else has the pin any more."""
    (bundles / "tool.bundle").unlink()
    shutil.copytree(workspace, before := workspace.with_name("before"))
    hybrid("sync")
    hybrid("bundle", "create", "-o", bundles / "carry.bundle")
    shutil.rmtree(workspace)
    before.rename(workspace)
    (bundles.parent / "upstreams").rename(bundles.parent / "gone")
    return bundles


def offline(folder: Path) -> dict[str, str]:
    return {"GIT_HYBRID_BUNDLE_DIR": str(folder), "GIT_HYBRID_CACHE_DIR": "", "GIT_HYBRID_OFFLINE": "1"}


@pytest.mark.parametrize("name", ["carry.bundle", "tool.bundle", "as you like"])
def test_what_bundle_create_wrote_serves_whatever_it_is_called(
    carried: Path, workspace: Path, hybrid: Hybrid, name: str
) -> None:
    (carried / "carry.bundle").rename(carried / name)
    (carried / "other.bundle").write_bytes(b"x\n")
    (carried / "folder.bundle").mkdir()
    hybrid("sync", "-n", env=offline(carried))
    hybrid("sync", env=offline(carried))
    assert head(workspace) == lock(workspace)["tool"]["commit"]
    found = hybrid("check", "mirrors", "--json", check=1).json()["checks"][0]["violations"]
    (mend,) = [item["mend"] for item in found]
    hybrid(*mend.replace("NAME", "bd").replace("WHO", "me@example.org").split()[2:])
    hybrid("check", "mirrors", env=offline(carried))
    hybrid("mirror", "verify", env=offline(carried))
    assert "served by mirror bd" in hybrid("status").out
    assert not list((workspace / "sources").glob(".incoming/*"))


def test_of_several_files_the_newest_lists_and_each_serves_what_it_has(
    carried: Path, tool: Upstream, workspace: Path, hybrid: Hybrid
) -> None:
    older = lock(workspace)["tool"]["commit"]
    (carried.parent / "gone").rename(carried.parent / "upstreams")
    newest = tool.commit({"a.txt": "two\n"})
    hybrid("pin", "tool")
    hybrid("sync")
    hybrid("bundle", "create", "-o", carried / "newer.bundle")
    (carried.parent / "upstreams").rename(carried.parent / "gone")
    shutil.rmtree(workspace / "sources/tool")
    # By the name of its source it is asked like any other of its kind; what its file is as old as counts.
    (carried / "carry.bundle").rename(carried / "tool.bundle")
    for folder_time, listed in ((1, newest), (2**31, older)):
        os.utime(carried / "tool.bundle", (folder_time, folder_time))
        row = hybrid("outdated", "--json", env=offline(carried), check=None).json()["sources"][0]
        assert listed in str(row)
        hybrid("sync", env=offline(carried))
        assert head(workspace) == newest
        shutil.rmtree(workspace / "sources/tool")


def test_a_file_that_was_cut_is_named_where_nobody_else_has_the_source(
    carried: Path, workspace: Path, hybrid: Hybrid
) -> None:
    whole = (carried / "carry.bundle").read_bytes()
    (carried / "cut.bundle").write_bytes(whole[:-100])
    hybrid("sync", env=offline(carried))
    shutil.rmtree(workspace / "sources/tool")
    (carried / "carry.bundle").unlink()
    failed = hybrid("sync", env=offline(carried), check=5)
    assert f"error: {carried}/cut.bundle: end of the file: is not where the inventory has it" in failed.err
    (carried / "cut.bundle").write_bytes(b"inventory.json.is.no.inventory")
    assert f"error: {carried}/cut.bundle: inventory.json" in hybrid("sync", env=offline(carried), check=5).err
    # Where servers may be asked they are.
    (carried.parent / "gone").rename(carried.parent / "upstreams")
    hybrid("sync", env={"GIT_HYBRID_BUNDLE_DIR": str(carried)})


def test_a_file_that_nobody_can_look_at_is_in_the_way_of_no_other(
    carried: Path, workspace: Path, hybrid: Hybrid
) -> None:
    for name in ("loop", "loop.bundle"):
        (carried / name).symlink_to(name)
    os.mkfifo(carried / "pipe.bundle")
    hybrid("sync", env=offline(carried))
    shutil.rmtree(workspace / "sources/tool")
    (carried / "carry.bundle").unlink()
    assert f"error: cannot read {carried}/loop.bundle: " in hybrid("sync", env=offline(carried), check=74).err


def test_a_part_that_was_changed_on_the_way_is_refused(carried: Path, workspace: Path, hybrid: Hybrid) -> None:
    data = bytearray((carried / "carry.bundle").read_bytes())
    data[data.rindex(b"PACK") + 20] ^= 1
    (carried / "carry.bundle").write_bytes(data)
    failed = hybrid("sync", env=offline(carried), check=5)
    assert f"{carried}/carry.bundle: sources/tool/history.bundle: is not what the inventory says" in failed.err
    assert not (workspace / "sources/tool").exists()


def test_a_bundle_since_a_receipt_tells_how_it_is_made_whole(
    carried: Path, tool: Upstream, workspace: Path, hybrid: Hybrid
) -> None:
    (carried.parent / "gone").rename(carried.parent / "upstreams")
    hybrid("sync")
    receipt = carried / "receipt"
    hybrid("bundle", "apply", carried / "carry.bundle", "--receipt", receipt)
    tool.commit({"a.txt": "two\n"})
    hybrid("pin", "tool")
    hybrid("sync")
    (carried / "carry.bundle").unlink()
    hybrid("bundle", "create", "-o", carried / "thin.bundle", "--since", receipt)
    hybrid("sync", "--offline", env=offline(carried))
    shutil.rmtree(workspace / "sources/tool")
    failed = hybrid("sync", env=offline(carried), check=5)
    assert "tool: the bundle builds on what is not here" in failed.err
    assert "without --since: git hybrid bundle create -o FILE" in failed.err
    assert hybrid("pin", "tool", env=offline(carried), check=5).err.count("without --since") == 1
