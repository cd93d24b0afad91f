"""A scan that state tells of counts if the audit log tells of it too; what was written by hand is told and mended."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.beginning import Begun
from support.cli import Hybrid
from support.kit import git, state
from support.scanners import a_scanner, scan_of, use
from support.upstream import Upstream, UpstreamFactory

Forge = Callable[[dict[str, Any]], None]
NOTHING = {"high": 0, "medium": 0, "low": 0}


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    upstream.commit({"bad": "SECRET"})
    return upstream


@pytest.fixture
def scanner(workspace: Path, hybrid: Hybrid, tool: Upstream, tmp_path: Path, begun: Begun) -> Path:
    """Return the scanner of a workspace with one source that is installed and not scanned yet."""
    begun(tool.url)
    made = a_scanner(tmp_path / "fake")
    use(workspace, made)
    return made


def forge(workspace: Path, change: Forge) -> None:
    path = workspace / "state/sources.json"
    document = json.loads(path.read_text())
    change(document["sources"][0]["scan_status"])
    path.write_text(json.dumps(document))


def clean(scan: dict[str, Any]) -> None:
    scan.update(state="clean", counts=NOTHING, scanned_at="2099-01-01T00:00:00Z")
    scan.pop("findings", None)
    for record in scan.get("scanners", ()):
        record["state"] = "clean"


def out_of_nothing(scan: dict[str, Any]) -> None:
    scan.update(state="clean", scanner="fake", scanner_version="1.0", counts=NOTHING)
    scan.update(commit_sha="0" * 40, scanned_at="2026-11-28T00:00:00Z")


def gone(scan: dict[str, Any]) -> None:
    scan.clear()
    scan["state"] = "missing"


def test_a_result_that_was_edited_counts_nowhere_and_a_scan_mends_it(
    hybrid: Hybrid, workspace: Path, scanner: Path
) -> None:
    hybrid("scan", check=1)
    honest = scan_of(state(workspace))
    forge(workspace, clean)
    told = hybrid("check", "scans", check=1).out
    assert "tool: its scan is not what the audit log tells of it" in told
    assert "mend: git hybrid scan tool" in told
    assert "high" in hybrid("sync", check=6).err
    status = hybrid("status", "--json", "--exit-code", check=1).json()["sources"][0]
    assert (status["state"], status["scan_status"]["state"]) == ("refused", "error")
    hybrid("scan", "--stale", check=1)
    again = scan_of(state(workspace))
    assert (again["state"], again["counts"], again["findings"]) == ("findings", honest["counts"], honest["findings"])
    assert "audit log tells" not in hybrid("check", "scans", check=1).out
    hybrid("audit", "verify")


def test_a_report_that_was_forged_with_the_result_is_not_used_again(
    hybrid: Hybrid, workspace: Path, scanner: Path
) -> None:
    hybrid("scan", check=1)
    report = workspace / "state/scans/tool.sarif"
    document = json.loads(report.read_text())
    document["runs"][0]["results"] = []
    report.write_text(json.dumps(document))

    def forged(scan: dict[str, Any]) -> None:
        clean(scan)
        scan["report_sha256"] = hashlib.sha256(report.read_bytes()).hexdigest()

    forge(workspace, forged)
    hybrid("scan", check=1)
    assert scan_of(state(workspace))["counts"]["high"] == 1


def test_a_result_without_any_record_counts_nowhere(hybrid: Hybrid, workspace: Path, scanner: Path) -> None:
    forge(workspace, out_of_nothing)
    assert "audit log tells" in hybrid("check", "scans", check=1).out
    assert "audit log tells" in hybrid("status").out
    hybrid("scan", check=1)
    assert "audit log tells" not in hybrid("check", "scans", check=1).out


def test_a_result_that_was_taken_out_blocks_still(hybrid: Hybrid, workspace: Path, scanner: Path) -> None:
    hybrid("scan", check=1)
    forge(workspace, gone)
    assert "high" in hybrid("sync", check=6).err
    assert "was never scanned" in hybrid("check", "scans", check=1).out


def test_what_the_log_bears_out_passes_after_all_that_moves_it(
    hybrid: Hybrid, workspace: Path, tool: Upstream, scanner: Path
) -> None:
    tool.commit({"bad": "nothing"})
    hybrid("pin", "tool", "--scan")
    hybrid("check", "scans")
    hybrid("sync")
    hybrid("audit", "rotate")
    hybrid("check", "scans", "audit")
    hybrid("sync")
    hybrid("remove", "tool")
    hybrid("add", tool.url)
    hybrid("sync")
    hybrid("scan")
    hybrid("check", "scans", "audit")


def relabelled(scan: dict[str, Any]) -> None:
    scan.update(scanner_version="9.9", scanner="other", rules_digest="sha256:" + "0" * 64)


def renamed(scan: dict[str, Any]) -> None:
    scan["findings"][0].update(rule="example-value", path="docs/example.env")


@pytest.mark.parametrize("change", [relabelled, renamed])
def test_what_names_a_finding_is_not_edited_either(
    hybrid: Hybrid, workspace: Path, scanner: Path, change: Forge
) -> None:
    hybrid("scan", check=1)
    forge(workspace, change)
    assert "tool: its scan is not what the audit log tells of it" in hybrid("check", "scans", check=1).out
    assert "the last record of a scan of tool at" in hybrid("audit", "verify", check=5).out
    hybrid("scan", check=1)
    assert "audit log tells" not in hybrid("check", "scans", check=1).out
    hybrid("audit", "verify")


def test_a_report_that_was_edited_is_told_and_a_scan_makes_it_anew(
    hybrid: Hybrid, workspace: Path, scanner: Path
) -> None:
    hybrid("scan", check=1)
    report = workspace / "state/scans/tool.sarif"
    report.write_text('{"version": "2.1.0", "runs": []}')
    assert "state/scans/tool.sarif: report: is not the report that state names" in hybrid("check", "scans", check=1).out
    # A scan of the same second says the same, and is not recorded again.
    time.sleep(1.1)
    hybrid("scan", check=1)
    assert "is not the report" not in hybrid("check", "scans", check=1).out
    assert hashlib.sha256(report.read_bytes()).hexdigest() == scan_of(state(workspace))["report_sha256"]
    report.unlink()
    assert "is not the report" not in hybrid("check", "scans", check=1).out


def test_of_two_branches_the_one_that_found_nothing_before_the_other_found_something_does_not_count(
    hybrid: Hybrid, workspace: Path, scanner: Path, tmp_path: Path
) -> None:
    git("init", "-q", "-b", "main", cwd=workspace)
    git("add", "-A", cwd=workspace)
    git("commit", "-qm", "start", cwd=workspace)
    git("switch", "-qc", "other", cwd=workspace)
    a_scanner(tmp_path / "fake", "write()")
    hybrid("scan")
    git("add", "-A", cwd=workspace)
    git("commit", "-qm", "nothing", cwd=workspace)
    git("switch", "-q", "main", cwd=workspace)
    a_scanner(tmp_path / "fake")
    hybrid("scan", check=1)
    git("add", "-A", cwd=workspace)
    git("commit", "-qm", "something", cwd=workspace)
    git("merge", "-q", "other", cwd=workspace, check=False)
    hybrid("merge")
    assert "high" in hybrid("sync", check=6).err
    git("add", "-A", cwd=workspace)
    git("commit", "-qm", "merge", cwd=workspace)
    for name in ("state/sources.json", "state/scans/tool.sarif"):
        git("checkout", "-q", "other", "--", name, cwd=workspace)
    assert "tool: its scan is not what the audit log tells of it" in hybrid("check", "scans", check=1).out
    assert "high" in hybrid("sync", check=6).err


def test_of_two_branches_that_both_scanned_either_result_passes(
    hybrid: Hybrid, workspace: Path, tool: Upstream, scanner: Path
) -> None:
    tool.commit({"bad": "nothing"})
    hybrid("pin", "tool")
    hybrid("sync")
    git("init", "-q", "-b", "main", cwd=workspace)
    git("add", "-A", cwd=workspace)
    git("commit", "-qm", "start", cwd=workspace)
    git("switch", "-qc", "other", cwd=workspace)
    hybrid("scan")
    git("commit", "-qam", "theirs", cwd=workspace)
    git("switch", "-q", "main", cwd=workspace)
    hybrid("scan")
    git("commit", "-qam", "ours", cwd=workspace)
    for side in ("ours", "theirs"):
        git("merge", "-q", "-X", side, "-m", "both", "other", cwd=workspace)
        hybrid("check", "scans")
        hybrid("sync")
        git("reset", "-q", "--hard", "HEAD^", cwd=workspace)
