"""What the repository that a workspace is in has committed of its files: the witness outside of the audit log."""

from __future__ import annotations

import hashlib
from pathlib import Path

from git_hybrid.core.audit_verify import Witnesses
from git_hybrid.core.errors import BadArgument
from git_hybrid.core.pattern import pattern
from git_hybrid.git.ahead import BEFORE, LOG, STAGED, WITNESS
from git_hybrid.git.environment import child_environment
from git_hybrid.git.run import Runner
from git_hybrid.git.staged import blobs

_CARRIERS = ("state/sources.json", "state/sources-overrides.json", "state/sources-mirrors.json")
_ADDED_HASH = pattern(r'\+\s*"audit_hash": "([0-9a-f]{64})"')
_COMMIT = pattern(r"commit ([0-9a-f]{40,64})")
_FILE = pattern(r"\+\+\+ (?:b/)?(.*)")


def head_witness(runner: Runner, root: Path) -> Witnesses:
    """Return what HEAD, its parents, and the other side of a merge that is under way, hold of the audit log.

    ``committed`` is None where the workspace is in no repository, or HEAD has no log.
    """
    output = runner.asked(STAGED, root, WITNESS)
    if output is None:
        done = runner.run(STAGED, env=_environment(runner), cwd=root, stdin=WITNESS)
        output = done.stdout if done.status == 0 else b""
    versions = blobs(output)
    if not versions or versions[0] is None:
        return Witnesses()
    lines = [[_sha256(line) for line in (blob or b"").split(b"\n") if line] for blob in versions]
    before = dict.fromkeys(item for side in lines[1 : 1 + len(BEFORE)] for item in side)
    committed = frozenset(item for side in lines for item in side)
    return Witnesses(committed=committed, head=tuple(lines[0]), ever=tuple(before))


def history_witness(runner: Runner, root: Path, *, since: str | None = None) -> Witnesses:
    """Return what every commit of HEAD's history says must be in the log; with *since* only the commits after it.

    Raises:
        BadArgument: *since* names no commit of the repository.
    """
    now = head_witness(runner, root)
    if since is not None and not _is_commit(runner, root, since):
        raise BadArgument(what="--since", value=since, reason="names no commit of the repository")
    span = "HEAD" if since is None else f"{since}..HEAD"
    hashes: dict[str, str] = {}
    commit = file = ""
    for line in _patch(runner, root, span, _CARRIERS).split("\n"):
        if match := _COMMIT.fullmatch(line):
            commit = match[1]
        elif match := _FILE.fullmatch(line):
            file = match[1]
        elif match := _ADDED_HASH.match(line):
            hashes.setdefault(match[1], f"{file} in commit {commit[:12]}")
    logged = [line[1:] for line in _patch(runner, root, span, (LOG,)).split("\n") if line.startswith("+{")]
    if since is not None:
        done = runner.run(["git", "cat-file", "blob", f"{since}:./{LOG}"], env=_environment(runner), cwd=root)
        logged += done.stdout.decode("utf-8", "surrogateescape").split("\n") if done.status == 0 else []
    older = (_sha256(line.encode("utf-8", "surrogateescape")) for line in logged if line)
    ever = tuple(dict.fromkeys((*older, *now.ever)))
    return Witnesses(committed=now.committed, head=now.head, hashes=hashes, ever=ever)


def _patch(runner: Runner, root: Path, span: str, files: tuple[str, ...]) -> str:
    """Return the changes of *files* in *span*, the oldest first; nothing where there is no repository.

    All of history: git would pass over the branch whose changes a merge has lost.
    """
    options = (
        "--full-history",
        "--reverse",
        "--unified=0",
        "--no-color",
        "--no-ext-diff",
        "--no-textconv",
        "--no-renames",
        "--text",
    )
    argv = ["git", "log", "--format=commit %H", "--patch", *options, span, "--", *files]
    done = runner.run(argv, env=_environment(runner), cwd=root)
    return done.stdout.decode("utf-8", "surrogateescape") if done.status == 0 else ""


def _is_commit(runner: Runner, root: Path, revision: str) -> bool:
    argv = ["git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"]
    return not revision.startswith("-") and runner.run(argv, env=_environment(runner), cwd=root).status == 0


def _environment(runner: Runner) -> dict[str, str]:
    return child_environment(runner.environ, network=True)


def _sha256(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()
