"""Signals that come while the end is told, or while git does not answer: told once, at once, and no child is left."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.cli import Hybrid, executable, merged_env
from support.kit import git

HELD = 60
"""How long a pipe is waited for at most by what never comes, in seconds."""


@contextmanager
def _started(*words: str, cwd: Path, stderr: int, program: str = "git-hybrid") -> Iterator[subprocess.Popen[bytes]]:
    # What a shell starts behind its back ignores Ctrl-C, and so would the child.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        child = subprocess.Popen(
            [str(executable(program)), *words],
            cwd=cwd,
            env=merged_env({}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        assert child.stdout is not None
        child.stdout.close()


@pytest.fixture
def made(workspace: Path, hybrid: Hybrid) -> Path:
    git("init", "-q", cwd=workspace)
    hybrid("init")
    return workspace


def _fake(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a ``git`` in front of the real one that begins with *script*; return the pipe ``told`` beside it.

    Of that script ``hang`` writes its number to the file ``pid``, then waits for what never comes; ``tell`` says in the
    pipe that somebody hangs.
    """
    (folder / "bin").mkdir()
    os.mkfifo(folder / "told")
    os.mkfifo(folder / "silent")
    (folder / "bin/git").write_text(
        f"""#!/bin/sh
cd '{folder}' || exit 9
hang() {{ echo $$ >pid; read -r nothing <silent; }}
tell() {{ until [ -s pid ]; do :; done; echo >told; }}
{script}
cd "$OLDPWD" && exec {shutil.which("git")} "$@"
"""
    )
    (folder / "bin/git").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder / "bin"), prepend=os.pathsep)
    return folder / "told"


def _hanging(told: Path) -> int:
    """Return the number of the ``git`` that hangs, once one has told that; it has a process group of its own."""
    told.read_text()
    pid = int(told.with_name("pid").read_text())
    assert os.getpgid(pid) == pid
    return pid


def _is_gone(pid: int) -> bool:
    """Tell whether the process ends; the kernel takes a moment for that."""
    end = time.monotonic() + HELD
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


def test_ctrl_c_while_the_end_is_told_ends_it_without_another_word(tmp_path: Path) -> None:
    """Nobody reads what is said: what comes after the document waits, and Ctrl-C comes there."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    filled = os.write(writing, b"x" * 4096)
    try:
        with _started("--json", "status", cwd=tmp_path, stderr=writing) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"{\n"
            child.send_signal(signal.SIGINT)
            assert child.wait(HELD) == 130
            os.close(writing)
            writing = -1
            assert os.read(reading, 2 * filled) == b"x" * filled
    finally:
        os.close(reading)
        if writing >= 0:
            os.close(writing)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_while_git_waits_for_settings_ends_it_and_asks_git_no_more(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    # The first was asked ahead, before anybody takes a signal.
    script = """case " $* " in *" config "*) echo >>log; [ "$(wc -l <log)" = 1 ] && exit 9; tell & hang ;; esac"""
    told = _fake(tmp_path, script, monkeypatch)
    with _started("status", cwd=made, stderr=subprocess.PIPE) as child:
        pid = _hanging(told)
        child.send_signal(number)
        _, err = child.communicate(timeout=HELD)
    assert child.returncode == 128 + number, err
    said = "error: interrupted", "cause: the same command goes on", "hint: git hybrid status"
    assert err.decode().splitlines() == [*said]
    assert _is_gone(pid)
    assert (tmp_path / "log").read_text() == "\n\n"


@pytest.mark.parametrize(
    ("program", "words", "first", "last", "number"),
    [
        ("git-hybrid", ["status"], "config", "version", signal.SIGKILL),
        ("git-hybrid-hook-check", [], "ls-files", "config", signal.SIGKILL),
        ("git-hybrid-hook-check", [], "ls-files", "config", signal.SIGINT),
    ],
)
def test_what_a_signal_ends_leaves_no_git_that_was_asked_ahead_and_no_trace(
    made: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    program: str,
    words: list[str],
    first: str,
    last: str,
    number: signal.Signals,
) -> None:
    told = _fake(tmp_path, f"""case " $* " in *" {first} "*) hang ;; *" {last} "*) tell ;; esac""", monkeypatch)
    with _started(*words, cwd=made, stderr=subprocess.PIPE, program=program) as child:
        pid = _hanging(told)
        child.send_signal(number)
        assert child.communicate(timeout=HELD) == (b"", b"")
    assert child.returncode == -number
    assert _is_gone(pid)
