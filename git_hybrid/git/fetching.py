"""The words of a ``git fetch``: what it fetches goes to refs of ours, and it changes nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from git_hybrid.core.errors import HybridError
from git_hybrid.core.ports import FetchRequest, Stage
from git_hybrid.core.value import replace
from git_hybrid.git.answers import Answer
from git_hybrid.git.environment import fetches_lazily
from git_hybrid.git.kept import UPSTREAM, kept_ref
from git_hybrid.git.run import Runner
from git_hybrid.git.settings import git_text

# Not --quiet: git would keep to itself that it was redirected.
_FETCH = (
    "fetch",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-recurse-submodules",
    "--no-auto-maintenance",
)
_UNCHECKED = ("-c", "fetch.fsckObjects=false", "-c", "transfer.fsckObjects=false")
# git compares each name that it is asked for with all that are listed; an id it takes as it is.
_FEW = 100
# Of many refs that takes minutes; what becomes of a stage is brought to disk as a whole before anything counts on it.
_UNSYNCED = ("-c", "core.fsync=objects,derived-metadata,index,-reference")


def fetch_arguments(url: str, request: FetchRequest) -> list[str]:
    """Return the command that fetches what *request* asks for from *url*; what :func:`on_stdin` yields goes with it."""
    options = [] if request.depth is None else [f"--depth={request.depth}"]
    options += ["--filter=tree:0"] if request.commits_only else []
    # What the server that was asked before has is no word of this one's, and a branch "a" leaves no room for "a/b".
    is_every = any("*" in ref for ref in request.refs)
    options += ["--prune"] if is_every else []
    command = [*(_UNSYNCED if is_every or _is_long(request) else ()), *_FETCH, *options]
    if _is_long(request):
        return [*command, "--stdin", "--end-of-options", url]
    return [*command, "--end-of-options", url, *_specs(url, request)]


def unchecked_arguments(url: str, request: FetchRequest) -> list[str]:
    """Return the same command without git's fsck, which must be run on what comes before anything of it is used."""
    return [*_UNCHECKED, *fetch_arguments(url, request)]


def bearable(
    runner: Runner, stage: Stage, url: str, request: FetchRequest, ask: Callable[[list[str]], tuple[bytes, Answer]]
) -> FetchRequest:
    """Return *request*, for all objects where an old git would start itself without end for what is left out.

    That is at a server of plain files, whose objects it looks for one by one in a repository that it takes for partial.
    """
    if not (request.commits_only and url.startswith("https://")):
        return request
    least = ["ls-remote", "--end-of-options", url, "HEAD"]
    lazy = fetches_lazily(git_text(runner, Path(stage.git_dir))[1])
    return replace(request, commits_only=False) if lazy and not ask(least)[1].is_surely_git else request


@contextmanager
def on_stdin(url: str, request: FetchRequest | None) -> Iterator[IO[bytes] | None]:
    """Yield a file with the refspecs that would be too many for a command line; None where *request* has few."""
    if request is None or not _is_long(request):
        yield None
        return
    from tempfile import TemporaryFile

    with TemporaryFile() as file:
        file.write(os.fsencode("".join(f"{spec}\n" for spec in _specs(url, request))))
        file.seek(0)
        yield file


@contextmanager
def left_clear(git_dir: Path) -> Iterator[None]:
    """Remove half a pack, and locks, that a git leaves which fails in the block: the next one fetches there too."""
    try:
        yield
    except HybridError:
        from git_hybrid.git.stale import leftovers

        for path in leftovers(git_dir):
            with suppress(OSError):
                path.unlink()
        raise


def _is_long(request: FetchRequest) -> bool:
    return len(request.refs) > _FEW


def _specs(url: str, request: FetchRequest) -> list[str]:
    known = request.listed if _is_long(request) else {}
    specs = [f"+{known.get((url, ref), ref)}:{kept_ref(ref)}" for ref in request.refs]
    return [*specs, *(f"+{oid}:{UPSTREAM}commits/{oid}" for oid in request.commits)]
