"""What words that other tools have come to here, where one command and its page say too little: the command to type."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from git_hybrid.cli.placing import place_of
from git_hybrid.core.audit_archives import UNDO
from git_hybrid.core.errors import HybridError
from git_hybrid.core.files import LOCK, LOG, MANIFEST, OVERRIDES, STATE
from git_hybrid.git.repository import around
from git_hybrid.git.run import Runner, items
from git_hybrid.store.layout import find_root

UNDOING = frozenset({"restore", "revert", "undo", "unpin"})
_TAKEN_BACK = "what pin or add wrote since the last commit is taken back by"
_WRITTEN = (MANIFEST, LOCK, STATE, OVERRIDES, LOG)
_PLACES = (MANIFEST, "state")
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
            return [place_of(root).command(_SAVED if is_forced else _back(root))]
    return [_SAVED] if is_forced else []


def _back(root: Path) -> str:
    """Return what takes back all that add and pin write: a file that git does not have it leaves as it is."""
    repository = around(Runner(environ=dict(os.environ)), root)
    if repository.top is None:
        return _OUT
    kept = items(repository.run(["git", "ls-files", "-z", "--", *_WRITTEN], cwd=root).stdout)
    if not {MANIFEST, LOCK}.issubset(kept):
        return _OUT
    if {name for name in _WRITTEN if os.path.lexists(root / name)}.issubset(kept):
        return f"{_TAKEN_BACK}: git checkout -- {MANIFEST} state"
    # What is staged may be in no commit yet, and git takes nothing back to one that does not have the files.
    committed = items(repository.run(["git", "ls-tree", "-z", "--name-only", "HEAD", "--", *_PLACES], cwd=root).stdout)
    return f"{_TAKEN_BACK}: {UNDO}" if len(committed) == len(_PLACES) else _OUT


def of_source(known: Sequence[str], arguments: Sequence[str]) -> list[str]:
    """Return the words behind ``git hybrid foreach`` where *arguments* begin with *known* sources; else nothing."""
    names: list[str] = []
    rest = [*arguments]
    while rest and rest[0] in known:
        names.append(rest.pop(0))
    rest = rest[1:] if rest[:1] == ["--"] else rest
    return [*(word for name in names for word in ("-s", name)), "--", *rest] if names and rest else []
