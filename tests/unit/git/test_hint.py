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

    def refuse(_source: str, _target: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="No space left"):
        write_hint(str(path), b"new")
    assert [(found.name, found.read_bytes()) for found in tmp_path.iterdir()] == [("base", b"old")]


def test_packs_that_lack_objects_by_design_are_not_marked(tmp_path: Path) -> None:
    packs = tmp_path / "objects/pack"
    packs.mkdir(parents=True)
    (packs / "pack-1.promisor").touch()
    with pytest.raises(Doubt):
        mark(str(tmp_path))
    assert [found.name for found in tmp_path.iterdir()] == ["objects"]
