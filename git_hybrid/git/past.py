"""The commits that moved pins or wrote into the audit log, for those pins that HEAD alone does not explain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from git_hybrid.core.lock_moves import Past
from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import Struct, field
from git_hybrid.git.ahead import LOCK, STAGED
from git_hybrid.git.committed import sha256_of
from git_hybrid.git.patches import LOGS, patch
from git_hybrid.git.repository import Repository
from git_hybrid.git.staged import blobs

_COMMIT = pattern(r"commit ([0-9a-f]{40,64})")
_TOGETHER = 32
"""So many locks are read with one process."""


class _Locks(Struct):
    """Reads locks of commits, those that stand behind one in ``order`` along with it; each is asked for once."""

    repository: Repository
    path: str
    order: Sequence[str]
    place: Mapping[str, int]
    _read: dict[str, bytes | None] = field(default_factory=dict)

    def __call__(self, commit: str) -> bytes | None:
        if commit not in self._read:
            at = self.place.get(commit, len(self.order))
            wanted = (commit, *self.order[at + 1 : at + _TOGETHER])
            question = "".join(f"{one}:{self.path}\n" for one in wanted).encode("utf-8", "surrogateescape")
            self._read.update(zip(wanted, blobs(self.repository.ask(STAGED, stdin=question)), strict=True))
        return self._read.pop(commit)


def past_of(repository: Repository, root: Path, told: str | None) -> Past | None:
    """Return what came before HEAD in the workspace at *root*; None where nothing was committed.

    *told* is the patch of the log in all of history, if somebody has asked for it.

    Raises:
        GitRefused: git does not answer.
    """
    if repository.top is None:
        return None
    argv = ["git", "log", "--full-history", "--parents", "--topo-order", "--format=%H %P", "HEAD", "--", LOCK, LOGS]
    done = repository.run(argv, cwd=root)
    listed = [line.split() for line in done.stdout.decode("ascii", "replace").splitlines()]
    if done.status != 0 or not listed:
        return None
    order = [commit for commit, *_ in listed]
    place = {commit: number for number, commit in enumerate(order)}
    return Past(
        head=order[0],
        parents={commit: tuple(parents) for commit, *parents in listed},
        added=_added(patch(repository, root, "HEAD", (LOGS,)) if told is None else told),
        lock=_Locks(repository, repository.prefix(root) + LOCK, order, place),
    )


def _added(told: str) -> Mapping[str, frozenset[str]]:
    """Return the SHA-256 of the lines that each commit put into the log, by the commit."""
    found: dict[str, set[str]] = {}
    commit = ""
    for line in told.split("\n"):
        if match := _COMMIT.fullmatch(line):
            commit = match[1]
        elif line.startswith("+{"):
            found.setdefault(commit, set()).add(sha256_of(line[1:].encode("utf-8", "surrogateescape")))
    return {name: frozenset(lines) for name, lines in found.items()}
