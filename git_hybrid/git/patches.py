"""What the commits of a repository changed in the files of a workspace, line by line."""

from __future__ import annotations

from pathlib import Path

from git_hybrid.git.repository import Repository, refused

LOGS = ":(glob)state/sources-audit*.jsonl"
"""The log and its archives."""


def patch(repository: Repository, root: Path, span: str, files: tuple[str, ...]) -> str:
    """Return the changes of *files* in *span*, the oldest first; nothing where there is no repository.

    All of history: git would pass over the branch whose changes a merge has lost, and over what came in a merge itself.
    The user's settings could hide the first commit, or a side of a merge.
    """
    if repository.top is None:
        return ""
    options = (
        "--full-history",
        "--reverse",
        "-m",
        "--unified=0",
        "--no-color",
        "--no-ext-diff",
        "--no-textconv",
        "--no-renames",
        "--text",
    )
    settings = ("-c", "log.showRoot=true", "-c", "log.diffMerges=separate")
    argv = ["git", *settings, "log", "--format=commit %H", "--patch", *options, span, "--", *files]
    done = repository.run(argv, cwd=root)
    if done.status != 0 and _has_commits(repository):
        raise refused(str(repository.top), done.stderr)
    return done.stdout.decode("utf-8", "surrogateescape") if done.status == 0 else ""


def _has_commits(repository: Repository) -> bool:
    return repository.run(["git", "rev-parse", "--verify", "--quiet", "HEAD"]).status == 0
