"""A hint is there whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from git_hybrid.git.hint import write_hint
from git_hybrid.git.packs import mark
from git_hybrid.git.recorded import Doubt


def test_a_hint_that_cannot_be_put_in_its_place_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "base"
    write_hint(str(path), b"old")

    def refuse(_source: str, _target: str, **_folders: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="No space left"):
        write_hint(str(path), b"new")
    assert [(found.name, found.read_bytes()) for found in tmp_path.iterdir()] == [("base", b"old")]


@pytest.mark.parametrize("planted", ["folder", "temporary", "itself"])
def test_a_hint_is_written_through_no_link(tmp_path: Path, planted: str) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "hybrid"
    outside.mkdir()
    (outside / "base").write_text("precious")
    if planted == "folder":
        folder.symlink_to(outside)
        with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
            write_hint(f"{folder}/base", b"new")
    else:
        folder.mkdir()
        (folder / ("base.tmp" if planted == "temporary" else "base")).symlink_to(outside / "base")
        write_hint(f"{folder}/base", b"new")
        assert [(found.name, found.is_symlink(), found.read_bytes()) for found in folder.iterdir()] == [
            ("base", False, b"new")
        ]
    assert [(found.name, found.read_text()) for found in outside.iterdir()] == [("base", "precious")]


def test_packs_that_lack_objects_by_design_are_not_marked(tmp_path: Path) -> None:
    packs = tmp_path / "objects/pack"
    packs.mkdir(parents=True)
    (packs / "pack-1.promisor").touch()
    with pytest.raises(Doubt):
        mark(str(tmp_path))
    assert [found.name for found in tmp_path.iterdir()] == ["objects"]
