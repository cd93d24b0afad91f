"""The race of one number of upstreams over one transport: rounds in which each tool does each workload in turn."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from bench import startup, table
from bench.corpus import Corpus, Upstream, move_upstream, moving
from bench.measure import Sample, Step, ToolFailed, run_steps
from bench.safety import prove
from bench.tools import Pin, Steps, Tool
from bench.tools_hybrid import Hybrid
from bench.verify import wrong_clones

WORKLOADS: Final = {
    "cold": "no clone yet",
    "cached": "no clone yet, the objects in the user's cache",
    "noop": "every clone at its pin; looks for dirt too",
    "status": "all clean",
    "dirty": "status, 1 % dirty",
    "outdated": "ask every upstream, which have nothing newer",
    "update1": "1 % of the pins moved to commits that are only upstream",
    "update10": "10 % of the pins moved",
    "mem": "peak memory of the process tree in cold, noop and status",
    "startup": "the help, two hooks, the help of the peers, Python itself",
}
_MEMORY_ROUNDS = 3


class Entry(NamedTuple):
    """One measured run."""

    n: int
    transport: str
    workload: str
    tool: str
    round: int
    sample: Sample


class Race:
    """The workspaces and results of one race; `failures` says why a tool has no result for a workload."""

    def __init__(
        self,
        corpus: Corpus,
        tools: Sequence[Tool],
        *,
        transport: str,
        url: Callable[[Upstream], str],
        folder: Path,
        python: Path,
        keep_old: bool,
        say: Callable[[str], None],
    ) -> None:
        self.corpus = corpus
        self.tools = [*tools]
        self.transport = transport
        self.folder = folder
        self.python = python
        self.keep_old = keep_old
        self.say = say
        self.entries: list[Entry] = []
        self.failures: dict[tuple[str, str], str] = {}
        self._url = url
        self._moves = dict.fromkeys((upstream.name for upstream in corpus.upstreams), 0)
        self._made = 0

    @property
    def n(self) -> int:
        """The number of upstreams."""
        return len(self.corpus.upstreams)

    def run(self, workloads: Sequence[str], rounds: int) -> None:
        """Race: one warm-up that is not counted, then *rounds* rounds."""
        for upstream in moving(self.corpus.upstreams, 10):
            move_upstream(self.corpus, upstream, 0)
        for tool in [*self.tools]:
            self._guarded(tool, "setup", partial(self._set_up, tool, workloads))
        self.tools = [tool for tool in self.tools if (tool.name, "setup") not in self.failures]
        for number in range(rounds):
            turn = number % max(len(self.tools), 1)
            order = [*self.tools[turn:], *self.tools[:turn]]
            for workload in workloads:
                self._workload(workload, number, order)
            self.say(f"  round {number + 1} of {rounds} done")
            self._sweep()

    def proof(self) -> dict[str, object] | None:
        """Return what a traced sync shows to have been on; None if git hybrid is not in the race."""
        for tool in self.tools:
            if isinstance(tool, Hybrid):
                return prove(tool, self.folder, self.pins())
        return None

    def pins(self) -> list[Pin]:
        """Return where every clone is to stand now."""
        return [self._pin(upstream) for upstream in self.corpus.upstreams]

    def _pin(self, upstream: Upstream) -> Pin:
        step = self._moves[upstream.name]
        commit = upstream.head if step == 0 else upstream.later[step - 1]
        return Pin(name=upstream.name, url=self._url(upstream), commit=commit)

    def _set_up(self, tool: Tool, workloads: Sequence[str]) -> None:
        if why := tool.missing():
            raise ToolFailed(why)
        start = time.monotonic()
        tool.begin(self.pins())
        ws = self._warm(tool)
        tool.prepare(ws, self.pins())
        self._make_clones(tool, ws)
        # The first look after a checkout settles racy time stamps, in git's index as in any other record.
        for steps in (tool.noop(ws), tool.status(ws), tool.outdated(ws) if "outdated" in workloads else None):
            if steps is not None:
                self._run(tool, steps)
        self.say(f"  {tool.name} set up in {time.monotonic() - start:.1f} s")

    def _make_clones(self, tool: Tool, ws: Path) -> None:
        steps = tool.cold(ws)
        if steps is None:
            for pin in self.pins():
                tool.git("clone", "-q", pin.url, str(tool.clones(ws) / pin.name), cwd=ws)
            tool.adopt(ws)
            return
        self._run(tool, steps)
        self._verify(tool, ws)

    def _workload(self, workload: str, number: int, order: Sequence[Tool]) -> None:
        if workload == "startup":
            self._startup(number)
            return
        moved = self._move(workload, order) if workload.startswith("update") else []
        for tool in order:
            if (tool.name, workload) not in self.failures:
                self._guarded(tool, workload, partial(self._one, tool, workload, number, moved))

    def _startup(self, number: int) -> None:
        setting = self.tools[0].setting
        starts = startup.commands(self.python, [tool.name for tool in self.tools], setting.repo_tool)
        ws = self.folder / "warm" / table.SELF
        log = self.folder / "startup.log"
        samples, failures = startup.measure(starts, ws if ws.is_dir() else self.folder, setting.env, log, number)
        self.entries += [Entry(self.n, self.transport, "startup", label, at, sample) for label, at, sample in samples]
        self.failures.update({(label, "startup"): reason for label, reason in failures.items()})

    def _one(self, tool: Tool, workload: str, number: int, moved: Sequence[Pin]) -> None:
        ws = self._warm(tool)
        match workload:
            case "cold":
                sample = self._cold(tool, tool.cold)
            case "cached":
                # Pins have moved since the last round: a sync that does not count brings what they name into the cache.
                if self._cold(tool, tool.cached) is None:
                    return None
                sample = self._cold(tool, tool.cached)
            case "dirty":
                sample = self._dirty(tool, ws)
            case "mem":
                return self._memory(tool, ws, number)
            case "update1" | "update10":
                tool.repin(ws, self.pins(), moved)
                sample = self._timed(tool, tool.update(ws))
                if sample is not None:
                    self._verify(tool, ws)
            case _:
                sample = self._timed(tool, getattr(tool, workload)(ws))
        if sample is not None:
            self._enter(tool, workload, number, sample)
        return None

    def _enter(self, tool: Tool, workload: str, number: int, sample: Sample) -> None:
        self.entries.append(Entry(self.n, self.transport, workload, tool.name, number, sample))

    def _cold(self, tool: Tool, command: Callable[[Path], Steps | None], *, memory: bool = False) -> Sample | None:
        self._made += 1
        ws = self.folder / "cold" / f"{tool.name}-{self._made}"
        ws.parent.mkdir(exist_ok=True)
        steps = command(ws)
        if steps is None:
            return None
        tool.prepare(ws, self.pins())
        sample = self._run(tool, steps, memory=memory)
        self._verify(tool, ws)
        aside = self.folder / "old"
        aside.mkdir(exist_ok=True)
        for path in ws.parent.iterdir():
            path.rename(aside / path.name)
        return sample

    def _dirty(self, tool: Tool, ws: Path) -> Sample | None:
        changed: dict[Path, bytes] = {}
        for upstream in self.corpus.upstreams[:: min(100, self.n)]:
            clone = tool.clones(ws) / upstream.name
            path = min(found for found in clone.rglob("*") if found.is_file() and ".git" not in found.parts)
            changed[path] = path.read_bytes()
            path.write_bytes(changed[path] + b"changed\n")
        try:
            steps = tool.status(ws)
            sample = self._timed(tool, steps)
            if steps is not None:
                told = (self.folder / f"{tool.name}.log").read_text(encoding="utf-8", errors="replace")
                unseen = [path for path in changed if path.name not in told and not _names(told, path, ws)]
                if unseen:
                    raise ToolFailed(f"the status says nothing of {unseen[0]}: {told[-500:]}")
        finally:
            for path, data in changed.items():
                path.write_bytes(data)
        if steps is not None:
            self._run(tool, steps)
        return sample

    def _memory(self, tool: Tool, ws: Path, number: int) -> None:
        if number >= _MEMORY_ROUNDS:
            return
        for name, steps in (("noop", tool.noop(ws)), ("status", tool.status(ws))):
            if steps is not None:
                self._enter(tool, f"mem-{name}", number, self._run(tool, steps, memory=True))
        cold = self._cold(tool, tool.cold, memory=True)
        if cold is not None:
            self._enter(tool, "mem-cold", number, cold)

    def _move(self, workload: str, order: Sequence[Tool]) -> list[Pin]:
        upstreams = moving(self.corpus.upstreams, int(workload.removeprefix("update")))
        for upstream in upstreams:
            self._moves[upstream.name] += 1
            move_upstream(self.corpus, upstream, self._moves[upstream.name])
        moved = [self._pin(upstream) for upstream in upstreams]
        for tool in order:
            self._guarded(tool, workload, partial(tool.advance, self.pins(), moved))
        return moved

    def _timed(self, tool: Tool, steps: Sequence[Step] | None) -> Sample | None:
        return None if steps is None else self._run(tool, steps)

    def _run(self, tool: Tool, steps: Sequence[Step], *, memory: bool = False) -> Sample:
        return run_steps(steps, tool.setting.env, self.folder / f"{tool.name}.log", memory=memory)

    def _verify(self, tool: Tool, ws: Path) -> None:
        wrong = wrong_clones(tool.clones(ws), self.pins(), tool.setting.env) if tool.pins else []
        wrong += tool.evidence(ws, self.pins())
        if wrong:
            raise ToolFailed(f"{len(wrong)} wrong: {'; '.join(wrong[:3])}")

    def _warm(self, tool: Tool) -> Path:
        return self.folder / "warm" / tool.name

    def _guarded(self, tool: Tool, workload: str, work: Callable[[], None]) -> None:
        try:
            work()
        except (ToolFailed, OSError, ValueError) as error:
            self.failures[tool.name, workload] = str(error)
        except subprocess.CalledProcessError as error:
            words = error.stderr if isinstance(error.stderr, str) else ""
            self.failures[tool.name, workload] = f"{error} {words[-500:]}"
        if (tool.name, workload) in self.failures:
            self.say(f"  {tool.name} failed at {workload}: {self.failures[tool.name, workload]}")

    def _sweep(self) -> None:
        # Never between two measurements: on ext4 files are made much slower for a while after many were removed.
        if not self.keep_old:
            shutil.rmtree(self.folder / "old", ignore_errors=True)


def _names(told: str, path: Path, ws: Path) -> bool:
    """Tell whether one of the folders of *path* inside of *ws* is named, as `sources/<name>` or as `<name>`."""
    return any(part in told for part in path.relative_to(ws).parts[1:2])
