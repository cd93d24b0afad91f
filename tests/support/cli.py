"""Runs the installed `git-hybrid` as a user does: as a process."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from support.preloaded import Starter, TooLong

SECONDS = 60
STARTER = Starter()


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended: exit code (negative: the signal), standard output and error."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Return the standard output as decoded JSON.

        Raises:
            json.JSONDecodeError: it is something else.
        """
        return json.loads(self.out)


class Hybrid(Protocol):
    """The `hybrid` fixture: `run_hybrid` with the workspace as the default folder."""

    def __call__(
        self,
        *args: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str | None] | None = None,
        input: str | None = None,
        check: int | None = 0,
    ) -> Result: ...


def executable(name: str = "git-hybrid") -> Path:
    """Return the path of an executable of the running interpreter's environment.

    Raises:
        AssertionError: it is not installed there.
    """
    path = Path(sys.executable).with_name(name)
    if not path.exists():
        raise AssertionError(f"{path} is missing: install the project with `pip install -e .`")
    return path


def merged_env(changes: Mapping[str, str | None] | None) -> dict[str, str]:
    """Return the environment of this process with `changes`; None removes a variable."""
    env: dict[str, str | None] = {**os.environ, **(changes or {})}
    return {name: value for name, value in env.items() if value is not None}


def run_hybrid(
    *args: str | Path,
    cwd: Path,
    env: Mapping[str, str | None] | None = None,
    input: str | None = None,
    check: int | None = 0,
    program: str = "git-hybrid",
) -> Result:
    """Run `program`, one of ours, with `args` and `env` on top of this process's environment.

    It is started by a process that has loaded it, unless `env` has what an interpreter reads when it starts or
    GIT_HYBRID_TESTS_START is `new`.

    Raises:
        AssertionError: it ended with another code than `check` (None allows all), it took
            longer than `SECONDS`, or it is not installed.
    """
    argv = [str(executable(program)), *map(str, args)]
    wanted = merged_env(env)
    run = STARTER.run if STARTER.fits(argv[0], wanted) else _run
    try:
        code, out, err = run(argv, cwd=cwd, env=wanted, input=input, seconds=SECONDS)
    except TooLong as late:
        ended = f"still ran after {SECONDS} s"
        raise AssertionError(_story(argv, cwd=cwd, ended=ended, out=late.out, err=late.err)) from None
    if check is not None and code != check:
        ended = f"exited {code}, expected {check}"
        raise AssertionError(_story(argv, cwd=cwd, ended=ended, out=out, err=err))
    return Result(code=code, out=out, err=err)


def _run(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], input: str | None, seconds: float
) -> tuple[int, str, str]:
    child = subprocess.Popen(
        argv,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="surrogateescape",
        start_new_session=True,
    )
    with child:
        try:
            out, err = child.communicate(input, timeout=seconds)
        except BaseException as error:
            _kill_group(child)
            out, err = child.communicate()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise TooLong(out, err) from None
    return child.returncode, out, err


def _kill_group(child: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def _story(argv: list[str], *, cwd: Path, ended: str, out: str, err: str) -> str:
    command = shlex.join([Path(argv[0]).name, *argv[1:]])
    text = f"{command}\n{ended}, in {cwd}\n--- stdout\n{out}\n--- stderr\n{err}"
    return text.encode(errors="backslashreplace").decode()
