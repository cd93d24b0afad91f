"""An override of kind scan: named findings on the pinned commit are accepted until it ends; no pin moves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.beginning import Begun
from support.cli import Hybrid
from support.governed import shifted
from support.kit import changes, snapshot, state
from support.scanners import a_scanner, scan_of, use
from support.upstream import Upstream, UpstreamFactory

FORCE = ("--force", "--request", "CHG-1", "--approver", "bob@example.org", "--reason", "known", "--expires", "20d")
TWO = 'write(result("a.txt", rule="R1"), result("b.txt", rule="R2"))\nsys.exit(1)\n'


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    upstream.commit({"a.txt": "one\n", "b.txt": "two\n"})
    return upstream


@pytest.fixture
def blocked(hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, begun: Begun) -> list[str]:
    """Return the ids of the findings for which the sync of the pinned source is refused."""
    begun(tool.url)
    use(workspace, a_scanner(tmp_path / "fake", TWO))
    hybrid("scan", check=1)
    hybrid("sync", check=6)
    scan: dict[str, Any] = scan_of(state(workspace))
    return [item["id"] for item in scan["findings"]]


def lock(workspace: Path) -> bytes:
    return (workspace / "state/sources.lock").read_bytes()


def test_all_that_blocks_is_accepted_until_it_is_revoked(hybrid: Hybrid, workspace: Path, blocked: list[str]) -> None:
    before, whole = lock(workspace), snapshot(workspace)
    told = hybrid("pin", "tool", "--kind", "scan", *FORCE, "-n", "--json").json()
    (row,) = told["sources"]
    assert (told["dry_run"], row["outcome"], "detail" in row) == (True, "would-accept", False)
    assert f"findings: {', '.join(sorted(blocked))}" in row["notes"]
    assert changes(whole, snapshot(workspace)) == []
    (row,) = hybrid("pin", "tool", "--kind", "scan", *FORCE, "--json").json()["sources"]
    assert (row["outcome"], row["from_commit"]) == ("accepted", row["to_commit"])
    assert lock(workspace) == before
    (record,) = json.loads((workspace / "state/sources-overrides.json").read_text())["overrides"]
    assert (record["kind"], sorted(record["findings"])) == ("scan", sorted(blocked))
    assert record["id"] == row["detail"]["override"]
    hybrid("sync")
    hybrid("check", "overrides", "scans", "audit")
    assert "active      tool  accepted scan of " in hybrid("override", "list").out
    ids = ", ".join(record["findings"])
    for words in (("override", "list"), ("status", "-v")):
        assert f"    accepts: 2 findings {ids}\n" in hybrid(*words).out
    assert f"    findings: {ids}\n" in hybrid("audit", "log", "--event", "override").out
    assert ids in hybrid("override", "show", record["id"]).out
    hybrid("override", "revoke", record["id"], "--reason", "no longer")
    use(workspace)
    assert "git hybrid scan" not in hybrid("sync", check=6).err
    assert "hint: git hybrid pin tool --kind scan " in hybrid("status").err


def test_a_forced_pin_tells_which_known_findings_it_accepts(
    hybrid: Hybrid, workspace: Path, tool: Upstream, blocked: list[str]
) -> None:
    old = tool.rev("main")
    tool.commit({"a.txt": "clean\n"})
    hybrid("pin", "tool")
    for more in (("-n",), ()):
        told = hybrid("pin", "tool", "--to", old, *FORCE, *more).out
        assert [f"    accepts: high R{number} " in told for number in (1, 2)] == [True, True]
        assert all(f"({identity})" in told for identity in blocked)


def test_what_is_accepted_is_told_as_accepted_and_is_no_trouble(
    hybrid: Hybrid, workspace: Path, blocked: list[str]
) -> None:
    assert blocked
    before = hybrid("status", "--exit-code", check=1)
    assert "2 findings at or above high" in before.out
    assert "git hybrid pin tool --kind scan --force" in before.err
    assert "git hybrid scan" not in before.err
    assert "git hybrid pin tool --kind scan" in hybrid("check", "scans", check=1).out
    hybrid("pin", "tool", "--kind", "scan", *FORCE)
    told = hybrid("status", "--exit-code")
    assert "accepted, " in told.out
    assert "findings of 1 source accepted; 1 override in force, ends 20" in told.err
    assert "hint" not in told.err
    # It is found again, and by that no verdict: the one of policy is that of the check.
    assert " (2 high) at " in (said := hybrid("scan", check=1).err)
    assert ", accepted by ovr-" in said
    (row,) = hybrid("status", "--json").json()["sources"]
    assert (row["accepted"]["kind"], row["accepted"]["state"], row["override"]) == ("scan", "active", None)
    assert (row["scan_status"]["state"], row["scan_status"]["mend"]) == ("findings", None)
    assert hybrid("status", "--porcelain").out.split("\t")[-1].strip() == "accepted"
    assert "until" in hybrid("dashboard").out.split('data-l="Override"')[1][:200]
    assert "CHG-1" in hybrid("dashboard").out.split('data-l="Override"')[1][:400]
    hybrid("check", "scans")


def test_a_record_that_was_lost_is_restored_and_not_approved_anew(
    hybrid: Hybrid, workspace: Path, blocked: list[str]
) -> None:
    assert blocked
    (row,) = hybrid("pin", "tool", "--kind", "scan", *FORCE, "--json").json()["sources"]
    restore = f"git hybrid override restore {row['detail']['override']}"
    (workspace / "state/sources-overrides.json").unlink()
    assert f"mend: {restore}" in hybrid("check", "overrides", check=1).out
    assert restore in hybrid("check", "scans", check=1).out
    for words, code in (("sync", 6), ("status", 0), ("scan", 1)):
        told = hybrid(words, check=code).err
        assert f"hint: {restore}\n" in told
        assert "--force" not in told
    hybrid(*restore.split()[2:])
    hybrid("sync")
    hybrid("check", "overrides", "scans", "audit")


def test_a_group_is_not_forgotten_but_refused(hybrid: Hybrid, blocked: list[str]) -> None:
    assert blocked
    for more in (("-g", "infra"), ("--all",)):
        told = hybrid("pin", "tool", *more, "--kind", "scan", *FORCE, check=2).err
        assert "an override is for one source" in told
    hybrid("override", "list", check=0)


def test_an_override_that_ends_soon_is_told_with_its_own_source(
    hybrid: Hybrid, blocked: list[str], tool: Upstream
) -> None:
    assert blocked
    hybrid("pin", "tool", "--kind", "scan", *FORCE[:-1], "5d")
    tool.commit({"c.txt": "three\n"})
    hybrid("add", tool.url, "--name", "other")
    assert "expires at" not in hybrid("sync", "other").err
    assert "expires at" in hybrid("sync", "tool").err


def test_a_finding_that_is_not_named_blocks_still(hybrid: Hybrid, blocked: list[str]) -> None:
    first, second = blocked
    hybrid("pin", "tool", "--finding", first, *FORCE)
    assert second in hybrid("sync", check=6).err
    hybrid("pin", "tool", "--finding", second, *FORCE)
    hybrid("sync")


def test_what_is_no_finding_or_blocks_nothing_is_refused(
    hybrid: Hybrid, workspace: Path, blocked: list[str], tool: Upstream
) -> None:
    assert blocked
    before = lock(workspace)
    assert "no such finding" in hybrid("pin", "tool", "--finding", "nothing", *FORCE, check=2).err
    assert "--to" in hybrid("pin", "tool", "--kind", "scan", "--to", "0" * 40, *FORCE, check=2).err
    assert "hint: git hybrid scan\n" in hybrid("pin", "tool", "--kind", "scan", "--scan", *FORCE, check=2).err
    missing = hybrid("pin", "tool", "--kind", "scan", "--force", "--request", "CHG-1", check=2).err
    assert all(option in missing for option in ("--approver", "--reason", "--expires"))
    hybrid("pin", "tool", "--kind", "scan", *FORCE)
    told = hybrid("pin", "tool", "--kind", "scan", *FORCE, check=6).err
    assert "which are accepted already" in told
    assert "hint: git hybrid sync tool\n" in told
    manifest = workspace / "sources.toml"
    manifest.write_text(manifest.read_text().replace('branch = "main"', 'branch = "main"\nhistory = "treeless"'))
    assert "hint: git hybrid pin tool\n" in hybrid("pin", "tool", "--kind", "scan", *FORCE, check=6).err
    assert (lock(workspace), (workspace / "state/resume.json").exists()) == (before, False)


def statuses(workspace: Path) -> list[str]:
    records = json.loads((workspace / "state/sources-overrides.json").read_text())["overrides"]
    return [record["status"] for record in records]


def test_another_one_takes_the_place_of_one_that_expired(hybrid: Hybrid, workspace: Path, blocked: list[str]) -> None:
    late = shifted("+21d")
    hybrid("pin", "tool", "--finding", blocked[0], *FORCE)
    told = hybrid("check", "overrides", env=late, check=1).out
    assert "git hybrid override renew" in told
    hybrid("pin", "tool", "--kind", "scan", *FORCE, env=late)
    assert statuses(workspace) == ["superseded", "active"]
    hybrid("check", "overrides", env=late)


def test_a_pin_that_stays_ends_one_that_expired(hybrid: Hybrid, workspace: Path, blocked: list[str]) -> None:
    assert blocked
    hybrid("pin", "tool", "--kind", "scan", *FORCE)
    hybrid("pin", "tool")
    assert statuses(workspace) == ["active"]
    hybrid("pin", "tool", env=shifted("+21d"))
    assert statuses(workspace) == ["superseded"]
    hybrid("check", "overrides", env=shifted("+21d"))


def test_it_ends_when_the_pin_moves(hybrid: Hybrid, workspace: Path, blocked: list[str], tool: Upstream) -> None:
    assert blocked
    hybrid("pin", "tool", "--kind", "scan", *FORCE)
    tool.commit({"c.txt": "three\n"})
    hybrid("pin", "tool")
    (record,) = json.loads((workspace / "state/sources-overrides.json").read_text())["overrides"]
    assert record["status"] == "superseded"


def test_what_has_no_id_is_told_and_nothing_is_accepted_twice(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, begun: Begun
) -> None:
    begun(tool.url)
    many = "write(*(result('a.txt', rule=f'R{n}') for n in range(102)))\nsys.exit(1)\n"
    use(workspace, a_scanner(tmp_path / "fake", many))
    hybrid("scan", check=1)
    assert "2 others stay blocked" in hybrid("pin", "tool", "--kind", "scan", *FORCE).out
    before = snapshot(workspace / "state")
    told = hybrid("pin", "tool", "--kind", "scan", *FORCE, check=6).err
    assert "2 findings at or above high" in told
    assert "none of which has an id" in told
    assert changes(before, snapshot(workspace / "state")) == []
    hybrid("check", "overrides")
    # Nor by force, where the commit is another: of what stays blocked a sync would be refused.
    told = hybrid("pin", "tool", "--scan", "--to", tool.commit({"a.txt": "two\n"}), *FORCE)
    assert "2 others stay blocked" in told.out
