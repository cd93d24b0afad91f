"""A lock that a revert or a hand put back, while the audit log went on: what the log has last counts."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from git_hybrid.core.audit import detail_of
from support.cli import Hybrid
from support.governed import BEA, LOCK, LOG, OPTIONS, STATE, Site, forced_site, option_words, plain_site
from support.kit import git, lock, replace
from support.signing import signed, with_key
from support.upstream import UpstreamFactory

WHY = {"ID": "CHG-1", "WHO": BEA, "TEXT": "reverted", "WHEN": "3d"}


@pytest.fixture
def site(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return plain_site(tmp_path, tmp_path_factory)


@pytest.fixture
def forced(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return forced_site(tmp_path, tmp_path_factory)


def mends(told: str) -> list[list[str]]:
    """Return the commands that the mend of a pin gives, their placeholders filled in."""
    (mend,) = re.findall(r"^  mend: (.+)$", told, re.MULTILINE)
    found = re.findall(r"git hybrid (pin \S+ --to [0-9a-f]{40}(?: --force(?: --\w+ [A-Z]+)+)?)", mend)
    return [[WHY.get(word, word) for word in shlex.split(item)] for item in found]


@pytest.mark.parametrize(("option", "old", "new"), [("--tag", "v1.1.0", "v1.2.0"), ("--version", ">=1,<1.2", ">=1,<2")])
def test_a_reverted_move_is_approved_as_the_check_says(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, option: str, old: str, new: str
) -> None:
    tool = upstream_factory()
    for tag in ("v1.1.0", "v1.2.0"):
        tool.commit({"v": tag})
        tool.tag(tag)
    git("init", "-q", "-b", "main", cwd=workspace)
    hybrid("init")
    hybrid("add", tool.url, option, old)
    hybrid("sync")
    commit(workspace, "old")
    replace(workspace / "sources.toml", f'"{old}"', f'"{new}"')
    hybrid("pin", "tool")
    hybrid("sync")
    commit(workspace, "new")
    git("revert", "--no-edit", "HEAD", cwd=workspace)
    git("checkout", "-q", "HEAD~1", "--", LOG, cwd=workspace)
    hybrid("sync")
    commit(workspace, "the log")
    first, second = tool.rev("v1.1.0^{commit}"), tool.rev("v1.2.0^{commit}")
    told = hybrid("check", "audit", check=1).out
    # Bringing it to order by a plain pin would be the rollback without its approval.
    for words in (["tool"], ["--all"], ["-n", "tool"], ["tool", "--to", first]):
        assert (
            f"{first} is older than {second}, where the audit log has its pin last"
            in hybrid("pin", *words, check=6).err
        )
    assert "put its entry in sources.toml back" in told
    approve, stay = mends(told)
    assert (approve[3], stay[3]) == (first, second)
    if option == "--tag":
        log = (workspace / LOG).read_text()
        hybrid(*stay, check=6)
        assert (workspace / LOG).read_text() == log
    hybrid(*approve)
    hybrid("check", "audit", "overrides")
    hybrid("audit", "verify")
    hybrid("sync")
    commit(workspace, "approved")
    hybrid("audit", "verify")
    assert lock(workspace)["tool"]["commit"] == first


def test_a_rollback_by_the_manifest_is_told_with_the_way_back(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory
) -> None:
    tool = upstream_factory()
    for tag in ("v1.0.0", "v1.1.0"):
        tool.commit({"v": tag})
        tool.tag(tag)
    hybrid("init")
    hybrid("add", tool.url, "--tag", "v1.1.0")
    replace(workspace / "sources.toml", "v1.1.0", "v1.0.0")
    refused = hybrid("pin", check=6).err
    assert "hint: where sources.toml named v1.1.0 before, put that back, then: git hybrid sync tool\n" in refused
    assert "hint: git hybrid status" not in refused
    replace(workspace / "sources.toml", "v1.0.0", "v1.1.0")
    hybrid("sync", "tool")


def test_a_reverted_move_that_is_to_stay_is_done_again_as_the_check_says(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory
) -> None:
    tool = upstream_factory()
    for tag in ("v1.1.0", "v1.2.0"):
        tool.commit({"v": tag})
        tool.tag(tag)
    git("init", "-q", "-b", "main", cwd=workspace)
    hybrid("init")
    hybrid("add", tool.url, "--tag", "v1.1.0")
    commit(workspace, "old")
    replace(workspace / "sources.toml", "v1.1.0", "v1.2.0")
    hybrid("pin", "tool")
    commit(workspace, "new")
    git("checkout", "-q", "HEAD~1", "--", LOCK, "sources.toml", cwd=workspace)
    commit(workspace, "back")
    _, stay = mends(hybrid("check", "audit", check=1).out)
    replace(workspace / "sources.toml", "v1.1.0", "v1.2.0")
    hybrid(*stay)
    commit(workspace, "again")
    hybrid("check", "audit")
    hybrid("audit", "verify")


def test_a_reverted_change_of_the_url_is_mended_as_the_check_says(site: Site, tmp_path: Path) -> None:
    git("clone", "-q", "--bare", str(site.tool.path), str(tmp_path / "moved.git"), cwd=tmp_path)
    text = site.read("sources.toml")
    url = re.sub(r'url = ".*"', f'url = "{(tmp_path / "moved.git").as_uri()}"', text)
    site.write("sources.toml", url)
    git("--git-dir", str(tmp_path / "moved.git"), "update-ref", "refs/heads/main", "main~1", cwd=tmp_path)
    site("pin", "tool")
    site.commit("moved")
    git("checkout", "-q", "HEAD~1", "--", "sources.toml", LOCK, cwd=site.root)
    site.commit("back")
    (back,) = re.findall(
        r"mend: if going back is approved: git hybrid (pin \S+ --to \w+), where", site("check", "audit", check=1).out
    )
    site(*back.split())
    assert site.checked("audit") == []


@pytest.mark.parametrize("chosen", [0, 1])
def test_where_the_manifest_allows_both_the_check_gives_both(site: Site, chosen: int) -> None:
    older, newest = back_by_hand(site)
    given = mends(site("check", "audit", check=1).out)
    assert [words[3] for words in given] == [newest, older]
    site(*given[chosen])
    site("sync")
    site.commit("mended")
    site("audit", "verify")
    assert site.checked("audit") == []


def test_what_was_forced_and_put_back_is_no_fault_and_can_be_forced_again(forced: Site) -> None:
    git("checkout", "-q", "HEAD~1", "--", LOCK, STATE, cwd=forced.root)
    git("add", "-A", cwd=forced.root)
    # It goes back to what needs no approval.
    assert forced.checked("audit") == []
    why = ("--request", WHY["ID"], "--approver", WHY["WHO"], "--reason", WHY["TEXT"], "--expires", WHY["WHEN"])
    forced("pin", "tool", "--to", forced.commits.hotfix, "--force", *why)
    first, second = forced.overrides()
    assert (second["from_commit"], second["lifts"]) == (forced.commits.third, first["lifts"])
    assert first["status"] == "superseded"
    forced("sync")
    forced.commit("again")
    forced("audit", "verify")


def test_a_plain_pin_takes_a_forced_one_back_and_says_so_in_the_log(forced: Site) -> None:
    git("checkout", "-q", "HEAD~1", "--", LOCK, STATE, cwd=forced.root)
    assert "is superseded" in forced("pin", "tool").out
    pinned = [item for item in forced.log() if item["event"] == "pin"][-1]
    assert (pinned["before"], pinned["after"]) == (forced.commits.hotfix, forced.commits.third)
    forced("sync")
    forced.commit("taken back")
    forced("audit", "verify")
    assert [item for what in ("audit", "overrides") for item in forced.checked(what)] == []


def test_a_moved_tag_that_was_forced_and_put_back_keeps_its_override_or_gets_another(site: Site) -> None:
    site.replace("sources.toml", 'branch = "main"', 'tag = "rel"')
    site.tool.tag("rel", "main")
    site("pin", "tool")
    before = site.read(LOCK)
    site.tool.tag("rel", "hotfix", force=True)
    site.force("rel", expires="2d")
    (record,) = site.overrides()
    site.write(LOCK, before)
    assert "git hybrid pin tool --to" in site.force("rel", check=6).err
    kept = site.keep()
    site("pin", "tool", "--to", "rel")
    assert lock(site.root)["tool"]["override"] == record["id"]
    # Once it has ended, the same approval is needed anew.
    site.put_back(kept)
    assert "expired" in site("pin", "tool", check=6, shift="+3d").err
    site.force("rel", shift="+3d")
    again = site.overrides()[-1]
    assert (again["from_commit"], again["lifts"]) == (record["from_commit"], record["lifts"])


def test_forcing_what_the_log_has_opens_no_way_back(site: Site) -> None:
    site.tool.tag("old", "main~1")
    site.tool.tag("new", "main")
    site.replace("sources.toml", 'branch = "main"', 'tag = "old"')
    site("remove", "tool")
    site("add", site.tool.url, "--name", "tool", "--tag", "old")
    before = site.keep(LOCK, "sources.toml")
    site.replace("sources.toml", '"old"', '"new"')
    site("pin", "tool")
    site.put_back(before)
    site.force(site.commits.third)
    assert site.overrides()[0]["from_commit"] == site.commits.third
    for words in (["tool"], ["tool", "--to", site.commits.second]):
        assert f"is older than {site.commits.third}" in site("pin", *words, check=6).err
    site.force(site.commits.second)
    pinned = [item for item in site.log() if item["event"] == "pin"][-1]
    assert (pinned["before"], pinned["after"]) == (site.commits.third, site.commits.second)
    assert detail_of(pinned)["rests_on"] == site.overrides()[-1]["id"]


def test_an_older_commit_that_was_written_into_the_lock_allows_nothing(site: Site) -> None:
    site.replace(LOCK, site.commits.third, site.commits.first)
    for words in (["tool", "--to", site.commits.second], ["tool", "--to", site.commits.first]):
        assert f"is older than {site.commits.third}" in site("pin", *words, check=6).err
    newer = site.tool.commit({"n": "n"})
    site("pin", "tool")
    assert lock(site.root)["tool"]["commit"] == newer
    assert [item for item in site.log() if item["event"] == "pin"][-1]["before"] == site.commits.third


def test_a_pin_by_the_way_neither_moves_it_nor_leaves_it_back(site: Site) -> None:
    older, _ = back_by_hand(site)
    path = site.root / "sources.toml"
    path.write_text(path.read_text() + "submodules = true\n")
    before = site.read(LOCK)
    assert f"{older} is older than" in site("pin", check=6).err
    assert site.read(LOCK) == before
    site.force(older)
    assert lock(site.root)["tool"]["commit"] == older


def test_the_request_for_it_is_what_the_forced_pin_asks(site: Site, tmp_path: Path) -> None:
    key = with_key(site, tmp_path)
    older, newest = back_by_hand(site)
    expires = f"{datetime.now(UTC) + timedelta(days=10):%Y-%m-%dT%H:%M:%SZ}"
    words = option_words({**OPTIONS, "approver": None, "expires": expires})
    printed = site("override", "request", "tool", "--to", older, *words).out
    assert f'"from_commit":"{newest}"' in printed
    site.force(older, expires=expires, signature=str(signed(key, printed)))
    assert site.checked("overrides") == []


def back_by_hand(site: Site) -> tuple[str, str]:
    """Move the tool on, and commit the lock as it was before; return the commit in the lock, and that in the log."""
    older, newest = site.commits.third, site.tool.commit({"n": "n"})
    site("pin", "tool")
    site("sync")
    site.commit("on")
    git("checkout", "-q", "HEAD~1", "--", LOCK, STATE, cwd=site.root)
    site.commit("back")
    return older, newest


def commit(workspace: Path, message: str) -> None:
    git("add", "-A", cwd=workspace)
    git("commit", "-q", "-m", message, cwd=workspace)


def test_a_source_that_was_taken_out_by_hand_comes_back_by_no_merge_where_it_stood_before(site: Site) -> None:
    older = site.commits.third
    git("branch", "old", cwd=site.root)
    newest = site.tool.commit({"n": "n"})
    site("pin", "tool")
    site("sync")
    site.commit("on")
    for name in (LOCK, "sources.toml"):
        before, _, _ = site.read(name).partition("[source.tool]")
        site.write(name, before)
    site.write(STATE, site.read(STATE).partition('"sources": [')[0] + '"sources": []\n}\n')
    site.commit("out")
    assert site.checked("audit") == []
    git("checkout", "-q", "old", cwd=site.root)
    site.write("feature", "f")
    site.commit("feature")
    git("checkout", "-q", "-", cwd=site.root)
    git("merge", "-q", "--no-commit", "--no-ff", "old", cwd=site.root)
    git("checkout", "-q", "old", "--", LOCK, STATE, "sources.toml", cwd=site.root)
    told = site("check", "audit", "--staged", check=1).out
    assert f"tool was put back to {older[:12]}, and the last record of its pin has {newest[:12]}" in told
    site.commit("merged")
    assert [breach.id for breach in site.verified()] == ["unexplained-move"]
    # Where a record has it there is nothing to tell.
    site("pin", "tool", "--to", newest)
    site("sync")
    site.commit("right")
    assert site.verified() == ()
