"""The commands in this process, so that hundreds of attacks take no longer than they must; and the proof of clones."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from git_hybrid.app.clone_proof import prove_clones
from git_hybrid.cli.main import main
from git_hybrid.cli.signals import Cancel
from git_hybrid.cli.wiring import Choices, Session, session
from git_hybrid.core.checks import Violation
from support.cli import Hybrid, Result

Prove = Callable[..., tuple[Violation, ...]]


@contextlib.contextmanager
def _environment(changes: Mapping[str, str | None]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in changes.items():
            if value is None:
                patch.delenv(name, raising=False)
            else:
                patch.setenv(name, value)
        yield


@pytest.fixture
def hybrid(workspace: Path) -> Hybrid:
    """Run `git hybrid` in this process, in the workspace unless `cwd` says otherwise."""

    def run(
        *args: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str | None] | None = None,
        input: str | None = None,
        check: int | None = 0,
    ) -> Result:
        assert input is None
        out, err = io.StringIO(), io.StringIO()
        folder = workspace if cwd is None else cwd
        with _environment(env or {}), contextlib.redirect_stdout(_Output(out)), contextlib.redirect_stderr(err):
            code = main(["-C", str(folder), *map(str, args)])
        result = Result(code=code, out=out.getvalue(), err=err.getvalue())
        assert check is None or code == check, (args, code, result.out, result.err)
        return result

    return run


class _Output(io.TextIOBase):
    """Text output that has a descriptor, as the real one has."""

    def __init__(self, kept: io.StringIO) -> None:
        self._kept = kept

    def write(self, text: str) -> int:
        return self._kept.write(text)

    def fileno(self) -> int:
        return os.open(os.devnull, os.O_WRONLY)


@contextlib.contextmanager
def opened(workspace: Path) -> Iterator[Session]:
    """Wire a run in the workspace, as every command does."""
    with session(Choices(folder=workspace, command="check"), progress=lambda *_: None, cancel=Cancel()) as found:
        yield found


@pytest.fixture
def prove(workspace: Path) -> Prove:
    """Run `check sources` and return what it found."""

    def run(*names: str, content: bool = True) -> tuple[Violation, ...]:
        with opened(workspace) as found:
            return prove_clones(found.runtime, found.prover, names=names, content=content)

    return run
