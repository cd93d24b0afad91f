"""P20: the tests can fail. Each small fault turns the test red that stands for its guarantee."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mutants.mutants import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]
FAILED = 1
"""pytest's exit status for tests that ran and failed; a mutant that cannot be imported ends otherwise."""


def test_there_are_enough() -> None:
    assert len(MUTANTS) >= 20
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_old_text_stands_there_once(mutant: Mutant) -> None:
    text = (ROOT / "git_hybrid" / mutant.file).read_text(encoding="utf-8")
    assert text.count(mutant.old) == 1
    assert mutant.new not in ("", mutant.old) or "\n" in mutant.old or mutant.old.startswith("and ")
    compile(text.replace(mutant.old, mutant.new), mutant.file, "exec")
    file, _, name = mutant.test.partition("::")
    assert name in (ROOT / file).read_text(encoding="utf-8")


@pytest.mark.sweep
@pytest.mark.timeout(300)
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_fault_is_noticed(mutant: Mutant, tmp_path: Path) -> None:
    for folder in ("git_hybrid", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    path = tmp_path / "git_hybrid" / mutant.file
    path.write_text(path.read_text(encoding="utf-8").replace(mutant.old, mutant.new), encoding="utf-8")
    # What stands on PYTHONPATH is found before the installed program.
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    options = ["-q", "-x", "-p", "no:cacheprovider", "-o", "addopts=", f"--basetemp={tmp_path / 'base'}"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, mutant.test],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == FAILED, done.stdout[-2000:] + done.stderr[-500:]
