"""The terms on which git-lfs asks the servers of one repository: whom it shows logins, and how much it may keep."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from git_hybrid.core.manifest import Policy
from git_hybrid.git.answers import OfLfs, host_of
from git_hybrid.git.lfslogins import logins
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
