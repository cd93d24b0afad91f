"""What is told of a workspace in a folder of the repository, as it is typed where a hook runs."""

from __future__ import annotations

import os
from shlex import join, quote, split

from git_hybrid.core.checks import Violation
from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import replace

_PATHS = pattern(r"(git (?:add|checkout|rm)\b[^,;:]* -- )([^,;:]+)([,;].*)?")
"""A command that ends in paths, and what may be told behind it."""
_COMMAND = pattern(r"\bgit( hybrid)? (?!-C )([a-z][a-z-]*)\b")


def violation_below(below: str, item: Violation) -> Violation:
    """Return *item* with paths and commands as they are typed where the workspace is the folder *below*."""
    return replace(item, file=path_below(below, item.file), mend=placed(item.mend, below))


def path_below(below: str, path: str) -> str:
    """Return the *path* of a file as it is typed where the workspace is the folder *below*."""
    return os.path.normpath(f"{below}/{path}")


def placed(mend: str, below: str) -> str:
    """Return the commands in *mend* as they are typed where the workspace is the folder *below*."""
    if below == ".":
        return mend
    command, paths, rest = "", "", mend
    if match := _PATHS.fullmatch(mend):
        command, paths, rest = match[1], join(path_below(below, path) for path in split(match[2])), match[3] or ""
    return command + paths + _COMMAND.sub(lambda found: f"git{found[1] or ''} -C {quote(below)} {found[2]}", rest)
