"""What may stand next on the command line: asked by the completion scripts, as ``git-hybrid __complete WORD… LAST``.

One line a proposal: its kind (plain, file, dir), the word, and help; separated by tabs.
"""

from __future__ import annotations

from collections.abc import Sequence

import click
from click.shell_completion import ShellComplete

from git_hybrid.cli.common import Common
from git_hybrid.view.term import safe


def proposals(group: click.Group, argv: Sequence[str]) -> list[str]:
    """Return what may stand where the last word of *argv* is, which may be empty or begun."""
    words, last = list(argv[:-1]), argv[-1] if argv else ""
    asked = ShellComplete(group, {"obj": Common()}, "git hybrid", "")
    found = asked.get_completions(words, last)
    lines = []
    for item in found:
        help_text = " ".join((item.help or "").split())
        lines.append(f"{item.type}\t{safe(str(item.value))}\t{safe(help_text)}")
    return lines
