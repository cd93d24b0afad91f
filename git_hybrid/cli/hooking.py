"""What all hooks share: find the workspaces, run the checks on what is about to be committed, tell what fails."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path

from git_hybrid.cli.checking import run_staged
from git_hybrid.cli.settings import read_settings
from git_hybrid.core.check_table import CHECKS
from git_hybrid.core.checks import failures
from git_hybrid.core.errors import HybridError, InvalidFile, NoWorkspace
from git_hybrid.git.ahead import Ahead
from git_hybrid.git.run import Runner
from git_hybrid.git.settings import read_config
from git_hybrid.git.staged import Staged
from git_hybrid.store.layout import MANIFEST, Layout, find_root, refuse_links
from git_hybrid.view.findings import violation_lines
from git_hybrid.view.term import safe

_CHANGED = (MANIFEST, "state")
"""What the commands that mend something change, and a commit takes when it is staged."""


def run(*chosen: str, ahead: Ahead | None = None) -> int:
    """Run the checks *chosen* (none: all) and return 0 if they hold, 1 if one fails, 2 if a file cannot be read.

    A hook runs in the folder of the repository: workspaces in folders below it are found by their manifests. Writes
    nothing, asks no server. *ahead* has what git was asked before.
    """
    runner, names = Runner(environ=os.environ, ahead=ahead), chosen or CHECKS
    try:
        return max((_checked(runner, layout, names) for layout in _workspaces(runner, Path.cwd())), default=0)
    except HybridError as error:
        print(f"error: {safe(str(error))}")
        return 2


def _workspaces(runner: Runner, folder: Path) -> Sequence[Layout]:
    try:
        return (find_root(folder),)
    except NoWorkspace:
        manifests = Staged(runner, folder).tracked(f"*/{MANIFEST}")
        if not manifests:
            raise
    roots = [folder / Path(path).parent for path in manifests]
    found = {find_root(root).root for root in roots if (root / MANIFEST).is_file()}
    return [Layout(root) for root in sorted(found)]


def _checked(runner: Runner, layout: Layout, names: Collection[str]) -> int:
    try:
        refuse_links(layout)
        settings = None
        if "mirrors" in names:
            settings = read_settings(os.environ, read_config(runner, layout.root), jobs=None, offline=False)
        results = run_staged(runner, layout, names, now=datetime.now(UTC), settings=settings)
    except InvalidFile as error:
        for problem in error.problems:
            print(f"{safe(error.path)}: {safe(problem.place)}: {safe(problem.reason)}")
        print(f"  mend: {safe(error.mend or 'correct the file, then git add it')}")
        return 2
    found = [item for items in results.values() for item in items if item.level != "note"]
    sys.stdout.writelines(f"{line}\n" for line in violation_lines(found))
    if any(item.level == "fail" and item.mend.startswith("git hybrid ") for item in found):
        files = " ".join(os.path.relpath(layout.root / name) for name in _CHANGED)
        print(safe(f"then: git add -- {files}"))
    return int(failures(results) > 0)
