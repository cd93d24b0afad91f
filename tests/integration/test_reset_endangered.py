"""`git hybrid reset` saves what going to the pin takes away though no commit has it, or leaves all of it alone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from support.beginning import Begun
from support.cli import Hybrid
from support.kit import git, head, lock, released
from support.upstream import Entry, Upstream, UpstreamFactory


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    released(upstream)
    return upstream


@pytest.fixture
def clone(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> Path:
    begun(tool.url, "--branch", "main", sync=False)
    hybrid("sync")
    return workspace / "sources/tool"


def _moved(hybrid: Hybrid, tool: Upstream, files: Mapping[str, Entry]) -> None:
    tool.commit(files)
    hybrid("pin", "tool")


def _saved(clone: Path) -> str:
    """Return the one ref below which work was saved."""
    (ref,) = git("for-each-ref", "--format=%(refname)", "refs/hybrid/saved", cwd=clone).split()
    return ref


def _is_at_the_pin(clone: Path) -> bool:
    workspace = clone.parents[1]
    clean = git("status", "--porcelain", cwd=clone) == ""
    return clean and head(workspace) == lock(workspace)["tool"]["commit"]


def _repository(path: Path) -> None:
    git("init", "-q", str(path), cwd=path.parent)
    (path / "work").write_text("mine")
    git("add", "work", cwd=path)
    git("commit", "-q", "-m", "mine", cwd=path)


@pytest.mark.parametrize("place", ["x.log", "dir/x.log", "dir/ünï code.log"])
def test_an_ignored_file_where_the_pin_has_a_folder_is_saved(
    hybrid: Hybrid, tool: Upstream, clone: Path, place: str
) -> None:
    (clone / place).write_text("precious")
    _moved(hybrid, tool, {f"{place}/deep/file": "theirs"})
    hybrid("sync", check=3)
    hybrid("reset", "tool")
    assert _is_at_the_pin(clone)
    assert (clone / place / "deep/file").read_text() == "theirs"
    assert git("show", f"{_saved(clone)}:{place}", cwd=clone) == "precious"


def test_an_ignored_link_where_the_pin_has_a_folder_is_saved(
    hybrid: Hybrid, tool: Upstream, clone: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/file").write_text("not of the clone")
    (clone / "x.log").symlink_to(tmp_path / "elsewhere")
    _moved(hybrid, tool, {"x.log/file": "theirs"})
    hybrid("sync", check=3)
    hybrid("reset", "tool")
    assert _is_at_the_pin(clone)
    assert git("show", f"{_saved(clone)}:x.log", cwd=clone) == str(tmp_path / "elsewhere")
    assert (tmp_path / "elsewhere/file").read_text() == "not of the clone"


def test_a_folder_that_became_a_link_is_saved_as_the_link(hybrid: Hybrid, clone: Path) -> None:
    (clone / "dir").rename(clone / "moved")
    (clone / "dir").symlink_to("moved")
    hybrid("sync", check=3)
    hybrid("reset", "tool")
    assert _is_at_the_pin(clone)
    saved = _saved(clone)
    assert git("show", f"{saved}:dir", cwd=clone) == "moved"
    assert git("show", f"{saved}:moved/a", cwd=clone) == "a"


def test_an_ignored_file_that_was_added_is_saved_as_it_stands_too(hybrid: Hybrid, clone: Path) -> None:
    (clone / "x.log").write_text("staged")
    git("add", "-f", "x.log", cwd=clone)
    (clone / "x.log").write_text("changed since")
    hybrid("reset", "tool")
    assert _is_at_the_pin(clone)
    saved = _saved(clone)
    assert git("show", f"{saved}:x.log", cwd=clone) == "changed since"
    assert git("show", f"{saved}^2:x.log", cwd=clone) == "staged"


@pytest.mark.parametrize(
    ("inner", "file"),
    [("x.log", "x.log"), ("x.log/sub", "x.log"), ("x.log/sub", "x.log/sub/work"), ("dir", "dir")],
)
def test_an_ignored_repository_where_the_pin_has_a_file_is_refused(
    hybrid: Hybrid, tool: Upstream, clone: Path, inner: str, file: str
) -> None:
    (clone / inner).mkdir(parents=True, exist_ok=True)
    _repository(clone / inner)
    if inner == "dir":
        git("config", "core.excludesFile", "/dev/null", cwd=clone)
        (clone / ".git/info/exclude").write_text("work\n")
    _moved(hybrid, tool, {file: "theirs"} if file != "dir" else {"dir/a": None, "dir": "theirs"})
    hybrid("sync", check=None)
    for command in ("reset", "reset"):
        told = hybrid(command, "tool", check=None)
        assert (told.code, "holds another git repository: " in told.err) == (3, True), told.err
        assert f"{inner}; tool was left alone" in told.err
    assert git("show", "HEAD:work", cwd=clone / inner) == "mine"
    assert (clone / inner / "work").read_text() == "mine"
    (clone / inner).rename(clone.parent.parent / "moved-away")
    hybrid("reset", "tool")
    assert _is_at_the_pin(clone)


@pytest.mark.parametrize("place", ["README", "x.log", "x.log/pipe", "dir"])
def test_what_git_cannot_store_is_set_aside(hybrid: Hybrid, tool: Upstream, clone: Path, place: str) -> None:
    if place == "dir":
        shutil.rmtree(clone / place)
    (clone / place).unlink(missing_ok=True)
    (clone / place).parent.mkdir(exist_ok=True)
    os.mkfifo(clone / place)
    (clone / "b").write_text("mine")
    _moved(hybrid, tool, {"x.log": "theirs"})
    told = hybrid("reset", "tool").out
    assert _is_at_the_pin(clone)
    (kept,) = (clone.parent / ".set-aside").iterdir()
    assert kept.is_fifo()
    assert f"{place}, which git cannot store, is kept at sources/.set-aside/{kept.name}" in told
    assert git("show", f"{_saved(clone)}:b", cwd=clone) == "mine"
