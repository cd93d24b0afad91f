from __future__ import annotations

import fcntl
import tempfile
from pathlib import Path

import pytest

from git_hybrid.scan import scratch as module
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

    monkeypatch.setattr(module.fcntl, "flock", late)
    with scratch() as place:
        assert place.tree.is_dir()
        remove_dead()
        assert place.tree.is_dir()
    assert waited == [0]
    assert list(tmp_path.iterdir()) == []
