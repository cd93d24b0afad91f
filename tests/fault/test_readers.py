"""Whoever reads the files while a run writes them, or after it was stopped there, accuses nobody of an edit."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from support.cli import executable, merged_env
from support.governed import ADA, LOG, OPTIONS, OVERRIDES, Site, forced_site, option_words, plain_site
from support.points import Point, injected


@pytest.fixture
def site(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return plain_site(tmp_path, tmp_path_factory)


@pytest.fixture
def forced(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return forced_site(tmp_path, tmp_path_factory)


_JUDGES = ("audit verify", "check", "check overrides", "dashboard")
_OTHERS = (
    *("override list", "override show ID", "override export", "audit export", "sbom"),
    *("sync -n", "pin -n tool", "bundle create -o out", "outdated", "diff", "diff --since HEAD"),
)


@pytest.mark.parametrize(
    ("words_of_resume", "readers"), [((), _JUDGES), (("--abort",), _OTHERS)], ids=["resume", "abort"]
)
def test_files_that_a_killed_run_had_half_written_prove_nothing(
    forced: Site, tmp_path: Path, words_of_resume: tuple[str, ...], readers: tuple[str, ...]
) -> None:
    half = forced.root / "state/sources-overrides.json.tmp"
    identity = forced.overrides()[0]["id"]
    words = ["override", "revoke", identity, "--reason", "over"]
    _, reached = injected(
        Point("rename", 1, (), only=str(half), main=True), "signal=KILL", words, cwd=forced.root, log=tmp_path / "calls"
    )
    assert reached
    assert "override-revoked" in forced.read(LOG)
    for reader in readers:
        told = forced(*reader.replace("ID", identity).split(), check=7)
        assert "what it decided is not in all files yet" in told.err
        assert "hint: git hybrid resume\n" in told.err
        assert "--abort" not in told.err
        assert told.out == ""
    # Of what is expiring, too, nobody knows whether it is still in force.
    told = forced("status", "--exit-code", check=1, shift="+15d")
    assert ") has files left to write" in told.err
    assert "override renew" not in told.err
    assert "as pinned" not in told.err
    assert "unapproved" not in told.out
    assert forced("status", "--porcelain").out.startswith("interrupted\ttool\t")
    found = forced("diag", check=1).out
    assert "does no harm" not in found
    assert "not what" not in found
    assert "unapproved" not in found
    assert found.count("has files left to write") == 2
    failed = [item["what"] for item in forced("diag", "--json", check=1).json()["findings"] if item["level"] == "fail"]
    assert sum(what.startswith("run ") for what in failed) == 1
    # While the file cannot be read no run can be finished: restore does not wait for that.
    forced.write(OVERRIDES, "<<<<<<<")
    forced("override", "restore")
    told = forced("resume", *words_of_resume)
    assert "finished writing" in told.err
    assert "nothing to resume" not in told.err
    assert ("could not be given up" in told.err) is bool(words_of_resume)
    assert "nothing to resume" in forced("resume").err
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
