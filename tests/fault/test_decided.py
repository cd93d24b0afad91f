"""What fails once the run has decided is told so, with the command that finishes it: given again, it would be done twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from support.cli import Hybrid, run_hybrid
from support.injection import audit, restored, tidy
from support.kit import git, lock, manifest, write_manifest
from support.points import clear_error, log_bytes, stopped_at, strace
from support.upstream import Upstream, UpstreamFactory

DECIDED = "cause: what it does is decided, and the next command that writes finishes it: do not run the command again\n"
WRITTEN = (
    "cause: all that it did is written, and no more than the journal of that is left to remove:"
    " do not run the command again\n"
)
RESUME = "hint: when disk and rights are mended: git hybrid resume\n"


@pytest.fixture
def tool(upstream_factory: UpstreamFactory, hybrid: Hybrid, workspace: Path) -> Upstream:
    upstream = upstream_factory()
    upstream.commit({"README": "one\n"})
    write_manifest(workspace, f'[source.one]\nurl = "{upstream.url}"\nbranch = "main"\n')
    git("init", "-q", cwd=workspace)
    hybrid("pin")
    return upstream


def _rotated(workspace: Path) -> bool:
    return len([*(workspace / "state").glob("sources-audit.*.jsonl")]) == 1


CASES: dict[str, tuple[list[str], str, str, str, Callable[[Path], bool]]] = {
    "add": (["add", "URL", "--name", "two"], "openat", "sources.toml.tmp", DECIDED, lambda ws: "two" in manifest(ws)),
    "remove": (["remove", "one"], "openat", "state/sources.lock.tmp", DECIDED, lambda ws: "one" not in lock(ws)),
    "rotate": (["audit", "rotate"], "unlink", "state/resume.json", WRITTEN, _rotated),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_decided_is_finished_and_not_done_again(
    hybrid: Hybrid, workspace: Path, tool: Upstream, name: str
) -> None:
    words, call, path, cause, is_done = CASES[name]
    words = [tool.url if word == "URL" else word for word in words]
    options = ["-f", "-o", "/dev/null", "-P", str(workspace / path)]
    failed = strace([*options, "-e", f"trace={call}", "-e", f"inject={call}:error=EIO"], words, cwd=workspace)
    assert failed.code == 74
    clear_error(failed)
    assert cause in failed.err
    assert RESUME in failed.err
    again = hybrid(*words, "-v")
    assert "note: finished writing what run " in again.err
    assert {"add": "two  added  ", "remove": "one  removed  ", "rotate": "archived as "}[name] in again.out
    assert is_done(workspace)
    hybrid("resume")
    hybrid("audit", "verify")
    tidy(workspace)


@pytest.mark.parametrize("command", ["add", "remove"])
def test_what_is_decided_is_written_into_a_manifest_that_was_edited_since(
    hybrid: Hybrid, workspace: Path, tool: Upstream, command: str
) -> None:
    words = ["add", tool.url, "--name", "two"] if command == "add" else ["remove", "one"]
    path = workspace / "sources.toml"
    assert DECIDED in stopped_at("sources.toml", words, cwd=workspace).err
    path.write_text(f"# mine\n{path.read_text()}")
    path.write_text(f"[no table\n{path.read_text()}")
    assert "error: sources.toml: " in hybrid("sync", check=2).err
    path.write_text(path.read_text().removeprefix("[no table\n"))
    assert "had decided\n" in hybrid("sync").err
    assert path.read_text().startswith("# mine\n")
    assert sorted(manifest(workspace)) == sorted(lock(workspace)) == (["one", "two"] if command == "add" else [])
    tidy(workspace)


def test_what_is_decided_is_not_recorded_twice_where_the_log_is_in_a_stash(
    hybrid: Hybrid, workspace: Path, tool: Upstream
) -> None:
    git("add", "-A", cwd=workspace)
    git("commit", "-qm", "one", cwd=workspace)
    stopped_at("sources.toml", ["add", tool.url, "--name", "two"], cwd=workspace)
    whole = log_bytes(workspace)
    git("stash", cwd=workspace)
    told = hybrid("resume", check=7).err
    assert "hint: if you have stashed it: git stash pop\n" in told
    assert "git hybrid resume --abort\n" in told
    kept = restored(workspace, workspace.with_name("kept"))
    git("stash", "pop", cwd=workspace)
    hybrid("resume")
    assert log_bytes(workspace) == whole
    assert sorted(lock(workspace)) == ["one", "two"]
    given_up = run_hybrid("resume", "--abort", cwd=kept)
    assert "note: dropped what run " in given_up.err
    assert "what it decided stands" not in given_up.err
    run_hybrid("audit", "verify", cwd=kept)
    assert sorted(lock(kept)) == ["one"]
    tidy(kept)


def test_what_no_longer_fits_is_told_with_what_does_it(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    tool.branch("other")
    stopped_at("sources.toml", ["remove", "one"], cwd=workspace)
    path = workspace / "sources.toml"
    edited = path.read_text().replace('"main"', '"other"')
    path.write_text(edited)
    told = hybrid("sync", check=1).err
    assert (
        "note: sources.toml was edited meanwhile and stays (ours), without what was decided for it (theirs):"
        ' [source.one]: ours branch = "other", theirs takes it out; for that: git hybrid remove one\n'
    ) in told
    assert "had decided, but for what is told before\n" in told
    assert path.read_text() == edited
    hybrid("remove", "one")
    assert manifest(workspace) == lock(workspace) == {}
    tidy(workspace)


@pytest.mark.parametrize("words", [["sync"], ["sync", "--json"]])
def test_what_is_still_to_do_is_told_where_the_marker_of_it_cannot_be_written(
    hybrid: Hybrid, workspace: Path, tool: Upstream, upstream_factory: UpstreamFactory, words: list[str]
) -> None:
    gone = upstream_factory("gone")
    gone.commit({"README": "one\n"})
    hybrid("add", gone.url)
    gone.path.rename(gone.path.with_suffix(".away"))
    options = ["-f", "-o", "/dev/null", "-P", str(workspace / "state/resume.json.tmp"), "-e", "trace=write"]
    failed = strace([*options, "-e", "inject=write:error=ENOSPC:when=2"], words, cwd=workspace)
    assert failed.code == 74
    if words[1:]:
        document = json.loads(failed.out)
        assert {row["name"]: row["outcome"] for row in document["sources"]} == {"gone": "failed", "one": "cloned"}
        assert (document["pending"], document["error"]["code"]) == ([{"name": "gone"}], "decided-only")
    else:
        told = ["error: gone: no repository at ", "error: cannot write ", DECIDED, "note: still to do: gone\n"]
        assert [line in failed.err for line in told] == [True] * 4
        assert "hint: git hybrid resume\n" in failed.err
    gone.path.with_suffix(".away").rename(gone.path)
    hybrid("resume")
    hybrid("audit", "verify")
    tidy(workspace)


def test_what_fails_before_it_is_decided_is_to_be_run_again(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    words, path = ["add", tool.url, "--name", "two"], workspace / "state/journal"
    options = ["-f", "-o", "/dev/null", "-P", str(path), "-e", "trace=mkdir", "-e", "inject=mkdir:error=ENOSPC"]
    failed = strace(options, words, cwd=workspace)
    assert failed.code == 74
    assert "cause: when disk and rights are mended, run the command again\n" in failed.err
    hybrid(*words)
    assert "two" in manifest(workspace)


def test_a_long_command_passes_for_no_other_that_begins_like_it(
    hybrid: Hybrid, workspace: Path, tool: Upstream
) -> None:
    tool.tag("v0")
    tool.commit({"README": "two\n"})
    tool.tag("v2")
    tool.commit({"README": "three\n"})
    hybrid("pin", "one")
    forced = ("pin", "one", "--force", "--reason", "why " * 200, "--approver", "bea@example.org", "--expires", "3d")
    first, other = (*forced, "--request", "CHG-1", "--to", "v0"), (*forced, "--request", "CHG-2", "--to", "v2")
    stopped_at("state/sources.lock", first, cwd=workspace)
    told = hybrid(*other)
    assert "note: finished writing what run " in told.err
    assert lock(workspace)["one"]["commit"] == tool.rev("v2^{commit}")
    overrides = json.loads((workspace / "state/sources-overrides.json").read_text())["overrides"]
    assert [(item["request_id"], item["status"]) for item in overrides] == [
        ("CHG-1", "superseded"),
        ("CHG-2", "active"),
    ]
    # The very same command is not done once more.
    stopped_at("state/sources.lock", first, cwd=workspace)
    hybrid(*first)
    assert lock(workspace)["one"]["commit"] == tool.rev("v0^{commit}")
    assert len(json.loads((workspace / "state/sources-overrides.json").read_text())["overrides"]) == 3


APPROVED = ("--force", "--request", "CHG-1", "--approver", "bea@example.org", "--reason", "why", "--expires", "3d")
OVERTAKEN: dict[str, tuple[list[str], list[str], str, tuple[str, ...]]] = {
    "pin": (["pin", "one", "--to", "v2"], ["pin", "one"], "sources.lock", ("metadata", "overrides")),
    "remove": (["remove", "one"], ["pin", "one"], "sources.lock", ("metadata", "overrides")),
    "pin of what is removed": (["pin", "one"], ["remove", "one"], "sources.lock", ("metadata", "overrides")),
    "revoke": (
        ["override", "revoke", "OVR", "--reason", "malware"],
        ["override", "renew", "OVR", "--expires", "9d", "--approver", "bea@example.org", "--reason", "more"],
        "sources-overrides.json",
        (),
    ),
}


@pytest.mark.parametrize("name", OVERTAKEN)
def test_what_a_pull_brought_is_not_written_over_by_what_was_decided_before(
    hybrid: Hybrid, workspace: Path, tool: Upstream, name: str
) -> None:
    theirs, ours, file, checked = OVERTAKEN[name]
    tool.tag("v0")
    tool.commit({"README": "two\n"})
    tool.tag("v2")
    tool.commit({"README": "three\n"})
    (workspace / ".gitattributes").write_text("/state/sources-audit.jsonl merge=union\n")
    overrides = workspace / "state/sources-overrides.json"
    if name == "revoke":
        hybrid("pin", "one")
        hybrid("pin", "one", "--to", "v0", *APPROVED)
        key = json.loads(overrides.read_text())["overrides"][0]["id"]
        theirs, ours = ([key if word == "OVR" else word for word in words] for words in (theirs, ours))
    _commit(workspace, "base")
    git("switch", "-q", "-c", "theirs", cwd=workspace)
    hybrid(*theirs)
    _commit(workspace, "theirs")
    kept = {path: path.read_bytes() for path in (workspace / "state/sources.lock", overrides) if path.exists()}
    git("switch", "-q", "-", cwd=workspace)
    stopped_at(f"state/{file}", ours, cwd=workspace)
    _commit(workspace, "ours")
    git("merge", "-q", "--no-edit", "theirs", cwd=workspace)
    settled = hybrid("resume")
    said = f"one: changed after that was decided, and left as it is; to decide anew: git hybrid {' '.join(ours)}"
    assert f"note: {said}\n" in settled.err
    assert {path: path.read_bytes() for path in kept} == kept
    assert [record["detail"] for record in audit(workspace) if record["event"] == "failed"] == [
        {"error": "overtaken", "pending": False}
    ]
    _commit(workspace, "settled")
    hybrid("check", "audit", *checked)
    tidy(workspace)


def _commit(workspace: Path, message: str) -> None:
    git("add", "-A", cwd=workspace)
    git("commit", "-q", "-m", message, cwd=workspace)
