"""Nothing is staged where the folder of the run no longer is."""

from __future__ import annotations

import errno
import os
import pwd
import stat
from pathlib import Path

import pytest

from git_hybrid.core.errors import LocalIo, WorkspaceGone
from git_hybrid.core.ids import RunId, SourceName
from git_hybrid.git.lfskept import drop_kept
from git_hybrid.git.quarantine import GitQuarantine
from git_hybrid.git.skeleton import write_skeleton
from git_hybrid.store import durable
from git_hybrid.store.inplace import as_group
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


def _quarantine(folder: Path, number: int = 0) -> GitQuarantine:
    run = RunId(f"01J2ZK5Y8Q000000000000000{number}")
    return GitQuarantine(disk=durable, folder=folder, run=run, shared=as_group)


def _never(_name: str, _path: Path) -> bool:
    return False


def test_what_is_staged_in_a_shared_folder_is_of_its_group_until_the_run_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o2775)
    before = os.umask(0o077)
    try:
        quarantine = _quarantine(tmp_path)
        stage = Path(quarantine.stage(TOOL, borrow=False).path)
        for path in (tmp_path / ".incoming", stage.parent, stage.parent / ".alive", stage, stage / ".git/HEAD"):
            assert path.stat().st_mode & stat.S_IWGRP, path
        quarantine.close()
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(before)


@pytest.mark.parametrize("closed", ["for writing", "at all"])
def test_the_folder_of_another_user_is_that_of_a_dead_run_only_where_its_lock_can_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed: str
) -> None:
    """The tests may run as root, who may do all: what others may not do is refused by hand."""

    def refusing(path: os.PathLike[str], flags: int, *more: int, **named: int) -> int:
        if str(path).endswith(".alive") and (closed == "at all" or flags & os.O_RDWR) and not flags & os.O_CREAT:
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path, flags, *more, **named)

    opened, other = os.open, _quarantine(tmp_path, 1)
    stage = Path(other.stage(TOOL, borrow=False).path)
    monkeypatch.setattr(os, "open", refusing)
    assert _quarantine(tmp_path).clean(_never) == []
    assert stage.is_dir()
    assert other._alive is not None
    os.close(other._alive)
    # Whoever may not even look cannot tell, and leaves it.
    assert bool(_quarantine(tmp_path).clean(_never)) is (closed == "for writing")
    assert stage.is_dir() is (closed == "at all")


def test_what_stands_in_the_way_is_told_with_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> None:
        error = PermissionError(errno.EACCES, "Permission denied")
        raise LocalIo.of(error, _path, "create") from error

    (tmp_path / ".incoming").mkdir()
    os.chown(tmp_path / ".incoming", os.getuid(), -1)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    owner = pwd.getpwuid(os.getuid()).pw_name
    monkeypatch.setattr(durable, "make_folder", refuse)
    with pytest.raises(LocalIo) as caught:
        _quarantine(tmp_path).claim()
    assert caught.value.reason == f"Permission denied: .incoming belongs to {owner}"
    monkeypatch.setattr(Path, "iterdir", refuse_to_list)
    told = f"an earlier run could not remove all: left at sources/.incoming: Permission denied: .incoming belongs to {owner}"
    assert _quarantine(tmp_path).clean(_never) == [told]
    monkeypatch.setattr(Path, "is_symlink", refuse_to_list)
    assert drop_kept(durable, tmp_path, tuple) == []


def refuse_to_list(_path: Path) -> None:
    raise PermissionError(errno.EACCES, "Permission denied")
