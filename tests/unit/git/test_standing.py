"""What stands nowhere is told from what nobody can look at."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from unittest.mock import Mock

import pytest

from git_hybrid.core.errors import LocalIo
from git_hybrid.core.ids import Oid
from git_hybrid.core.plan import Clone
from git_hybrid.git.index import IndexEntry
from git_hybrid.git.inner import is_standing
from git_hybrid.git.looking import FullLook
from git_hybrid.git.standing import is_there, refuse_unreadable
from git_hybrid.git.unseen import files_left, unseen, unseen_by_git


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


def test_a_submodule_that_a_link_leads_to_does_not_stand_there(tmp_path: Path) -> None:
    (tmp_path / "app/b/lib/.git").mkdir(parents=True)
    (tmp_path / "app/a").symlink_to("b")
    clones = Mock(folder=tmp_path)
    clones.holds_work.return_value, clones.gitlinks.return_value = False, []
    clones.inspect_path.return_value = Clone(head=Oid("1" * 40))
    found = {place: is_standing(clones, tmp_path / place, Oid("1" * 40), "") for place in ("app/b/lib", "app/a/lib")}
    assert found == {"app/b/lib": True, "app/a/lib": False}


def test_what_is_in_the_folder_of_a_submodule_that_is_not_there_is_seen(tmp_path: Path) -> None:
    for folder in ("there/.git", "gone/deep", "gone/inner/.git", "plain"):
        (tmp_path / folder).mkdir(parents=True)
    for file in ("there/f", "gone/deep/mine", "gone/x.o", "gone/inner/f", "plain/f"):
        (tmp_path / file).touch()
    links, runner = [b"there", b"gone", b"none"], Mock()
    runner.git.return_value.stdout = b"gone/x.o\0"
    index = [IndexEntry(path=link, mode="160000", oid="1" * 40, blind=False, merged=True) for link in links]
    found = unseen(runner, tmp_path, index), unseen_by_git(runner, tmp_path, links)
    assert [sorted(names) for names in found] == [[b"gone/deep/mine", b"gone/inner/"]] * 2
    assert sorted(files_left(tmp_path, links)) == [b"gone/deep/mine", b"gone/inner/", b"gone/x.o"]


def test_a_submodule_that_lacks_one_of_its_own_is_hollow_but_not_where_git_itself_has_put_it(tmp_path: Path) -> None:
    for name in ("ours", "git-s"):
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / ".gitmodules").touch()
    (tmp_path / "ours/.git").mkdir()
    (tmp_path / "git-s/.git").touch()
    look = FullLook(Mock())
    look.runner.git.return_value = Mock(status=0, stdout=b"H 160000 " + b"1" * 40 + b" 0\tinner\0")
    ours, by_git = (os.fsencode(tmp_path / name / ".git") for name in ("ours", "git-s"))
    assert (look._is_hollow([by_git], 40), look._is_hollow([by_git, ours], 40)) == (False, True)
    (tmp_path / "ours/inner/.git").touch()
    assert not look._is_hollow([by_git, ours], 40)
