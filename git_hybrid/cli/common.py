"""What the options say that every command has. Knows nothing of click, which plain commands do without."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from git_hybrid.core.errors import BadArgument
from git_hybrid.core.words import MARK

if TYPE_CHECKING:
    import click

    from git_hybrid.cli.wiring import Session
    from git_hybrid.git.ahead import Ahead
    from git_hybrid.git.run import Runner

When = Literal["always", "auto", "never"]
HERE = "threads"
"""The value of ``--executor`` that keeps the work in this process."""
_DIGITS = 6
"""No terminal is so wide that its width has as many; int() takes 4,300 at most, and a terminal's size fewer."""
DUMB = ("", "dumb")
"""The values of ``TERM`` of a terminal that knows neither colour nor how to move about."""


def _no_keys() -> bool:
    return False


class Common:
    """What the common options say; filled while the command line is read, the command's own options last.

    ``argv`` are the words of the command line; ``root`` is that of the workspace, once it is open; ``lost`` is why
    stdout could not take what the command says, if so; ``is_dry``: the command only showed what it would do;
    ``judges``: it tells what is wrong with the audit log; ``is_asked``: git was asked for ``config``, answered or not.
    """

    def __init__(
        self,
        argv: Sequence[str] = (),
        *,
        folders: Sequence[str] = (),
        quiet: bool = False,
        verbose: int = 0,
        json: bool = False,
        color: When | None = None,
        progress: bool | None = None,
        config: Mapping[str, str] | None = None,
        ahead: Ahead | None = None,
    ) -> None:
        self.argv = tuple(argv)
        self.folders = list(folders)
        self.quiet = quiet
        self.verbose = verbose
        self.json = json
        self.color = color
        self.progress = progress
        self.config = config or {}
        self.is_asked = False
        self.ahead = ahead
        # Whether policy of the workspace names keys of approvers, read when an approval is hinted at; once it is open.
        self.has_keys: Callable[[], bool] = _no_keys
        self.root: Path | None = None
        # The workspace, once it is open: an interrupt asks what its run has decided.
        self.wired: Session | None = None
        self.lost = ""
        self.is_dry = False
        self.judges = False

    def take(self, name: str, value: object) -> None:
        """Take what one option says; an option that says nothing is not there."""
        match name, value:
            case _, None | False | 0 | ():
                return
            case "folders", tuple(folders):
                self.folders.extend(folders)
            case "verbose", int(count):
                self.verbose += count
            case "no_color", _:
                self.color = "never"
            case "no_progress", _:
                self.progress = False
            case _:
                setattr(self, name, value)

    @property
    def folder(self) -> Path:
        """The folder to work in: each ``-C`` is relative to the one before, as in git.

        Raises:
            BadArgument: a ``-C`` names no folder.
            FolderGone: the folder that we stand in is there no more, and no ``-C`` leads to another.
        """
        from git_hybrid.store.layout import current_folder

        folder = Path() if any(part.startswith("/") for part in self.folders) else current_folder()
        for part in self.folders:
            folder = folder / part
            if not folder.is_dir():
                raise BadArgument(what="-C", value=part, reason="no such folder")
        return Path(os.path.realpath(folder))

    def settings_for(self, runner: Runner, folder: Path) -> Mapping[str, str]:
        """Return what git's configuration says in *folder*, as :func:`~git_hybrid.git.settings.read_config` does.

        Raises:
            GitRefused, ToolTooOld: as there; whoever tells that does not ask git once more.
        """
        from git_hybrid.git.settings import read_config

        self.is_asked = True
        return read_config(runner, folder)

    def placed(self, hint: str) -> str:
        """Return *hint*, which is written for the root of the workspace, as it is typed in the current folder."""
        placed: Callable[[str], str] = str
        if self.root is not None and hint:
            # Imported here: most runs have nothing to hint at.
            from git_hybrid.cli.placing import place_of

            placed = place_of(self.root).command
        if MARK in hint:
            from git_hybrid.cli.again import again

            return again(hint, self.argv, placed)
        return placed(hint)

    def placed_note(self, note: str) -> str:
        """Return *note*, a command in which is written for the root too, as it is told in the current folder."""
        if self.root is None or ": git " not in note:
            return note
        from git_hybrid.cli.placing import place_of

        return place_of(self.root).command(note)

    @property
    def columns(self) -> int:
        """How wide the terminal is."""
        return max(_terminal().columns, 40)

    @property
    def limit(self) -> int | None:
        """How wide a line of stdout may be; None where that is no terminal, and ``COLUMNS`` does not say."""
        return self.columns if sys.stdout.isatty() or _given("COLUMNS") else None

    @property
    def lines(self) -> int:
        """How high the terminal is."""
        return max(_terminal().lines, 5)


def _terminal() -> os.terminal_size:
    """Return the size of the terminal as :func:`shutil.get_terminal_size` does, which takes the archivers along."""
    given = [_given(name) for name in ("COLUMNS", "LINES")]
    try:
        found = os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else 1)
    except (OSError, ValueError):
        found = os.terminal_size((80, 24))
    return os.terminal_size(given[at] or found[at] or default for at, default in enumerate((80, 24)))


def _given(name: str) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < _DIGITS else 0


_RUNS_OTHERS = "foreach"
_SHORT, _LONG = "Cgjs", ("--color", "--group", "--jobs", "--source")
"""The options of that command, and those of all, whose value is the next word."""


def own_words(argv: Sequence[str]) -> Sequence[str]:
    """Return what of *argv* is for us: behind ``--``, and in what ``foreach`` runs, come the words of another command.

    Without ``--`` that begins with the first word that is neither an option nor the value of one.
    """
    words = argv[: argv.index("--")] if "--" in argv else argv
    name = _first_word(words, 0)
    is_foreach = name < len(words) and words[name] == _RUNS_OTHERS
    return words[: _first_word(words, name + 1)] if is_foreach else words


def _first_word(words: Sequence[str], at: int) -> int:
    """Return where the first of *words*, from *at* on, stands that is no option and no value of one."""
    while at < len(words) and words[at].startswith("-") and words[at] != "-":
        word = words[at]
        short = next((place for place, char in enumerate(word) if char in _SHORT), 0)
        has_next = word in _LONG if word.startswith("--") else 0 < short == len(word) - 1
        at += 2 if has_next else 1
    return at


def common_of(context: click.Context) -> Common:
    """Return what the common options of this invocation say."""
    found = context.find_root().obj
    assert isinstance(found, Common)
    return found


def wants_color(common: Common, *, tty: bool) -> bool:
    """Tell whether to colour: ``--color`` > ``NO_COLOR`` > ``color.hybrid`` > ``color.ui``."""
    config = common.config
    tty = tty and os.environ.get("TERM", "") not in DUMB
    if common.color is not None:
        return common.color == "always" or (common.color == "auto" and tty)
    if os.environ.get("NO_COLOR"):
        return False
    # Imported here: --help needs nothing of it.
    from git_hybrid.core.values import is_false

    text = str(config.get("color.hybrid", config.get("color.ui", "auto")))
    if text.lower() == "always":
        return True
    return tty and text.lower() != "never" and not is_false(text)


def is_paged() -> bool:
    """Tell whether stdout leads to a pager that git started."""
    return os.environ.get("GIT_PAGER_IN_USE") == "true"


def is_colored_pager(config: Mapping[str, str]) -> bool:
    """Tell whether stdout leads to a pager that git started, and is coloured as on a terminal: ``color.pager``."""
    # Imported here, as above.
    from git_hybrid.core.values import is_false

    return is_paged() and not is_false(config.get("color.pager", "true"))


def shows_progress(common: Common) -> bool:
    """Tell whether progress is drawn: on a terminal, or where it was asked for."""
    if common.quiet or common.json:
        return common.progress is True and not common.quiet
    return common.progress if common.progress is not None else sys.stderr.isatty()
