"""Many writers at once, some of them killed: what was acknowledged is there, the audit chain holds, readers see no mix (P8)."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.cli import Hybrid, executable, merged_env, run_hybrid
from support.injection import audit, readable, tidy
from support.kit import git, lock, manifest, state
from support.upstream import Upstream, UpstreamFactory

UNFINISHED = 7


@dataclass(slots=True)
class Writer:
    """One command on a source of its own: what it does, and how it ended."""

    name: str
    words: list[str]
    child: subprocess.Popen[str]
    killed: bool = False
    err: str = ""


@dataclass(slots=True)
class Field:
    """A workspace with many sources of one upstream, and what must be true of each of them."""

    workspace: Path
    upstream: Upstream
    dice: random.Random
    present: dict[str, bool] = field(default_factory=dict)

    def words(self, name: str) -> list[str]:
        """Return a command that fits the source *name* as it is now."""
        if not self.present[name]:
            return ["add", self.upstream.url, "--branch", "main", "--name", name]
        return [*self.dice.choice((["pin"], ["pin"], ["sync"], ["remove"])), name]


def _start(workspace: Path, words: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(executable()), *words],
        cwd=workspace,
        env=merged_env({"GIT_HYBRID_LOCK_TIMEOUT": "100s"}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _round(arena: Field, kills: int) -> list[str]:
    """Run one command for each source at once, kill *kills* of them, and return what was wrong."""
    tip = arena.upstream.commit({"tick": str(arena.dice.random())})
    before = {record["hash"] for record in _log(arena.workspace)}
    writers = [Writer(name, words := arena.words(name), _start(arena.workspace, words)) for name in arena.present]
    victims = arena.dice.sample(writers, kills)
    reader = _start(arena.workspace, ["status", "--json"])
    bad: list[str] = []
    while any(writer.child.poll() is None for writer in writers):
        if victims and arena.dice.random() < 0.3:
            victim = victims.pop()
            victim.killed = victim.child.poll() is None
            victim.child.send_signal(signal.SIGKILL)
        if reader.poll() is not None:
            bad += _read(reader)
            reader = _start(arena.workspace, ["status", "--json"])
        time.sleep(0.02)
    bad += _read(reader)
    for writer in writers:
        writer.err = writer.child.communicate()[1]
    readable(arena.workspace)
    assert before <= {record["hash"] for record in audit(arena.workspace)}
    run_hybrid("resume", cwd=arena.workspace)
    return bad + [line for writer in writers for line in _kept(arena, writer, tip)]


def _log(workspace: Path) -> list[dict[str, str]]:
    return audit(workspace) if (workspace / "state/sources-audit.jsonl").exists() else []


def _read(reader: subprocess.Popen[str]) -> list[str]:
    out, err = reader.communicate(timeout=60)
    if reader.returncode != 0:
        return [f"a reader ended with {reader.returncode}: {err[:300]}"]
    json.loads(out)
    return []


def _kept(arena: Field, writer: Writer, tip: str) -> list[str]:
    """Return what is not as the writer had acknowledged; adopt what a killed or refused one left."""
    name, pins, entries = writer.name, lock(arena.workspace), state(arena.workspace)
    there = name in manifest(arena.workspace)
    arena.present[name] = there
    if there != (name in pins):
        return [f"{writer.words}: the manifest and the lock differ about {name}"]
    code = writer.child.returncode
    if writer.killed or code == UNFINISHED:
        return []
    if code != 0:
        return [f"{writer.words} ended with {code}: {writer.err[:300]}"]
    match writer.words[0]:
        case "add" | "pin":
            lost = not there or pins[name]["commit"] != tip
        case "remove":
            lost = there or name in entries or (arena.workspace / "sources" / name).exists()
        case _:
            clone = arena.workspace / "sources" / name
            lost = entries[name]["commit_sha"] != git("rev-parse", "HEAD", cwd=clone)
    return [f"{writer.words} was acknowledged and is lost"] if lost else []


def _rounds(hybrid: Hybrid, workspace: Path, upstream: Upstream, *, writers: int, rounds: int, kills: int) -> list[str]:
    upstream.commit({"README": "one\n"})
    hybrid("init")
    arena = Field(workspace, upstream, random.Random(7), {f"s{number}": False for number in range(writers)})
    hybrid("add", upstream.url, "--branch", "main", "--name", "s0")
    hybrid("sync")
    arena.present["s0"] = True
    bad = [f"round {number}: {line}" for number in range(rounds) for line in _round(arena, kills)]
    hybrid("pin", "--all")
    hybrid("sync")
    tidy(workspace)
    return bad


def test_six_writers_and_a_reader(hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory) -> None:
    assert _rounds(hybrid, workspace, upstream_factory(), writers=6, rounds=2, kills=1) == []


@pytest.mark.sweep
@pytest.mark.timeout(7200)
def test_twenty_writers(hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory) -> None:
    bad = _rounds(hybrid, workspace, upstream_factory(), writers=20, rounds=50, kills=8)
    print(f"P8: held {1000 - len(bad)} of 1000")
    assert bad == []
