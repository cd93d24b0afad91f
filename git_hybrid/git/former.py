"""What git has committed of a log in other folders, where it stood before its workspace was moved.

A log is known by its random id. What a commit brings into a folder must have all that was committed of that log before,
wherever it stood; what a copy of it goes on with later is its own.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from git_hybrid.core.audit import ROTATED, detail_of
from git_hybrid.core.canonical import Json
from git_hybrid.core.files import LOCK, LOG, LOG_LIMIT
from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import Struct, field, replace
from git_hybrid.core.witnesses import Witnesses
from git_hybrid.git.appended import appended
from git_hybrid.git.committed_archives import ARCHIVE
from git_hybrid.git.patches import (
    ANY_LOG,
    MERGES_TOO,
    Added,
    added,
    carriers_in,
    has_commit,
    line_hash,
    log_lines,
    logged,
    logs_in,
    named_hashes,
)
from git_hybrid.git.plainfiles import read_plain
from git_hybrid.git.repository import Repository, refused
from git_hybrid.git.run import items

_ID = pattern(r"[0-9A-Za-z-]{1,100}")


class Former(Struct, frozen=True, kw_only=True):
    """The SHA-256 of lines of a log that were committed elsewhere, each with the commit; hashes that name records.

    ``folders`` are those where that was, each with a slash behind it, the last one first.
    """

    lines: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    folders: Sequence[str] = ()


def before_commit(
    repository: Repository, root: Path, now: Witnesses, *, merging: bool
) -> tuple[Witnesses, Sequence[str]]:
    """Return *now* with what must be in the log that a commit, the pushed one or the next, brings into folder *root*.

    Beside it are the folders in which that log was before. *merging*: the next commit brings it from another branch.

    Raises:
        GitRefused: git does not answer.
    """
    revision, folder = repository.revision, repository.prefix(root)
    tips = [
        tip for tip in ([f"{revision}^1", f"{revision}^2"] if revision else ["HEAD"]) if has_commit(repository, tip)
    ]
    if not tips:
        return now, ()
    known = ids_at(repository, revision, folder)
    others = _folders(repository, known, tips, folder) if known else ()
    others = _came_from(repository, revision, () if merging else tips, others)
    found = _found(repository, known, dict.fromkeys(others, tips))
    # A workspace that was taken out and made anew: the folder has had a log, which goes on.
    here = tuple(appended(repository, tips, logs_in(folder)))
    own = logged(here)
    found = Former(lines={**own, **found.lines}, hashes=found.hashes)
    if not found.lines:
        return now, ()
    sides = repository.blobs(f"{tips[0]}:./{other}{name}" for other in others for name in (LOG, LOCK))
    # What of it is lost may be brought back from there.
    there = {
        line_hash(line): f"{tips[0]}:{other}"
        for other, log in zip(others, sides[::2], strict=True)
        for line in log_lines(log or b"")
    }
    brought = replace(
        now,
        committed=(now.committed or frozenset()) | found.lines.keys(),
        ever=(*found.lines, *now.ever),
        at={**there, **{line: commit[:12] for line, commit in own.items()}},
        hashes={**found.hashes, **now.hashes},
        twice=now.twice | _repeated(sides[::2]),
        lock_texts=now.lock_texts or tuple(lock for lock in sides[1::2] if lock is not None)[:1],
    )
    return brought, others


def at_its_place(
    repository: Repository, commits: Sequence[str], folders: Sequence[str], name: str, lines: Collection[str]
) -> list[bytes | None]:
    """Return the file *name* that each of *commits* has where the log with *lines* (SHA-256) stands then, or None.

    *folders* are those where that was, the last one first; another workspace, or a file of that name, may have stood in
    one of them before.

    Raises:
        GitRefused: git does not answer.
    """
    found = repository.blobs(f"{commit}:./{folder}{name}" for commit in commits for folder in folders)
    each = (found[at : at + len(folders)] for at in range(0, len(found), len(folders)))
    return [
        _its_own(
            repository,
            commit,
            {folder: blob for folder, blob in zip(folders, some, strict=True) if blob is not None},
            lines,
        )
        for commit, some in zip(commits, each, strict=True)
    ]


def _its_own(repository: Repository, commit: str, found: Mapping[str, bytes], lines: Collection[str]) -> bytes | None:
    *others, last = found or [""]
    for folder in others:
        (log,) = repository.blobs([f"{commit}:./{folder}{LOG}"])
        if log is not None and any(line_hash(line) in lines for line in islice(log_lines(log), 1)):
            return found[folder]
    return found.get(last)


def _repeated(found: Sequence[bytes | None]) -> frozenset[str]:
    counts = (Counter(map(line_hash, log_lines(blob))) for blob in found if blob)
    return frozenset(item for each in counts for item, count in each.items() if count > 1)


def before_move(
    repository: Repository, root: Path, first: Sequence[Added], since: str | None, *, is_committed: bool
) -> Former:
    """Return what must be in the log of *root*, of which *first* has the lines of the commits that brought it there.

    Where it is not committed there, the next commit will.

    Raises:
        GitRefused: git does not answer.
    """
    parents = {item.commit: item.parents for item in first if item.parents}
    if not is_committed and has_commit(repository, "HEAD"):
        parents = {"": ("HEAD",)}
    tips = list(dict.fromkeys(parent for named in parents.values() for parent in named))
    logs = (root / "state").glob("sources-audit*.jsonl") if tips else ()
    # A link, as a commit may bring it, could lead to what has no end.
    known = _ids([read_plain(path, LOG_LIMIT) for path in logs])
    folder, wanted = repository.prefix(root), {}
    others = _folders(repository, known, tips, folder) if known else ()
    came = {commit: _came_from(repository, commit, named, others) for commit, named in parents.items()}
    for other in others:
        brought = [parent for commit, named in parents.items() if other in came[commit] for parent in named]
        wanted[other] = brought + ([] if since is None else [f"^{since}"])
    found = _found(repository, known, {other: tips for other, tips in wanted.items() if tips})
    more = logged_at(repository, since, tuple(wanted))
    folders = tuple(other for other, tips in wanted.items() if tips)
    return Former(lines={**found.lines, **more}, hashes=found.hashes, folders=folders)


def logged_at(repository: Repository, revision: str | None, folders: Collection[str]) -> dict[str, str]:
    """Return the SHA-256 of each line of the logs that *revision* has in *folders*, each with the revision.

    Raises:
        GitRefused: git does not answer.
    """
    if revision is None or not folders:
        return {}
    found = repository.blobs(f"{revision}:./{folder}{LOG}" for folder in folders)
    return {line_hash(line): revision for blob in found if blob for line in log_lines(blob)}


def _came_from(repository: Repository, commit: str, parents: Sequence[str], others: Sequence[str]) -> Sequence[str]:
    """Return those of *others* from which the log came into *commit* (empty: what is staged).

    A merge brings what was moved or copied on the other side, so what stays where it was goes on by itself; and so does
    a copy that was made before, where the log was moved from elsewhere, also if that copy was moved before.
    """
    if not others:
        return others
    here = repository.blobs(f"{commit}:./{other}{LOG}" for other in others)
    left = [other for other, log in zip(others, here, strict=True) if log is None]
    if len(parents) != 1:
        return left
    before = repository.blobs(f"{parents[0]}:./{other}{LOG}" for other in left)
    if not any(before):
        return others
    stays = {line_hash(line) for log in here if log for line in log.split(b"\n")}
    return [
        other
        for other, log in zip(left, before, strict=True)
        if log is not None or not logged(appended(repository, parents, logs_in(other))).keys() <= stays
    ]


def _ids(texts: Sequence[bytes | None]) -> set[str]:
    """Return the ids of the logs that begin in *texts*, however their lines are written."""
    found: set[str] = set()
    for text in texts:
        for line in (text or b"").split(b"\n"):
            if b"log" in line or b"\\u" in line:
                found.add(str(_record(line).get("log_id", "")))
    return {item for item in found if _ID.fullmatch(item)}


def ids_at(repository: Repository, revision: str, folder: str) -> set[str]:
    """Return the ids of the log that *revision* has in *folder*; one that was rotated begins in an archive."""
    names, done, found = [LOG], set[str](), set[str]()
    while names and not found:
        texts = repository.blobs(f"{revision}:./{folder}{name}" for name in names)
        done.update(names)
        found = _ids(texts)
        names = [name for name in archives_named(texts) if name not in done]
    return found


def archives_named(texts: Iterable[bytes | None]) -> Sequence[str]:
    """Return the paths of the archives that the logs *texts* go on from, in their workspace."""
    told = (_record(line) for text in texts if text for line in text.split(b"\n") if b'"rotated"' in line)
    names = (f"state/{detail_of(record).get('archive')}" for record in told if record.get("event") == ROTATED)
    return tuple(dict.fromkeys(name for name in names if ARCHIVE.fullmatch(name)))


def _folders(repository: Repository, known: Collection[str], tips: Sequence[str], ours: str) -> Sequence[str]:
    """Return the other folders in which a log of one of the ids *known* has ever begun in the history of *tips*."""
    begins = f'"log_id":"({"|".join(sorted(known))})","operator"'
    options = ("-z", "--format=commit %H %P", "--name-only", "--pickaxe-regex", f"-S{begins}", *MERGES_TOO)
    done = repository.run(["git", "log", *options, *tips, "--", ANY_LOG])
    if done.status != 0:
        raise refused(repository, done.stderr)
    files = dict.fromkeys(item.removeprefix("\n") for item in items(done.stdout))
    found = (file.rpartition("state/sources-audit")[0] for file in files if "state/sources-audit" in file)
    return [folder for folder in dict.fromkeys(found) if folder != ours and "\n" not in folder]


def _found(repository: Repository, known: Collection[str], wanted: Mapping[str, Sequence[str]]) -> Former:
    """Return what git has of the logs *known* in each of the folders *wanted*, in the history of its revisions."""
    lines: dict[str, str] = {}
    hashes: dict[str, str] = {}
    for folder, tips in wanted.items():
        ours, theirs = _parted(known, appended(repository, tips, logs_in(folder)))
        lines |= logged(ours)
        named = named_hashes(added(repository, tips, carriers_in(folder)))
        hashes |= {digest: where for digest, where in named.items() if digest not in theirs}
    return Former(lines=lines, hashes=hashes)


def _parted(known: Collection[str], found: Iterable[Added]) -> tuple[list[Added], set[str]]:
    """Return which of the lines *found* are of a log that is *known*, and the hashes of the records of others.

    A folder may have had another workspace since.
    """
    ours: list[Added] = []
    hashes: set[str] = set()
    others: set[str] = set()
    for item in found:
        record = _record(item.line)
        digest, named = str(record.get("hash", "")), record.get("prev")
        before = named if isinstance(named, list) else []
        if record.get("log_id") in known or any(str(each) in hashes for each in before):
            hashes.add(digest)
            ours.append(item)
        else:
            others.add(digest)
    return ours, others - hashes


def _record(line: str | bytes) -> dict[str, Json]:
    with suppress(ValueError, RecursionError):
        record = json.loads(line)
        return record if isinstance(record, dict) else {}
    return {}
