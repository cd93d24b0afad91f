"""A config file is read without git only where git would read the same in it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from git_hybrid.git.plainfiles import plain_settings, read_plain
from git_hybrid.git.skeleton import write_skeleton

PLAIN = [
    "",
    "[core]\n\tbare = false\n",
    "[Core]\n\tFileMode = true\n[core]\n\tfilemode = false\n",
    '[remote "Some One"]\n\turl = https://h/A b.git\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n',
    '[branch "a/[b]"]\nmerge = refs/heads/a\n\n[user]\n\tname = One Two\n',
]
FOR_GIT = [
    "[core]\n\tbare\n",
    "[core]\n\tbare = false # no\n",
    "[core]\n\tbare = false;no\n",
    '[core]\n\tbare = "false"\n',
    "[core]\n\tworktree = a\\\n\tb\n",
    "[core]\n\tbare = false \n",
    "[core]\n\tbare =\n",
    "[user]\n\tname = One  Two\n",
    "[core] bare = false\n",
    "[core]\r\n\tbare = false\r\n",
    "[a.B]\n\tc = d\n",
    '[a "b\\"c"]\n\tc = d\n',
    "# words\n[core]\n\tbare = false\n",
    "\ufeff[core]\n\tbare = false\n",
    "[core]\n\teditor = \u00e9\n",
    "bare = false\n",
    "[core]\n\tbare = false\0\n",
]


def _listed(path: Path) -> list[tuple[str, str]]:
    command = ["git", "config", "--file", path, "--null", "--list"]
    told = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    return [(key, value) for key, _, value in (item.partition("\n") for item in told.split("\0")[:-1])]


@pytest.mark.parametrize("text", PLAIN)
def test_plain_settings_are_those_that_git_lists(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    assert plain_settings(path) == _listed(path)


def test_what_a_clone_begins_with_is_plain(tmp_path: Path) -> None:
    for name in ("sha1", "sha256"):
        write_skeleton(tmp_path / name, object_format=name)
        assert plain_settings(tmp_path / name / "config") == _listed(tmp_path / name / "config") != []


@pytest.mark.parametrize("text", FOR_GIT)
def test_anything_else_is_for_git(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_bytes(text.encode())
    assert plain_settings(path) is None


def test_only_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "file").write_text("text")
    os.mkfifo(tmp_path / "pipe")
    assert read_plain(tmp_path / "file") == b"text"
    for name in ("link", "pipe", "nothing", "."):
        assert read_plain(tmp_path / name) is None
