"""Fetch with git-lfs, and the terms on which it asks servers: whom it shows logins, and how much it may keep."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

from git_hybrid.core.errors import AccessDenied, ToolTooOld
from git_hybrid.core.ids import Oid
from git_hybrid.core.manifest import Policy
from git_hybrid.core.pattern import pattern
from git_hybrid.core.ports import Stage
from git_hybrid.git.answers import OfLfs, host_of
from git_hybrid.git.apart import asked_as
from git_hybrid.git.lfsanswers import lfs_arguments
from git_hybrid.git.lfslogins import logins, not_shown
from git_hybrid.git.lfsstore import kept, lacked, take_apart
from git_hybrid.git.run import Runner

MINIMUM_LFS = 3
_VERSION = pattern(rb"git-lfs/(?P<version>(?P<major>\d{1,9})[\w.+-]*)")


def terms_of(
    runner: Runner, url: str, git_dir: Path, policy: Policy, judge: Callable[[str, Sequence[str]], None]
) -> OfLfs:
    """Return what is said of a git-lfs in the repository at *git_dir* that asks *url*; *judge* refuses servers."""
    asked = asked_as(runner, url, git_dir)
    named = hosts_of_settings(runner.chosen | runner.conditional)
    hosts = {host_of(url), *named, *(policy.hosts or ())} - {""}
    folder = f"{git_dir}/lfs/incomplete"
    return OfLfs(
        judge=partial(judge, asked),
        asked=asked,
        logins=logins(runner.environ, hosts),
        folder=folder,
        most=policy.max_bytes,
    )


def require_lfs(runner: Runner, folder: Path) -> str:
    """Return the version of git-lfs, such as ``3.3.0``; *folder* is where it is asked.

    Raises:
        ToolTooOld: it is not installed, or too old.
    """
    done = runner.git(["lfs", "version"], cwd=folder)
    told = _VERSION.match(done.stdout) if done.status == 0 else None
    found = "nothing" if told is None else told["version"].decode("ascii")
    if told is None or int(told["major"]) < MINIMUM_LFS:
        raise ToolTooOld(tool="git-lfs", found=found, needed=str(MINIMUM_LFS))
    return found


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
    judge: Callable[[str, Sequence[str]], None],
    ask: Callable[..., object],
    stall: timedelta,
) -> None:
    """Fetch the LFS content of *oid* into *stage* from *url*, whom *ask* asks; *judge* raises for where that leads.

    It is given what the user's settings make of *url* as well. Nobody is waited for longer than *stall*.

    Raises:
        HybridError: as :meth:`git_hybrid.git.transport.GitTransport.fetch_lfs`.
    """
    git_dir = Path(stage.git_dir)
    require_lfs(runner, git_dir)
    terms, lent = terms_of(runner, url, git_dir, policy, judge), frozenset(kept(git_dir))
    try:
        # git-lfs would read a .lfsconfig of the folder that the user stands in.
        ask(lfs_arguments(url, oid, terms.asked, stall), git_dir=git_dir, cwd=git_dir, of_lfs=terms)
    except AccessDenied as denied:
        denied.elsewhere = not_shown(denied.message, terms.logins)
        raise
    finally:
        take_apart(git_dir, lent)
    # git-lfs ends with 0 also where the server left out what it was asked for.
    if (error := lacked(runner, stage, oid, url)) is not None:
        raise error
