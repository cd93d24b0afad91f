"""Whoever reads the files while a run writes them, or after it was stopped there, accuses nobody of an edit."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from support.cli import executable, merged_env
from support.governed import ADA, LOG, OPTIONS, Site, forced_site, option_words, plain_site
from support.points import Point, injected


@pytest.fixture
def site(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return plain_site(tmp_path, tmp_path_factory)


@pytest.fixture
def forced(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return forced_site(tmp_path, tmp_path_factory)


def test_files_that_a_killed_run_had_half_written_prove_nothing(forced: Site, tmp_path: Path) -> None:
    half = forced.root / "state/sources-overrides.json.tmp"
    words = ["override", "revoke", forced.overrides()[0]["id"], "--reason", "over"]
    _, reached = injected(
        Point("rename", 1, (), only=str(half), main=True), "signal=KILL", words, cwd=forced.root, log=tmp_path / "calls"
    )
    assert reached
    assert "override-revoked" in forced.read(LOG)
    for reader in (("audit", "verify"), ("check",), ("check", "overrides")):
        told = forced(*reader, check=7)
        assert "what it decided is not in all files yet" in told.err
        assert "hint: git hybrid resume\n" in told.err
        assert told.out == ""
    assert ") has files left to write" in forced("status").err
    found = forced("diag", check=1).out
    assert "does no harm" not in found
    assert "not what" not in found
    assert "git hybrid resume" in found
    assert "finished writing" in forced("resume").err
    forced("audit", "verify")
    assert forced.overrides()[0]["status"] == "revoked"


def test_files_that_a_run_is_writing_are_read_again(site: Site) -> None:
    delayed = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "-e", "inject=fsync:delay_enter=150ms"]
    words = ["-q", "pin", "tool", "--to", "v1.1.0", "--force", *option_words(OPTIONS)]
    env = merged_env({"GIT_HYBRID_OPERATOR": ADA})
    with subprocess.Popen([*delayed, str(executable()), *words], cwd=site.root, env=env) as writer:
        while writer.poll() is None:
            assert "whole" in site("audit", "verify").out
            site("check", "metadata", "overrides", "audit")
    assert writer.returncode == 0
    assert len(site.overrides()) == 1
