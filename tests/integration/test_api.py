"""The Python API."""

from __future__ import annotations

from pathlib import Path

import pytest

from git_hybrid import api
from git_hybrid.core.errors import BadArgument
from support.cli import Hybrid
from support.kit import git
from support.upstream import Upstream, UpstreamFactory


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    upstream.commit({"a.txt": "one\n"})
    return upstream


@pytest.fixture
def committed(workspace: Path, tool: Upstream, hybrid: Hybrid) -> Path:
    git("init", "-q", cwd=workspace)
    hybrid("init")
    hybrid("add", tool.url)
    git("add", "sources.toml", "state", cwd=workspace)
    return workspace


def test_the_api_returns_what_the_commands_report(
    workspace: Path, tool: Upstream, hybrid: Hybrid, capfd: pytest.CaptureFixture[str]
) -> None:
    hybrid("init")
    hybrid("add", tool.url)
    report = api.sync_repos(root=workspace)
    assert [(row.name, row.outcome) for row in report.rows] == [("tool", "cloned")]
    moved = tool.commit({"a.txt": "two\n"})
    looked = api.pin(["tool"], root=workspace, dry_run=True)
    assert (looked.rows[0].outcome, looked.rows[0].after) == ("would-pin", moved)
    for names, more in (([], {"groups": ["web"]}), (["tool"], {"groups": ["web"]}), (["tool", "other"], {})):
        with pytest.raises(BadArgument, match="needs exactly one source"):
            api.pin(names, root=workspace, to=moved, **more)
    assert api.pin(["tool"], root=workspace).rows[0].outcome == "pinned"
    assert [row.word for row in api.status(root=workspace).rows] == ["behind"]
    (workspace / "sources/tool/a.txt").write_text("mine\n")
    blocked = api.sync_repos(root=workspace)
    assert (blocked.rows[0].outcome, api.exit_code(blocked)) == ("blocked", 3)
    assert capfd.readouterr() == ("", "")
