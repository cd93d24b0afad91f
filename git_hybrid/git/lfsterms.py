"""Fetch with git-lfs, and the terms on which it asks servers: whom it shows logins, and how much it may keep."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from git_hybrid.core.errors import AccessDenied, ToolTooOld
from git_hybrid.core.ids import Oid
from git_hybrid.core.manifest import Policy
from git_hybrid.core.ports import Stage
from git_hybrid.git.answers import OfLfs, host_of
from git_hybrid.git.lfsanswers import lfs_arguments
from git_hybrid.git.lfslogins import logins, not_shown
from git_hybrid.git.lfsstore import lacked
from git_hybrid.git.run import Runner


def terms_of(runner: Runner, url: str, git_dir: Path, policy: Policy, judge: Callable[[Sequence[str]], None]) -> OfLfs:
    """Return what is said of a git-lfs in the repository at *git_dir* that asks *url*; *judge* refuses servers."""
    named = hosts_of_settings(runner.chosen | runner.conditional)
    hosts = {host_of(url), *named, *(policy.hosts or ())} - {""}
    folder = f"{git_dir}/lfs/incomplete"
    return OfLfs(judge=judge, logins=logins(runner.environ, hosts), folder=folder, most=policy.max_bytes)


def hosts_of_settings(keys: Iterable[str]) -> frozenset[str]:
    """Return the hosts that the user's settings *keys* put in place of others (``url.<base>.insteadOf``)."""
    bases = (key.removeprefix("url.").rpartition(".")[0] for key in keys if key.startswith("url."))
    return frozenset(map(host_of, bases))


def fetch_lfs(
    runner: Runner,
    stage: Stage,
    url: str,
    oid: Oid,
    policy: Policy,
    judge: Callable[[Sequence[str]], None],
    ask: Callable[..., object],
) -> None:
    """Fetch the LFS content of *oid* into *stage* from *url*, whom *ask* asks; *judge* raises for where that leads.

    Raises:
        HybridError: as :meth:`git_hybrid.git.transport.GitTransport.fetch_lfs`.
    """
    git_dir = Path(stage.git_dir)
    if runner.git(["lfs", "version"], git_dir=git_dir).status != 0:
        raise ToolTooOld(tool="git-lfs", found="nothing", needed="3")
    terms = terms_of(runner, url, git_dir, policy, judge)
    try:
        # git-lfs would read a .lfsconfig of the folder that the user stands in.
        ask(lfs_arguments(url, oid), git_dir=git_dir, cwd=git_dir, of_lfs=terms)
    except AccessDenied as denied:
        denied.elsewhere = not_shown(denied.message, terms.logins)
        raise
    # git-lfs ends with 0 also where the server left out what it was asked for.
    if (error := lacked(runner, stage, oid, url)) is not None:
        raise error
