"""SIGKILL at system calls of the tool and of its git children: the next command heals it, and nothing is lost (P2, P3)."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from support.cli import Hybrid, run_hybrid
from support.gitkills import GitCall, GitKiller
from support.injection import Fault, audit, readable, restored, run_injected, tidy
from support.kit import git
from support.points import Point, injected, named, recorded
from support.sweeps import sampled
from support.upstream import Upstream, UpstreamFactory

T = TypeVar("T")
SAMPLE = [Fault("rename", "signal=KILL", number) for number in (1, 9, 17)]
SAMPLE += [Fault("fsync", "signal=KILL", number) for number in (2, 18)]
SAMPLE += [Fault("write", "signal=KILL", number) for number in (20, 180)]
WORDS = ["sync", "-q", "-j", "1"]
MOST = 220
"""So many kills of each kind take about ten minutes; SWEEP=all runs every one."""


@pytest.fixture
def scene(upstream_factory: UpstreamFactory, workspace: Path, hybrid: Hybrid) -> dict[str, Upstream]:
    """A workspace with one source to clone and one to update; upstream moves on while the run is interrupted."""
    upstreams = {name: upstream_factory(name) for name in ("new", "old")}
    for upstream in upstreams.values():
        upstream.commit({f"f{number}.txt": f"{number}\n" for number in range(12)})
    hybrid("init")
    hybrid("add", upstreams["old"].url)
    hybrid("sync")
    upstreams["old"].commit({"f1.txt": "changed\n", "deep/er/new.txt": "x", "f2.txt": None})
    hybrid("pin", "old")
    hybrid("add", upstreams["new"].url)
    return upstreams


def _healed(workspace: Path, pins: dict[str, str], lock: bytes) -> None:
    run_hybrid("sync", cwd=workspace)
    assert (workspace / "state/sources.lock").read_bytes() == lock
    for name, commit in pins.items():
        clone = workspace / "sources" / name
        assert git("rev-parse", "HEAD", "refs/hybrid/pin", cwd=clone).split() == [commit, commit]
        assert git("status", "--porcelain", "--ignored", cwd=clone) == ""
        git("fsck", "--strict", cwd=clone)
    state = json.loads((workspace / "state/sources.json").read_text())
    records = {record["hash"]: record for record in audit(workspace)}
    for entry in state["sources"]:
        assert entry["commit_sha"] == pins[entry["name"]]
        assert records[entry["audit_hash"]]["after"] == entry["commit_sha"]
    tidy(workspace)


def _pins(workspace: Path) -> dict[str, str]:
    lock = tomllib.loads((workspace / "state/sources.lock").read_text())
    return {name: pin["commit"] for name, pin in lock["source"].items()}


def _kill_and_heal(workspace: Path, pristine: Path, faults: Sequence[T], kill: Callable[[T], object]) -> list[str]:
    lock, pins = (pristine / "state/sources.lock").read_bytes(), _pins(pristine)
    acknowledged = len(audit(pristine))
    bad = []
    for fault in faults:
        restored(pristine, workspace)
        try:
            assert kill(fault) is not False, "not reached"
            readable(workspace)
            assert len(audit(workspace)) >= acknowledged
            _healed(workspace, pins, lock)
        except AssertionError as error:
            bad.append(f"{fault}: {str(error)[:300]}")
    return bad


def test_a_killed_sync_is_healed_by_the_next_one(scene: dict[str, Upstream], workspace: Path, tmp_path: Path) -> None:
    for upstream in scene.values():
        upstream.commit({"later.txt": "moved on\n"})
    pristine = workspace.rename(tmp_path / "pristine")
    kills = [partial(run_injected, fault, ["sync", "-q"], cwd=workspace) for fault in SAMPLE]
    assert _kill_and_heal(workspace, pristine, kills, lambda kill: kill()) == []


def test_a_killed_sync_of_an_adopted_clone_is_healed_by_the_next_one(
    scene: dict[str, Upstream], workspace: Path, tmp_path: Path
) -> None:
    """Its attributes are not this tool's: they change with the first move."""
    (workspace / "sources/old/.git/info/attributes").unlink()
    pristine = workspace.rename(tmp_path / "pristine")
    restored(pristine, workspace)
    _, points = recorded([*WORDS, "old"], cwd=workspace, log=tmp_path / "calls")
    chosen = [point for point in points if point.main and any("info/attributes" in path for path in point.paths)]
    chosen = [chosen[0], *(point for point in chosen if point.paths[0].endswith(".tmp")), chosen[-1]]
    assert len(chosen) > 2

    def kill(point: Point) -> bool:
        hit = injected(point, "signal=KILL", [*WORDS, "old"], cwd=workspace, log=tmp_path / "calls")[1]
        assert (workspace / "sources/old/.git/index").is_file()
        return hit

    assert _kill_and_heal(workspace, pristine, chosen, kill) == []


def test_a_sync_that_was_killed_before_it_named_the_commit_is_healed_by_the_next_one(
    scene: dict[str, Upstream], workspace: Path, tmp_path: Path
) -> None:
    pristine = workspace.rename(tmp_path / "pristine")
    restored(pristine, workspace)
    words, log = [*WORDS, "old"], tmp_path / "calls"
    point = named(recorded(words, cwd=workspace, log=log)[1], "rename", "refs/hybrid/pin.tmp")

    def kill(point: Point) -> bool:
        hit = injected(point, "signal=KILL", words, cwd=workspace, log=log)[1]
        old, new = git("rev-parse", "refs/hybrid/pin", "HEAD", cwd=workspace / "sources/old").split()
        assert old != new
        return hit

    assert _kill_and_heal(workspace, pristine, [point], kill) == []


def _git_kills(workspace: Path, tmp_path: Path) -> tuple[Path, GitKiller, tuple[GitCall, ...]]:
    pristine, killer = workspace.rename(tmp_path / "pristine"), GitKiller.create(tmp_path / "shim")
    restored(pristine, workspace)
    return pristine, killer, killer.record(WORDS, cwd=workspace)


@pytest.mark.parametrize("path", ["sources/old/.git/HEAD.lock"])
def test_a_git_that_was_killed_leaves_no_lock(
    scene: dict[str, Upstream], workspace: Path, tmp_path: Path, path: str
) -> None:
    pristine, killer, points = _git_kills(workspace, tmp_path)
    chosen = [point for point in points if (point.call, point.path) == ("rename", path)][:1]
    assert chosen
    assert _kill_and_heal(workspace, pristine, chosen, lambda point: killer.kill(point, WORDS, cwd=workspace)[1]) == []


@pytest.mark.sweep
@pytest.mark.timeout(7200)
def test_every_call_of_a_sync(scene: dict[str, Upstream], workspace: Path, tmp_path: Path) -> None:
    for upstream in scene.values():
        upstream.commit({"later.txt": "moved on\n"})
    pristine = workspace.rename(tmp_path / "pristine")
    restored(pristine, workspace)
    _, points = recorded(WORDS, cwd=workspace, log=tmp_path / "calls")
    chosen = sampled([point for point in points if point.main], MOST)

    def kill(point: Point) -> bool:
        return injected(point, "signal=KILL", WORDS, cwd=workspace, log=tmp_path / "calls")[1]

    bad = _kill_and_heal(workspace, pristine, chosen, kill)
    print(f"P2 P3 sync: held {len(chosen) - len(bad)} of {len(chosen)}")
    assert bad == []


@pytest.mark.sweep
@pytest.mark.timeout(7200)
def test_every_call_of_every_git(scene: dict[str, Upstream], workspace: Path, tmp_path: Path) -> None:
    pristine, killer, points = _git_kills(workspace, tmp_path)
    chosen = sampled(points, MOST)
    bad = _kill_and_heal(workspace, pristine, chosen, lambda point: killer.kill(point, WORDS, cwd=workspace)[1])
    print(f"P2 P3 git children: held {len(chosen) - len(bad)} of {len(chosen)} (of {len(points)} places)")
    assert bad == []
