"""What governs a bundle on the side that applies it: its log, rotated or not, and the overrides of both sides."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from integration.test_bundles import rebuilt
from support.beginning import Beginning
from support.cli import Hybrid
from support.governed import shifted
from support.kit import errors, head, lock, replace, snapshot, state
from support.scanners import a_scanner, scan_of, use
from support.upstream import Upstream, UpstreamFactory

APPROVAL = ("--request", "CHG-1", "--approver", "Eve <eve@example.org>", "--reason", "broken", "--expires", "5d")


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    for number in range(3):
        upstream.commit({"a.txt": f"{number}\n"})
    return upstream


@pytest.fixture
def ws(tool: Upstream, workspace: Path, hybrid: Hybrid, beginning: Beginning) -> Path:
    def make() -> None:
        hybrid("init")
        hybrid("add", tool.url)
        hybrid("sync")

    beginning(workspace, make)
    return workspace


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """A folder in the other network."""
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


@pytest.fixture
def forced(ws: Path, tool: Upstream, hybrid: Hybrid, tmp_path: Path) -> Path:
    """A bundle whose pin of tool is a rollback that an override allows on the side that made it."""
    hybrid("pin", "tool", "--to", tool.rev("main~1"), "--force", *APPROVAL)
    hybrid("bundle", "create", "-o", tmp_path / "forced")
    return tmp_path / "forced"


def overrides(root: Path) -> list[dict[str, Any]]:
    """Return the records of overrides of the workspace *root*."""
    path = root / "state/sources-overrides.json"
    found: list[dict[str, Any]] = json.loads(path.read_text())["overrides"] if path.exists() else []
    return found


@pytest.mark.parametrize("side", ["here", "there", "both"])
def test_a_rotation_forgets_no_bundle(
    forced: Path, ws: Path, tool: Upstream, there: Path, hybrid: Hybrid, tmp_path: Path, side: str
) -> None:
    hybrid("bundle", "apply", forced, cwd=there)
    tool.commit({"a.txt": "new\n"})
    hybrid("pin", "tool")
    if side != "there":
        hybrid("audit", "rotate")
        hybrid("audit", "rotate")
    hybrid("bundle", "create", "-o", tmp_path / "newer")
    hybrid("bundle", "apply", tmp_path / "newer", cwd=there)
    if side != "here":
        hybrid("audit", "rotate", cwd=there)
        hybrid("audit", "rotate", cwd=there)
    before = snapshot(there)
    done = hybrid("bundle", "apply", forced, "--json", cwd=there, check=6)
    assert done.json()["error"]["code"] == "old-bundle"
    assert snapshot(there) == before
    hybrid("audit", "verify", cwd=there)


def test_an_override_crosses_though_its_record_is_archived(
    forced: Path, ws: Path, tool: Upstream, there: Path, hybrid: Hybrid
) -> None:
    hybrid("audit", "rotate")
    hybrid("bundle", "create", "-o", forced)
    hybrid("bundle", "verify", forced, cwd=there)
    hybrid("bundle", "apply", forced, cwd=there)
    assert head(there) == tool.rev("main~1")
    assert lock(there) == lock(ws)
    hybrid("check", cwd=there)


def test_what_needs_no_override_on_the_other_side_any_more_is_not_held_against_this_one(
    ws: Path, tool: Upstream, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    def crossed() -> None:
        hybrid("bundle", "create", "-o", tmp_path / "bundle")
        hybrid("bundle", "apply", tmp_path / "bundle", cwd=there)

    crossed()
    tool.reset("main", "main~1")
    tool.commit({"a.txt": "rewritten\n"})
    hybrid("pin", "tool", "--force", "--to", "main", *APPROVAL)
    crossed()
    # The other side begins anew there.
    hybrid("remove", "tool")
    hybrid("add", tool.url)
    crossed()
    assert "override" not in lock(there)["tool"]
    hybrid("check", "overrides", "audit", cwd=there)


@pytest.mark.parametrize("renewed", [False, True])
def test_what_was_revoked_here_stays_revoked(
    forced: Path, ws: Path, there: Path, hybrid: Hybrid, renewed: bool
) -> None:
    hybrid("bundle", "apply", forced, cwd=there)
    (record,) = overrides(there)
    hybrid("override", "revoke", record["id"], "--reason", "no", cwd=there)
    if renewed:
        more = ("--expires", "9d", "--approver", "Eve <eve@example.org>", "--reason", "longer")
        hybrid("override", "renew", record["id"], *more)
        hybrid("bundle", "create", "-o", forced)
    before = snapshot(there)
    done = hybrid("bundle", "apply", forced, "--json", cwd=there, check=6)
    assert errors(done) == {"tool": "override-ended"}
    revoke = f"git hybrid override revoke {record['id']} --reason TEXT"
    assert f"'on the other side, where it has to end too: {revoke}'" in str(done.json())
    assert snapshot(there) == before
    assert overrides(there)[0]["status"] == "revoked"


def test_what_was_renewed_here_stays_renewed(
    forced: Path, ws: Path, hybrid: Hybrid, there: Path, tmp_path: Path, upstream_factory: UpstreamFactory
) -> None:
    hybrid("bundle", "apply", forced, cwd=there)
    more = ("--approver", "Eve <eve@example.org>", "--reason", "longer")
    hybrid("override", "renew", overrides(there)[0]["id"], "--expires", "20d", *more, cwd=there)
    (renewed,) = overrides(there)
    lib = upstream_factory("lib")
    lib.commit({"lib.txt": "lib\n"})
    hybrid("add", lib.url)
    hybrid("bundle", "create", "-o", forced)
    hybrid("bundle", "apply", forced, cwd=there)
    assert set(lock(there)) == {"tool", "lib"}
    assert overrides(there) == [renewed]
    hybrid("check", cwd=there)
    # Of two renewals the later one stands, whichever side made it; each is a second later than the one before.
    time.sleep(2)
    hybrid("override", "renew", renewed["id"], "--expires", "9d", *more)
    hybrid("bundle", "create", "-o", forced)
    hybrid("bundle", "apply", forced, cwd=there)
    assert overrides(there)[0]["expires_at"] == overrides(ws)[0]["expires_at"] < renewed["expires_at"]
    hybrid("check", cwd=there)


def test_a_lock_that_was_put_back_opens_no_way_for_an_older_pin(
    ws: Path, tool: Upstream, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    bundle, other = tmp_path / "bundle", tmp_path / "other"
    hybrid("bundle", "create", "-o", bundle)
    hybrid("bundle", "apply", bundle, cwd=there)
    old = (there / "state/sources.lock").read_text()
    between = tool.commit({"a.txt": "between\n"})
    other.mkdir()
    hybrid("init", cwd=other)
    hybrid("add", tool.url, cwd=other)
    hybrid("bundle", "create", "-o", tmp_path / "between", cwd=other)
    newest = tool.commit({"a.txt": "newest\n"})
    hybrid("pin", "tool")
    hybrid("bundle", "create", "-o", bundle)
    hybrid("bundle", "apply", bundle, cwd=there)
    (there / "state/sources.lock").write_text(old)
    refused = hybrid("bundle", "apply", tmp_path / "between", cwd=there, check=6).err
    assert f"{between} is older than {newest}, where the audit log has its pin last" in refused
    # What the log has last is what comes back.
    hybrid("bundle", "apply", bundle, cwd=there)
    assert lock(there)["tool"]["commit"] == newest
    hybrid("check", cwd=there)


@pytest.fixture
def accepted(ws: Path, tool: Upstream, hybrid: Hybrid, tmp_path: Path) -> Path:
    """A bundle of a pin whose scan has a finding that an override accepts."""
    use(ws, a_scanner(tmp_path / "toy", "write(result('a.txt'))"))
    hybrid("scan", check=1)
    hybrid("pin", "tool", "--kind", "scan", "--force", *APPROVAL)
    hybrid("bundle", "create", "-o", tmp_path / "accepted")
    return tmp_path / "accepted"


@pytest.mark.parametrize("own", [False, True])
def test_accepted_findings_cross_with_their_override(
    accepted: Path, ws: Path, there: Path, hybrid: Hybrid, own: bool
) -> None:
    if own:
        hybrid("init", cwd=there)
    hybrid("bundle", "apply", accepted, cwd=there)
    (record,) = overrides(there)
    assert (record["kind"], record["id"]) == ("scan", overrides(ws)[0]["id"])
    hybrid("sync", "--offline", cwd=there)
    hybrid("check", cwd=there)
    before = snapshot(there)
    hybrid("bundle", "apply", accepted, cwd=there)
    assert snapshot(there) == before
    # What is closed here is not opened again.
    hybrid("override", "revoke", record["id"], "--reason", "no", cwd=there)
    done = hybrid("bundle", "apply", accepted, "--json", cwd=there, check=6)
    assert errors(done) == {"tool": "override-ended"}


def test_accepted_findings_are_judged_on_this_side_too(accepted: Path, there: Path, hybrid: Hybrid) -> None:
    hybrid("init", cwd=there)
    path = there / "sources.toml"
    path.write_text(path.read_text().replace("[policy]", "[policy]\noverride_min_approvers = 2"))
    before = snapshot(there)
    done = hybrid("bundle", "apply", accepted, "--json", cwd=there, check=6)
    assert errors(done) == {"tool": "policy-not-met"}
    assert snapshot(there) == before


BLAMES = "write(result('a.txt'))"
SEES_NOTHING = "write()"


@pytest.fixture
def foul(ws: Path, there: Path, hybrid: Hybrid, tmp_path: Path) -> Path:
    """A bundle whose newer scan finds nothing in the commit in which the scan of the other side has found something."""
    hybrid("bundle", "create", "-o", tmp_path / "foul")
    hybrid("bundle", "apply", tmp_path / "foul", cwd=there)
    use(there, a_scanner(tmp_path / "toy", BLAMES))
    hybrid("scan", cwd=there, check=1)
    time.sleep(1.1)
    use(ws, a_scanner(tmp_path / "toy", SEES_NOTHING))
    hybrid("scan")
    hybrid("bundle", "create", "-o", tmp_path / "foul")
    return tmp_path / "foul"


def test_what_a_scan_of_this_side_found_no_bundle_takes_back(foul: Path, there: Path, hybrid: Hybrid) -> None:
    before = snapshot(there)
    done = hybrid("bundle", "apply", foul, "--json", cwd=there, check=6)
    assert errors(done) == {"tool": "scan-blocked"}
    assert "git hybrid pin tool --kind scan" in json.dumps(done.json())
    assert snapshot(there) == before
    hybrid("sync", "--offline", cwd=there, check=6)
    hybrid("check", "scans", cwd=there, check=1)


@pytest.mark.parametrize("how", ["below", "accepted"])
def test_what_policy_lets_pass_is_not_taken_back_either(foul: Path, there: Path, hybrid: Hybrid, how: str) -> None:
    if how == "below":
        replace(there / "sources.toml", "[policy]", '[policy]\nscan_block_on = "none"')
    else:
        hybrid("pin", "tool", "--kind", "scan", "--force", *APPROVAL, cwd=there)
    known = scan_of(state(there)), (there / "state/scans/tool.sarif").read_bytes()
    hybrid("bundle", "apply", foul, cwd=there)
    assert (scan_of(state(there)), (there / "state/scans/tool.sarif").read_bytes()) == known
    hybrid("audit", "verify", cwd=there)


def test_a_bundle_does_not_pin_what_a_scan_of_this_side_refused(
    ws: Path, tool: Upstream, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    hybrid("bundle", "create", "-o", tmp_path / "one")
    hybrid("bundle", "apply", tmp_path / "one", cwd=there)
    tool.commit({"a.txt": "new\n"})
    use(there, a_scanner(tmp_path / "toy", BLAMES))
    hybrid("pin", "tool", "--scan", cwd=there, check=6)
    before = snapshot(there)
    hybrid("pin", "tool")
    hybrid("bundle", "create", "-o", tmp_path / "two")
    done = hybrid("bundle", "apply", tmp_path / "two", "--json", cwd=there, check=6)
    assert errors(done) == {"tool": "scan-blocked"}
    assert snapshot(there) == before


def test_a_newer_scan_of_the_same_result_keeps_it_fresh(ws: Path, there: Path, hybrid: Hybrid, tmp_path: Path) -> None:
    use(ws, a_scanner(tmp_path / "toy", SEES_NOTHING))
    for number in range(2):
        time.sleep(1.1)
        hybrid("scan")
        assert number == 0 or scan_of(state(ws)) != scan_of(state(there))
        hybrid("bundle", "create", "-o", tmp_path / "clean")
        hybrid("bundle", "apply", tmp_path / "clean", cwd=there)
        assert scan_of(state(ws)) == scan_of(state(there))
        (tmp_path / "toy").write_text((tmp_path / "toy").read_text() + "# other rules\n")


def _waits(root: Path, age: str) -> None:
    path = root / "sources.toml"
    path.write_text(path.read_text().replace("[policy]", f'[policy]\nmin_release_age = "{age}"'))


def test_a_bundle_brings_nothing_that_is_too_new_here(
    ws: Path, tool: Upstream, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    hybrid("bundle", "create", "-o", tmp_path / "one")
    hybrid("bundle", "apply", tmp_path / "one", cwd=there)
    _waits(there, "3s")
    hybrid("bundle", "apply", tmp_path / "one", cwd=there)
    old = lock(there)
    tool.commit({"a.txt": "new\n"})
    # When the other side saw the commit does not count.
    hybrid("pin", "tool", env=shifted("-30d"))
    hybrid("bundle", "create", "-o", tmp_path / "two")
    done = hybrid("bundle", "apply", tmp_path / "two", "--receipt", "r", "--json", cwd=there, check=6)
    assert errors(done) == {"tool": "too-young"}
    assert f"git hybrid bundle apply {tmp_path / 'two'} --receipt r" in json.dumps(done.json())
    assert lock(there) == old
    log = (there / "state/sources-audit.jsonl").read_text()
    assert log.count('"event":"seen"') == 1
    hybrid("audit", "verify", cwd=there)
    time.sleep(3)
    hybrid("bundle", "apply", tmp_path / "two", cwd=there)
    assert lock(there)["tool"]["commit"] == tool.rev("main")
    hybrid("check", cwd=there)


def test_an_override_of_a_clock_that_was_ahead_waits_on_the_other_side(
    ws: Path, tool: Upstream, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    ahead = shifted("+20d")
    hybrid("pin", "tool", "--to", tool.rev("main~1"), "--force", *APPROVAL, env=ahead)
    hybrid("bundle", "create", "-o", tmp_path / "one", env=ahead)
    done = hybrid("bundle", "apply", tmp_path / "one", cwd=there, check=6)
    assert "which is still to come here: a clock was wrong" in done.err
    wanted = "hint: on the other side, then a new bundle: git hybrid override renew "
    assert f"{wanted}{overrides(ws)[0]['id']} " in done.err
    assert list(there.iterdir()) == []
    hybrid("bundle", "apply", tmp_path / "one", cwd=there, env=shifted("+468h"))
    hybrid("check", "overrides", cwd=there, env=shifted("+468h"))


@pytest.mark.parametrize("lifted", [True, False])
def test_what_is_too_new_crosses_with_an_override_that_lifts_that(
    ws: Path, tool: Upstream, there: Path, hybrid: Hybrid, tmp_path: Path, lifted: bool
) -> None:
    hybrid("bundle", "create", "-o", tmp_path / "one")
    hybrid("bundle", "apply", tmp_path / "one", cwd=there)
    _waits(there, "3d")
    if lifted:
        _waits(ws, "3d")
        to = tool.commit({"a.txt": "new\n"})
    else:
        to = tool.rev("main~2")
    hybrid("pin", "tool", "--to", to, "--force", *APPROVAL)
    hybrid("bundle", "create", "-o", tmp_path / "two")
    done = hybrid("bundle", "apply", tmp_path / "two", "--json", cwd=there, check=0 if lifted else 6)
    assert errors(done) == ({} if lifted else {"tool": "too-young"})
    assert (lock(there)["tool"]["commit"] == to) is lifted


def test_a_workspace_that_a_bundle_begins_has_seen_nothing_before(
    ws: Path, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    _waits(ws, "3d")
    hybrid("bundle", "create", "-o", tmp_path / "one")
    hybrid("bundle", "apply", tmp_path / "one", cwd=there)
    assert lock(there) == lock(ws)


def test_what_is_pinned_here_was_seen_here(
    ws: Path, tool: Upstream, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    hybrid("init", cwd=there)
    hybrid("add", tool.url, cwd=there)
    hybrid("sync", cwd=there)
    hybrid("remove", "tool")
    hybrid("add", tool.url, env=shifted("-30d"))
    hybrid("bundle", "create", "-o", tmp_path / "one")
    before = lock(there)
    hybrid("bundle", "apply", tmp_path / "one", cwd=there)
    assert lock(there) == before


def test_a_bundle_that_brings_no_pin_lets_no_older_one_pass(
    ws: Path, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    older, newer = tmp_path / "older", tmp_path / "newer"
    hybrid("bundle", "create", "-o", older)
    hybrid("bundle", "apply", older, cwd=there)
    use(ws, a_scanner(tmp_path / "toy", BLAMES))
    hybrid("scan", check=1)
    hybrid("pin", "tool", "--kind", "scan", "--force", *APPROVAL)
    hybrid("bundle", "create", "-o", older)
    hybrid("override", "revoke", overrides(ws)[0]["id"], "--reason", "wrong")
    use(ws, a_scanner(tmp_path / "toy", SEES_NOTHING))
    hybrid("scan")
    hybrid("bundle", "create", "-o", newer)
    hybrid("bundle", "apply", newer, cwd=there)
    assert (there / "state/sources-audit.jsonl").read_text().count('"event":"bundle-apply"') == 2
    before = snapshot(there)
    done = hybrid("bundle", "apply", older, "--json", cwd=there, check=6)
    assert done.json()["error"]["code"] == "old-bundle"
    hybrid("bundle", "apply", newer, cwd=there)
    assert snapshot(there) == before
    hybrid("check", "audit", cwd=there)


def test_a_bundle_of_a_colleague_is_recorded_only_where_it_knows_more(
    ws: Path, tool: Upstream, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    shutil.copytree(ws, there, dirs_exist_ok=True)
    shutil.rmtree(there / "sources/tool")
    hybrid("bundle", "create", "-o", tmp_path / "one")
    hybrid("bundle", "apply", tmp_path / "one", cwd=there)
    assert head(there) == tool.rev("main")
    log = there / "state/sources-audit.jsonl"
    assert '"event":"bundle-apply"' not in log.read_text()
    # What only the colleague's log has.
    hybrid("audit", "rotate")
    hybrid("bundle", "create", "-o", tmp_path / "two")
    hybrid("bundle", "apply", tmp_path / "two", cwd=there)
    assert log.read_text().count('"event":"bundle-apply"') == 1
    # Once a newer one was taken over no older one passes.
    hybrid("bundle", "apply", tmp_path / "one", cwd=there, check=6)


@pytest.mark.parametrize("kind", ["forced", "accepted"])
def test_what_was_revoked_on_the_other_side_ends_here_too(
    kind: str, ws: Path, there: Path, hybrid: Hybrid, request: pytest.FixtureRequest
) -> None:
    bundle = request.getfixturevalue(kind)
    hybrid("bundle", "apply", bundle, cwd=there)
    before = lock(there)
    hybrid("override", "revoke", overrides(ws)[0]["id"], "--reason", "exploited")
    hybrid("sync", check=6)
    # Though its pin is refused there by now, the bundle with that end can be made.
    assert "was revoked: the bundle carries that end" in hybrid("bundle", "create", "-o", bundle).out
    done = hybrid("bundle", "apply", bundle, "--json", cwd=there, check=6)
    assert errors(done) == {"tool": {"forced": "override-ended", "accepted": "scan-blocked"}[kind]}
    (note,) = done.json()["notes"]
    assert note.endswith("was revoked on the other side, and ends here: exploited")
    # Here nobody has what would be pinned instead.
    assert "on the other side, then a new bundle: git hybrid pin tool" in str(done.json())
    (record,), (ours,) = overrides(ws), overrides(there)
    assert [ours[key] for key in ("status", "closed_at", "closed_by")] == [
        record[key] for key in ("status", "closed_at", "closed_by")
    ]
    assert lock(there) == before
    hybrid("sync", "--offline", cwd=there, check=6)
    hybrid("check", "overrides", "audit", cwd=there, check=1 if kind == "forced" else 0)
    hybrid("audit", "verify", cwd=there)
    before = snapshot(there)
    hybrid("bundle", "apply", bundle, cwd=there, check=6)
    assert snapshot(there) == before


def test_an_end_whose_record_was_lost_on_the_other_side_is_asked_for(
    forced: Path, ws: Path, tool: Upstream, there: Path, hybrid: Hybrid
) -> None:
    hybrid("bundle", "apply", forced, cwd=there)
    path = ws / "state/sources-overrides.json"
    identity, stood = overrides(ws)[0]["id"], path.read_bytes()
    hybrid("override", "revoke", identity, "--reason", "exploited")
    hybrid("pin", "tool", "--to", tool.rev("main"))
    hybrid("bundle", "create", "-o", forced)
    lost = json.loads(path.read_text()) | {"overrides": []}
    for data, what in ((json.dumps(lost).encode(), "is in the log and not in"), (stood, "is not what record")):
        path.write_bytes(data)
        told = hybrid("bundle", "create", "-o", forced.with_name("none"), check=2).err
        assert f"{identity} {what}" in told
        assert "hint: what mends it is told by: git hybrid audit verify" in told
        bad = forced.with_name("bad")
        shutil.copy(forced, bad)
        rebuilt(bad, lambda _inventory, members, data=data: members.update({"state/sources-overrides.json": data}))
        before = snapshot(there)
        for command in ("verify", "apply"):
            told = hybrid("bundle", command, bad, cwd=there, check=5).err
            assert "hint: on the other side, then make it anew: git hybrid audit verify" in told
        assert snapshot(there) == before
    hybrid("override", "restore", identity)
    hybrid("bundle", "create", "-o", forced)
    assert "was revoked on the other side, and ends here" in hybrid("bundle", "apply", forced, cwd=there).err


def test_of_two_acceptances_the_revoked_one_ends_here_too(
    accepted: Path, ws: Path, there: Path, hybrid: Hybrid
) -> None:
    hybrid("bundle", "apply", accepted, cwd=there)
    hybrid("override", "revoke", overrides(ws)[0]["id"], "--reason", "too long")
    hybrid("pin", "tool", "--kind", "scan", "--force", *APPROVAL)
    hybrid("bundle", "create", "-o", accepted)
    told = hybrid("bundle", "apply", accepted, cwd=there).err
    assert "was revoked on the other side, and ends here: too long" in told
    assert [item["status"] for item in overrides(there)] == ["revoked", "active"]
    assert "    revoked: too long" in hybrid("override", "list", cwd=there).out
    hybrid("sync", "--offline", cwd=there)
    hybrid("check", cwd=there)


def test_a_bundle_that_cannot_be_proved_ends_nothing(
    accepted: Path, ws: Path, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    hybrid("bundle", "apply", accepted, "--receipt", tmp_path / "receipt", cwd=there)
    hybrid("override", "revoke", overrides(ws)[0]["id"], "--reason", "wrong")
    hybrid("bundle", "create", "--since", tmp_path / "receipt", "-o", accepted)
    shutil.rmtree(there / "sources/tool")
    before = snapshot(there)
    hybrid("bundle", "apply", accepted, cwd=there, check=5)
    assert snapshot(there) == before
