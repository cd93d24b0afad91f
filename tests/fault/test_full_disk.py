"""The disk is full, the files are too large, the folders cannot be written, descriptors run out: really, by limits and mounts (P17)."""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.cli import Hybrid, Result, executable, merged_env, run_hybrid
from support.injection import audit, readable, restored, tidy
from support.kit import changes, git, lock, snapshot, write_manifest
from support.points import clear_error, log_bytes
from support.upstream import UpstreamFactory

WORDS = (["sync"], ["pin", "tool"], ["add", "--name", "more"], ["remove", "tool"], ["reset", "tool"], ["resume"])
KIB = 1024
Limit = Callable[[], None]


@pytest.fixture
def ready(upstream_factory: UpstreamFactory, hybrid: Hybrid, workspace: Path) -> str:
    """``tool`` is cloned and behind its pin, ``fresh`` has no clone; return the URL of a third source."""
    ups = {name: upstream_factory(name) for name in ("tool", "fresh")}
    for index, upstream in enumerate(ups.values()):
        upstream.commit({"README": "one\n", "noise": random.Random(index).randbytes(300_000)})
    text = [f'[source.{name}]\nurl = "{ups[name].url}"\nbranch = "main"\n' for name in ups]
    write_manifest(workspace, text[0])
    hybrid("pin")
    hybrid("sync")
    ups["tool"].commit({"README": "two\n", "noise": random.Random(9).randbytes(400_000)})
    hybrid("pin", "tool")
    write_manifest(workspace, "".join(text))
    hybrid("pin")
    return ups["fresh"].url


def _limited(words: Sequence[str], *, cwd: Path, limit: Limit) -> Result:
    done = subprocess.run(
        [str(executable()), *words],
        cwd=cwd,
        env=merged_env(None),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=limit,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return Result(done.returncode, done.stdout, done.stderr)


def _refused(result: Result, workspace: Path, before: bytes, pins: object) -> None:
    """Fail unless the run ended well, or in one clear error with the old state whole."""
    readable(workspace)
    audit(workspace)
    assert log_bytes(workspace).startswith(before)
    if result.code:
        # One for each source that failed, and one where what is still to do could not be written either.
        clear_error(result, at_most=len(lock(workspace)) + 1)
    assert lock(workspace) == pins
    run_hybrid("status", cwd=workspace)


def _finishes(workspace: Path) -> None:
    run_hybrid("sync", cwd=workspace)
    for name, pin in lock(workspace).items():
        clone = workspace / "sources" / name
        assert git("rev-parse", "HEAD", cwd=clone) == pin["commit"]
        assert git("status", "--porcelain", cwd=clone) == ""
        git("fsck", "--strict", cwd=clone)
    tidy(workspace)


def _each(workspace: Path, kept: Path, limits: dict[str, Limit]) -> list[str]:
    bad = []
    for label, limit in limits.items():
        restored(kept, workspace)
        before, pins = log_bytes(workspace), lock(workspace)
        try:
            _refused(_limited(["sync"], cwd=workspace, limit=limit), workspace, before, pins)
            _finishes(workspace)
        except AssertionError as error:
            bad.append(f"{label}: {str(error)[:600]}")
    return bad


def _file_size(size: int) -> Limit:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def _descriptors(count: int) -> Limit:
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


def _sweep(promise: str, bad: list[str], count: int) -> None:
    print(f"{promise}: held {count - len(bad)} of {count}")
    assert bad == []


def test_a_limit_on_the_size_of_files(ready: str, workspace: Path, tmp_path: Path) -> None:
    limits = {f"{size} bytes": _file_size(size) for size in (1500, 200 * KIB)}
    assert _each(workspace, workspace.rename(tmp_path / "kept"), limits) == []


def test_a_bundle_that_does_not_fit_names_its_file(ready: str, workspace: Path, hybrid: Hybrid, tmp_path: Path) -> None:
    words = ["bundle", "create", "-o", str(tmp_path / "x.bundle")]
    hybrid("sync")
    err = _limited(words, cwd=workspace, limit=_file_size(200 * KIB)).err
    assert "history.bundle: File too large" in err
    assert "input or output" not in err


def test_a_bundle_whose_members_do_not_fit_names_the_place(
    ready: str, workspace: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    hybrid("bundle", "create", "-o", tmp_path / "b")
    done = _limited(["bundle", "verify", str(tmp_path / "b")], cwd=workspace, limit=_file_size(1024))
    assert done.code == 74
    assert done.err.startswith("error: cannot write to "), done.err
    assert ".incoming" in done.err


@pytest.mark.sweep
@pytest.mark.timeout(3000)
def test_every_limit_on_the_size_of_files(ready: str, workspace: Path, tmp_path: Path) -> None:
    sizes = [*range(0, 2 * KIB, 50), *range(2 * KIB, 500 * KIB, 30 * KIB)]
    bad = _each(workspace, workspace.rename(tmp_path / "kept"), {f"{size} bytes": _file_size(size) for size in sizes})
    _sweep("P17 file size", bad, len(sizes))


def test_few_descriptors(ready: str, workspace: Path, tmp_path: Path) -> None:
    limits = {f"{count} descriptors": _descriptors(count) for count in (8,)}
    assert _each(workspace, workspace.rename(tmp_path / "kept"), limits) == []


@pytest.mark.sweep
@pytest.mark.timeout(3000)
def test_every_number_of_descriptors(ready: str, workspace: Path, tmp_path: Path) -> None:
    limits = {f"{count} descriptors": _descriptors(count) for count in range(5, 40)}
    _sweep("P17 descriptors", _each(workspace, workspace.rename(tmp_path / "kept"), limits), len(limits))


@contextmanager
def _mounted(place: Path, size: int) -> Iterator[bool]:
    """Mount a file system of *size* KiB at *place*; yield False where that is not permitted."""
    place.mkdir()
    options = f"size={size}k"
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(place)], capture_output=True, check=False)
    try:
        yield done.returncode == 0
    finally:
        if done.returncode == 0:
            subprocess.run(["umount", "--lazy", str(place)], check=True)
        place.rmdir()


def _on_small_disk(kept: Path, place: Path, spare: int) -> None:
    """Sync with *spare* KiB left on the disk, then with enough of it."""
    # A tmpfs counts whole pages, and folders as nothing.
    used = sum(-(-path.lstat().st_size // 4096) * 4 for path in kept.rglob("*") if path.is_file())
    with _mounted(place, used + spare) as mounted:
        workspace = place / "ws"
        shutil.copytree(kept, workspace, symlinks=True)
        before, pins = log_bytes(workspace), lock(workspace)
        limit = _file_size(spare * KIB)
        result = (
            run_hybrid("sync", cwd=workspace, check=None) if mounted else _limited(["sync"], cwd=workspace, limit=limit)
        )
        _refused(result, workspace, before, pins)
        if mounted:
            subprocess.run(["mount", "-o", "remount,size=64m", str(place)], check=True)
        _finishes(workspace)
        shutil.rmtree(workspace)


def _small_disks(kept: Path, place: Path, spares: Sequence[int]) -> list[str]:
    bad = []
    for index, spare in enumerate(spares):
        try:
            _on_small_disk(kept, place.with_name(f"disk{index}"), spare)
        except AssertionError as error:
            bad.append(f"{spare} KiB left: {str(error)[:600]}")
    return bad


def test_a_full_disk(ready: str, workspace: Path, tmp_path: Path) -> None:
    assert _small_disks(workspace, tmp_path / "disk", (12, 700)) == []


@pytest.mark.sweep
@pytest.mark.timeout(3000)
def test_forty_sizes_of_disk(ready: str, workspace: Path, tmp_path: Path) -> None:
    spares = [*range(0, 64, 4), *range(64, 3000, 124)]
    _sweep("P17 full disk", _small_disks(workspace, tmp_path / "disk", spares), len(spares))


def _read_only(workspace: Path, folders: Sequence[str], words: Sequence[str]) -> Result:
    """Run where *folders* are mounted read-only, in a mount namespace of its own."""
    binds = [f"mount --bind {folder} {folder} && mount -o remount,ro,bind {folder} {folder}" for folder in folders]
    script = " && ".join([*binds, 'exec "$0" "$@"'])
    user = [] if os.getuid() == 0 else ["--map-root-user"]
    done = subprocess.run(
        ["unshare", *user, "--mount", "sh", "-ec", script, str(executable()), *words],
        cwd=workspace,
        env=merged_env(None),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def _untouched(workspace: Path, folders: Sequence[str], words: Sequence[str]) -> None:
    before = snapshot(workspace)
    result = _read_only(workspace, folders, words)
    assert "Traceback" not in result.out + result.err
    if result.code == 0:
        # Nothing was to be written: no new pin, nothing to resume.
        assert words[0] in ("pin", "resume"), result
        assert changes(before, snapshot(workspace)) == []
        return
    assert result.code == 74, result
    clear_error(result)
    for name in changes(before, snapshot(workspace)):
        # What a run had noted where it could write is no change of anything that was decided.
        assert name.startswith(("state/resume.json", "state/journal", "sources/.incoming")), name
    assert _read_only(workspace, folders, ["status"]).code == 0


def test_read_only_folders(ready: str, workspace: Path) -> None:
    for folders, words in ((["state"], WORDS[0]), (["sources"], WORDS[4]), (["state", "sources"], WORDS[1])):
        _untouched(workspace, folders, words)
    _finishes(workspace)


@pytest.mark.sweep
@pytest.mark.timeout(600)
def test_every_command_on_read_only_folders(ready: str, workspace: Path) -> None:
    bad = []
    for words in WORDS:
        for folders in (["state"], ["sources"], ["state", "sources"], ["."]):
            try:
                _untouched(workspace, folders, [*words, *([ready] if words[0] == "add" else [])])
            except AssertionError as error:
                bad.append(f"{words} with read-only {folders}: {str(error)[:600]}")
    _finishes(workspace)
    _sweep("P17 read-only", bad, len(WORDS) * 4)
