"""Lines of the lock that were edited by hand: the record of the pin has the digest of the whole table."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from support.cli import Hybrid
from support.governed import LOCK, Site, plain_site
from support.kit import git, lock, replace
from support.upstream import UpstreamFactory


@pytest.fixture
def site(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return plain_site(tmp_path, tmp_path_factory)


def line(key: str, value: str) -> Callable[[str], str]:
    """Return what puts *value* in the place of that of *key*, or takes the line out where it is empty."""
    return lambda text: re.sub(
        rf"^{key} = (\[[^]]*\]|.*)\n", f"{key} = {value}\n" if value else "", text, flags=re.MULTILINE
    )


EDITS = {
    "ref": line("ref", '"refs/heads/hotfix"'),
    "reachable_from": line("reachable_from", '"refs/heads/hotfix"'),
    "root_commits": line("root_commits", ""),
    "first_seen": line("first_seen", "2020-01-01T00:00:00Z"),
    "commit_time": line("commit_time", "2020-01-01T00:00:00Z"),
    "tag_object": lambda text: text.replace("reachable_from", f'tag_object = "{"1" * 40}"\nreachable_from'),
}


@pytest.mark.parametrize("key", EDITS)
def test_an_edited_line_is_told_and_mended(site: Site, key: str) -> None:
    right = site.read(LOCK)
    edited = EDITS[key](right)
    assert edited != right
    site.write(LOCK, edited)
    (breach,) = site.verified()
    assert breach.id == "foreign-content"
    assert ("the ref that" if key == "ref" else "the entry that") in breach.what
    git(*breach.mend.partition(";")[0].split()[1:], cwd=site.root)
    assert site.read(LOCK) == right
    assert site.verified() == ()
    # Where it was committed, the pin is made anew: what was edited proves nothing.
    site.write(LOCK, edited)
    site.commit("edited")
    assert {item.mend for item in site.checked("audit")} == {breach.mend}
    site(*breach.mend.partition("git hybrid ")[2].split())
    site("sync")
    assert site.read(LOCK) == right
    assert site.verified() == ()
    assert site.checked("audit") == []


@pytest.mark.parametrize("edited", [line("ref", '"refs/heads/hotfix"'), line("url", '"file:///elsewhere"')])
def test_what_the_manifest_has_otherwise_is_no_commit_off_its_ref(site: Site, edited: Callable[[str], str]) -> None:
    right = site.read(LOCK)
    site.write(LOCK, edited(right))
    title, _, back, anew, *_ = site("sync", check=6).err.splitlines()
    assert title.startswith("error: tool: state/sources.lock has ")
    assert ", and sources.toml " in title
    assert [back, anew] == [line for line in site("status").err.splitlines() if line.startswith("hint: ")]
    assert [item.file for item in site.checked("metadata")] == [LOCK]
    git(*back.removeprefix("hint: ").split()[1:], cwd=site.root)
    assert site.read(LOCK) == right
    site.write(LOCK, edited(right))
    site.commit("edited")
    site(*anew.partition("git hybrid ")[2].split())
    site("sync")
    site("check")
    assert edited(right) != site.read(LOCK)


@pytest.mark.parametrize("there", [True, False])
def test_a_commit_that_was_edited_is_told_and_mended_and_upstream_not_accused(site: Site, there: bool) -> None:
    right = site.read(LOCK)
    other = site.tool.commit({"README": "newer\n"}) if there else "0" * 40
    site.write(LOCK, line("commit", f'"{other}"')(right))
    for command in (("sync",), ("reset", "tool"), ("diff", "--upstream")) if not there else (("sync",),):
        told = site(*command, check=5).err
        assert "error: tool: state/sources.lock does not name what was pinned" in told
        assert "hint: git checkout HEAD -- state/sources.lock\n" in told
        assert "hint: git hybrid" not in told
        assert "upstream" not in told
    assert "mend: git checkout HEAD -- state/sources.lock\n" in site("check", "audit", check=1).out
    git("checkout", "HEAD", "--", LOCK, cwd=site.root)
    site("sync")
    assert site.verified() == ()


def test_of_a_tag_upstream_is_not_accused_of_what_the_lock_has(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory
) -> None:
    tool = upstream_factory()
    tool.commit({"v": "1.0"})
    tool.tag("v1.0.0")
    hybrid("init")
    hybrid("add", tool.url, "--tag", "v1.0.0")
    path = workspace / LOCK
    path.write_text(line("commit", f'"{"0" * 40}"')(path.read_text()))
    for command in ("sync", "outdated"):
        told = hybrid(command, check=5).err
        assert "error: tool: state/sources.lock does not name what was pinned" in told
        assert f"found was {tool.rev('v1.0.0^{commit}')}, as the audit log has it" in told
    path.write_text(line("tag_object", f'"{"0" * 40}"')(path.read_text()))
    hybrid("pin", "tool")
    hybrid("sync")


def test_a_rollback_is_judged_by_the_ref_of_the_record(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory
) -> None:
    tool = upstream_factory()
    tool.commit({"v": "1.0"})
    tool.tag("v1.0.0")
    tool.branch("maint", "main")
    fix = tool.commit({"fix": "1.0.1"}, branch="maint")
    tool.tag("v1.0.1", "maint")
    tool.commit({"v": "1.1"})
    tool.tag("v1.1.0")
    hybrid("init")
    hybrid("add", tool.url, "--version", ">=1,<2")
    hybrid("pin", "tool", "--to", "v1.0.1", check=6)
    replace(workspace / LOCK, "refs/tags/v1.1.0", "refs/tags/v1.0.0")
    told = hybrid("pin", "tool", "--to", "v1.0.1", check=6).err
    assert f"{fix} is older than" in told
    assert "where the audit log has its pin last" in told


def test_sides_that_pinned_the_same_commit_merge_to_a_table_that_one_of_them_recorded(site: Site) -> None:
    newer = site.tool.commit({"README": "four\n"})
    git("checkout", "-q", "-b", "branch", cwd=site.root)
    site("pin", "tool", shift="+1h")
    site("sync", shift="+1h")
    seen = [lock(site.root)["tool"]["first_seen"]]
    site.commit("later")
    git("checkout", "-q", "main", cwd=site.root)
    site("sync")
    site("pin", "tool")
    site("sync")
    seen += [lock(site.root)["tool"]["first_seen"]]
    site.commit("sooner")
    git("merge", "-q", "branch", cwd=site.root, check=False)
    site("merge")
    assert lock(site.root)["tool"]["commit"] == newer
    assert lock(site.root)["tool"]["first_seen"] == min(seen)
    assert site.checked("audit") == []
