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
from git_hybrid.core.checks import Violation, failures
from git_hybrid.core.errors import GitRefused, HybridError, InvalidFile, Problem
from git_hybrid.core.files import MANIFEST
from git_hybrid.git.ahead import Ahead
from git_hybrid.git.repository import Repository, around, is_listed
from git_hybrid.git.run import Runner
from git_hybrid.git.settings import read_config
from git_hybrid.git.staged import Staged, is_committed, roots_in
from git_hybrid.store.layout import Layout, current_folder, find_root, refuse_links
from git_hybrid.view.findings import violation_lines
from git_hybrid.view.term import safe

_CHANGED = f"{MANIFEST} state"
"""What the commands that mend something change, and a commit takes when it is staged."""
_REF = "PRE_COMMIT_TO_REF"
"""The variable in which the pre-commit framework names what is pushed."""
_SHOWN = 3
"""How many failures are told that the same mends."""


def run(*chosen: str, ahead: Ahead | None = None, pushed: bool = False) -> int:
    """Run the checks *chosen* (none: all) and return 0 if they hold, 1 if one fails, 2 if a file cannot be read.

    A hook checks every workspace of the repository that it runs in; where there is none it has nothing to say. Writes
    nothing, asks no server. *ahead* has what git was asked before; *pushed* says that the standard input names commits
    which are checked in place of the index.
    """
    runner, names = Runner(environ=os.environ, ahead=ahead), chosen or CHECKS
    try:
        here = current_folder()
        return max((_run(runner, here, names, revision) for revision in _revisions(runner, here, pushed)), default=0)
    except HybridError as error:
        _tell(error)
        return 2


def _revisions(runner: Runner, here: Path, pushed: bool) -> Sequence[str]:
    """Return the commits to check; an empty name is what is about to be committed."""
    if not pushed:
        return ("",)
    from git_hybrid.git.pushed import commits, pushed_names

    if (name := os.environ.get(_REF)) is not None:
        return commits(around(runner, here), (name,))
    with open(0, "rb", closefd=False) as told:
        return commits(around(runner, here), pushed_names(told.read()))


def _run(runner: Runner, here: Path, names: Collection[str], revision: str) -> int:
    repository = around(runner, here, revision)
    return max((_checked(repository, root, names) for root in _roots(repository, here)), default=0)


def _roots(repository: Repository, here: Path) -> Sequence[Path]:
    """Return the roots of the workspaces that git has, and the one at the top that it does not have yet."""
    top = repository.top
    if top is None:
        return (find_root(here).root,)
    found = roots_in(repository.entries())
    # A folder is asked about by its name, one a line.
    for name in found:
        if "\n" in name:
            raise InvalidFile(path=name, problems=(Problem("folder", "has a name with a line break"),))
    roots = [top / name for name in found]
    if "" not in found and not repository.revision and (top / MANIFEST).is_file() and not is_committed(repository, top):
        roots.insert(0, top)
    return roots


def _checked(repository: Repository, root: Path, names: Collection[str]) -> int:
    runner, layout, index = repository.runner, Layout(root), Staged(repository, root)
    below = os.path.relpath(root)
    try:
        settings = None
        if not repository.revision:
            refuse_links(layout)
        if "mirrors" in names:
            settings = read_settings(os.environ, read_config(runner, repository.top or root), jobs=None, offline=False)
        results = run_staged(runner, layout, names, now=datetime.now(UTC), settings=settings, index=index)
    except HybridError as error:
        if (told := _unless_untouched(error, index)) is None:
            return 0
        sys.stdout.writelines(_commit_lines(repository))
        _tell(told, root)
        return 2
    found = [item for items in results.values() for item in items if item.level != "note"]
    more = ["git add -- " + _CHANGED] if any(_writes(item) for item in found) else []
    if below != ".":
        from git_hybrid.cli.placing import place_of

        place = place_of(root)
        found, more = [place.violation(item) for item in found], [place.command(mend) for mend in more]
    sys.stdout.writelines(_commit_lines(repository) if found else ())
    sys.stdout.writelines(f"{line}\n" for line in violation_lines(found, most=_SHOWN))
    sys.stdout.writelines(f"then: {safe(mend)}\n" for mend in more)
    return int(failures(results) > 0)


def _unless_untouched(error: HybridError, index: Staged) -> HybridError | None:
    """Return *error*; None where git would have to fetch what the commit leaves as it is, which was checked before.

    That is so in a partial clone in which the workspace is not checked out: else the command is told that does that.
    """
    repository = index.repository
    if not isinstance(error, GitRefused) or not error.is_unfetched or repository.revision:
        return error
    try:
        if not any(map(is_listed, index.changed())):
            return None
        from git_hybrid.git.leftout import refuse_left_out

        refuse_left_out(repository, index.root)
    except HybridError as other:
        return other
    return error


def _writes(item: Violation) -> bool:
    return item.level == "fail" and (item.mend.startswith("git hybrid ") or "; else git hybrid " in item.mend)


def _commit_lines(repository: Repository) -> Sequence[str]:
    return (f"in the commit {repository.revision[:12]}:\n",) if repository.revision else ()


def _tell(error: HybridError, root: Path | None = None) -> None:
    from shlex import quote

    from git_hybrid.cli.placing import Place, place_of
    from git_hybrid.cli.telling import tell

    place = Place() if root is None else place_of(root)
    if isinstance(error, InvalidFile):
        for problem in error.problems:
            print(f"error: {safe(place.path(error.path))}: {safe(problem.place)}: {safe(problem.reason)}")
        mend = error.mend or f"correct {error.path}, then: git add -- {quote(error.path)}"
        print(f"  mend: {safe(place.command(mend))}")
        return
    told = tell(error)
    print(safe(f"error: {told.title}" if place.below == "." else f"error: {place.below}: {told.title}"))
    for line in told.cause:
        print(f"  cause: {safe(line)}")
    for hint in told.hints:
        print(f"  mend: {safe(place.command(hint))}")
