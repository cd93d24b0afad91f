"""The repository that is made without git is the one that git makes."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from git_hybrid.git import skeleton
from git_hybrid.git.skeleton import write_skeleton
from support.kit import snapshot


@pytest.fixture(autouse=True)
def nothing_known_of_file_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skeleton, "_found", {})


def by_git(folder: Path, *, object_format: str, bare: bool) -> Path:
    options = ["--bare"] if bare else []
    command = ["git", "init", "-q", "--template=", "-b", "hybrid", f"--object-format={object_format}", *options]
    subprocess.run([*command, str(folder)], check=True)
    return folder if bare else folder / ".git"


def contents(folder: Path) -> dict[str, bytes]:
    # The extensions come last in what older gits write and first in what newer ones do.
    found = snapshot(folder)
    return found | {"config": b"[".join(sorted(found["config"].split(b"[")))}


def modes(folder: Path) -> dict[str, int]:
    paths = [folder, *folder.rglob("*")]
    return {path.relative_to(folder).as_posix(): stat.S_IMODE(path.lstat().st_mode) for path in paths}


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
@pytest.mark.parametrize("bare", [True, False])
@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_it_is_byte_for_byte_what_git_init_makes(tmp_path, object_format, bare, umask):
    before = os.umask(umask)
    try:
        theirs = by_git(tmp_path / "theirs", object_format=object_format, bare=bare)
        ours = tmp_path / "ours" / ".git"
        write_skeleton(ours, object_format=object_format, bare=bare)
    finally:
        os.umask(before)
    assert contents(ours) == contents(theirs)
    assert modes(ours) == modes(theirs)


def test_attributes_are_written_where_git_reads_them(tmp_path):
    write_skeleton(tmp_path / ".git", object_format="sha1", attributes="* -text\n")
    assert (tmp_path / ".git/info/attributes").read_text() == "* -text\n"


def test_git_works_with_it(tmp_path):
    write_skeleton(tmp_path / ".git", object_format="sha256")
    done = subprocess.run(
        ["git", "status", "--porcelain=v2", "--branch"], cwd=tmp_path, capture_output=True, check=True
    )
    assert b"# branch.head hybrid" in done.stdout


def test_a_repository_that_is_there_is_left_alone(tmp_path):
    write_skeleton(tmp_path / ".git", object_format="sha1")
    with pytest.raises(FileExistsError):
        write_skeleton(tmp_path / ".git", object_format="sha1")


@pytest.mark.parametrize(
    ("probe", "answer", "line"),
    [
        ("_keeps_modes", False, "\tfilemode = false\n"),
        ("_knows_links", False, "\tsymlinks = false\n"),
    ],
)
def test_what_the_file_system_lacks_is_written_down(tmp_path, monkeypatch, probe, answer, line):
    monkeypatch.setattr(skeleton, probe, lambda _path: answer)
    write_skeleton(tmp_path / ".git", object_format="sha1")
    assert line in (tmp_path / ".git/config").read_text()


def test_a_file_system_is_asked_once(tmp_path, monkeypatch):
    write_skeleton(tmp_path / "one/.git", object_format="sha1")
    monkeypatch.setattr(skeleton, "_probed", lambda _path: pytest.fail("asked again"))
    write_skeleton(tmp_path / "two/.git", object_format="sha1")
    assert snapshot(tmp_path / "one/.git") == snapshot(tmp_path / "two/.git")
