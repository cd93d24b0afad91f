"""What commits have changed in the files of an audit log and in those that name its records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from git_hybrid.core.digest import sha256_hex
from git_hybrid.core.files import LOG, MIRRORS, OVERRIDES, STATE
from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import Struct
from git_hybrid.git.repository import Repository, refused

_CARRIERS = (STATE, OVERRIDES, MIRRORS)
_SPECIAL = pattern(r"[*?\[\\]")
MERGES_TOO = ("--full-history", "-m", "--no-renames")
"""All of history: git would pass over the branch whose changes a merge has lost, and over what came in a merge."""
ANY_LOG = ":(top,glob)**/state/sources-audit*.jsonl"
"""The pathspec of the logs, and of their archives, of all workspaces of a repository."""
HEADER = pattern(r"commit ([0-9a-f]{40,64}) ?([0-9a-f ]*)")
_ADDED_HASH = pattern(r'\+\s*"audit_hash": "([0-9a-f]{64})"')
_FILE = pattern(r"\+\+\+ (?:b/)?(.*)")


def logs_in(folder: str) -> tuple[str, ...]:
    """Return the pathspec of the log, and of its archives, of the workspace in *folder*, which ends with a slash."""
    plain = _SPECIAL.sub(r"\\\g<0>", folder)
    return (f":(top,glob){plain}state/sources-audit*.jsonl",)


def carriers_in(folder: str) -> tuple[str, ...]:
    """Return the pathspecs of the files that name records, of the workspace in *folder*, which ends with a slash."""
    return tuple(f":(top,literal){folder}{name}" for name in _CARRIERS)


class Added(Struct, frozen=True, kw_only=True):
    """A line that a commit with *parents* has added to *file*; ``is_new`` tells that one of them had no such file."""

    commit: str
    parents: tuple[str, ...]
    file: str
    line: str
    is_new: bool


def added(repository: Repository, revisions: Sequence[str], files: Sequence[str]) -> Iterator[Added]:
    """Yield what the commits that *revisions* select have added to *files* (pathspecs from the top), the oldest first.

    Raises:
        GitRefused: git does not answer.
    """
    parents: tuple[str, ...] = ()
    commit, file, is_new, in_head = "", "", False, True
    for line in _patch(repository, revisions, files).split("\n"):
        if match := HEADER.fullmatch(line):
            commit, parents = match[1], tuple(match[2].split())
        elif line.startswith(("diff ", "@@ ")):
            in_head = line.startswith("diff ")
        elif in_head and line.startswith("--- "):
            is_new = line == "--- /dev/null"
        elif in_head and (match := _FILE.fullmatch(line)):
            file = match[1].rstrip("\t")
        elif line.startswith("+"):
            yield Added(commit=commit, parents=parents, file=file, line=line[1:], is_new=is_new)


def named_hashes(found: Iterable[Added]) -> dict[str, str]:
    """Return the hashes of audit records that the lines *found* name, each with where it was first."""
    hashes: dict[str, str] = {}
    for item in found:
        if match := _ADDED_HASH.match(f"+{item.line}"):
            hashes.setdefault(match[1], f"{item.file} in commit {item.commit[:12]}")
    return hashes


def is_log(file: str) -> bool:
    """Tell whether *file*, as a patch names it, is a log and none of its archives."""
    return file.rstrip('"').endswith(f"/{LOG}") or file == LOG


def line_hash(line: bytes) -> str:
    """Return the SHA-256 of a line of the log as it was written.

    A CR is not of the log, whose lines are JSON: it was committed after a conversion of line endings.
    """
    return sha256_hex(line.removesuffix(b"\r"))


def log_lines(log: bytes) -> Iterator[bytes]:
    """Yield the lines of a *log* that was committed; of a conflict that was committed in it git's own are none."""
    return (line for line in log.split(b"\n") if line and not _is_marker(line))


def _is_marker(line: bytes) -> bool:
    if line.startswith(b"{"):
        return False
    from git_hybrid.core.markers import is_marker

    return is_marker(line)


def logged(found: Iterable[Added]) -> dict[str, str]:
    """Return the SHA-256 of each record among the lines *found*, each with the commit that first had it."""
    lines: dict[str, str] = {}
    for item in found:
        if item.line.startswith("{"):
            lines.setdefault(line_hash(item.line.encode("utf-8", "surrogateescape")), item.commit)
    return lines


def _patch(repository: Repository, revisions: Sequence[str], files: Sequence[str]) -> str:
    """Return the changes of *files* in *revisions*, the oldest first; nothing where there is no repository."""
    if repository.top is None:
        return ""
    options = ("--reverse", "--unified=0", "--no-color", "--text", *MERGES_TOO)
    argv = ["git", "log", "--format=commit %H %P", "--patch", *options, *revisions, "--", *files]
    done = repository.run(argv)
    if done.status != 0 and has_commit(repository, "HEAD"):
        raise refused(repository, done.stderr)
    return done.stdout.decode("utf-8", "surrogateescape") if done.status == 0 else ""


def has_commit(repository: Repository, revision: str) -> bool:
    """Tell whether there is the commit *revision*."""
    return (
        repository.run(["git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"]).status
        == 0
    )


def hashed(found: Sequence[bytes | None]) -> list[tuple[str, ...]]:
    """Return the SHA-256 of each line of each of the blobs; a commit's log begins with that of the one before it."""
    told: dict[bytes, tuple[str, ...]] = {b"": ()}
    for blob in sorted({blob for blob in found if blob}, key=len):
        known = max((item for item in told if item.endswith(b"\n") and blob.startswith(item)), key=len, default=b"")
        told[blob] = (*told[known], *map(line_hash, log_lines(blob[len(known) :])))
    return [told[blob or b""] for blob in found]
