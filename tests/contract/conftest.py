"""Runs the command line inside this process, on a workspace of files alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from git_hybrid.cli.main import main
from support.cli import Result
from support.samples import Workspace, make_workspace


@pytest.fixture
def files(tmp_path: Path) -> Workspace:
    root = tmp_path / "files"
    root.mkdir()
    return make_workspace(root)


@pytest.fixture
def cli(files: Workspace, capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    def run(*arguments: str) -> Result:
        capsys.readouterr()
        code = main(["-C", str(files.root), *arguments])
        out, err = capsys.readouterr()
        return Result(code=code, out=out, err=err)

    return run


@pytest.fixture
def refused(files: Workspace, cli: Callable[..., Result]) -> Callable[..., str]:
    """Run a command on an invalid file: exit 2, told in words, nothing written. Returns stderr."""

    def run(*arguments: str, file: str) -> str:
        before = files.files()
        done = cli(*(arguments or ("status",)))
        assert done.code == 2, done
        assert done.out == ""
        assert f"error: {file}" in done.err, done.err
        assert "hint: " in done.err
        assert "Traceback" not in done.err
        assert files.files() == before
        return done.err

    return run
