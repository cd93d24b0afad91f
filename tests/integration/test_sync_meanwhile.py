"""What somebody does in a clone while `git hybrid sync` runs blocks its source, as if it had been done before."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from support.cli import Hybrid
from support.kit import errors, git, head, outcomes, released, started, with_edits, write_manifest
from support.upstream import UpstreamFactory

COMMIT = "echo mine >mine; git add mine; git -c user.name=me -c user.email=me@example.com commit -qm mine"
# What is done in the clone of each source while objects are fetched, and the error that it is.
DONE = {
    "branched": (f"git checkout -qb mine; {COMMIT}", "diverged"),
    "committed": (COMMIT, "diverged"),
    "edited": ("echo mine >b", "dirty"),
    "overlapping": ("echo mine >README", "dirty"),
    "reverting": ("git revert --no-commit HEAD", "operation-in-progress"),
    "staged": ("echo mine >b; git add b; echo b >b", "dirty"),
}


def looks(clone: Path) -> tuple[str, ...]:
    """Return HEAD, its commit, and what is changed."""
    asked = (["rev-parse", "--abbrev-ref", "HEAD"], ["log", "-1", "--format=%s"], ["status", "--porcelain"])
    return tuple(git(*question, cwd=clone) for question in asked)


def test_work_that_comes_during_a_fetch_stays(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, tmp_path: Path
) -> None:
    upstream = upstream_factory()
    released(upstream)
    names = ["aside", "came", "removed", *DONE]
    write_manifest(workspace, "".join(f'[source.{name}]\nurl = "{upstream.url}"\nbranch = "main"\n' for name in names))
    hybrid("pin")
    hybrid("sync")
    upstream.commit({"README": "four\n"}, "fourth")
    # A colleague pins: here the objects are fetched by the sync.
    colleague = tmp_path / "colleague"
    shutil.copytree(workspace, colleague, ignore=lambda path, _names: ["sources"] if path == str(workspace) else [])
    hybrid("pin", "--all", cwd=colleague)
    shutil.copy(colleague / "state/sources.lock", workspace / "state/sources.lock")
    sources = workspace / "sources"
    clones = {name: sources / name for name in DONE}
    edits = {clones[name]: edit for name, (edit, _) in DONE.items()}
    shutil.rmtree(sources / "came")
    edits[sources] = "rm -r removed; mkdir came; echo mine >came/mine"
    told = hybrid("sync", "-j", "1", "--json", env=with_edits(tmp_path / "git", "index-pack", edits), check=74)
    found = {name: error for name, (_, error) in DONE.items()} | {"came": "foreign-folder", "removed": "local-io"}
    assert errors(told) == found
    assert not (sources / "removed").exists()
    assert os.listdir(sources / "came") == ["mine"]
    assert outcomes(told)["aside"] == "updated"
    assert {name: looks(clone) for name, clone in clones.items()} == {
        "branched": ("mine", "mine", ""),
        "committed": ("HEAD", "mine", ""),
        "edited": ("HEAD", "third", "M b"),
        "overlapping": ("HEAD", "third", "M README"),
        "reverting": ("HEAD", "third", "M  README"),
        "staged": ("HEAD", "third", "MM b"),
    }
    assert git("rev-parse", "refs/hybrid/pin", cwd=clones["edited"]) == head(workspace, "edited")


@pytest.mark.parametrize("command", ["sync", "reset"])
def test_nor_is_a_commit_lost_that_comes_just_before_the_checkout(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, tmp_path: Path, command: str
) -> None:
    upstream = upstream_factory()
    released(upstream)
    started(hybrid, upstream.url, "--branch", "main")
    commit = upstream.commit({"README": "four\n"}, "fourth")
    hybrid("pin", "tool")
    clone = workspace / "sources/tool"
    env = with_edits(tmp_path / "git", "checkout", {clone: COMMIT})
    if command == "sync":
        assert "tool  blocked  diverged\n" in hybrid("sync", env=env, check=3).out
        assert looks(clone) == ("HEAD", "mine", "")
    else:
        (ref,) = hybrid("reset", "tool", env=env).out.split("local work saved as ")[1:]
        assert git("log", "--format=%s", ref.split()[0], cwd=clone).split("\n").count("mine") == 1
        assert head(workspace) == commit
