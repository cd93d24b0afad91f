"""A folder that is to become a workspace, and whose repository has files of its own where the clones would go."""

from __future__ import annotations

import os
from pathlib import Path

from git_hybrid.core.check_sources import KEPT
from git_hybrid.core.errors import FolderTaken
from git_hybrid.core.files import MANIFEST
from git_hybrid.core.words import typed
from git_hybrid.git.repository import CLONE, around, of_index
from git_hybrid.git.run import Runner

_SHOWN = 5
_WHY = "clones go there: git would show no new file of yours, and no commit with these would pass check sources"
_ALIKE = "where case does not count, that is sources/, and no commit with these would pass check sources"


def refuse_tracked(runner: Runner, root: Path) -> None:
    """Refuse to make *root* a workspace where git has files below its ``sources/``, in any case.

    Submodules may stand there: they can be taken over, and taken out of git they are gone for nobody.

    Raises:
        FolderTaken: naming some of the files.
    """
    repository = around(runner, root)
    if repository.top is None or os.path.lexists(root / MANIFEST):
        return
    told = repository.run(["git", "ls-files", "--stage", "-z", "--", ":(icase)sources"], cwd=root).stdout
    entries = of_index(told).items()
    # What is in the place of the folder itself is told by whoever makes that.
    found = [path for path, (mode, _) in entries if mode != CLONE and "/" in path and path not in KEPT]
    if not found:
        return
    folder = found[0].partition("/")[0]
    mend = f"or move them, then try again: {typed('git', '-C', str(root), 'mv', folder, 'NEW')}"
    more = [f"… and {len(found) - _SHOWN} more"] if found[_SHOWN:] else []
    files = (*found[:_SHOWN], *more)
    why = _WHY if folder == "sources" else _ALIKE
    raise FolderTaken(path=str(root), folder=f"{folder}/", files=files, why=why, mend=mend)
