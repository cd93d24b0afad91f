"""What git has committed of the archives of the audit log."""

from __future__ import annotations

from collections.abc import Mapping

from git_hybrid.core.digest import sha256_hex
from git_hybrid.core.errors import GitRefused
from git_hybrid.core.pattern import pattern
from git_hybrid.git.patches import line_hash, log_lines
from git_hybrid.git.repository import Repository
from git_hybrid.git.run import items

ARCHIVE = pattern(r"state/sources-audit\.[0-9]{4}(?:-[1-9][0-9]{0,2})?\.jsonl")


def archived_at(repository: Repository, prefix: str, file: str, sha256: str) -> str:
    """Return the commit, HEAD or the newest one, in which *file* of the workspace has this SHA-256, or nothing.

    The one that closed it may be on no branch any more: a rebase has dropped it. Of a partial clone that lacks one of
    its contents it is the newest that wrote it.
    """
    argv = ["git", "log", "--all", "--reflog", "--full-history", "--format=%h", "HEAD"]
    path = f":(top,literal){prefix}{file}"
    told = repository.run([*argv, "--", path]).stdout.decode("ascii", "replace").split()
    commits = [*(() if repository.revision else ("HEAD",)), *told]
    try:
        found = repository.blobs(f"{commit}:./{prefix}{file}" for commit in commits)
    except GitRefused:
        wrote = repository.run([*argv, "-1", "--diff-filter=AM", "--", path])
        return wrote.stdout.decode("ascii", "replace").strip()
    written = (None if blob is None else sha256_hex(blob.replace(b"\r\n", b"\n")) for blob in found)
    return next((commit for commit, digest in zip(commits, written, strict=True) if digest == sha256), "")


def archives_at(repository: Repository, prefix: str, commit: str) -> Mapping[str, frozenset[str]]:
    """Return the archives of the log that *commit* has, each with the SHA-256 of its lines.

    Behind a colon it may have another folder than *prefix*, where the log stood before.
    """
    commit, colon, folder = commit.partition(":")
    prefix = folder if colon else prefix
    listed = repository.ask(("git", "ls-tree", "--name-only", "-z", "--full-tree", commit, "--", f"{prefix}state/"))
    names = [name.removeprefix(prefix) for name in items(listed)]
    archives = [name for name in names if ARCHIVE.fullmatch(name)]
    found = repository.blobs(f"{commit}:./{prefix}{name}" for name in archives)
    return {name: frozenset(map(line_hash, log_lines(blob or b""))) for name, blob in zip(archives, found, strict=True)}
