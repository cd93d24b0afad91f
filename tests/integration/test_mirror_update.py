"""`mirror update`: a folder that serves what the lock names, smart or static, and never serves less."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from support.beginning import Beginning
from support.cli import Hybrid
from support.kit import (
    changes,
    commands,
    errors,
    git,
    head,
    leave_unfinished,
    lock,
    logging_git,
    replace,
    snapshot,
    with_edits,
)
from support.pki import Pki
from support.static_server import static_server
from support.upstream import Gitlink, Upstream, UpstreamFactory


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    upstream.commit({"a.txt": "one\n"})
    upstream.tag("v1.0.0")
    upstream.commit({"a.txt": "two\n"})
    upstream.branch("wip")
    upstream.update_ref("refs/pull/1/head", upstream.commit({"a.txt": "pull\n"}, branch="pull", parents=["main"]))
    upstream.delete_ref("refs/heads/pull")
    return upstream


@pytest.fixture
def ws(tool: Upstream, workspace: Path, hybrid: Hybrid, beginning: Beginning) -> Path:
    def make() -> None:
        hybrid("init")
        hybrid("add", tool.url)

    beginning(workspace, make)
    return workspace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


def repository(upstream: Upstream, folder: Path) -> Path:
    return folder / "localhost" / str(upstream.path).lstrip("/")


def refs(path: Path) -> dict[str, str]:
    lines = git("for-each-ref", "--format=%(refname) %(objectname)", cwd=path).splitlines()
    return {ref: oid for ref, _, oid in (line.partition(" ") for line in lines)}


def outcomes(done: Any) -> dict[str, str]:
    return {row["name"]: row["outcome"] for row in done.json()["sources"]}


def test_a_folder_is_filled_and_served(ws: Path, tool: Upstream, folder: Path, hybrid: Hybrid) -> None:
    done = hybrid("mirror", "update", folder, "--json")
    assert outcomes(done) == {"tool": "updated"}
    bare = repository(tool, folder)
    pinned = tool.rev("main")
    assert refs(bare) == {"refs/heads/main": pinned, f"refs/hybrid/pins/{pinned}": pinned}
    git("fsck", "--full", "--strict", cwd=bare)
    listed = json.loads((folder / "mirror.json").read_text())
    assert listed["repositories"][0]["url"] == tool.url
    assert listed["repositories"][0]["pins"] == [pinned]
    assert pinned in (folder / "index.html").read_text()
    assert not list(folder.rglob("*.tmp"))
    assert not (folder / ".incoming").exists()
    shutil.rmtree(tool.path)
    env = {"GIT_HYBRID_MIRRORS": folder.as_uri()}
    hybrid("sync", env=env)
    hybrid("pin", "tool", env=env)
    assert head(ws) == pinned


def test_what_did_not_change_is_left_alone(ws: Path, tool: Upstream, folder: Path, hybrid: Hybrid) -> None:
    hybrid("mirror", "update", folder)
    before = snapshot(repository(tool, folder))
    assert outcomes(hybrid("mirror", "update", folder, "--json")) == {"tool": "current"}
    assert snapshot(repository(tool, folder)) == before
    tool.commit({"a.txt": "three\n"})
    assert outcomes(hybrid("mirror", "update", folder, "--json")) == {"tool": "updated"}
    assert refs(repository(tool, folder))["refs/heads/main"] == tool.rev("main")


@pytest.mark.parametrize("listing", ["info/refs", "objects/info/packs"])
def test_a_list_that_was_left_behind_is_written(
    ws: Path, tool: Upstream, folder: Path, hybrid: Hybrid, listing: str
) -> None:
    hybrid("mirror", "update", folder)
    path = repository(tool, folder) / listing
    before = path.read_bytes()
    path.write_bytes(b"")
    assert outcomes(hybrid("mirror", "update", folder, "--json")) == {"tool": "updated"}
    assert path.read_bytes() == before
    assert outcomes(hybrid("mirror", "update", folder, "--json")) == {"tool": "current"}


def test_only_what_is_declared_comes(tool: Upstream, workspace: Path, folder: Path, hybrid: Hybrid) -> None:
    tool.tag("v2.0.0")
    hybrid("init")
    hybrid("add", tool.url, "--version", ">=1,<2")
    hybrid("mirror", "update", folder)
    assert set(refs(repository(tool, folder))) - {f"refs/hybrid/pins/{tool.rev('v1.0.0^{commit}')}"} == {
        "refs/heads/main",
        "refs/tags/v1.0.0",
    }


@pytest.mark.parametrize("as_files", [False, True])
def test_only_what_is_declared_of_many_tags_comes(
    tool: Upstream, upstreams_root: Path, workspace: Path, folder: Path, hybrid: Hybrid, pki: Pki, as_files: bool
) -> None:
    tagged, other = tool.rev("v1.0.0"), tool.rev("main")
    tags = {f"refs/tags/v{1 + number % 2}.1.{number}": (tagged, other)[number % 2] for number in range(300)}
    lines = "".join(f"create {ref} {oid}\n" for ref, oid in tags.items())
    tool.git("update-ref", "--stdin", stdin=lines.encode())
    tool.git("update-server-info")
    hybrid("init")
    with static_server(upstreams_root, pki) as base:
        env = {"GIT_SSL_CAINFO": str(pki.ca)} if as_files else {}
        hybrid("add", f"{base}/tool.git" if as_files else tool.url, "--version", ">=1,<2", env=env)
        hybrid("--progress", "mirror", "update", folder, env=env)
    (bare,) = (path for path in folder.rglob("tool.git") if (path / "HEAD").exists())
    kept = {ref: oid for ref, oid in refs(bare).items() if ref.startswith("refs/tags/")}
    assert kept == {"refs/tags/v1.0.0": tagged} | {ref: oid for ref, oid in tags.items() if ref[:12] == "refs/tags/v1"}


def test_two_workspaces_share_a_folder(ws: Path, tool: Upstream, folder: Path, hybrid: Hybrid, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    hybrid("init", cwd=other)
    hybrid("add", tool.url, "--name", "x", "--branch", "wip", cwd=other)
    hybrid("mirror", "update", folder)
    hybrid("mirror", "update", folder, cwd=other)
    assert {"refs/heads/main", "refs/heads/wip"} <= set(refs(repository(tool, folder)))
    assert outcomes(hybrid("mirror", "update", folder, "--json")) == {"tool": "current"}
    assert json.loads((folder / "mirror.json").read_text())["repositories"][0]["sources"] == ["tool", "x"]


@pytest.fixture
def inner(ws: Path, tool: Upstream, folder: Path, hybrid: Hybrid, tmp_path: Path) -> Path:
    """Fill *folder* before upstream went on, and another mirror after it, of another branch too."""
    hybrid("mirror", "update", folder)
    other, made = tmp_path / "other", tmp_path / "inner"
    tool.commit({"b.txt": "b\n"}, branch="wip", parents=["wip"])
    other.mkdir()
    hybrid("init", cwd=other)
    hybrid("add", tool.url, "--name", "x", "--branch", "wip", cwd=other)
    tool.commit({"a.txt": "three\n"})
    hybrid("mirror", "update", made, cwd=other)
    return made


def test_what_only_a_mirror_says_takes_nothing_away(
    ws: Path, tool: Upstream, folder: Path, inner: Path, hybrid: Hybrid
) -> None:
    before, bare = refs(repository(tool, inner)), repository(tool, inner)
    assert before["refs/heads/main"] == tool.rev("main") != lock(ws)["tool"]["commit"]
    env, note = {"GIT_HYBRID_MIRRORS": folder.as_uri()}, "kept, since only a mirror was asked: "
    for outcome in ("updated", "current"):
        (row,) = hybrid("mirror", "update", inner, "--json", env=env).json()["sources"]
        assert (row["outcome"], row["notes"]) == (outcome, [f"{note}refs/heads/main, refs/heads/wip"])
    pinned = lock(ws)["tool"]["commit"]
    assert refs(bare) == before | {f"refs/hybrid/pins/{pinned}": pinned}
    tool.delete_ref("refs/heads/wip")
    hybrid("remove", "x", cwd=folder.with_name("other"))
    hybrid("mirror", "update", inner, cwd=folder.with_name("other"))
    assert outcomes(hybrid("mirror", "update", inner, "--json")) == {"tool": "updated"}
    assert "refs/heads/wip" not in refs(bare)


def test_what_a_mirror_lists_beyond_what_is_held_comes(
    ws: Path, tool: Upstream, folder: Path, inner: Path, hybrid: Hybrid
) -> None:
    tool.delete_ref("refs/heads/wip")
    tool.branch("wip/a")
    for text in ("four\n", "five\n"):
        tool.commit({"a.txt": text})
    hybrid("pin", "tool", "--branch", "wip/a")
    hybrid("mirror", "update", folder)
    env = {"GIT_HYBRID_MIRRORS": folder.as_uri()}
    (row,) = hybrid("mirror", "update", inner, "--json", env=env).json()["sources"]
    assert row["notes"] == ["no longer as another pin needs it: refs/heads/wip"]
    assert {ref: oid for ref, oid in refs(repository(tool, inner)).items() if "/pins/" not in ref} == {
        "refs/heads/main": tool.rev("main"),
        "refs/heads/wip/a": tool.rev("wip/a"),
    }


def test_what_is_made_anew_from_a_mirror_has_what_that_has(
    ws: Path, tool: Upstream, folder: Path, inner: Path, hybrid: Hybrid
) -> None:
    spoil(repository(tool, inner))
    env = {"GIT_HYBRID_MIRRORS": folder.as_uri()}
    (row,) = hybrid("mirror", "update", inner, "--json", env=env).json()["sources"]
    assert any("refs/heads/wip, as the mirror had it: that is set aside" in note for note in row["notes"]), row
    assert refs(repository(tool, inner))["refs/heads/main"] == lock(ws)["tool"]["commit"]


def test_upstream_that_rewrote_history_does_not_spoil_the_mirror(
    ws: Path, tool: Upstream, folder: Path, hybrid: Hybrid
) -> None:
    hybrid("mirror", "update", folder)
    pinned = lock(ws)["tool"]["commit"]
    before = snapshot(repository(tool, folder))
    tool.commit({"a.txt": "other\n"}, parents=["main~1"])
    hybrid("mirror", "update", folder, check=5)
    assert snapshot(repository(tool, folder)) == before
    hybrid("sync", env={"GIT_HYBRID_MIRRORS": folder.as_uri()})
    assert head(ws) == pinned


def test_a_commit_that_a_lock_named_stays(ws: Path, tool: Upstream, folder: Path, hybrid: Hybrid) -> None:
    hybrid("mirror", "update", folder)
    old = lock(ws)["tool"]["commit"]
    hybrid("remove", "tool")
    tool.commit({"a.txt": "other\n"}, parents=["main~1"])
    hybrid("add", tool.url, "--name", "tool")
    hybrid("mirror", "update", folder)
    bare = repository(tool, folder)
    git("gc", "-q", "--prune=now", cwd=bare)
    git("cat-file", "-e", f"{old}^{{tree}}", cwd=bare)
    assert lock(ws)["tool"]["commit"] in refs(bare).values()


def test_a_moved_tag_is_not_taken_over(tool: Upstream, workspace: Path, folder: Path, hybrid: Hybrid) -> None:
    hybrid("init")
    hybrid("add", tool.url, "--tag", "v1.0.0")
    hybrid("mirror", "update", folder)
    before = refs(repository(tool, folder))
    tool.tag("v1.0.0", "main", force=True)
    hybrid("mirror", "update", folder, check=5)
    assert refs(repository(tool, folder)) == before


@pytest.mark.parametrize(
    ("where", "kind", "news"),
    [
        ("ws", "tag", True),
        ("ws", "tag", False),
        ("ws", "branch", True),
        ("ws", "commit", True),
        ("elsewhere", "tag", True),
        ("elsewhere", "branch", False),
        ("elsewhere", "gone", False),
    ],
)
def test_what_another_pin_needs_stays_as_it_was(
    ws: Path, tool: Upstream, folder: Path, hybrid: Hybrid, tmp_path: Path, kind: str, news: bool, where: str
) -> None:
    """Of two sources of one repository the one refreshed the refs of the other, whose pin nobody proved."""
    other = tmp_path / where
    if other != ws:
        other.mkdir()
        hybrid("init", cwd=other)
    tool.commit({"c.txt": "c\n"}, branch="side", parents=["v1.0.0"])
    wanted = {"tag": "--tag=v1.0.0", "branch": "--branch=side", "commit": f"--commit={tool.rev('side')}"}
    hybrid("add", tool.url, "--name", "z", wanted.get(kind, "--branch=side"), cwd=other)
    hybrid("mirror", "update", folder)
    hybrid("mirror", "update", folder, cwd=other)
    before = refs(repository(tool, folder))
    if kind == "tag":
        tool.tag("v1.0.0", "main", force=True)
    elif kind == "gone":
        tool.delete_ref("refs/heads/side")
    else:
        tool.commit({"d.txt": "d\n"}, branch="side", parents=["v1.0.0"])
    if news:
        tool.commit({"a.txt": "three\n"})
    told = hybrid("mirror", "update", folder, "--json", check=None)
    assert told.code == (5 if other == ws else 0)
    for again in (told, hybrid("mirror", "update", folder, "--json", check=None)):
        row = next(row for row in again.json()["sources"] if row["name"] == "tool")
        ref = "refs/tags/v1.0.0" if kind == "tag" else "refs/heads/side"
        assert row["notes"] == [f"kept as it was, since a lock needs it: {ref}"]
    assert outcomes(told)["tool"] == ("current" if not news and kind in ("tag", "gone") else "updated")
    assert outcomes(again)["tool"] == "current"
    hybrid("mirror", "update", folder, cwd=other, check=5)
    now = refs(repository(tool, folder))
    assert {ref: oid for ref, oid in now.items() if ref != "refs/heads/main"} == {
        ref: oid for ref, oid in before.items() if ref != "refs/heads/main"
    }
    hybrid("sync", "z", cwd=other, env={"GIT_HYBRID_MIRRORS": folder.as_uri()})


def test_what_no_lock_needs_any_more_goes(ws: Path, tool: Upstream, folder: Path, hybrid: Hybrid) -> None:
    hybrid("add", tool.url, "--name", "z", "--branch", "wip")
    tool.commit({"c.txt": "c\n"}, branch="wip", parents=["wip"])
    hybrid("pin", "z")
    hybrid("mirror", "update", folder)
    hybrid("remove", "z")
    tool.delete_ref("refs/heads/wip")
    assert outcomes(hybrid("mirror", "update", folder, "--json"))["tool"] == "updated"
    assert "refs/heads/wip" not in refs(repository(tool, folder))


@pytest.mark.parametrize("became", ["gone", "moved"])
def test_what_an_older_release_of_the_workspace_is_pinned_by_stays(
    workspace: Path, tool: Upstream, folder: Path, hybrid: Hybrid, tmp_path: Path, became: str
) -> None:
    hybrid("init")
    hybrid("add", tool.url, "--tag", "v1.0.0")
    release = shutil.copytree(workspace, tmp_path / "release")
    hybrid("mirror", "update", folder)
    tool.tag("v2.0.0", "main")
    tool.delete_ref("refs/tags/v1.0.0")
    if became == "moved":
        tool.tag("v1.0.0", "main")
    for words in (("--tag", "v2.0.0"), ("--branch", "main")):
        hybrid("pin", "tool", *words)
        (row,) = hybrid("mirror", "update", folder, "--json").json()["sources"]
        assert "kept as it was, since a lock needs it: refs/tags/v1.0.0" in row["notes"]
    hybrid("sync", cwd=release, env={"GIT_HYBRID_MIRRORS": folder.as_uri()})
    # What is removed is needed by nobody; another source's past is not its own.
    hybrid("remove", "tool")
    hybrid("add", tool.url, "--name", "other", "--branch", "main")
    hybrid("mirror", "update", folder)
    assert refs(repository(tool, folder)).get("refs/tags/v1.0.0") == (tool.rev("v1.0.0") if became == "moved" else None)


def test_what_is_as_upstream_has_it_and_proves_no_pin_is_told(
    ws: Path, tool: Upstream, folder: Path, hybrid: Hybrid
) -> None:
    hybrid("remove", "tool")
    hybrid("add", tool.url, "--tag", "v1.0.0")
    hybrid("mirror", "update", folder)
    tool.tag("v1.0.0", "main", force=True)
    git("fetch", "-qf", tool.path, "refs/tags/v1.0.0:refs/tags/v1.0.0", cwd=repository(tool, folder))
    assert errors(hybrid("mirror", "update", folder, "--json", check=5)) == {"tool": "moved-tag"}


def test_a_pin_of_a_tag_that_moved_takes_it_from_another_workspace(
    ws: Path, tool: Upstream, folder: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    hybrid("init", cwd=other)
    hybrid("add", tool.url, "--name", "x", "--tag", "v1.0.0", cwd=other)
    hybrid("mirror", "update", folder, cwd=other)
    tool.tag("v1.0.0", "main", force=True)
    hybrid("remove", "tool")
    hybrid("add", tool.url, "--tag", "v1.0.0")
    (row,) = hybrid("mirror", "update", folder, "--json").json()["sources"]
    assert row["notes"] == ["no longer as another pin needs it: refs/tags/v1.0.0"]
    assert refs(repository(tool, folder))["refs/tags/v1.0.0"] == tool.rev("v1.0.0")


def test_what_many_workspaces_need_alike_is_looked_for_once(
    ws: Path, tool: Upstream, folder: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    counts = []
    for number in (1, 30):
        hybrid("mirror", "update", folder)
        listing = json.loads((folder / "mirror.json").read_text())
        own = listing["repositories"][0]["claims"][-1]
        listing["repositories"][0]["claims"] = [own | {"log": f"{of:032x}"} for of in range(number)]
        (folder / "mirror.json").write_text(json.dumps(listing))
        tool.commit({"a.txt": f"{number}\n"})
        env, log = logging_git(tmp_path / f"bin-{number}")
        hybrid("mirror", "update", folder, env=env)
        counts.append(len(log.read_text().splitlines()))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("how", ["tag gone", "all gone"])
def test_a_commit_is_proved_by_any_branch_or_tag(
    ws: Path, tool: Upstream, folder: Path, hybrid: Hybrid, how: str
) -> None:
    hybrid("remove", "tool")
    hybrid("add", tool.url, "--commit", tool.rev("v1.0.0^{commit}"))
    assert lock(ws)["tool"]["ref"] == "refs/tags/v1.0.0"
    hybrid("mirror", "update", folder)
    tool.delete_ref("refs/tags/v1.0.0")
    if how == "all gone":
        # Nor is it on the branch that led to it; but on another one.
        tool.commit({"new": "new\n"}, parents=[])
    assert outcomes(hybrid("mirror", "update", folder, "--json")) == {"tool": "updated"}
    assert outcomes(hybrid("mirror", "update", folder, "--json")) == {"tool": "current"}
    shutil.rmtree(folder)
    hybrid("mirror", "update", folder)
    hybrid("sync", env={"GIT_HYBRID_MIRRORS": folder.as_uri()})
    for ref in ("wip", "main"):
        if ref != "main" or how != "all gone":
            tool.update_ref(f"refs/heads/{ref}", tool.commit({"other": "o\n"}, branch="away", parents=[]))
    tool.delete_ref("refs/heads/away")
    assert errors(hybrid("mirror", "update", folder, "--json", check=5)) == {"tool": "unreachable"}


def spoil(bare: Path) -> None:
    """Change a byte in the middle of each pack."""
    for pack in (bare / "objects/pack").glob("*.pack"):
        data = bytearray(pack.read_bytes())
        data[len(data) // 2] ^= 0xFF
        pack.chmod(0o644)
        pack.write_bytes(data)


@pytest.mark.parametrize(
    "damage", ["pack", "content", "head", "refs", "found by verify", "verify, unfinished", "LFS by verify"]
)
def test_a_damaged_repository_is_made_anew(ws: Path, tool: Upstream, folder: Path, hybrid: Hybrid, damage: str) -> None:
    if damage == "content":
        tool.commit({"big": os.urandom(9000)})
        hybrid("pin", "tool")
    hybrid("mirror", "update", folder)
    bare = repository(tool, folder)
    if "verify" in damage:
        hybrid("mirror", "add", "corp", folder.as_uri(), "--owner", "me")
    if "unfinished" in damage:
        leave_unfinished(hybrid, ws)
    elif "verify" in damage:
        replace(ws / "sources.toml", "[defaults]", "[defaults]\nretry = { attempts = 1 }")
    if damage.startswith("LFS"):
        (bare / "lfs/objects").mkdir(parents=True)
        (bare / "lfs/objects" / ("0" * 64)).write_text("not what its name says")
        (bare / "objects/pack").rename(bare / "away")
        hybrid("mirror", "verify", check=None)
        (bare / "away").rename(bare / "objects/pack")
    elif damage == "refs":
        (bare / "packed-refs").write_text("not what git writes\n")
    elif damage != "head":
        spoil(bare)
    else:
        (bare / "HEAD").unlink()
    if "verify" in damage and not damage.startswith("LFS"):
        hybrid("mirror", "verify", check=1)
    elif "verify" not in damage:
        tool.commit({"a.txt": "three\n"})
    done = hybrid("mirror", "update", folder)
    git("fsck", "--full", "--strict", cwd=bare)
    (aside,) = (folder / ".set-aside").iterdir()
    assert f"tool: what the mirror had of it is set aside: .set-aside/{aside.name}\n" in done.err


def test_a_repository_of_a_newer_format_is_left_alone(ws: Path, tool: Upstream, folder: Path, hybrid: Hybrid) -> None:
    hybrid("mirror", "update", folder)
    bare = repository(tool, folder)
    git("config", "core.repositoryFormatVersion", "1", cwd=bare)
    git("config", "extensions.ofTomorrow", "true", cwd=bare)
    before = snapshot(bare)
    tool.commit({"a.txt": "three\n"})
    done = hybrid("mirror", "update", folder, "--json", check=74)
    assert errors(done) == {"tool": "git-failed"}
    assert changes(before, snapshot(bare)) == []
    assert not (folder / ".set-aside").exists()


@pytest.mark.parametrize("fails", ["update-ref", "update-server-info"])
def test_a_sound_repository_stays_where_git_fails(
    ws: Path, tool: Upstream, folder: Path, hybrid: Hybrid, tmp_path: Path, fails: str
) -> None:
    hybrid("mirror", "update", folder)
    bare = repository(tool, folder)
    git("update-ref", "refs/hybrid/pins/x", "refs/heads/main", cwd=bare)
    tool.commit({"a.txt": "three\n"})
    env, _ = logging_git(tmp_path / "bin", fail=fails)
    done = hybrid("mirror", "update", folder, "--json", env=env, check=74)
    assert errors(done) == {"tool": "git-failed"}
    assert "refs/hybrid/pins/x" in refs(bare)
    assert not (folder / ".set-aside").exists()
    hybrid("mirror", "update", folder)
    assert refs(bare)["refs/heads/main"] == tool.rev("main")


def test_what_a_killed_git_left_is_taken_away(tool: Upstream, ws: Path, folder: Path, hybrid: Hybrid) -> None:
    hybrid("mirror", "update", folder)
    bare = repository(tool, folder)
    left = [bare / name for name in ("objects/pack/tmp_idx_a1B2c3", "refs/heads/main.lock", "packed-refs.lock")]
    for path in left:
        path.touch()
        # In a container a lock counts as left once it is old.
        os.utime(path, (0, 0))
    done = hybrid("mirror", "update", folder)
    assert not [path for path in left if path.exists()]
    assert done.err.count(", which a git that was killed left\n") == 3


@pytest.mark.parametrize("what", ["source", "submodule"])
def test_two_repositories_have_no_place_at_one_path(
    tool: Upstream, ws: Path, folder: Path, hybrid: Hybrid, upstream_factory: UpstreamFactory, what: str
) -> None:
    other = Path(str(tool.path).removesuffix(".git"))
    git("clone", "-q", "--bare", tool.path, other, cwd=ws)
    if what == "source":
        hybrid("add", other.as_uri(), "--name", "other")
    else:
        outer = upstream_factory("outer")
        modules = f'[submodule "inner"]\n\tpath = inner\n\turl = {other.as_uri()}\n'
        outer.commit({".gitmodules": modules, "inner": Gitlink(tool.rev("main"))})
        hybrid("add", outer.url, "--name", "other")
        replace(ws / "sources.toml", "[source.other]", "[source.other]\nsubmodules = true")
        hybrid("pin", "other")
    assert outcomes(hybrid("mirror", "update", folder, "--json")).keys() == {"tool", "other"}
    tool.commit({"a.txt": "three\n"})
    done = hybrid("mirror", "update", folder, "--json", check=2)
    assert list(errors(done).values()) == ["bad-argument"]


def test_one_writer_at_a_time(ws: Path, folder: Path, hybrid: Hybrid) -> None:
    folder.mkdir()
    with open(folder / ".lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        hybrid("mirror", "update", folder, env={"GIT_HYBRID_LOCK_TIMEOUT": "0"}, check=75)
    hybrid("mirror", "update", folder)


def test_nothing_is_written_into_a_folder_that_came_in_its_place(
    ws: Path, tool: Upstream, folder: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    hybrid("mirror", "update", folder)
    tool.commit({"a.txt": "three\n"})
    env = with_edits(tmp_path / "git", "fsck", {tmp_path: "mv mirror old && mkdir mirror"})
    told = hybrid("mirror", "update", folder, env=env, check=74).err
    assert told.count(f"error: {folder} was moved, deleted or replaced while it was filled\n") == 1
    assert f"git hybrid mirror update {folder}\n" in told
    assert not [*folder.iterdir()]


def test_a_failing_source_does_not_stop_the_others(
    ws: Path, tool: Upstream, folder: Path, hybrid: Hybrid, upstream_factory: UpstreamFactory
) -> None:
    second = upstream_factory("second")
    second.commit({"x": "x\n"})
    hybrid("add", second.url)
    shutil.rmtree(second.path)
    hybrid("mirror", "update", folder, "-j", "2", check=4)
    assert repository(tool, folder).is_dir()
    assert not repository(second, folder).exists()


def test_the_workspaces_own_folders_are_no_mirror(ws: Path, hybrid: Hybrid) -> None:
    before = snapshot(ws)
    for target in (".", "sources", "state", "state/mirror"):
        assert "is the workspace's own" in hybrid("mirror", "update", target, check=2).err
    assert changes(before, snapshot(ws)) == []


@pytest.mark.parametrize(("name", "data"), [("index.html", "<h1>Ours</h1>\n"), ("mirror.json", '{"my": "file"}\n')])
def test_a_file_of_somebody_else_is_not_written_over(
    ws: Path, folder: Path, hybrid: Hybrid, name: str, data: str
) -> None:
    folder.mkdir()
    (folder / name).write_text(data)
    before = snapshot(folder)
    done = hybrid("mirror", "update", folder, check=2)
    assert f"has a file {name} that is not of a mirror" in done.err
    assert snapshot(folder) == before
    (hint,) = (line for line in done.err.splitlines() if line.startswith("hint: "))
    hybrid(*shlex.split(hint)[3:])
    assert (folder / "git" / name).exists()
    (folder / name).write_text("")
    hybrid("mirror", "update", folder)


def test_by_the_name_of_a_recorded_mirror(ws: Path, tool: Upstream, folder: Path, hybrid: Hybrid) -> None:
    hybrid("mirror", "add", "corp", folder.as_uri(), "--owner", "me")
    hybrid("mirror", "add", "web", "https://example.org", "--owner", "me")
    hybrid("mirror", "update", "corp")
    assert repository(tool, folder).is_dir()
    hybrid("mirror", "update", "web", check=2)
    # What was meant for a mirror makes no folder here.
    for mistaken in (f"{folder.as_uri()}/", "crop"):
        assert "hint: git hybrid mirror update corp\n" in hybrid("mirror", "update", mistaken, check=2).err
    assert "hint: git hybrid mirror update DIR\n" in hybrid("mirror", "update", "https://example.org/x", check=2).err
    assert not {"file:", "https:", "crop"} & {path.name for path in ws.iterdir()}
    # The folder is not asked for itself, and without leave to ask the origin nobody is.
    hybrid("mirror", "update", "corp", env={"GIT_HYBRID_MIRRORS": f"{folder.as_uri()},direct"})
    (link := folder.with_name("li+nk")).symlink_to(folder)
    for same in (folder.as_uri(), f"file://{link}", f"{link.as_uri()}/{{host}}/{{path}}"):
        hybrid("mirror", "update", "corp", env={"GIT_HYBRID_MIRRORS": same}, check=4)


@pytest.mark.parametrize("target", ["near", "folder"])
def test_a_mirror_that_is_the_only_one_has_nobody_to_be_filled_from(
    ws: Path, folder: Path, hybrid: Hybrid, target: str
) -> None:
    base = folder.as_uri()
    hybrid("mirror", "add", "near", base, "--owner", "me@example.org")
    named = "near" if target == "near" else str(folder)
    refused = hybrid("mirror", "update", named, env={"GIT_HYBRID_MIRRORS": base}, check=4)
    assert f"error: a mirror is not asked for itself, and only {base} may be asked" in refused.err
    assert "names no other mirror, and not direct" in refused.err
    assert f"hint: export GIT_HYBRID_MIRRORS={base},direct" in refused.err
    hybrid("mirror", "update", named, env={"GIT_HYBRID_MIRRORS": f"{base},direct"})
    for forbidden in ({"GIT_HYBRID_MIRRORS": "off"}, {"GIT_HYBRID_MIRRORS": base, "GIT_HYBRID_OFFLINE": "1"}):
        assert "the network is forbidden" in hybrid("mirror", "update", named, env=forbidden, check=4).err


def test_submodules_come_along(
    workspace: Path, folder: Path, hybrid: Hybrid, upstream_factory: UpstreamFactory
) -> None:
    inner, outer = upstream_factory("inner"), upstream_factory("outer")
    oid = inner.commit({"x": "x\n", "big": os.urandom(9000)})
    modules = f'[submodule "inner"]\n\tpath = inner\n\turl = {inner.url}\n'
    outer.commit({".gitmodules": modules, "inner": Gitlink(oid), "b": "b\n"})
    hybrid("init")
    path = workspace / "sources.toml"
    path.write_text(f'{path.read_text()}\n[source.outer]\nurl = "{outer.url}"\nbranch = "main"\nsubmodules = true\n')
    hybrid("pin")
    hybrid("mirror", "update", folder)
    assert oid in refs(repository(inner, folder)).values()
    hybrid("mirror", "update", folder)
    # What of it is damaged is made anew.
    spoil(repository(inner, folder))
    outer.commit({"inner": Gitlink(inner.commit({"y": "y\n"}))})
    hybrid("pin", "outer")
    hybrid("mirror", "update", folder)
    for upstream in (inner, outer):
        shutil.rmtree(upstream.path)
    hybrid("sync", env={"GIT_HYBRID_MIRRORS": folder.as_uri()})
    assert (workspace / "sources/outer/inner/x").read_text() == "x\n"


@pytest.fixture
def static(folder: Path, pki: Pki) -> Iterator[str]:
    """The mirror folder behind a server that knows nothing of git; the base URL."""
    folder.mkdir(exist_ok=True)
    with static_server(folder, pki) as url:
        yield url


def test_a_static_server_serves_it(
    ws: Path, tool: Upstream, folder: Path, hybrid: Hybrid, static: str, pki: Pki
) -> None:
    hybrid("mirror", "update", folder)
    env = {"GIT_HYBRID_MIRRORS": static, "GIT_SSL_CAINFO": str(pki.ca)}
    hybrid("mirror", "add", "web", static, "--owner", "me")
    hybrid("mirror", "verify", env=env)
    hybrid("sync", env=env)
    assert head(ws) == tool.rev("main")
    # It gives out no single commits: all of the history comes.
    replace(ws / "sources.toml", 'branch = "main"', 'branch = "main"\nhistory = "shallow"')
    hybrid("pin")
    shutil.rmtree(ws / "sources/tool")
    hybrid("sync", env=env)
    assert head(ws) == tool.rev("main")


def test_a_static_server_with_half_a_copy_lacks_it_and_the_next_is_asked(
    ws: Path, tool: Upstream, folder: Path, static: str, hybrid: Hybrid, pki: Pki
) -> None:
    hybrid("mirror", "update", folder)
    for path in (repository(tool, folder) / "objects/pack").iterdir():
        path.unlink()
    env = {"GIT_SSL_CAINFO": str(pki.ca)}
    hybrid("mirror", "add", "corp", static, "--owner", "x")
    assert errors(hybrid("mirror", "verify", "--json", env=env, check=1)) == {"tool": "mirror-lacks"}
    shutil.rmtree(ws / "sources/tool", ignore_errors=True)
    (row,) = hybrid("sync", "--json", env=env | {"GIT_HYBRID_MIRRORS": static}, check=4).json()["sources"]
    assert row["error"]["code"] == "repository-damaged"
    assert static in row["error"]["message"]
    hybrid("resume", "--abort")
    hybrid("sync", env=env | {"GIT_HYBRID_MIRRORS": f"{static},direct"})
    assert head(ws) == tool.rev("main")


def test_an_old_git_asks_a_static_server_for_all(
    ws: Path, tool: Upstream, folder: Path, hybrid: Hybrid, static: str, pki: Pki, tmp_path: Path
) -> None:
    """A git that knows no GIT_NO_LAZY_FETCH would start itself for each object that it takes for left out."""
    hybrid("mirror", "update", folder)
    replace(ws / "sources.toml", 'branch = "main"', 'branch = "main"\nhistory = "treeless"')
    hybrid("pin")
    shims = tmp_path / "shims"
    env, log = logging_git(shims)
    real = (shims / "git").rename(shims / "real")
    (shims / "git").write_text(f'#!/bin/sh\n[ "$*" = version ] && echo git version 2.34.1 || exec {real} "$@"\n')
    (shims / "git").chmod(0o755)
    hybrid("sync", env={**env, "GIT_HYBRID_MIRRORS": static, "GIT_SSL_CAINFO": str(pki.ca)})
    assert head(ws) == tool.rev("main")
    assert "fetch" in commands(log)
    assert "--filter" not in log.read_text()


def test_what_a_static_server_sends_is_checked_too(
    ws: Path, tool: Upstream, folder: Path, hybrid: Hybrid, static: str, pki: Pki
) -> None:
    """git runs no fsck on packs that it downloads as files; a tree with a double entry would pass."""
    blob = tool.blob(b"x")
    tree = tool.raw_tree([("100644", blob, b"a"), ("100644", blob, b"a")])
    evil = tool.git("commit-tree", tree, "-m", "evil", "-p", "main").decode().strip()
    tool.update_ref("refs/heads/main", evil)
    bare = repository(tool, folder)
    bare.parent.mkdir(parents=True)
    git("clone", "-q", "--mirror", "--no-hardlinks", tool.path, bare, cwd=tool.path)
    git("repack", "-adq", cwd=bare)
    git("update-server-info", cwd=bare)
    env = {"GIT_HYBRID_MIRRORS": static, "GIT_SSL_CAINFO": str(pki.ca)}
    done = hybrid("pin", "tool", env=env, check=5)
    assert "fsck" in done.err


def test_odd_paths(workspace: Path, folder: Path, hybrid: Hybrid, tmp_path: Path) -> None:
    """A server decodes what stands percent-encoded in a URL, so the folder has the decoded name."""
    odd = Upstream.create(tmp_path / "up streams" / "a b.git")
    odd.commit({"x": "x\n"})
    hybrid("init")
    hybrid("add", odd.url, "--name", "odd")
    hybrid("mirror", "update", folder)
    assert (folder / "localhost" / unquote(odd.url.removeprefix("file:///"))).is_dir()
    shutil.rmtree(odd.path)
    hybrid("sync", env={"GIT_HYBRID_MIRRORS": folder.as_uri()})


def test_no_unneeded_word_in_the_page(ws: Path, folder: Path, hybrid: Hybrid) -> None:
    hybrid("mirror", "update", folder)
    listing = json.loads((folder / "mirror.json").read_text())
    listing["repositories"][0]["sources"] = ["<script>x</script>"]
    listing["repositories"][0]["missing"] = ["<script>y</script>"]
    listing["repositories"].append({"path": "../../etc", "url": "x"})
    (folder / "mirror.json").write_text(json.dumps(listing))
    hybrid("mirror", "update", folder)
    assert "<script>" not in (folder / "index.html").read_text()
    assert len(json.loads((folder / "mirror.json").read_text())["repositories"]) == 1
    (folder / "mirror.json").write_text("[")
    hybrid("mirror", "update", folder)


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A repository of somebody's own that stands beside the mirror folder."""
    root = tmp_path / "private"
    root.mkdir()
    git("init", "-q", "--bare", "up.git", cwd=root)
    tree = git("hash-object", "-t", "tree", "-w", "--stdin", cwd=root / "up.git")
    who = ("-c", "user.name=P", "-c", "user.email=p@example.org")
    commit = git(*who, "commit-tree", tree, "-m", "mine", cwd=root / "up.git")
    git("update-ref", "refs/heads/mine", commit, cwd=root / "up.git")
    return root


@pytest.mark.parametrize("where", [".", "..", *("HEAD", "config", "packed-refs", "objects", "refs", "info", "logs")])
def test_nothing_is_written_through_a_link(
    ws: Path, tool: Upstream, folder: Path, private: Path, hybrid: Hybrid, where: str
) -> None:
    _refused_at(tool, folder, private, hybrid, where)


@pytest.mark.parametrize("where", ["objects/pack", "objects/info", "refs/heads", "refs/tags", "refs/hybrid/pins"])
def test_nothing_is_written_through_a_link_further_down(
    ws: Path, tool: Upstream, folder: Path, private: Path, hybrid: Hybrid, where: str
) -> None:
    _refused_at(tool, folder, private, hybrid, where)


def _refused_at(tool: Upstream, folder: Path, private: Path, hybrid: Hybrid, where: str) -> None:
    hybrid("mirror", "update", folder)
    bare, other = repository(tool, folder), private / "up.git"
    link, there = {".": (bare, other), "..": (bare.parent, private)}.get(where, (bare / where, other / where))
    if link == bare.parent:
        other.rename(private / bare.name)
    there.parent.mkdir(parents=True, exist_ok=True)
    if not there.exists() and where in ("refs/hybrid/pins", "info", "logs"):
        there.mkdir()
    if link.is_dir():
        shutil.rmtree(link)
    else:
        link.unlink(missing_ok=True)
    link.symlink_to(there)
    before = snapshot(private)
    tool.commit({"a.txt": "new\n"})
    done = hybrid("mirror", "update", folder, "--json", check=2)
    assert errors(done) == {"tool": "symlink-refused"}
    assert str(link) in json.dumps(done.json())
    assert snapshot(private) == before


def test_a_repository_of_another_is_set_aside(
    ws: Path, tool: Upstream, folder: Path, private: Path, hybrid: Hybrid
) -> None:
    hybrid("mirror", "update", folder)
    bare = repository(tool, folder)
    (bare / "commondir").write_text(f"{private / 'up.git'}\n")
    before = snapshot(private)
    tool.commit({"a.txt": "new\n"})
    hybrid("mirror", "update", folder)
    assert snapshot(private) == before
    assert refs(bare)["refs/heads/main"] == tool.rev("main")
    assert [*(folder / ".set-aside").iterdir()]


@pytest.mark.parametrize("how", ["--reference", "--depth=1", "--filter=blob:none"])
def test_one_that_is_not_whole_by_itself_is_made_anew(
    ws: Path, tool: Upstream, folder: Path, private: Path, hybrid: Hybrid, how: str
) -> None:
    bare = repository(tool, folder)
    words = [how, str(private / "whole.git")] if how == "--reference" else [how]
    if how == "--reference":
        git("clone", "-q", "--mirror", tool.url, "whole.git", cwd=private)
    git("clone", "-q", "--bare", *words, tool.url, bare, cwd=private)
    hybrid("mirror", "update", folder)
    assert [*(folder / ".set-aside").iterdir()]
    shutil.rmtree(private)
    tool.path.rename(tool.path.with_name("gone.git"))
    assert git("rev-list", "--objects", "--all", "--missing=print", cwd=bare).count("?") == 0
    assert int(git("rev-list", "--count", "main", cwd=bare)) > 1


def test_what_somebody_pushed_there_goes_and_is_named(ws: Path, tool: Upstream, folder: Path, hybrid: Hybrid) -> None:
    hybrid("mirror", "update", folder)
    bare = repository(tool, folder)
    tree = git("rev-parse", "main^{tree}", cwd=bare)
    who = ("-c", "user.name=P", "-c", "user.email=p@example.org")
    mine = git(*who, "commit-tree", tree, "-p", "main", "-m", "mine", cwd=bare)
    git("update-ref", "refs/heads/main", mine, cwd=bare)
    git("update-ref", "refs/heads/mine", mine, cwd=bare)
    told = hybrid("mirror", "update", folder).out
    assert f"    taken back, for upstream does not have it: main at {mine}, mine at {mine}\n" in told
    tool.commit({"a.txt": "new\n"})
    assert "taken back" not in hybrid("mirror", "update", folder).out


def test_a_branch_that_was_merged_or_renamed_is_not_told_as_taken_back(
    ws: Path, tool: Upstream, folder: Path, hybrid: Hybrid
) -> None:
    tool.branch("feature")
    tool.commit({"b.txt": "mine\n"}, branch="feature")
    path = ws / "sources.toml"
    for name in ("feature", "wip"):
        path.write_text(f'{path.read_text()}\n[source.{name}]\nurl = "{tool.url}"\nbranch = "{name}"\n')
    hybrid("pin", "feature", "wip")
    tool.tag("moves", "main")
    path.write_text(f'{path.read_text()}\n[source.moves]\nurl = "{tool.url}"\ntag = "moves"\n')
    hybrid("mirror", "update", folder)
    hybrid("remove", "feature", "wip")
    before = refs(repository(tool, folder))
    assert {"refs/heads/feature", "refs/heads/wip", "refs/tags/moves"} < before.keys()
    # A fast-forward is no taking back, and what upstream has by a name that the folder does not keep is there.
    tool.commit({"a.txt": "new\n"})
    tool.branch("other", "feature")
    for name in ("feature", "wip"):
        tool.delete_ref(f"refs/heads/{name}")
    told = hybrid("mirror", "update", folder).out
    assert "taken back" not in told
    assert {"refs/heads/feature", "refs/heads/wip"}.isdisjoint(refs(repository(tool, folder)))
    tool.tag("moves", "main", force=True)
    told = hybrid("mirror", "update", folder).out
    assert f"taken back, for upstream does not have it: moves at {before['refs/tags/moves']}\n" in told


def test_what_was_filled_for_a_source_without_a_pin_is_not_set_aside(
    ws: Path, upstream_factory: UpstreamFactory, folder: Path, hybrid: Hybrid
) -> None:
    other = upstream_factory()
    other.commit({"a.txt": "one\n"})
    path = ws / "sources.toml"
    path.write_text(f'{path.read_text()}\n[source.other]\nurl = "{other.url}"\nbranch = "main"\n')
    hybrid("mirror", "update", folder)
    assert outcomes(hybrid("mirror", "update", folder, "--json")) == {"tool": "current", "other": "current"}
    other.commit({"a.txt": "two\n"})
    hybrid("pin", "other")
    hybrid("mirror", "update", folder)
    assert refs(repository(other, folder))["refs/heads/main"] == other.rev("main")
    assert not (folder / ".set-aside").exists()


def test_a_repository_that_was_there_before_is_set_aside(
    ws: Path, tool: Upstream, folder: Path, private: Path, hybrid: Hybrid
) -> None:
    bare = repository(tool, folder)
    shutil.copytree(private / "up.git", bare)
    mine = git("rev-parse", "mine", cwd=bare)
    assert "is set aside: .set-aside/" in hybrid("mirror", "update", folder).err
    assert "refs/heads/mine" not in refs(bare)
    (aside,) = (folder / ".set-aside").iterdir()
    assert refs(aside) == {"refs/heads/mine": mine}


@pytest.mark.parametrize("at", ["info/refs", "objects/info/packs"])
def test_a_pipe_in_the_place_of_a_list_keeps_nobody_waiting(
    ws: Path, tool: Upstream, folder: Path, hybrid: Hybrid, at: str
) -> None:
    hybrid("mirror", "update", folder)
    path = repository(tool, folder) / at
    path.unlink()
    os.mkfifo(path)
    hybrid("mirror", "update", folder)
    assert path.is_file()


@pytest.mark.parametrize("name", [".incoming/film", ".lock"])
def test_what_a_folder_of_somebody_else_has_by_a_name_of_ours_stays(
    ws: Path, folder: Path, hybrid: Hybrid, name: str
) -> None:
    path = folder / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    assert "that is not of a mirror" in hybrid("mirror", "update", folder, check=2).err
    assert path.read_text() == "mine"


def test_what_an_interrupted_first_run_left_is_in_nobodys_way(ws: Path, folder: Path, hybrid: Hybrid) -> None:
    (folder / ".incoming" / ("0" * 26)).mkdir(parents=True)
    (folder / ".lock").write_text('{"command": "x"}')
    hybrid("mirror", "update", folder)
    assert not (folder / ".incoming").exists()


@pytest.mark.parametrize("name", ["index.html", "mirror.json"])
def test_a_pipe_in_the_place_of_a_page_is_refused(ws: Path, folder: Path, hybrid: Hybrid, name: str) -> None:
    folder.mkdir()
    os.mkfifo(folder / name)
    assert f"has a {name} that is no file" in hybrid("mirror", "update", folder, check=2).err


def test_what_older_locks_name_of_another_object_format_is_told_as_missing(
    ws: Path, tool: Upstream, folder: Path, upstream_factory: UpstreamFactory, hybrid: Hybrid
) -> None:
    hybrid("mirror", "update", folder)
    shutil.rmtree(tool.path)
    moved = upstream_factory(object_format="sha256").commit({"a.txt": "one\n"})
    approval = ("--request", "CHG-1", "--approver", "bea@example.org", "--reason", "moved", "--expires", "1d")
    hybrid("pin", "tool", "--to", moved, "--force", *approval)
    assert "missing: 1 commit that older locks name" in hybrid("mirror", "update", folder).out
    assert "missing" not in hybrid("mirror", "update", folder).out


def test_a_forced_pin_is_kept_where_a_server_gives_out_no_single_commit(
    ws: Path, tool: Upstream, folder: Path, hybrid: Hybrid
) -> None:
    old = tool.rev("main")
    tool.commit({"a.txt": "new\n"})
    hybrid("pin", "tool")
    approval = ("--request", "CHG-1", "--approver", "bea@example.org", "--reason", "back", "--expires", "1d")
    hybrid("pin", "tool", "--to", old, "--force", *approval)
    # By the first version of the protocol it names its tips alone.
    oldest = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "protocol.version", "GIT_CONFIG_VALUE_0": "0"}
    assert outcomes(hybrid("mirror", "update", folder, "--json", env=oldest)) == {"tool": "updated"}
    assert refs(repository(tool, folder))[f"refs/hybrid/pins/{old}"] == old


def test_the_folder_itself_may_be_a_link(ws: Path, tool: Upstream, folder: Path, hybrid: Hybrid) -> None:
    hybrid("mirror", "update", folder)
    folder.rename(folder.with_name("disk"))
    folder.symlink_to(folder.with_name("disk"))
    tool.commit({"a.txt": "new\n"})
    hybrid("mirror", "update", folder)
    assert refs(repository(tool, folder))["refs/heads/main"] == tool.rev("main")
