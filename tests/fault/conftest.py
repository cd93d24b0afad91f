"""Fixtures of the fault suite."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.beginning import Beginning
from support.cli import Hybrid
from support.kit import git, write_manifest
from support.upstream import Upstream, UpstreamFactory


@pytest.fixture
def ups(
    upstream_factory: UpstreamFactory, hybrid: Hybrid, workspace: Path, beginning: Beginning
) -> dict[str, Upstream]:
    """Two sources that are cloned at their first commit, and pinned to their second one."""
    found = {name: upstream_factory(name) for name in ("one", "two")}
    for upstream in found.values():
        upstream.commit({f"f{number}.txt": f"{number}\n" for number in range(6)})
    tables = [f'[source.{name}]\nurl = "{upstream.url}"\nbranch = "main"\n' for name, upstream in found.items()]

    def first() -> None:
        write_manifest(workspace, "".join(tables))
        git("init", "-q", cwd=workspace)
        hybrid("pin")

    beginning(workspace, first)
    hybrid("sync")
    for upstream in found.values():
        upstream.commit({"f1.txt": "second\n", "f2.txt": None, "new.txt": "new\n"})
    hybrid("pin", "one", "two")
    return found
