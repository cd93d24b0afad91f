"""A workspace whose files git has and did not check out: what a sparse checkout leaves out is not what never was."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from git_hybrid.core.errors import NotCheckedOut, NoWorkspace
from git_hybrid.core.files import FILES, LOG
from git_hybrid.core.words import as_typed, typed
from git_hybrid.git.repository import Repository, around
from git_hybrid.git.run import Runner, items

_MANIFEST, _STATE = FILES[0], "state"
_SHOWN = 10
_LEFT_OUT = "S "
"""How ``git ls-files -t`` marks what has the skip-worktree bit."""


def refuse_left_out(repository: Repository, root: Path) -> None:
    """Refuse a workspace at *root*, in *repository*, whose manifest or state git has left out of the working tree.

    Raises:
        NotCheckedOut: with the files, and the command that checks them out.
    """
    if found := _left_out(repository, root, *FILES, LOG):
        raise NotCheckedOut(path=str(root), files=tuple(found), mend=_mend(repository, root, found))


def refuse_left_out_above(runner: Runner, start: Path) -> None:
    """Do the same for the nearest workspace that *start* may be in, of which no ``sources.toml`` is there.

    Raises:
        NotCheckedOut: as :func:`refuse_left_out`.
    """
    repository = around(runner, start)
    if repository.top is None:
        return
    folders = [folder for folder in (start, *start.parents) if folder.is_relative_to(repository.top)]
    names = {os.path.relpath(folder / _MANIFEST, start): folder for folder in folders}
    found = _left_out(repository, start, *names)
    for name, folder in names.items():
        if name in found:
            refuse_left_out(repository, folder)


def tell_below(runner: Runner, start: Path, error: NoWorkspace) -> None:
    """Name in *error* the workspaces below *start* that git has, and the disk too: hooks look at these from there."""
    repository = around(runner, start)
    if repository.top is None:
        return
    listed = repository.run(["git", "ls-files", "-z", "--", f":(glob)**/{_MANIFEST}"], cwd=start).stdout
    found = (os.path.dirname(path) for path in items(listed) if os.path.lexists(start / path))
    names = sorted(name for name in found if "sources" not in name.split("/"))
    if names:
        more = f" and {len(names) - _SHOWN} more" if names[_SHOWN:] else ""
        error.below = f"workspaces below it: {', '.join(names[:_SHOWN])}{more}"
        error.hint = typed("git", "hybrid", "-C", os.path.relpath(start / names[0]), "status") + as_typed()


def _left_out(repository: Repository, folder: Path, *names: str) -> list[str]:
    """Return those of *names*, paths from *folder*, that the index has, and neither the disk nor a checkout."""
    if repository.top is None:
        return []
    # The folder itself may be left out.
    paths = {os.path.normpath(repository.prefix(folder) + name): name for name in names}
    argv = ["git", "ls-files", "-t", "-z", "--", *(f":(literal){path}" for path in paths)]
    told = items(repository.run(argv).stdout)
    found = (item.removeprefix(_LEFT_OUT) for item in told if item.startswith(_LEFT_OUT))
    return [paths[path] for path in found if not os.path.lexists(repository.top / path)]


def _mend(repository: Repository, root: Path, found: Sequence[str]) -> str:
    """Return the command that checks the workspace at *root* out."""
    is_sparse, is_cone = (
        repository.run(["git", "config", "--type=bool", f"core.{key}"]).stdout.strip() == b"true"
        for key in ("sparseCheckout", "sparseCheckoutCone")
    )
    what = "disable"
    if is_sparse:
        # With a folder a cone has the files beside it; of patterns each file needs its own.
        names = (_STATE, _MANIFEST) if _MANIFEST in found and not is_cone else (_STATE,)
        what = " ".join(["add", *(typed(repository.prefix(root) + name) for name in names)])
    # Without a sparse checkout somebody set the bits by hand: this takes them back.
    return f"git -C {typed(str(repository.top))} sparse-checkout {what}"
