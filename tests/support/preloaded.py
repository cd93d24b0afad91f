"""A process that has loaded the program and starts its commands by fork: half of a short command is imports.

What a command finds is what a new interpreter would have: argument list, folder, environment, umask, streams and a
session of its own. libgit2, which looks for the home once, when it is loaded, is told anew where that is.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import BinaryIO, TypedDict

import msgspec

import git_hybrid
from git_hybrid.core.pattern import pattern

PLACE = os.path.dirname(sys.executable)
PROGRAMS = {
    os.path.join(PLACE, found.name): found
    for found in entry_points(group="console_scripts")
    if found.module.startswith("git_hybrid.")
}
_READ_AT_THE_START = ("PYTHON", "LD_", "LC_", "LANG", "TZ", "COVERAGE", "MALLOC", "GLIBC")
_LENGTH = struct.Struct("!I")
_STATUS = struct.Struct("!i")
_STREAMS = 3


class TooLong(Exception):
    """A command took longer than it may and was killed; `out` and `err` are what it had written."""

    def __init__(self, out: str, err: str) -> None:
        super().__init__(out, err)
        self.out, self.err = out, err


class Asked(TypedDict):
    """What a command is given, but for its streams."""

    argv: list[str]
    cwd: str
    env: dict[str, str]
    umask: int


def _interpreted(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(_READ_AT_THE_START)}


@dataclass
class Starter:
    """Starts commands in the process that has loaded them; each pytest worker has one."""

    new: bool = field(default_factory=lambda: os.environ.get("GIT_HYBRID_TESTS_START") == "new")
    env: dict[str, str] = field(default_factory=dict)
    _control: socket.socket | None = None
    _process: subprocess.Popen[bytes] | None = None
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def fits(self, program: str, env: Mapping[str, str]) -> bool:
        """Tell whether *program* is what was loaded, and would start with *env* as that did; nobody wants a new one."""
        self.env = self.env or dict(os.environ)
        same = program in PROGRAMS and _interpreted(env) == _interpreted(self.env)
        return same and not self.new

    def run(
        self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], input: str | None, seconds: float
    ) -> tuple[int, str, str]:
        """Run the command line *argv*; return its exit status (negative: the signal), output and error output.

        Raises:
            TooLong: it took longer than *seconds*; its session was killed.
        """
        mask = os.umask(0)
        os.umask(mask)
        told = Asked(argv=list(argv), cwd=str(cwd), env=dict(env), umask=mask)
        with contextlib.ExitStack() as opened:
            ours, theirs = socket.socketpair()
            opened.callback(ours.close)
            pipes = [os.pipe() for _ in range(_STREAMS)]
            to_child = opened.enter_context(open(pipes[0][1], "wb"))
            from_child = [opened.enter_context(open(pipe[0], "rb")) for pipe in pipes[1:]]
            given = [pipes[0][0], pipes[1][1], pipes[2][1]]
            self._send(told, [*given, theirs.fileno()])
            for number in given:
                os.close(number)
            theirs.close()
            return _communicate(ours, to_child, from_child, input=input, seconds=seconds)

    def _send(self, told: Asked, numbers: list[int]) -> None:
        data = json.dumps(told).encode()
        with self._turn:
            if self._control is None:
                self._control = self._start()
            socket.send_fds(self._control, [_LENGTH.pack(len(data))], numbers)
            self._control.sendall(data)

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        command = [sys.executable, __file__, str(theirs.fileno())]
        # Pipes, as its commands will have: Python makes other streams for what can be sought in.
        kind = subprocess.PIPE
        self._process = subprocess.Popen(
            command, stdin=kind, stdout=kind, stderr=kind, env=self.env, pass_fds=[theirs.fileno()]
        )
        theirs.close()
        return ours

    def stop(self) -> None:
        """End the process that starts commands, if it runs."""
        if self._control is not None and self._process is not None:
            self._control.close()
            self._process.communicate()
            self._control = self._process = None


def _communicate(
    reply: socket.socket, to_child: BinaryIO, from_child: Sequence[BinaryIO], *, input: str | None, seconds: float
) -> tuple[int, str, str]:
    texts = [b"", b""]

    def write() -> None:
        with contextlib.suppress(BrokenPipeError), to_child:
            to_child.write((input or "").encode(errors="surrogateescape"))

    def read(place: int) -> None:
        with from_child[place] as stream:
            texts[place] = stream.read()

    threads = [threading.Thread(target=write), *(threading.Thread(target=read, args=(n,)) for n in range(2))]
    for thread in threads:
        thread.start()
    reply.settimeout(seconds)
    (pid,) = _STATUS.unpack(_exactly(reply, _STATUS.size))
    late = False
    try:
        status = _exactly(reply, _STATUS.size)
    except BaseException as error:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        if not isinstance(error, TimeoutError):
            raise
        late = True
        status = _exactly(reply, _STATUS.size)
    for thread in threads:
        thread.join(seconds)
        late = late or thread.is_alive()
    out, err = (text.decode(errors="surrogateescape") for text in texts)
    if late:
        raise TooLong(out, err)
    return os.waitstatus_to_exitcode(_STATUS.unpack(status)[0]), out, err


def _exactly(stream: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = stream.recv(size - len(data))
        if not more:
            raise EOFError("the process that starts commands has ended")
        data += more
    return data


def _serve(control: socket.socket) -> tuple[Asked, list[int]] | None:
    """Fork for each request, and tell who asked how it ended; return in the child, with what was asked."""
    waiting: dict[int, tuple[int, socket.socket]] = {}
    watched = select.poll()
    watched.register(control, select.POLLIN)
    while True:
        for number, _ in watched.poll():
            if number != control.fileno():
                watched.unregister(number)
                pid, reply = waiting.pop(number)
                os.close(number)
                with reply, contextlib.suppress(OSError):
                    reply.sendall(_STATUS.pack(os.waitpid(pid, 0)[1]))
                continue
            head, numbers, _, _ = socket.recv_fds(control, _LENGTH.size, _STREAMS + 1)
            if not head:
                return None
            asked = json.loads(_exactly(control, _LENGTH.unpack(head)[0]))
            pid = os.fork()
            if not pid:
                return asked, numbers
            for stream in numbers[:_STREAMS]:
                os.close(stream)
            reply = socket.socket(fileno=numbers[_STREAMS])
            with contextlib.suppress(OSError):
                reply.sendall(_STATUS.pack(pid))
            watcher = os.pidfd_open(pid)
            waiting[watcher] = (pid, reply)
            watched.register(watcher, select.POLLIN)


def _become(asked: Asked, numbers: Sequence[int]) -> None:
    """Take on what a new process would have been given."""
    os.setsid()
    for place, number in enumerate(numbers[:_STREAMS]):
        os.dup2(number, place)
    os.closerange(_STREAMS, max(256, *numbers) + 1)
    os.umask(asked["umask"])
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    sys.argv = asked["argv"]
    importlib.import_module("pygit2").settings.homedir = asked["env"].get("HOME", "")


def _load() -> None:
    """Import all that commands and hooks may need, and do once what each of them does when it first needs it."""
    for module in pkgutil.walk_packages(git_hybrid.__path__, "git_hybrid."):
        if not module.name.endswith("__main__"):
            _make_ready(vars(importlib.import_module(module.name)))
    for program in PROGRAMS.values():
        program.load()
    for name in ("pygit2", "tomli_w", "encodings.ascii"):
        importlib.import_module(name)


def _make_ready(names: Mapping[str, object]) -> None:
    """Compile the patterns of a module, and let msgspec find out what its shapes are made of."""
    late = type(pattern(""))
    for name, found in names.items():
        if isinstance(found, late):
            assert found.pattern is not None
        elif name.endswith("Shape"):
            with contextlib.suppress(msgspec.ValidationError):
                msgspec.convert({}, found)


if __name__ == "__main__":
    _load()
    gc.freeze()

    found = _serve(socket.socket(fileno=int(sys.argv[1])))
    if found is not None:
        _become(*found)
        sys.exit(PROGRAMS[found[0]["argv"][0]].load()())
