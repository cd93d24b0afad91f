"""What too little of something is told as."""

from __future__ import annotations

import errno
import os
import sys

import pytest

from git_hybrid.cli import boundary, main, streams
from git_hybrid.cli.remedies_scarce import scarcity
from git_hybrid.cli.telling import tell
from git_hybrid.core.errors import IndexLocked, LocalIo
from git_hybrid.core.ids import SourceName
from git_hybrid.core.machine import HELD

_SHORT = [
    MemoryError(),
    RuntimeError("can't start new thread"),
    ImportError("x.so: failed to map segment from shared object"),
    ValueError(f"mmap: {os.strerror(errno.ENOMEM)}"),
]


@pytest.mark.parametrize("error", _SHORT, ids=repr)
def test_too_little_memory(error: Exception) -> None:
    found = scarcity(error)
    assert found is not None
    told = tell(found)
    assert told.exit == 74
    assert any("-j 1" in hint for hint in told.hints)
    assert "disk" not in "".join(told.cause)


@pytest.mark.parametrize(
    ("reason", "hint"),
    [
        (HELD, "where no git is at work any more: rm '/m/a b.lock'"),
        (os.strerror(errno.EAGAIN), "export GIT_HYBRID_JOBS=1"),
        (os.strerror(errno.EFBIG), "to allow more: ulimit -f unlimited"),
        ("git index-pack was ended, as by the limit on the size of a file (ulimit -f)", "ulimit -f unlimited"),
    ],
)
def test_what_is_no_matter_of_the_disk_has_a_mend_of_its_own(reason: str, hint: str) -> None:
    told = tell(LocalIo(path="/m/a b.lock", operation="write", reason=reason))
    assert told.hints[-1].endswith(hint)
    assert "disk" not in "".join(told.cause)


@pytest.mark.parametrize("stray", [False, True])
def test_a_lock_that_nobody_holds_any_more_can_be_removed(stray: bool) -> None:
    error = IndexLocked(name=SourceName("tool"), path="sources/tool", lock="refs/hybrid/pin.lock")
    told = tell(error.about_a_stray() if stray else error)
    assert told.hints[-1].endswith(": rm sources/tool/.git/refs/hybrid/pin.lock")


@pytest.mark.parametrize("behind", [False, True])
def test_where_not_even_that_can_be_loaded_it_is_told_too(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], behind: bool
) -> None:
    def run(*_arguments: object) -> int:
        error = ImportError("cannot load what tells it") if behind else MemoryError()
        error.__context__ = MemoryError() if behind else None
        raise error

    monkeypatch.setattr(boundary, "run", run)
    monkeypatch.setattr(streams, "end", lambda code: code)
    monkeypatch.setattr(streams, "make_sure_of_streams", lambda: None)
    monkeypatch.setattr(sys, "argv", ["git-hybrid", "help"])
    assert main.main_sync() == 74
    told = tell(LocalIo(path="more memory", operation="get", reason=os.strerror(errno.ENOMEM)))
    assert capfd.readouterr().err.splitlines() == [f"error: {told.title}", *(f"hint: {hint}" for hint in told.hints)]


@pytest.mark.parametrize("error", [ValueError("x"), RuntimeError("x"), ImportError("no module")], ids=repr)
def test_a_bug_stays_one(error: Exception) -> None:
    assert scarcity(error) is None


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_too_few_files(number: int) -> None:
    told = tell(LocalIo(path="x", operation="read", reason=os.strerror(number)))
    assert told.hints[0].endswith("ulimit -n 8192")


def test_a_full_disk_is_told_as_before() -> None:
    told = tell(LocalIo(path="x", operation="read", reason=os.strerror(errno.ENOSPC)))
    assert told.hints == ("git hybrid diag",)
