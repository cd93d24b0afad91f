"""Read a plain ``sync`` or ``status`` from the command line; whatever is not plain is for click.

click and what it imports take as long as everything else that a ``status`` does. These two are typed all day and run by
every CI job, so their common options are known here too; a contract test holds that click reads the same out of them.
Nothing is refused here: a word that is not in the tables leaves the whole command line to click.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from git_hybrid.cli.common import Common
from git_hybrid.git import scout

_MOST_JOBS = 256
_COMMON: Mapping[str, str] = {
    "-q": "quiet",
    "--quiet": "quiet",
    "--json": "json",
    "-v": "verbose",
    "--verbose": "verbose",
    "--no-color": "no_color",
    "--progress": "progress",
    "--no-progress": "no_progress",
}
_FLAGS: Mapping[str, Mapping[str, tuple[str, object]]] = {
    "sync": {
        **dict.fromkeys(("-n", "--dry-run"), ("dry_run", True)),
        "--offline": ("offline", True),
        "--prune": ("prune", True),
    },
    "status": {
        "--exit-code": ("exit_code", True),
        **dict.fromkeys(("--porcelain", "--porcelain=v1"), ("porcelain", "v1")),
    },
}
_JOBS, _FOLDER = ("-j", "--jobs"), "-C"


def read(common: Common, argv: Sequence[str], *, alone: bool = False) -> Callable[[], int] | None:
    """Return the command that *argv* asks for, *common* filled with its common options; None where click is needed.

    Where the process is *alone*, there is nothing in it but this command: a scout is sent before the rest is imported.

    Raises:
        BadArgument: a folder is not there.
    """
    found = _parsed(argv)
    if found is None:
        return None
    command, told, settings = found
    for name, value in told:
        common.take(name, value)
    if alone and not settings["names"]:
        common.scout = scout.send(_root(str(common.folder)))
    if command == "status":
        from git_hybrid.cli.showing import show_status

        return partial(show_status, common, **settings)
    from git_hybrid.cli.syncing import sync_clones

    return partial(sync_clones, common, **settings)


class _Line:
    """What a command line says, word for word."""

    def __init__(self) -> None:
        self.command = ""
        self.shared: list[tuple[str, object]] = []
        self.settings: dict[str, Any] = {"names": ()}

    def takes(self, word: str, words: Iterator[str]) -> bool:
        """Take *word*, and its value from *words*; return whether it is in the tables."""
        if word in _COMMON:
            self.shared.append((_COMMON[word], 1 if _COMMON[word] == "verbose" else True))
            return True
        if word == _FOLDER:
            folder = next(words, "-")
            self.shared.append(("folders", (folder,)))
            return not folder.startswith("-")
        if not self.command:
            self.command = word
            return word in _FLAGS
        return self._takes_own(word, words)

    def _takes_own(self, word: str, words: Iterator[str]) -> bool:
        if word in _FLAGS[self.command]:
            key, value = _FLAGS[self.command][word]
            self.settings[key] = value
            return True
        if word in _JOBS:
            self.settings["jobs"] = _jobs(next(words, ""))
            return self.settings["jobs"] is not None
        self.settings["names"] += (word,)
        return word[:1] not in ("", "-")


def _parsed(argv: Sequence[str]) -> tuple[str, list[tuple[str, object]], dict[str, Any]] | None:
    """Return the command, what the common options say, and the command's own settings."""
    line, words = _Line(), iter(argv)
    plain = all(line.takes(word, words) for word in words)
    return (line.command, line.shared, line.settings) if plain and line.command else None


def _root(folder: str) -> str:
    """Return the nearest folder above *folder* that has a manifest, or what cannot be one."""
    while folder != "/" and not os.path.lexists(f"{folder}/sources.toml"):
        folder = os.path.dirname(folder)
    return folder


def _jobs(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= _MOST_JOBS else None
