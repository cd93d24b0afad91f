"""What stands nowhere is told from what nobody can look at."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from git_hybrid.core.errors import LocalIo
from git_hybrid.git.standing import is_there, refuse_unreadable


def test_a_name_at_which_nothing_can_stand_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "round").symlink_to("round")
    (tmp_path / "astray").symlink_to("nowhere")
    assert all(is_there(tmp_path / name) for name in ("file", "round", "astray"))
    assert not any(is_there(tmp_path / name) for name in ("none", "file/inner", "round/inner", "n" * 300))


def test_a_path_that_the_machine_refuses_to_look_at_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), path)

    monkeypatch.setattr(os, "lstat", refuse)
    with pytest.raises(LocalIo) as raised:
        is_there(os.fsencode(tmp_path / "file"))
    assert (raised.value.path, raised.value.reason) == (str(tmp_path / "file"), "Input/output error")
    # That a folder is closed is known, and says enough.
    refuse_unreadable(tmp_path, [b"priv/"])
    refuse_unreadable(tmp_path, [b"priv/", b"priv/file"])
    with pytest.raises(LocalIo):
        refuse_unreadable(tmp_path, [b"priv/", b"other"])
