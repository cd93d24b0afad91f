"""The sandbox around every test is closed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import cli, sandbox

INNER = """
import socket
from contextlib import suppress
from pathlib import Path

def test_home():
    (Path(__file__).parent / "real" / ".netrc").touch()

def test_net():
    with suppress(OSError), socket.socket() as connection:
        connection.connect(("192.0.2.1", 9))

def test_innocent():
    (Path.home() / ".netrc").touch()

def test_ssh(ssh_server):
    pass
"""


@pytest.fixture(scope="module", autouse=True)
def outside() -> Iterator[None]:
    """Set what a developer's shell may hold, before the sandbox of each test is made."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("GIT_DIR", "GIT_HYBRID_JOBS", "HTTPS_PROXY", "no_proxy", "NO_COLOR"):
            patch.setenv(name, "from outside")
        yield


def test_environment_holds_nothing_from_outside(tmp_path: Path) -> None:
    assert "from outside" not in os.environ.values()
    kept = {name for name in os.environ if name.startswith("GIT_")}
    assert kept == {"GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "GIT_HYBRID_CACHE_DIR"}
    assert os.environ["GIT_HYBRID_CACHE_DIR"] == ""
    assert (os.environ["TZ"], time.tzname[0]) == ("UTC", "UTC")
    identity = subprocess.check_output(["git", "config", "--get-regexp", "."], cwd=tmp_path)
    assert identity == b"user.name Test Operator\nuser.email operator@example.org\nmaintenance.auto false\n"
    (tmp_path / "file").touch()
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("name", ["connect", "connect_ex"])
def test_connections_to_others_are_refused(name: str) -> None:
    with sandbox.loopback_only() as refused, socket.socket() as connection:
        connection.settimeout(1)
        with pytest.raises(PermissionError):
            getattr(connection, name)(("192.0.2.1", 9))
    assert refused == ["('192.0.2.1', 9)"]


def test_connections_to_loopback_are_not(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()[:2], timeout=1).close()
    with socket.socket(socket.AF_UNIX) as local, pytest.raises(FileNotFoundError):
        local.connect(str(tmp_path / "none"))


def test_changes_of_a_home_are_seen(tmp_path: Path) -> None:
    (tmp_path / ".gitconfig").write_text("a")
    (tmp_path / "gone").touch()
    before = sandbox.home_snapshot(tmp_path)
    assert sandbox.home_changes(before, sandbox.home_snapshot(tmp_path)) == []
    (tmp_path / ".gitconfig").write_text("ab")
    (tmp_path / ".bash_history").touch()
    (tmp_path / "gone").unlink()
    (tmp_path / ".config" / "git").mkdir(parents=True)
    changes = sandbox.home_changes(before, sandbox.home_snapshot(tmp_path))
    assert changes == [".config", ".config/git", ".gitconfig", "gone"]


def test_escapes_fail_the_test_that_made_them(tmp_path: Path) -> None:
    (tmp_path / "test_inner.py").write_text(INNER)
    (tmp_path / "real").mkdir()
    options = ["-q", "-rA", "-p", "conftest", "-p", "no:cacheprovider", "--basetemp", "inner"]
    done = subprocess.run(
        [sys.executable, "-B", "-m", "pytest", *options, "test_inner.py"],
        cwd=tmp_path,
        env={
            "HOME": str(tmp_path / "real"),
            "PATH": str(tmp_path / "none"),
            "PYTHONPATH": str(Path(__file__).parents[1]),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert "3 passed, 3 errors" in done.stdout, done.stdout + done.stderr
    assert "ERROR test_inner.py::test_home - Failed: the test changed .netrc in" in done.stdout
    assert "ERROR test_inner.py::test_net - Failed: the test tried to connect" in done.stdout
    assert "ERROR test_inner.py::test_ssh - Failed: this test needs the OpenSSH" in done.stdout


@pytest.fixture
def fake_hybrid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `git-hybrid` beside a fake interpreter, that runs its first argument as a script."""
    path = tmp_path / "bin" / "git-hybrid"
    path.parent.mkdir()
    path.write_text('#!/bin/sh\nexec sh -c "$@"\n')
    path.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(tmp_path / "bin" / "python"))
    return path


@pytest.mark.usefixtures("fake_hybrid")
def test_runner_reports_code_and_streams(tmp_path: Path) -> None:
    script = 'cat; echo "$EXTRA$HOME" >&2; exit 3'
    changes = {"EXTRA": "x", "HOME": None}
    done = cli.run_hybrid(script, cwd=tmp_path, env=changes, input="[1]", check=3)
    assert done == cli.Result(code=3, out="[1]", err="x\n")
    assert done.json() == [1]
    assert cli.run_hybrid("exit 9", cwd=tmp_path, check=None).code == 9


@pytest.mark.usefixtures("fake_hybrid")
def test_runner_tells_the_whole_story(tmp_path: Path) -> None:
    with pytest.raises(AssertionError) as caught:
        cli.run_hybrid("echo data; echo talk >&2; exit 4", cwd=tmp_path)
    for part in ("git-hybrid 'echo data", "exited 4, expected 0", "data\n", "talk\n"):
        assert part in str(caught.value)


@pytest.mark.usefixtures("fake_hybrid")
def test_runner_kills_the_whole_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "SECONDS", 0.3)
    with pytest.raises(AssertionError, match="still ran after"):
        cli.run_hybrid("sleep 30 & sleep 30", cwd=tmp_path)


def test_runner_names_a_missing_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(AssertionError, match="is missing"):
        cli.executable()
