"""`git hybrid scan`: what is scanned, what is recorded, when it is scanned again, and what it forbids."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from git_hybrid.core.audit import record_hash
from git_hybrid.core.canonical import canonical_json
from git_hybrid.core.ids import SourceName
from git_hybrid.core.scans import scan_digest
from git_hybrid.store.statefile import decode_state
from support.beginning import Begun
from support.cli import Hybrid, executable, merged_env, run_hybrid
from support.kit import changes, git, leave_unfinished, replace, snapshot, started, state
from support.points import stopped_at
from support.scanners import FINDS, a_scanner, scan_of, use
from support.upstream import Exec, Gitlink, Link, Upstream, UpstreamFactory

COUNTING = 'open(os.environ["COUNT"], "a").write("x")\n' + FINDS


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    upstream.commit({"README": "hello\n", "src/a.py": "x = 1\n"})
    return upstream


@pytest.fixture
def scanner(tmp_path: Path) -> Path:
    return a_scanner(tmp_path / "fake")


def audit(workspace: Path, event: str = "scan") -> list[dict[str, Any]]:
    lines = (workspace / "state/sources-audit.jsonl").read_text().splitlines()
    return [record for line in lines if (record := json.loads(line))["event"] == event]


def row_of(document: dict[str, Any], name: str = "tool") -> dict[str, Any]:
    return next(row for row in document["sources"] if row["name"] == name)


def test_a_clean_scan_is_recorded_with_report_and_audit(
    hybrid: Hybrid, workspace: Path, tool: Upstream, scanner: Path, begun: Begun
) -> None:
    begun(tool.url)
    use(workspace, scanner)
    assert row_of(hybrid("status", "--json").json())["scan_status"]["mend"] == "git hybrid scan tool"
    hybrid("status", "--exit-code", check=1)
    before = state(workspace)["tool"]
    document = hybrid("scan", "--json").json()
    scan = scan_of(state(workspace))
    commit = tool.rev("main")
    assert (scan["state"], scan["scanner"], scan["scanner_version"]) == ("clean", "fake", "1.0")
    assert (scan["commit_sha"], scan["tree"]) == (commit, tool.rev("main^{tree}"))
    assert scan["counts"] == {"high": 0, "medium": 0, "low": 0}
    report = (workspace / "state/scans/tool.sarif").read_bytes()
    assert hashlib.sha256(report).hexdigest() == scan["report_sha256"]
    assert json.loads(report)["version"] == "2.1.0"
    (record,) = audit(workspace)
    assert (record["source"], record["after"], record["hash"]) == (
        "tool",
        commit,
        state(workspace)["tool"]["audit_hash"],
    )
    after = state(workspace)["tool"]
    assert {key for key in after if after[key] != before[key]} == {"scan_status", "audit_hash"}
    assert document["command_id"] == record["command_id"]
    assert row_of(document)["outcome"] == "clean"
    assert row_of(hybrid("status", "--json", "--exit-code").json())["scan_status"]["state"] == "clean"
    assert "clean, " in hybrid("status").out
    assert not (workspace / "state/journal").exists()


@pytest.mark.parametrize("what", ["link", "folder"])
def test_a_report_without_a_place_is_refused_before_the_scan(
    hybrid: Hybrid, workspace: Path, tool: Upstream, scanner: Path, tmp_path: Path, what: str, begun: Begun
) -> None:
    begun(tool.url)
    use(workspace, scanner)
    report = workspace / "state/scans/tool.sarif"
    report.parent.mkdir()
    if what == "link":
        report.symlink_to(tmp_path / "elsewhere")
    else:
        report.mkdir()
    before = snapshot(workspace)
    for command in (("scan",), ("scan", "tool")):
        refused = hybrid(*command, check=2)
        assert "state/scans/tool.sarif" in refused.err
        assert str(workspace) not in refused.err
    assert changes(before, snapshot(workspace)) == []
    assert "nothing to resume" in hybrid("resume").err
    if what == "folder":
        assert "state/scans/tool.sarif" in hybrid("remove", "tool", check=2).err
        assert (workspace / "sources/tool/README").is_file()
        report.rmdir()
    hybrid("remove", "tool")
    assert not report.is_symlink()


def test_findings_are_counted_named_and_exit_with_1(
    hybrid: Hybrid, workspace: Path, tool: Upstream, scanner: Path, begun: Begun
) -> None:
    tool.commit({"bad": "SECRET SMELL SMELL TYPO"})
    begun(tool.url)
    use(workspace, scanner)
    document = hybrid("scan", "--json", check=1).json()
    row = row_of(document)
    assert row["scan_status"]["counts"] == {"high": 1, "medium": 2, "low": 1}
    assert [item["level"] for item in row["findings"]] == ["high", "medium", "medium", "low"]
    assert {item["path"] for item in row["findings"]} == {"bad"}
    assert (document["exit_code"], row["exit_code"], row["error"]["code"]) == (1, 1, "scan-findings")
    assert scan_of(state(workspace))["state"] == "findings"
    told = hybrid("scan", check=1)
    assert "high R1 bad" in told.err
    assert ": 1 with findings" in told.err
    status = hybrid("status", "--color=always")
    assert "\x1b[31mfindings" in status.out
    assert "2 findings" not in status.out
    assert "1 finding at or above high" in status.out
    assert "4 findings (1 high, 2 medium, 1 low)" in status.out
    assert "git hybrid pin tool --kind scan --force" in status.err
    assert "git hybrid scan" not in status.err


def test_the_document_has_the_status_that_was_recorded(
    hybrid: Hybrid, workspace: Path, tool: Upstream, scanner: Path, begun: Begun
) -> None:
    tool.commit({"bad": "SECRET"})
    begun(tool.url)
    use(workspace, scanner)
    for _ in ("recorded now", "recorded before"):
        told = row_of(hybrid("scan", "--json", check=1).json())["scan_status"]
        assert told == scan_of(state(workspace))
        assert told["report_sha256"]
        assert [item["rule"] for item in told["findings"]] == ["R1"]


def test_the_pinned_tree_is_scanned_and_not_what_stands_in_the_clone(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, begun: Begun
) -> None:
    attributes = "hidden export-ignore\nid export-subst ident\n* text eol=crlf\n"
    files = {".gitattributes": attributes, "hidden": "SECRET", "id": "$Format:%H$ $Id$\n", "run": Exec(b"#!/bin/sh\n")}
    tool.commit({**files, "link": Link("hidden"), "sub": Gitlink("0" * 39 + "1"), ".gitignore": "ignored\n"})
    begun(tool.url)
    seen = tmp_path / "seen"
    body = f"""
    found = {{}}
    for base, folders, names in os.walk(tree):
        for name in names:
            path = os.path.join(base, name)
            value = os.readlink(path) if os.path.islink(path) else open(path, newline="").read()
            found[os.path.relpath(path, tree)] = [value, os.access(path, os.X_OK) and not os.path.islink(path)]
    found["cwd"] = os.listdir(".")
    json.dump([found, dict(os.environ), sorted(os.listdir(os.path.dirname(tree)))], open({str(seen)!r}, "w"))
    write()
    """
    use(workspace, a_scanner(tmp_path / "fake", body))
    (workspace / "sources/tool/README").write_text("SECRET")
    (workspace / "sources/tool/ignored").write_text("SECRET")
    hybrid("scan", env={"TOKEN": "hush", "GIT_DIR": "/nowhere", "LD_PRELOAD": ""})
    found, environ, _ = json.loads(seen.read_text())
    assert found.pop("cwd") == []
    assert sorted(found) == [".gitattributes", ".gitignore", "README", "hidden", "id", "link", "run", "src/a.py"]
    assert found["README"] == ["hello\n", False]
    assert found["id"] == ["$Format:%H$ $Id$\n", False]
    assert found["link"] == ["hidden", False]
    assert found["run"] == ["#!/bin/sh\n", False]
    assert set(environ) <= {"PATH", "HOME", "TMPDIR", "LC_ALL", "PYTHONUTF8", "LC_CTYPE"}
    assert str(workspace) not in environ["HOME"]
    assert not Path(environ["HOME"]).exists()


def test_only_listed_variables_reach_the_scanner(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, begun: Begun
) -> None:
    begun(tool.url)
    seen = tmp_path / "seen"
    body = (
        f'open({str(seen)!r}, "w").write(os.environ.get("GIVEN", "") + "," + os.environ.get("HIDDEN", ""))\nwrite()\n'
    )
    use(workspace, a_scanner(tmp_path / "fake", body), more='env = ["GIVEN", "ABSENT"]')
    hybrid("scan", env={"GIVEN": "yes", "HIDDEN": "secret"})
    assert seen.read_text() == "yes,"


def test_a_variable_that_makes_findings_go_is_told(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, begun: Begun
) -> None:
    begun(tool.url)
    body = 'write(*([] if os.environ.get("SKIP") else [result("a.txt")]))\n'
    use(workspace, a_scanner(tmp_path / "fake", f"import os\n{body}"), more='env = ["SKIP"]')
    hybrid("scan", check=1)
    (name,) = [item["id"] for item in scan_of(state(workspace))["findings"]]
    assert f"by the same scanners: {name}\n" in hybrid("scan", env={"SKIP": "1"}).out
    told = hybrid("check", "scans").out
    assert "warn state/sources.json: tool: its scan lacks 1 finding of the one at " in told
    hybrid("scan", check=1)
    assert "lacks" not in hybrid("check", "scans", check=1).out


def test_the_same_files_are_scanned_once_a_run_and_for_a_job_once_while_that_counts(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, begun: Begun
) -> None:
    count = tmp_path / "count"
    env = {"COUNT": str(count)}
    fake = a_scanner(tmp_path / "fake", COUNTING)
    tool.commit({"bad": "SMELL"})
    begun(tool.url)
    hybrid("add", tool.url, "--name", "twin")
    hybrid("sync")
    use(workspace, fake, more='env = ["COUNT"]')
    hybrid("scan", env=env, check=1)
    assert count.read_text() == "x"
    # Who says `scan` has them run, whatever is known; a job asks for what needs it.
    assert "not scanned again" not in hybrid("scan", env=env, check=1).out
    assert count.read_text() == "xx"
    before = snapshot(workspace)
    assert "every selected source has a fresh scan" in hybrid("scan", "--stale", env=env).err
    assert changes(before, snapshot(workspace)) == []
    tool.branch("other")
    tool.commit({"bad": "SMELL "}, branch="other")
    tool.commit({"bad": "SMELL"}, branch="other")
    hybrid("add", tool.url, "--name", "third", "--branch", "other")
    hybrid("sync", "third")
    told = hybrid("scan", "--stale", env=env, check=1).out
    assert told.startswith("third  findings")
    assert "not scanned again: fake saw the same files" in told
    assert count.read_text() == "xx"
    assert scan_of(state(workspace), "third")["counts"]["medium"] == 1
    (workspace / "state/scans/third.sarif").unlink()
    (workspace / "state/scans/tool.sarif").write_text("{}")
    (workspace / "state/scans/twin.sarif").unlink()
    hybrid("add", tool.url, "--name", "fourth", "--branch", "other")
    hybrid("sync", "fourth")
    hybrid("scan", "--stale", env=env, check=1)
    assert count.read_text() == "xxx"
    a_scanner(fake, "# another program\n" + COUNTING)
    assert "changed since" in hybrid("status").out
    hybrid("scan", "--stale", env=env, check=1)
    assert count.read_text() == "xxxx"
    hybrid("scan", "--stale", env=env)
    assert count.read_text() == "xxxx"


def test_an_interrupted_scan_goes_on_with_what_is_left(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, begun: Begun
) -> None:
    begun(tool.url)
    use(workspace, a_scanner(tmp_path / "fake", "import signal\nos.kill(os.getppid(), 2)\nsignal.pause()\n"))
    told = hybrid("scan", "--diff", check=130)
    hint = "hint: what was scanned is recorded; to go on: git hybrid scan"
    # It may have been fresh before, and --stale would leave it out.
    assert told.err.splitlines()[-1] == f"{hint} tool --diff"
    assert hybrid("scan", "--stale", check=130).err.splitlines()[-1] == f"{hint} --stale"
    assert state(workspace)["tool"]["scan_status"]["state"] == "missing"


def age(workspace: Path, name: str, stamp: str) -> None:
    """Make the scan of *name* as old as *stamp* says, in state and in the log that bears it out."""
    path = workspace / "state/sources.json"
    document = json.loads(path.read_text())
    for entry in document["sources"]:
        if entry["name"] == name:
            made_at(entry["scan_status"], stamp)
    text = json.dumps(document)
    log = workspace / "state/sources-audit.jsonl"
    renamed: dict[str, str] = {}
    lines = []
    for line in log.read_text().splitlines():
        record = json.loads(line)
        if record["event"] == "scan" and record["source"] == name:
            made_at(record["detail"], stamp)
            record["detail"]["scan_sha256"] = scan_digest(decode_state(text.encode()).sources[SourceName(name)].scan)
        record["prev"] = [renamed[item] for item in record["prev"]]
        before = record.pop("hash")
        record["hash"] = renamed[before] = record_hash(record)
        lines.append(canonical_json(record) + b"\n")
        text = text.replace(before, renamed[before])
    log.write_bytes(b"".join(lines))
    path.write_text(text)


def ago(time: timedelta) -> str:
    return (datetime.now(UTC) - time).strftime("%Y-%m-%dT%H:%M:%SZ")


def made_at(scan: dict[str, Any], stamp: str) -> None:
    """Let *scan*, and all that its scanners said, be of the time *stamp*."""
    for told in (scan, *scan["scanners"]):
        told["scanned_at"] = stamp


def test_what_is_too_old_is_stale_and_scanned_again(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, begun: Begun
) -> None:
    count = tmp_path / "count"
    env = {"COUNT": str(count)}
    begun(tool.url)
    hybrid("add", tool.url, "--name", "other")
    hybrid("sync")
    use(workspace, a_scanner(tmp_path / "fake", COUNTING), more='env = ["COUNT"]', policy='scan_max_age = "2d"')
    hybrid("scan", env=env)
    age(workspace, "tool", "2026-01-01T00:00:00Z")
    row = row_of(hybrid("status", "--json").json())
    assert (row["scan_status"]["stale"], row["scan_status"]["state"]) == (True, "clean")
    assert row["scan_status"]["age_seconds"] > 86400
    assert hybrid("status", "--porcelain").out.splitlines()[0].split("\t")[1:][-1] == "stale"
    assert "d old" in hybrid("status").out
    document = hybrid("scan", "--stale", "--json", env=env).json()
    assert [row["name"] for row in document["sources"]] == ["tool"]
    # The other source has the same files and a result that is still fresh.
    assert count.read_text() == "x"
    for name in ("tool", "other"):
        age(workspace, name, "2026-01-01T00:00:00Z")
    hybrid("scan", "--stale", env=env)
    assert count.read_text() == "xx"
    assert "stale" not in hybrid("status").out
    # A week later a job comes a moment earlier than the last time: what it left would be stale until the week after.
    for name in ("tool", "other"):
        age(workspace, name, ago(timedelta(days=2, minutes=-9)))
    done = hybrid("scan", "--stale", env=env)
    assert "note: not stale yet, and renewed since half of scan_max_age (2 d) is over: other, tool\n" in done.err
    assert count.read_text() == "xxx"
    age(workspace, "tool", ago(timedelta(hours=23)))
    assert "every selected source has a fresh scan" in hybrid("scan", "--stale", env=env).err


def test_a_moved_pin_makes_the_scan_stale_and_the_diff_tells_what_is_new(
    hybrid: Hybrid, workspace: Path, tool: Upstream, scanner: Path, begun: Begun
) -> None:
    tool.commit({"old": "SMELL"})
    begun(tool.url)
    use(workspace, scanner)
    assert "no pin before" in hybrid("scan", "--diff", check=1).out
    tool.commit({"old": "\n\nSMELL", "new": "TYPO"})
    hybrid("pin", "tool")
    hybrid("sync")
    assert "not the pin" in hybrid("status").out
    row = row_of(hybrid("scan", "--diff", "--json", check=1).json())
    assert {item["path"]: item["new"] for item in row["findings"]} == {"old": False, "new": True}
    assert row["baseline"]["scanned"] is True
    assert ": 1 new, 0 gone" in hybrid("scan", "--diff", check=1).out
    assert scan_of(state(workspace))["commit_sha"] == tool.rev("main")


def test_findings_block_sync_until_policy_or_pin_change(
    hybrid: Hybrid, workspace: Path, tool: Upstream, scanner: Path, begun: Begun
) -> None:
    good = tool.rev("main")
    tool.commit({"bad": "SECRET"})
    begun(tool.url)
    hybrid("add", tool.url, "--name", "fine", "--commit", good)
    hybrid("add", tool.url, "--name", "twin")
    hybrid("sync")
    use(workspace, scanner, policy='scan_block_on = "high"')
    hybrid("scan", "tool", check=1)
    done = hybrid("sync", "--json", check=6)
    rows = {row["name"]: row for row in done.json()["sources"]}
    assert [rows[name]["exit_code"] for name in ("tool", "twin", "fine")] == [6, 6, 0]
    assert "bad" in " ".join(rows["tool"]["error"]["cause"])
    hybrid("sync", "-n", "tool", check=6)
    hybrid("reset", "tool", check=6)
    use(workspace, scanner, policy='scan_block_on = "none"')
    hybrid("sync", "tool")
    use(workspace, scanner)
    tool.commit({"bad": None})
    hybrid("pin", "tool")
    hybrid("sync", "tool")
    assert "stale" in hybrid("status", "--porcelain").out


@pytest.mark.parametrize("clone", ["absent", "older", "whole"])
def test_what_a_finding_keeps_from_being_synced_is_scanned_again_all_the_same(
    hybrid: Hybrid, workspace: Path, tool: Upstream, scanner: Path, begun: Begun, clone: str
) -> None:
    begun(tool.url)
    use(workspace, scanner)
    tool.commit({"bad": "SECRET"})
    hybrid("pin", "tool")
    hybrid("sync")
    hybrid("scan", check=1)
    # Another clone of the workspace, in which the new commit never was.
    if clone == "absent":
        shutil.rmtree(workspace / "sources/tool")
    elif clone == "older":
        older = tool.rev("main~1")
        shutil.rmtree(workspace / "sources/tool")
        git("clone", "-q", "--no-checkout", tool.url, "sources/tool", cwd=workspace)
        git("update-ref", "--no-deref", "HEAD", older, cwd=workspace / "sources/tool")
        git("update-ref", "-d", "refs/heads/main", cwd=workspace / "sources/tool")
        git("update-ref", "-d", "refs/remotes/origin/main", cwd=workspace / "sources/tool")
        git("gc", "-q", "--prune=now", cwd=workspace / "sources/tool")
    hybrid("sync", check=6)
    a_scanner(scanner, FINDS.replace("SECRET", "SECRETS"))
    done = hybrid("scan", "--diff", "tool")
    assert ("not installed: fetched for the scan" in done.out) is (clone != "whole")
    assert not (workspace / "sources/.incoming").exists()
    hybrid("check", "scans")
    hybrid("sync")


def test_below_the_level_nothing_is_blocked(
    hybrid: Hybrid, workspace: Path, tool: Upstream, scanner: Path, begun: Begun
) -> None:
    tool.commit({"bad": "SMELL"})
    begun(tool.url)
    use(workspace, scanner)
    hybrid("scan", check=1)
    hybrid("sync")
    use(workspace, scanner, policy='scan_block_on = "medium"')
    hybrid("sync", check=6)
    # The log, which is asked there, has no rules and no paths.
    assert "cause: medium R1 bad (" in hybrid("add", tool.url, "--name", "again", check=6).err


def test_pin_scan_looks_before_it_moves_and_what_it_saw_is_not_forgotten(
    hybrid: Hybrid, workspace: Path, tool: Upstream, scanner: Path, begun: Begun
) -> None:
    begun(tool.url)
    use(workspace, scanner)
    hybrid("scan")
    good = tool.rev("main")
    bad = tool.commit({"bad": "SECRET"})
    before = (workspace / "state/sources.lock").read_bytes()
    assert "scan-blocked" in hybrid("pin", "tool", "--scan", "-n", check=6).out
    assert audit(workspace)[-1]["after"] == good
    hybrid("pin", "tool", "--scan", check=6)
    assert (workspace / "state/sources.lock").read_bytes() == before
    assert scan_of(state(workspace))["commit_sha"] == good
    assert audit(workspace)[-1]["detail"]["refused"] is True
    assert audit(workspace)[-1]["after"] == bad
    hybrid("pin", "tool", check=6)
    hybrid("add", tool.url, "--name", "again", check=6)
    works = scanner.read_text()
    a_scanner(scanner, "sys.exit(3)")
    told = hybrid("pin", "tool", "--scan", check=6)
    assert "has 1 finding" in told.err
    assert "the scan is incomplete: fake: it ended with exit status 3\n" in told.out
    assert "has 1 finding" in hybrid("pin", "tool", check=6).err
    scanner.write_text(works)
    fixed = tool.commit({"bad": "fine"})
    hybrid("pin", "tool", "--scan")
    scan = scan_of(state(workspace))
    assert (scan["commit_sha"], scan["state"]) == (fixed, "clean")
    hybrid("sync")
    assert row_of(hybrid("status", "--json", "--exit-code").json())["scan_status"]["stale"] is False


def test_pin_scan_of_what_stays_says_that_it_scans_nothing(
    hybrid: Hybrid, workspace: Path, tool: Upstream, scanner: Path, begun: Begun
) -> None:
    begun(tool.url)
    use(workspace, scanner)
    told = "note: not scanned, since the pin stays: tool; for these: git hybrid scan --stale\n"
    assert told in hybrid("pin", "tool", "--scan").err
    assert "not scanned" not in hybrid("pin", "tool").err
    hybrid("scan", "--stale")
    tool.commit({"fine": "yes"})
    assert "not scanned" not in hybrid("pin", "tool", "--scan").err


def test_pin_scan_does_not_move_on_half_a_scan(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, begun: Begun
) -> None:
    begun(tool.url)
    hybrid("pin", "tool", "--scan", check=2)
    use(workspace, a_scanner(tmp_path / "fake", "sys.exit(3)"))
    before = (workspace / "state/sources.lock").read_bytes()
    tool.commit({"x": "x"})
    told = hybrid("pin", "tool", "--scan", check=1).err
    assert "incomplete" in told
    assert "it cannot read, then: git hybrid pin tool --scan" in told
    assert (workspace / "state/sources.lock").read_bytes() == before
    hybrid("pin", "tool")


def test_a_crash_takes_nothing_back_that_was_found(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, begun: Begun
) -> None:
    tool.commit({"bad": "SECRET"})
    begun(tool.url, sync=False)
    hybrid("add", tool.url, "--name", "twin")
    hybrid("sync")
    use(workspace, a_scanner(tmp_path / "fake"))
    hybrid("scan", "tool", check=1)
    # Nor does one of another name, or in another source.
    use(workspace, a_scanner(tmp_path / "broken", "sys.exit(99)"))
    hybrid("scan", check=1)
    found = {name: scan_of(state(workspace), name) for name in ("tool", "twin")}
    assert {name: (scan["state"], scan["counts"]["high"]) for name, scan in found.items()} == dict.fromkeys(
        found, ("error", 1)
    )
    assert found["tool"]["findings"] == found["twin"]["findings"]
    assert found["tool"]["findings"][0]["path"] == "bad"
    hybrid("audit", "verify")
    assert hybrid("sync", check=6).err.count("has 1 finding at or above high") == 2
    assert hybrid("status").err.count("hint: git hybrid scan tool\n") == 1


def test_several_scanners_stand_in_one_report_and_the_worst_result_stands(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, begun: Begun
) -> None:
    tool.commit({"bad": "SMELL"})
    begun(tool.url)
    one, two = a_scanner(tmp_path / "one", "write()"), a_scanner(tmp_path / "two")
    use(workspace, one, two)
    row = row_of(hybrid("scan", "--json", check=1).json())
    assert (row["scan_status"]["state"], row["scan_status"]["scanner"]) == ("findings", "two")
    report = json.loads((workspace / "state/scans/tool.sarif").read_text())
    assert [run["automationDetails"]["id"] for run in report["runs"]] == ["one/", "two/"]
    a_scanner(one, "sys.exit(7)")
    row = row_of(hybrid("scan", "--json", check=1).json())
    assert (row["scan_status"]["state"], row["scan_status"]["scanner"]) == ("error", "one")
    assert row["scan_status"]["counts"]["medium"] == 1
    assert {item["name"]: item["state"] for item in row["scan_status"]["scanners"]} == {
        "one": "error",
        "two": "findings",
    }


def test_what_cannot_be_scanned_is_told_and_does_not_stop_the_rest(
    hybrid: Hybrid, workspace: Path, tool: Upstream, scanner: Path, begun: Begun
) -> None:
    begun(tool.url)
    hybrid("scan", check=2)
    use(workspace, scanner)
    hybrid("add", tool.url, "--name", "missing")
    replace(
        workspace / "sources.toml", "# scanners", f'[source.unpinned]\nurl = "{tool.url}"\nbranch = "main"\n# scanners'
    )
    rows = {row["name"]: row for row in hybrid("scan", "--json", check=1).json()["sources"]}
    assert rows["tool"]["outcome"] == "clean"
    assert rows["missing"]["error"]["code"] == "not-installed"
    assert rows["unpinned"]["error"]["code"] == "no-pin"
    hybrid("scan", "nobody", check=2)
    assert scan_of(state(workspace))["state"] == "clean"


def test_remove_takes_the_report_along(
    hybrid: Hybrid, workspace: Path, tool: Upstream, scanner: Path, begun: Begun
) -> None:
    begun(tool.url)
    use(workspace, scanner)
    hybrid("scan")
    assert (workspace / "state/scans/tool.sarif").exists()
    hybrid("remove", "tool")
    assert not (workspace / "state/scans/tool.sarif").exists()


def test_an_unfinished_run_is_not_lost(
    hybrid: Hybrid, workspace: Path, tool: Upstream, scanner: Path, begun: Begun
) -> None:
    begun(tool.url)
    use(workspace, scanner)
    tool.commit({"x": "x"})
    hybrid("pin", "tool")
    (workspace / "sources/tool").rename(workspace / "aside")
    leave_unfinished(hybrid, workspace)
    hybrid("scan", check=7)
    assert (workspace / "state/resume.json").exists()


def test_a_run_that_had_decided_is_finished_by_the_next_scan(
    hybrid: Hybrid, workspace: Path, tool: Upstream, scanner: Path, begun: Begun
) -> None:
    begun(tool.url)
    use(workspace, scanner)
    told = stopped_at("state/scans/tool.sarif", ["scan"], cwd=workspace)
    assert "tool  clean" in told.out
    assert "the next command that writes finishes it" in told.err
    assert "is not recorded" not in told.err
    assert "note: finished writing what run " in hybrid("scan").err
    assert scan_of(state(workspace))["state"] == "clean"


def test_what_was_found_is_told_and_recorded_when_another_writer_ends(
    hybrid: Hybrid, workspace: Path, tool: Upstream, scanner: Path, begun: Begun
) -> None:
    begun(tool.url)
    use(workspace, scanner)
    with open(workspace / "sources/.lock", "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        told = hybrid("scan", env={"GIT_HYBRID_LOCK_TIMEOUT": "0"}, check=75)
        assert "tool  clean" in told.out
        assert "error: another git hybrid is writing: " in told.err
        assert "note: what was found is not recorded: git hybrid scan\n" in told.err
        assert scan_of(state(workspace))["state"] == "missing"
        env = merged_env({"GIT_HYBRID_LOCK_TIMEOUT": "100ms"})
        with subprocess.Popen(
            [executable(), "scan"], cwd=workspace, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as child:
            assert child.stderr is not None
            told = [next(line for line in child.stderr if "is recorded when another ends: " in line)]
            fcntl.flock(file, fcntl.LOCK_UN)
            told += child.stderr
        assert child.returncode == 0
    assert "".join(told).count("note: what was found is recorded when another ends: ") == 1
    assert scan_of(state(workspace))["state"] == "clean"


def test_a_symbolic_link_for_the_reports_is_refused(
    hybrid: Hybrid, workspace: Path, tool: Upstream, scanner: Path, tmp_path: Path, begun: Begun
) -> None:
    begun(tool.url)
    use(workspace, scanner)
    (tmp_path / "elsewhere").mkdir()
    (workspace / "state/scans").symlink_to(tmp_path / "elsewhere")
    hybrid("scan", check=2)
    assert list((tmp_path / "elsewhere").iterdir()) == []


APPROVED = ("--force", "--request", "CHG-1", "--approver", "Bea <bea@example.org>", "--reason", "a test key")


def test_an_override_accepts_the_findings_it_names_until_it_ends(
    hybrid: Hybrid, workspace: Path, tool: Upstream, scanner: Path, begun: Begun
) -> None:
    bad = tool.commit({"bad": "SECRET"})
    begun(tool.url)
    use(workspace, scanner)
    assert "was never scanned" in hybrid("check", "scans", check=1).out
    hybrid("scan", check=1)
    told = hybrid("check", "scans", check=1).out
    assert "mend: git hybrid pin tool --kind scan --force" in told
    assert "git hybrid scan tool" not in told
    hybrid("sync", check=6)
    hybrid("pin", "tool", "--to", bad, *APPROVED, "--expires", "10d")
    (record,) = json.loads((workspace / "state/sources-overrides.json").read_text())["overrides"]
    assert record["lifts"] == ["scan-blocked"]
    assert record["findings"] == [scan_of(state(workspace))["findings"][0]["id"]]
    hybrid("sync")
    hybrid("check", "scans")
    # A plain pin would end what accepts them, and leave a pin that no sync takes.
    assert "has 1 finding" in hybrid("pin", "tool", check=6).err
    assert "git hybrid pin tool\n" not in hybrid("override", "revoke", record["id"], "--reason", "no test key").err
    hybrid("pin", "tool", check=6)
    hybrid("sync", check=6)
    hybrid("check", "scans", check=1)


def test_what_mends_a_new_commit_that_is_blocked_works_without_a_pin(
    hybrid: Hybrid, workspace: Path, tool: Upstream, scanner: Path, begun: Begun
) -> None:
    tool.commit({"bad": "SECRET"})
    begun(tool.url, sync=False)
    use(workspace, scanner)
    (workspace / "state/sources.lock").write_text("lock_version = 1\n")
    told = hybrid("pin", "tool", "--to", tool.rev("main"), "--scan", check=6).err
    assert f"is not used here, then: git hybrid pin tool --scan --to {tool.rev('main')}\n" in told
    scanner.write_text(scanner.read_text().replace("SECRET", "NOTHING"))
    hybrid("scan", "tool", check=1)
    hybrid("pin", "tool", "--scan")


@pytest.mark.parametrize("broken", [False, True])
def test_a_forced_move_accepts_what_the_scan_before_it_found(
    hybrid: Hybrid, workspace: Path, tool: Upstream, scanner: Path, *, broken: bool, begun: Begun
) -> None:
    begun(tool.url)
    use(workspace, scanner)
    assert "no scanner" not in hybrid("check", "scans", check=1).out
    hybrid("scan")
    bad = tool.commit({"bad": "SECRET"})
    hybrid("pin", "tool", "--scan", check=6)
    works = scanner.read_text()
    if broken:
        a_scanner(scanner, "sys.exit(3)")
    hybrid("pin", "tool", "--scan", "--to", bad, *APPROVED, "--expires", "10d")
    hybrid("sync")
    assert scan_of(state(workspace))["commit_sha"] == bad
    (record,) = json.loads((workspace / "state/sources-overrides.json").read_text())["overrides"]
    assert record["lifts"] == ["scan-blocked", *(["scan-incomplete"] if broken else [])]
    assert len(record["findings"]) == 1
    scanner.write_text(works)
    tool.commit({"bad": "SECRET", "more": "SECRET"})
    hybrid("pin", "tool", "--scan", check=6)
    hybrid("sync")


def test_without_a_scanner_check_scans_passes_and_says_so(hybrid: Hybrid, tool: Upstream, begun: Begun) -> None:
    begun(tool.url)
    assert "no scanner is configured" in hybrid("check", "scans").out


def test_rules_that_changed_since_are_told_by_status_the_check_and_the_hook(
    hybrid: Hybrid, workspace: Path, tool: Upstream
) -> None:
    git("init", "-q", "-b", "main", cwd=workspace)
    started(hybrid, tool.url)
    a_scanner(workspace / "own")
    (workspace / "rules").mkdir()
    (workspace / "rules/house").write_text("one\n")
    command = json.dumps(["./own", "{report}", "{path}", "-rules={root}/none,{root}/rules", "{root}"])
    with (workspace / "sources.toml").open("a") as manifest:
        manifest.write(f'[[scanner]]\nname = "own"\ncommand = {command}\n')

    def hook(*added: str) -> str:
        git("add", *added, cwd=workspace)
        return run_hybrid(program="git-hybrid-hook-scans", cwd=workspace, check=None).out

    hybrid("scan")
    # The workspace itself, which is named too, is another after each run.
    assert "stale" not in hybrid("status", "--porcelain").out
    # What git does not have may be another on each machine.
    (workspace / "rules/house").write_text("two\n")
    assert hook("sources.toml", "state") == ""
    (workspace / "rules/house").write_text("one\n")
    assert hook("-A") == ""
    (workspace / "rules/house").write_text("two\n")
    changed = "its scan is stale: the rules or the program of a scanner changed since"
    assert changed in hybrid("check", "scans", check=1).out
    assert "stale" in hybrid("status", "--porcelain").out
    assert hook("state") == ""
    assert changed in hook("-A")
    git("commit", "-q", "-m", "rules", cwd=workspace)
    env = {"PRE_COMMIT_TO_REF": git("rev-parse", "HEAD", cwd=workspace).strip()}
    assert changed in run_hybrid(program="git-hybrid-hook-scans", cwd=workspace, env=env, check=None).out
    (workspace / "rules/house").write_text("three\n")
    hybrid("scan")
    assert "mend: git add -- rules/house" in hook("state")
    assert hook("rules") == ""
    assert hybrid("check", "scans").code == 0
