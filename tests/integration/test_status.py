"""`git hybrid status`: worst first, three formats, and nothing hostile on the terminal."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from support.beginning import Begun
from support.cli import Hybrid
from support.kit import changes, git, raw_controls, released, replace, snapshot
from support.upstream import Upstream, UpstreamFactory


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    released(upstream)
    return upstream


def test_worst_first_in_all_formats(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    hybrid("init")
    for name in ("a-fine", "b-dirty", "c-missing", "d-diverged", "e-behind"):
        hybrid("add", tool.url, "--branch", "main", "--name", name)
    path = workspace / "sources.toml"
    path.write_text(path.read_text() + f'\n[source.f-unpinned]\nurl = "{tool.url}"\nbranch = "main"\n')
    hybrid("sync", check=1)
    (workspace / "sources/b-dirty/README").write_text("mine")
    shutil.rmtree(workspace / "sources/c-missing")
    (workspace / "sources/d-diverged/README").write_text("mine")
    git("commit", "-q", "-a", "-m", "mine", cwd=workspace / "sources/d-diverged")
    tool.commit({"x": "x"})
    hybrid("pin", "e-behind")
    before = snapshot(workspace)
    document = hybrid("status", "--json").json()
    assert document["schema_version"] == 1
    rows = document["sources"]
    assert rows[-1]["name"] == "a-fine"
    assert len({row["state"] for row in rows}) == 6
    for row in rows:
        assert row["scan_status"]["state"] == "missing"
    order = [row["name"] for row in rows]
    lines = hybrid("status", "--porcelain").out.splitlines()
    assert len(lines) == 6
    assert [next(name for name in order if name in line.split("\t")) for line in lines] == order
    text = hybrid("status").out
    found = sorted((text.index(name), name) for name in order)
    assert [name for _, name in found] == order
    hybrid("status", "--exit-code", check=1)
    assert hybrid("status", "--exit-code", "a-fine").code == 0
    assert changes(before, snapshot(workspace)) == []
    only = hybrid("status", "--json", "b-dirty").json()["sources"]
    assert [row["name"] for row in only] == ["b-dirty"]
    assert "b-dirty" in hybrid("status", "b-dirtyy", check=2).err


def test_scan_status_of_the_state_file_is_shown(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, sync=False)
    hybrid("sync")
    entry = json.loads((workspace / "state/sources.json").read_text())["sources"][0]
    row = hybrid("--json", "status").json()["sources"][0]
    assert row["scan_status"]["state"] == entry["scan_status"]["state"] == "missing"


def test_empty_workspace(hybrid: Hybrid) -> None:
    hybrid("init")
    assert hybrid("status").code == 0
    assert hybrid("status", "--porcelain").out == ""
    assert hybrid("status", "--json").json()["sources"] == []
    hybrid("sync")
    hybrid("outdated")
    hybrid("diff")


def test_colour_only_when_asked_for(hybrid: Hybrid, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, sync=False)
    assert "\x1b" not in hybrid("status").out
    assert "\x1b[" in hybrid("--color=always", "status").out
    assert "\x1b[" in hybrid("--color=always", "status", env={"NO_COLOR": "1"}).out
    config = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "color.ui", "GIT_CONFIG_VALUE_0": "always"}
    assert "\x1b[" in hybrid("status", env=config).out
    assert "\x1b" not in hybrid("status", env=config | {"NO_COLOR": "1"}).out
    assert "\x1b" not in hybrid("status", "--no-color", env=config).out


def test_advice_can_be_switched_off(hybrid: Hybrid, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, sync=False)
    assert "hint:" in hybrid("status").err
    assert "hint:" not in hybrid("status", env={"GIT_ADVICE": "0"}).err
    quiet = hybrid("-q", "sync")
    assert quiet.err == ""


EVIL = "\x1b]0;pwned\x07\x1b[2J\u202e"


def test_hostile_names_never_reach_the_terminal_raw(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, begun: Begun
) -> None:
    tool = upstream_factory()
    first = tool.commit({"README": "x"})
    begun(tool.url, "--branch", "main", sync=False)
    hybrid("sync")
    tree = tool.rev("main^{tree}")
    tool.update_ref("refs/heads/b\u202ex\x9b", first)
    evil = tool.raw_commit(tree, [first], f"subject {EVIL}\r\x9b2J", identity=f"A{EVIL} <a@example.org>")
    tool.update_ref("refs/heads/main", evil)
    tool.update_ref("refs/tags/v9.9.9\u202e", first)
    (workspace / "sources/tool" / f"f{EVIL}\r").write_text("x")
    for words in (
        ["status"],
        ["diff"],
        ["sync"],
        ["outdated"],
        ["diff", "--upstream"],
        ["pin", "-n", "tool"],
        ["pin", "tool", "--to", f"x{EVIL}"],
        ["sync", f"to{EVIL}"],
        ["reset", "tool"],
        ["pin", "tool"],
        ["-v", "sync"],
        ["status", "-v"],
    ):
        result = hybrid(*words, check=None)
        assert raw_controls(result.out + result.err) == [], (words, result)
        assert result.code in (0, 2, 3, 5, 6), (words, result)
    porcelain = hybrid("status", "--porcelain").out
    assert raw_controls(porcelain.replace("\t", "")) == []


def test_hostile_server_message(hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, begun: Begun) -> None:
    begun(tool.url, sync=False)
    replace(workspace / "sources.toml", tool.url, "ssh://git@localhost/tool.git")
    script = tmp_path / "ssh"
    script.write_text("#!/bin/sh\nprintf 'fatal: \\033]0;pwned\\007 \\033[2J\\r no\\n' >&2\nexit 1\n")
    script.chmod(0o755)
    result = hybrid("pin", "tool", env={"GIT_SSH_COMMAND": str(script)}, check=None)
    assert result.code == 4, result.err
    assert raw_controls(result.err + result.out) == []


def test_nothing_is_cut_where_nobody_looks(hybrid: Hybrid, tool: Upstream) -> None:
    name = "a" * 70
    hybrid("init")
    hybrid("add", tool.url, "--name", name)
    hybrid("sync")
    for width in ("", "0"):
        row = hybrid("status", env={"COLUMNS": width}).out.splitlines()[1]
        assert row.startswith(f"{name}  ok")
        assert "…" not in row
    row = hybrid("status", env={"COLUMNS": "60"}).out.splitlines()[1]
    assert "…" in row
    assert len(row) <= 60
