"""`git hybrid merge` is killed at any write: the next call ends with the same files, and tells the same."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from support.cli import Hybrid, run_hybrid
from support.injection import restored, tidy
from support.kit import git, lock, snapshot
from support.points import Point, injected, named, recorded
from support.scanners import a_scanner, use
from support.sweeps import sampled
from support.upstream import Upstream, UpstreamFactory

FORCE = ("--force", "--request", "CHG-1", "--approver", "bea@example.org", "--reason", "fix", "--expires", "3d")
FILES = ("sources.toml", "sources.lock", "sources.json", "sources-overrides.json", "sources-mirrors.json", "c.sarif")
MOST = 60
Told = tuple[dict[str, bytes], int, object, list[str]]


@pytest.fixture
def pristine(hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, tmp_path: Path) -> Path:
    """Return a workspace in which every file that can be is in conflict, and both sides moved one pin."""
    made = {name: upstream_factory(name) for name in "abcd"}
    for upstream in made.values():
        for subject in ("one", "two", "three"):
            upstream.commit({"README": subject}, subject)

    def commit(message: str) -> None:
        git("add", "-A", cwd=workspace)
        git("commit", "-q", "-m", message, cwd=workspace)

    def changed(name: str, revision: str, body: str) -> None:
        hybrid("add", made[name].url, "--branch", "main")
        hybrid("mirror", "add", f"m{name}", f"https://{name}.example.org", "--owner", "ops@example.org")
        hybrid("pin", "d", "--to", made["d"].rev(revision), *FORCE)
        hybrid("sync")
        a_scanner(tmp_path / "fake", body)
        time.sleep(1.1)
        hybrid("scan", check=None)

    git("init", "-q", "-b", "main", cwd=workspace)
    hybrid("init")
    for name in "cd":
        hybrid("add", made[name].url, "--branch", "main")
    hybrid("sync")
    use(workspace, tmp_path / "fake")
    commit("base")
    git("switch", "-q", "-c", "their", cwd=workspace)
    changed("a", "main~1", "write()\n")
    commit("theirs")
    git("switch", "-q", "main", cwd=workspace)
    changed("b", "main~2", "write(result('README', level='note'))\n")
    commit("ours")
    git("merge", "-q", "their", cwd=workspace, check=False)
    torn = git("diff", "--name-only", "--diff-filter=U", cwd=workspace).splitlines()
    assert {*FILES, "d.sarif"} == {Path(name).name for name in torn}
    return workspace.rename(tmp_path / "pristine")


def told(workspace: Path) -> Told:
    """Call `git hybrid merge`, and return the files, the exit status, and what it said that is to be decided."""
    result = run_hybrid("merge", "--json", cwd=workspace, check=None)
    document = result.json()
    tidy(workspace)
    files = {name: text for name, text in snapshot(workspace).items() if name.startswith(("sources.toml", "state/"))}
    notes = [note for note in document["notes"] if not note.startswith(("merged ", "removed "))]
    return files, result.code, document["sources"], notes


def killed(pristine: Path, workspace: Path, points: Sequence[Point], wanted: Told) -> tuple[int, list[str]]:
    """Kill the command at each of *points*; return how many were reached, and what the next call left."""
    met, bad = 0, []
    for point in points:
        restored(pristine, workspace)
        _, reached = injected(point, "signal=KILL", ["merge", "-q"], cwd=workspace, log=pristine.with_name("calls"))
        met += reached
        if told(workspace) != wanted:
            bad.append(f"{point.call} {point.when} {point.paths[0]}")
    return met, bad


def begun(pristine: Path, workspace: Path) -> tuple[tuple[Point, ...], Told]:
    restored(pristine, workspace)
    _, points = recorded(["merge", "-q"], cwd=workspace, log=pristine.with_name("calls"))
    # Called once more it writes nothing, and says what is to be decided all the same.
    again = told(workspace)
    restored(pristine, workspace)
    wanted = told(workspace)
    assert again == wanted
    assert wanted[1] == 1
    return points, wanted


def test_a_killed_merge_is_done_by_the_next_call(pristine: Path, workspace: Path) -> None:
    points, wanted = begun(pristine, workspace)
    places = [named(points, "rename", f"{name}.tmp") for name in FILES]
    places.append(named(points, "fsync", "", -1))
    met, bad = killed(pristine, workspace, places, wanted)
    assert (met, bad) == (len(places), [])


def test_what_an_unfinished_run_has_decided_comes_after_the_merge(
    hybrid: Hybrid, workspace: Path, ups: dict[str, Upstream], tmp_path: Path
) -> None:
    def moved(branch: str) -> None:
        ups["one"].commit({"f3.txt": branch})
        hybrid("pin", "one")
        hybrid("sync")
        git("commit", "-q", "-a", "-m", branch, cwd=workspace)

    (workspace / ".gitattributes").write_text("/state/** -text\n/state/sources-audit.jsonl merge=union\n")
    git("add", ".gitattributes", "sources.toml", "state", cwd=workspace)
    git("commit", "-q", "-m", "base", cwd=workspace)
    git("branch", "their", cwd=workspace)
    moved("ours")
    git("switch", "-q", "their", cwd=workspace)
    moved("theirs")
    newest = ups["two"].commit({"f3.txt": "more"})
    lock_file = workspace / "state/sources.lock.tmp"
    point = Point("rename", 1, (str(lock_file),), only=str(lock_file), main=True)
    _, reached = injected(point, "signal=KILL", ["pin", "two"], cwd=workspace, log=tmp_path / "calls")
    assert reached
    git("commit", "-q", "-a", "-m", "unfinished", cwd=workspace)
    git("merge", "-q", "-", cwd=workspace, check=False)
    hybrid("merge", check=1)
    assert "finished writing what run " in hybrid("sync").err
    assert lock(workspace)["two"]["commit"] == newest
    hybrid("check")
    tidy(workspace)


@pytest.mark.sweep
@pytest.mark.timeout(7200)
def test_every_kill_of_a_merge(pristine: Path, workspace: Path) -> None:
    points, wanted = begun(pristine, workspace)
    chosen = sampled(points, MOST)
    met, bad = killed(pristine, workspace, chosen, wanted)
    print(f"merge: held {met - len(bad)} of {met} (of {len(points)} places)")
    assert not bad, "\n".join(bad)
    assert met > len(chosen) // 2
