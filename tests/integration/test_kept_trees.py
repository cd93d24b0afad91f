"""A second workspace gets its files from a tree that the cache keeps: the same as git writes them, and all proved."""

from __future__ import annotations

import fcntl
import os
import random
import re
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from support.cli import Hybrid, executable
from support.kit import git, head, logging_git, replace, snapshot, started
from support.upstream import Exec, Link, Upstream, UpstreamFactory

FILES = {
    "README": "words\n",
    "empty": "",
    "run.sh": Exec(b"#!/bin/sh\n"),
    "dir/deep/er/file": "deep\n",
    "dir/link": Link("../README"),
    "dir-beside": "sorts before dir/\n",
    ".github/workflows/ci.yml": "on: push\n",
    ".gitignore": "*.log\n",
    "große Datei": bytes(range(256)) * 40,
}


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    upstream.commit({"README": "before\n", "dir/gone": "gone\n"}, "first")
    upstream.commit({**FILES, "dir/gone": None}, "second")
    return upstream


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_HYBRID_CACHE_DIR", str(tmp_path / "object-cache"))
    return tmp_path / "object-cache"


@pytest.fixture
def filled(hybrid: Hybrid, workspace: Path, tool: Upstream, cache: Path) -> Path:
    """Return the tree that is kept once a workspace has its clone."""
    started(hybrid, tool.url, "--branch", "main")
    return kept(cache)


def kept(cache: Path) -> Path:
    (found,) = cache.glob("*.git/trees/*")
    return found


def second(workspace: Path) -> Path:
    """Return a workspace with the manifest and the lock of *workspace*, and no clone."""
    other = workspace.with_name(f"{workspace.name}2")
    shutil.rmtree(other, ignore_errors=True)
    (other / "sources").mkdir(parents=True)
    shutil.copytree(workspace / "state", other / "state")
    shutil.copy(workspace / "sources.toml", other)
    return other


def checkouts(log: Path) -> list[str]:
    return [line for line in log.read_text().splitlines() if "\x1freset\x1f" in line]


def same(hybrid: Hybrid, workspace: Path, other: Path) -> None:
    """Hold the clone in *other* against the one that git checked out in *workspace*."""
    one, two = workspace / "sources/tool", other / "sources/tool"
    assert head(other) == head(workspace)
    assert git("status", "--porcelain", "--ignored", cwd=two) == ""
    assert git("ls-files", "--stage", cwd=two) == git("ls-files", "--stage", cwd=one)
    assert git("fsck", "--full", "--no-dangling", cwd=two) == ""
    plain = [path for path in snapshot(one) if not path.startswith(".git/")]
    assert {path: snapshot(two)[path] for path in plain} == {path: snapshot(one)[path] for path in plain}
    for path in plain:
        assert (two / path).lstat().st_mode == (one / path).lstat().st_mode, path
    assert hybrid("check", "sources", "--content", cwd=other).code == 0


def test_the_first_clone_is_written_from_its_packs(hybrid, workspace, tool, cache, tmp_path):
    env, log = logging_git(tmp_path / "bin")
    started(hybrid, tool.url, "--branch", "main", sync=False)
    hybrid("sync", env=env)
    assert checkouts(log) == []
    other = second(workspace)
    git("clone", "-q", "--no-local", "--no-checkout", tool.url, other / "sources/tool", cwd=other)
    git("reset", "-q", "--hard", head(workspace), cwd=other / "sources/tool")
    same(hybrid, other, workspace)
    assert kept(cache).read_bytes().startswith(b"on: push\n*.log\nwords\n")


def test_what_is_mostly_deltas_is_left_to_git_and_kept_too(hybrid, workspace, tool, cache, tmp_path):
    lines = "".join(f"line {number * 7919 % 1000}\n" for number in range(300))
    tool.commit({f"alike/{number}": f"{lines}{number}\n" for number in range(40)}, "alike")
    git("repack", "-adfq", cwd=tool.path)
    env, log = logging_git(tmp_path / "bin")
    started(hybrid, tool.url, "--branch", "main", sync=False)
    hybrid("sync", env=env)
    assert len(checkouts(log)) == 1
    log.write_text("")
    other = second(workspace)
    hybrid("sync", cwd=other, env=env)
    assert checkouts(log) == []
    same(hybrid, workspace, other)


def test_the_second_clone_is_written_from_it(hybrid, workspace, filled, tmp_path):
    other, (env, log) = second(workspace), logging_git(tmp_path / "bin")
    os.utime(filled, (10**9, 10**9))
    hybrid("sync", cwd=other, env=env)
    assert checkouts(log) == []
    assert filled.stat().st_mtime > 10**9
    same(hybrid, workspace, other)
    before = snapshot(other)
    log.write_text("")
    hybrid("sync", cwd=other, env=env)
    hybrid("status", cwd=other, env=env)
    # Nothing is looked at by git: what was written is known as it was written.
    assert not [line for line in log.read_text().splitlines() if "--git-dir=" in line]
    assert snapshot(other) == before


def test_git_takes_its_index_for_its_own(hybrid, workspace, filled):
    other = second(workspace)
    hybrid("sync", cwd=other)
    clone = other / "sources/tool"
    tree = git("rev-parse", "HEAD^{tree}", cwd=clone)
    assert git("write-tree", cwd=clone) == tree
    assert git("diff-files", "--raw", cwd=clone) == ""
    git("-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-q", "--allow-empty", "-m", "x", cwd=clone)
    assert git("rev-parse", "HEAD^{tree}", cwd=clone) == tree
    git("checkout", "-q", "HEAD~2", cwd=clone)
    assert (clone / "dir/gone").read_text() == "gone\n"


def test_an_update_goes_on_from_it(hybrid, workspace, filled, tool):
    other = second(workspace)
    hybrid("sync", cwd=other)
    tool.commit({"README": "newer\n", "dir/link": None}, "third")
    hybrid("pin", "tool", cwd=other)
    assert "updated" in hybrid("sync", cwd=other).out
    assert head(other) == tool.rev("main")
    assert git("status", "--porcelain", cwd=other / "sources/tool") == ""


def test_an_edit_after_it_is_seen(hybrid, workspace, filled):
    other = second(workspace)
    hybrid("sync", cwd=other)
    path = other / "sources/tool/run.sh"
    info = path.stat()
    path.write_bytes(b"#!/bin/ex\n")
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
    assert "run.sh" in hybrid("sync", cwd=other, check=3).err


@pytest.mark.parametrize("key", ["content_sha256", "tree"])
def test_a_lock_that_was_edited_is_not_the_fault_of_the_cache(hybrid, workspace, filled, key):
    good = (workspace / "state/sources.lock").read_text()
    wrong = re.sub(f'^{key} = "........', f'{key} = "00000000', good, flags=re.MULTILINE)
    for kept_too in (True, False):
        if not kept_too:
            # Without what the cache has, it is the same.
            shutil.rmtree(filled.parents[1])
        other = second(workspace)
        (other / "state/sources.lock").write_text(wrong)
        for command in ("sync", "reset"):
            told = hybrid(command, "tool", cwd=other, check=5)
            assert "error: tool: state/sources.lock does not name what was pinned" in told.err
            assert "hint: git checkout HEAD -- state/sources.lock\n" in told.err
            assert "hint: git hybrid" not in told.err
            assert "damaged" not in told.err
        assert filled.exists() == kept_too
        audit = hybrid("check", "audit", cwd=other, check=1)
        assert (
            "mend: git checkout HEAD -- state/sources.lock; where it was committed so: git hybrid pin tool --to"
            in audit.out
        )
        (other / "state/sources.lock").write_text(good)
        hybrid("sync", cwd=other)


def test_every_changed_byte_of_it_is_noticed(hybrid, workspace, filled, cache, tmp_path):
    data = filled.read_bytes()
    env, log = logging_git(tmp_path / "bin")
    for at in range(0, len(data), max(len(data) // 40, 1)):
        path = kept(cache)
        path.unlink()
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x20]) + data[at + 1 :])
        log.write_text("")
        other = second(workspace)
        told = hybrid("sync", cwd=other, env=env)
        assert "a kept tree is damaged and was removed" in told.err, at
        assert checkouts(log) == []
        assert (other / "sources/tool/README").read_text() == "words\n"
        assert git("status", "--porcelain", cwd=other / "sources/tool") == ""
        # And it is kept again.
        assert kept(cache).read_bytes() == data
    same(hybrid, workspace, other)


@pytest.mark.parametrize("size", [0, 10, -1])
def test_half_of_it_is_none(hybrid, workspace, filled, cache, size):
    data = filled.read_bytes()
    filled.unlink()
    filled.write_bytes(data[:size])
    other = second(workspace)
    assert "kept tree is damaged" in hybrid("sync", cwd=other).err
    same(hybrid, workspace, other)


def test_another_tree_under_its_name_is_none(hybrid, workspace, filled, tool, cache):
    tool.commit({"README": "other words\n"}, "third")
    hybrid("pin", "tool")
    shutil.rmtree(workspace / "sources/tool")
    hybrid("sync")
    new = next(path for path in cache.glob("*.git/trees/*") if path != filled)
    shutil.copy(filled, new.with_suffix(".tmp"))
    os.replace(new.with_suffix(".tmp"), new)
    other = second(workspace)
    assert "its entries are those of" in hybrid("sync", cwd=other).err
    assert (other / "sources/tool/README").read_text() == "other words\n"


def test_a_link_in_its_place_is_not_followed(hybrid, workspace, filled, tmp_path):
    filled.rename(tmp_path / "elsewhere")
    filled.symlink_to(tmp_path / "elsewhere")
    other = second(workspace)
    hybrid("sync", cwd=other)
    same(hybrid, workspace, other)


def test_verify_reads_it(hybrid, workspace, filled, cache):
    assert "1 checked, 0 broken" in hybrid("cache", "verify").err
    data = bytearray(filled.read_bytes())
    data[3] ^= 1
    filled.unlink()
    filled.write_bytes(data)
    assert "is not what it was" in hybrid("cache", "verify", check=1).err
    assert list(cache.glob("*.git")) == []


@pytest.mark.parametrize("limit", ["0", "100", "1K"])
def test_no_tree_above_the_limit_is_kept(hybrid, workspace, tool, cache, monkeypatch, limit):
    monkeypatch.setenv("GIT_HYBRID_CACHE_TREES", limit)
    started(hybrid, tool.url, "--branch", "main")
    assert list(cache.glob("*.git/trees/*")) == []
    other = second(workspace)
    hybrid("sync", cwd=other)
    same(hybrid, workspace, other)


def test_a_limit_that_is_none_is_refused(hybrid, workspace, tool, monkeypatch):
    monkeypatch.setenv("GIT_HYBRID_CACHE_TREES", "much")
    assert "GIT_HYBRID_CACHE_TREES" in hybrid("init", check=None).err + hybrid("sync", check=2).err


def test_the_newest_two_are_kept(hybrid, workspace, filled, tool, cache):
    for number in range(3):
        tool.commit({"README": f"{number}\n"}, "more")
        hybrid("pin", "tool")
        shutil.rmtree(workspace / "sources/tool")
        hybrid("sync")
    found = {path.name for path in cache.glob("*.git/trees/*")}
    trees = [git("rev-parse", f"main~{back}^{{tree}}", cwd=tool.path) for back in (0, 1)]
    assert found == set(trees)


def test_what_a_killed_run_began_goes(hybrid, workspace, filled, cache):
    work = cache / ".work"
    left = work / f"{filled.parent.parent.name}.tree{1 << 22}-1"
    left.write_bytes(b"half")
    filled.unlink()
    shutil.rmtree(workspace / "sources/tool")
    hybrid("sync")
    assert not left.exists()
    assert kept(cache).exists()
    left.write_bytes(b"half")
    hybrid("cache", "prune")
    assert not left.exists()


def test_what_a_living_run_is_keeping_stays(hybrid, workspace, filled, cache):
    work = cache / ".work" / f"{filled.parent.parent.name}.tree1-1"
    with work.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        hybrid("cache", "prune")
        assert work.exists()


def test_an_empty_limit_is_that_of_without_a_word(hybrid, workspace, tool, cache, monkeypatch):
    monkeypatch.setenv("GIT_HYBRID_CACHE_TREES", "")
    started(hybrid, tool.url, "--branch", "main")
    assert kept(cache).is_file()


@pytest.mark.parametrize("key", ["include.path", "includeIf.gitdir:**.path", "includeIf.onbranch:main.path"])
def test_a_ref_that_the_user_hides_is_hidden_here_too(hybrid, workspace, filled, tmp_path, key):
    (tmp_path / "hiding").write_text("[transfer]\n\thideRefs = refs/heads\n")
    git("config", "--global", key, str(tmp_path / "hiding"), cwd=tmp_path)
    assert "refs/heads/main" in hybrid("sync", cwd=second(workspace), check=5).err


def test_a_tree_with_a_submodule_is_not_kept(hybrid, workspace, tool, cache, upstream_factory):
    inner = upstream_factory("inner")
    commit = inner.commit({"a": "a\n"}, "first")
    tool.git("update-ref", "refs/heads/with", tool.rev("main"))
    git("clone", "-q", tool.url, "work", cwd=workspace.parent)
    work = workspace.parent / "work"
    git("update-index", "--add", "--cacheinfo", f"160000,{commit},sub", cwd=work)
    git("-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-q", "-m", "sub", cwd=work)
    git("push", "-q", "origin", "HEAD:refs/heads/with", cwd=work)
    started(hybrid, tool.url, "--branch", "with")
    assert list(cache.glob("*.git/trees/*")) == []


@pytest.mark.parametrize(("of_folder", "of_file"), [("40000", "100664"), ("040000", "100644")])
def test_a_tree_with_old_modes_is_not_kept(hybrid, workspace, tool, cache, of_folder, of_file):
    inner = tool.raw_tree([(of_file, tool.blob(b"x\n"), b"f")])
    tool.update_ref("refs/heads/old", tool.raw_commit(tool.raw_tree([(of_folder, inner, b"d")])))
    started(hybrid, tool.url, "--branch", "old")
    assert list(cache.glob("*.git/trees/*")) == []
    assert "1 checked, 0 broken" in hybrid("cache", "verify").err
    assert "cache" not in hybrid("sync", cwd=second(workspace)).err


def test_many_are_written_by_processes_of_our_own(hybrid, workspace, cache, upstream_factory, tmp_path):
    hybrid("init")
    for number in range(7):
        upstream = upstream_factory(f"t{number}")
        upstream.commit({**FILES, "number": f"{number}\n"}, "first")
        hybrid("add", upstream.url, "--branch", "main")
    hybrid("sync", "-j", "4")
    other, (env, log) = second(workspace), logging_git(tmp_path / "bin")
    hybrid("sync", "-j", "4", cwd=other, env=env)
    assert checkouts(log) == []
    for number in range(7):
        clone = other / f"sources/t{number}"
        assert (clone / "number").read_text() == f"{number}\n"
        assert git("status", "--porcelain", cwd=clone) == ""
    assert hybrid("check", "sources", "--content", cwd=other).code == 0


def test_whatever_of_them_is_killed_the_clones_are_whole(hybrid, workspace, cache, upstream_factory, tmp_path):
    """Of processes that write trees, some are killed at any moment: git does what they left undone."""
    chance = random.Random(1)
    hybrid("init")
    for number in range(8):
        upstream = upstream_factory(f"t{number}")
        upstream.commit({f"{at // 10}/{at}": chance.randbytes(20_000).hex() for at in range(40)}, "first")
        hybrid("add", upstream.url, "--branch", "main")
    env, log = logging_git(tmp_path / "bin")
    argv, killed = [executable(), "sync", "-q", "-j", "4"], 0
    with subprocess.Popen(argv, cwd=workspace, env={**os.environ, **env}) as running:
        while running.poll() is None:
            for hand in hands_of(running.pid):
                time.sleep(chance.random() / 50)
                with suppress(ProcessLookupError):
                    os.kill(hand, signal.SIGKILL)
                    killed += 1
            time.sleep(0.002)
    assert running.returncode == 0
    assert killed
    assert len(checkouts(log)) <= killed
    for number in range(8):
        assert git("status", "--porcelain", cwd=workspace / f"sources/t{number}") == ""
    assert hybrid("check", "sources", "--content").code == 0


def hands_of(pid: int) -> list[int]:
    """Return the children of *pid* that write trees."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            children = task.read_text().split()
            found += [int(child) for child in children if b"hand.py" in Path(f"/proc/{child}/cmdline").read_bytes()]
    return found


def test_a_tree_that_policy_has_come_to_refuse_is_refused(hybrid, workspace, filled):
    other = second(workspace)
    manifest = other / "sources.toml"
    replace(manifest, "\n[policy]\n", "\n[policy]\nmax_entries = 3\n")
    assert "too-many-entries" in hybrid("sync", cwd=other, check=5).err
    assert not (other / "sources/tool").exists()


def test_a_moved_tag_is_found_all_the_same(hybrid, workspace, tool, cache):
    tool.tag("v1")
    started(hybrid, tool.url, "--tag", "v1")
    tool.git("update-ref", "refs/tags/v1", tool.rev("main~1"))
    assert "moved" in hybrid("sync", cwd=second(workspace), check=5).err
