"""Records of overrides that somebody made, edited or put back by hand: no command closes them into the audit log."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from support.governed import LOG, OVERRIDES, Site, forced_site, plain_site
from support.kit import lock

OVR = "ovr-01JZ0000000000000000000000"


@pytest.fixture
def site(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return plain_site(tmp_path, tmp_path_factory)


@pytest.fixture
def forced(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return forced_site(tmp_path, tmp_path_factory)


def accused(site: Site) -> set[str]:
    """Return what the check of overrides says to mend, and what the audit log is found to tell otherwise."""
    mends = {item.mend for item in site.checked("overrides") if item.level == "fail"}
    return mends | {breach.id for breach in site.verified()}


def edited(site: Site) -> None:
    site.edit_override(reason="the board agreed", approvers=[{"id": "ceo@example.org", "at": "2026-01-01T00:00:00Z"}])


def revoked(site: Site) -> None:
    kept = site.keep(OVERRIDES)
    site("override", "revoke", site.overrides()[0]["id"], "--reason", "a backdoor was found")
    site.commit("revoke")
    site.put_back(kept)


def by_pin(site: Site) -> None:
    assert "superseded" not in site("pin", "tool").out


def by_remove(site: Site) -> None:
    site("remove", "tool")


def by_prune(site: Site) -> None:
    text = site.read("sources.toml")
    site.write("sources.toml", text[: text.index("[source.")])
    site("sync", "--prune")
    assert "tool" not in site("sync", "--prune").out


@pytest.mark.parametrize("ended", [by_pin, by_remove, by_prune])
@pytest.mark.parametrize("spoilt", [edited, revoked])
def test_what_the_log_tells_otherwise_is_not_closed_with_its_words(
    forced: Site, spoilt: Callable[[Site], None], ended: Callable[[Site], None]
) -> None:
    spoilt(forced)
    before = forced.overrides()
    ended(forced)
    assert forced.overrides() == before
    assert "override-superseded" not in forced.read(LOG)
    mend = f"git hybrid override restore {before[0]['id']}"
    assert accused(forced) == {mend, "override-edited"}
    forced(*mend.split()[2:])
    (record,) = forced.overrides()
    assert record["reason"] == "hotfix"
    assert record["status"] == ("revoked" if spoilt is revoked else "active")
    assert accused(forced) == set()


def test_what_nobody_made_gets_no_record_by_its_end(site: Site) -> None:
    record = {
        "id": OVR,
        "kind": "pin",
        "source": "tool",
        "request_id": "CHG-1",
        "reason": "never approved",
        "from_commit": site.commits.first,
        "to_commit": site.commits.second,
        "requested_by": "Ada <ada@example.org>",
        "approvers": [{"id": "bea@example.org", "at": "2026-01-01T00:00:00Z"}],
        "created_at": "2026-01-01T00:00:00Z",
        "expires_at": "2036-01-01T00:00:00Z",
        "status": "active",
        "command_id": OVR.removeprefix("ovr-"),
        "audit_hash": "0" * 64,
    }
    site.write(OVERRIDES, json.dumps({"schema_version": 1, "overrides": [record]}))
    site("remove", "tool")
    assert OVR not in site.read(LOG)
    assert site.overrides()[0]["status"] == "active"
    assert "cut" in accused(site)


def test_what_a_forced_rollback_lifts_is_what_the_log_tells(site: Site) -> None:
    site.force(site.commits.first)
    site.commit("back")
    (record,) = site.overrides()
    assert record["lifts"] == ["rollback"]
    for spoilt in ({"lifts": None}, {"from_commit": site.commits.first}):
        kept = site.keep()
        site.edit_override(**spoilt)
        assert "older than" in site("pin", "tool", "--to", site.commits.second, check=6).err
        site.put_back(kept)
    site.write(OVERRIDES, '{"schema_version": 1, "overrides": []}')
    assert "older than" in site("pin", "tool", "--to", site.commits.second, check=6).err
    assert lock(site.root)["tool"]["commit"] == site.commits.first
