"""A folder becomes a workspace once, however many runs come to it at a time, and none takes it from another."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from git_hybrid.core.errors import LockBusy
from git_hybrid.core.files import MANIFEST
from git_hybrid.store import begun as begins
from git_hybrid.store.begun import begun
from git_hybrid.store.scaffold import AWAITED, Scaffold, create


def begin(root: Path):
    return begun(root, is_there=(root / MANIFEST).exists, make=partial(create, root, AWAITED))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(begins, "_PATIENCE", 0.05)


def test_what_was_made_goes_again_unless_it_is_kept(tmp_path: Path) -> None:
    with begin(tmp_path):
        assert (tmp_path / MANIFEST).exists()
    assert list(tmp_path.iterdir()) == []
    with begin(tmp_path) as keep:
        keep()
    with begin(tmp_path):
        pass
    assert (tmp_path / MANIFEST).exists(), "who finds it takes nothing back"


def test_it_stays_where_another_run_has_come_to_it(tmp_path: Path) -> None:
    with begin(tmp_path) as keep:
        with pytest.raises(ZeroDivisionError), begin(tmp_path):
            raise ZeroDivisionError
        assert (tmp_path / MANIFEST).exists()
        keep()
    (tmp_path / "new").mkdir()
    made, found = begin(tmp_path / "new"), begin(tmp_path / "new")
    made.__enter__()
    keep = found.__enter__()
    made.__exit__(None, None, None)
    assert (tmp_path / "new" / MANIFEST).exists()
    keep()
    found.__exit__(None, None, None)
    assert (tmp_path / "new" / MANIFEST).exists()


def test_who_comes_while_it_is_made_waits(tmp_path: Path) -> None:
    def make() -> Scaffold:
        with pytest.raises(LockBusy) as caught, begin(tmp_path):
            pytest.fail("made at the same time")
        assert caught.value.path == str(tmp_path)
        return create(tmp_path, AWAITED)

    with begun(tmp_path, is_there=(tmp_path / MANIFEST).exists, make=make) as keep:
        keep()
    assert (tmp_path / MANIFEST).read_text() == AWAITED


def test_where_folders_cannot_be_locked_it_is_made_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(9, "Bad file descriptor")

    with monkeypatch.context() as patched:
        patched.setattr(begins.fcntl, "flock", refuse)
        with begin(tmp_path):
            assert (tmp_path / MANIFEST).exists()
    assert list(tmp_path.iterdir()) == []
    with monkeypatch.context() as patched:
        patched.setattr(begins.os, "open", refuse)
        assert begins._opened(tmp_path) is None
    assert begins._locks(None, 0)
