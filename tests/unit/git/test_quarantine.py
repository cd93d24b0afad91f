"""What a run moves out of sight: in one step, to a place of its own, and told where it cannot be moved."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import git_hybrid.git.quarantine
from git_hybrid.cli.wiring import new_run
from git_hybrid.core.errors import LocalIo
from git_hybrid.core.ids import InvalidText, SourceName, parse_name
from git_hybrid.git.cloning import beside
from git_hybrid.git.quarantine import GitQuarantine
from git_hybrid.store import durable

NAME = SourceName("tool")
open_file = os.open


class Stubborn:
    """The file system where nothing is ever removed, and nothing is moved either where ``held`` is set."""

    def __init__(self, *, held: bool = False) -> None:
        self.held = held

    def __getattr__(self, name: str) -> object:
        return getattr(durable, name)

    def remove_tree(self, path: Path) -> None:
        if not path.exists():
            return
        raise LocalIo(path=str(path), operation="remove", reason="Permission denied")

    def rename_path(self, source: Path, target: Path) -> None:
        if self.held:
            raise LocalIo(path=str(target), operation="rename to", reason="Device or resource busy")
        durable.rename_path(source, target)


@pytest.fixture
def disk() -> Stubborn:
    return Stubborn()


@pytest.fixture
def quarantine(tmp_path: Path, disk: Stubborn) -> Iterator[GitQuarantine]:
    made = GitQuarantine(disk=disk, folder=tmp_path, run=new_run(datetime.now(UTC)))
    yield made
    made.close()


def _folder(path: Path) -> Path:
    path.mkdir(parents=True)
    (path / "file").write_text(str(path))
    return path


def test_folders_of_one_name_do_not_meet(tmp_path: Path, quarantine: GitQuarantine) -> None:
    folders = [_folder(tmp_path / name / "lib") for name in ("a", "b", "c/lib")]
    for folder in folders:
        quarantine.trash(folder, NAME)
        assert not folder.exists()
    quarantine.trash(_folder(folders[0]), NAME)
    assert len(list(tmp_path.glob(".incoming/*/*/file"))) == 4


def test_what_a_source_has_beside_its_stage_is_the_stage_of_no_other(quarantine: GitQuarantine) -> None:
    stage = quarantine.stage(NAME, borrow=False, suffix="commits")
    for path in (Path(stage.path), beside(stage)):
        with pytest.raises(InvalidText):
            parse_name(path.name)


def test_the_clone_of_a_name_that_a_submodule_has_does_not_meet_it(tmp_path: Path, quarantine: GitQuarantine) -> None:
    quarantine.trash(_folder(tmp_path / "a/tool"), NAME)
    _folder(quarantine.place_for(NAME))
    told = quarantine.discard(NAME)
    assert told is not None
    assert told.endswith("-tool: Permission denied")
    assert not quarantine.place_for(NAME).exists()


def test_what_cannot_be_moved_stands_and_is_told(tmp_path: Path, disk: Stubborn, quarantine: GitQuarantine) -> None:
    disk.held = True
    folder = _folder(tmp_path / "a/lib")
    with pytest.raises(LocalIo) as caught:
        quarantine.trash(folder, NAME)
    assert (caught.value.path, caught.value.reason) == (str(folder), "Device or resource busy")
    assert (folder / "file").is_file()
    place = _folder(quarantine.place_for(NAME))
    assert quarantine.discard(NAME) == (
        f"left at {tmp_path.name}/{place.relative_to(tmp_path)}: Device or resource busy"
    )


@pytest.mark.parametrize("step", ["make_folder", "write_skeleton", "flock"])
def test_a_full_disk_is_told_as_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quarantine: GitQuarantine, step: str
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    where = {"make_folder": Path, "write_skeleton": git_hybrid.git.quarantine, "flock": fcntl}[step]
    opened: list[int] = []
    monkeypatch.setattr(os, "open", lambda *given, **more: opened.append(kept := open_file(*given, **more)) or kept)
    monkeypatch.setattr(where, "mkdir" if step == "make_folder" else step, full)
    with pytest.raises(LocalIo) as caught:
        quarantine.claim() if step == "flock" else quarantine.stage(NAME, borrow=False)
    assert caught.value.reason == "No space left on device"
    if step == "flock":
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(opened[-1])
