"""`git hybrid diag`: every trouble is a finding with a remedy; what is sent away holds no secret."""

from __future__ import annotations

import fcntl
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from support.beginning import Begun
from support.cli import Hybrid
from support.kit import changes, git, leave_unfinished, raw_controls, released, replace, snapshot, started
from support.upstream import Upstream, UpstreamFactory

CANARY = "c4n4ryS3cr3t99"
SCANNER = '\n[[scanner]]\nname = "words"\ncommand = ["words", "{report}", "{path}"]\n'


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    released(upstream)
    return upstream


def _found(document: Any, level: str) -> list[str]:
    return [f"{item['area']}: {item['what']}" for item in document["findings"] if item["level"] == level]


def test_a_good_workspace(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    git("init", "-q", cwd=workspace)
    started(hybrid, tool.url)
    before = snapshot(workspace)
    done = hybrid("diag")
    assert changes(before, snapshot(workspace)) == []
    assert " fail " not in done.out
    assert "all as pinned (1)" in done.out
    assert "no scanner is configured; 0 of 1 pin scanned" in done.out
    document = hybrid("diag", "--json").json()
    assert document["exit_code"] == 0
    assert {item["area"] for item in document["findings"]} >= {
        "files",
        "lock",
        "clones",
        "mirrors",
        "overrides",
        "scans",
        "audit",
        "git",
        "environment",
    }
    assert document["scans"]["scan_max_age"] == "7 d"


def test_every_trouble_has_a_remedy(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url)
    path = workspace / "sources.toml"
    path.write_text(path.read_text() + SCANNER)
    (workspace / "sources/tool/README").write_text("mine")
    (workspace / "state/sources.json.tmp").write_text("{")
    (workspace / "state/journal").mkdir()
    (workspace / "state/journal/my notes").touch()
    log = workspace / "state/sources-audit.jsonl"
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:-1]))
    done = hybrid("diag", "--json", check=1)
    document = done.json()
    bad = _found(document, "fail")
    assert any("clones: tool: dirty" in line for line in bad)
    assert any(line.startswith("audit: ") for line in bad)
    assert any("scans: " in line and "never scanned" in line for line in bad)
    assert any("sources.json.tmp" in line for line in _found(document, "warn"))
    (notes,) = (item for item in document["findings"] if item["name"] == "journal")
    assert notes["remedy"] == "move it out: mv 'state/journal/my notes' NEW"
    assert all(item["remedy"] for item in document["findings"] if item["level"] != "ok")
    levels = [item["level"] for item in document["findings"]]
    assert levels == sorted(levels, key=("fail", "warn", "ok").index)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("sources.toml", "schema_version = 1\n[source.tool]\nurl = 7\n"),
        ("state/sources.lock", "<<<<<<< HEAD\n"),
        ("state/sources.json", ""),
        ("state/sources-overrides.json", '{"schema_version": 99}'),
    ],
)
def test_a_file_that_cannot_be_read_is_a_finding(
    hybrid: Hybrid, workspace: Path, tool: Upstream, name: str, content: str, begun: Begun
) -> None:
    begun(tool.url, sync=False)
    (workspace / name).write_text(content)
    document = hybrid("diag", "--json", check=1).json()
    assert any(line.startswith(f"files: {name}") for line in _found(document, "fail"))
    assert hybrid("diag", "--bundle", "x.tar.gz", check=1).code == 1
    assert (workspace / "x.tar.gz").is_file()


def test_outside_of_a_workspace_the_machine_is_looked_at(hybrid: Hybrid, tmp_path: Path) -> None:
    done = hybrid("diag", cwd=tmp_path, check=1)
    assert "no sources.toml" in done.out
    assert "libgit2" in done.out


def test_a_setting_that_cannot_be_read_is_a_finding(hybrid: Hybrid, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, sync=False)
    color = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "color.hybrid", "GIT_CONFIG_VALUE_0": "maybe"}
    advice = color | {"GIT_CONFIG_KEY_0": "advice.hybrid"}
    for name, env in (
        ("GIT_HYBRID_JOBS", {"GIT_HYBRID_JOBS": "many"}),
        ("color.hybrid", color),
        ("advice.hybrid", advice),
    ):
        done = hybrid("diag", "--json", env=env, check=1)
        assert any(name in line for line in _found(done.json(), "fail"))


def test_a_name_that_nothing_asks_for_is_told(hybrid: Hybrid, tool: Upstream, tmp_path: Path, begun: Begun) -> None:
    begun(tool.url, sync=False)
    (tmp_path / "file").touch()
    misspelt = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "hybrid.mirror", "GIT_CONFIG_VALUE_0": "off"}
    env = {"GIT_HYBRID_MIRROR": "off", "GIT_HYBRID_CACHE_DIR": str(tmp_path / "file/cache"), **misspelt}
    document = hybrid("diag", "--json", env=env).json()
    told = {item["what"]: item["remedy"] for item in document["findings"] if item["level"] == "warn"}
    assert {key: told[key] for key in told if "mean" in key} == {
        "GIT_HYBRID_MIRROR is no setting of git hybrid; did you mean GIT_HYBRID_MIRRORS?": "unset GIT_HYBRID_MIRROR",
        "hybrid.mirror is no setting of git hybrid; did you mean hybrid.mirrors?": (
            "git config --show-origin --get-all hybrid.mirror"
        ),
    }
    # A cache that cannot be made is not mended by other rights.
    assert [remedy for what, remedy in told.items() if "object cache" in what] == ["export GIT_HYBRID_CACHE_DIR=DIR"]


def test_a_writer_that_does_not_say_its_name(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, sync=False)
    path = workspace / "sources/.lock"
    path.touch()
    os.truncate(path, 0)
    with open(path, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        document = hybrid("diag", "--json").json()
    assert "lock: held by a process that did not say its name" in _found(document, "warn")


def test_an_unfinished_run_and_a_link(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, sync=False)
    leave_unfinished(hybrid, workspace)
    document = hybrid("diag", "--json", check=1).json()
    assert any("is unfinished" in line for line in _found(document, "fail"))
    (workspace / "state/resume.json").unlink()
    (workspace / "state/resume.json").symlink_to("/dev/null")
    assert any("symbolic link" in line for line in _found(hybrid("diag", "--json", check=1).json(), "fail"))


def _members(path: Path) -> dict[str, bytes]:
    found = {}
    with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as archive:
        for member in archive:
            assert member.isreg()
            assert (member.mtime, member.uid, member.gid, member.uname) == (0, 0, 0, "")
            content = archive.extractfile(member)
            assert content is not None
            found[member.name] = content.read()
    return found


def test_the_archive_is_the_same_bytes_and_holds_no_secret(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, begun: Begun
) -> None:
    begun(tool.url)
    hybrid("add", tool.url, "--name", "late")
    path = workspace / "sources.toml"
    path.write_text(
        path.read_text()
        + f"\n# with password={CANARY} and https://me:{CANARY}@host.example/x\n# deploy:{CANARY}@host.example:x\n"
    )
    env = {
        "https_proxy": f"http://me:{CANARY}@proxy.example:3128",
        "HTTPS_PROXY": f"me:{CANARY}@proxy.example:3128",
        "ALL_PROXY": f"http://me:s/{CANARY}@proxy.example:3128",
        "GIT_CONFIG_COUNT": "4",
        "GIT_CONFIG_KEY_0": "http.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Bearer {CANARY}",
        "GIT_CONFIG_KEY_1": f"url.https://{CANARY}@host.example/.insteadOf",
        "GIT_CONFIG_VALUE_1": "https://host.example/",
        "GIT_CONFIG_KEY_2": "credential.helper",
        "GIT_CONFIG_VALUE_2": f"!echo password={CANARY}",
        "GIT_CONFIG_KEY_3": "http.proxy",
        "GIT_CONFIG_VALUE_3": f"me:{CANARY}@proxy.example:3128",
    }
    first, second = tmp_path / "first.tar.gz", tmp_path / "second.tar.gz"
    done = hybrid("diag", "--bundle", first, env=env)
    hybrid("diag", "--bundle", second, env=env)
    assert first.read_bytes() == second.read_bytes()
    members = _members(first)
    assert [name for name in members if f"  {name}" not in done.out] == []
    assert "scans: no scanner is configured" in done.out
    assert CANARY not in done.out + done.err
    assert [name for name, content in members.items() if CANARY.encode() in content] == []
    assert sorted(members) == sorted(
        f"git-hybrid-diag/{name}"
        for name in (
            "diag.json",
            "settings.json",
            "sources.toml",
            "state/sources-audit.jsonl",
            "state/sources.json",
            "state/sources.lock",
            "status.json",
            "versions.json",
        )
    )
    diag = json.loads(members["git-hybrid-diag/diag.json"])
    assert diag["scans"]["pinned"] == 2
    assert len(json.loads(members["git-hybrid-diag/status.json"])["sources"]) == 2
    json.loads(members["git-hybrid-diag/state/sources.json"])


def test_hostile_names_are_escaped(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url)
    (workspace / "sources/tool/f\x1b]0;pwned\x07\r\u202e").write_text("x")
    done = hybrid("diag", check=1)
    assert raw_controls(done.out + done.err) == []


@pytest.mark.parametrize(("version", "level"), [("2.13.3", "fail"), ("3.0.0-rc1", "ok"), ("", "fail")])
def test_git_lfs_is_looked_at_where_it_is_needed(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun, tmp_path: Path, version: str, level: str
) -> None:
    begun(tool.url)
    program = tmp_path / "bin/git-lfs"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n[ '{version}' ] && echo 'git-lfs/{version} (GitHub; linux amd64; go 1.19.8)'\n")
    program.chmod(0o755)
    env = {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}

    def told() -> list[tuple[str, str]]:
        document = hybrid("diag", "--json", env=env, check=None).json()
        return [(item["level"], item["what"]) for item in document["findings"] if "git-lfs" in item["what"]]

    assert told() == []
    replace(workspace / "sources.toml", "[source.tool]\n", '[source.tool]\nlfs = "fetch"\n')
    ((found, what),) = told()
    assert (found, (version or "found: nothing") in what) == (level, True)
    if level == "fail":
        hybrid("pin")
        refused = hybrid("sync", env=env, check=2).err
        assert f"git-lfs 3 or newer is needed, found: {version or 'nothing'}" in refused
