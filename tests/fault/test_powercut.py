"""A power cut at any moment of a command: nothing is mixed, nothing acknowledged is lost, the next run heals it (P1, P20)."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from git_hybrid.core.errors import HybridError
from git_hybrid.store.chain import read_log
from git_hybrid.store.layout import Layout
from git_hybrid.store.ledger import FileLedger
from support.cli import run_hybrid
from support.injection import audit, readable, tidy
from support.kit import git
from support.kit import lock as lock_of
from support.powercut import State, Tree, crash_states, materialise, safe_tree
from support.samples import run_info
from support.sandbox import hermetic_environment
from support.syscalls import Op, record
from support.upstream import Upstream

FILES = ("sources.toml", "state/sources.lock", "state/sources.json")
AUDIT = "state/sources-audit.jsonl"
LAST = {"remove": [["sync", "-q", "--prune"]], "reset": [["resume"], ["reset", "old"]]}
"""What a user types after the cut, before `sync`: local work is still in the way of a `reset` that had not begun."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One command: what stood on the disk before, what it did, what stood there after it, and the clones at both ends."""

    command: tuple[str, ...]
    before: Tree
    ops: tuple[Op, ...]
    after: Tree
    clones_before: Path
    clones_after: Path


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[Recorded]:
    """Record sync (of a clone and an update), pin, add, remove and reset, one after the other."""
    folder = tmp_path_factory.mktemp("powercut")
    ws = folder / "ws"
    ws.mkdir()
    ups = {name: Upstream.create(folder / f"{name}.git") for name in ("new", "old", "more")}
    for upstream in ups.values():
        upstream.commit({f"f{number}": f"{number}\n" for number in range(4)})
    steps = [("sync",), ("pin", "new"), ("add", ups["more"].url), ("remove", "new"), ("reset", "old")]
    found = []
    with hermetic_environment(tmp_path_factory.mktemp("home")):
        for words in (["init"], ["add", ups["old"].url], ["sync"]):
            run_hybrid(*words, cwd=ws)
        ups["old"].commit({"f1": "changed\n"})
        for words in (["pin", "old"], ["add", ups["new"].url]):
            run_hybrid(*words, cwd=ws)
        for number, step in enumerate(steps):
            ups["new"].commit({"f2": f"{number}\n"})
            if step[0] == "reset":
                (ws / "sources/old/f3").write_text("mine")
            copies = [folder / f"clones-{number}-{end}" for end in ("before", "after")]
            before = safe_tree(ws)
            shutil.copytree(ws / "sources", copies[0], symlinks=True)
            code, ops = record(step, workspace=ws, log=folder / f"strace-{number}")
            assert code == 0, step
            shutil.copytree(ws / "sources", copies[1], symlinks=True)
            found.append(Recorded(step, before, tuple(ops), safe_tree(ws), *copies))
    return found


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: the program fsyncs, and hundreds of disks are made."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else tmp_path) as folder:
        yield Path(folder).resolve()


def _hashes(tree: Tree) -> set[str]:
    data = tree.get(AUDIT) or b""
    return {json.loads(line)["hash"] for line in data.splitlines() if line}


def _broken(state: State, run: Recorded, folder: Path) -> str:
    """Return what a cut broke, in words, or nothing: read the state as the program does, then let it heal in process."""
    root = folder / "ws"
    if root.exists():
        shutil.rmtree(root)
    root.mkdir()
    materialise(state.tree, root)
    for path in (*FILES, AUDIT):
        if path in run.before and path not in state.tree:
            return f"{path} is gone"
    for path in FILES:
        if state.tree.get(path) not in (run.before.get(path), run.after.get(path)):
            return f"{path} is neither old nor new"
    flushes = any(op.kind == "sync" for op in run.ops) or run.command[0] in ("sync", "reset")
    if flushes and not state.synced and state.tree.get(FILES[2]) != run.before.get(FILES[2]):
        return "the state tells of clones that are not safe yet"
    if state.ended and any(state.tree.get(path) != run.after.get(path) for path in (*FILES, AUDIT)):
        return "the command had ended with 0, and what it wrote is lost"
    try:
        return _unhealed(root, run)
    except HybridError as error:
        return f"{type(error).__name__}: {error.facts()}"


def _unhealed(root: Path, run: Recorded) -> str:
    ledger = FileLedger(
        layout=Layout(root),
        now=datetime.now(UTC),
        lock_timeout=timedelta(0),
        cancelled=lambda: 0,
        clean_quarantine=lambda: (),
        close_quarantine=lambda: None,
    )
    ledger.snapshot()
    acknowledged = _hashes(run.before)
    if not acknowledged <= {str(line["hash"]) for line in read_log(ledger.layout.audit).records}:
        return "an acknowledged audit record is lost"
    with ledger.writer(run_info()):
        snapshot = ledger.snapshot()
    now = safe_tree(root)
    log = read_log(ledger.layout.audit)
    hashes = {str(line["hash"]) for line in log.records}
    if not acknowledged <= hashes:
        return "mending lost an acknowledged audit record"
    if any(not set(line["prev"]) <= hashes for line in log.records):
        return "the audit chain has a gap"
    if any(entry.audit_hash not in hashes for entry in snapshot.state.sources.values()):
        return "the state names an audit record that is not there"
    if len({now.get(path) == run.after.get(path) for path in FILES if run.after.get(path) != run.before.get(path)}) > 1:
        return "a part of the command is done, and a part is not"
    left = [path for path in now if path.endswith(".tmp")]
    return f"left behind: {left}" if left else ""


def _healed_by_hand(state: State, run: Recorded, folder: Path) -> str:
    """Return what the executable does not heal: `status` must read the state, `sync` must finish it."""
    root = folder / "ws-run"
    if root.exists():
        shutil.rmtree(root)
    root.mkdir()
    materialise(state.tree, root)
    shutil.copytree(
        run.clones_after if state.synced or state.ended else run.clones_before, root / "sources", symlinks=True
    )
    try:
        readable(root)
        run_hybrid("status", "--json", cwd=root).json()
        for words in LAST.get(run.command[0], []):
            run_hybrid(*words, cwd=root)
        run_hybrid("sync", "-q", cwd=root)
        for name, pin in lock_of(root).items():
            assert git("rev-parse", "HEAD", cwd=root / "sources" / name) == pin["commit"]
            assert git("status", "--porcelain", cwd=root / "sources" / name) == ""
        assert _hashes(run.before) <= {line["hash"] for line in audit(root)}
        tidy(root)
    except AssertionError as error:
        return str(error)[:500]
    return ""


def _violations(runs: Sequence[Recorded], folder: Path, *, limit: int, sample: int) -> tuple[list[str], int]:
    """Return what is wrong in the disk states of all runs, and how many there are; `sample` of each run are healed by hand."""
    bad, count = [], 0
    for run in runs:
        states = list(crash_states(run.before, run.ops, limit=limit))
        count += len(states)
        told = [(state, _broken(state, run, folder)) for state in states]
        told += [
            (state, _healed_by_hand(state, run, folder))
            for state in random.Random(1).sample(states, min(sample, len(states)))
        ]
        bad += [f"{' '.join(run.command)}: {words}: {sorted(state.tree)}" for state, words in told if words]
    return bad, count


def test_a_power_cut_mixes_and_loses_nothing(recorded: list[Recorded], memory: Path) -> None:
    bad, count = _violations(recorded, memory, limit=100, sample=1)
    assert bad == []
    assert count >= 500


def test_what_was_saved_lasts_before_its_like_is_taken_away(recorded: list[Recorded]) -> None:
    """A git before 2.36 fsyncs no object: one sync comes before the checkout, the other before the record."""
    (reset,) = (run for run in recorded if run.command[0] == "reset")
    assert [op.kind for op in reset.ops].count("sync") == 2


@pytest.mark.sweep
@pytest.mark.timeout(3000)
def test_every_disk_state(recorded: list[Recorded], memory: Path) -> None:
    bad, count = _violations(recorded, memory, limit=400, sample=15)
    print(f"P1: held {count - len(bad)} of {count}")
    assert bad == []


def _without(ops: Sequence[Op], kind: str, path: str) -> list[Op]:
    return [op for op in ops if (op.kind, op.path) != (kind, path)]


def _early_rename(ops: Sequence[Op], path: str) -> list[Op]:
    """Let the new file take the place of `path` before it is fsynced."""
    late = [op for op in ops if op.kind == "fsync" and op.path == f"{path}.tmp"]
    kept = _without(ops, "fsync", f"{path}.tmp")
    swaps = [number for number, op in enumerate(kept) if op.kind == "rename" and op.to == path]
    for number, op in reversed(list(zip(swaps, late, strict=True))):
        kept.insert(number + 1, replace(op, path=path))
    return kept


MUTANTS = {
    "no fsync of the state": lambda ops: _without(ops, "fsync", "state/sources.json.tmp"),
    "no fsync of the lock": lambda ops: _without(ops, "fsync", "state/sources.lock.tmp"),
    "no fsync of the audit log": lambda ops: _without(ops, "fsync", AUDIT),
    "no fsync of the folder": lambda ops: _without(ops, "fsync", "state"),
    "no fsync of the journal": lambda ops: [op for op in ops if not (op.kind == "fsync" and "journal/" in op.path)],
    "no sync of the clones": lambda ops: [op for op in ops if op.kind != "sync"],
    "rename of the state before fsync": lambda ops: _early_rename(ops, "state/sources.json"),
    "rename of the marker before fsync": lambda ops: _early_rename(ops, "state/resume.json"),
}


def test_mutants_are_caught(recorded: list[Recorded], memory: Path) -> None:
    alive = []
    for name, mutate in MUTANTS.items():
        runs = [replace(run, ops=tuple(mutate(run.ops))) for run in recorded]
        changed = [run for run, was in zip(runs, recorded, strict=True) if run.ops != was.ops]
        states = [(state, run) for run in changed for state in crash_states(run.before, run.ops, limit=24)]
        random.Random(0).shuffle(states)
        if not any(_broken(state, run, memory) for state, run in states):
            alive.append(name)
    assert alive == []
