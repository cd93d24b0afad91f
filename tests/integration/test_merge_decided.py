"""Pins that both sides of a merge had moved: the merge decides, and afterwards no hand and no plain pin decides anew."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from git_hybrid.core.audit import Event, Tail, extend
from git_hybrid.core.canonical import canonical_json
from integration.test_hooks import hook
from support.governed import LOCK, OVERRIDES, STATE, Site, option_words, plain_site
from support.governed import LOG as AUDIT
from support.governed import OPTIONS as APPROVED
from support.kit import git, lock
from support.values import NOW, RUN


@pytest.fixture
def site(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return a workspace whose branch ``side`` pinned one commit, and ``main`` the next one, beside each other."""
    site = plain_site(tmp_path, tmp_path_factory)
    git("checkout", "-q", "-b", "side", cwd=site.root)
    moved(site, "older")
    git("checkout", "-q", "main", cwd=site.root)
    site("sync")
    moved(site, "newer")
    return site


def moved(site: Site, what: str) -> None:
    site.tool.commit({"README": what}, what)
    site("pin", "tool")
    site("sync")
    site.commit(what)


def merged(site: Site, *, squash: bool = False) -> None:
    git("merge", "-q", *(("--squash",) if squash else ()), "side", cwd=site.root, check=False)
    site("merge", check=None)


def pinned(site: Site) -> str:
    return str(lock(site.root)["tool"]["commit"])


def told(site: Site) -> list[str]:
    return [item.mend for item in site.checked("audit") if item.level == "fail"]


def test_what_was_decided_is_not_put_back_by_hand(site: Site, tmp_path: Path) -> None:
    older, newer = site.tool.rev("main~1"), site.tool.rev("main")
    merged(site)
    site.commit("merge")
    assert (pinned(site), told(site)) == (newer, [])
    for name in (LOCK, STATE):
        git("checkout", "side", "--", name, cwd=site.root)
    site("sync")
    git("add", "-A", cwd=site.root)
    found = hook("check", site.root)
    assert found.returncode == 1
    assert "a merge before that had left it at" in found.stdout + found.stderr
    git("commit", "-q", "-n", "-m", "put back", cwd=site.root)
    (mend,) = told(site)
    assert [breach.id for breach in site.verified()] == ["unexplained-move"]
    for depth in ((), ("--depth=1",)):
        git("clone", "-q", *depth, site.root.as_uri(), f"clone{len(depth)}", cwd=tmp_path)
        clone = Site(tmp_path / f"clone{len(depth)}", site.tool, site.commits)
        # A shallow clone does not know what came before.
        assert told(clone) == ([] if depth else [mend])
    stay, back = re.findall(r"git hybrid (pin tool --to [0-9a-f]{40})", mend)
    assert (stay.split()[-1], back.split()[-1]) == (newer, older)
    assert "older than" in site(*back.split(), check=6).err
    site(*back.split(), "--force", *option_words(APPROVED))
    assert site.verified() == ()
    assert '"rollback"' in site.read(OVERRIDES)
    git("checkout", "-q", "HEAD", "--", "state", cwd=site.root)
    (site.root / OVERRIDES).unlink()
    site(*stay.split())
    site("sync")
    assert site.verified() == ()
    site.commit("stay")
    assert told(site) == []


@pytest.mark.parametrize("squash", [False, True])
def test_the_merge_itself_may_take_either_side_and_no_plain_pin_after_it(site: Site, *, squash: bool) -> None:
    older, newer = site.tool.rev("main~1"), site.tool.rev("main")
    git("checkout", "-q", "-b", "other", cwd=site.root)
    merged(site, squash=squash)
    site("pin", "tool", "--to", older)
    site("sync")
    site.commit("theirs")
    assert (pinned(site), told(site), site.verified()) == (older, [], ())
    git("checkout", "-q", "main", cwd=site.root)
    merged(site, squash=squash)
    site.commit("ours")
    site("sync")
    assert pinned(site) == newer
    assert "older than" in site("pin", "tool", "--to", older, check=6).err
    # Nor by way of a lock that was edited, or that has lost the pin.
    text = site.read(LOCK)
    git("checkout", "side", "--", LOCK, cwd=site.root)
    assert "where a branch that was merged had pinned it" in site("pin", "tool", "--to", older, check=6).err
    site.write(LOCK, text[: text.index("[source.")])
    assert "where a branch that was merged had pinned it" in site("pin", "tool", "--to", older, check=6).err
    site.write(LOCK, text)
    site.tool.commit({"README": "newest"}, "newest")
    site("pin", "tool")
    site("sync")
    site.commit("newest")
    assert (told(site), site.verified()) == ([], ())


def garbled(site: Site) -> None:
    committed(site, "<<<<<<< HEAD\n")


def of_later_version(site: Site) -> None:
    committed(site, re.sub(r"(?m)^lock_version = .*", "lock_version = 99", site.read(LOCK)))


def committed(site: Site, text: str) -> None:
    """Commit *text* as the lock, and have the lock as it was on the disk."""
    kept = site.read(LOCK)
    site.write(LOCK, text)
    git("commit", "-q", "-n", "-a", "-m", "oops", cwd=site.root)
    site.write(LOCK, kept)


def unborn(site: Site) -> None:
    git("symbolic-ref", "HEAD", "refs/heads/none", cwd=site.root)


def elsewhere(site: Site) -> None:
    git("checkout", "-q", "--orphan", "empty", cwd=site.root)
    git("rm", "-r", "-q", "--cached", ".", cwd=site.root)
    git("commit", "-q", "--allow-empty", "-m", "empty", cwd=site.root)


@pytest.mark.parametrize("hide", [garbled, of_later_version, unborn, elsewhere])
def test_what_was_decided_counts_where_head_does_not_tell(site: Site, hide: Callable[[Site], None]) -> None:
    older = site.tool.rev("main~1")
    merged(site)
    site.commit("merge")
    hide(site)
    assert "older than" in site("pin", "tool", "--to", older, check=6).err
    # The lock alone may be gone as well.
    site.write(LOCK, site.read(LOCK).partition("[source.")[0])
    assert "older than" in site("pin", "tool", "--to", older, check=6).err


def test_what_was_decided_counts_in_a_workspace_that_was_moved_since(site: Site) -> None:
    older = site.tool.rev("main~1")
    merged(site)
    site.commit("merge")
    below = site.root / "below"
    below.mkdir()
    for name in ("sources.toml", "state", "sources"):
        (site.root / name).rename(below / name)
    moved_to = Site(below, site.tool, site.commits)
    assert "older than" in moved_to("pin", "tool", "--to", older, check=6).err


def test_a_head_that_cannot_be_read_decides_nothing(site: Site) -> None:
    older = site.tool.rev("main~1")
    merged(site)
    site.commit("merge")
    blob = git("rev-parse", f"HEAD:{AUDIT}", cwd=site.root)
    (site.root / ".git/objects" / blob[:2] / blob[2:]).unlink()
    refused = site("pin", "tool", "--to", older, check=None)
    assert refused.code not in (0, 6)
    assert "its object cannot be read" in refused.err
    # What only looks goes on.
    site("status", check=None)
    site("sync")


def test_where_nothing_is_committed_whoever_merges_decides(site: Site) -> None:
    older = site.tool.rev("main~1")
    merged(site)
    (site.root / ".git").rename(site.root.parent / "away")
    site("pin", "tool", "--to", older)
    assert pinned(site) == older
    git("init", "-q", "-b", "main", cwd=site.root)
    site("pin", "tool", "--to", site.tool.rev("main"))
    assert pinned(site) == site.tool.rev("main")


def away(site: Site, older: str) -> None:
    git_dir = site.root / ".git"
    git_dir.rename(site.root.parent / "away")
    site("pin", "tool", "--to", older)
    (site.root.parent / "away").rename(git_dir)


def before_the_merge(site: Site, older: str) -> None:
    tip = git("rev-parse", "HEAD", cwd=site.root)
    git("reset", "-q", "--soft", "HEAD^1", cwd=site.root)
    site("pin", "tool", "--to", older)
    git("reset", "-q", "--soft", tip, cwd=site.root)


@pytest.mark.parametrize("pin_unseen", [away, before_the_merge])
def test_a_pin_that_took_the_other_side_when_that_was_decided_is_found(
    site: Site, tmp_path: Path, pin_unseen: Callable[[Site, str], None]
) -> None:
    older, newer = site.tool.rev("main~1"), site.tool.rev("main")
    merged(site)
    site.commit("merge")
    site("sync")
    assert (pinned(site), told(site)) == (newer, [])
    pin_unseen(site, older)
    site("sync")
    git("add", "-A", cwd=site.root)
    found = hook("check", site.root)
    assert found.returncode == 1
    assert "a merge before that had left it at" in found.stdout + found.stderr
    git("commit", "-q", "-n", "-m", "put back", cwd=site.root)
    site.tool.commit({"README": "newest"}, "newest")
    (mend,) = told(site)
    assert [breach.id for breach in site.verified()] == ["unexplained-move"]
    git("clone", "-q", site.root.as_uri(), "clone", cwd=tmp_path)
    assert told(Site(tmp_path / "clone", site.tool, site.commits)) == [mend]
    stay, back = re.findall(r"git hybrid (pin tool --to [0-9a-f]{40})", mend)
    assert (stay.split()[-1], back.split()[-1]) == (newer, older)
    kept = site.keep(AUDIT, LOCK, STATE)
    for words in (stay.split(), [*back.split(), "--force", *option_words(APPROVED)]):
        site(*words)
        site("sync")
        assert (told(site), site.verified()) == ([], ())
        site.put_back(kept)
        (site.root / OVERRIDES).unlink(missing_ok=True)
        site("sync")


def taken(site: Site, *words: str, side: str) -> None:
    """Bring ``side`` by the git command *words*, and take its lock and state, or ours, as they are."""
    git(*words, "side", cwd=site.root, check=False)
    for name in (LOCK, STATE):
        git("checkout", f"--{side}", "--", name, cwd=site.root)
    site("sync")
    git("add", "-A", cwd=site.root)


def behind(site: Site, pushed: str = "") -> list[tuple[str, str]]:
    """Return what is told of pins that went back, by its level and with what mends it."""
    return [(item.level, item.mend) for item in site.checked("audit", pushed=pushed) if "may go back" in item.what]


def test_the_newer_side_that_was_taken_as_it_is_stays_unaccused(site: Site) -> None:
    taken(site, "merge", "-q", side="ours")
    assert hook("check", site.root).returncode == 0
    site.commit("merge")
    assert (told(site), site.verified()) == ([], ())
    moved(site, "next")
    assert (told(site), site.verified()) == ([], ())


@pytest.mark.parametrize("words", [("merge", "-q"), ("cherry-pick",)])
def test_the_older_side_that_was_taken_as_it_is_takes_a_plain_pin_that_says_so(
    site: Site, words: tuple[str, ...]
) -> None:
    older, newer = site.tool.rev("main~1"), site.tool.rev("main")
    taken(site, *words, side="theirs")
    found = hook("check", site.root)
    assert found.returncode == 1
    assert "no record tells that it may go back" in found.stdout
    go_on, stay = f"git hybrid pin tool --to {newer}", f"git hybrid pin tool --to {older}"
    assert behind(site) == [("fail", f"{go_on}; or, if the older one is meant: {stay}")]
    assert [breach.id for breach in site.verified()] == ["unexplained-move"]
    site("pin", "tool", "--to", older)
    git("add", "-A", cwd=site.root)
    assert hook("check", site.root).returncode == 0
    site.commit("decided")
    assert pinned(site) == older
    assert (behind(site), told(site), site.verified()) == ([], [], ())


def test_a_branch_that_keeps_its_older_side_is_warned_until_it_says_so(site: Site) -> None:
    older = site.tool.rev("main~1")
    git("checkout", "-q", "side", cwd=site.root)
    site("sync")
    git("merge", "-q", "main", cwd=site.root, check=False)
    stay = f"git hybrid pin tool --to {older}"
    assert f"hint: if ours is right, though it may be the older one: {stay}\n" in site("merge", check=1).err
    ((level, mend),) = behind(site)
    assert (level, mend.endswith(f"; or, if the older one is meant: {stay}")) == ("warn", True)
    git("add", "-A", cwd=site.root)
    assert hook("check", site.root).returncode == 0
    site(*stay.split()[2:])
    site.commit("merge")
    assert (behind(site), told(site), site.verified()) == ([], [], ())


def test_the_older_side_that_was_committed_so_is_told_until_it_is_decided(site: Site, tmp_path: Path) -> None:
    older, newer = site.tool.rev("main~1"), site.tool.rev("main")
    taken(site, "cherry-pick", side="theirs")
    site.commit("picked")
    ((level, mend),) = behind(site)
    assert level == "warn"
    assert site.verified() == ()
    go_on, stay = re.findall(r"git hybrid (pin tool --to [0-9a-f]{40})", mend)
    assert (go_on.split()[-1], stay.split()[-1]) == (newer, older)
    # A shallow clone does not know what came before.
    git("clone", "-q", "--depth=1", site.root.as_uri(), "shallow", cwd=tmp_path)
    assert behind(Site(tmp_path / "shallow", site.tool, site.commits)) == []
    # A commit that is pushed is made as well.
    assert behind(site, pushed="main") == [("warn", mend)]
    assert "older than" in site(*stay.split(), check=6).err
    site(*stay.split(), "--force", *option_words(APPROVED))
    assert (behind(site), site.verified()) == ([], ())
    git("checkout", "-q", "HEAD", "--", "state", cwd=site.root)
    (site.root / OVERRIDES).unlink()
    site(*go_on.split())
    site("sync")
    site.commit("on")
    assert (behind(site), told(site), site.verified()) == ([], [], ())


def test_of_a_tag_that_both_branches_took_nobody_chooses(site: Site) -> None:
    git("reset", "-q", "--hard", "HEAD~1", cwd=site.root)
    first, evil = site.tool.rev("main~2"), site.tool.rev("main~1")
    entry = ("add", site.tool.url, "--tag", "rel", "--name", "tagged")
    git("branch", "-q", "-f", "side", cwd=site.root)
    site.tool.tag("rel", first)
    site(*entry, shift="-1h")
    site.commit("taken")
    git("checkout", "-q", "side", cwd=site.root)
    site.tool.tag("rel", evil, force=True)
    site(*entry)
    site.commit("moved")
    git("checkout", "-q", "main", cwd=site.root)
    git("merge", "-q", "side", cwd=site.root, check=False)
    assert (
        "hint: the tag moved between the two, and the first one counts: git hybrid check audit\n"
        in site("merge", check=1).err
    )
    assert told(site) == []
    assert "upstream moved" in site("pin", "tagged", "--to", evil, check=5).err
    for name in (LOCK, STATE):
        git("checkout", "--theirs", "--", name, cwd=site.root)
    for commit in ("before", "after"):
        (mend,) = told(site)
        assert mend.startswith(f"git hybrid pin tagged --to {first}; where that is refused, with --force ")
        assert mend.endswith("; if the new one is right: git hybrid remove tagged, then git hybrid add")
        assert [breach.id for breach in site.verified()] == ["unexplained-move"]
        for words in ((), ("--to", evil)):
            assert "upstream moved" in site("pin", "tagged", *words, check=5).err
        assert "was moved without an override" in site("sync", check=5).err
        if commit == "before":
            site.commit("merged")
    site.tool.tag("rel", first, force=True)
    site("pin", "tagged", "--to", first)
    assert (told(site), site.verified()) == ([], ())
    git("checkout", "-q", "HEAD", "--", "state", cwd=site.root)
    site.tool.tag("rel", evil, force=True)
    site("remove", "tagged")
    site(*entry)
    assert (told(site), site.verified()) == ([], ())


def test_a_pick_from_a_branch_that_had_met_this_one_brings_what_was_before_it(site: Site) -> None:
    merged(site)
    site.commit("merge")
    moved(site, "next")
    git("checkout", "-q", "side", cwd=site.root)
    git("cherry-pick", "--strategy-option=theirs", "main", cwd=site.root)
    # git joins the state by lines, and has one of ours where both sides moved in one second.
    git("checkout", "main", "--", STATE, cwd=site.root)
    git("commit", "-q", "--amend", "--allow-empty", "--no-edit", cwd=site.root)
    assert "git hybrid merge" in told(site)[0]
    git("branch", "-q", "-M", "side", "main", cwd=site.root)
    assert "hint: git add -- state/sources-audit.jsonl" in site("merge").err
    assert told(site) == []
    site.commit("joined")
    assert (told(site), site.verified(), "nothing is in conflict" in site("merge").err) == ([], (), True)
    # One that was copied from another log brings nothing with it.
    (copied,) = extend(
        Tail(heads=("0" * 64,), seq=1), [Event(event="seen")], at=NOW, operator="Eve", command_id=RUN, log_id="x"
    )
    site.write(AUDIT, site.read(AUDIT) + canonical_json(copied).decode() + "\n")
    assert "fetch the branch that they come from" in site("merge", check=1).err
    assert [breach.id for breach in site.verified()] == ["missing"]


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_what_is_pushed_after_a_merge_that_took_the_older_side_is_judged_from_there(
    site: Site, tmp_path: Path, side: str
) -> None:
    git("init", "-q", "--bare", tmp_path / "far.git", cwd=tmp_path)
    git("remote", "add", "origin", tmp_path / "far.git", cwd=site.root)
    here, there = ("main", "side") if side == "theirs" else ("side", "main")
    older = site.tool.rev("main~1")
    git("checkout", "-q", here, cwd=site.root)
    git("push", "-q", "origin", there, cwd=site.root)
    git("merge", "-q", there, cwd=site.root, check=False)
    site("merge", check=None)
    site("pin", "tool", "--to", older)
    site("sync")
    site.commit("merge")
    git("push", "-q", "origin", here, cwd=site.root)
    git("fetch", "-q", cwd=site.root)
    assert (pinned(site), told(site)) == (older, [])
    site("hooks", "install", "--pre-push")
    moved(site, "newest")
    git("push", "-q", "origin", here, cwd=site.root)
