"""SIGKILL at system calls of the tool and of its git children: the next command heals it, and nothing is lost (P2, P3)."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from support.cli import Hybrid, run_hybrid
from support.injection import Fault, audit, readable, restored, run_injected, tidy
from support.kit import git
from support.upstream import Upstream, UpstreamFactory

CALLS = {"write": 200, "fsync": 30, "rename": 20, "unlink": 22, "mkdir": 20, "rmdir": 3, "link": 2}
"""How many calls of each kind one sync of the scene makes, rounded up."""

SAMPLE = [Fault("rename", "signal=KILL", number) for number in range(1, 18, 3)]
SAMPLE += [Fault("fsync", "signal=KILL", number) for number in range(2, 26, 4)]
SAMPLE += [Fault("write", "signal=KILL", number) for number in range(20, 200, 40)]
SWEEP = [Fault(call, "signal=KILL", number) for call, count in CALLS.items() for number in range(1, count + 1)]


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
        assert git("rev-parse", "HEAD", cwd=clone) == commit
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


def _kill_and_heal(scene: dict[str, Upstream], workspace: Path, tmp_path: Path, faults: list[Fault]) -> list[str]:
    pristine = workspace.rename(tmp_path / "pristine")
    lock, pins = (pristine / "state/sources.lock").read_bytes(), _pins(pristine)
    acknowledged = len(audit(pristine))
    bad = []
    for fault in faults:
        restored(pristine, workspace)
        run_injected(fault, ["sync", "-q"], cwd=workspace)
        try:
            readable(workspace)
            assert len(audit(workspace)) >= acknowledged
            _healed(workspace, pins, lock)
        except AssertionError as error:
            bad.append(f"{fault}: {str(error)[:300]}")
    return bad


def test_a_killed_sync_is_healed_by_the_next_one(scene: dict[str, Upstream], workspace: Path, tmp_path: Path) -> None:
    for upstream in scene.values():
        upstream.commit({"later.txt": "moved on\n"})
    assert _kill_and_heal(scene, workspace, tmp_path, SAMPLE) == []


@pytest.mark.sweep
@pytest.mark.timeout(3000)
def test_every_call_of_a_sync(scene: dict[str, Upstream], workspace: Path, tmp_path: Path) -> None:
    for upstream in scene.values():
        upstream.commit({"later.txt": "moved on\n"})
    bad = _kill_and_heal(scene, workspace, tmp_path, SWEEP)
    print(f"P2 P3: held {len(SWEEP) - len(bad)} of {len(SWEEP)}")
    assert bad == []
