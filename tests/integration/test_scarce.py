"""Many sources where the system gives little: few files at once, little memory."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support.cli import Hybrid, Result, executable
from support.kit import released
from support.upstream import UpstreamFactory

_MANY = 60
Limited = Callable[..., Result]


@pytest.fixture
def limited(workspace: Path) -> Limited:
    """Return what runs git-hybrid below a limit that ulimit sets."""

    def run(limit: str, *args: str, check: int | None = 0, env: str = "") -> Result:
        command = f"ulimit {limit}; {env} exec {shlex.join([str(executable()), *args])}"
        done = subprocess.run(
            ["bash", "-c", command], cwd=workspace, capture_output=True, text=True, timeout=60, check=False
        )
        assert check in (None, done.returncode), (args, done.stdout, done.stderr)
        return Result(code=done.returncode, out=done.stdout, err=done.stderr)

    return run


@pytest.fixture
def few(hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory) -> Path:
    return _workspace(hybrid, workspace, upstream_factory, 3)


def _workspace(hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, count: int) -> Path:
    upstream = upstream_factory()
    released(upstream)
    hybrid("init", "-q")
    with (workspace / "sources.toml").open("a", encoding="utf-8") as file:
        for number in range(count):
            file.write(f'\n[source.s{number:02}]\nurl = "{upstream.url}"\nbranch = "main"\n')
    hybrid("pin", "-q")
    hybrid("sync", "-q")
    return workspace


def test_more_sources_than_files(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, limited: Limited, tmp_path: Path
) -> None:
    _workspace(hybrid, workspace, upstream_factory, _MANY)
    limit = "-n 64"
    assert limited(limit, "check", "sources").err.startswith("check sources: ok")
    assert limited(limit, "foreach", "--", "echo", "x").out == "x\n" * _MANY
    limited(limit, "bundle", "create", "-o", str(tmp_path / "x.bundle"))
    assert "Too many open files" not in limited(limit, "diag").out


def test_many_at_a_time_may_open_more_files(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, limited: Limited
) -> None:
    _workspace(hybrid, workspace, upstream_factory, _MANY)
    limited("-S -n 48", "check", "sources", env="GIT_HYBRID_JOBS=50")


@pytest.mark.parametrize("command", ["check", "status"])
def test_too_few_files_are_told_as_such(few: Path, limited: Limited, command: str) -> None:
    for path in sorted(few.glob("sources/*/.git/index")):
        path.touch()
    err = limited("-n 6", command, check=74).err
    assert "Too many open files" in err
    assert "ulimit -n" in err
    assert "GIT_HYBRID_JOBS=1" in err
    assert "disk" not in err


def test_little_memory_is_no_bug(few: Path, limited: Limited) -> None:
    ends = set()
    for kib in range(26_000, 170_000, 18_000):
        done = limited(f"-v {kib}", "check", check=None)
        ends.add(done.code)
        assert done.code != 70, (kib, done.err)
        assert done.code != 74 or "GIT_HYBRID_JOBS=1" in done.err, (kib, done.err)
    assert 74 in ends


def test_small_files_need_little_memory(few: Path, limited: Limited) -> None:
    assert limited("-v 60000", "status", check=None).code != 70


def test_a_limit_on_the_size_of_files_is_not_the_network(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, limited: Limited
) -> None:
    _workspace(hybrid, workspace, upstream_factory, 1)
    upstream_factory().commit({"large": os.urandom(300_000)})
    told = limited("-f 64", "pin", "s00", check=74).err
    assert "the limit on the size of a file (ulimit -f)" in told
    assert "try 1" not in told
