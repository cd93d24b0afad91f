"""What git's words about a file that it could not write are told as."""

from __future__ import annotations

import pytest

from git_hybrid.core.errors import LocalIo
from git_hybrid.core.ids import SourceName
from git_hybrid.git.local import failure
from git_hybrid.git.run import Completed

FULL = "No space left on device"


@pytest.mark.parametrize(
    ("said", "path"),
    [
        (f"error: unable to create file src/a: {FULL}", "sources/tool/src/a"),
        (f"fatal: Unable to create '/x y/index.lock': {FULL}", "/x y/index.lock"),
        (f'error: open("it\'s"): {FULL}', "sources/tool/it's"),
        (f"warning: unable to access '/x/it's': {FULL}", "/x/it's"),
        (f"fatal: cannot update the ref 'HEAD': unable to append to '/x/logs/HEAD': {FULL}", "/x/logs/HEAD"),
        (f"fatal: write error: {FULL}", "sources/tool"),
    ],
)
def test_the_file_that_the_disk_refused_is_named(said: str, path: str) -> None:
    error = failure(SourceName("tool"), "checkout", Completed(status=128, stdout=b"", stderr=f"hint: x\n{said}\n"))
    assert isinstance(error, LocalIo)
    assert (error.path, error.operation, error.reason) == (path, "run git checkout at", FULL)


def test_a_lock_that_another_git_holds_is_named() -> None:
    said = "fatal: update_ref failed for ref 'x': cannot lock ref 'x': Unable to create '/m/x.lock': File exists.\n"
    error = failure(SourceName("tool"), "update-ref", Completed(status=128, stdout=b"", stderr=said))
    assert isinstance(error, LocalIo)
    assert (error.path, error.reason) == ("/m/x.lock", "another git process holds it")
