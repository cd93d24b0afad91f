"""What governs a bundle on the side that applies it: its log, rotated or not, and the overrides of both sides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.cli import Hybrid
from support.kit import errors, head, lock, snapshot
from support.upstream import Upstream, UpstreamFactory

APPROVAL = ("--request", "CHG-1", "--approver", "Eve <eve@example.org>", "--reason", "broken", "--expires", "5d")


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    for number in range(3):
        upstream.commit({"a.txt": f"{number}\n"})
    return upstream


@pytest.fixture
def ws(tool: Upstream, workspace: Path, hybrid: Hybrid) -> Path:
    hybrid("init")
    hybrid("add", tool.url)
    hybrid("sync")
    return workspace


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """A folder in the other network."""
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


@pytest.fixture
def forced(ws: Path, tool: Upstream, hybrid: Hybrid, tmp_path: Path) -> Path:
    """A bundle whose pin of tool is a rollback that an override allows on the side that made it."""
    hybrid("pin", "tool", "--to", tool.rev("main~1"), "--force", *APPROVAL)
    hybrid("bundle", "create", "-o", tmp_path / "forced")
    return tmp_path / "forced"


def overrides(root: Path) -> list[dict[str, Any]]:
    """Return the records of overrides of the workspace *root*."""
    path = root / "state/sources-overrides.json"
    found: list[dict[str, Any]] = json.loads(path.read_text())["overrides"] if path.exists() else []
    return found


@pytest.mark.parametrize("side", ["here", "there", "both"])
def test_a_rotation_forgets_no_bundle(
    forced: Path, ws: Path, tool: Upstream, there: Path, hybrid: Hybrid, tmp_path: Path, side: str
) -> None:
    hybrid("bundle", "apply", forced, cwd=there)
    tool.commit({"a.txt": "new\n"})
    hybrid("pin", "tool")
    if side != "there":
        hybrid("audit", "rotate")
        hybrid("audit", "rotate")
    hybrid("bundle", "create", "-o", tmp_path / "newer")
    hybrid("bundle", "apply", tmp_path / "newer", cwd=there)
    if side != "here":
        hybrid("audit", "rotate", cwd=there)
        hybrid("audit", "rotate", cwd=there)
    before = snapshot(there)
    done = hybrid("bundle", "apply", forced, "--json", cwd=there, check=6)
    assert done.json()["error"]["code"] == "old-bundle"
    assert snapshot(there) == before
    hybrid("audit", "verify", cwd=there)


def test_an_override_crosses_though_its_record_is_archived(
    forced: Path, ws: Path, tool: Upstream, there: Path, hybrid: Hybrid
) -> None:
    hybrid("audit", "rotate")
    hybrid("bundle", "create", "-o", forced)
    hybrid("bundle", "verify", forced, cwd=there)
    hybrid("bundle", "apply", forced, cwd=there)
    assert head(there) == tool.rev("main~1")
    assert lock(there) == lock(ws)
    hybrid("check", cwd=there)
