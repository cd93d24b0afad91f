"""GIT_HYBRID_BUNDLE_DIR: a folder of git bundles stands in for the network, and passes the same gates."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.cli import Hybrid
from support.kit import git, head
from support.upstream import Upstream, UpstreamFactory


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    upstream.commit({"a.txt": "one\n"})
    return upstream


@pytest.fixture
def bundles(tool: Upstream, workspace: Path, hybrid: Hybrid, tmp_path: Path) -> Path:
    hybrid("init")
    hybrid("add", tool.url)
    folder = tmp_path / "bundles"
    folder.mkdir()
    git("bundle", "create", "-q", folder / "tool.bundle", "--all", cwd=tool.path)
    return folder


def test_a_bundle_serves_the_pin_offline(bundles: Path, tool: Upstream, workspace: Path, hybrid: Hybrid) -> None:
    hybrid("sync", "--offline", check=4)
    hybrid("sync", "--offline", env={"GIT_HYBRID_BUNDLE_DIR": str(bundles)})
    assert head(workspace) == tool.rev("main")
    assert f"file://{bundles}/tool.bundle" in (workspace / "state/sources.json").read_text()


def test_a_bundle_without_the_pin_does_not_serve(
    bundles: Path, tool: Upstream, workspace: Path, hybrid: Hybrid
) -> None:
    tool.commit({"a.txt": "two\n"})
    hybrid("pin", "tool")
    hybrid("sync", "--offline", env={"GIT_HYBRID_BUNDLE_DIR": str(bundles)}, check=4)
    assert not (workspace / "sources/tool").exists()


def test_a_corrupt_bundle_is_refused(bundles: Path, workspace: Path, hybrid: Hybrid) -> None:
    file = bundles / "tool.bundle"
    data = bytearray(file.read_bytes())
    data[-40] ^= 0xFF
    file.write_bytes(data)
    done = hybrid("sync", "--offline", env={"GIT_HYBRID_BUNDLE_DIR": str(bundles)}, check=None)
    assert done.code == 5
    assert not (workspace / "sources/tool").exists()
