"""Signals: stopped in good order, at once the second time, and no git process outlives the tool; the lock of the dead is free."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.cli import Hybrid, executable, merged_env, run_hybrid
from support.https_server import HttpsGitServer
from support.injection import audit, readable, restored, tidy
from support.kit import changes, head, lock, snapshot, state
from support.points import strace
from support.upstream import Upstream, UpstreamFactory

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
MARKER = "state/resume.json"


@pytest.fixture
def pinned(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, https_server: HttpsGitServer
) -> dict[str, str]:
    """Two pinned sources without a clone: ``local`` needs no server; return the environment for the server of ``tool``."""
    tool: Upstream = upstream_factory("tool")
    tool.commit({"README": "one\n", "noise": random.Random(0).randbytes(200_000)})
    env = https_server.env()
    manifest = [f'[source.{name}]\nurl = "{url}"\nbranch = "main"\n' for name, url in _urls(tool, https_server).items()]
    (workspace / "sources.toml").write_text("schema_version = 1\n" + "".join(manifest))
    hybrid("pin", env=env)
    https_server.clear_requests()
    return env


def _urls(tool: Upstream, server: HttpsGitServer) -> dict[str, str]:
    return {"local": tool.url, "tool": server.url("tool.git")}


@contextmanager
def _running(workspace: Path, *words: str, env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        [str(executable()), *words],
        cwd=workspace,
        env=merged_env({**env, "PYTHONFAULTHANDLER": "1"}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def _processes(workspace: Path) -> list[str]:
    """Return every process that works in *workspace* or was told of it, by its working folder and its arguments."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            place = os.readlink(folder / "cwd")
        except OSError:
            continue
        if place.startswith(str(workspace)) or str(workspace) in words:
            found.append(words)
    return found


def _ended(child: subprocess.Popen[str], seconds: float) -> str:
    """Return what the child wrote to stderr; one that does not end is made to tell where it stands."""
    try:
        return child.communicate(timeout=seconds)[1]
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGABRT)
        return f"no end within {seconds} s: {child.communicate()[1]}"


def _gone(workspace: Path, seconds: float) -> None:
    end = time.monotonic() + seconds
    while left := _processes(workspace):
        assert time.monotonic() < end, left
        time.sleep(0.05)


def _recorded_is_true(workspace: Path) -> None:
    """Fail unless what state says is installed stands there, whole."""
    readable(workspace)
    audit(workspace)
    if (workspace / "state/sources.json").exists():
        for name, entry in state(workspace).items():
            assert head(workspace, name) == entry["commit_sha"]


def _finishes(workspace: Path, env: dict[str, str]) -> None:
    run_hybrid("sync", cwd=workspace, env=env)
    for name, pin in lock(workspace).items():
        assert head(workspace, name) == pin["commit"]
    tidy(workspace)


@pytest.mark.parametrize("number", CODES, ids=lambda number: number.name)
def test_a_signal_while_the_server_stalls(
    hybrid: Hybrid, workspace: Path, pinned: dict[str, str], https_server: HttpsGitServer, number: signal.Signals
) -> None:
    https_server.stall(50_000, only="upload-pack")
    with _running(workspace, "sync", "-j", "1", env=pinned) as child:
        assert https_server.stalled.wait(30)
        child.send_signal(number)
        _, err = child.communicate(timeout=20)
    assert child.returncode == CODES[number], err
    assert "Traceback" not in err
    _gone(workspace, 0.5)
    # What was finished is recorded, and what was not stands in the marker.
    assert set(state(workspace)) == {"local"}
    assert [row["name"] for row in json.loads((workspace / MARKER).read_text())["sources"]] == ["tool"]
    _recorded_is_true(workspace)
    https_server.clear_faults()
    hybrid("resume", env=pinned)
    assert head(workspace) == lock(workspace)["tool"]["commit"]
    tidy(workspace)


@pytest.mark.parametrize("words", [("sync",), ("reset", "local", "tool")], ids=" ".join)
def test_a_signal_while_an_earlier_run_is_finished_leaves_the_others_pending(
    hybrid: Hybrid, workspace: Path, pinned: dict[str, str], https_server: HttpsGitServer, words: tuple[str, ...]
) -> None:
    pinned = {**pinned, "GIT_HYBRID_CACHE_DIR": ""}
    for again in range(2):
        https_server.clear_faults()
        https_server.stall(10, only="upload-pack")
        with _running(workspace, *(words if again else ("sync", "-j", "1")), env=pinned) as child:
            assert https_server.stalled.wait(30)
            child.send_signal(signal.SIGTERM)
            _, err = child.communicate(timeout=20)
        assert child.returncode == CODES[signal.SIGTERM], err
        if not again:
            shutil.rmtree(workspace / "sources/local")
    assert "note: still to do: tool, local\n" in err
    assert "interrupted: 1 not reached" in err
    https_server.clear_faults()
    hybrid("resume", env=pinned)
    for name, pin in lock(workspace).items():
        assert head(workspace, name) == pin["commit"]
    tidy(workspace)


def test_an_import_that_is_stopped_leaves_nothing_and_is_typed_again(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, https_server: HttpsGitServer
) -> None:
    upstream_factory("tool").commit({"README": "one\n"})
    url = https_server.url("tool.git")
    listed = f"repositories:\n  tool:\n    type: git\n    url: {url}\n    version: main\n"
    (workspace / "x.repos").write_text(listed)
    (workspace / ".gitattributes").write_text("*.x binary")
    before, env = snapshot(workspace), https_server.env()
    https_server.stall(10, only="upload-pack")
    with _running(workspace, "init", "--import", "x.repos", env=env) as child:
        assert https_server.stalled.wait(30)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=20)
    assert child.returncode == 130, err
    assert err.splitlines()[-1] == "hint: git hybrid init --import x.repos"
    assert changes(before, snapshot(workspace)) == []
    https_server.clear_faults()
    hybrid("init", "--import", "x.repos", env=env)


def test_a_pin_that_is_stopped_leaves_no_marker(
    hybrid: Hybrid, workspace: Path, pinned: dict[str, str], https_server: HttpsGitServer, upstreams_root: Path
) -> None:
    before = lock(workspace)
    Upstream(path=upstreams_root / "tool.git", object_format="sha1").commit({"more": "x" * 100})
    https_server.stall(10, only="upload-pack")
    with _running(workspace, "pin", "tool", env=pinned) as child:
        assert https_server.stalled.wait(30)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=20)
    assert child.returncode == 130, err
    _gone(workspace, 0.5)
    assert lock(workspace) == before
    tidy(workspace)


def test_the_second_signal_ends_it_at_once(
    workspace: Path, pinned: dict[str, str], https_server: HttpsGitServer, tmp_path: Path
) -> None:
    https_server.stall(50_000, only="upload-pack")
    # A git that does not heed SIGTERM: the first signal waits for it, the second must not.
    slow = tmp_path / "slow"
    slow.mkdir()
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    stubborn = f"""#!/bin/sh
case " $* " in *" fetch "*) ;; *) exec {real} "$@" ;; esac
trap '' TERM
{real} "$@"
while :; do sleep 0.1; done
"""
    (slow / "git").write_text(stubborn)
    (slow / "git").chmod(0o755)
    with _running(workspace, "sync", env={**pinned, "PATH": f"{slow}:{os.environ['PATH']}"}) as child:
        assert https_server.stalled.wait(30)
        child.send_signal(signal.SIGINT)
        time.sleep(0.4)
        child.send_signal(signal.SIGINT)
        begun = time.monotonic()
        _, err = child.communicate(timeout=20)
        assert time.monotonic() - begun < 2
    assert child.returncode == 130, err
    assert "Traceback" not in err
    _gone(workspace, 2)
    _recorded_is_true(workspace)
    https_server.clear_faults()
    _finishes(workspace, pinned)


@pytest.mark.parametrize("number", CODES, ids=lambda number: number.name)
@pytest.mark.parametrize("words", [("sync",), ("mirror", "update", "mirror")], ids=lambda words: words[0])
def test_two_signals_one_after_the_other_end_it_with_the_status_of_theirs(
    workspace: Path,
    pinned: dict[str, str],
    https_server: HttpsGitServer,
    number: signal.Signals,
    words: tuple[str, ...],
) -> None:
    https_server.stall(50_000, only="upload-pack")
    with _running(workspace, *words, env=pinned) as child:
        assert https_server.stalled.wait(30)
        child.send_signal(number)
        time.sleep(0.02)
        child.send_signal(number)
        _, err = child.communicate(timeout=20)
    assert child.returncode == CODES[number], err
    assert "error: " not in err
    _gone(workspace, 2)
    https_server.clear_faults()
    _finishes(workspace, pinned)


def _killed_while_it_waits(workspace: Path, env: dict[str, str], https_server: HttpsGitServer) -> None:
    """Kill a sync whose server is silent: all that it had started is gone in two seconds."""
    https_server.stall(50_000, only="upload-pack")
    with _running(workspace, "sync", env=env) as child:
        assert https_server.stalled.wait(30)
        assert any("fetch" in words for words in _processes(workspace))
        child.kill()
        child.wait()
        _gone(workspace, 2)
    https_server.clear_faults()


def test_a_killed_tool_leaves_no_git_and_a_free_lock(
    workspace: Path, pinned: dict[str, str], https_server: HttpsGitServer
) -> None:
    for _ in range(3):
        _killed_while_it_waits(workspace, pinned, https_server)
    _finishes(workspace, {**pinned, "GIT_HYBRID_LOCK_TIMEOUT": "0"})


def test_a_held_lock_names_its_holder(
    hybrid: Hybrid, workspace: Path, pinned: dict[str, str], https_server: HttpsGitServer
) -> None:
    https_server.stall(50_000, only="upload-pack")
    with _running(workspace, "sync", "tool", env=pinned) as child:
        assert https_server.stalled.wait(30)
        for words in (["sync"], ["pin"], ["resume"], ["reset", "local"], ["remove", "local"]):
            busy = hybrid(*words, env={**pinned, "GIT_HYBRID_LOCK_TIMEOUT": "100ms"}, check=75)
            assert f"pid {child.pid} on {os.uname().nodename}" in busy.err
            assert re.search(r"since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", busy.err)
            assert "git hybrid sync tool" in busy.err
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=20)
    https_server.clear_faults()


def test_a_file_system_without_locks_is_refused(hybrid: Hybrid, workspace: Path, pinned: dict[str, str]) -> None:
    for error in ("ENOLCK", "EOPNOTSUPP"):
        options = ["-o", "/dev/null", "-e", "trace=flock", "-e", f"inject=flock:error={error}:when=1+"]
        refused = strace(options, ["sync"], cwd=workspace, env=pinned)
        assert refused.code == 74, refused
        assert refused.err.count("error: ") == 1
        assert not (workspace / "sources/local").exists()
    _finishes(workspace, pinned)


def _moments(workspace: Path, env: dict[str, str], tmp_path: Path, moments: int) -> tuple[int, list[str]]:
    """Stop a sync by a signal at *moments* times of its life, spread evenly, and return what was wrong."""
    kept, bad = workspace.rename(tmp_path / "kept"), []
    restored(kept, workspace)
    begun = time.monotonic()
    run_hybrid("sync", cwd=workspace, env=env)
    whole = time.monotonic() - begun
    for index in range(moments):
        number = (signal.SIGINT, signal.SIGTERM)[index % 2]
        restored(kept, workspace)
        with _running(workspace, "sync", env=env) as child:
            # Before the handlers are set the kernel ends the process, which harms nothing either.
            time.sleep(whole * (index + 1) / (moments + 1))
            child.send_signal(number)
            err = _ended(child, 40)
        if "Fatal Python error: init_" in err:
            # Python itself was not there yet: nothing of ours has run.
            continue
        try:
            assert child.returncode in (0, CODES[number], -number), err
            # In its first milliseconds Python itself has nobody yet who would take a signal.
            assert not re.search(r'File "[^"]*/git_hybrid/', err), err
            _gone(workspace, 1)
            _recorded_is_true(workspace)
            done = set(state(workspace)) if (workspace / "state/sources.json").exists() else set()
            pending = (workspace / MARKER).is_file()
            assert not pending or done != {"local", "tool"}
            _finishes(workspace, env)
        except AssertionError as error:
            bad.append(f"{number.name} at {index + 1}/{moments + 1}: {str(error)[:400]}")
    return moments, bad


def test_a_signal_at_some_moments(workspace: Path, pinned: dict[str, str], tmp_path: Path) -> None:
    assert _moments(workspace, pinned, tmp_path, 3)[1] == []


@pytest.mark.sweep
@pytest.mark.timeout(3000)
def test_a_signal_at_many_moments(workspace: Path, pinned: dict[str, str], tmp_path: Path) -> None:
    count, bad = _moments(workspace, pinned, tmp_path, 200)
    print(f"P3 P9 signals: held {count - len(bad)} of {count}")
    print(*bad, sep="\n")
    assert bad == []
