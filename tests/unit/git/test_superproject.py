"""What a relative URL of a submodule begins at: the default remote of the repository, however it is written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from git_hybrid.core.ids import InvalidText
from git_hybrid.git.run import Runner
from git_hybrid.git.superproject import base_at
from support.kit import git

URLS = [
    ("https://host.example/a/super.git", "https://host.example/a/tool"),
    ("https://ada@host.example/a/super.git", "https://host.example/a/tool"),
    ("https://ada:secret@host.example/a/super.git", "https://host.example/a/tool"),
    ("git@host.example:a/super.git", "ssh://git@host.example/a/tool"),
    ("/srv/a b/super.git", "file:///srv/a%20b/tool"),
    ("../up/super.git", "file://{parent}/up/tool"),
    ("super.git", "file://{top}/tool"),
]


@pytest.fixture
def top(tmp_path: Path) -> Path:
    folder = tmp_path / "super"
    folder.mkdir()
    git("init", "-q", "-b", "main", cwd=folder)
    return folder


@pytest.mark.parametrize(("remote", "meant"), URLS)
def test_a_remote_is_read_however_it_is_written(top: Path, remote: str, meant: str) -> None:
    git("remote", "add", "origin", remote, cwd=top)
    expected = meant.format(top=top, parent=top.parent)
    assert str(base_at(Runner(environ=os.environ), top).resolve("../tool")) == expected


def test_a_remote_that_is_refused_says_why_where_it_is_needed(top: Path) -> None:
    git("remote", "add", "origin", "http://host.example/a/super.git", cwd=top)
    base = base_at(Runner(environ=os.environ), top)
    with pytest.raises(InvalidText, match=r"its origin http://host\.example/a/super\.git is refused: only https://"):
        base.resolve("../tool")
    assert str(base.resolve("https://other.example/tool")) == "https://other.example/tool"


def test_a_secret_in_a_remote_that_is_refused_is_not_shown(top: Path) -> None:
    git("remote", "add", "origin", "http://ada:secret@host.example/super.git", cwd=top)
    with pytest.raises(InvalidText, match=r"^is relative, and its origin \(hidden\) is refused: (?!.*secret)"):
        base_at(Runner(environ=os.environ), top).resolve("../tool")


def test_which_remote_counts(top: Path) -> None:
    runner = Runner(environ=os.environ)

    def meant() -> str:
        return str(base_at(runner, top).resolve("../tool"))

    assert meant() == f"{top.parent.as_uri()}/tool"
    git("remote", "add", "company", "https://company.example/a/super", cwd=top)
    assert meant() == "https://company.example/a/tool"
    git("remote", "add", "origin", "https://origin.example/a/super", cwd=top)
    assert meant() == "https://origin.example/a/tool"
    git("config", "branch.main.remote", "company", cwd=top)
    assert meant() == "https://company.example/a/tool"
    git("config", "branch.main.remote", ".", cwd=top)
    assert meant() == "https://origin.example/a/tool"
