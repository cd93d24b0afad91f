"""What ``diag`` says of a workspace that cannot be written."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from git_hybrid.cli.diagnosing import diagnose
from git_hybrid.cli.machine import _cache, lfs_finding
from git_hybrid.cli.signals import Cancel
from git_hybrid.git.run import Runner
from support.samples import make_workspace


@pytest.mark.parametrize(
    ("flag", "user", "what", "remedy"),
    [
        (0, 0, "CLOSED cannot be written by you", "chmod u+w CLOSED"),
        (0, 1, "CLOSED cannot be written by you", "whoever they belong to types: chmod g+w CLOSED"),
        (os.ST_RDONLY, 0, "state/ is on a file system that is read-only", "mount it for writing, or work in a copy"),
    ],
)
def test_what_cannot_be_written_can_be_looked_at(tmp_path, monkeypatch, flag, user, what, remedy):
    workspace = make_workspace(tmp_path)
    closed = ["state", "sources", "state/sources-audit.jsonl"]
    what, remedy = what.replace("CLOSED", ", ".join(closed)), remedy.replace("CLOSED", " ".join(closed))
    user += os.geteuid()
    monkeypatch.setattr("os.geteuid", lambda: user)
    monkeypatch.setattr("os.access", lambda path, mode: mode != os.W_OK)
    monkeypatch.setattr(
        "os.statvfs", lambda path: SimpleNamespace(f_flag=flag, f_bavail=1, f_frsize=1, f_blocks=1, f_bfree=1)
    )
    found = diagnose(workspace.root, Cancel()).findings
    assert [(item.what, item.remedy) for item in found if item.name == "rights"] == [(what, remedy)]
    assert any((item.area, item.what) == ("clones", "all as pinned (1)") for item in found)
    assert not any("cannot be read" in item.what for item in found)
    assert not any("file locks" in item.what for item in found)
    (room,) = [item for item in found if item.name == "temporary files"]
    assert (room.level, room.remedy.rpartition(": ")[2]) == ("fail", "export TMPDIR=DIR")


OPENS = 'find sources/tool -user "$(id -u)" -perm -u=w ! -type l -exec chmod g+rwX {} +'


@pytest.mark.parametrize(
    ("user", "group", "remedy"),
    [
        (0, 0, "chmod -R u+rwX sources/tool"),
        (1, 0, f"whoever it belongs to types: {OPENS}"),
        (1, 1, 'sudo chown -R "$(id -u)" sources/tool'),
    ],
)
def test_a_clone_with_files_of_another_user_is_told(tmp_path, monkeypatch, user, group, remedy):
    workspace = make_workspace(tmp_path)
    closed = workspace.root / "sources/tool/.git/logs/HEAD"
    closed.parent.mkdir(parents=True, exist_ok=True)
    closed.touch()
    # Git replaces it: the right of the folder is enough.
    replaced = workspace.root / "sources/tool/.git/HEAD"
    replaced.touch()
    facts = closed.stat()
    monkeypatch.setattr("os.access", lambda path, mode: mode != os.W_OK or Path(path) not in (closed, replaced))
    monkeypatch.setattr("os.geteuid", lambda: facts.st_uid + user)
    monkeypatch.setattr("os.getegid", lambda: facts.st_gid + group)
    monkeypatch.setattr("os.getgroups", list)
    found = diagnose(workspace.root, Cancel()).findings
    (told,) = [item for item in found if item.what.endswith("cannot be written by you")]
    assert (told.area, told.name, told.level) == ("clones", "tool", "fail")
    assert (told.what.split()[0], told.remedy) == ("sources/tool/.git/logs/HEAD", remedy)


def test_the_folder_for_temporary_files_is_that_of_scans(tmp_path, monkeypatch):
    workspace = make_workspace(tmp_path / "ws")
    (tmp_path / "repository/.git").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "repository"))
    for usual, level, said in (
        ("other", "ok", f"{tmp_path}/other"),
        ("none", "warn", f"{tmp_path}/repository is in the git repository"),
    ):
        monkeypatch.setattr("git_hybrid.temporary._meant", lambda usual=usual: [str(tmp_path / usual)])
        found = diagnose(workspace.root, Cancel()).findings
        (room,) = [item for item in found if item.name == "temporary files"]
        assert (room.level, said in room.what) == (level, True)


@pytest.mark.parametrize("folder", ["sources/.incoming", "state"])
def test_a_folder_that_cannot_be_read_is_a_finding_among_others(tmp_path, monkeypatch, folder):
    workspace, listed = make_workspace(tmp_path), Path.iterdir
    (workspace.root / "sources/.incoming").mkdir(parents=True, exist_ok=True)

    def closed(path):
        if path == workspace.root / folder:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", closed)
    found = diagnose(workspace.root, Cancel()).findings
    (refused,) = [item for item in found if "Permission denied" in item.what]
    assert (refused.level, refused.remedy) == ("fail", "mend what is said here, then: git hybrid diag")
    assert refused.what.startswith(f"cannot read {workspace.root / folder}: Permission denied")
    assert len(found) > 5


@pytest.mark.parametrize(("free", "level"), [(0, "warn"), (1 << 30, "ok")])
def test_a_disk_of_the_cache_that_is_full_is_told(tmp_path, monkeypatch, free, level):
    tmp_path.chmod(0o700)
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=free))
    # Another disk than that of the workspace, of which it is told by itself.
    found, same = _cache(tmp_path, Path("/dev")), _cache(tmp_path, tmp_path.parent)
    assert (found.level, same.level) == (level, "ok")
    assert (found.remedy.rpartition(": ")[2] == "export GIT_HYBRID_CACHE_DIR=DIR") == (level == "warn")


def test_where_git_is_missing_git_lfs_is_asked_for_by_no_version_of_git(tmp_path):
    found = lfs_finding(Runner(environ={"PATH": str(tmp_path)}), tmp_path)
    assert found.what == 'sources.toml has lfs = "fetch", for which git 2.34 or newer is needed, found: nothing'
