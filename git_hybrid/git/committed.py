"""What the repository that a workspace is in has committed of its files: the witness outside of the audit log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from git_hybrid.core.audit_verify import Witnesses
from git_hybrid.core.digest import sha256_hex
from git_hybrid.core.errors import BadArgument
from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import replace
from git_hybrid.git.ahead import LOCK, LOG, STAGED, sides, witness_question
from git_hybrid.git.place import git_dir
from git_hybrid.git.repository import Repository
from git_hybrid.git.staged import blobs

_CARRIERS = ("state/sources.json", "state/sources-overrides.json", "state/sources-mirrors.json")
_ADDED_HASH = pattern(r'\+\s*"audit_hash": "([0-9a-f]{64})"')
_COMMIT = pattern(r"commit ([0-9a-f]{40,64})")
_FIRST = "^1"
_FILE = pattern(r"\+\+\+ (?:b/)?(.*)")


def head_witness(repository: Repository, root: Path, archives: Sequence[str] = ()) -> Witnesses:
    """Return what the commits hold of the audit log that a commit is made from, or that the pushed one was made from.

    They are HEAD, its parents, and the other sides of a merge that is under way. ``committed`` is None where the
    workspace is in no repository, or none of them has a log. Of the *archives* only what was committed is told.

    Raises:
        GitRefused: git does not answer.
    """
    if repository.top is None:
        return Witnesses()
    prefix = repository.prefix(root)
    before, others = _sides(repository)
    told = blobs(repository.ask(STAGED, stdin=witness_question((before, others), prefix + LOG, prefix + LOCK)))
    found, locks = told[::2], told[1::2]
    if all(blob is None for blob in found):
        return Witnesses()
    lines = _hashed(found)
    committed = {item for side in lines for item in side}
    merged = Counter(item for name, side in zip(before, lines, strict=False) if not _is_parent(name) for item in side)
    if archives:
        question = witness_question((before, others), *(prefix + name for name in archives))
        committed.update(item for side in _hashed(blobs(repository.ask(STAGED, stdin=question))) for item in side)
    ever = dict.fromkeys(item for side in lines[1 : len(before)] for item in side)
    return Witnesses(
        committed=frozenset(committed),
        head=lines[0],
        ever=tuple(ever),
        twice=frozenset(item for item, count in merged.items() if count > 1),
        lock_texts=tuple(
            text for name, text in zip(before, locks, strict=False) if text and _is_base(repository, name)
        ),
    )


def _sides(repository: Repository) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if repository.revision:
        return (repository.revision, f"{repository.revision}{_FIRST}", f"{repository.revision}^2"), ()
    environ = repository.runner.environ
    before, others = sides(environ)
    return before, (*others, *_squashed(git_dir(str(repository.top), environ)))


def _squashed(folder: str) -> tuple[str, ...]:
    """Return the tip of a branch that ``git merge --squash`` has brought and nobody has committed yet."""
    try:
        text = Path(folder, "SQUASH_MSG").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    # The newest comes first, and has what all of them have.
    commits = (match[1] for match in map(_COMMIT.fullmatch, text.split("\n")) if match)
    return tuple(islice(commits, 1))


def _is_base(repository: Repository, name: str) -> bool:
    """Tell whether *name*, which was asked about, is what the commit to be judged is made from."""
    return _is_parent(name) == bool(repository.revision)


def _is_parent(name: str) -> bool:
    return name.endswith((_FIRST, "^2"))


def _hashed(found: Sequence[bytes | None]) -> list[tuple[str, ...]]:
    """Return the SHA-256 of each line of each of the blobs; a commit's log begins with that of the one before it."""
    hashed: dict[bytes, tuple[str, ...]] = {b"": ()}
    for blob in sorted({blob for blob in found if blob}, key=len):
        known = max((item for item in hashed if item.endswith(b"\n") and blob.startswith(item)), key=len, default=b"")
        more = (sha256_of(line) for line in blob[len(known) :].split(b"\n") if line)
        hashed[blob] = (*hashed[known], *more)
    return [hashed[blob or b""] for blob in found]


def history_witness(
    repository: Repository, root: Path, archives: Sequence[str] = (), *, since: str | None = None
) -> Witnesses:
    """Return what every commit of HEAD's history says must be in the log; with *since* only the commits after it.

    Raises:
        BadArgument: *since* names no commit of the repository.
        GitRefused: git does not answer.
    """
    from git_hybrid.git.past import past_of
    from git_hybrid.git.patches import LOGS, patch

    now = head_witness(repository, root, archives)
    if since is not None and not _is_commit(repository, since):
        raise BadArgument(what="--since", value=since, reason="names no commit of the repository")
    span = "HEAD" if since is None else f"{since}..HEAD"
    hashes: dict[str, str] = {}
    commit = file = ""
    for line in patch(repository, root, span, _CARRIERS).split("\n"):
        if match := _COMMIT.fullmatch(line):
            commit = match[1]
        elif match := _FILE.fullmatch(line):
            file = match[1]
        elif match := _ADDED_HASH.match(line):
            hashes.setdefault(match[1], f"{file} in commit {commit[:12]}")
    told = patch(repository, root, span, (LOGS,))
    logged = [line[1:] for line in told.split("\n") if line.startswith("+{")]
    if since is not None:
        before = repository.ask(STAGED, stdin=witness_question(((since,), ()), repository.prefix(root) + LOG))
        logged += (blobs(before)[0] or b"").decode("utf-8", "surrogateescape").split("\n")
    older = (sha256_of(line.encode("utf-8", "surrogateescape")) for line in logged if line)
    ever = tuple(dict.fromkeys((*older, *now.ever)))
    return replace(
        now, hashes=hashes, ever=ever, past=lambda: past_of(repository, root, told if since is None else None)
    )


def _is_commit(repository: Repository, revision: str) -> bool:
    argv = ["git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"]
    is_there = repository.top is not None and not revision.startswith("-")
    return is_there and repository.run(argv).status == 0


def sha256_of(line: bytes) -> str:
    """Return the SHA-256 of a line of a committed log."""
    # A CR is not of the log, whose lines are JSON: it was committed after a conversion of line endings.
    return sha256_hex(line.removesuffix(b"\r"))
