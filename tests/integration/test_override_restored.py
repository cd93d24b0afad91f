"""Overrides in the life of a team: merges, reverts and what is left behind; each mend is typed as it is told."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from support.cli import run_hybrid
from support.governed import BEA, LOG, OVERRIDES, Site, forced_site, plain_site
from support.kit import git, lock

EMPTY = '{\n  "overrides": [],\n  "schema_version": 1\n}\n'
CONFLICT = "<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> x\n"


@pytest.fixture
def site(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return plain_site(tmp_path, tmp_path_factory)


@pytest.fixture
def forced(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return forced_site(tmp_path, tmp_path_factory)


def failures(site: Site) -> list[str]:
    """Return what fails of overrides and audit."""
    return [item.what for name in ("overrides", "audit") for item in site.checked(name) if item.level == "fail"]


@pytest.mark.parametrize("text", [EMPTY, "", CONFLICT, None])
def test_a_record_that_was_lost_is_written_anew(forced: Site, text: str | None) -> None:
    before, log = forced.read(OVERRIDES), forced.read(LOG)
    if text is None:
        (forced.root / OVERRIDES).unlink()
    else:
        forced.write(OVERRIDES, text)
    (record,) = json.loads(before)["overrides"]
    if text in (EMPTY, None):
        for command, code in (("sync", 5), ("status", 0)):
            assert f"hint: git hybrid override restore {record['id']}\n" in forced(command, check=code).err
        assert "git hybrid pin" not in forced("status").err
    elif text == CONFLICT:
        assert forced("status", check=2).err.endswith("hint: git hybrid merge\n")
        assert forced("merge", check=1).err.endswith("hint: git hybrid override restore\n")
    else:
        assert "git hybrid override restore" in forced("status", check=2).err
    forced("override", "restore", record["id"])
    assert (forced.read(OVERRIDES), forced.read(LOG)) == (before, log)
    assert failures(forced) == []
    assert "every override is recorded" in forced("override", "restore").err


def test_a_record_that_was_lost_is_shown_as_the_log_tells_of_it(forced: Site, tmp_path: Path) -> None:
    (record,) = json.loads(forced.read(OVERRIDES))["overrides"]
    (forced.root / OVERRIDES).unlink()
    what = f"that the audit log tells of and {OVERRIDES} has lost"
    restore = f"git hybrid override restore {record['id']}"
    told = f"note: {record['id']} of tool is an override {what}\nhint: {restore}\n"
    for words in (["list", "--json"], ["list", "--json", "--active", "tool"], ["export", "--json"]):
        shown = forced("override", *words)
        (row,) = json.loads(shown.out)["overrides"]
        assert (row["id"], row["unrecorded"], shown.err) == (record["id"], what, told), words
    assert f"    it is an override {what}: {restore}\n" in forced("override", "list").out
    elsewhere = run_hybrid("-C", forced.root.name, "override", "list", cwd=forced.root.parent).out
    placed = restore.replace("hybrid", f"hybrid -C {forced.root.name}", 1)
    assert f"    it is an override {what}: {placed}\n" in elsewhere
    shown = forced("override", "show", record["id"], "--json")
    assert json.loads(shown.out)["override"]["audit_hash"] == record["audit_hash"]
    shown = forced("audit", "export", "--format", "json", "-o", tmp_path / "log.json")
    assert [row["unrecorded"] for row in json.loads((tmp_path / "log.json").read_text())["overrides"]] == [what]
    assert told in shown.err
    refused = forced("override", "revoke", record["id"], "--reason", "x", check=2).err
    assert refused.endswith(f"is in the audit log and not in {OVERRIDES}\nhint: {restore}\n")


def test_what_is_not_staged_of_it_is_to_be_added(forced: Site) -> None:
    add = f"hint: git add -- {OVERRIDES}"
    forced.write(OVERRIDES, EMPTY)
    git("add", "-A", cwd=forced.root)
    for _ in range(2):
        assert forced("override", "restore").err.splitlines()[-1] == add
    git(*add.split()[2:], cwd=forced.root)
    assert add not in forced("override", "restore").err
    shutil.rmtree(forced.root / ".git")
    forced.write(OVERRIDES, EMPTY)
    assert add not in forced("override", "restore").err


def test_only_what_the_log_tells_in_full_is_written(forced: Site) -> None:
    (record,) = forced.overrides()
    told = forced("override", "restore", record["id"], "ovr-0", check=2).err
    assert told == "error: ovr-0: no override has this id\nhint: git hybrid override list\n"
    forced.replace(LOG, '"reason":"hotfix"', '"reason":"hotfit"')
    assert "is not in the audit log" in forced("override", "restore", record["id"], check=2).err
    assert "is not in the audit log" in forced("override", "restore", check=2).err


def test_what_was_undone_before_the_commit_is_taken_away_as_the_check_says(site: Site) -> None:
    def mended() -> list[str]:
        for item in (*site.checked("overrides"), *site.checked("audit")):
            subprocess.run(["sh", "-c", item.mend.rpartition("after: ")[2]], cwd=site.root, check=True)
        return [git("status", "--short", cwd=site.root), *failures(site)]

    site.force(site.commits.hotfix)
    git("checkout", "-q", "--", ".", cwd=site.root)
    (record,) = site.overrides()
    assert f"{record['id']}: is not in the audit log" in site("override", "restore", check=2).err
    assert "it is an override of which the audit log knows nothing" in site("override", "list").out
    assert "in force" not in site("status").out
    git("add", "-A", cwd=site.root)
    assert mended() == [""]
    site("audit", "rotate")
    git("checkout", "-q", "--", ".", cwd=site.root)
    assert mended() == [""]


def test_an_edited_record_is_put_right(forced: Site) -> None:
    before = forced.read(OVERRIDES)
    forced.edit_override(expires_at="2099-01-01T00:00:00Z")
    (record,) = forced.overrides()
    renew = ("override", "renew", record["id"], "--expires", "1d", "--reason", "x", "--approver", BEA)
    assert f"git hybrid override restore {record['id']}" in forced(*renew, check=2).err
    assert forced("status").err.endswith(f"hint: git hybrid override restore {record['id']}\n")
    # Whoever shows it says so, and what was approved is no earlier request.
    what = "whose record is not what the audit log tells"
    for words in ("override list --json", f"override show {record['id']}", "override export", "audit export --json"):
        told = forced(*words.split())
        assert f"note: {record['id']} of tool is an override {what}\nhint: git hybrid check overrides\n" in told.err
        assert (what in told.out, "CHG-1: hotfix, approved by" in told.out) == (True, False)
    assert [item["id"] for item in forced("override", "restore", "--json").json()["overrides"]] == [record["id"]]
    assert forced.read(OVERRIDES) == before


@pytest.mark.parametrize("edit", [{"source": "other"}, {"to_commit": "0" * 40}])
def test_a_record_that_was_bound_to_something_else_is_put_right(forced: Site, edit: dict[str, str]) -> None:
    before, (record,) = forced.read(OVERRIDES), forced.overrides()
    forced.edit_override(**edit)
    restore = f"git hybrid override restore {record['id']}"
    assert f"hint: {restore}\n" in forced("sync", check=5).err
    assert f"  mend: {restore}\n" in forced("check", "overrides", check=1).out
    forced(*restore.split()[2:])
    assert forced.read(OVERRIDES) == before
    forced("sync")


def test_two_people_who_force_and_merge_have_both(site: Site) -> None:
    site("add", site.tool.url, "--name", "other", "--branch", "main")
    site("sync")
    site.commit("another")
    git("checkout", "-q", "-b", "branch", cwd=site.root)
    site.force(site.commits.hotfix)
    site("sync")
    site.commit("one")
    git("checkout", "-q", "main", cwd=site.root)
    words = ("--force", "--request", "CHG-2", "--approver", BEA, "--reason", "x", "--expires", "20d")
    site("pin", "other", "--to", site.commits.hotfix, *words)
    site("sync")
    site.commit("two")
    git("merge", "-q", "branch", cwd=site.root, check=False)
    assert "hint: git hybrid merge\n" in site("status", check=2).err
    site("override", "restore")
    assert {item["source"] for item in site.overrides()} == {"tool", "other"}
    site("sync")
    site.commit("merged")
    assert failures(site) == []


def test_a_renewal_keeps_what_was_approved_before_it(forced: Site) -> None:
    (record,) = forced.overrides()
    renew = ("override", "renew", record["id"], "--expires", "22d", "--reason", "more", "--approver", "cid@example.org")
    forced(*renew, "--request", "CHG-99")
    earlier = f"{record['request_id']}: {record['reason']}, approved by {BEA} ("
    for words in (("show", record["id"]), ("export",), ("export", "--format", "json")):
        told = forced("override", *words).out
        assert earlier in told
        assert f"until {record['expires_at']}" in told
    log = forced("audit", "log", "--request", "CHG-99").out
    assert "approvers: " in log
    assert "expires_at: " in log


def test_two_people_who_renew_and_merge_have_the_one_that_the_log_tells_last(forced: Site) -> None:
    (record,) = forced.overrides()

    def renew(expires: str) -> None:
        forced("override", "renew", record["id"], "--expires", expires, "--reason", "more", "--approver", BEA)
        forced.commit(expires)

    git("checkout", "-q", "-b", "branch", cwd=forced.root)
    renew("22d")
    git("checkout", "-q", "main", cwd=forced.root)
    renew("23d")
    git("merge", "-q", "branch", cwd=forced.root, check=False)
    for side in ("--ours", "--theirs"):
        git("checkout", side, OVERRIDES, cwd=forced.root)
        forced("override", "restore", record["id"])
        assert failures(forced) == []
    forced.commit("merged")
    renew("24d")
    assert failures(forced) == []


def test_a_revert_whose_records_come_back_is_mended(forced: Site) -> None:
    git("revert", "--no-edit", "HEAD", cwd=forced.root)
    (mend,) = {item.mend for item in forced.checked("audit")}
    subprocess.run(mend.partition("git: ")[2], shell=True, cwd=forced.root, check=True)
    assert failures(forced) == []
    git("reset", "-q", "--hard", cwd=forced.root)
    git("checkout", "HEAD~1", "--", LOG, cwd=forced.root)
    assert failures(forced) != []
    forced("override", "restore")
    assert failures(forced) == []
    forced("sync")
    forced("pin", "tool")
    assert forced.overrides()[0]["status"] == "superseded"
    assert failures(forced) == []


def test_a_pin_that_stays_ends_what_it_does_not_rest_on(forced: Site) -> None:
    git("checkout", "HEAD~1", "--", "state/sources.lock", cwd=forced.root)
    forced("sync")
    # What an override had let in may be taken back by git; no record says yet that it ended.
    assert forced.verified() == ()
    assert "nothing rests on it: git hybrid check overrides" in forced("override", "list").out
    for shift in ("+0d", "+21d"):
        assert "nothing rests on it" in forced("check", "overrides", shift=shift).out
    told = forced("pin", "tool", shift="+21d")
    assert "is superseded" in told.out
    assert forced.overrides()[0]["status"] == "superseded"
    assert forced.checked("overrides") == []


def test_the_mend_of_one_that_nothing_rests_on_moves_no_pin(forced: Site) -> None:
    git("checkout", "HEAD~1", "--", "state/sources.lock", cwd=forced.root)
    before = forced.read("state/sources.lock")
    mend = f"override revoke {forced.overrides()[0]['id']} --reason"
    assert f"git hybrid {mend} TEXT" in forced("check", "overrides", shift="+21d").out
    forced(*mend.split(), "over", shift="+21d")
    told = forced("override", "list", "tool").out
    assert "tool  forced pin " in told
    assert "revoked: over" in told
    for name in ("toool", "TOOL"):
        assert "cause: did you mean tool?" in forced("override", "list", name, check=2).err
    assert "because" in forced("override", "show", forced.overrides()[0]["id"]).out
    assert forced.read("state/sources.lock") == before
    assert forced("check", "overrides", shift="+21d").out.count("warn") == 0


@pytest.mark.parametrize("cloned", [True, False])
def test_prune_ends_the_overrides_of_what_it_removes(forced: Site, *, cloned: bool) -> None:
    text = forced.read("sources.toml")
    forced.write("sources.toml", text[: text.index("[source.")])
    if not cloned:
        git("-C", "sources", "clean", "-qffdx", cwd=forced.root)
    assert "git hybrid sync --prune" in forced("check", "overrides", check=1, shift="+21d").out
    forced("sync", "--prune", "-n")
    assert forced.overrides()[0]["status"] == "active"
    forced("sync", "--prune")
    assert forced.overrides()[0]["status"] == "superseded"
    assert lock(forced.root) == {}
    assert failures(forced) == []


def test_what_was_made_in_time_to_come_is_mended_by_its_end(site: Site) -> None:
    site.force(site.commits.hotfix, shift="+3d")
    (found,) = [item for item in site.checked("overrides") if item.level == "fail"]
    site(*found.mend.removeprefix("git hybrid ").removesuffix("TEXT").split(), "a clock that was ahead")
    site("pin", "tool")
    assert all("still to come" in what for what in failures(site))
    git("add", "-A", cwd=site.root)
    git("commit", "-q", "-n", "-m", "what a clock that was ahead has made", cwd=site.root)
    assert failures(site) == []


def test_a_bare_pin_ends_what_the_manifest_needs_no_longer(forced: Site) -> None:
    forced.replace("sources.toml", 'branch = "main"', f'commit = "{forced.commits.hotfix}"')
    assert "is superseded" in forced("pin").out
    entry = lock(forced.root)["tool"]
    assert (entry["commit"], entry.get("override")) == (forced.commits.hotfix, None)
    forced("sync")
    assert failures(forced) == []


def test_a_pin_that_nobody_made_is_told_as_such(forced: Site) -> None:
    forced.replace("state/sources.lock", forced.commits.hotfix, "0" * 7 + forced.commits.hotfix[7:])
    found = forced.checked("overrides")[0]
    assert "knows of no pin" in found.why
    assert found.mend.startswith("git hybrid pin tool, or find")
    assert "--force" not in forced("sync", check=5).err
    forced("pin", "tool")
    assert failures(forced) == []
