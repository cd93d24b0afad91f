"""What a git that talks to a server has started gets its limit too, whenever that was forked."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from datetime import timedelta
from pathlib import Path

import pytest

from git_hybrid.git import cage, memory
from git_hybrid.git.memory import bounding

MOST = 1 << 30


def test_what_was_being_forked_is_found_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_AGAIN", 0.0)
    checks: list[int] = []
    with subprocess.Popen(["sh", "-c", "sleep 60 & echo $!; wait"], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        inner = int(child.stdout.readline())
        with monkeypatch.context() as patch:
            patch.setattr(memory, "started_by", lambda pid: iter(()))
            checked = bounding(child, MOST, lambda: checks.append(1))
        before = resource.prlimit(inner, resource.RLIMIT_DATA)
        checked()
        assert resource.prlimit(inner, resource.RLIMIT_DATA) == (MOST, MOST) != before
        os.kill(inner, 9)
    # The number of a child that was waited for may be another's.
    monkeypatch.setattr(memory, "bound_memory", lambda *_: pytest.fail("it has ended"))
    checked()
    assert len(checks) == 2


def test_it_is_looked_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    monkeypatch.setattr(memory, "bound_memory", lambda pid, most: looks.append(most))
    moments = iter([0.0, 0.01, 0.06, 0.07, 0.9, 1.1, 9.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(moments))
    with subprocess.Popen(["sleep", "60"]) as child:
        checked = bounding(child, MOST, lambda: None)
        for _ in range(6):
            checked()
        child.kill()
        monkeypatch.undo()
    assert len(looks) == 4


@pytest.mark.parametrize(("hard", "data"), [(resource.RLIM_INFINITY, 9), (10, 9), (8, 8)])
def test_a_foreign_program_gets_no_more_than_this_one_may_give(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, hard: int, data: int
) -> None:
    """Whoever may not raise a limit cannot start a program with a higher one at all."""
    monkeypatch.setattr(cage, "on_path", lambda *_: "prlimit")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (hard, hard))
    bounds = cage.Cage(folder=tmp_path, deadline=timedelta(1), file_bytes=4, memory_bytes=9)
    assert cage.limits(bounds) == ["prlimit", "--core=0", "--fsize=4", f"--data={data}", "--"]
