"""A git that asks by ssh is not kept waiting for nothing, and one that gets little or computes is left alone."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from git_hybrid.core.errors import LATE, NetworkFailure
from git_hybrid.git import silence
from git_hybrid.git.limits import Limits
from git_hybrid.git.silence import Hearing

LIMITS = Limits(stall=timedelta(seconds=3), deadline=timedelta(minutes=1), url="ssh://h/x")


class Git:
    """A clock, and what a git has read by then."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.life, self.told = 0.0, (1, 1), list[str]()
        monkeypatch.setattr(silence.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(silence, "_life", lambda _pid: self.life)
        self.hearing = Hearing(1, LIMITS, lambda name, text: self.told.append(f"{name}: {text}"))

    def waits(self, seconds: int, step: float = 1.0) -> None:
        for _ in range(seconds):
            self.now += step
            self.hearing.check()


@pytest.fixture
def git(monkeypatch: pytest.MonkeyPatch) -> Git:
    return Git(monkeypatch)


def test_silence_is_told_once_and_ends_at_ten_times_that(git: Git) -> None:
    git.waits(3)
    assert git.told == []
    git.waits(27)
    assert git.told == ["ssh://h/x: nothing has come for 3 s; given up after 30 s"]
    with pytest.raises(NetworkFailure) as caught:
        git.waits(2)
    assert (caught.value.message, caught.value.kind in LATE) == ("nothing came for 30 s", True)


def test_a_sign_of_life_now_and_then_is_enough(git: Git) -> None:
    for read in range(6):
        git.life = (read, 1)
        git.waits(25)
    assert len(git.told) == 1


def test_a_program_that_was_stopped_meanwhile_heard_nothing_of_what_came(git: Git) -> None:
    git.waits(4, step=600.0)
    git.life = ()
    git.waits(99)
    assert len(git.told) == 1


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(silence, "Path", lambda path: tmp_path / str(path).lstrip("/"))
    return tmp_path / "proc"


def write(proc: Path, pid: int, name: str, *, state: str = "S", read: int = 5) -> None:
    (proc / str(pid)).mkdir(parents=True)
    (proc / f"{pid}/stat").write_text(f"{pid} ({name}) {state} {' '.join(map(str, range(4, 30)))}\n")
    (proc / f"{pid}/io").write_text(f"rchar: {read}\nwchar: 9\n")
    (proc / f"{pid}/task/{pid}").mkdir(parents=True)
    (proc / f"{pid}/task/{pid}/children").touch()


@pytest.mark.parametrize(
    ("name", "state", "life"),
    [
        ("ssh", "S", (5, 29)),
        ("git", "S", (5, 29, 7, 29)),
        ("git", "D", ()),
        ("git-remote-http", "S", ()),
        ("a) b (c", "S", (5, 29)),
    ],
)
def test_what_git_reads_and_computes_is_its_life(
    proc: Path, monkeypatch: pytest.MonkeyPatch, name: str, state: str, life: tuple[int, ...]
) -> None:
    monkeypatch.setattr(silence, "started_by", lambda _pid: iter((2, 3)))
    write(proc, 1, "git")
    write(proc, 2, name, state=state, read=7)
    assert silence._life(1) == life


def test_nothing_is_known_where_the_kernel_does_not_tell_who_was_started(proc: Path) -> None:
    write(proc, 1, "git")
    (proc / "1/task/1/children").unlink()
    assert silence._life(1) == ()


@pytest.mark.skipif(not os.path.exists("/proc/self/io"), reason="needs Linux")
def test_a_process_that_is_no_git_has_none() -> None:
    assert silence._life(os.getpid()) == ()
