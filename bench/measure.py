"""Run the commands of a tool and time them from outside; with `memory` also sample what its processes hold."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_PAGE = os.sysconf("SC_PAGE_SIZE")
_EVERY = 0.004
_TAIL = 2000
_LIBC = ctypes.CDLL(None, use_errno=True)
_KCMP, _KCMP_VM = {"x86_64": 312, "aarch64": 272}, 1


class Step(NamedTuple):
    """One command of a workload; the steps of one run are timed together. Exit codes in `ok` are no failure."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = {}
    ok: tuple[int, ...] = (0,)


class Sample(NamedTuple):
    """One run: wall seconds, CPU seconds of all processes, and, where asked for, peaks over its process tree in MiB."""

    seconds: float
    cpu: float
    rss: float | None = None
    pss: float | None = None


class ToolFailed(Exception):
    """A command of a tool ended with an exit code that it should not have."""


def run_steps(steps: Sequence[Step], env: Mapping[str, str], log: Path, *, memory: bool = False) -> Sample:
    """Run *steps* one after the other with their output in *log*.

    Raises:
        ToolFailed: one failed; the message holds the end of its output.
    """
    peaks = _Peaks()
    before, start = os.times(), time.perf_counter()
    with log.open("wb") as out:
        for step in steps:
            merged = {**env, **step.env}
            try:
                child = subprocess.Popen(
                    step.argv,
                    cwd=step.cwd,
                    env=merged,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    process_group=0,
                )
            except OSError as error:
                raise ToolFailed(f"{step.argv[0]}: {error}") from error
            with contextlib.ExitStack() as stack:
                if memory:
                    stack.enter_context(peaks.watching(child.pid))
                stack.callback(_end, child)
                status = child.wait()
            if status not in step.ok:
                raise ToolFailed(f"{' '.join(step.argv)[:200]}: exit {status}: {tail(log)}")
    seconds, after = time.perf_counter() - start, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Sample(seconds=seconds, cpu=cpu, rss=peaks.rss if memory else None, pss=peaks.pss if memory else None)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Leave no process of a command behind when the bench itself is interrupted."""
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def tail(log: Path) -> str:
    """Return the end of what a command printed."""
    return log.read_bytes()[-_TAIL:].decode("utf-8", "replace").strip()


class _Peaks:
    """The highest sums over a process tree, in MiB. Peaks shorter than the sampling interval can be missed."""

    def __init__(self) -> None:
        self.rss = 0.0
        self.pss = 0.0

    @contextlib.contextmanager
    def watching(self, pid: int) -> Iterator[None]:
        done = threading.Event()
        thread = threading.Thread(target=self._sample, args=(pid, done))
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _sample(self, pid: int, done: threading.Event) -> None:
        while not done.wait(_EVERY):
            rss = pss = 0.0
            for member, parent in _tree(pid).items():
                with contextlib.suppress(OSError, ValueError, IndexError):
                    # Between vfork and exec a child has no memory of its own; asked afterwards it might have by then.
                    if not _is_one_memory(member, parent):
                        rss += int(Path(f"/proc/{member}/statm").read_bytes().split()[1]) * _PAGE / 2**20
                        pss += _pss(member)
            self.rss, self.pss = max(self.rss, rss), max(self.pss, pss)


def _pss(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_bytes().splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _is_one_memory(child: int, parent: int) -> bool:
    """Tell whether two processes have one address space (kcmp(2)); False where this machine cannot say."""
    number = _KCMP.get(os.uname().machine)
    return bool(number and parent) and _LIBC.syscall(number, child, parent, _KCMP_VM, 0, 0) == 0


def _tree(pid: int) -> dict[int, int]:
    """Return the parent of each process of the tree of *pid*, a parent before its children."""
    found, open_ = {pid: 0}, [pid]
    while open_:
        parent = open_.pop(0)
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{parent}/task"):
                children = Path(f"/proc/{parent}/task/{task}/children").read_bytes()
                open_ += [child for child in map(int, children.split()) if found.setdefault(child, parent) == parent]
    return found
