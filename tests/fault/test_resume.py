"""What an interrupted run left is finished, given up or healed: the journalled commits, policy, torn lines, leftovers (P1-P3)."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from support.cli import Hybrid, run_hybrid
from support.https_server import HttpsGitServer
from support.injection import audit, readable, restored, tidy
from support.kit import NOBODY, git, head, leave_unfinished, lock, outcomes, state, write_manifest
from support.points import Point, injected, log_bytes, named, recorded, strace
from support.sweeps import sampled
from support.upstream import Gitlink, Upstream, UpstreamFactory

MARKER = "state/resume.json"
MOST = 200


def _interrupted(workspace: Path, tmp_path: Path, call: str, part: str, nth: int = -1) -> None:
    """Kill a sync of everything at its last (or *nth*) *call* on a path that has *part* in it."""
    pristine = workspace.rename(tmp_path / "before")
    restored(pristine, workspace)
    words = ["sync", "-q", "-j", "1"]
    _, points = recorded(words, cwd=workspace, log=tmp_path / "calls")
    restored(pristine, workspace)
    point = named(points, call, part, nth)
    ended, _ = injected(point, "signal=KILL", words, cwd=workspace, log=tmp_path / "calls")
    assert ended.code in (-9, 137)
    assert (workspace / MARKER).is_file()


def _planned(workspace: Path) -> dict[str, str]:
    document = json.loads((workspace / MARKER).read_text())
    return {row["name"]: row["to_commit"] for row in document["sources"]}


def _events(workspace: Path) -> list[str]:
    return [record["event"] for record in audit(workspace)]


def test_a_run_that_was_offline_is_not_forgotten(hybrid: Hybrid, workspace: Path, ups: dict[str, Upstream]) -> None:
    shutil.rmtree(workspace / "sources")
    for _ in range(2):
        hybrid("sync" if not (workspace / MARKER).exists() else "resume", env={"GIT_HYBRID_OFFLINE": "1"}, check=4)
        assert len(_planned(workspace)) == len(ups)
    # Nor is one that the machine refuses to look at, which is no obstacle to the other.
    options = ["-f", "-o", "/dev/null", "-e", "inject=lstat,stat,newfstatat,statx:error=EIO"]
    options += [word for name in ("", "/.git") for word in ("-P", f"{workspace}/sources/one{name}")]
    refused = strace(options, ["resume", "--json"], cwd=workspace)
    assert (refused.code, outcomes(refused)) == (74, {"one": "failed", "two": "cloned"})
    assert set(_planned(workspace)) == {"one"}
    hybrid("resume")
    assert not (workspace / MARKER).exists()


def test_what_is_pinned_now_is_installed_though_upstream_and_the_lock_moved(
    hybrid: Hybrid, workspace: Path, ups: dict[str, Upstream], tmp_path: Path
) -> None:
    _interrupted(workspace, tmp_path, "write", "state/journal/", 2)
    planned = _planned(workspace)
    assert planned == {name: pin["commit"] for name, pin in lock(workspace).items()}
    text = (workspace / "state/sources.lock").read_text()
    moved = {name: upstream.commit({"later.txt": "moved on\n"}) for name, upstream in ups.items()}
    # A colleague's pin comes in by `git pull` while the run is open.
    other = restored(tmp_path / "before", tmp_path / "other")
    run_hybrid("pin", "one", "two", cwd=other)
    pulled = (other / "state/sources.lock").read_text()
    assert pulled != text
    (workspace / "state/sources.lock").write_text(pulled)
    for upstream in ups.values():
        upstream.commit({"latest.txt": "and on\n"})
    hybrid("resume")
    assert {name: head(workspace, name) for name in planned} == moved
    assert {name: entry["commit_sha"] for name, entry in state(workspace).items()} == moved
    assert (workspace / "state/sources.lock").read_text() == pulled
    assert _events(workspace)[-1] == "resume-completed"
    tidy(workspace)


def test_what_kept_a_source_is_told_afterwards(hybrid: Hybrid, workspace: Path, ups: dict[str, Upstream]) -> None:
    for name in ("one", "two"):
        shutil.rmtree(workspace / "sources" / name)
    ups["one"].path.rename(ups["one"].path.with_name("gone"))
    leave_unfinished(hybrid, workspace)
    hybrid("resume", check=4)
    told = hybrid("status", "-v").out
    assert "an earlier run is unfinished: repository-not-found" in told
    hybrid("resume", env=NOBODY, check=4)
    assert "an earlier run is unfinished: refused: " in hybrid("status", "-v").out


@pytest.mark.parametrize("command", ["resume", "sync"])
def test_what_was_taken_out_of_the_manifest_since_is_left(
    hybrid: Hybrid, workspace: Path, ups: dict[str, Upstream], command: str
) -> None:
    shutil.rmtree(workspace / "sources/two")
    leave_unfinished(hybrid, workspace)
    manifest = workspace / "sources.toml"
    manifest.write_text(re.sub(r"\[source\.two\]\n(?:[^\[].*\n?)*", "", manifest.read_text()))
    done = hybrid(command)
    assert done.out.splitlines()[-2:] == ["two  left", "    sources.toml has no such source any more"]
    assert "gave up" not in done.err
    assert not (workspace / "sources/two").exists()
    tidy(workspace)


def test_policy_is_asked_again(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, https_server: HttpsGitServer
) -> None:
    upstream_factory("tool").commit({"README": "one\n"})
    hybrid("init")
    hybrid("add", https_server.url("tool.git"), env=https_server.env())
    manifest = workspace / "sources.toml"
    manifest.write_text(manifest.read_text().replace("[defaults]", "[defaults]\nretry = { attempts = 1 }"))
    https_server.fail_always(503)
    hybrid("sync", env=https_server.env(), check=4)
    assert set(_planned(workspace)) == {"tool"}
    https_server.clear_faults()
    https_server.clear_requests()
    manifest = workspace / "sources.toml"
    text = manifest.read_text()
    manifest.write_text(text.replace("[policy]", '[policy]\nhosts = ["elsewhere.example"]'))
    refused = hybrid("resume", env=https_server.env(), check=6)
    assert "hint: " in refused.err
    assert https_server.requests == []
    assert not (workspace / "sources/tool").exists()
    assert not (workspace / MARKER).exists()
    manifest.write_text(text)
    hybrid("sync", env=https_server.env())
    assert head(workspace) == lock(workspace)["tool"]["commit"]
    tidy(workspace)


def test_abort_goes_back_to_what_is_recorded(
    hybrid: Hybrid, workspace: Path, ups: dict[str, Upstream], tmp_path: Path
) -> None:
    recorded_before = {name: entry["commit_sha"] for name, entry in state(workspace).items()}
    _interrupted(workspace, tmp_path, "write", "state/journal/")
    assert head(workspace, "one") == _planned(workspace)["one"] != recorded_before["one"]
    hybrid("pin", "one", check=7)
    (workspace / "sources/one/mine.txt").write_text("mine\n")
    interrupted, log = workspace.rename(tmp_path / "interrupted"), workspace / "state/sources-audit.jsonl"
    # Killed when it announces that, and when it records it.
    for nth in (1, 2):
        restored(interrupted, workspace)
        point = Point("write", nth, (), only=log, main=False)
        assert injected(point, "signal=KILL", ["resume", "--abort"], cwd=workspace, log=tmp_path / "calls")[1]
        done = hybrid("resume", "--abort")
        assert f"local work saved as refs/hybrid/saved/{_saved(workspace)}" in done.out + done.err
        for name, commit in recorded_before.items():
            assert head(workspace, name) == commit
            assert git("status", "--porcelain", cwd=workspace / "sources" / name) == ""
        assert {name: entry["commit_sha"] for name, entry in state(workspace).items()} == recorded_before
        assert _events(workspace)[-2:] == ["intent", "abort"]
        tidy(workspace)
    hybrid("sync")
    assert head(workspace, "one") == lock(workspace)["one"]["commit"]


def test_abort_puts_submodules_back_as_far_as_they_are_at_hand(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, tmp_path: Path
) -> None:
    lib, app, paths = upstream_factory("lib"), upstream_factory("app"), ("in", "more")
    modules = "".join(f'[submodule "{path}"]\n\tpath = {path}\n\turl = ../lib.git\n' for path in paths)
    app.commit({".gitmodules": modules, **dict.fromkeys(paths, Gitlink(lib.commit({"lib.txt": "one\n"})))})
    write_manifest(workspace, f'[source.app]\nurl = "{app.url}"\nbranch = "main"\nsubmodules = true\n')
    hybrid("pin")
    hybrid("sync")
    app.commit(dict.fromkeys(paths, Gitlink(lib.commit({"lib.txt": "two\n"}))))
    hybrid("pin", "app")
    # One is in its place, which has the former commit too; of the other nothing is here any more.
    clone = workspace / "sources/app"
    point = Point("rmdir", 1, (), only=str(clone / "more"), main=False)
    assert injected(point, "signal=KILL", ["sync"], cwd=workspace, log=tmp_path / "calls")[1]
    assert (clone / "in/lib.txt").read_text() == "two\n"
    assert "sync fetches them: git hybrid sync app\n" in hybrid("resume", "--abort").out
    assert (head(workspace, "app"), (clone / "in/lib.txt").read_text()) == (app.rev("main~1"), "one\n")
    assert git("status", "--porcelain", cwd=clone) == ""
    hybrid("sync")
    assert (clone / "more/lib.txt").read_text() == "two\n"


def test_abort_leaves_a_clone_that_was_made_anew_in_another_object_format(
    hybrid: Hybrid, workspace: Path, ups: dict[str, Upstream], tmp_path: Path
) -> None:
    shutil.rmtree(ups["one"].path)
    commit = Upstream.create(ups["one"].path, object_format="sha256").commit({"a": "1\n"})
    forced = ("--force", "--request", "CHG-1", "--approver", "b@example.org", "--reason", "r", "--expires", "9d")
    hybrid("pin", "one", "--to", commit, *forced)
    _interrupted(workspace, tmp_path, "write", "state/journal/")
    told = hybrid("resume", "--abort", "--json").json()["sources"]
    assert [row["outcome"] for row in told if row["name"] == "one"] == ["left"]
    assert head(workspace, "one") == commit
    hybrid("sync")
    tidy(workspace)


def test_a_run_that_is_killed_twice(hybrid: Hybrid, workspace: Path, ups: dict[str, Upstream], tmp_path: Path) -> None:
    """The tree that the first kill left half changed is no local work after the second one either."""
    planned = {name: pin["commit"] for name, pin in lock(workspace).items()}
    half = Point("write", 1, (), only=workspace / "sources/one/f1.txt", main=False)
    _, reached = injected(half, "signal=KILL", ["sync", "-q", "-j", "1"], cwd=workspace, log=tmp_path / "calls")
    assert reached
    assert git("status", "--porcelain", cwd=workspace / "sources/one") != ""
    [journal] = (workspace / "state/journal").glob("*.jsonl")
    begun = Point("unlink", 1, (), only=journal, main=True)
    _, reached = injected(begun, "signal=KILL", ["resume", "-j", "1"], cwd=workspace, log=tmp_path / "calls")
    assert reached
    hybrid("sync")
    assert {name: head(workspace, name) for name in planned} == planned
    assert all(git("status", "--porcelain", cwd=workspace / "sources" / name) == "" for name in planned)
    tidy(workspace)


def test_a_marker_that_cannot_be_read_is_given_up(hybrid: Hybrid, workspace: Path, ups: dict[str, Upstream]) -> None:
    (workspace / MARKER).write_bytes(b"")
    for words in (["sync"], ["resume"], ["pin"]):
        assert "hint: git hybrid resume --abort" in hybrid(*words, check=2).err
    hybrid("resume", "--abort")
    shutil.rmtree(workspace / "sources/two")
    leave_unfinished(hybrid, workspace)
    shutil.rmtree(workspace / "state/journal")
    for words in (["status"], ["check"], ["pin"]):
        told = hybrid(*words, check=2).err
        assert "whose journal is not there\nhint: git hybrid resume --abort\n" in told
    assert "whose journal is not there" in hybrid("diag", check=1).out
    hybrid("resume", "--abort")
    hybrid("sync")
    tidy(workspace)


def test_a_reset_follows_the_rule_of_sync(hybrid: Hybrid, workspace: Path, ups: dict[str, Upstream]) -> None:
    hybrid("sync", "one")
    shutil.rmtree(workspace / "sources/two")
    leave_unfinished(hybrid, workspace)
    (workspace / "sources/one/mine.txt").write_text("mine\n")
    assert "hint: git hybrid resume" in hybrid("reset", "one", check=7).err
    assert (workspace / "sources/one/mine.txt").exists()
    # As a sync would do it, which a dry run foretells.
    assert "hint: git hybrid resume" in hybrid("sync", "-n", "one", check=7).err
    foretold = hybrid("sync", "-n", "--json", check=3).json()
    assert {row["name"]: row["outcome"] for row in foretold["sources"]} == {"one": "blocked", "two": "would-clone"}
    assert "is unfinished, and would be finished first: two" in foretold["notes"][0]
    first = hybrid("reset", "one", "two", "--json", env=NOBODY, check=4)
    assert outcomes(first) == {"one": "reset", "two": "failed"}
    done = hybrid("reset", "one", "two")
    assert "finishing run" in done.err
    assert {name: head(workspace, name) for name in ups} == {name: up.rev("main") for name, up in ups.items()}
    assert git("show", "refs/hybrid/saved/" + _saved(workspace) + ":mine.txt", cwd=workspace / "sources/one") == "mine"
    tidy(workspace)


def _saved(workspace: Path) -> str:
    return git("for-each-ref", "--format=%(refname:lstrip=3)", "refs/hybrid/saved", cwd=workspace / "sources/one")


def test_a_torn_line_of_the_journal_does_not_count(
    hybrid: Hybrid, workspace: Path, ups: dict[str, Upstream], tmp_path: Path
) -> None:
    _interrupted(workspace, tmp_path, "write", "sources-audit.jsonl")
    planned = _planned(workspace)
    [journal] = (workspace / "state/journal").glob("*.jsonl")
    whole = journal.read_bytes()
    last = whole[:-1].rindex(b"\n") + 1
    kept = workspace.rename(tmp_path / "kept")
    for cut in (last + 1, len(whole) - 1):
        restored(kept, workspace)
        (workspace / journal.relative_to(workspace)).write_bytes(whole[:cut])
        hybrid("status")
        hybrid("resume")
        assert {name: head(workspace, name) for name in planned} == planned
        readable(workspace)
        audit(workspace)
        tidy(workspace)


def _cuts(workspace: Path, tmp_path: Path, most: int) -> tuple[int, list[str]]:
    """Cut the log at *most* bytes of its last record, append by the next writer, and return what was wrong."""
    whole = log_bytes(workspace)
    start = whole[:-1].rindex(b"\n") + 1
    kept, bad = workspace.rename(tmp_path / "kept"), []
    cuts = sampled(range(start, len(whole)), most)
    for cut in cuts:
        restored(kept, workspace)
        log = workspace / "state/sources-audit.jsonl"
        log.write_bytes(whole[:cut])
        try:
            run_hybrid("sync", cwd=workspace)
            now = log.read_bytes()
            assert now.startswith(whole[:cut])
            assert len(audit(workspace)) > whole[:start].count(b"\n")
            new = [json.loads(line) for line in now[cut:].splitlines() if line.startswith(b"{")]
            torn = [len(whole[start:cut])] if start < cut < len(whole) - 1 else []
            assert [item["len"] for record in new for item in record.get("torn", ())] == torn
            tidy(workspace)
        except AssertionError as error:
            bad.append(f"cut at {cut - start}: {str(error)[:300]}")
    return len(cuts), bad


def test_a_torn_audit_record_is_never_cut(workspace: Path, ups: dict[str, Upstream], tmp_path: Path) -> None:
    assert _cuts(workspace, tmp_path, 2)[1] == []


@pytest.mark.sweep
@pytest.mark.timeout(3000)
def test_every_byte_of_a_torn_audit_record(workspace: Path, ups: dict[str, Upstream], tmp_path: Path) -> None:
    count, bad = _cuts(workspace, tmp_path, MOST)
    print(f"P2 torn audit: held {count - len(bad)} of {count}")
    assert bad == []


def test_leftovers_of_writers_are_removed_and_nothing_else(
    hybrid: Hybrid, workspace: Path, ups: dict[str, Upstream]
) -> None:
    names = ("state/sources.lock", "state/sources.json", "state/resume.json", "sources.toml")
    for name in names:
        (workspace / f"{name}.tmp").write_text("half")
    theirs = [workspace / name for name in ("state/notes.tmp", "mine.tmp", "sources/one/mine.tmp")]
    for path in theirs[:2]:
        path.write_text("mine")
    result = hybrid("sync")
    assert all(name in result.err for name in names)
    assert not any((workspace / f"{name}.tmp").exists() for name in names)
    assert all(path.exists() for path in theirs[:2])
    # Where nothing is to be recorded, that is not either.
    before, left = log_bytes(workspace), workspace / f"{names[0]}.tmp"
    left.write_text("half")
    hybrid("sync")
    assert (log_bytes(workspace), left.exists()) == (before, False)
    left.write_text("half")
    hybrid("remove", "two")
    told = [record for record in audit(workspace) if "leftovers" in record.get("detail", {})]
    assert [record["event"] for record in told] == ["intent"] * 2
    assert [len(record["detail"]["leftovers"]) for record in told] == [len(names), 1]


def test_state_tells_where_a_killed_reset_had_saved_work(
    hybrid: Hybrid, workspace: Path, ups: dict[str, Upstream], tmp_path: Path
) -> None:
    (workspace / "sources/one/mine.txt").write_text("mine\n")
    pin, words = workspace / "sources/one/.git/refs/hybrid/pin.tmp", ["reset", "-q", "one"]
    point = Point("rename", 1, (), only=pin, main=False)
    assert injected(point, "signal=KILL", words, cwd=workspace, log=tmp_path / "calls")[1]
    note = f"local work saved as refs/hybrid/saved/{_saved(workspace)}"
    assert note in hybrid("resume").out
    (entry,) = [entry for name, entry in state(workspace).items() if name == "one"]
    assert entry["notes"] == note
    tidy(workspace)
