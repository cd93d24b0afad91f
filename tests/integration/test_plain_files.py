"""Upstreams behind a server that knows nothing of git: packs and single objects come as files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from support.cli import Hybrid
from support.kit import git, head, lock
from support.pki import Pki
from support.static_server import static_server
from support.upstream import Upstream, UpstreamFactory


@pytest.fixture
def base(upstreams_root: Path, pki: Pki) -> Iterator[str]:
    with static_server(upstreams_root, pki, says_kind=False) as url:
        yield url


@pytest.fixture
def env(pki: Pki) -> Mapping[str, str]:
    return {"GIT_SSL_CAINFO": str(pki.ca)}


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    upstream.commit({"a.txt": "one\n"})
    listed(upstream)
    return upstream


def listed(upstream: Upstream) -> None:
    git("update-server-info", cwd=upstream.path)


def is_loose(upstream: Upstream) -> bool:
    return git("count-objects", cwd=upstream.path).split()[0] != "0"


def loose(clone: Path) -> str:
    return git("count-objects", cwd=clone).split()[0]


@pytest.mark.parametrize("cache", [True, False])
def test_single_objects_are_fetched_and_packed(
    workspace: Path, hybrid: Hybrid, tool: Upstream, base: str, env: Mapping[str, str], tmp_path: Path, cache: bool
) -> None:
    env = {**env, **({} if cache else {"GIT_HYBRID_CACHE_DIR": ""})}
    assert is_loose(tool)
    hybrid("init")
    hybrid("add", f"{base}/tool.git", env=env)
    hybrid("sync", env=env)
    clone = workspace / "sources/tool"
    assert head(workspace) == tool.rev("main")
    assert loose(clone) == "0"
    git("fsck", "--full", "--strict", cwd=clone)
    new = tool.commit({"b/c.txt": "two\n"})
    listed(tool)
    hybrid("pin", "tool", env=env)
    hybrid("sync", env=env)
    assert head(workspace) == new == lock(workspace)["tool"]["commit"]
    assert loose(clone) == "0"
    git("fsck", "--full", "--strict", cwd=clone)
    hybrid("check", "sources", "--content")


@pytest.mark.parametrize("packed", [True, False])
def test_what_comes_as_files_passes_fsck_as_well(
    workspace: Path, hybrid: Hybrid, tool: Upstream, base: str, env: Mapping[str, str], packed: bool
) -> None:
    blob = tool.blob(b"x")
    tree = tool.raw_tree([("100644", blob, b"a"), ("100644", blob, b"a")])
    evil = tool.git("commit-tree", tree, "-m", "evil", "-p", "main").decode().strip()
    tool.update_ref("refs/heads/main", evil)
    if packed:
        git("repack", "-adq", cwd=tool.path)
    listed(tool)
    assert is_loose(tool) != packed
    hybrid("init")
    done = hybrid("add", f"{base}/tool.git", env=env, check=5)
    assert tree in done.err
