"""What ``git config`` lists of a file that somebody else wrote, up to a bound.

git writes the name of a section before each of its keys: of a file of 100 KB, most of it one name, that is a gigabyte.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from git_hybrid.core.errors import HostileTree
from git_hybrid.core.ids import Oid
from git_hybrid.core.ports import Stage
from git_hybrid.core.words import sized
from git_hybrid.git.ended import refuse_ended
from git_hybrid.git.run import Completed, Runner
from git_hybrid.git.watched import Into

_MOST = 4 << 20
TOO_MANY = f"git lists more than {sized(_MOST)} of settings in it"


class TooManySettings(Exception):
    """git was stopped: it listed more than is read."""


def listed(run: Callable[[Into], Completed]) -> Completed:
    """Return what *run* gives of a ``git config --null --list`` that writes into what *run* is given.

    Raises:
        GitFailed, LocalIo: git did not come to its own end.
        TooManySettings: it is more than :data:`_MOST` bytes.
    """
    out, err = bytearray(), bytearray()

    def take(data: bytes) -> None:
        out.extend(data)
        if len(out) > _MOST:
            raise TooManySettings

    done, told = run(Into(out=take, err=err.extend, check=lambda: None)), err.decode("utf-8", "replace")
    refuse_ended(["git", "config"], told, done.status)
    return Completed(done.status, bytes(out), told)


def pairs(listing: bytes, errors: str = "surrogateescape") -> list[tuple[str, str]]:
    """Return the keys and values of a *listing*, in its order."""
    items = (item.partition("\n") for item in listing.decode("utf-8", errors).split("\0"))
    return [(key, value) for key, _, value in items if key]


def settings_in(runner: Runner, stage: Stage, oid: Oid, file: str) -> list[tuple[str, str]]:
    """Return the settings in *file* of the tree of *oid*, none where git cannot read it.

    Raises:
        HostileTree: they are more than any such file has.
    """
    arguments, git_dir = ["config", f"--blob={oid}:{file}", "--null", "--list"], Path(stage.git_dir)
    try:
        done = listed(lambda into: runner.git(arguments, git_dir=git_dir, watch=into))
    except TooManySettings:
        raise HostileTree(name=stage.name, commit=oid, findings=(f"{file}: {TOO_MANY}",)) from None
    return pairs(done.stdout) if done.status == 0 else []
