"""What a killed git leaves in a clone is removed, and nothing else; what a machine refuses to read is no broken clone."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from git_hybrid.core.ids import SourceName
from git_hybrid.core.plan import Absent, Broken, Clone, Foreign
from git_hybrid.git import looking, owners
from git_hybrid.git.clones import GitClones
from git_hybrid.git.health import trouble
from git_hybrid.git.libgit2 import GitError
from git_hybrid.git.looking import FullLook
from git_hybrid.git.run import Runner
from git_hybrid.git.stale import remove_stale
from git_hybrid.store import durable
from support.kit import git

STALE = (
    *("index.lock", "HEAD.lock", "config.lock", "packed-refs.lock", "shallow.lock", "refs/hybrid/pin.lock"),
    *("refs/hybrid/pin.tmp", "hybrid-packs.tmp"),
    *("refs/heads/deep/main.lock", "objects/pack/tmp_pack_a1B2c3", "objects/pack/tmp_idx_a1B2c3"),
    *("hybrid-index-01J2Z3K4M5N6P7Q8R9S0T1V2W3", "info/attributes.tmp"),
    *("hybrid-index", "hybrid-index.lock", "packed-refs.new"),
)
KEPT = (
    *(
        ".git/mine.lock",
        ".git/objects/pack/pack-1.keep",
        ".git/info/exclude",
        ".git/hooks/x.lock",
    ),
    *("index.lock", "tmp_pack_mine", "deep/HEAD.lock", "mine.tmp"),
)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    clone = tmp_path / "sources/tool"
    clone.mkdir(parents=True)
    git("init", "-q", "-b", "main", cwd=clone)
    for text in ("one", "two"):
        (clone / "file").write_text(text)
        (clone / "same").write_text("same")
        git("add", ".", cwd=clone)
        git("commit", "-q", "-m", text, cwd=clone)
    return clone


def _touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_what_a_killed_git_left_is_removed_and_told(clone: Path) -> None:
    stale = [_touch(clone / ".git" / name) for name in STALE]
    kept = [_touch(clone / name) for name in KEPT]
    notes = remove_stale(durable, clone.parent)
    assert sorted(note.split()[1].rstrip(",") for note in notes) == sorted(
        f"sources/tool/.git/{name}" for name in STALE
    )
    assert not [path for path in stale if path.exists()]
    assert all(path.exists() for path in kept)
    git("fsck", "--strict", cwd=clone)


def test_a_process_whose_name_the_kernel_cut_in_a_character_is_no_git(clone: Path, tmp_path: Path) -> None:
    lock = _touch(clone / ".git/index.lock")
    name = tmp_path / "редактор"
    name.symlink_to("/bin/sleep")
    with subprocess.Popen([name, "60"]) as other:
        assert remove_stale(durable, clone.parent) != []
        assert not lock.exists()
        other.kill()


def test_nothing_goes_that_a_process_may_still_use(clone: Path) -> None:
    lock = _touch(clone / ".git/index.lock")
    with lock.open() as stream, subprocess.Popen(["sleep", "60"], stdin=stream) as held:
        assert remove_stale(durable, clone.parent) == []
        held.kill()
    # A process may give itself any name.
    words = "open('/proc/self/comm', 'wb').write(b'\\xe9'); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", words], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert len(remove_stale(durable, clone.parent)) == 1
        other.kill()


def test_a_lock_is_held_by_whatever_mount_its_owner_came(clone: Path, tmp_path: Path) -> None:
    lock = _touch(clone / ".git/index.lock")
    inside, other = clone / "deep", tmp_path / "other"
    for folder in (inside, other):
        folder.mkdir()
    mounted = ["unshare", "-rm", "sh", "-c", f"mount --bind {clone} {other} && cd {other}/deep && echo && exec $0 60"]
    git_like = tmp_path / "git-commit"
    git_like.symlink_to("/bin/sleep")
    with subprocess.Popen([*mounted, git_like], stdout=subprocess.PIPE) as held:
        assert held.stdout is not None
        if not held.stdout.readline():
            pytest.skip("this machine lets no user mount")
        while Path(f"/proc/{held.pid}/comm").read_text() != "git-commit\n":
            time.sleep(0.01)
        assert remove_stale(durable, clone.parent) == []
        held.kill()
    assert remove_stale(durable, clone.parent) != []
    assert not lock.exists()


@pytest.mark.parametrize("is_mount", [True, False])
def test_in_a_container_a_young_lock_stays_in_what_others_may_share(
    clone: Path, monkeypatch: pytest.MonkeyPatch, is_mount: bool
) -> None:
    lock, real = _touch(clone / ".git/index.lock"), os.stat
    root = SimpleNamespace(st_dev=clone.stat().st_dev + is_mount)
    monkeypatch.setattr(owners, "_MACHINE", 0)
    monkeypatch.setattr(os, "stat", lambda path, **rest: root if path == "/" else real(path, **rest))
    if is_mount:
        assert remove_stale(durable, clone.parent) == []
        os.utime(lock, (0, 0))
    assert remove_stale(durable, clone.parent) != []


def test_where_a_file_stands_in_the_place_of_the_folder_no_lock_is_held(clone: Path) -> None:
    _touch(clone / ".git/refs/hybrid")
    assert owners.lock_held_in(clone / ".git", clone) == ""


def test_where_no_process_can_be_seen_each_lock_stays(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, real = _touch(clone / ".git/index.lock"), os.listdir

    def listed(path: str = ".") -> list[str]:
        if path == "/proc":
            raise FileNotFoundError
        return real(path)

    monkeypatch.setattr(os, "listdir", listed)
    os.utime(lock, (0, 0))
    assert remove_stale(durable, clone.parent) == []
    assert lock.exists()


def test_a_clone_that_the_machine_refuses_keeps_nothing_from_others(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, closed = _touch(clone / ".git/index.lock"), clone.parent / "closed/.git"
    closed.mkdir(parents=True)
    real = os.listdir

    def listdir(path: str) -> list[str]:
        if path == str(closed):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "listdir", listdir)
    assert len(remove_stale(durable, clone.parent)) == 1
    assert not lock.exists()


def test_folders_of_others_are_not_entered(tmp_path: Path, clone: Path) -> None:
    assert remove_stale(durable, tmp_path / "none") == []
    outside = tmp_path / "outside"
    lock = _touch(outside / ".git/index.lock")
    (clone.parent / "link").symlink_to(outside)
    hidden = _touch(clone.parent / ".set-aside/tool/.git/index.lock")
    assert remove_stale(durable, clone.parent) == []
    assert lock.exists()
    assert hidden.exists()


def _seen(clone: Path) -> object:
    return GitClones(Runner(environ=os.environ), clone.parent).inspect(SourceName("tool"), None)


@pytest.mark.parametrize("name", ["HEAD:same", "HEAD^{tree}", "HEAD~1"])
def test_a_clone_that_lacks_an_object_is_broken(clone: Path, name: str) -> None:
    assert isinstance(_seen(clone), Clone)
    oid = git("rev-parse", name, cwd=clone)
    (clone / ".git/objects" / oid[:2] / oid[2:]).unlink()
    seen = _seen(clone)
    assert isinstance(seen, Broken)
    assert "missing" in seen.why


def _elsewhere(clone: Path, name: str) -> None:
    outside = clone.parent / "outside"
    (clone / ".git" / name).rename(outside)
    (clone / ".git" / name).symlink_to(outside)


@pytest.mark.parametrize(
    ("change", "kind", "why"),
    [
        (partial(_elsewhere, name="config"), Foreign, ".git/config is a symbolic link"),
        (partial(_elsewhere, name="refs/heads"), Foreign, "a symbolic link to a folder in its .git/refs"),
        (partial(_elsewhere, name="logs/HEAD"), Foreign, ".git/logs/HEAD is a symbolic link"),
        (lambda clone: (clone / ".git/commondir").write_text("../../other\n"), Foreign, "commondir"),
        (lambda clone: os.mkfifo(clone / ".gitignore"), Broken, ".gitignore is no file"),
        (lambda clone: os.mkfifo(clone / ".git/config.worktree"), Broken, ".git/config.worktree is no file"),
        (lambda clone: os.mkfifo(clone / ".git/refs/heads/pipe"), Broken, ".git/refs/heads/pipe is no file"),
        (lambda clone: (clone / ".gitattributes").symlink_to(os.devnull), Broken, ".gitattributes is no file"),
    ],
    ids=[
        "config elsewhere",
        "refs elsewhere",
        "log elsewhere",
        "of another",
        "pipe",
        "pipe for settings",
        "pipe for a ref",
        "device",
    ],
)
def test_what_leads_a_git_astray_is_told_before_one_looks(
    clone: Path, change: Callable[[Path], object], kind: type, why: str
) -> None:
    change(clone)
    seen = _seen(clone)
    assert isinstance(seen, kind)
    assert why in str(seen)


@pytest.mark.parametrize("error", [GitError("no"), OSError("no"), ValueError("no")])
def test_what_libgit2_alone_cannot_read_is_not_broken(
    clone: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def lack(*_arguments: object) -> None:
        raise error

    monkeypatch.setattr(looking, "lack", lack)
    assert isinstance(_seen(clone), Clone)


def test_an_entry_that_is_only_intended_lacks_nothing(clone: Path) -> None:
    (clone / "new").touch()
    git("add", "--intent-to-add", "new", cwd=clone)
    assert isinstance(_seen(clone), Clone)


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE, errno.EACCES, errno.ENOMEM])
def test_trouble_of_the_machine_is_told_from_a_broken_repository(number: int) -> None:
    assert trouble(f"could not open 'x': {os.strerror(number)}") == os.strerror(number)
    assert trouble("object not found - no match for id") is None


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_clone_that_goes_while_it_is_looked_at_is_not_there(
    clone: Path, monkeypatch: pytest.MonkeyPatch, *, is_gone: bool
) -> None:
    def look(*_arguments: object, **_options: object) -> None:
        if is_gone:
            clone.rename(clone.with_name("moved"))
        raise GitError("failed to read objects")

    monkeypatch.setattr(FullLook, "_inspect_clone", look)
    assert isinstance(_seen(clone), Absent if is_gone else Broken)
