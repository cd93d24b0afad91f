"""Overrides through the command line: what needs one, what it takes, how it lives and ends."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import shutil
import subprocess
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from support.governed import ADA, BEA, LOCK, OPTIONS, OVERRIDES, Site, forced_site, option_words, plain_site
from support.kit import changes, git, head, lock, raw_controls, snapshot


@pytest.fixture
def site(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return plain_site(tmp_path, tmp_path_factory)


@pytest.fixture
def forced(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return forced_site(tmp_path, tmp_path_factory)


def test_all_that_is_missing_is_named_at_once_and_nothing_is_written(site: Site) -> None:
    before = snapshot(site.root)
    told = site("pin", "--force", check=2).err
    for word in ("a source", "--to", "--request", "--approver", "--reason", "--expires"):
        assert word in told
    told = site("pin", "tool", "--to", "main", "--force", "--request", "CHG-1", check=2).err
    for word in ("--approver", "--reason", "--expires"):
        assert word in told
    assert "--request" not in told.splitlines()[0]
    assert "--approver: ' ': is empty" in site("pin", "tool", "--force", "--approver", " ", check=2).err
    told = site("pin", "tool", "--to", "main", "--reason", "x", check=2).err
    assert "error: --reason: 'x': is for an override, which needs --force, --request, --approver, --expires\n" in told
    assert "4096" in site.force(site.commits.hotfix, reason="x" * 5000, check=2).err
    assert "WHEN" not in site.force(site.commits.hotfix, expires="tomorrow", check=2).out
    assert changes(before, snapshot(site.root)) == []


def test_a_dry_run_names_no_override_that_nobody_could_ask_for(site: Site) -> None:
    words = option_words(OPTIONS)
    (row,) = site("pin", "tool", "--to", site.commits.hotfix, "--force", *words, "-n", "--json").json()["sources"]
    assert row["outcome"] == "would-pin"
    assert "override" not in row.get("detail", {})
    assert any(note.startswith("forced until ") for note in row["notes"])
    assert "ovr-" not in str(row)


@pytest.mark.parametrize("request_id", ["a" * 40, "a" * 201])
def test_no_pattern_of_request_ids_holds_anybody_up(site: Site, request_id: str) -> None:
    site.replace("sources.toml", "request_pattern = '^(CHG|INC)-[0-9]+$'", "")
    site.force(site.commits.hotfix, request=request_id)
    site.replace("sources.toml", "[policy]", "[policy]\nrequest_pattern = '(a+)+b'")
    told = site("check", "overrides", check=1)
    assert "the request id" in told.out + told.err


def test_all_that_policy_misses_is_named_at_once_and_nothing_is_written(site: Site) -> None:
    keyed = '{ id = "cid@example.org", key = "ssh-ed25519 AAAA" }'
    policy = f'override_min_approvers = 2\napprovers = ["ada@example.org", "bea@example.org", {keyed}]'
    site.replace("sources.toml", "[policy]", f"[policy]\n{policy}")
    before = snapshot(site.root)
    who = "<ADA@Example.ORG>,bea@example.org,Bea <BEA@example.org>,cid@example.org,dan@example.org"
    told = site.force(site.commits.hotfix, request="XYZ-1", approver=who, expires="31d", check=6).err
    for word in ("'XYZ-1' does not match", "Ada <ada@example.org> asks", "dan@example.org is not among"):
        assert word in told
    for word in ("cid@example.org is not signed", "2 approvers are needed, 1 counted", "override_max_age"):
        assert word in told
    assert "is past" in site.force(site.commits.hotfix, expires="2020-01-01", check=6).err
    assert changes(before, snapshot(site.root)) == []


def test_what_needs_no_override_gets_one_that_lifts_nothing_and_ends(site: Site) -> None:
    site.force(site.commits.third, expires="9d")
    newer = site.tool.commit({"README": "four\n"})
    site.force("main", expires="9d")
    site.force(newer, expires="9d")
    moves = [(item["from_commit"], item["to_commit"], item["status"]) for item in site.overrides()]
    old = site.commits.third
    assert moves == [(old, old, "superseded"), (old, newer, "superseded"), (newer, newer, "active")]
    assert not any("lifts" in item for item in site.overrides())
    held = site.overrides()[-1]["id"]
    assert lock(site.root)["tool"]["override"] == held
    site("sync")
    site.commit("forced")
    assert site.checked("overrides") + site.checked("audit") == []
    # It is as good as a plain pin: where it came from is a step back all the same.
    assert "is older than the pinned" in site("pin", "tool", "--to", old, check=6).err
    site("override", "revoke", held, "--reason", "over")
    assert "hint: git hybrid pin tool\n" in site("sync", check=6).err
    site("pin", "tool")
    assert "override" not in lock(site.root)["tool"]
    site("sync")
    site.commit("mended")
    assert site.checked("overrides") + site.checked("audit") == []


def test_force_without_need_makes_no_step_back_that_was_forced_last_for_good(site: Site) -> None:
    site.force(site.commits.first)
    site.force(site.commits.second)
    assert [item["lifts"] for item in site.overrides()] == [["rollback"], ["rollback"]]
    (row,) = site("pin", "tool", "--to", site.commits.second, "--json").json()["sources"]
    assert (row["outcome"], lock(site.root)["tool"]["override"]) == ("kept", site.overrides()[-1]["id"])
    site("override", "revoke", site.overrides()[-1]["id"], "--reason", "over")
    assert "is older than" in site("pin", "tool", "--to", site.commits.second, check=6).err
    site("pin", "tool")
    site("sync")
    site.commit("mended")
    assert site.checked("overrides") + site.checked("audit") == []


def test_what_was_forced_without_need_is_what_a_pin_forced_on_top_of_it_goes_back_to(site: Site) -> None:
    fourth, fifth = (site.tool.commit({"README": f"{text}\n"}) for text in ("four", "five"))
    site.force(fifth)
    site.force(site.commits.hotfix)
    assert [item.get("lifts") for item in site.overrides()] == [None, ["off-branch"]]
    told = site("pin", "tool", "--to", fourth, check=6).err
    assert f"is older than {fifth}, which its override came from" in told
    site("pin", "tool", "--to", fifth)
    site("sync")
    site.commit("back")
    assert site.checked("overrides") + site.checked("audit") == []


def off_branch(site: Site) -> str:
    # In the history of a tag alone, and not what that names.
    site.tool.commit({"README": "the hotfix of the hotfix\n"}, branch="hotfix")
    site.tool.tag("v1.0.1", "hotfix")
    site.tool.delete_ref("refs/heads/hotfix")
    return site.commits.hotfix


def rollback(site: Site) -> str:
    return site.commits.first


def moved_tag(site: Site, to: str = "hotfix") -> str:
    site.replace("sources.toml", 'branch = "main"', 'tag = "rel"')
    site.tool.tag("rel", "main")
    site("pin", "tool")
    site.tool.tag("rel", to, force=True)
    return "rel"


def rewritten_history(site: Site) -> str:
    site.tool.reset("main", site.commits.second)
    return site.tool.commit({"README": "another three\n"})


def identity_changed(site: Site) -> str:
    return site.tool.commit({"README": "another project\n"}, parents=[])


def too_young(site: Site) -> str:
    site.replace("sources.toml", "[policy]", '[policy]\nmin_release_age = "3d"')
    return site.tool.commit({"README": "four\n"})


def unreachable(site: Site) -> str:
    commit = site.tool.commit({"README": "lost\n"}, branch="lost")
    site.tool.delete_ref("refs/heads/lost")
    return commit


@pytest.mark.parametrize(
    ("needing", "code", "lifted"),
    [
        (off_branch, 6, "off-branch"),
        (rollback, 6, "rollback"),
        (moved_tag, 5, "moved-tag"),
        (rewritten_history, 5, "rewritten-history"),
        (identity_changed, 5, "identity-changed"),
        (too_young, 6, "too-young"),
        (unreachable, 5, "unreachable"),
    ],
)
def test_what_is_refused_can_be_forced_and_installed(site: Site, needing: object, code: int, lifted: str) -> None:
    assert callable(needing)
    rev = str(needing(site))
    before = lock(site.root)["tool"]["commit"]
    site("pin", "tool", "--to", rev, check=code)
    site.force(rev)
    (record,) = site.overrides()
    entry = lock(site.root)["tool"]
    wanted = site.tool.rev(f"{rev}^{{commit}}")
    assert lifted in record["lifts"]
    assert (record["from_commit"], record["to_commit"]) == (before, wanted)
    assert (entry["commit"], entry["override"]) == (wanted, record["id"])
    assert record["audit_hash"] in {item["hash"] for item in site.log()}
    site("sync")
    assert head(site.root) == wanted
    assert [found for what in ("overrides", "audit", "metadata") for found in site.checked(what)] == []
    shutil.rmtree(site.root / "sources/tool")
    site("sync")
    assert head(site.root) == wanted


def test_an_override_that_policy_does_not_allow_any_more_says_so_wherever_it_is_shown(forced: Site) -> None:
    forced.replace("sources.toml", "[policy]", '[policy]\napprovers = ["cid@example.org"]')
    missed = "Bea <bea@example.org> is not among [policy] approvers; 1 approver is needed, 0 counted"
    assert f"policy does not allow it: {missed}: git hybrid check overrides\n" in forced("override", "list").out
    assert forced("override", "list", "--json").json()["overrides"][0]["unmet"] == missed
    for words in (("override", "show", forced.overrides()[0]["id"]), ("override", "export"), ("dashboard", "-o", "-")):
        assert missed in html.unescape(forced(*words).out)


def test_an_age_that_was_lowered_for_one_command_is_told(site: Site) -> None:
    site.replace("sources.toml", "[policy]", '[policy]\nmin_release_age = "3d"')
    site.commit()
    assert site.checked("audit") == [], "it was pinned before there was such a policy"
    site.tool.commit({"README": "four\n"})
    site("pin", "tool", check=6)
    site.replace("sources.toml", '"3d"', '"0d"')
    site("pin", "tool")
    site.replace("sources.toml", '"0d"', '"3d"')
    git("add", "-A", cwd=site.root)
    for staged in (True, False):
        (told,) = site.checked("audit", staged=staged)
        assert "[policy] min_release_age is 3 d, and no override lifts it" in told.what
    site.commit()
    assert len(site.checked("audit")) == len(site.checked("audit", pushed="HEAD")) == 1
    assert "bad state/sources-audit.jsonl: too-young: " in site("audit", "verify", check=5).out
    assert site.checked("audit", after=timedelta(days=4)) == []
    (site.root / ".git/shallow").write_text(git("rev-parse", "HEAD", cwd=site.root) + "\n")
    assert [item for item in site.checked("audit") if item.level != "note"] == [], "who moved it was not fetched"


def test_an_age_that_a_commit_lowered_counts_until_that_is_squashed(site: Site) -> None:
    site.replace("sources.toml", "[policy]", '[policy]\nmin_release_age = "3d"')
    before = site.commit()
    site.replace("sources.toml", '"3d"', '"0d"')
    site.tool.commit({"README": "four\n"})
    site("pin", "tool")
    site.commit("lowered")
    site.replace("sources.toml", '"0d"', '"3d"')
    git("add", "-A", cwd=site.root)
    assert site.checked("audit", staged=True) == []
    raised = site.commit("raised")
    assert site.checked("audit") == site.checked("audit", pushed="HEAD") == []
    git("reset", "-q", "--hard", before, cwd=site.root)
    git("merge", "-q", "--squash", raised, cwd=site.root)
    assert len(site.checked("audit", staged=True)) == 1
    site.commit("squashed")
    assert len(site.checked("audit")) == len(site.checked("audit", pushed="HEAD")) == 1


def test_a_plain_pin_supersedes_what_it_leaves_also_after_several_forced_ones(forced: Site) -> None:
    other = forced.tool.commit({"fix": "better\n"}, branch="hotfix2", parents=["hotfix"])
    forced.force(other)
    forced.force(forced.commits.first)
    assert [item["status"] for item in forced.overrides()] == ["superseded", "superseded", "active"]
    held, told = forced.overrides()[-1]["id"], forced.force(forced.commits.first, check=6).err
    assert f"error: tool: {forced.commits.first} has an override already: {held}\n" in told
    assert f"hint: git hybrid override renew {held} " in told
    forced("pin", "tool")
    assert lock(forced.root)["tool"]["commit"] == forced.commits.third
    assert "override" not in lock(forced.root)["tool"]
    assert {item["status"] for item in forced.overrides()} == {"superseded"}
    events = [item["event"] for item in forced.log()]
    assert events.count("override-superseded") == 3
    forced("sync")
    assert forced.checked("overrides") + forced.checked("audit") == []


def test_whoever_moves_all_leaves_what_rests_on_an_override(forced: Site) -> None:
    before = forced.root.joinpath(LOCK).read_bytes()
    override = forced.overrides()[0]["id"]
    row = json.loads(forced("outdated", "--json").out)["sources"][0]
    assert (row["outcome"], row["detail"]["override"]) == ("outdated", override)
    assert f"    rests on {override} until " in forced("outdated").out
    for words in (("--all",), ("--all", "-n")):
        told = forced("pin", *words).out
        assert f"    rests on {override} until " in told
        assert "    a plain pin takes its place: git hybrid pin tool\n" in told
    assert forced.root.joinpath(LOCK).read_bytes() == before
    # Its name is a decision, and so is the end of the override.
    assert f"{override} is superseded" in forced("pin", "tool", "-n").out
    forced("override", "revoke", override, "--reason", "1.3.0 was mended")
    forced("pin", "--all")
    assert lock(forced.root)["tool"].get("override") is None


def test_a_plain_pin_of_the_commit_that_an_override_holds_leaves_it_there(forced: Site) -> None:
    forced.force(forced.commits.second, expires="9d")
    old, held = forced.read(LOCK), forced.overrides()[-1]
    rests = [f"rests on {held['id']} until {held['expires_at']}"]
    for more in ((), ("-n",)):
        (row,) = forced("pin", "tool", "--to", forced.commits.second, *more, "--json").json()["sources"]
        assert (row["outcome"], row["notes"]) == ("kept", rests)
    assert forced.read(LOCK) == old
    # One that has ended holds nothing, nor does it another commit, or where the entry was edited.
    told = forced("pin", "tool", "--to", forced.commits.first, check=6).err
    assert f"if it is approved: git hybrid pin tool --to {forced.commits.first} --force" in told
    forced.replace("sources.toml", 'branch = "main"', 'branch = "main"\nlfs = "fetch"')
    forced("pin", "tool", "--to", forced.commits.second, check=6)
    forced("pin")
    forced("pin", "tool", "--to", forced.commits.second)
    forced("override", "revoke", held["id"], "--reason", "no")
    forced("pin", "tool", "--to", forced.commits.second, check=6)
    forced.force(forced.commits.second)


@pytest.mark.parametrize("to", ["hotfix", "main", "main~1"])
def test_a_plain_pin_does_not_make_a_moved_tag_one_for_good(site: Site, to: str) -> None:
    moved_tag(site, to)
    site.force("rel", expires="2d")
    site("pin", "tool")
    assert "override" in lock(site.root)["tool"]
    assert "1 current" in site("outdated").err
    assert "expired" in site("pin", "tool", check=6, shift="+3d").err
    site("sync", check=6, shift="+3d")
    site.replace("sources.toml", 'tag = "rel"', f'commit = "{lock(site.root)["tool"]["commit"]}"')
    site("pin", "tool")
    assert "override" not in lock(site.root)["tool"]
    site("sync", shift="+3d")


def test_a_moved_tag_that_was_left_for_its_commit_is_taken_up_again_by_an_approval(site: Site) -> None:
    moved_tag(site)
    site.force("rel", expires="2d")
    (record,) = site.overrides()
    commit = record["to_commit"]
    site("pin", "tool", "--commit", commit, shift="+3d")
    told = site("pin", "tool", "--tag", "rel", check=6, shift="+3d").err
    assert f"tool: its last pin by rel at {commit} rests on {record['id']}, which was superseded at " in told
    assert " for another pin\n" in told
    leave, approve = re.findall(r"^hint: (?:if it is approved once more: )?git hybrid (pin .*)$", told, re.MULTILINE)
    assert leave == f"pin tool --commit {commit}"
    site(*leave.split(), shift="+3d")
    typed = approve.partition(" --request")[0]
    assert typed == f"pin tool --tag rel --to {commit} --force"
    site(*typed.split(), *option_words({**OPTIONS, "expires": "9d"}), shift="+3d")
    assert site.overrides()[-1]["lifts"] == ["moved-tag"]
    assert site.read("sources.toml").count('tag = "rel"') == 1


def test_a_url_that_is_written_otherwise_sheds_no_override(site: Site) -> None:
    moved_tag(site)
    site.force("rel")
    site.replace("sources.toml", 'tool.git"', 'tool"')
    site("pin", "tool")
    entry = lock(site.root)["tool"]
    assert entry["url"].endswith("/tool")
    assert entry.get("override") == site.overrides()[0]["id"]
    site("sync")
    assert site.checked("overrides") + site.checked("audit") == []


def test_a_tag_that_was_made_anew_stays_forced_until_it_is_what_it_was(site: Site) -> None:
    moved_tag(site, "main")
    first = lock(site.root)["tool"]["tag_object"]
    site.force("rel")
    forced = site.root.joinpath(LOCK).read_text()
    site.root.joinpath(LOCK).write_text("lock_version = 1\n")
    site("pin", "tool")
    assert site.root.joinpath(LOCK).read_text() == forced
    site.tool.git("update-ref", "refs/tags/rel", first)
    site("pin", "tool")
    assert (lock(site.root)["tool"]["tag_object"], site.overrides()[0]["status"]) == (first, "superseded")


def put_right_again(site: Site) -> str:
    """Force the tool past a tag that moved, which upstream then puts right again; return the commit of the tag."""
    moved_tag(site)
    site.force("rel")
    site.tool.tag("rel", "main", force=True)
    return site.commits.third


def test_a_tag_that_is_right_again_needs_no_override(site: Site) -> None:
    good = put_right_again(site)
    assert "hint: in place of its override: git hybrid pin tool\n" in site("outdated").err
    site("pin", "tool")
    entry = lock(site.root)["tool"]
    assert (entry["commit"], entry.get("override")) == (good, None)
    assert site.overrides()[0]["status"] == "superseded"
    assert [found for what in ("overrides", "audit") for found in site.checked(what)] == []
    # What had been let in for a while is refused as before.
    site.tool.tag("rel", "hotfix", force=True)
    site("pin", "tool", check=5)


def test_a_tag_that_moved_is_told_also_while_the_pin_is_forced_elsewhere(site: Site) -> None:
    moved_tag(site)
    site.force(site.commits.first)
    for words in (("outdated",), ("diff", "--upstream"), ("pin", "tool")):
        told = site(*words, check=5).err
        assert f"moved refs/tags/rel: it was {site.commits.third}, it is {site.commits.hotfix}\n" in told


def test_the_way_back_is_plain_also_after_it_was_forced(site: Site) -> None:
    good = put_right_again(site)
    site.force(good)
    site("override", "revoke", site.overrides()[-1]["id"], "--reason", "the tag is right")
    site.tool.tag("rel", "hotfix", force=True)
    site("pin", "tool", check=5)
    site.tool.tag("rel", "main", force=True)
    site("pin", "tool")
    assert "override" not in lock(site.root)["tool"]
    assert site.checked("overrides") + site.checked("audit") == []


@pytest.mark.parametrize("is_committed", [True, False])
def test_a_branch_may_be_where_it_was_before_it_was_forced_back_and_forward(site: Site, is_committed: bool) -> None:
    for commit in (site.commits.first, site.commits.third):
        site.force(commit)
        if is_committed:
            site.commit("forced")
    # It went forward, and lifts nothing of what the one before it did.
    assert "lifts" not in site.overrides()[-1] or site.overrides()[-1]["lifts"] == []
    site("pin", "tool")
    assert lock(site.root)["tool"]["commit"] == site.commits.third
    assert "override" not in lock(site.root)["tool"]
    assert site.checked("overrides") + site.checked("audit") == []


def test_a_forced_pin_that_was_reverted_needs_no_other_one(site: Site) -> None:
    site.force(site.commits.third)
    site.commit("forced")
    git("revert", "--no-edit", "HEAD", cwd=site.root)
    git("checkout", "-q", "HEAD~1", "--", "state/sources-audit.jsonl", "state/sources-overrides.json", cwd=site.root)
    (found,) = site.checked("audit")
    assert found.mend.startswith(f"git hybrid pin tool --to {site.commits.third}, where that is refused, with --force")
    site("pin", "tool", "--to", site.commits.third)
    assert site.checked("audit") == []


def test_a_branch_that_is_what_it_was_needs_no_override(site: Site) -> None:
    site.force(rewritten_history(site))
    site.tool.reset("main", site.commits.third)
    newer = site.tool.commit({"README": "four\n"})
    site("pin", "tool")
    assert (lock(site.root)["tool"]["commit"], site.overrides()[0]["status"]) == (newer, "superseded")


def test_a_rollback_names_what_it_is_held_against(forced: Site) -> None:
    told = forced("pin", "tool", "--to", forced.commits.first, check=6).err
    assert f"{forced.commits.first} is older than {forced.commits.third}, which its override came from" in told


def test_an_override_that_ended_is_not_shed_by_another_setting(site: Site) -> None:
    moved_tag(site)
    site.force("rel", expires="2d")
    site.replace("sources.toml", 'tag = "rel"', 'tag = "rel"\nhistory = "treeless"')
    for words in (("pin",), ("pin", "tool")):
        assert "expired" in site(*words, check=6, shift="+3d").err
    site("pin")
    assert "override" in lock(site.root)["tool"]


def test_an_override_ends_by_itself_and_a_clock_set_back_helps_nobody(forced: Site) -> None:
    assert "expires" not in forced("sync").err
    for words in (("sync",), ("sync", "-n")):
        assert "expires at" in forced(*words, shift="+15d").err
    (warning,) = forced.checked("overrides", after=timedelta(days=15))
    assert warning.level == "warn"
    forced("check", "overrides", shift="+15d")
    refused = forced("sync", check=6, shift="+21d").err
    assert "git hybrid override renew" in refused
    assert head(forced.root) == forced.commits.hotfix
    forced("check", "overrides", check=1, shift="+21d")
    assert forced("status", shift="+21d").out.splitlines()[1].split()[:2] == ["tool", "unapproved"]
    # Anything that the log says of that day, and the day stays.
    forced("add", forced.tool.url, "--name", "other", shift="+21d")
    forced("sync", check=6)
    forced("sync", check=6, shift="-30d")
    assert forced.checked("overrides")[0].level == "fail"
    ident = forced.overrides()[0]["id"]
    assert [item["state"] for item in forced("override", "list", "--expired", "--json").json()["overrides"]] == [
        "expired"
    ]
    forced("override", "renew", ident, "--expires", "22d", "--approver", BEA, "--reason", "more", shift="+0d")
    forced("sync")
    assert forced.checked("overrides", after=timedelta(days=1)) != []


def test_a_clock_that_was_ahead_makes_no_override_that_lasts_for_years(site: Site) -> None:
    site.force(site.commits.hotfix, shift="+900d")
    assert [found.level for found in site.checked("overrides")] == ["fail"]
    assert "still to come" in site.checked("overrides")[0].what


def test_a_record_of_a_clock_ahead_is_named_once_it_is_committed(site: Site) -> None:
    site("add", site.tool.url, "--name", "other", shift="+400d")
    site.commit("add")
    told = site("audit", "verify").out
    assert "\nwarn record " in told
    assert [(found.level, found.entry) for found in site.checked("audit")] == [("warn", "clock")]
    for expires in ("5d", "420d"):
        refused = site.force(site.commits.hotfix, check=6, expires=expires).err
        assert "the audit log is ahead of the clock, record " in refused
    assert "warn" not in site("audit", "verify", shift="+400d").out


def test_renew_takes_an_approval_of_its_own(forced: Site) -> None:
    ident = forced.overrides()[0]["id"]
    missing = forced("override", "renew", ident, check=2).err
    assert all(word in missing for word in ("--expires", "--approver", "--reason", "git hybrid override renew -h"))
    words = ("override", "renew", ident, "--expires", "25d", "--reason", "not released yet", "--approver")
    before = snapshot(forced.root)
    assert "Cid <cid@example.org> asks" in forced(*words, "CID@example.org", who="Cid <cid@example.org>", check=6).err
    assert "Ada <ada@example.org> asks" in forced(*words, "ada@example.org", who="Cid <cid@example.org>", check=6).err
    forced("override", "renew", "ovr-0", "--expires", "1d", "--reason", "x", "--approver", BEA, check=2)
    assert changes(before, snapshot(forced.root)) == []
    told = forced(*words, "Dan <dan@example.org>", "--json").json()["override"]
    (record,) = forced.overrides()
    assert told == {**record, "state": "active"}
    assert record["audit_hash"] == forced.log()[-1]["hash"]
    assert [item["id"] for item in record["approvers"]] == [BEA, "Dan <dan@example.org>"]
    assert forced.log()[-1]["event"] == "override-renewed"
    assert forced.log()[-1]["detail"]["because"] == "not released yet"
    forced("sync")
    assert forced.checked("overrides") + forced.checked("audit") == []


def test_revoke_ends_it_now_and_for_good(forced: Site) -> None:
    ident = forced.overrides()[0]["id"]
    assert "git hybrid override revoke -h" in forced("override", "revoke", ident, check=2).err
    revoked = forced("override", "revoke", ident, "--reason", "done", "--json")
    assert "git hybrid pin tool" in revoked.err
    assert revoked.json()["override"] == {**forced.overrides()[0], "state": "revoked"}
    refused = forced("sync", check=6).err
    assert "was revoked" in refused
    assert "override renew" not in refused
    renew = ("override", "renew", ident, "--expires", "1d", "--reason", "x", "--approver", BEA)
    assert "stays so" in forced(*renew, check=2).err
    forced("override", "revoke", ident, "--reason", "again", check=2)
    forced("check", "overrides", check=1)
    forced("pin", "tool")
    forced("sync")
    assert forced.overrides()[0]["status"] == "revoked"
    assert forced.checked("overrides") == []


def test_a_lost_approval_is_captured_again(forced: Site) -> None:
    forced.write(OVERRIDES, '{\n  "overrides": [],\n  "schema_version": 1\n}\n')
    told = forced("sync", check=5).err
    command = f"git hybrid override restore {lock(forced.root)['tool']['override']}"
    assert command in told
    (found,) = [item for item in forced.checked("overrides") if item.file == LOCK]
    assert command in found.mend
    forced.force(forced.commits.hotfix, request="CHG-2")
    forced("sync")
    (left,) = forced.checked("overrides")
    assert (left.level, left.mend) == ("warn", command)
    assert forced.overrides()[0]["from_commit"] == forced.commits.third
    forced("pin", "tool")


def test_lists_and_details(forced: Site) -> None:
    forced("remove", "tool")
    forced("add", forced.tool.url, "--name", "tool", "--branch", "main")
    forced.force(forced.commits.first, expires="3d", request="INC-3")
    states = [(item["state"], item["request_id"]) for item in forced("override", "list", "--json").json()["overrides"]]
    assert states == [("expiring", "INC-3"), ("superseded", "CHG-1")]
    for options, found in ((("--active",), 1), (("--expired", "tool"), 0), (("tool",), 2)):
        assert len(forced("override", "list", *options, "--json").json()["overrides"]) == found
    ident = forced.overrides()[0]["id"]
    shown = forced("override", "show", ident).out
    for word in (ident, "superseded", "CHG-1", "hotfix", ADA, BEA, "INC-7", forced.commits.hotfix):
        assert word in shown
    forced("override", "show", "ovr-x", check=2)
    assert ident in forced("__complete", "override", "show", "ovr-").out


HOSTILE = "=1+1|<script>alert(1)</script>`**[x](javascript:y)**\x1b[31m&amp;\u202e\n@x"
HOSTILE_NAME = "".join(char for char in HOSTILE if char.isprintable())
"""The same as a name, which may have no controls."""


class Tags(HTMLParser):
    """Collects the tags and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("command", ["override", "audit"])
def test_exports_are_whole_and_inert(site: Site, command: str) -> None:
    site.force(
        site.commits.hotfix, reason=HOSTILE, incident="INC-7,INC-8", approver=f"{HOSTILE_NAME} <bea@example.org>"
    )
    ident = site.overrides()[0]["id"]
    site("override", "revoke", ident, "--reason", HOSTILE)
    made = {form: site(command, "export", "--format", form).out for form in ("csv", "json", "md", "html")}
    for form, text in made.items():
        assert raw_controls(text.replace("\r\n", "\n")) == [], form
        for word in ("CHG-1", "INC-7", "INC-8", "bea@example.org", "revoked", site.commits.hotfix):
            assert word in text.replace("\\", ""), (form, word)
    assert site(command, "export", "--json").out == made["json"]
    refused = site(command, "export", "--json", "--format", "csv", check=2)
    assert refused.json()["error"]["code"] == "usage"
    rows = list(csv.reader(io.StringIO(made["csv"])))
    assert len({len(row) for row in rows}) == 1
    assert [cell for row in rows for cell in row if re.match(r"\s*[=+\-@]", cell)] == []
    assert json.loads(made["json"])["overrides"][0]["reason"] == HOSTILE.strip()
    page = Tags()
    page.feed(made["html"])
    assert "script" not in page.tags
    assert "<script>alert(1)</script>" in page.text
    assert "default-src 'none'" in made["html"]
    assert "\\<script\\>" in made["md"]
    assert "&amp;" not in made["md"].replace("\\&amp;", "")
    bars = [line.replace("\\|", "").count("|") for line in made["md"].splitlines() if line.startswith("| ")]
    assert set(bars) <= {22, 27}
    assert ident in made["md"]
    site(command, "export", "--format", "md", "-o", "report.md")
    assert (site.root / "report.md").read_text().rstrip() == made["md"].rstrip()


def test_signed_approvals(site: Site, tmp_path: Path) -> None:
    for name in ("bea", "eve"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    key = (tmp_path / "bea.pub").read_text().rsplit(" ", 1)[0]
    site.replace("sources.toml", "[policy]", f'[policy]\napprovers = [{{ id = "bea@example.org", key = "{key}" }}]')
    asked = ("--to", site.commits.hotfix, "--request", "CHG-1", "--reason", "hotfix", "--expires", "20d")
    expires = re.search(r'"expires_at":"([^"]+)"', site("override", "request", "tool", *asked).out)
    assert expires
    asked = (*asked[:-1], expires[1])

    def sign(name: str, *words: str, space: str = "git-hybrid-override") -> str:
        file = tmp_path / "request"
        file.write_text(site("override", "request", *words).out)
        file.with_suffix(".sig").unlink(missing_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-n", space, "-f", tmp_path / name, file], check=True)
        return str(file.with_suffix(".sig"))

    def force(check: int, **changed: str) -> None:
        site.force(site.commits.hotfix, check=check, **{"expires": expires[1], **changed})

    force(6)
    for wrong in (("eve", asked, "git-hybrid-override"), ("bea", asked, "file")):
        force(6, signature=sign(wrong[0], "tool", *wrong[1], space=wrong[2]))
    good = sign("bea", "tool", *asked)
    force(6, signature=good, reason="another")
    force(6, signature=good, request="CHG-2")
    force(2, signature=str(tmp_path / "none"))
    force(0, signature=good)
    (record,) = site.overrides()
    assert record["approvers"][0]["signature"].startswith("-----BEGIN SSH SIGNATURE-----")
    assert site.checked("overrides") + site.checked("audit") == []
    kept = Path(good).read_text()
    site("override", "revoke", record["id"], "--reason", "done")
    site("pin", "tool")
    (tmp_path / "old.sig").write_text(kept)
    force(6, signature=str(tmp_path / "old.sig"))


def test_an_entry_that_changed_only_in_what_is_fetched_keeps_its_override(forced: Site) -> None:
    ident = lock(forced.root)["tool"]["override"]
    forced.replace("sources.toml", 'branch = "main"', 'branch = "main"\nlfs = "pointer"\nhistory = "shallow"')
    forced("pin")
    assert lock(forced.root)["tool"]["override"] == ident
    assert forced.log()[-1]["detail"]["rests_on"] == ident
    forced("sync")
    kept = forced.read(LOCK)
    forced.write(LOCK, re.sub(r"override = .*\n", "", kept))
    forced("override", "revoke", ident, "--reason", "done")
    forced("sync", check=5)
