"""Whose workspace this is, where it is in no repository: there git asks nobody, and its scanners would run as us."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from git_hybrid.core.errors import ForeignWorkspace
from git_hybrid.core.files import MANIFEST
from git_hybrid.git.environment import asking_environment
from git_hybrid.git.place import top_of
from git_hybrid.git.run import Runner, items

_ROOT, _SETTING = 0, "safe.directory"
_PROTECTED = ("system", "global", "command")
"""Where git takes that setting from: no repository says of itself that it is to be trusted."""


def require_trusted(runner: Runner, root: Path) -> None:
    """Refuse the workspace at *root* that another user made, unless the user trusts it.

    Who may be another one is judged as git does (``ensure_valid_ownership`` in its setup.c), which sees to repositories
    itself; only what is root's counts as everybody's. git is asked for the settings where the owner is another.

    Raises:
        ForeignWorkspace: the folder, or its manifest, belongs to another user.
    """
    place, owner = _of_another(root, runner.environ)
    if owner is None or top_of(str(root), {}) is not None or _is_trusted(runner, root):
        return
    # Imported here: nearly every workspace is its user's own.
    from git_hybrid.git.repository import trusting

    raise ForeignWorkspace(path=place, owner=owner, mend=trusting(runner.environ, str(root)))


def _of_another(root: Path, environ: Mapping[str, str]) -> tuple[str, int | None]:
    """Return which of *root* and its manifest belongs to another user, and to which; None if neither does.

    In a folder that a group shares the manifest is that of whoever edited it last: whose the folder is has let them in.
    """
    user = os.geteuid()
    own = {_ROOT, user, _behind_sudo(environ) if user == _ROOT else user}
    path = str(root)
    try:
        folder = os.lstat(path)
        if folder.st_uid not in own:
            return path, folder.st_uid
        if folder.st_mode & (stat.S_IWOTH | stat.S_ISVTX):
            path = f"{path}/{MANIFEST}"
            owner = os.lstat(path).st_uid
            return path, None if owner in own else owner
    except OSError:
        # Whoever reads it tells why that fails.
        pass
    return path, None


def _behind_sudo(environ: Mapping[str, str]) -> int:
    told = environ.get("SUDO_UID", "")
    return int(told) if told.isascii() and told.isdigit() and len(told) <= len(str(1 << 32)) else _ROOT


def _is_trusted(runner: Runner, root: Path) -> bool:
    argv = ["git", "config", "--null", "--show-scope", "--get-all", _SETTING]
    told = items(runner.run(argv, env=asking_environment(runner.environ), cwd=root, reads=True).stdout)
    return names(str(root), (value for scope, value in zip(told[::2], told[1::2], strict=False) if scope in _PROTECTED))


def names(root: str, values: Iterable[str]) -> bool:
    """Tell whether the *values* of that setting (git-config(1)), in their order, name the folder *root*."""
    is_named = False
    for value in values:
        path = os.path.expanduser(value)
        if not value:
            is_named = False
        elif value == "*":
            is_named = True
        elif os.path.isabs(path):
            real = os.path.realpath(path)
            is_named = is_named or root == real or (real.endswith("/*") and root.startswith(real[:-1]))
    return is_named
