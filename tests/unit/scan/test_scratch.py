from __future__ import annotations

import fcntl
import tempfile
from pathlib import Path

import pytest

from git_hybrid import temporary
from git_hybrid.core.errors import BadArgument, LocalIo
from git_hybrid.scan.scratch import remove_dead, scratch


def test_a_folder_that_others_remove_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    flock, waited = fcntl.flock, [3]

    def late(descriptor: int, operation: int) -> None:
        if operation == fcntl.LOCK_EX and waited[0]:
            waited[0] -= 1
            remove_dead()
            assert list(tmp_path.iterdir()) == []
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with scratch() as place:
        assert place.tree.is_dir()
        remove_dead()
        assert place.tree.is_dir()
    assert waited == [0]
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Return the only two folders for temporary files: the first is in a git repository."""
    first, other = tmp_path / "repository/tmp", tmp_path / "other"
    (tmp_path / "repository/.git").mkdir(parents=True)
    for folder in (first, other):
        folder.mkdir()
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, str(first))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(temporary, "_USUAL", (str(tmp_path / "none"), str(other)))
    return first, other


def test_it_stands_in_no_git_repository(folders: tuple[Path, Path]) -> None:
    first, other = folders
    for folder in folders:
        (folder / "hybrid-scan-dead").mkdir()
        (folder / "hybrid-scan-dead/.alive").touch()
    with scratch() as place:
        assert place.root.parent == other
        remove_dead()
        assert [*first.iterdir(), *other.iterdir()] == [place.root]
    (other / ".git").touch()
    with pytest.raises(BadArgument) as caught, scratch():
        pass
    assert (caught.value.what, caught.value.value) == ("TMPDIR", str(first))
    assert f"in the git repository {first.parent}," in caught.value.reason


def test_the_current_folder_is_not_taken_where_it_is_not_meant_for_it(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, other = folders
    monkeypatch.chdir(other)
    monkeypatch.setattr(tempfile, "tempdir", str(other))
    with scratch() as place:
        assert place.root.parent == other
    monkeypatch.setattr(temporary, "_USUAL", ())
    with pytest.raises(LocalIo) as caught, scratch():
        pass
    assert (caught.value.path, caught.value.reason) == ("TMPDIR", "no folder for temporary files can be written to")


def test_what_fails_in_it_is_no_fault_of_the_folder() -> None:
    with pytest.raises(OSError, match="Too many"), scratch():
        raise OSError(24, "Too many open files", "config")
