"""Nothing is staged where the folder of the run no longer is."""

from __future__ import annotations

from pathlib import Path

import pytest

from git_hybrid.core.errors import WorkspaceGone
from git_hybrid.core.ids import SourceName
from git_hybrid.git.quarantine import GitQuarantine
from git_hybrid.git.skeleton import write_skeleton
from git_hybrid.store import durable
from support.samples import run_info

TOOL = SourceName("tool")


def test_a_run_stages_nothing_where_its_workspace_was(tmp_path: Path) -> None:
    workspace, away = tmp_path / "ws", tmp_path / "away"
    (workspace / "sources").mkdir(parents=True)
    quarantine = GitQuarantine(disk=durable, folder=workspace / "sources", run=run_info().run)
    quarantine.stage(TOOL, borrow=False)
    quarantine.stage(TOOL, borrow=False)
    workspace.rename(away)
    for stands in (False, True):
        if stands:
            (workspace / "sources").mkdir(parents=True)
        with pytest.raises(WorkspaceGone) as caught:
            quarantine.stage(TOOL, borrow=False)
        assert caught.value.path == str(workspace)
        assert [path.name for path in workspace.rglob("*")] == ["sources"] * stands
    quarantine.close()
    assert [path.name for path in (away / "sources/.incoming").glob("*/*/.git")] == [".git"]


def test_nothing_is_borrowed_from_a_path_with_a_line_feed(tmp_path: Path) -> None:
    for name, borrows in (("plain", True), ("a\nb", False)):
        folder = tmp_path / name / "sources"
        write_skeleton(folder / "tool/.git", object_format="sha1")
        quarantine = GitQuarantine(disk=durable, folder=folder, run=run_info().run)
        stage = quarantine.stage(TOOL, borrow=True)
        assert stage.borrows is borrows
        assert Path(stage.path, ".git/objects/info/alternates").exists() is borrows
        quarantine.close()
