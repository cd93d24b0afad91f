"""Who holds the writer lock is told without touching it; whether locks work is tried on a file made for that."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from git_hybrid.store import filelock
from git_hybrid.store.filelock import holder, probe_locks, stopped, worker, writer_lock

NOW = datetime(2026, 7, 20, tzinfo=UTC)


def _held(path: Path):
    return writer_lock(path, timeout=timedelta(seconds=1), command="git hybrid sync", now=NOW, cancelled=lambda: 0)


def test_nobody_writes(tmp_path):
    assert holder(tmp_path / ".lock") == ("", False)
    with _held(tmp_path / ".lock"):
        pass
    assert holder(tmp_path / ".lock") == ("", False)


def test_a_writer_is_named_and_not_disturbed(tmp_path):
    path = tmp_path / ".lock"
    with _held(path):
        named, alive = holder(path)
        assert alive
        assert f"pid {os.getpid()}" in named
        assert "git hybrid sync" in named
        with open(path, "rb") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_writer_that_died_is_named_as_gone(tmp_path):
    path = tmp_path / ".lock"
    path.write_text(json.dumps({"pid": 7, "host": "x", "since": "2026", "command": "git hybrid sync"}))
    named, alive = holder(path)
    assert named == "pid 7 on x since 2026: git hybrid sync"
    assert not alive


def test_what_others_wrote_there_neither_stops_nor_tells_a_secret(tmp_path):
    path = tmp_path / ".lock"
    path.write_text("[" * 100_000)
    assert holder(path)[0] == "a process that did not say its name"
    assert worker(path, NOW) == ""
    path.write_text(json.dumps({"pid": 7, "host": "x", "since": "2026", "command": "git hybrid https://u:word@h/p"}))
    assert "word" not in holder(path)[0]


def test_who_is_at_work_on_a_run_is_told_by_its_start(tmp_path):
    path = tmp_path / ".lock"
    assert worker(path, NOW) == ""
    with _held(path):
        assert worker(path, NOW).startswith(f"pid {os.getpid()} on ")
        assert worker(path, NOW + timedelta(seconds=1)) == ""
        held = path.read_bytes()
    assert worker(path, NOW) == ""
    path.write_bytes(held)
    assert worker(path, NOW) == "", "it ended without a word"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="nothing tells the state of a process")
def test_a_holder_that_is_stopped_is_told_as_that(tmp_path, monkeypatch):
    path = tmp_path / ".lock"
    with subprocess.Popen(["sleep", "60"]) as child:
        path.write_text(json.dumps({"pid": child.pid, "host": socket.gethostname()}))
        assert stopped(path) == 0
        child.send_signal(signal.SIGSTOP)
        os.waitpid(child.pid, os.WUNTRACED)
        assert stopped(path) == child.pid
        child.kill()
    assert stopped(path) == 0
    monkeypatch.setattr(filelock, "stopped", lambda _path: 7)
    with _held(path):
        assert worker(path, NOW).endswith(", stopped: kill -CONT 7")


@pytest.mark.parametrize(
    ("told", "alive"),
    [
        ({"pid": os.getpid(), "host": socket.gethostname()}, True),
        ({"pid": 2**22 + 1, "host": socket.gethostname()}, False),
        ({"pid": 1, "host": "elsewhere.example"}, True),
        ({"pid": "x", "host": socket.gethostname()}, False),
        ([], False),
    ],
)
def test_without_a_list_of_locks_the_process_is_asked_for(tmp_path, monkeypatch, told, alive):
    path = tmp_path / ".lock"
    path.write_text(json.dumps(told))
    monkeypatch.setattr(filelock, "_is_held", lambda _path: None)
    assert holder(path)[1] is alive


def test_locks_work_here_and_nothing_is_left(tmp_path):
    assert probe_locks(tmp_path) == ""
    assert list(tmp_path.iterdir()) == []


def test_locks_that_everybody_gets(tmp_path, monkeypatch):
    monkeypatch.setattr(filelock.fcntl, "flock", lambda *_args: None)
    assert probe_locks(tmp_path) == "two writers get the same lock"
    assert list(tmp_path.iterdir()) == []


def test_no_locks(tmp_path, monkeypatch):
    def refuse(*_args: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(filelock.fcntl, "flock", refuse)
    assert probe_locks(tmp_path) == "No locks available"
    assert probe_locks(tmp_path / "missing").startswith("no file can be made")
