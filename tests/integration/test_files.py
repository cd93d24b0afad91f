"""The files of a workspace: schemas, bad input, leftovers of a crash, older versions."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from support.beginning import Begun
from support.cli import Hybrid, executable, merged_env
from support.kit import (
    changes,
    git,
    head,
    lock,
    manifest,
    outcomes,
    released,
    replace,
    snapshot,
    state,
    write_manifest,
)
from support.upstream import Upstream, UpstreamFactory


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    released(upstream)
    return upstream


OLD_KEYS = ("name", "repo_url", "branch", "commit_sha", "updated_at", "updated_by")
GOOD = 'schema_version = 1\n[source.a]\nurl = "https://example.org/a"\ntag = "v1"\n'
BAD_MANIFESTS = {
    "empty": "",
    "no schema_version": GOOD.partition("\n")[2],
    "newer": GOOD.replace("= 1", "= 2", 1),
    "boolean version": GOOD.replace("= 1", "= true", 1),
    "unknown key": GOOD + "colour = 1\n",
    "unknown table": GOOD + "[sauce]\nx = 1\n",
    "duplicate": GOOD + '[source.a]\nurl = "https://example.org/b"\ntag = "v1"\n',
    "two refs": GOOD + 'branch = "main"\n',
    "no ref": GOOD.replace('tag = "v1"\n', ""),
    "wrong type": GOOD.replace('"v1"', "1"),
    "case twins": GOOD + '[source.A]\nurl = "https://example.org/b"\ntag = "v1"\n',
    "latin-1": GOOD + "# caf\udce9\n",
    "bad name": GOOD.replace("[source.a]", '[source."../a"]'),
    "bad history": GOOD + 'history = "deep"\n',
}


def test_bad_manifests(hybrid: Hybrid, workspace: Path) -> None:
    hybrid("init")
    path = workspace / "sources.toml"
    for kind, text in BAD_MANIFESTS.items():
        path.write_bytes(text.encode(errors="surrogateescape"))
        before = snapshot(workspace)
        refused = hybrid("status", check=None)
        assert refused.code == 2, (kind, refused)
        assert refused.err.startswith("error: "), kind
        assert "sources.toml" in refused.err, kind
        assert changes(before, snapshot(workspace)) == [], kind


def test_every_bad_entry_is_named_in_one_run(hybrid: Hybrid, workspace: Path) -> None:
    write_manifest(workspace, '[source.a]\nurl = "http://x/y"\ntag = "v1"\n[source.b]\nurl = "https://x/y"\nlfs = 3\n')
    refused = hybrid("sync", check=2)
    assert "source.a" in refused.err or "'a'" in refused.err or " a" in refused.err
    assert "http" in refused.err
    assert "lfs" in refused.err


@pytest.mark.parametrize("name", ["state/sources.lock", "state/sources.json"])
def test_bad_lock_and_state_are_2_and_stay(
    hybrid: Hybrid, workspace: Path, tool: Upstream, name: str, begun: Begun
) -> None:
    begun(tool.url, sync=False)
    hybrid("sync")
    path = workspace / name
    good = path.read_text()
    for bad in ("", "garbage {", good.replace("version = 1", "version = 9").replace('version": 1', 'version": 9')):
        path.write_text(bad)
        before = snapshot(workspace)
        refused = hybrid("sync", check=2)
        assert path.name in refused.err
        assert changes(before, snapshot(workspace)) == []
    conflict = f"<<<<<<< ours\n{good}=======\n{good}>>>>>>> theirs\n"
    path.write_text(conflict)
    hybrid("sync", check=2)
    assert path.read_text() == conflict
    # What is hinted at where git has no copy brings back what was there, and moves no pin.
    tool.commit({"README": "newer\n"})
    before = lock(workspace) if path.suffix == ".json" else tomllib.loads(good)["source"]
    path.write_text(good[:60])
    (again,) = re.findall(r"hint: or move it away, then: git hybrid (\w+)\n", hybrid("sync", check=2).err)
    path.unlink()
    hybrid(again)
    assert lock(workspace)["tool"]["commit"] == before["tool"]["commit"]
    hybrid("sync")
    hybrid("audit", "verify")


def test_an_edited_lock_is_obeyed_or_refused_but_never_half(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    begun(tool.url, sync=False)
    hybrid("sync")
    entry = lock(workspace)["tool"]
    path = workspace / "state/sources.lock"
    for key in ("tree", "content_sha256"):
        good = path.read_text()
        replace(path, entry[key], "0" * len(entry[key]))
        (workspace / "sources/tool").rename(workspace / "old")
        hybrid("sync", check=5)
        assert not (workspace / "sources/tool").exists(), key
        (workspace / "old").rename(workspace / "sources/tool")
        path.write_text(good)


def test_state_of_version_0_migrates(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, "--branch", "main", sync=False)
    hybrid("sync")
    old = state(workspace)["tool"]
    kept = {key: old[key] for key in OLD_KEYS}
    (workspace / "state/sources.json").write_text(json.dumps([kept]))
    assert hybrid("--json", "status").json()["sources"][0]["state"] == "ok"
    new = tool.commit({"x": "x"})
    hybrid("pin", "tool")
    hybrid("sync")
    document = json.loads((workspace / "state/sources.json").read_text())
    assert document["schema_version"] == 1
    assert state(workspace)["tool"]["commit_sha"] == new


def test_state_of_version_0_is_bound_to_a_record_by_the_first_sync(
    hybrid: Hybrid, workspace: Path, tool: Upstream
) -> None:
    """A clone that git made is as one of ours after it, and the log is whole."""
    write_manifest(workspace, f'[source.tool]\nurl = "{tool.url}"\nbranch = "main"\n')
    (workspace / "sources").mkdir(exist_ok=True)
    git("-c", "protocol.file.allow=always", "clone", "-q", tool.url, "sources/tool", cwd=workspace)
    old = {"name": "tool", "repo_url": tool.url, "branch": "main", "commit_sha": head(workspace)}
    (workspace / "state").mkdir(exist_ok=True)
    path = workspace / "state/sources.json"
    path.write_text(json.dumps([old | {"updated_at": "2025-11-14T10:00:00Z", "updated_by": "ops"}]))
    hybrid("pin")
    hybrid("audit", "verify")
    assert outcomes(hybrid("sync", "-n", "--json")) == {"tool": "would-record"}
    assert outcomes(hybrid("sync", "--json")) == {"tool": "recorded"}
    assert json.loads(path.read_text())["schema_version"] == 1
    last = json.loads((workspace / "state/sources-audit.jsonl").read_text().splitlines()[-1])
    assert (last["event"], last["hash"]) == ("record", state(workspace)["tool"]["audit_hash"])
    # Who installed it, and when, nothing else tells.
    told = {"updated_at": "2025-11-14T10:00:00Z", "updated_by": "ops"}
    assert state(workspace)["tool"] | told == state(workspace)["tool"]
    assert last["detail"]["migrated"] == told
    hybrid("audit", "verify")
    hybrid("check", "sources")
    before = snapshot(workspace / "state")
    assert outcomes(hybrid("sync", "--json")) == {"tool": "unchanged"}
    assert changes(before, snapshot(workspace / "state")) == []


@pytest.mark.parametrize("again", ["reset", "clone"])
def test_state_of_version_0_is_bound_by_whatever_is_recorded_first(
    hybrid: Hybrid, workspace: Path, tool: Upstream, again: str, begun: Begun
) -> None:
    begun(tool.url, "--branch", "main", sync=False)
    hybrid("sync")
    path = workspace / "state/sources.json"
    entry = {key: value for key, value in state(workspace)["tool"].items() if key in OLD_KEYS}
    path.write_text(json.dumps([entry]))
    hybrid("audit", "verify", check=5)
    assert "mend: git hybrid sync\n" in hybrid("check", "audit", check=1).out
    if again == "clone":
        shutil.rmtree(workspace / "sources/tool")
        hybrid("sync")
    else:
        (workspace / "sources/tool/README").write_text("mine\n")
        hybrid("reset", "tool")
    hybrid("audit", "verify")
    assert json.loads(path.read_text())["schema_version"] == 1


@pytest.mark.parametrize("key", ["scan_status", "command_id", "audit_hash"])
def test_an_entry_that_lacks_a_key_fails_the_check_until_a_sync_has_put_it_back(
    hybrid: Hybrid, workspace: Path, tool: Upstream, key: str, begun: Begun
) -> None:
    begun(tool.url, "--branch", "main")
    path = workspace / "state/sources.json"
    document = json.loads(path.read_text())
    del document["sources"][0][key]
    path.write_text(json.dumps(document, sort_keys=True, indent=2) + "\n")
    told = hybrid("check", "metadata", check=1).out
    assert f"fail state/sources.json: tool: lacks {key}\n" in told
    assert "; where it was committed so: git hybrid sync tool\n" in told
    assert outcomes(hybrid("sync", "tool", "--json")) == {"tool": "recorded"}
    assert key in state(workspace)["tool"]
    hybrid("check", "metadata")
    hybrid("audit", "verify")


def test_formats(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, sync=False)
    hybrid("sync")
    text = (workspace / "state/sources.json").read_text()
    assert text == json.dumps(json.loads(text), sort_keys=True, indent=2, ensure_ascii=False) + "\n"
    lines = (workspace / "state/sources-audit.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    assert records[0]["prev"] == []
    for before, after in itertools.pairwise(records):
        assert after["prev"] == [before["hash"]]
    assert state(workspace)["tool"]["audit_hash"] == records[-1]["hash"]


def test_torn_audit_tail_is_declared(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, sync=False)
    path = workspace / "state/sources-audit.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"at":"20')
    hybrid("sync")
    data = path.read_bytes()
    assert data.startswith(whole + b'{"at":"20\n')
    record = json.loads(data.splitlines()[-1])
    assert "torn" in json.dumps([json.loads(line) for line in data[len(whole) + 10 :].splitlines()])
    assert record["event"] == "clone"


def test_a_log_that_is_lost_is_not_begun_anew(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    """Outside of a repository, where the other files alone tell of it."""
    hybrid("init")
    hybrid("add", tool.url, "--branch", "main")
    hybrid("sync")
    log, state = workspace / "state/sources-audit.jsonl", workspace / "state"
    kept = log.read_bytes()
    log.write_bytes(b"")
    refused = hybrid("pin", "tool", check=2).err
    assert "cause: file: is missing or empty, and state/sources.json names records of it\n" in refused
    log.write_bytes(kept)
    hybrid("audit", "verify")
    log.unlink()
    assert f"mv {state} {state}.lost, then: git hybrid pin\n" in refused
    state.rename(f"{state}.lost")
    hybrid("pin")
    hybrid("sync")
    hybrid("audit", "verify")


def test_leftover_tmp_files_do_no_harm(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, sync=False)
    for name in ("sources.lock", "sources.json", "resume.json"):
        (workspace / f"state/{name}.tmp").write_text("half")
    os.mkfifo(workspace / "sources.toml.tmp")
    folder = workspace / "state/sources-overrides.json.tmp"
    folder.mkdir()
    told = hybrid("sync", check=2).err
    assert (told.splitlines()[0], told.splitlines()[-1]) == (
        "error: state/sources-overrides.json.tmp: 1 entry is invalid",
        f"hint: rm -r -- {folder}",
    )
    assert f" → rm -r -- {folder}\n" in hybrid("diag", check=1).out
    folder.rmdir()
    hybrid("sync")
    assert not (workspace / "sources.toml.tmp").exists()
    assert head(workspace) == tool.rev("main")
    tool.commit({"x": "x"})
    hybrid("pin", "tool")
    hybrid("sync")
    assert not list((workspace / "state").glob("*.tmp"))


def test_the_other_executables(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, "--branch", "main", sync=False)
    new = tool.commit({"x": "x"})
    for words in (["pin", "tool"], ["sync"], ["resume"]):
        argv = [str(executable(f"git-hybrid-{words[0]}")), *words[1:]]
        done = subprocess.run(argv, cwd=workspace, env=merged_env(None), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert head(workspace) == new
    assert list(manifest(workspace)) == ["tool"]


def test_two_branches_that_each_added_a_source_can_be_merged_by_hand(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory
) -> None:
    names = ("common", "ours", "theirs")
    ups = {name: upstream_factory(name) for name in names}
    for upstream in ups.values():
        upstream.commit({"README": "one\n"})
    git("init", "-q", "-b", "main", cwd=workspace)

    def added(name: str) -> None:
        hybrid("add", ups[name].url)
        hybrid("sync")
        git("add", "-A", cwd=workspace)
        git("commit", "-q", "-m", name, cwd=workspace)

    hybrid("init")
    added("common")
    git("switch", "-q", "-c", "other", cwd=workspace)
    added("theirs")
    reviewed = lock(workspace)["theirs"]["commit"]
    git("switch", "-q", "main", cwd=workspace)
    added("ours")
    ups["theirs"].commit({"README": "two\n"})
    git("merge", "-q", "other", cwd=workspace, check=False)
    told = hybrid("status", check=2)
    assert "hint: git hybrid merge\n" in told.err
    path = workspace / "sources.toml"
    lines = [line for line in path.read_text().splitlines() if line[:7] not in ("<<<<<<<", ">>>>>>>")]
    between = lines.index("=======")
    path.write_text("\n".join([*lines[:between], 'branch = "main"', *lines[between + 1 :], ""]))
    assert "state/sources.json" in hybrid("status", check=2).err
    git("checkout", "-q", "--ours", "state/sources.lock", "state/sources.json", cwd=workspace)
    assert "unpinned\ttheirs" in hybrid("status", "--porcelain").out
    assert reviewed in git("show", "MERGE_HEAD:state/sources.lock", cwd=workspace)
    hybrid("pin", "theirs", "--to", reviewed)
    hybrid("sync")
    hybrid("audit", "verify")
    git("add", "-A", cwd=workspace)
    git("commit", "-q", "-m", "merged", cwd=workspace)
    hybrid("check")
    assert set(state(workspace)) == set(lock(workspace)) == set(names)
    assert lock(workspace)["theirs"]["commit"] == reviewed


def test_a_workspace_in_a_folder_whose_name_is_not_utf_8(
    hybrid: Hybrid, tmp_path: Path, tool: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "caf\udce9"
    root = folder / "ws"
    root.mkdir(parents=True)
    monkeypatch.chdir(root)
    monkeypatch.setenv("GIT_HYBRID_CACHE_DIR", str(folder / "cache"))
    for words in ("init", f"add {tool.url} --name tool", "sync"):
        hybrid(*words.split(), cwd=root)
    for number in range(2):
        tool.commit({"README": f"{number} more\n"}, "more")
        for words in ("diff --upstream", "pin tool", "sync", "status", "check sources --content", "cache verify"):
            hybrid(*words.split(), cwd=root)
        assert head(root) == tool.rev("main")
    for words in ("create -o b.tar", "verify b.tar", "apply b.tar"):
        hybrid("bundle", *words.split(), cwd=root)
    hybrid("mirror", "update", str(folder / "mirror"), cwd=root)
    hybrid("audit", "verify", cwd=root)
