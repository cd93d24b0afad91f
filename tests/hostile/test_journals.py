"""A marker and a journal that a pull request brings: the checks tell them, and no run goes on from them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from git_hybrid.cli.hooking import run as run_hook
from support.cli import Hybrid
from support.governed import plain_site
from support.kit import git, leave_unfinished, manifest
from support.upstream import UpstreamFactory

STATE = ("state/resume.json", "state/journal")


def _kept(folder: Path) -> bool:
    return any((folder / name).exists() for name in STATE)


def test_a_run_that_a_pull_request_brings_is_nobodys(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, tmp_path: Path, monkeypatch
) -> None:
    ours, theirs = upstream_factory("ours/tool"), upstream_factory("theirs/tool")
    for upstream in (ours, theirs):
        upstream.commit({"name": upstream.url})
    hybrid("init")
    hybrid("add", ours.url)
    git("init", "-q", cwd=workspace)
    git("add", ".", cwd=workspace)
    git("commit", "-q", "-m", "vendor", cwd=workspace)

    attacker = tmp_path / "attacker"
    attacker.mkdir()

    def away(*words: str | Path, **given) -> object:
        return hybrid(*words, cwd=attacker, **given)

    away("init")
    away("add", theirs.url)
    leave_unfinished(away, attacker)
    [journal] = (attacker / "state/journal").iterdir()
    shutil.copy(attacker / STATE[0], workspace / STATE[0])
    shutil.copytree(journal.parent, workspace / STATE[1])
    git("add", "-f", *STATE, cwd=workspace)
    text = manifest(workspace)

    monkeypatch.chdir(workspace)
    assert run_hook("sources") == 1
    found = json.loads(hybrid("check", "sources", "--json", check=1).out)
    told = [item["file"] for check in found["checks"] for item in check["violations"] if item["level"] == "fail"]
    assert told[:2] == ["state/journal", "state/resume.json"]
    for words in (["resume"], ["sync"], ["pin"]):
        refused = hybrid(*words, check=2)
        assert (
            "if the run is yours: git rm -r --cached --ignore-unmatch -- state/resume.json state/journal" in refused.err
        )
        assert "hint: git hybrid resume --abort\n" in refused.err
    # Where git has it no more, what it names is not installed all the same.
    git("rm", "-q", "-r", "--cached", "--ignore-unmatch", "--", *STATE, cwd=workspace)
    hybrid("resume")
    assert (workspace / "sources/tool/name").read_text() == ours.url
    assert manifest(workspace) == text
    assert not _kept(workspace)

    shutil.copytree(journal.parent, workspace / STATE[1])
    git("add", "-f", STATE[1], cwd=workspace)
    assert "hint: git hybrid resume --abort\n" in hybrid("sync", check=2).err
    hybrid("resume", "--abort")
    assert not _kept(workspace)
    hybrid("sync")


def test_it_is_told_in_whatever_case_it_is_written(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    site = plain_site(tmp_path, tmp_path_factory)
    blob = git("hash-object", "-w", "sources.toml", cwd=site.root)
    before = git("rev-parse", "HEAD", cwd=site.root)
    names = ["STATE/journal", "State/resume.json"]
    for path in ("STATE/journal/x.jsonl", "State/resume.json"):
        git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", cwd=site.root)
    assert [item.file for item in site.checked("sources")] == names
    assert [item.file for item in site.checked("sources", staged=True)] == names
    git("commit", "-q", "-m", "a run", cwd=site.root)
    assert [item.file for item in site.checked("sources", pushed="HEAD", before=[before])] == names
