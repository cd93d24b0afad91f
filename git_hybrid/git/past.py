"""The commits that moved pins or wrote into the audit log, for those pins that HEAD alone does not explain."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from git_hybrid.core.errors import GitRefused
from git_hybrid.core.files import LOCK
from git_hybrid.core.lock_moves import Past
from git_hybrid.core.value import Struct, field, replace
from git_hybrid.git.appended import appended
from git_hybrid.git.committed_archives import archives_at
from git_hybrid.git.former import at_its_place, before_move, logged_at
from git_hybrid.git.patches import Added, is_log, line_hash, logs_in
from git_hybrid.git.repository import Repository

_TOGETHER = 32
"""So many locks are read with one process."""


class _Locks(Struct):
    """Reads locks of commits, those that stand behind one in ``order`` along with it; each is asked for once.

    A commit has it in that of ``folders`` where it has the log with ``lines``: the workspace was moved there, or was
    not yet.
    """

    repository: Repository
    folders: Sequence[str]
    lines: Collection[str]
    order: Sequence[str]
    place: Mapping[str, int]
    _read: dict[str, bytes | None] = field(default_factory=dict)

    def __call__(self, commit: str) -> bytes | None:
        if commit not in self._read:
            at = self.place.get(commit, len(self.order))
            wanted = (commit, *self.order[at + 1 : at + _TOGETHER])
            found = at_its_place(self.repository, wanted, self.folders, LOCK, self.lines)
            self._read.update(zip(wanted, found, strict=True))
        return self._read.pop(commit)


def past_of(
    repository: Repository, root: Path, told: Iterable[Added] | None, former: Sequence[str] = ()
) -> Past | None:
    """Return what came before HEAD, or the pushed commit, in the workspace at *root*; None where there is nothing.

    *told* is what was added to the log in all of history, if somebody has asked for it; *former* are the folders in
    which the workspace stood before, the last one first.

    Raises:
        GitRefused: git does not answer.
    """
    if repository.top is None:
        return None
    return _past(repository, (repository.prefix(root), *former), (repository.revision or "HEAD",), told)


def pushed_past(repository: Repository, root: Path) -> Past | None:
    """Return what the pushed commit brings that neither a branch of a remote has nor the one that it goes to.

    What they have is as what a shallow clone ends with: nobody brought it. None where the push brings nothing, or a
    partial clone lacks some of it.

    Raises:
        GitRefused: git does not answer.
    """
    try:
        return _pushed(repository, root)
    except GitRefused as error:
        if not error.is_unfetched:
            raise
        return None


def _pushed(repository: Repository, root: Path) -> Past | None:
    new = (repository.revision, "--not", "--remotes", *repository.before)
    bases = repository.ask(("git", "rev-list", "--boundary", *new)).decode("ascii").split()
    span = (repository.revision, *(f"^{name[1:]}" for name in bases if name.startswith("-")))
    folder = repository.prefix(root)
    told = tuple(appended(repository, span, logs_in(folder)))
    brought = [item for item in told if item.is_new and is_log(item.file)]
    former = before_move(repository, root, brought, None, is_committed=True).folders
    past = _past(repository, (folder, *former), span, told)
    if past is None:
        return None
    known = {parent for parents in past.parents.values() for parent in parents} - past.parents.keys()
    before = {parent: _lines_of(repository, (folder, *former), parent) for parent in sorted(known)}
    return replace(past, added={**past.added, **before})


def _lines_of(repository: Repository, folders: Sequence[str], commit: str) -> frozenset[str]:
    """Return the SHA-256 of each line that *commit* has in the logs in *folders*, and in their archives."""
    closed = [lines for folder in folders for lines in archives_at(repository, folder, commit).values()]
    return frozenset(logged_at(repository, commit, folders)).union(*closed)


def _past(
    repository: Repository, folders: Sequence[str], span: Sequence[str], told: Iterable[Added] | None
) -> Past | None:
    logs = [name for folder in folders for name in logs_in(folder)]
    listing = ("git", "log", "--full-history", "--parents", "--topo-order", "--format=%H %P", *span)
    done = repository.run([*listing, "--", *(f":(top,literal){folder}{LOCK}" for folder in folders), *logs])
    listed = [line.split() for line in done.stdout.decode("ascii", "replace").splitlines()]
    if done.status != 0 or not listed:
        return None
    order = [commit for commit, *_ in listed]
    place = {commit: number for number, commit in enumerate(order)}
    added = _by_commit(appended(repository, span, logs) if told is None or len(folders) > 1 else told)
    return Past(
        head=order[0],
        parents={commit: tuple(parents) for commit, *parents in listed},
        added=added,
        lock=_Locks(repository, folders, frozenset().union(*added.values()), order, place),
    )


def _by_commit(told: Iterable[Added]) -> Mapping[str, frozenset[str]]:
    """Return the SHA-256 of the lines that each commit put into the log, by the commit."""
    found: dict[str, set[str]] = {}
    for item in told:
        if item.line.startswith("{"):
            found.setdefault(item.commit, set()).add(line_hash(item.line.encode("utf-8", "surrogateescape")))
    return {name: frozenset(lines) for name, lines in found.items()}


def bringing(past: Past | None, line: str) -> str | None:
    """Return the first commit of *past* that put the line whose SHA-256 is *line* into the log."""
    return next((commit for commit, added in past.added.items() if line in added), None) if past else None
