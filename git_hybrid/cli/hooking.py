"""What all hooks share: find the workspaces, run the checks on what is about to be committed, tell what fails."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from git_hybrid.cli.checking import run_staged
from git_hybrid.cli.settings import read_settings
from git_hybrid.core.check_table import CHECKS
from git_hybrid.core.checks import Violation, failures
from git_hybrid.core.errors import GitRefused, HybridError, InvalidFile, SymlinkRefused
from git_hybrid.core.files import MANIFEST
from git_hybrid.core.words import typed
from git_hybrid.git.ahead import Ahead
from git_hybrid.git.repository import Repository, around, is_listed
from git_hybrid.git.run import Runner
from git_hybrid.git.settings import read_config
from git_hybrid.git.staged import Staged, is_committed, roots_in
from git_hybrid.git.trust import require_trusted
from git_hybrid.store.layout import Layout, current_folder, find_root, refuse_links
from git_hybrid.view.findings import violation_lines
from git_hybrid.view.term import safe

if TYPE_CHECKING:
    from git_hybrid.git.pushed import Pushed

_CHANGED = f"{MANIFEST} state"
"""What the commands that mend something change, and a commit takes when it is staged."""
_REFS = ("PRE_COMMIT_TO_REF", "PRE_COMMIT_LOCAL_BRANCH")
"""The variables in which the pre-commit framework names what is pushed; a first push has only the second."""
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
        return max((_run(runner, here, names, one) for one in _wanted(runner, here, pushed)), default=0)
    except HybridError as error:
        _tell(error)
        return 2


def _wanted(runner: Runner, here: Path, pushed: bool) -> Sequence[Pushed | None]:
    """Return the commits to check; None is what is about to be committed."""
    if not pushed and not any(map(os.environ.get, _REFS)):
        return (None,)
    from git_hybrid.cli.pushing import named_by_framework, named_by_git

    repository = around(runner, here)
    return named_by_git(repository) if pushed else named_by_framework(repository, os.environ, _REFS)


def _run(runner: Runner, here: Path, names: Collection[str], pushed: Pushed | None) -> int:
    repository = around(runner, here) if pushed is None else around(runner, here, pushed.commit, pushed.before)
    roots = _roots(repository, here)
    if not roots and repository.top is not None and "sources" in names:
        return _of_no_workspace(Staged(repository, repository.top), pushed)
    return max((_checked(repository, root, names, pushed) for root in roots), default=0)


def _of_no_workspace(index: Staged, pushed: Pushed | None) -> int:
    """Tell of the clones in a commit that has no workspace: as of a branch that begins without, and ignores none."""
    if not (abandoned := index.abandoned()):
        return 0
    from git_hybrid.core.check_sources import check_abandoned

    return _say(check_abandoned(abandoned), pushed, index)


def _roots(repository: Repository, here: Path) -> Sequence[Path]:
    """Return the roots of the workspaces that git has, and the one at the top that it does not have yet."""
    top = repository.top
    if top is None:
        root = find_root(here).root
        require_trusted(repository.runner, root)
        return (root,)
    found = roots_in(repository.entries())
    # A folder is asked about by its name, one a line.
    for name in found:
        if "\n" in name:
            raise InvalidFile.at(name, "folder", "has a name with a line break")
    roots = [top / name for name in found]
    if "" not in found and not repository.revision and (top / MANIFEST).is_file() and not is_committed(repository, top):
        roots.insert(0, top)
    return roots


def _checked(repository: Repository, root: Path, names: Collection[str], pushed: Pushed | None) -> int:
    runner, layout, index = repository.runner, Layout(root), Staged(repository, root)
    try:
        settings = None
        if not repository.revision:
            refuse_links(layout)
        if "mirrors" in names:
            settings = read_settings(os.environ, read_config(runner, repository.top or root), jobs=None, offline=False)
        judged = partial(run_staged, runner, layout, names, settings=settings, index=index)
        results = judged(now=datetime.now(UTC))
        if pushed is not None and failures(results):
            from git_hybrid.cli.pushing import as_pushed

            results = as_pushed(results, pushed, index, judged)
    except HybridError as error:
        if (told := _unless_untouched(error, index)) is None:
            return 0
        is_committed_so = isinstance(told, InvalidFile | SymlinkRefused)
        sys.stdout.writelines(_commit_lines(pushed, index, fails=is_committed_so))
        _tell(told, root)
        sys.stdout.writelines(_then(pushed) if is_committed_so else ())
        return 2
    found = [item for items in results.values() for item in items if item.level != "note"]
    first = _half_written(layout) if found and not repository.revision else ""
    return _say(found, pushed, index, first)


def _say(found: Sequence[Violation], pushed: Pushed | None, index: Staged, first: str = "") -> int:
    """Tell what was *found* and what mends it, *first* of all; return 1 if it fails, else 0."""
    repository, below = index.repository, os.path.relpath(index.root)
    more = ["git add -- " + _CHANGED] if any(_writes(item) for item in found) else []
    each = f"git hybrid check{'' if repository.revision else ' --staged'} -v"
    if below != ".":
        from git_hybrid.cli.placing import place_of

        place = place_of(index.root)
        found, more = [place.violation(item) for item in found], [place.command(mend) for mend in more]
        first, each = place.command(first), place.command(each)
    fails = failures({"": tuple(found)}) > 0
    sys.stdout.writelines(_commit_lines(pushed, index, fails=fails) if found else ())
    sys.stdout.write(f"first: {safe(first)}\n" if first else "")
    sys.stdout.writelines(f"{line}\n" for line in violation_lines(found, most=_SHOWN, each=each))
    sys.stdout.writelines(f"then: {safe(mend)}\n" for mend in more)
    sys.stdout.writelines(_then(pushed) if fails else ())
    return int(fails)


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


def _half_written(layout: Layout) -> str:
    """Return what comes before all mends where a run has files left to write: what is staged may be half of that."""
    if not os.path.lexists(layout.marker):
        return ""
    from git_hybrid.store.runs import read_unfinished

    with suppress(HybridError):
        run = read_unfinished(layout)
        return "git hybrid resume" if run is not None and run.is_unwritten else ""
    return ""


def _writes(item: Violation) -> bool:
    return item.level == "fail" and (item.mend.startswith("git hybrid ") or "; else git hybrid " in item.mend)


def _commit_lines(pushed: Pushed | None, index: Staged, *, fails: bool) -> Sequence[str]:
    """Return what is told before a commit that is *pushed*: which it is, and where what *fails* there is mended."""
    if pushed is None:
        return ()
    from git_hybrid.cli.pushing import where

    first = [f"first: {safe(where(pushed))}\n"] if fails and not index.is_at_head() else []
    return (f"in the commit {pushed.commit[:12]}:\n", *first)


def _then(pushed: Pushed | None) -> Sequence[str]:
    if pushed is None:
        return ()
    from git_hybrid.cli.pushing import afterwards

    return [f"then: {safe(mend)}\n" for mend in afterwards(pushed)]


def _tell(error: HybridError, root: Path | None = None) -> None:
    from git_hybrid.cli.placing import Place, place_of
    from git_hybrid.cli.telling import tell
    from git_hybrid.cli.telling_invalid import problem_lines

    place = Place() if root is None else place_of(root)
    if isinstance(error, InvalidFile):
        for line in problem_lines(error):
            print(f"error: {safe(place.path(error.path))}: {safe(line)}")
        mend = error.mend or f"correct {error.path}, then: git add -- {typed(error.path)}"
        print(f"  mend: {safe(place.command(mend))}")
        return
    told = tell(error)
    print(safe(f"error: {told.title}" if place.below == "." else f"error: {place.below}: {told.title}"))
    for line in told.cause:
        print(f"  cause: {safe(line)}")
    for hint in told.hints:
        print(f"  mend: {safe(place.command(hint))}")
