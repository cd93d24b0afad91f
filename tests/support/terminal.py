"""Run a command that has a controlling terminal and nobody at it: what asks a question there is seen, and hangs."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import termios
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.cli import Result, executable, merged_env

MARK = "FAULT_TEST_MARK"
_BLIND = 'exec "$0" "$@" </dev/null'


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command on a terminal ended; `asked` is what it wrote to the terminal, `orphans` what outlived it."""

    result: Result
    seconds: float
    asked: bytes
    orphans: tuple[str, ...]

    def rows(self) -> dict[str, dict[str, Any]]:
        """Return the sources of the `--json` output by name."""
        return {row["name"]: row for row in self.result.json()["sources"]}


def run_on_terminal(*args: str, cwd: Path, env: Mapping[str, str | None] | None = None, limit: float) -> Ended:
    """Run `git-hybrid` with a controlling terminal of its own, no standard input, and pipes for its output.

    Raises:
        AssertionError: it still ran after `limit` seconds.
    """
    mark = uuid.uuid4().hex
    master, slave = pty.openpty()
    started = time.monotonic()
    try:
        child = subprocess.Popen(
            ["setsid", "--ctty", "--wait", "sh", "-c", _BLIND, str(executable()), *args],
            cwd=cwd,
            env=merged_env({**(env or {}), MARK: mark}),
            stdin=slave,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        with child:
            try:
                out, err = child.communicate(timeout=limit)
            except subprocess.TimeoutExpired:
                end_marked(mark)
                child.kill()
                out, err = child.communicate()
                raise AssertionError(f"still ran after {limit} s; asked {_read(master)!r}\n{out}\n{err}") from None
        seconds = time.monotonic() - started
        orphans = _after_a_moment(mark)
        asked = _read(master)
    finally:
        os.close(slave)
        os.close(master)
    assert "Traceback" not in err, err
    return Ended(Result(child.returncode, out, err), seconds, asked, orphans)


def _read(master: int) -> bytes:
    os.set_blocking(master, False)
    with contextlib.suppress(BlockingIOError, OSError):
        return os.read(master, 65536)
    return b""


def _after_a_moment(mark: str, *, seconds: float = 3) -> tuple[str, ...]:
    """Return the processes that carry `mark` and do not end within some seconds."""
    end = time.monotonic() + seconds
    while (found := marked(mark)) and time.monotonic() < end:
        time.sleep(0.05)
    return tuple(found.values())


def marked(mark: str) -> dict[int, str]:
    """Return the command lines of the processes whose environment carries `mark`."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes():
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def end_marked(mark: str) -> None:
    """Kill the processes whose environment carries `mark`."""
    for number in marked(mark):
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, 9)


def in_terminal(
    *args: str, cwd: Path, env: Mapping[str, str | None] | None = None, after: float = 0, send: int = 0
) -> tuple[int, str]:
    """Run `git-hybrid` with a terminal of 80 columns as its output; return its exit code and all that it wrote.

    With `send`, that signal is sent `after` so many seconds of output.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    child = subprocess.Popen(
        [str(executable()), *args],
        cwd=cwd,
        env=merged_env({"TERM": "xterm", **(env or {})}),
        stdin=subprocess.DEVNULL,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    written, due = b"", 0.0
    try:
        # A closed terminal is EIO on Linux.
        with contextlib.suppress(OSError):
            while chunk := os.read(master, 4096):
                written += chunk
                due = due or time.monotonic() + after
                if send and time.monotonic() >= due:
                    child.send_signal(send)
                    send = 0
    finally:
        os.close(master)
    return child.wait(timeout=60), written.decode(errors="replace").replace("\r\n", "\n")
