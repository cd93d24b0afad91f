"""What a command writes where a user says: whole or not at all, and nothing beside it."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
from pathlib import Path

import pytest

from git_hybrid.core.errors import LocalIo
from git_hybrid.store import outputfile
from git_hybrid.store.outputfile import output_file, write_output


def _fill(path: Path) -> None:
    with output_file(path) as file:
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_what_fails_leaves_each_file_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "page").write_text("old")
    (tmp_path / "page.tmp").write_text("mine")
    with pytest.raises(LocalIo, match="No space left"):
        _fill(tmp_path / "page")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"page": "old", "page.tmp": "mine"}


def test_what_is_not_whole_yet_is_known_by_its_name_and_readable_for_nobody_else(tmp_path: Path) -> None:
    (tmp_path / "page").write_text("old")
    (tmp_path / "page").chmod(0o600)
    with output_file(tmp_path / "page"):
        (half,) = (path for path in tmp_path.iterdir() if path.name != "page")
        assert re.fullmatch(r"page\.[0-9a-f]{16}\.tmp", half.name)
        assert stat.S_IMODE(half.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["page"]


@pytest.mark.parametrize("mode", [0o600, 0o444, 0o666, 0o755])
def test_the_mode_stays(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "page"
    path.write_text("old")
    path.chmod(mode)
    write_output(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_what_a_killed_writer_left_is_removed_and_what_one_writes_is_not(tmp_path):
    target = tmp_path / "page"
    dead, other = tmp_path / "page.0123456789abcdef.tmp", tmp_path / "page.old.tmp"
    for path in (dead, other):
        path.touch()
    with output_file(target) as slow:
        slow.write(b"slow")
        write_output(target, b"quick")
        assert not dead.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page", "page.old.tmp"]
    assert target.read_bytes() == b"slow"


def test_what_is_taken_away_before_it_is_locked_is_made_once_more(tmp_path, monkeypatch):
    target, locked, others = tmp_path / "page", outputfile._locked, [b"quick", b"quicker"]

    def late(descriptor: int, **options: bool) -> bool:
        if others:
            write_output(target, others.pop())
        return locked(descriptor, **options)

    monkeypatch.setattr(outputfile, "_locked", late)
    write_output(target, b"slow")
    assert others == []
    assert os.listdir(tmp_path) == ["page"]
    assert target.read_bytes() == b"slow"


@pytest.mark.parametrize("reason", [errno.EWOULDBLOCK, errno.ENOLCK], ids=["another has it", "no locks"])
def test_a_lock_that_cannot_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: int):
    # Another writer looks whether this one is dead; it finds that out, and removes it.
    refused = iter([True]) if reason == errno.EWOULDBLOCK else iter(lambda: True, False)
    flock = fcntl.flock

    def lock(descriptor: int, how: int) -> None:
        if next(refused, False):
            raise OSError(reason, os.strerror(reason))
        flock(descriptor, how)

    monkeypatch.setattr(outputfile.fcntl, "flock", lock)
    left = tmp_path / "page.0123456789abcdef.tmp"
    left.touch()
    write_output(tmp_path / "page", b"new")
    assert left.exists() == (reason == errno.ENOLCK)
    assert (tmp_path / "page").read_bytes() == b"new"
    assert len(os.listdir(tmp_path)) == 1 + left.exists()


def test_what_is_to_be_run_may_be_run_from_its_first_moment_on(tmp_path: Path):
    target = tmp_path / "hook"
    target.touch(0o644)
    with output_file(target, mode=0o755):
        (half,) = (path for path in tmp_path.iterdir() if path != target)
        assert stat.S_IMODE(half.stat().st_mode) == 0o755
    assert stat.S_IMODE(target.stat().st_mode) == 0o755
