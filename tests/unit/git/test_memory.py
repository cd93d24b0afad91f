"""What a git that talks to a server has started gets its limit too, whenever that was forked."""

from __future__ import annotations

import os
import resource
import subprocess
import time

import pytest

from git_hybrid.git import memory
from git_hybrid.git.memory import bounding

MOST = 1 << 30


def test_what_was_being_forked_is_found_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_AGAIN", 0.0)
    checks: list[int] = []
    with subprocess.Popen(["sh", "-c", "sleep 60 & echo $!; wait"], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        inner = int(child.stdout.readline())
        with monkeypatch.context() as patch:
            patch.setattr(memory, "_started_by", lambda pid: iter(()))
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
