"""What words that other tools have come to here, where one command and its page say too little: the command to type."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from git_hybrid.cli.placing import place_of
from git_hybrid.core.errors import HybridError
from git_hybrid.core.files import LOCK, MANIFEST
from git_hybrid.git.repository import around
from git_hybrid.git.run import Runner, items
from git_hybrid.store.layout import find_root

UNDOING = frozenset({"restore", "revert", "undo", "unpin"})
_BACK = f"what pin or add wrote since the last commit is taken back by: git checkout -- {MANIFEST} state"
_OUT = "what add brought is taken out by: git hybrid remove NAME"
_FORCED = ("sync", "--force")
_SAVED = "what was changed in a clone is saved, and the pin taken, by: git hybrid reset NAME"


def hints_instead(command: Sequence[str], word: str, folder: Path) -> list[str]:
    """Return what is typed in place of *word*, an option of *command* that it does not have, or a command of no name.

    *folder* is where the command was to work; outside of a workspace there is nothing to take back.
    """
    is_forced = (*command, word) == _FORCED
    if is_forced or (not command and word in UNDOING):
        with suppress(HybridError):
            root = find_root(folder).root
            hint = _SAVED if is_forced else _BACK if _is_committed(root) else _OUT
            return [place_of(root).command(hint)]
    return [_SAVED] if is_forced else []


def _is_committed(root: Path) -> bool:
    """Tell whether git can bring back all that add and pin write: a file that it does not have it leaves as it is."""
    repository, names = around(Runner(environ=dict(os.environ)), root), (MANIFEST, LOCK)
    if repository.top is None:
        return False
    return len(items(repository.run(["git", "ls-files", "-z", "--", *names], cwd=root).stdout)) == len(names)


def of_source(known: Sequence[str], arguments: Sequence[str]) -> list[str]:
    """Return the words behind ``git hybrid foreach`` where *arguments* begin with *known* sources; else nothing."""
    names: list[str] = []
    rest = [*arguments]
    while rest and rest[0] in known:
        names.append(rest.pop(0))
    rest = rest[1:] if rest[:1] == ["--"] else rest
    return [*(word for name in names for word in ("-s", name)), "--", *rest] if names and rest else []
