"""What is told of a workspace, as it is typed in the folder where somebody reads it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from re import Match

from git_hybrid.core.checks import Violation
from git_hybrid.core.errors import NoWorkspace
from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import Struct, replace
from git_hybrid.core.words import typed
from git_hybrid.store.layout import find_root

PLACED = (
    *("add", "bundle create - --all", "check-ignore", "checkout", "clean", "commit", "config", "diff"),
    *("fetch --unshallow", "init", "log", "ls-files", "merge", "mv", "rev-parse --absolute-git-dir", "rm", "show"),
    *("sparse-checkout", "stash", "tag", "worktree"),
)
"""The commands of git that are of the workspace's own repository, wherever they are typed."""
_WORDS = r"""(?:'[^']*'|"'"|"\$\(printf (?:'[^']*'|"'"|[^'")])*\)"|\$\([^()]*\)|,(?!\s)|[^;,()&|>'])*"""
"""What goes on with a command: in quotes anything may stand, as in the name of a folder; a comma may be of a name."""
_PARTS = pattern(
    rf"""\bgit -C (?='?/|"\$\(printf '/){_WORDS}|\bgit hybrid -C {_WORDS}"""
    r"|\bgit (?P<hybrid>hybrid (?!-C )(?=[a-z]))"
    rf"|\bgit (?P<plain>(?!config --global)(?:{'|'.join(PLACED)})(?![\w-]){_WORDS})"
    r"|(?<![^\s'(])(?P<path>sources\.toml|\.gitattributes|(?:sources|state)/[^\s;,:()']*|(?<=ls -l )(?:sources|state)$)"
)
"""A command that says where, of ours, or of git about files of the workspace, and any other path of the workspace."""

_OTHER_SIDE = "on the other side"
"""How a hint begins that is typed where a bundle comes from, in a folder that nobody knows here."""


class Place(Struct, frozen=True):
    """Where a workspace is from the current folder; ``is_found``: whether a command that is typed there finds it."""

    below: str = "."
    is_found: bool = True

    def command(self, text: str) -> str:
        """Return *text* with the commands and paths in it as they are typed; those in it are of the root."""
        is_there = self.below == "." or text.startswith(_OTHER_SIDE)
        return text if is_there else _PARTS.sub(self._part, text)

    def path(self, path: str) -> str:
        """Return the *path* of a file as it is typed."""
        return os.path.normpath(f"{self.below}/{path}")

    def violation(self, item: Violation) -> Violation:
        """Return *item* with its paths and commands as they are typed."""
        return replace(item, file=self.path(item.file), mend=self.command(item.mend))

    def _part(self, found: Match[str]) -> str:
        if found["hybrid"]:
            return found[0] if self.is_found else f"git hybrid -C {typed(self.below)} "
        if found["plain"]:
            git = f"git -C {typed(self.below)} "
            return git + found["plain"].replace("$(git ", f"$({git}")
        if not found["path"]:
            return found[0]
        path = f"{self.below}/{found['path']}"
        # Within quotes the path may have begun before, and goes on behind what was found.
        if found.string[found.start() - 1 : found.start()] != "'":
            return typed(path)
        is_plain = self.below.isprintable() and "'" not in self.below
        return path if is_plain else f"'{typed(self.below)}'/{found['path']}"


def place_of(root: Path) -> Place:
    """Return where the workspace at *root* is from the current folder."""
    try:
        here = Path.cwd()
    except FileNotFoundError:
        # The current folder is gone: nothing can be typed in it.
        return Place()
    is_found = False
    with suppress(NoWorkspace):
        is_found = find_root(here).root == root
    return Place(min(os.path.relpath(root, here), str(root), key=len), is_found)
