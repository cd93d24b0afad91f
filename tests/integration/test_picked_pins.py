"""A release branch picks the move of one source, and the log brings along that of another, which never counts there."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from integration.test_hooks import hook
from support.beginning import Beginning
from support.cli import Hybrid
from support.kit import git, lock
from support.upstream import UpstreamFactory


class Branches:
    """``main`` has moved ``a`` and then ``b``; ``release`` began before that, and has picked the move of ``b``."""

    def __init__(self, root: Path, hybrid: Hybrid) -> None:
        self.root, self.hybrid = root, hybrid

    def git(self, *words: str | Path) -> str:
        return git(*words, cwd=self.root)

    def synced(self) -> None:
        self.hybrid("sync")
        self.git("checkout", "-q", "--", "state")

    def moved(self, name: str, tag: str) -> None:
        self.hybrid("pin", name, "--tag", tag)
        self.hybrid("sync")
        self.git("commit", "-q", "-a", "-m", f"{name} {tag}")

    def merge(self, branch: str, side: str) -> None:
        done = subprocess.run(["git", "merge", "-q", "--no-edit", branch], cwd=self.root, check=False)
        assert done.returncode == 1
        self.hybrid("merge", check=None)
        self.git("checkout", "-q", side, "--", "sources.toml", "state/sources.lock")
        self.hybrid("sync")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "merge")


@pytest.fixture
def release(workspace: Path, hybrid: Hybrid, upstream_factory: UpstreamFactory, beginning: Beginning) -> Branches:
    made = Branches(workspace, hybrid)
    upstreams = [upstream_factory(name) for name in ("a", "b")]
    for upstream in upstreams:
        for number in (1, 2, 3):
            upstream.commit({"a.txt": f"{number}\n"})
            upstream.tag(f"v1.{number}.0")
        upstream.branch("1.1.x", "v1.1.0")
        for number in (1, 2):
            upstream.commit({"fix.txt": f"{number}\n"}, branch="1.1.x")
            upstream.tag(f"v1.1.{number}", "1.1.x")

    def make() -> None:
        made.git("init", "-q", "-b", "main")
        hybrid("init")
        for upstream in upstreams:
            hybrid("add", upstream.url, "--tag", "v1.1.0")
        hybrid("sync")
        made.git("add", "-A")
        made.git("commit", "-q", "-m", "base")
        made.git("branch", "release")
        made.moved("a", "v1.3.0")
        made.moved("b", "v1.2.0")
        made.git("switch", "-q", "release")
        made.synced()
        made.git("cherry-pick", "main")
        made.synced()

    beginning(workspace, make)
    return made


def test_a_release_branch_takes_its_patch_releases(release: Branches) -> None:
    for tag in ("v1.1.1", "v1.1.2"):
        release.moved("a", tag)
        release.hybrid("check", "audit")
        release.hybrid("audit", "verify")
    assert "is older than the pinned" in release.hybrid("pin", "a", "--tag", "v1.1.1", check=6).err
    # Of the branch that has the newer one, and merges this, nothing goes back.
    release.git("switch", "-q", "main")
    release.synced()
    newer = lock(release.root)["a"]["commit"]
    release.merge("release", "--ours")
    assert lock(release.root)["a"]["commit"] == newer
    release.hybrid("check", "audit")
    release.hybrid("audit", "verify")
    assert "rollback" in release.hybrid("pin", "a", "--tag", "v1.2.0", check=6).out


def test_where_it_takes_in_the_other_branch_that_is_told_as_of_any(release: Branches) -> None:
    release.moved("a", "v1.1.1")
    release.merge("main", "--ours")
    assert "another branch had moved it on" in release.hybrid("check", "audit").out
    release.moved("a", "v1.1.2")
    assert "another branch" not in release.hybrid("check", "audit").out
    log = (release.root / "state/sources-audit.jsonl").read_text()
    assert log.count('"brought_along"') == 1


def test_a_merge_that_takes_its_older_pin_is_mended_as_the_hook_says(release: Branches) -> None:
    release.moved("a", "v1.1.1")
    release.git("switch", "-q", "main")
    release.synced()
    release.merge("release", "--theirs")
    release.git("reset", "-q", "--soft", "HEAD~1")
    refused = hook("audit", release.root)
    assert (refused.returncode, "another branch had moved it on" in refused.stdout) == (1, True)
    # Whoever merges may choose, and says so.
    release.hybrid("pin", "a", "--to", "v1.1.1")
    release.git("add", "-A")
    assert hook("audit", release.root).returncode == 0


@pytest.mark.parametrize("how", ["committed", "not committed", "installed", "pushed"])
def test_what_did_count_needs_an_approval_to_go_back(release: Branches, how: str) -> None:
    if how == "pushed":
        release.git("update-ref", "refs/remotes/origin/release", "main")
    elif how == "installed":
        release.git("checkout", "-q", "main", "--", "state/sources.json")
    else:
        release.git("reset", "-q", "--hard", "HEAD~1")
        release.hybrid("pin", "a", "--tag", "v1.3.0")
        release.hybrid("sync")
        if how == "committed":
            release.git("commit", "-q", "-a", "-m", "moved")
        release.git("checkout", "-q", "main~2", "--", "sources.toml", "state/sources.lock")
        release.synced() if how == "committed" else release.hybrid("sync")
    refused = release.hybrid("pin", "a", "--tag", "v1.2.0", check=6)
    assert "where the audit log has its pin last" in refused.err
