"""Read a plain ``sync`` or ``status`` from the command line; whatever is not plain is for click.

click and what it imports take as long as everything else that a ``status`` does. These two are typed all day and run by
every CI job, so their common options are known here too; a contract test holds that click reads the same out of them.
Nothing is refused here: a word that is not in the tables leaves the whole command line to click.

Imports next to nothing: a scout is sent before the rest of the program is imported.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from git_hybrid.cli.jobs import read_jobs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from git_hybrid.cli.common import Common
    from git_hybrid.git.ahead import Ahead

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
_JOBS, _JOBS_AND_VALUE, _FOLDER = ("-j", "--jobs"), ("-j", "--jobs="), "-C"


class Line:
    """What a command line says, word for word."""

    def __init__(self) -> None:
        self.command = ""
        self.shared: list[tuple[str, Any]] = []
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
        if word in _JOBS or word.startswith(_JOBS_AND_VALUE):
            value = word.removeprefix("--jobs=").removeprefix("-j")
            self.settings["jobs"] = read_jobs(next(words, "") if word in _JOBS else value)
            return self.settings["jobs"] is not None
        self.settings["names"] += (word,)
        # A path is made the name of a source where click is.
        return word[:1] not in ("", "-") and "/" not in word and word not in (".", "..")

    @property
    def folder(self) -> str:
        """The folder to work in: each ``-C`` is relative to the one before; it need not be there."""
        parts = [str(folder) for name, value in self.shared if name == "folders" for folder in value]
        return os.path.realpath(os.path.join("", *parts))

    def run(self, common: Common) -> int:
        """Run the command, *common* filled with what the common options say, and return its exit status."""
        for name, value in self.shared:
            common.take(name, value)
        if self.command == "status":
            from git_hybrid.cli.showing import show_status

            return show_status(common, **self.settings)
        from git_hybrid.cli.syncing import sync_clones

        return sync_clones(common, **self.settings)


def read(argv: Sequence[str]) -> Line | None:
    """Return what *argv* says where that is a plain command; None where click is needed."""
    line, words = Line(), iter(argv)
    plain = all(line.takes(word, words) for word in words)
    return line if plain and line.command else None


def go_ahead(line: Line) -> Ahead | None:
    """Set going what *line* will need: a scout where all clones are looked at, and what git is asked."""
    from git_hybrid.git.scout import send, workspace_root

    try:
        root = workspace_root(line.folder)
    except OSError:
        # The folder that we stand in is gone: told by whoever needs it.
        return None
    if root is None:
        return None
    scout = None if line.settings["names"] else send(root)
    from git_hybrid.git.ahead import Ahead, ask_for_command

    ahead = Ahead(scout)
    ask_for_command(ahead, root)
    return ahead
