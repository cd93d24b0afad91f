"""Keep what a look at a clone has seen, so that the next one need only see that nothing was touched."""

from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path

from git_hybrid.core.errors import GitFailed, LocalIo
from git_hybrid.core.lock import Pin
from git_hybrid.git import packs, seen
from git_hybrid.git.glance import look
from git_hybrid.git.quarantine import ATTRIBUTES
from git_hybrid.git.recorded import Doubt, Stale
from git_hybrid.git.run import Runner
from git_hybrid.git.stale import leftovers
from git_hybrid.git.stamps import Stamps


def remember(runner: Runner, path: str, pin: Pin, proved: Stamps | None, *, new: bool) -> None:
    """Keep, as hints for the next look, which packs the clone at *path* has, and what its files look like.

    Where it was switched to the pin these are *proved*; a *new* one is not looked at.
    """
    with suppress(Doubt, OSError, ValueError, IndexError, struct.error):
        fresh = proved is None and packs.mark(f"{path}/.git")
        if proved is not None and proved.commit == pin.commit:
            seen.write_base(path, proved, str(pin.url))
        elif not new and fresh:
            refresh(runner, path)
        elif not new:
            settle(runner, path, pin)


def settle(runner: Runner, path: str, pin: Pin) -> None:
    """Look at the clone at *path*, which was found clean at *pin* a moment ago, and keep what is seen.

    Raises:
        Doubt, OSError, ValueError, IndexError, struct.error: a glance is not enough; nothing is kept.
    """
    base, taken = seen.prepare(path), seen.Collector()
    if leftovers(Path(path, ".git")):
        raise Doubt
    try:
        look(path, pin.commit, pin.tree, taken, url=str(pin.url))
    except Stale:
        refresh(runner, path)
        raise
    seen.keep(path, base, taken.stamps(pin.commit, pin.tree), str(pin.url))


def refresh(runner: Runner, path: str) -> None:
    """Let git take the inodes and times of the files in the clone at *path*, which is clean.

    In a copy it has those of what was copied, and whoever looks reads every file again until then. The index is new
    afterwards, and believed the next time. Nothing is done where attributes are not those of this tool: git would run
    what they name.

    Raises:
        OSError: the clone cannot be read.
    """
    attributes = Path(path, ".git/info/attributes")
    if attributes.is_file() and attributes.read_bytes() == ATTRIBUTES.encode():
        # A hint: whoever ended git has cost no more than time.
        with suppress(GitFailed, LocalIo):
            runner.git(["update-index", "-q", "--refresh"], git_dir=Path(path, ".git"), work_tree=Path(path))
