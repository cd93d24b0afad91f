"""Scanners that crash, hang, lie, flood, fork and peep: an error each time, never clean, and nothing left behind."""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path

import pytest

from support.beginning import Begun
from support.cli import Hybrid, executable
from support.kit import state
from support.scanners import a_scanner, scan_of, use
from support.upstream import Link, Upstream, UpstreamFactory


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    upstream.commit({"README": "hello\n"})
    return upstream


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Watch the folder for temporary files: a scan leaves nothing in it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


def reason(hybrid: Hybrid, workspace: Path, more: str = "", *paths: Path) -> str:
    """Scan with the programs at *paths*, which must come to an error; return the reason."""
    use(workspace, *paths, more=more)
    done = hybrid("scan", "--json", check=1)
    (row,) = done.json()["sources"]
    assert row["error"]["code"] == "scan-incomplete"
    scan = scan_of(state(workspace))
    assert scan["state"] == "error"
    assert scan["counts"] == {"high": 0, "medium": 0, "low": 0}
    return str(scan["scanners"][0]["reason"])


@pytest.mark.parametrize(
    ("words", "what", "hint"),
    [
        (["pin", "tool"], "its pin moved", "git hybrid scan tool"),
        (["remove", "tool"], "it was removed", "git hybrid status"),
    ],
    ids=["pinned", "removed"],
)
def test_a_source_that_changes_while_it_is_scanned(
    hybrid: Hybrid,
    workspace: Path,
    tool: Upstream,
    begun: Begun,
    tmp_path: Path,
    words: list[str],
    what: str,
    hint: str,
) -> None:
    begun(tool.url)
    first = tool.rev("main")
    tool.commit({"README": "new\n"})
    command, env = [str(executable()), "-C", str(workspace), *words], {key: os.environ[key] for key in ("HOME", "PATH")}
    body = f"import subprocess\nsubprocess.run({command!r}, env={env!r}, check=True, capture_output=True)\nwrite()\n"
    use(workspace, a_scanner(tmp_path / "fake", body))
    (row,) = hybrid("scan", "--json", check=1).json()["sources"]
    told = row["error"]
    assert (told["code"], told["message"]) == ("scan-overtaken", f"tool: {what} while it was scanned")
    assert told["cause"] == [f"what was found is of {first}, and is not recorded"]
    assert told["hints"] == [hint]
    use(workspace, a_scanner(tmp_path / "fake", "write()\n"))
    hybrid(*hint.split()[2:])


LIES = [
    ("crash", "raise SystemExit(42)", "exit status 42"),
    ("traceback", "raise RuntimeError('boom')", "boom"),
    ("nothing", "pass", "no report"),
    ("empty", "open(report, 'w').close()", "empty"),
    ("garbage", "open(report, 'w').write('garbage')", "not JSON"),
    ("half", 'open(report, \'w\').write(\'{"version": "2.1.0", "runs": [\')', "not JSON"),
    ("signal", "write(); os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
    ("old-version", "json.dump({'version': '2.0.0', 'runs': []}, open(report, 'w'))", "not SARIF 2.1.0"),
    ("no-run", "json.dump({'version': '2.1.0', 'runs': []}, open(report, 'w'))", "no run"),
    ("no-results", "write(results=None)", "no results"),
    ("unsuccessful", "write(invocations=[{'executionSuccessful': False}])", "did not succeed"),
    (
        "notified",
        (
            "write(invocations=[{'executionSuccessful': True, 'toolExecutionNotifications':"
            " [{'level': 'error', 'message': {'text': 'no rules'}}]}])"
        ),
        "no rules",
    ),
    ("status-without-findings", "write(); sys.exit(1)", "the report has none"),
    ("folder", "os.mkdir(report)", "no regular file"),
    ("link", "write(); os.rename(report, tree + '/r'); os.symlink(tree + '/r', report)", "no regular file"),
    ("pipe", "os.mkfifo(report)", "no regular file"),
    ("flood-report", "open(report, 'wb').write(b' ' * 100_000_000)", "more than 64 MB"),
    ("flood-output", "write(); [sys.stdout.write('x' * 1_000_000) for _ in range(100)]", "more than 64 MB"),
    ("flood-errors", "write(); [sys.stderr.write('x' * 1_000_000) for _ in range(100)]", "more than 64 MB"),
    (
        "deep-report",
        "write(properties={'x': json.loads('[' * 300 + '0,' * 300_000 + '0' + ']' * 300)})",
        "when it is written",
    ),
    ("hungry", "write(); data = bytearray(6 * 2**30); sys.exit(3)", "MemoryError"),
]


@pytest.mark.parametrize(("body", "word"), [item[1:] for item in LIES], ids=[item[0] for item in LIES])
def test_whatever_is_no_whole_scan_is_an_error(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, temporary: Path, body: str, word: str, begun: Begun
) -> None:
    begun(tool.url)
    assert word in reason(hybrid, workspace, "", a_scanner(tmp_path / "fake", body))
    assert list(temporary.iterdir()) == []
    assert "Traceback" not in hybrid("status").err


def test_a_scanner_that_hangs_is_killed_with_what_it_started(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, temporary: Path, begun: Begun
) -> None:
    begun(tool.url)
    pids = tmp_path / "pids"
    body = f"""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(["sleep", "1000"])
    open({str(pids)!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
    time.sleep(1000)
    """
    told = reason(hybrid, workspace, 'timeout = "2s"', a_scanner(tmp_path / "fake", body))
    assert "2 s" in told
    assert [pid for pid in pids.read_text().split() if is_alive(int(pid))] == []
    assert list(temporary.iterdir()) == []


def test_children_do_not_survive_a_scanner_that_succeeds(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, begun: Begun
) -> None:
    begun(tool.url)
    pids = tmp_path / "pids"
    body = f"""
    write()
    sleep = ["sleep", "1000"]
    children = [subprocess.Popen(sleep), subprocess.Popen(sleep, start_new_session=True)]
    children.append(subprocess.Popen(sleep, start_new_session=True, env={{}}, cwd=tree))
    open({str(pids)!r}, "w").write(" ".join(str(child.pid) for child in children))
    """
    use(workspace, a_scanner(tmp_path / "fake", body))
    hybrid("scan")
    assert scan_of(state(workspace))["state"] == "clean"
    assert [pid for pid in pids.read_text().split() if is_alive(int(pid))] == []


def is_alive(pid: int) -> bool:
    """Tell whether the process runs; one that is dying is given a moment."""
    for _ in range(50):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return False
        except (FileNotFoundError, ProcessLookupError):
            return False
        time.sleep(0.1)
    return True


def test_a_scanner_that_is_not_there_is_an_error_with_the_way_to_get_it(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, begun: Begun
) -> None:
    begun(tool.url)
    use(workspace, ("deps", "osv-scanner"))
    done = hybrid("scan", check=1)
    assert "osv-scanner is not on PATH; to install it:" in done.err
    # One of another maker, such as the one that comes with betterleaks.
    other = tmp_path / "bin/gitleaks"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\necho 2.0.0-rc.4\n")
    other.chmod(0o755)
    use(workspace, ("secrets", "gitleaks"))
    done = hybrid("scan", env={"PATH": f"{other.parent}:{os.environ['PATH']}"}, check=1)
    assert f"{other} is 2.0.0-rc.4, and 8.19 or newer is needed: install gitleaks" in done.err
    assert "is not there, or is not executable" in reason(hybrid, workspace, "", tmp_path / "nowhere")
    manifest = workspace / "sources.toml"
    manifest.write_text(manifest.read_text().replace("{path}", "{root}"))
    a_scanner(tmp_path / "nowhere", "write()")
    assert "has no {path}" in hybrid("scan", check=1).err


def test_the_report_may_be_what_is_printed_and_statuses_are_the_manifests(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, begun: Begun
) -> None:
    begun(tool.url)
    fake = a_scanner(tmp_path / "fake", 'report = "/dev/stdout"\nwrite(result("README"))\nsys.exit(5)\n')
    use(workspace, fake, more="ok_codes = [4]\nfinding_codes = [5]")
    manifest = workspace / "sources.toml"
    manifest.write_text(manifest.read_text().replace("{report}", "-"))
    hybrid("scan", check=1)
    assert scan_of(state(workspace))["counts"]["high"] == 1
    manifest.write_text(manifest.read_text().replace("finding_codes = [5]", "finding_codes = [6]"))
    assert "exit status 5" in hybrid("scan", check=1).err


def test_one_scanner_that_fails_does_not_stop_the_rest(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, begun: Begun
) -> None:
    begun(tool.url)
    for number in range(3):
        tool.commit({"number": str(number)}, branch=f"b{number}")
        hybrid("add", tool.url, "--name", f"n{number}", "--branch", f"b{number}")
    hybrid("sync")
    body = """
    if os.path.exists(tree + "/number") and open(tree + "/number").read() == "1":
        sys.exit(77)
    write()
    """
    use(workspace, a_scanner(tmp_path / "fake", body))
    rows = hybrid("scan", "-j", "4", "--json", check=1).json()["sources"]
    assert {row["name"]: row["outcome"] for row in rows} == {
        "n0": "clean",
        "n1": "error",
        "n2": "clean",
        "tool": "clean",
    }
    again = hybrid("scan", "--stale", "--json", check=1).json()["sources"]
    assert [row["name"] for row in again] == ["n1"]


def test_hostile_words_of_a_scanner_do_not_reach_the_terminal(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, begun: Begun
) -> None:
    begun(tool.url)
    use(
        workspace,
        a_scanner(tmp_path / "fake", 'write(result("\\x1b[2J/evil", rule="\\x1b]0;x\\x07", text="\\x1b[31m"))'),
    )
    for command in (("scan",), ("sync",), ("status",), ("scan", "--json")):
        done = hybrid(*command, check=None)
        assert "\x1b" not in done.out + done.err


def test_a_tree_with_links_is_exported_without_leaving_the_folder(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, begun: Begun
) -> None:
    tool.commit({"a/up": Link("../README"), "loop": Link("loop"), "dir": Link("a")})
    begun(tool.url)
    body = "assert os.path.realpath(tree + '/a/up') == os.path.realpath(tree) + '/README'\nwrite()\n"
    use(workspace, a_scanner(tmp_path / "fake", body))
    hybrid("scan")


def test_what_a_killed_scan_left_goes_with_the_next(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, temporary: Path, begun: Begun
) -> None:
    begun(tool.url)
    left = temporary / "hybrid-scan-dead"
    (left / "tree" / "closed").mkdir(parents=True)
    (left / ".alive").touch()
    (temporary / "hybrid-scan-other").mkdir()
    use(workspace, a_scanner(tmp_path / "fake", "write()"))
    hybrid("scan")
    assert [path.name for path in temporary.iterdir()] == ["hybrid-scan-other"]


def test_a_decision_that_was_cut_off_is_carried_out_with_its_report(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, begun: Begun
) -> None:
    begun(tool.url)
    use(workspace, a_scanner(tmp_path / "fake", "write()"))
    # The folder of the reports cannot be made: the decision stands in the journal, nothing else is written.
    (workspace / "state/scans").write_text("in the way")
    before = (workspace / "state/sources.json").read_bytes()
    hybrid("scan", check=74)
    assert (workspace / "state/sources.json").read_bytes() == before
    assert (workspace / "state/resume.json").exists()
    (workspace / "state/scans").unlink()
    assert "finished writing" in hybrid("sync").err
    scan = scan_of(state(workspace))
    assert scan["state"] == "clean"
    assert json.loads((workspace / "state/scans/tool.sarif").read_text())["runs"]
    assert not (workspace / "state/journal").exists()
    assert os.listdir(workspace / "state/scans") == ["tool.sarif"]
