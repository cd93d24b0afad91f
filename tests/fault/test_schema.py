"""State of an older version migrates and a copy stays, also when killed in between; a newer one is refused untouched (P18)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from support.cli import Hybrid, run_hybrid
from support.injection import audit, readable, restored, tidy
from support.kit import changes, head, lock, released, snapshot, state, write_manifest
from support.points import Point, injected, named, recorded
from support.upstream import UpstreamFactory

STATE = "state/sources.json"
BACKUP = "state/sources.json.bak-v0"
WRITERS = (["sync"], ["pin", "tool"], ["remove", "tool"], ["reset", "tool"], ["resume"], ["resume", "--abort"])
FILES = ("sources.json", "sources.lock", "resume.json", "journal")
OLD_KEYS = ("name", "repo_url", "branch", "commit_sha", "updated_at", "updated_by")


@pytest.fixture
def old(hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory) -> bytes:
    """A workspace that version 0 left, with a pin that is newer than its clone; return its state file."""
    upstream = upstream_factory("tool")
    released(upstream)
    write_manifest(workspace, f'[source.tool]\nurl = "{upstream.url}"\nbranch = "main"\n')
    hybrid("pin")
    hybrid("sync")
    upstream.commit({"more": "more\n"})
    hybrid("pin", "tool")
    path = workspace / STATE
    entries = json.loads(path.read_text())["sources"]
    path.write_text(json.dumps([{key: entry[key] for key in OLD_KEYS} for entry in entries], indent=1))
    return path.read_bytes()


def _migrated(workspace: Path, old: bytes) -> None:
    assert (workspace / BACKUP).read_bytes() == old
    assert json.loads((workspace / STATE).read_text())["schema_version"] == 1
    assert head(workspace) == lock(workspace)["tool"]["commit"] == state(workspace)["tool"]["commit_sha"]
    tidy(workspace)


def test_version_0_is_read_as_it_is_and_migrated_by_a_writer(hybrid: Hybrid, workspace: Path, old: bytes) -> None:
    before = snapshot(workspace)
    hybrid("status")
    assert changes(before, snapshot(workspace)) == []
    hybrid("sync")
    _migrated(workspace, old)


def _killed(workspace: Path, tmp_path: Path, old: bytes, points: list[Point], pristine: Path) -> list[str]:
    bad = []
    for point in points:
        restored(pristine, workspace)
        injected(point, "signal=KILL", ["sync", "-q"], cwd=workspace, log=tmp_path / "calls")
        try:
            readable(workspace)
            assert (workspace / STATE).read_bytes() == old or (workspace / BACKUP).read_bytes() == old
            run_hybrid("sync", cwd=workspace)
            _migrated(workspace, old)
            audit(workspace)
        except (AssertionError, FileNotFoundError) as error:
            bad.append(f"{point.call} {point.when} {point.paths[0]}: {str(error)[:400]}")
    return bad


def _points(workspace: Path, tmp_path: Path) -> tuple[Path, tuple[Point, ...]]:
    pristine = workspace.rename(tmp_path / "pristine")
    restored(pristine, workspace)
    return pristine, recorded(["sync", "-q"], cwd=workspace, log=tmp_path / "calls")[1]


def test_a_migration_that_was_killed_starts_again(workspace: Path, tmp_path: Path, old: bytes) -> None:
    pristine, points = _points(workspace, tmp_path)
    chosen = [named(points, "write", "bak-v0"), named(points, "rename", "bak-v0"), named(points, "rename", STATE)]
    assert _killed(workspace, tmp_path, old, chosen, pristine) == []


@pytest.mark.sweep
@pytest.mark.timeout(3000)
def test_a_migration_killed_at_every_call(workspace: Path, tmp_path: Path, old: bytes) -> None:
    pristine, points = _points(workspace, tmp_path)
    chosen = [point for point in points if point.main]
    bad = _killed(workspace, tmp_path, old, chosen, pristine)
    print(f"P18 migration: held {len(chosen) - len(bad)} of {len(chosen)}")
    assert bad == []


def _newer(workspace: Path, name: str) -> None:
    """Make one file of the workspace one of a later version."""
    path = workspace / "state" / name
    document: Any
    match name:
        case "sources.json":
            path.write_text('{\n  "schema_version": 2,\n  "sources": [],\n  "later": true\n}\n')
        case "sources.lock":
            path.write_text(path.read_text().replace("lock_version = 1", "lock_version = 2"))
        case "resume.json":
            document = json.loads(path.read_text())
            path.write_text(json.dumps(document | {"schema_version": 2}))
        case _:
            [journal] = (workspace / "state/journal").glob("*.jsonl")
            first, rest = journal.read_text().split("\n", 1)
            journal.write_text(json.dumps(json.loads(first) | {"v": 2}) + "\n" + rest)


@pytest.fixture
def open_run(hybrid: Hybrid, workspace: Path, tmp_path: Path, old: bytes, upstreams_root: Path) -> Path:
    """A workspace with an unfinished run, set aside."""
    run_hybrid("sync", cwd=workspace)
    hybrid("add", (upstreams_root / "tool.git").as_uri(), "--branch", "main", "--name", "more")
    upstream = (upstreams_root / "tool.git").rename(upstreams_root / "away.git")
    hybrid("sync", check=4)
    upstream.rename(upstreams_root / "tool.git")
    return workspace.rename(tmp_path / "open")


def _refused(workspace: Path, open_run: Path, commands: Sequence[list[str]]) -> tuple[int, list[str]]:
    bad = []
    for name in FILES:
        restored(open_run, workspace)
        _newer(workspace, name)
        before = snapshot(workspace)
        for words in commands:
            result = run_hybrid(*words, cwd=workspace, check=None)
            changed = changes(before, snapshot(workspace))
            if result.code != 2 or changed or "hint: " not in result.err:
                bad.append(f"newer {name}: {words} ended with {result.code}, changed {changed}: {result.err[:200]}")
    return len(FILES) * len(commands), bad


def test_a_newer_version_is_refused_untouched(workspace: Path, open_run: Path) -> None:
    assert _refused(workspace, open_run, WRITERS[-2:])[1] == []


@pytest.mark.sweep
@pytest.mark.timeout(600)
def test_a_newer_version_is_refused_by_every_command(workspace: Path, open_run: Path) -> None:
    count, bad = _refused(workspace, open_run, WRITERS)
    print(f"P18 newer: held {count - len(bad)} of {count}")
    assert bad == []
