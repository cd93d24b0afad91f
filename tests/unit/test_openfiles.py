"""How many files may be open at once: more for the program, for its children what it had."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator

import pytest

from git_hybrid import openfiles

_FEW = 200


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard <= _FEW:
        pytest.skip("the machine allows no more")
    monkeypatch.setattr(openfiles._Before, "limits", None)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_FEW, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_more_for_the_program_and_what_it_had_for_a_child(few: int) -> None:
    openfiles.allow_many()
    raised = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert _FEW < raised <= 8192
    openfiles.allow_many()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        openfiles.give_back(child.pid)
        if hasattr(resource, "prlimit"):
            assert resource.prlimit(child.pid, resource.RLIMIT_NOFILE) == (_FEW, few)
    openfiles.give_back(child.pid)


def test_a_system_that_refuses_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise ValueError("not allowed")

    with monkeypatch.context() as patched:
        patched.setattr(openfiles.resource, "setrlimit", refuse)
        openfiles.allow_many()
    assert openfiles._Before.limits is None
    openfiles.give_back(0)


def test_enough_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openfiles, "_ENOUGH", _FEW)
    openfiles.allow_many()
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == _FEW
