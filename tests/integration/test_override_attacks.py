"""Ways around an override: files edited by hand or taken from git, ids swapped, sources removed, writers at once."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from git_hybrid.core.approval import Approvals
from git_hybrid.core.errors import HybridError, InvalidFile
from git_hybrid.core.governance import unapproved
from git_hybrid.core.ids import SourceName
from git_hybrid.store import reading
from git_hybrid.store.layout import Layout
from git_hybrid.store.manifest import decode_manifest
from support.governed import BEA, LOCK, LOG, OVERRIDES, STATE, Site, forced_site, plain_site, signed_line
from support.kit import git, head, lock

OTHER = "1" * 40
OVR = "ovr-01JZ0000000000000000000000"


@pytest.fixture
def site(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return forced_site(tmp_path, tmp_path_factory)


@pytest.fixture
def plain(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return plain_site(tmp_path, tmp_path_factory)


def refused(site: Site) -> HybridError | None:
    """Return what the planner of sync, reset and resume says of the pin of the tool."""
    layout = Layout(site.root)
    try:
        pin = reading.lock(layout).pins[SourceName("tool")]
        source = decode_manifest(site.read("sources.toml").encode()).sources[pin.source]
        trail, _ = reading.trails(layout, datetime.now(UTC))
        now = datetime.now(UTC)
        clock = max(now, trail.newest or now)
        return unapproved(pin, source, Approvals(reading.overrides(layout), trail, clock, lambda _: "", signed=False))
    except InvalidFile as error:
        return error


def stripped(text: str) -> str:
    """Return the lock with no pin that names an override."""
    return re.sub(r"override = .*\n", "", text)


def test_what_is_as_it_should_be_is_not_refused(site: Site) -> None:
    assert refused(site) is None
    assert site.checked("overrides") + site.checked("audit") == []


FIELDS: dict[str, Any] = {
    "id": OVR,
    "kind": "scan",
    "source": "other",
    "request_id": "CHG-2",
    "reason": "because",
    "from_commit": OTHER,
    "to_commit": OTHER,
    "requested_by": "Eve <eve@example.org>",
    "approvers": [{"id": "Dan <dan@example.org>", "at": "2026-01-01T00:00:00Z"}],
    "incident": "INC-1",
    "created_at": "2026-01-01T00:00:00Z",
    "expires_at": "2099-01-01T00:00:00Z",
    "status": "revoked",
    "command_id": "01JZ0000000000000000000000",
    "lifts": ["rollback"],
    "findings": ["x"],
    "waived": [OTHER],
    "audit_hash": "0" * 64,
    "closed_at": "2026-01-01T00:00:00Z",
    "closed_by": "x",
    "unknown": 1,
}


@pytest.mark.parametrize("field", [*FIELDS, "approvers.at", "approvers.signature", "expires_at+1"])
def test_each_field_of_a_record_that_is_edited_shows(site: Site, field: str) -> None:
    (record,) = site.overrides()
    name, _, part = field.partition(".")
    if part:
        changed: Any = [{**record["approvers"][0], part: "2026-01-01T00:00:00Z"}]
    elif name == "expires_at+1":
        name, changed = "expires_at", record["expires_at"].replace("Z", ".5Z")
    else:
        changed = FIELDS[name]
    site.edit_override(**{name: changed})
    if field == "expires_at+1":
        # Parts of a second do not count: nothing is gained by them.
        assert refused(site) is None
        return
    assert refused(site) is not None
    try:
        assert [item.level for item in site.checked("overrides")].count("fail")
        assert site.checked("audit") != []
    except InvalidFile:
        return


@pytest.mark.parametrize("field", sorted(FIELDS.keys() - {"unknown", "closed_at", "closed_by", "findings", "waived"}))
def test_each_field_of_a_record_that_is_taken_out_shows(site: Site, field: str) -> None:
    site.edit_override(**{field: None})
    assert refused(site) is not None


def lock_names_no_override(site: Site) -> None:
    site.write(LOCK, stripped(site.read(LOCK)))


def record_deleted(site: Site) -> None:
    site.write(OVERRIDES, '{"overrides": [], "schema_version": 1}\n')


def record_and_name_deleted(site: Site) -> None:
    record_deleted(site)
    lock_names_no_override(site)


def file_deleted(site: Site) -> None:
    (site.root / OVERRIDES).unlink()
    lock_names_no_override(site)


def audit_entry_deleted(site: Site) -> None:
    site.put_lines([line for line in site.lines() if '"event":"override"' not in line])


def audit_entry_edited(site: Site) -> None:
    site.replace(LOG, '"reason":"hotfix"', '"reason":"hotfit"')


def audit_entry_forged(site: Site) -> None:
    lines = [signed_line({**item, "detail": {**item["detail"], "reason": "x"}}) if item["event"] == "override"
             else json.dumps(item) for item in site.log()]  # fmt: skip
    site.put_lines(lines)


def everything_after_the_pin_cut(site: Site) -> None:
    at = max(number for number, item in enumerate(site.log()) if item["event"] == "pin")
    site.put_lines(site.lines()[: at + 1])
    record_and_name_deleted(site)


def log_from_before(site: Site) -> None:
    site.write(LOG, git("show", f"HEAD~1:{LOG}", cwd=site.root) + "\n")


def overrides_from_before(site: Site) -> None:
    git("rm", "-q", "--cached", OVERRIDES, cwd=site.root)
    (site.root / OVERRIDES).unlink()


def another_id(site: Site) -> None:
    site.write(LOCK, re.sub(r"override = .*", f'override = "{OVR}"', site.read(LOCK)))


def moved_to_another_source(site: Site) -> None:
    site.edit_override(source="other")


@pytest.mark.parametrize(
    "attack",
    [
        lock_names_no_override,
        record_deleted,
        record_and_name_deleted,
        file_deleted,
        audit_entry_deleted,
        audit_entry_edited,
        audit_entry_forged,
        everything_after_the_pin_cut,
        log_from_before,
        overrides_from_before,
        another_id,
        moved_to_another_source,
    ],
)
def test_what_is_taken_away_by_hand_is_missed(site: Site, attack: Callable[[Site], None]) -> None:
    attack(site)
    assert refused(site) is not None
    assert [item for item in site.checked("overrides") if item.level == "fail"]
    assert any("--force" in item.mend or "git" in item.mend for item in site.checked("overrides"))


def test_sync_status_check_and_capture_say_so(site: Site) -> None:
    audit_entry_edited(site)
    assert head(site.root) == site.commits.hotfix
    told = site("sync", check=5).err
    assert "override-unrecorded" in site("sync", check=5).out
    assert f"git hybrid pin tool --to {site.commits.hotfix} --force" in told
    assert "unapproved" in site("status").out
    site("check", "overrides", check=1)
    site("reset", "tool", check=5)


def test_a_pin_that_no_command_would_make_is_refused(site: Site) -> None:
    """The whole entry of a commit off the branch, made by somebody with the tool, put into another workspace."""
    entry = stripped(site.read(LOCK))
    site("pin", "tool")
    site("sync")
    site.write(LOCK, entry)
    assert "override" in site("sync", check=5).err
    git("checkout", "-q", "HEAD~1", "--", "state", cwd=site.root)
    (site.root / OVERRIDES).unlink()
    git("-C", "sources/tool", "checkout", "-q", site.commits.third, cwd=site.root)
    site("sync")
    site.write(LOCK, entry)
    assert "has ref refs/heads/hotfix, and sources.toml branch main" in site("sync", check=6).err
    assert "unapproved" in site("status").out
    assert site.checked("overrides") != []
    site.replace("sources.toml", 'branch = "main"', f'commit = "{site.commits.hotfix}"')
    for ref in ("refs/hybrid/unreachable", "refs/pull/1/head"):
        site.write(LOCK, re.sub(r'ref = "refs/heads/hotfix"', f'ref = "{ref}"', entry))
        site("sync", check=None)
        assert head(site.root) == site.commits.third
    assert lock(site.root)["tool"]["commit"] == site.commits.hotfix


def test_an_override_that_was_closed_is_not_put_in_force_by_old_files(site: Site) -> None:
    before = site.keep()
    site("override", "revoke", site.overrides()[0]["id"], "--reason", "no")
    for names in ((OVERRIDES,), (LOCK, OVERRIDES), (OVERRIDES, STATE)):
        site.put_back({name: before[name] for name in names})
        assert refused(site) is not None, names
    site.put_back(before)
    # All of state as it was: then only git can tell, and does if the revocation was committed.
    assert refused(site) is None
    git("stash", "-q", cwd=site.root, check=False)
    site("override", "revoke", site.overrides()[0]["id"], "--reason", "no")
    site.commit("revoked")
    site.put_back(before)
    assert "not-append-only" in {item.id for item in site.verified()}


def test_two_overrides_of_one_source_do_not_stand_in_for_each_other(site: Site) -> None:
    first = site.overrides()[0]["id"]
    older = site.read(LOCK)
    site.force(site.commits.first)
    second = site.overrides()[1]["id"]
    now = site.read(LOCK)
    for text in (now.replace(second, first), older, older.replace(first, second), stripped(now), stripped(older)):
        site.write(LOCK, text)
        assert refused(site) is not None
    site.write(LOCK, now)
    assert refused(site) is None


def test_a_source_that_was_removed_and_added_again_has_no_override(site: Site) -> None:
    before = site.read(LOCK)
    site("remove", "tool")
    site("add", site.tool.url, "--name", "tool", "--branch", "main")
    assert site.overrides()[0]["status"] == "superseded"
    for text in (before, stripped(before)):
        site.write(LOCK, text)
        assert refused(site) is not None


def test_a_manifest_that_changed_ends_no_override_and_makes_none(site: Site) -> None:
    before = lock(site.root)["tool"]
    site.replace("sources.toml", 'branch = "main"', 'branch = "hotfix"')
    site("sync", check=1)
    site("pin")
    after = lock(site.root)["tool"]
    assert (after["commit"], after["override"]) == (before["commit"], before["override"])
    # By its name it is moved to what the manifest allows now: there the commit needs nothing.
    site("pin", "tool")
    assert "override" not in lock(site.root)["tool"]
    assert site.overrides()[0]["status"] == "superseded"
    site("sync")
    site.replace("sources.toml", 'branch = "hotfix"', 'branch = "main"')
    site("pin", "tool")
    assert lock(site.root)["tool"]["commit"] == site.commits.third


def test_an_ended_override_is_not_carried_over_by_a_change_of_the_manifest(site: Site) -> None:
    site("override", "revoke", site.overrides()[0]["id"], "--reason", "no")
    site.replace("sources.toml", 'branch = "main"', 'branch = "main"\nhistory = "shallow"')
    site("pin")
    assert lock(site.root)["tool"]["commit"] == site.commits.third
    site.force(site.commits.first)
    site("override", "revoke", site.overrides()[-1]["id"], "--reason", "no")
    site.replace("sources.toml", '"shallow"', '"treeless"')
    assert "which its override came from" in site("pin", check=6).err


@pytest.mark.parametrize("who", [" ", "\n", "\udcff", f"Bob {'x' * 195} <u@x.org>"])
def test_a_name_that_says_nothing_or_too_much_does_not_let_the_requester_approve(plain: Site, who: str) -> None:
    git("config", "--global", "user.email", "u@x.org", cwd=plain.root)
    assert (
        "asks for it and may not approve it"
        in plain.force(plain.commits.hotfix, approver="u@x.org", who=who, check=6).err
    )


def test_the_requester_does_not_approve_by_name_alone(plain: Site) -> None:
    who = "Ada Lovelace <ada@x.org>"
    for approver in ("Ada Lovelace", "ada  lovelace <home@x.org>"):
        told = plain.force(plain.commits.hotfix, approver=approver, who=who, check=6).err
        assert f"{who} asks for it and may not approve it" in told
    assert "names nobody" in plain.force(plain.commits.hotfix, approver="-", check=2).err


def test_an_approver_under_another_spelling_is_the_same_person(plain: Site) -> None:
    plain.replace("sources.toml", "[policy]", "[policy]\noverride_min_approvers = 2")
    twice = (
        "bea@example.org,Bea bea@EXAMPLE.org",
        "bea@example.org,\uff42ea@example.org",
        f"{BEA},b\u200bea@example.org",
    )
    for who in (*twice, f"{BEA},mailto:bea@example.org", f"{BEA},ADA@example.org"):
        assert "2 approvers are needed, 1 counted" in plain.force(plain.commits.hotfix, approver=who, check=6).err


def test_writers_at_once_leave_one_whole_log(plain: Site) -> None:
    def run(number: int) -> int:
        words = ("--force", "--request", f"CHG-{number}", "--approver", BEA, "--reason", "x", "--expires", "2d")
        return plain("pin", "tool", "--to", plain.commits.hotfix, *words, check=None).code

    with ThreadPoolExecutor(3) as pool:
        codes = list(pool.map(run, range(3)))
    assert set(codes) <= {0, 75}
    active = [item for item in plain.overrides() if item["status"] == "active"]
    assert [item["id"] for item in active] == [lock(plain.root)["tool"]["override"]]
    assert refused(plain) is None
    assert plain.verified() == ()


def test_the_hooks_stop_what_is_not_borne_out(site: Site) -> None:
    kept = site.keep()
    for attack in (record_deleted, audit_entry_deleted, lock_names_no_override):
        attack(site)
        git("add", "-A", cwd=site.root)
        assert [item.level for item in site.checked("overrides", staged=True)].count("fail")
        site.put_back(kept)
        git("add", "-A", cwd=site.root)
    assert site.checked("overrides", staged=True) == []
    assert [item.level for item in site.checked("overrides", staged=True, after=timedelta(days=21))].count("fail")


def test_the_lock_is_toml_that_people_can_review(site: Site) -> None:
    entry = tomllib.loads(site.read(LOCK))["source"]["tool"]
    assert entry["override"] == site.overrides()[0]["id"]
    assert entry["ref"] == "refs/heads/hotfix"


@pytest.mark.parametrize("pruned", [False, True])
def test_another_name_takes_a_pin_neither_back_nor_out_of_its_override(plain: Site, *, pruned: bool) -> None:
    second, third = plain.commits.second, plain.commits.third
    back = ("pin", "two", "--to", second)
    plain.replace("sources.toml", "[source.tool]", "[source.two]")
    if pruned:
        plain("sync", "--prune", check=None)
    refused = plain(*back, check=6).err
    assert f"{second} is older than {third}, where it stood as tool, which the manifest has no more\n" in refused
    # By the way it stays where it stood.
    plain("pin")
    plain("sync", "--prune")
    assert plain.verified() == ()
    git("checkout", "-q", "HEAD", "--", "sources.toml", "state", cwd=plain.root)
    plain("sync", "--prune", check=None)
    # What was forced back, and has ended, is not in force by another name; approved anew it is, and ends as well.
    plain.force(second, expires="1d")
    plain("sync")
    plain.commit("forced")
    plain.replace("sources.toml", "[source.tool]", "[source.two]")
    if pruned:
        plain("sync", "--prune", check=None)
    for shift in ("", "+2d"):
        assert f"is older than {third}" in plain(*back, check=6, shift=shift).err
    plain(*back, "--force", "--request", "CHG-2", "--reason", "r", "--approver", BEA, "--expires", "9d")
    plain("sync", "--prune")
    plain.commit("renamed")
    assert [item.level for item in plain.checked("overrides")] == []
    assert plain.verified() == ()
    assert f"is older than {third}" in plain(*back, check=6, shift="+10d").err
    plain("pin", "two")
    assert lock(plain.root)["two"]["commit"] == third
