"""What an interrupted run left is finished, given up or healed: the journalled commits, policy, torn lines, leftovers (P1-P3)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.cli import Hybrid, run_hybrid
from support.https_server import HttpsGitServer
from support.injection import audit, readable, restored, tidy
from support.kit import git, head, lock, state, write_manifest
from support.points import Point, View, injected, log_bytes, named, recorded, view
from support.upstream import Upstream, UpstreamFactory

MARKER = "state/resume.json"


@pytest.fixture
def ups(upstream_factory: UpstreamFactory, hybrid: Hybrid, workspace: Path) -> dict[str, Upstream]:
    """Two sources that are cloned at their first commit, and pinned to their second one."""
    found = {name: upstream_factory(name) for name in ("one", "two")}
    for upstream in found.values():
        upstream.commit({f"f{number}.txt": f"{number}\n" for number in range(6)})
    write_manifest(
        workspace,
        "".join(f'[source.{name}]\nurl = "{upstream.url}"\nbranch = "main"\n' for name, upstream in found.items()),
    )
    git("init", "-q", cwd=workspace)
    hybrid("pin")
    hybrid("sync")
    for upstream in found.values():
        upstream.commit({"f1.txt": "second\n", "f2.txt": None, "new.txt": "new\n"})
    hybrid("pin", "one", "two")
    return found


def _interrupted(workspace: Path, tmp_path: Path, call: str, part: str, nth: int = -1) -> None:
    """Kill a sync of everything at its last (or *nth*) *call* on a path that has *part* in it."""
    pristine = workspace.rename(tmp_path / "before")
    restored(pristine, workspace)
    words = ["sync", "-q", "-j", "1"]
    _, points = recorded(words, cwd=workspace, log=tmp_path / "calls")
    restored(pristine, workspace)
    point = named(points, call, part, nth)
    ended, _ = injected(point, "signal=KILL", words, cwd=workspace, log=tmp_path / "calls")
    assert ended.code in (-9, 137)
    assert (workspace / MARKER).is_file()


def _planned(workspace: Path) -> dict[str, str]:
    document = json.loads((workspace / MARKER).read_text())
    return {row["name"]: row["to_commit"] for row in document["sources"]}


def _events(workspace: Path) -> list[str]:
    return [record["event"] for record in audit(workspace)]


def test_the_journalled_commits_are_installed_though_upstream_and_the_lock_moved(
    hybrid: Hybrid, workspace: Path, ups: dict[str, Upstream], tmp_path: Path
) -> None:
    _interrupted(workspace, tmp_path, "write", "state/journal/", 2)
    planned = _planned(workspace)
    assert planned == {name: pin["commit"] for name, pin in lock(workspace).items()}
    text = (workspace / "state/sources.lock").read_text()
    for upstream in ups.values():
        upstream.commit({"later.txt": "moved on\n"})
    # A colleague's pin comes in by `git pull` while the run is open.
    other = restored(tmp_path / "before", tmp_path / "other")
    run_hybrid("pin", "one", "two", cwd=other)
    pulled = (other / "state/sources.lock").read_text()
    assert pulled != text
    (workspace / "state/sources.lock").write_text(pulled)
    hybrid("resume")
    assert {name: head(workspace, name) for name in planned} == planned
    assert {name: entry["commit_sha"] for name, entry in state(workspace).items()} == planned
    assert (workspace / "state/sources.lock").read_text() == pulled
    assert _events(workspace)[-1] == "resume-completed"
    tidy(workspace)
    hybrid("sync")
    assert {name: head(workspace, name) for name in planned} == {n: up.rev("main") for n, up in ups.items()}


def test_policy_is_asked_again(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, https_server: HttpsGitServer
) -> None:
    upstream_factory("tool").commit({"README": "one\n"})
    hybrid("init")
    hybrid("add", https_server.url("tool.git"), env=https_server.env())
    https_server.fail_always(404)
    hybrid("sync", env=https_server.env(), check=4)
    assert set(_planned(workspace)) == {"tool"}
    https_server.clear_faults()
    https_server.clear_requests()
    manifest = workspace / "sources.toml"
    text = manifest.read_text()
    manifest.write_text(text.replace("[policy]", '[policy]\nhosts = ["elsewhere.example"]'))
    refused = hybrid("resume", env=https_server.env(), check=6)
    assert "hint: " in refused.err
    assert https_server.requests == []
    assert not (workspace / "sources/tool").exists()
    assert not (workspace / MARKER).exists()
    manifest.write_text(text)
    hybrid("sync", env=https_server.env())
    assert head(workspace) == lock(workspace)["tool"]["commit"]
    tidy(workspace)


def test_abort_goes_back_to_what_is_recorded(
    hybrid: Hybrid, workspace: Path, ups: dict[str, Upstream], tmp_path: Path
) -> None:
    recorded_before = {name: entry["commit_sha"] for name, entry in state(workspace).items()}
    _interrupted(workspace, tmp_path, "write", "state/journal/")
    assert head(workspace, "one") == _planned(workspace)["one"] != recorded_before["one"]
    hybrid("pin", "one", check=7)
    hybrid("resume", "--abort")
    for name, commit in recorded_before.items():
        assert head(workspace, name) == commit
        assert git("status", "--porcelain", cwd=workspace / "sources" / name) == ""
    assert {name: entry["commit_sha"] for name, entry in state(workspace).items()} == recorded_before
    assert _events(workspace)[-1] == "abort"
    tidy(workspace)
    hybrid("sync")
    assert head(workspace, "one") == lock(workspace)["one"]["commit"]


def test_a_torn_line_of_the_journal_does_not_count(
    hybrid: Hybrid, workspace: Path, ups: dict[str, Upstream], tmp_path: Path
) -> None:
    _interrupted(workspace, tmp_path, "write", "sources-audit.jsonl")
    planned = _planned(workspace)
    [journal] = (workspace / "state/journal").glob("*.jsonl")
    whole = journal.read_bytes()
    last = whole[:-1].rindex(b"\n") + 1
    kept = workspace.rename(tmp_path / "kept")
    for cut in (last + 1, (last + len(whole)) // 2, len(whole) - 1):
        restored(kept, workspace)
        (workspace / journal.relative_to(workspace)).write_bytes(whole[:cut])
        hybrid("status")
        hybrid("resume")
        assert {name: head(workspace, name) for name in planned} == planned
        readable(workspace)
        audit(workspace)
        tidy(workspace)


def _cuts(workspace: Path, tmp_path: Path, step: int) -> tuple[int, list[str]]:
    """Cut the log at bytes of its last record, append by the next writer, and return what was wrong."""
    whole = log_bytes(workspace)
    start = whole[:-1].rindex(b"\n") + 1
    kept, bad = workspace.rename(tmp_path / "kept"), []
    cuts = range(start, len(whole), step)
    for cut in cuts:
        restored(kept, workspace)
        log = workspace / "state/sources-audit.jsonl"
        log.write_bytes(whole[:cut])
        try:
            run_hybrid("sync", cwd=workspace)
            now = log.read_bytes()
            assert now.startswith(whole[:cut])
            assert len(audit(workspace)) > whole[:start].count(b"\n")
            new = [json.loads(line) for line in now[cut:].splitlines() if line.startswith(b"{")]
            torn = [len(whole[start:cut])] if start < cut < len(whole) - 1 else []
            assert [item["len"] for record in new for item in record.get("torn", ())] == torn
            tidy(workspace)
        except AssertionError as error:
            bad.append(f"cut at {cut - start}: {str(error)[:300]}")
    return len(cuts), bad


def test_a_torn_audit_record_is_never_cut(workspace: Path, ups: dict[str, Upstream], tmp_path: Path) -> None:
    assert _cuts(workspace, tmp_path, 173)[1] == []


@pytest.mark.sweep
@pytest.mark.timeout(3000)
def test_every_byte_of_a_torn_audit_record(workspace: Path, ups: dict[str, Upstream], tmp_path: Path) -> None:
    count, bad = _cuts(workspace, tmp_path, 1)
    print(f"P2 torn audit: held {count - len(bad)} of {count}")
    assert bad == []


def test_leftovers_of_writers_are_removed_and_nothing_else(
    hybrid: Hybrid, workspace: Path, ups: dict[str, Upstream]
) -> None:
    names = ("state/sources.lock", "state/sources.json", "state/resume.json", "sources.toml")
    for name in names:
        (workspace / f"{name}.tmp").write_text("half")
    theirs = [workspace / name for name in ("state/notes.tmp", "mine.tmp", "sources/one/mine.tmp")]
    for path in theirs[:2]:
        path.write_text("mine")
    result = hybrid("sync")
    assert all(name in result.err for name in names)
    assert not any((workspace / f"{name}.tmp").exists() for name in names)
    assert all(path.exists() for path in theirs[:2])


COMMANDS = {
    "pin": (["pin", "one"], "rename", "sources.lock.tmp"),
    "add": (["add", "--name", "more"], "rename", "sources.toml.tmp"),
    "remove": (["remove", "two"], "unlink", "state/resume.json"),
    "reset": (["reset", "one"], "write", "sources/one/.git/index.lock"),
}


@dataclass(frozen=True, slots=True)
class Scene:
    """A command that can be killed: the workspace before it, what that says, and what it says after the command."""

    workspace: Path
    pristine: Path
    words: list[str]
    old: View
    new: View
    log: bytes
    points: tuple[Point, ...]


def _scene(ups: dict[str, Upstream], workspace: Path, tmp_path: Path, command: str) -> Scene:
    words = [*COMMANDS[command][0], *([ups["two"].url] if command == "add" else [])]
    if command == "reset":
        (workspace / "sources/one/f1.txt").write_text("mine\n")
    pristine = workspace.rename(tmp_path / "pristine" / command)
    restored(pristine, workspace)
    old, log = view(workspace), log_bytes(workspace)
    done, points = recorded(words, cwd=workspace, log=tmp_path / "calls")
    assert done.code == 0, done.err
    return Scene(workspace, pristine, words, old, view(workspace), log, points)


def _kill(scene: Scene, point: Point) -> list[str]:
    workspace = restored(scene.pristine, scene.workspace)
    _, reached = injected(point, "signal=KILL", scene.words, cwd=workspace, log=workspace.with_name("calls"))
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
    run_hybrid("resume", cwd=workspace)
    assert view(workspace) in (scene.old, scene.new)
    if view(workspace) == scene.old:
        run_hybrid(*scene.words, cwd=workspace)
    assert view(workspace) == scene.new
    assert log_bytes(workspace).startswith(scene.log)
    audit(workspace)
    assert {path.parent.name for path in (workspace / "sources").glob("*/.git")} <= scene.new.pins.keys()
    tidy(workspace)


@pytest.fixture
def settled(ups: dict[str, Upstream], workspace: Path, tmp_path: Path) -> Path:
    """A workspace whose clones are at their pins, with news upstream of ``one``."""
    run_hybrid("sync", cwd=workspace)
    ups["one"].commit({"third.txt": "third\n"})
    (tmp_path / "pristine").mkdir()
    return restored(workspace, tmp_path / "settled")


def test_a_killed_command_is_healed(ups: dict[str, Upstream], workspace: Path, tmp_path: Path, settled: Path) -> None:
    bad = []
    for command, (_, call, part) in COMMANDS.items():
        restored(settled, workspace)
        scene = _scene(ups, workspace, tmp_path, command)
        bad += _kill(scene, named(scene.points, call, part))
    assert bad == []


@pytest.mark.sweep
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_kill(ups: dict[str, Upstream], workspace: Path, tmp_path: Path, settled: Path, command: str) -> None:
    scene = _scene(ups, workspace, tmp_path, command)
    bad = [line for point in scene.points for line in _kill(scene, point)]
    print(f"P2 P3 {command}: held {len(scene.points) - len(bad)} of {len(scene.points)}")
    assert bad == []
