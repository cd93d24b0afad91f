"""What the repository that a workspace is in has committed of its files: the witness outside of the audit log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from git_hybrid.core.errors import GitRefused
from git_hybrid.core.files import LOCK, LOG
from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import replace
from git_hybrid.core.witnesses import Witnesses
from git_hybrid.git.ahead import sides, witness_names
from git_hybrid.git.patches import added, carriers_in, has_commit, hashed, is_log, logged, logs_in, named_hashes
from git_hybrid.git.place import git_dir
from git_hybrid.git.plainfiles import file_at
from git_hybrid.git.repository import Repository, refused

if TYPE_CHECKING:
    from git_hybrid.git.pushed import Replaced

_COMMIT = pattern(rb"commit ([0-9a-f]{40,64})")
_FIRST_LINES = 1 << 12
_FIRST = "^1"
_UNBORN = "does not have any commits yet"


def head_witness(repository: Repository, root: Path, archives: Sequence[str] = ()) -> Witnesses:
    """Return what the commits hold of the audit log that a commit is made from, or that the pushed one was made from.

    They are HEAD, its parents, and the other sides of a merge that is under way. ``committed`` is None where the
    workspace is in no repository, or none of them has a log. Of the *archives* only what was committed is told.

    Raises:
        GitRefused: git does not answer, or cannot read HEAD or the log that it has.
    """
    try:
        found = _of_head(repository, root, archives, is_whole=True)
        return found if repository.top is None else _with_history(found, repository, root, archives)
    except GitRefused as error:
        if not error.is_unfetched:
            raise
    from git_hybrid.git.partial import partly

    return replace(_of_head(partly(repository), root, archives, is_whole=False), is_partial=True)


def _with_history(now: Witnesses, repository: Repository, root: Path, archives: Sequence[str]) -> Witnesses:
    """Return *now* with what history says of single lines of the log: nobody looks for it before one is asked.

    A partial clone may lack some of it; then it says nothing. When one was committed is told of a pushed log alone.
    """

    @cache
    def told() -> Witnesses:
        try:
            return _of_history(repository, root, archives, since=None)
        except GitRefused as error:
            if not error.is_unfetched:
                raise
        return Witnesses()

    texts = partial(_texts, repository, (repository.prefix(root),))
    now = replace(now, once=cache(lambda: frozenset(told().ever)), texts=texts)
    if not repository.revision:
        return now
    from git_hybrid.git.past import pushed_past
    from git_hybrid.git.policies import shared_lines

    return replace(
        now,
        commit_of=lambda line: told().commit_of(line),
        manifests=lambda line, at: (now if line is None else told()).manifests(line, at),
        past=cache(partial(pushed_past, repository, root)),
        is_shared=shared_lines(repository, repository.prefix(root)),
    )


def _of_head(repository: Repository, root: Path, archives: Sequence[str], *, is_whole: bool) -> Witnesses:
    if repository.top is None:
        return Witnesses()
    prefix = repository.prefix(root)
    before, others = _sides(repository)
    told = repository.blobs(witness_names((before, others), prefix + LOG, prefix + LOCK))
    found, locks = told[::2], told[1::2]
    if is_whole and found[0] is None:
        require_none(repository, prefix + LOG)
    if all(blob is None for blob in found):
        return _brought(repository, root, Witnesses(), merging=False)
    lines = hashed(found)
    merged = Counter(item for name, side in zip(before, lines, strict=False) if not _is_parent(name) for item in side)
    names = witness_names((before, others), *(prefix + name for name in archives))
    kept = hashed(repository.blobs(names)) if archives else []
    count, at_archives = len(before), len(before) * len(archives)
    picked = {item for side in (*lines[count:], *kept[at_archives:]) for item in side}
    ever = dict.fromkeys(item for side in lines[1 : len(before)] for item in side)
    published = _published_logs(repository, prefix + LOG, found[0] or b"")
    # What the commit goes on from it must have, as what its parents have: nobody has rewritten that.
    former = _of_former(repository, published)
    at = [(name, side) for name, side in zip(before, lines, strict=False) if side != lines[0][: len(side)]]
    # A lock without a log is no workspace's: one may have been moved to where that lay.
    bases = [
        (text, told)
        for name, text, told in zip(before, locks, lines, strict=False)
        if text and told and _is_base(repository, name)
    ]
    now = Witnesses(
        committed=frozenset(item for side in (*lines, *kept) for item in side),
        picked=frozenset(picked.difference(*lines[:count], *kept[:at_archives]) if picked else ()),
        head=lines[0],
        ever=tuple({**former, **ever}),
        # While pre-merge-commit runs, what is merged is named by its id.
        at=former | {item: name[:12] if name.isalnum() else name for name, side in at for item in side},
        twice=frozenset(item for item, count in merged.items() if count > 1),
        lock_texts=tuple(text for text, _ in bases),
        lines_before=tuple(told for _, told in bases),
        manifests=cache(partial(_before_next, repository, (prefix,), frozenset[str]())),
        archived=cache(partial(_archived, repository, prefix)),
        is_made=bool(repository.revision),
        published_logs={name: log for name, log in published.items() if name[:12] not in former.values()},
        archives_at=cache(partial(_archives_at, repository, prefix)),
        replaced=_replaced(repository, repository.before, (prefix,)),
    )
    # A branch that is merged may have moved the folder, which then has its log, and that of HEAD is elsewhere.
    is_new = found[1] is None
    if not repository.revision:
        coming = [blob for name, blob in zip((*before, *others), found, strict=True) if not _is_parent(name)]
        is_new = found[0] is None and any(coming)
    return _brought(repository, root, now, merging=not repository.revision) if is_new else now


def _replaced(repository: Repository, commits: Sequence[str], folders: Sequence[str]) -> Mapping[str, Replaced]:
    if not commits:
        return {}
    from git_hybrid.git.pushed import replaced

    return replaced(repository, commits, folders)


def _published_logs(repository: Repository, path: str, log: bytes) -> Mapping[str, bytes]:
    if not repository.before:
        return {}
    from git_hybrid.git.pushed import published_logs

    return published_logs(repository, path, log)


def _of_former(repository: Repository, published: Mapping[str, bytes]) -> dict[str, str]:
    """Return the lines of those *published* logs that the commit goes on from, by SHA-256, each with its commit."""
    if not published:
        return {}
    from git_hybrid.git.pushed import ancestors

    ours = ancestors(repository, published)
    return {line: name[:12] for name in published if name in ours for line in hashed((published[name],))[0]}


def require_none(repository: Repository, path: str) -> None:
    """Raise GitRefused unless the commit to be judged, or HEAD, has nothing at *path*: what is lost looks the same."""
    listed = repository.run(["git", "ls-tree", "-z", "--full-tree", repository.revision or "HEAD", "--", path])
    if listed.status == 0 and b" blob " not in listed.stdout:
        return
    told = repository.run(["git", "log", "-1", "--format=%H"]).stderr
    if listed.status == 0 or _UNBORN not in told:
        words = listed.stderr or f"{path} is committed, and its object cannot be read"
        raise refused(repository, told or words)


def _brought(repository: Repository, root: Path, now: Witnesses, *, merging: bool) -> Witnesses:
    from git_hybrid.git.former import before_commit

    try:
        brought, former = before_commit(repository, root, now, merging=merging)
    except GitRefused as error:
        if not error.is_unfetched:
            raise
        return replace(now, is_partial=True)
    folders = (repository.prefix(root), *former)
    lines = brought.committed or frozenset[str]()
    return replace(
        brought,
        manifests=cache(partial(_before_next, repository, folders, lines)),
        archives_at=cache(partial(_archives_at, repository, folders[0])),
    )


def _sides(repository: Repository) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if repository.revision:
        return (repository.revision, f"{repository.revision}{_FIRST}", f"{repository.revision}^2"), ()
    environ = repository.runner.environ
    before, others = sides(environ)
    return before, (*others, *_squashed(git_dir(str(repository.top), environ)))


def _squashed(folder: str) -> tuple[str, ...]:
    """Return the tip of a branch that ``git merge --squash`` has brought and nobody has committed yet."""
    told = b""
    with suppress(OSError), file_at(f"{folder}/SQUASH_MSG", links=True) as file:
        # The newest comes first, and has what all of them have.
        told = file.read(_FIRST_LINES) or b""
    commits = (match[1].decode("ascii") for match in map(_COMMIT.fullmatch, told.split(b"\n")) if match)
    return tuple(islice(commits, 1))


def _is_base(repository: Repository, name: str) -> bool:
    """Tell whether *name*, which was asked about, is what the commit to be judged is made from."""
    return _is_parent(name) == bool(repository.revision)


def _is_parent(name: str) -> bool:
    return name.endswith((_FIRST, "^2"))


def _before_next(
    repository: Repository, folders: Sequence[str], lines: Collection[str], _line: str | None, _at: str
) -> Sequence[bytes | None]:
    # Nobody asks for policy, and for archives, where nothing is odd.
    from git_hybrid.git.policies import Places, before_next

    return before_next(repository, Places(folders, lines))


def _archived(repository: Repository, prefix: str, file: str, sha256: str) -> str:
    from git_hybrid.git.committed_archives import archived_at

    return archived_at(repository, prefix, file, sha256)


def _archives_at(repository: Repository, prefix: str, commit: str) -> Mapping[str, frozenset[str]]:
    from git_hybrid.git.committed_archives import archives_at

    return archives_at(repository, prefix, commit)


def history_witness(
    repository: Repository, root: Path, archives: Sequence[str] = (), *, since: str | None = None
) -> Witnesses:
    """Return what every commit of HEAD's history says must be in the log; with *since* only the commits after it.

    Of a partial clone that lacks some of it, it is what :func:`head_witness` finds.

    Raises:
        BadArgument: *since* names no commit of the repository.
        GitRefused: git does not answer.
    """
    try:
        return _of_history(repository, root, archives, since=since)
    except GitRefused as error:
        if not error.is_unfetched:
            raise
    return replace(head_witness(repository, root, archives), is_partial=True)


def _texts(repository: Repository, folders: Sequence[str]) -> Iterator[bytes]:
    from git_hybrid.git.lostlines import committed_lines

    return committed_lines(repository, folders)


def _of_history(repository: Repository, root: Path, archives: Sequence[str], *, since: str | None) -> Witnesses:
    from git_hybrid.git.appended import appended
    from git_hybrid.git.former import before_move, logged_at
    from git_hybrid.git.lostlines import restoring
    from git_hybrid.git.past import bringing, past_of
    from git_hybrid.git.policies import Places, manifests_of
    from git_hybrid.git.revisions import no_commit

    now = head_witness(repository, root, archives)
    if since is not None and (repository.top is None or since.startswith("-") or not has_commit(repository, since)):
        raise no_commit(repository, "--since", since)
    if repository.top is None:
        return now
    prefix, tip = repository.prefix(root), repository.revision or "HEAD"
    span = (tip,) if since is None else (tip, f"^{since}")
    hashes = named_hashes(added(repository, span, carriers_in(prefix)))
    lines = tuple(appended(repository, span, logs_in(prefix)))
    ever = logged(lines) | logged_at(repository, since, (prefix,))
    brought = [item for item in lines if item.is_new and is_log(item.file)]
    former = before_move(repository, root, brought, since, is_committed=bool(lines) or bool(now.head))
    past = cache(partial(past_of, repository, root, lines if since is None else None, former.folders))
    places = Places((prefix, *former.folders), frozenset(former.lines).union(ever))
    return replace(
        now,
        committed=frozenset(former.lines) if now.committed is None and former.lines else now.committed,
        at=restoring(repository, [prefix + name for name in (LOG, *archives)], places.folders, (ever, former.lines)),
        hashes={**former.hashes, **hashes},
        ever=tuple(dict.fromkeys((*former.lines, *ever, *now.ever))),
        past=past,
        texts=partial(_texts, repository, (prefix, *former.folders)),
        replaced=_replaced(repository, () if since is None else (since,), (prefix, *former.folders)),
        commit_of=lambda line: bringing(past(), line),
        manifests=manifests_of(repository, places, lambda line: bringing(past(), line)),
    )
