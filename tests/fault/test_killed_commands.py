"""Any command that writes is killed, or a git child of it: the next writer heals it (P2, P3)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from support.cli import Hybrid, run_hybrid
from support.injection import audit, readable, restored, tidy
from support.kit import git, head, lock
from support.points import Point, View, injected, log_bytes, named, recorded, view
from support.sweeps import sampled
from support.upstream import Upstream


def test_a_git_that_is_killed_in_a_checkout_is_no_local_work(
    hybrid: Hybrid, workspace: Path, ups: dict[str, Upstream], tmp_path: Path
) -> None:
    pristine, bad = workspace.rename(tmp_path / "before"), []
    for place in ("sources/one/f1.txt", "sources/two/.git/index.lock"):
        restored(pristine, workspace)
        point = Point("write", 1, (place,), only=workspace / place, main=False)
        _, reached = injected(point, "signal=KILL", ["sync", "-q", "-j", "1"], cwd=workspace, log=tmp_path / "calls")
        again = hybrid("sync", check=None)
        right = all(head(workspace, name) == pin["commit"] for name, pin in lock(workspace).items())
        if not (reached and right and again.code == 0):
            bad.append(f"{place}, reached: {reached}; then sync ends with {again.code}: {again.err[:300]}")
        else:
            tidy(workspace)
    assert bad == []


COMMANDS = {
    "pin": (["pin", "one"], "rename", "sources.lock.tmp"),
    "add": (["add", "--name", "more"], "rename", "sources.toml.tmp"),
    "remove": (["remove", "two"], "unlink", "state/resume.json"),
    "reset": (["reset", "one"], "write", "sources/one/.git/index.lock"),
    "resume": (["resume"], "unlink", "state/resume.json"),
    "abort": (["resume", "--abort"], "unlink", "state/resume.json"),
}
MOST = 100
"""So many kills of one command take about five minutes; SWEEP=all runs every one."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A command that can be killed: the workspace before it, what that says, and what it says after the command."""

    workspace: Path
    pristine: Path
    words: list[str]
    old: View
    new: View
    log: bytes
    clones: set[str]
    points: tuple[Point, ...]


def _scene(ups: dict[str, Upstream], workspace: Path, tmp_path: Path, command: str) -> Scene:
    words = [*COMMANDS[command][0], *([ups["two"].url] if command == "add" else [])]
    if command == "reset":
        (workspace / "sources/one/f1.txt").write_text("mine\n")
    if words[0] == "resume":
        _stop_in_a_checkout(ups, workspace, tmp_path)
    pristine = workspace.rename(tmp_path / "pristine" / command)
    restored(pristine, workspace)
    old, log, clones = view(workspace), log_bytes(workspace), _clones(workspace)
    done, points = recorded(words, cwd=workspace, log=tmp_path / "calls")
    assert done.code == 0, done.err
    return Scene(workspace, pristine, words, old, view(workspace), log, clones, points)


def _stop_in_a_checkout(ups: dict[str, Upstream], workspace: Path, tmp_path: Path) -> None:
    run_hybrid("pin", "one", cwd=workspace)
    half = Point("write", 1, (), only=workspace / "sources/one/third.txt", main=False)
    assert injected(half, "signal=KILL", ["sync", "-q"], cwd=workspace, log=tmp_path / "calls")[1]


def _kill(scene: Scene, point: Point, *, must_meet: bool = True) -> list[str] | None:
    """Return what a kill at *point* broke; None if the run did not come there: strace sees fewer calls by path."""
    workspace = restored(scene.pristine, scene.workspace)
    _, reached = injected(point, "signal=KILL", scene.words, cwd=workspace, log=workspace.with_name("calls"))
    if not reached and not must_meet:
        return None
    try:
        assert reached
        _healed(workspace, scene)
    except AssertionError as error:
        return [f"{scene.words[0]} {point.call} {point.when} {point.paths[0]}: {str(error)[:400]}"]
    return []


def _healed(workspace: Path, scene: Scene) -> None:
    """The next writer leaves all of the old or all of the new, and the same command again leads to the new."""
    readable(workspace)
    run_hybrid("status", cwd=workspace)
    resuming = scene.words[0] == "resume"
    run_hybrid(*(scene.words if resuming else ["resume"]), cwd=workspace)
    assert view(workspace) in (scene.old, scene.new)
    # The clones are those of what stands: a removal that was not decided takes nothing away.
    expected = scene.old if view(workspace) == scene.old else scene.new
    assert _clones(workspace) == expected.pins.keys() & scene.clones
    for name in _clones(workspace):
        assert len({*git("rev-parse", "HEAD", "refs/hybrid/pin", cwd=workspace / "sources" / name).split()}) == 1
    if view(workspace) == scene.old:
        run_hybrid(*scene.words, cwd=workspace)
    assert view(workspace) == scene.new
    assert log_bytes(workspace).startswith(scene.log)
    events = [record["event"] for record in audit(workspace)]
    if resuming:
        assert events.count("abort" if scene.words[1:] else "resume-completed") == 1
    assert _clones(workspace) <= scene.new.pins.keys()
    tidy(workspace)


def _clones(workspace: Path) -> set[str]:
    return {path.parent.name for path in (workspace / "sources").glob("*/.git")}


@pytest.fixture
def settled(ups: dict[str, Upstream], workspace: Path, tmp_path: Path) -> Path:
    """A workspace whose clones are at their pins, with news upstream of ``one``."""
    run_hybrid("sync", cwd=workspace)
    ups["one"].commit({"third.txt": "third\n"})
    (tmp_path / "pristine").mkdir()
    return restored(workspace, tmp_path / "settled")


def test_a_killed_command_is_healed(ups: dict[str, Upstream], workspace: Path, tmp_path: Path, settled: Path) -> None:
    bad = []
    for command in ("pin", "add", "remove"):
        _, call, part = COMMANDS[command]
        restored(settled, workspace)
        scene = _scene(ups, workspace, tmp_path, command)
        bad += _kill(scene, named(scene.points, call, part)) or []
        if command == "remove":
            # Its clone is out of the way, and nothing is decided yet.
            bad += _kill(scene, named(scene.points, "mkdir", "state/journal", 0)) or []
    assert bad == []


@pytest.mark.sweep
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_kill(ups: dict[str, Upstream], workspace: Path, tmp_path: Path, settled: Path, command: str) -> None:
    scene = _scene(ups, workspace, tmp_path, command)
    points = sampled(scene.points, MOST)
    ended = [_kill(scene, point, must_meet=False) for point in points]
    met = [lines for lines in ended if lines is not None]
    bad = [line for lines in met for line in lines]
    print(f"P2 P3 {command}: held {len(met) - len(bad)} of {len(met)} (of {len(scene.points)} places)")
    assert not bad, "\n".join(bad)
    assert len(met) > len(points) // 2
