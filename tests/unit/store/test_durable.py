"""Files that must survive a crash."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import time
from contextlib import nullcontext, suppress
from pathlib import Path
from threading import Thread

import pytest

from git_hybrid.core.errors import LocalIo, SymlinkRefused
from git_hybrid.store import carrying, durable
from git_hybrid.store.leftovers import leftovers
from git_hybrid.store.obstacles import find_obstacle
from git_hybrid.turn import TURN


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "file"
    durable.write_file(path, b"old")
    with open(path, "rb") as reader:
        before = path.stat().st_ino
        durable.write_file(path, b"newer")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"newer"
    assert path.stat().st_ino != before
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("umask", [0o002, 0o022, 0o077])
def test_a_file_keeps_its_mode_and_a_new_one_has_what_the_umask_or_its_folder_gives(tmp_path, umask):
    old, folder = tmp_path / "old", tmp_path / "state"
    old.touch()
    old.chmod(0o620)
    folder.mkdir()
    folder.chmod(0o2775)
    before = os.umask(umask)
    try:
        durable.write_file(old, b"")
        durable.write_file(tmp_path / "new", b"")
        durable.append_file(tmp_path / "log", b"")
        durable.write_file(folder / "marker", b"", shared=True)
        durable.make_folder(folder / "journal", shared=True)
        durable.append_file(folder / "journal/run", b"", shared=True)
    finally:
        os.umask(before)
    assert old.stat().st_mode & 0o777 == 0o620
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("new", "log")] == [0o666 & ~umask] * 2
    assert [(folder / name).stat().st_mode & 0o777 for name in ("marker", "journal/run")] == [0o664] * 2
    assert (folder / "journal").stat().st_mode & 0o7777 == 0o2775


def test_a_leftover_is_written_over(tmp_path):
    (tmp_path / "file.tmp").write_bytes(b"a longer half of an earlier write")
    durable.write_file(tmp_path / "file", b"x")
    assert (tmp_path / "file").read_bytes() == b"x"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("file")], ids=["pipe", "link"])
def test_nothing_is_written_into_what_stands_in_the_place_of_the_temporary_file(tmp_path, make):
    durable.write_file(tmp_path / "file", b"old")
    make(tmp_path / "file.tmp")
    durable.write_file(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["file"]


def test_leftovers_are_found(tmp_path):
    for name in ("sources.lock.tmp", "mine.tmp", "c", "tmp"):
        (tmp_path / name).write_bytes(b"")
    os.mkfifo(tmp_path / "resume.json.tmp")
    (tmp_path / "sources.json.tmp").mkdir()
    assert [path.name for path in leftovers(tmp_path)] == ["resume.json.tmp", "sources.lock.tmp"]
    assert leftovers(tmp_path / "gone") == ()


@pytest.mark.parametrize("place", ["file", "file.tmp"])
def test_no_link_is_followed(tmp_path, place):
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    (tmp_path / place).symlink_to(victim)
    with pytest.raises(SymlinkRefused) if place == "file" else nullcontext():
        durable.write_file(tmp_path / "file", b"x")
    assert victim.read_bytes() == b"mine"


def test_append_follows_no_link(tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    (tmp_path / "log").symlink_to(victim)
    with pytest.raises((SymlinkRefused, LocalIo)):
        durable.append_file(tmp_path / "log", b"x")
    assert victim.read_bytes() == b"mine"


def test_a_failed_write_leaves_the_old_file(tmp_path):
    (tmp_path / "file").mkdir()
    with pytest.raises(LocalIo) as caught:
        durable.write_file(tmp_path / "file", b"x")
    assert caught.value.operation == "write"
    assert os.listdir(tmp_path) == ["file"]


def test_a_folder_in_the_place_of_the_temporary_file_is_named(tmp_path):
    (tmp_path / "file.tmp/more").mkdir(parents=True)
    with pytest.raises(LocalIo) as caught:
        durable.write_file(tmp_path / "file", b"new")
    assert caught.value.path == str(tmp_path / "file.tmp")


def test_a_folder_that_is_not_there(tmp_path):
    for work in (durable.write_file, durable.append_file):
        with pytest.raises(LocalIo):
            work(tmp_path / "gone" / "file", b"x")


def test_every_step_is_synced_in_order(tmp_path, monkeypatch):
    seen: list[str] = []
    for name in ("fsync", "rename"):
        real = getattr(os, name)

        def wrapped(*arguments, real=real, name=name):
            seen.append(name)
            return real(*arguments)

        monkeypatch.setattr(os, name, wrapped)
    durable.write_file(tmp_path / "file", b"x")
    assert seen == ["fsync", "rename", "fsync"]


@pytest.mark.parametrize(("number", "fails"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_a_file_system_that_cannot_sync_a_folder_is_one_to_work_on(tmp_path, monkeypatch, number, fails):
    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, "")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(LocalIo) if fails else nullcontext():
        durable.write_file(tmp_path / "file", b"x")
    assert (tmp_path / "file").read_bytes() == b"x"


def test_append_adds(tmp_path):
    path = tmp_path / "log"
    durable.append_file(path, b"a\n")
    durable.append_file(path, b"b\n")
    assert path.read_bytes() == b"a\nb\n"


def test_remove_and_rename(tmp_path):
    (tmp_path / "a").mkdir()
    durable.write_file(tmp_path / "a" / "x", b"")
    durable.rename_path(tmp_path / "a" / "x", tmp_path / "y")
    durable.remove_file(tmp_path / "y")
    durable.remove_file(tmp_path / "y")
    durable.remove_tree(tmp_path / "gone")
    durable.remove_tree(tmp_path / "a")
    assert os.listdir(tmp_path) == []
    with pytest.raises(LocalIo):
        durable.rename_path(tmp_path / "gone", tmp_path / "z")


def test_what_a_removed_folder_links_to_stays(tmp_path):
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "file").write_bytes(b"")
    (tmp_path / "tree" / "deep").mkdir(parents=True)
    (tmp_path / "tree" / "deep" / "folder").symlink_to(tmp_path / "target")
    (tmp_path / "tree" / "deep" / "file").symlink_to(tmp_path / "target" / "file")
    (tmp_path / "tree" / "nowhere").symlink_to("nowhere")
    (tmp_path / "tree" / "read-only").mkdir(mode=0o500)
    durable.remove_tree(tmp_path / "tree")
    os.mkfifo(tmp_path / "pipe")
    durable.remove_tree(tmp_path / "pipe")
    assert os.listdir(tmp_path) == ["target"]
    assert os.listdir(tmp_path / "target") == ["file"]


def test_what_cannot_be_removed_is_told(tmp_path, monkeypatch):
    (tmp_path / "tree" / "deep").mkdir(parents=True)

    def refused(*_args: object, **_named: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "rmdir", refused)
    with pytest.raises(LocalIo, match="remove"):
        durable.remove_tree(tmp_path / "tree")


def test_removing_a_link_leaves_its_target(tmp_path):
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    durable.remove_tree(tmp_path / "link")
    assert Path(tmp_path / "target" / "file").exists()
    assert not (tmp_path / "link").is_symlink()


def test_a_file_where_a_folder_belongs(tmp_path, monkeypatch):
    synced = list[Path]()
    (tmp_path / "x").write_bytes(b"")
    with pytest.raises(LocalIo):
        durable.make_folder(tmp_path / "x")
    monkeypatch.setattr(durable, "sync_folder", synced.append)
    durable.make_folder(tmp_path / "a" / "b")
    durable.make_folder(tmp_path / "a" / "b")
    assert synced == [tmp_path / "a", tmp_path]


def test_a_folder_is_removed_however_deep_others_stand_in_it(tmp_path):
    handle = os.open(tmp_path, os.O_RDONLY)
    for name in ("tree", *["d"] * 1500):
        os.mkdir(name, dir_fd=handle)
        inner = os.open(name, os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
    os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=handle))
    os.close(handle)
    try:
        assert find_obstacle(tmp_path) is None
        durable.remove_tree(tmp_path / "tree")
        assert os.listdir(tmp_path) == []
    finally:
        # What is left of it no later run of the tests could remove.
        subprocess.run(["rm", "-rf", tmp_path / "tree"], check=True)


def test_while_a_slow_disk_is_waited_for_it_is_the_turn_of_others(tmp_path, monkeypatch):
    clock, takes, free = [0.0], [0.0], list[bool]()

    def fsync(_descriptor: int) -> None:
        free.append(not TURN._lock.locked())
        clock[0] += takes[0]

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(durable, "_slow", False)
    for wanted in (False, True):
        with TURN:
            durable.append_file(tmp_path / "file", b"x")
            free.clear()
            durable.append_file(tmp_path / "file", b"x")
        assert free == [wanted]
        takes[0] = 0.01


def test_a_folder_is_removed_though_somebody_is_still_writing_there(tmp_path):
    folder, over = tmp_path / "stage", time.monotonic() + 0.2

    def write() -> None:
        number = 0
        while time.monotonic() < over:
            number += 1
            with suppress(OSError):
                (folder / f"inner{number % 50}").mkdir()
                (folder / f"inner{number % 50}/file{number}").touch()

    folder.mkdir()
    writer = Thread(target=write)
    writer.start()
    try:
        while time.monotonic() < over and len(os.listdir(folder)) < 5:
            time.sleep(0.001)
        durable.remove_tree(folder)
    finally:
        writer.join()
    assert not folder.exists()


def test_what_is_never_empty_is_told(tmp_path, monkeypatch):
    (tmp_path / "stage/inner").mkdir(parents=True)
    monkeypatch.setattr(durable, "_MOMENT", 0)

    def refuse(*_words, **_more):
        raise OSError(errno.ENOTEMPTY, "Directory not empty")

    monkeypatch.setattr(os, "rmdir", refuse)
    with pytest.raises(LocalIo, match="not empty"):
        durable.remove_tree(tmp_path / "stage")


def _as_overlayfs(monkeypatch: pytest.MonkeyPatch, lower: Path) -> None:
    """Let no folder below *lower* be renamed: overlayfs does so with those of a lower layer."""
    rename = os.rename

    def refusing(source: Path, target: Path) -> None:
        if Path(source).is_dir() and Path(source).is_relative_to(lower):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        rename(source, target)

    monkeypatch.setattr(os, "rename", refusing)


def _a_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "lower/clone"
    (folder / "deep/empty").mkdir(parents=True)
    (folder / "deep/file").write_bytes(b"x")
    (folder / "deep/file").chmod(0o755)
    os.utime(folder / "deep/file", (1, 1))
    (folder / "link").symlink_to("nowhere")
    (folder / "deep").chmod(0o700)
    os.utime(folder / "deep", (2, 2))
    return folder


def test_a_folder_that_cannot_be_renamed_is_carried(tmp_path, monkeypatch):
    folder, target = _a_folder(tmp_path), tmp_path / "target"
    _as_overlayfs(monkeypatch, folder)
    # A killed run has left that.
    (tmp_path / ".carried-target/half").mkdir(parents=True)
    durable.rename_path(folder, target)
    assert sorted(os.listdir(tmp_path)) == ["lower", "target"]
    assert os.listdir(tmp_path / "lower") == []
    assert (target / "deep/empty").is_dir()
    assert os.readlink(target / "link") == "nowhere"
    file, inner = (target / "deep/file").stat(), (target / "deep").stat()
    assert (stat.S_IMODE(file.st_mode), file.st_mtime) == (0o755, 1)
    assert (stat.S_IMODE(inner.st_mode), inner.st_mtime) == (0o700, 2)


def test_a_link_to_a_folder_is_carried_nowhere(tmp_path, monkeypatch):
    folder = _a_folder(tmp_path)
    (tmp_path / "lower/way").symlink_to(folder)
    _as_overlayfs(monkeypatch, tmp_path / "lower")
    with pytest.raises(LocalIo, match="rename to"):
        durable.rename_path(tmp_path / "lower/way", tmp_path / "target")
    assert sorted(os.listdir(tmp_path)) == ["lower"]
    assert (folder / "deep/file").read_bytes() == b"x"


@pytest.mark.parametrize("may", [True, False])
def test_what_is_carried_belongs_to_whom_it_did(tmp_path, monkeypatch, may):
    folder, given = _a_folder(tmp_path), list[tuple[str, int, int]]()
    _as_overlayfs(monkeypatch, folder)
    lstat = os.lstat

    def of_another(path: str) -> os.stat_result:
        seen = [*lstat(path)]
        seen[4:6] = (seen[4] + 7, seen[5] + 8) if str(path).startswith(f"{folder}/") else seen[4:6]
        return os.stat_result(seen)

    def give(path: str, user: int, group: int, *, follow_symlinks: bool) -> None:
        given.append((os.path.relpath(path, f"{tmp_path}/.carried-target"), user, group))
        assert not follow_symlinks
        if not may:
            raise PermissionError

    monkeypatch.setattr(os, "lstat", of_another)
    monkeypatch.setattr(os, "chown", give)
    durable.rename_path(folder, tmp_path / "target")
    who = os.geteuid() + 7, os.stat(tmp_path).st_gid + 8
    assert sorted(given) == [(name, *who) for name in ("deep", "deep/empty", "deep/file", "link")]


@pytest.mark.parametrize("why", ["changed", "full", "a pipe", "a mount"])
def test_a_folder_that_cannot_be_carried_stays_whole(tmp_path, monkeypatch, why):
    folder, target = _a_folder(tmp_path), tmp_path / "target"
    _as_overlayfs(monkeypatch, folder)
    if why == "changed":
        monkeypatch.setattr(carrying, "sync_everything", lambda: (folder / "deep/file").write_bytes(b"new"))
    elif why == "full":
        monkeypatch.setattr(carrying, "_copy", _no_room)
    elif why == "a pipe":
        os.mkfifo(folder / "pipe")
    else:
        monkeypatch.setattr(os, "lstat", lambda path, lstat=os.lstat: _mounted(lstat(path), str(path)))
    with pytest.raises(LocalIo, match="rename to") as caught:
        durable.rename_path(folder, target)
    assert caught.value.path == str(target)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["lower"]
    assert (folder / "deep/file").read_bytes() == (b"new" if why == "changed" else b"x")


def _no_room(_source: Path, target: Path) -> None:
    target.mkdir()
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _mounted(seen: os.stat_result, path: str) -> os.stat_result:
    numbers = list(seen)
    numbers[2] += path.endswith("/deep")
    return os.stat_result(numbers)
