"""One system call fails (EIO, ENOSPC, EDQUOT, EACCES, EROFS, EMFILE): old or new state, one clear error, and on it goes (P2, P17)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.cli import Hybrid, run_hybrid
from support.injection import restored, tidy
from support.kit import git, head, write_manifest
from support.points import (
    ERRORS,
    Point,
    View,
    clear_error,
    injected,
    log_bytes,
    named,
    old_or_new,
    recorded,
    strace,
    view,
)
from support.sweeps import sampled
from support.upstream import Upstream, UpstreamFactory

AGAIN = {"add": (0, 2), "remove": (0, 2)}
"""A decision that reached the journal is finished by the next writer: the same ``add`` then finds its name taken."""

MOST = 110
"""So many faults of one command take about five minutes; SWEEP=all runs every one."""

SAMPLE = {
    "sync": (("fsync", "sources-audit.jsonl", "EIO"), ("write", "index.lock", "ENOSPC")),
    "add": (("write", "sources.toml.tmp", "EDQUOT"),),
    "remove": (("openat", "sources-audit.jsonl", "EMFILE"),),
    "resume": (("unlink", "state/resume.json", "EIO"),),
}


@dataclass(slots=True)
class Scene:
    """A workspace before a command, what the command is, and the places where its run can be hit."""

    workspace: Path
    pristine: Path
    words: list[str]
    old: View
    new: View
    heads: dict[str, str]
    log: bytes
    points: tuple[Point, ...]


Stage = Callable[[str], Scene]


@pytest.fixture
def stage(upstream_factory: UpstreamFactory, hybrid: Hybrid, workspace: Path, tmp_path: Path) -> Stage:
    """Set the scene for a command: ``old`` is behind its pin, ``new`` has no clone, ``third`` is as it should be."""
    ups = {name: upstream_factory(name) for name in ("new", "old", "third")}
    for upstream in ups.values():
        upstream.commit({f"f{number}.txt": f"{number}\n" for number in range(6)})
    text = "".join(f'[source.{name}]\nurl = "{ups[name].url}"\nbranch = "main"\n' for name in ("old", "third"))
    write_manifest(workspace, text)
    hybrid("pin")
    hybrid("sync")
    ups["old"].commit({"f1.txt": "changed\n", "deep/er/new.txt": "x", "f2.txt": None})
    base = workspace.rename(tmp_path / "base")

    def make(command: str) -> Scene:
        restored(base, workspace)
        words = _prepare(command, hybrid, workspace, ups)
        pristine = tmp_path / "pristine" / command
        pristine.parent.mkdir(exist_ok=True)
        workspace.rename(pristine)
        restored(pristine, workspace)
        old, log = view(workspace), log_bytes(workspace)
        done, points = recorded(words, cwd=workspace, log=tmp_path / "calls")
        assert done.code == 0, done.err
        new, heads = view(workspace), _heads(workspace)
        tidy(workspace)
        return Scene(workspace, pristine, words, old, new, heads, log, points)

    return make


def _prepare(command: str, hybrid: Hybrid, workspace: Path, ups: dict[str, Upstream]) -> list[str]:
    if command == "add":
        return ["add", ups["new"].url]
    if command == "pin":
        return ["pin", "old"]
    if command == "remove":
        return ["remove", "third"]
    if command == "reset":
        (workspace / "sources/third/f1.txt").write_text("mine\n")
        return ["reset", "third"]
    hybrid("pin", "old")
    hybrid("add", ups["new"].url)
    if command == "resume":
        away = ups["new"].path.rename(ups["new"].path.with_name("away"))
        hybrid("sync", check=4)
        away.rename(ups["new"].path)
    return [command]


def _heads(workspace: Path) -> dict[str, str]:
    clones = sorted(path.parent for path in (workspace / "sources").glob("*/.git"))
    for clone in clones:
        assert git("status", "--porcelain", cwd=clone) == ""
        git("fsck", "--strict", cwd=clone)
    return {clone.name: git("rev-parse", "HEAD", cwd=clone) for clone in clones}


_SPOKEN = re.compile(r"write\(2\b.*\(INJECTED\)")


def _hit(scene: Scene, point: Point, error: str) -> bool:
    """Let one call fail and look at what comes of it; return False if the run did not come there."""
    workspace = restored(scene.pristine, scene.workspace)
    result, reached = injected(point, f"error={error}", scene.words, cwd=workspace, log=workspace.with_name("calls"))
    old_or_new(workspace, scene.old, scene.new, scene.log)
    if result.code == 0:
        _finished(scene)
    elif not _SPOKEN.search(workspace.with_name("calls").read_text(errors="replace")):
        # What could not be written to standard error is lost.
        clear_error(result)
    run_hybrid("status", cwd=workspace)
    _works_again(scene)
    return reached


def _works_again(scene: Scene) -> None:
    again = run_hybrid(*scene.words, cwd=scene.workspace, check=None)
    assert again.code in AGAIN.get(scene.words[0], (0,)), again.err
    _finished(scene)
    tidy(scene.workspace)


def _finished(scene: Scene) -> None:
    assert view(scene.workspace) == scene.new
    assert _heads(scene.workspace) == scene.heads


def _all(scene: Scene, faults: Sequence[tuple[Point, str]]) -> tuple[int, list[str]]:
    """Return how many of *faults* were met (strace sees fewer calls by path), and what was wrong."""
    bad, met = [], 0
    for point, error in faults:
        try:
            met += _hit(scene, point, error)
        except AssertionError as failure:
            bad.append(f"{scene.words[0]} {point.call} {error} {point.when} ({point.paths[0]}): {str(failure)[:400]}")
            met += 1
    return met, bad


def test_one_call_fails(stage: Stage) -> None:
    wrong = []
    for command, faults in SAMPLE.items():
        scene = stage(command)
        met, bad = _all(scene, [(named(scene.points, call, suffix), error) for call, suffix, error in faults])
        assert met == len(faults)
        wrong += bad
    assert wrong == []


LOOKS = {"right after the checkout": ".git/index", "before anything is changed": "f1.txt"}


@pytest.mark.parametrize("moment", LOOKS)
def test_what_the_machine_refuses_to_read_is_no_broken_clone(
    hybrid: Hybrid, workspace: Path, ups: dict[str, Upstream], tmp_path: Path, moment: str
) -> None:
    pristine, words = workspace.rename(tmp_path / "before"), ["sync", "-q", "-j", "1", "one"]
    path = workspace / "sources/one" / LOOKS[moment]
    counted = _looked_at(pristine, workspace, words, path, log=tmp_path / "calls", when="1+", error="")
    # The look after the checkout reads it last but once: what is remembered of it, which is a hint alone, comes last.
    first = counted.count("openat(") - 1 if moment == "right after the checkout" else 1
    told = _looked_at(pristine, workspace, words, path, log=tmp_path / "calls", when=f"{first}+", error=":error=EIO")
    assert "(INJECTED)" in told
    assert not (workspace / "sources/.set-aside").exists()
    hybrid("sync")
    assert head(workspace, "one") == ups["one"].rev("main")
    tidy(workspace)


def _looked_at(
    pristine: Path, workspace: Path, words: list[str], path: Path, *, log: Path, when: str, error: str
) -> str:
    restored(pristine, workspace)
    # A file whose times have changed is read to see whether it is dirty.
    (workspace / "sources/one/f1.txt").touch()
    inject = ["-e", f"inject=openat{error}:when={when}"] if error else []
    result = strace(["-o", str(log), "-e", "trace=openat", "-P", str(path), *inject], words, cwd=workspace)
    if error:
        assert result.code == 74, result
        clear_error(result)
        assert "Input/output error" in result.err
    return log.read_text()


UNSEEN = {
    "": (["check", "sources", "--content"], ["foreach", "--", "true"]),
    "f1.txt": (["sync"], ["status"], ["diff"], ["check", "sources", "--content"], ["remove", "one"]),
}
"""A path of the clone that nobody can look at, and commands that would take it for one that is not there."""
TOLD = {"status": "2 sources: 1 unreadable, 1 ok", "sync": "1 of 2 sources", "diff": "1 failed, 1 same"}
TOLD["check"] = "ran 1 check"
"""What each says of the other source."""


@pytest.mark.parametrize("name", UNSEEN)
def test_what_the_machine_refuses_to_look_at_is_neither_gone_nor_changed(
    hybrid: Hybrid, workspace: Path, ups: dict[str, Upstream], name: str
) -> None:
    hybrid("sync")
    before = view(workspace)
    path, calls = workspace / "sources/one" / name, "lstat,newfstatat,statx"
    for words in UNSEEN[name]:
        options = ["-f", "-o", "/dev/null", "-P", str(path), "-e", f"trace={calls}", "-e", f"inject={calls}:error=EIO"]
        result = strace(options, words, cwd=workspace)
        assert result.code == 74, (words, result)
        said = f"cannot read {path.parent / path.name}: Input/output error"
        if words[0] in ("status", "check"):
            assert said in result.out
        else:
            clear_error(result)
            assert f"error: {said}" in result.err
        assert TOLD.get(words[0], "") in result.err
    assert view(workspace) == before
    assert head(workspace, "one") == ups["one"].rev("main")
    assert git("status", "--porcelain", cwd=workspace / "sources/one") == ""


@pytest.mark.sweep
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("command", ["sync", "pin", "add", "remove", "reset", "resume"])
def test_every_call_fails(stage: Stage, command: str) -> None:
    scene = stage(command)
    every = [(point, error) for point in scene.points for error in ERRORS[point.call]]
    faults = sampled(every, MOST)
    met, bad = _all(scene, faults)
    print(f"P2 P17 {command}: held {met - len(bad)} of {met} (of {len(every)} faults)")
    assert not bad, "\n".join(bad)
    assert met > len(faults) // 2
