"""The words of a ``git fetch``: what it fetches goes to refs of ours, and it changes nothing else."""

from __future__ import annotations

from git_hybrid.core.ports import FetchRequest
from git_hybrid.git.kept import UPSTREAM, kept_ref

# Not --quiet: git would keep to itself that it was redirected.
_FETCH = (
    "fetch",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-recurse-submodules",
    "--no-auto-maintenance",
)
_UNCHECKED = ("-c", "fetch.fsckObjects=false", "-c", "transfer.fsckObjects=false")


def fetch_arguments(url: str, request: FetchRequest) -> list[str]:
    """Return the command that fetches what *request* asks for from *url*."""
    options = [] if request.depth is None else [f"--depth={request.depth}"]
    options += ["--filter=tree:0"] if request.commits_only else []
    specs = [f"+{ref}:{kept_ref(ref)}" for ref in request.refs]
    specs += [f"+{oid}:{UPSTREAM}commits/{oid}" for oid in request.commits]
    return [*_FETCH, *options, "--end-of-options", url, *specs]


def unchecked_arguments(url: str, request: FetchRequest) -> list[str]:
    """Return the same command without git's fsck, which must be run on what comes before anything of it is used."""
    return [*_UNCHECKED, *fetch_arguments(url, request)]
