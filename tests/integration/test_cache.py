"""Two workspaces of one user: what the first fetched the second one links, and nothing that is broken spreads."""

from __future__ import annotations

import fcntl
import json
import os
import random
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

import git_hybrid.git.store
from git_hybrid.cli.main import main
from git_hybrid.git.store import RECORD
from support.kit import git, head, logging_git, released, replace, snapshot, started, state
from support.points import strace
from support.upstream import Upstream, UpstreamFactory


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    released(upstream)
    return upstream


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "object-cache"
    monkeypatch.setenv("GIT_HYBRID_CACHE_DIR", str(folder))
    monkeypatch.setenv("GIT_HYBRID_CACHE_MAX_AGE", "1d")
    return folder


def second(workspace: Path) -> Path:
    """Return a workspace with the manifest and the lock of *workspace*, as a colleague's clone has them."""
    other = workspace.with_name(f"{workspace.name}2")
    shutil.rmtree(other, ignore_errors=True)
    other.mkdir()
    (other / "sources").mkdir()
    shutil.copytree(workspace / "state", other / "state")
    shutil.copy(workspace / "sources.toml", other)
    return other


def store(cache: Path) -> Path:
    (found,) = cache.glob("*.git")
    return found


def pack(folder: Path, kind: str = "pack") -> Path:
    (found,) = (folder / "objects/pack").glob(f"*.{kind}")
    return found


def fetches(log: Path) -> list[str]:
    fetching = ("\x1ffetch\x1f", "\x1fclone\x1f", "\x1findex-pack\x1f")
    return [line for line in log.read_text().splitlines() if any(word in line for word in fetching)]


def gone(upstream: Upstream) -> None:
    upstream.path.rename(upstream.path.with_name("moved-away"))


def test_a_second_workspace_needs_no_network(hybrid, workspace, tool, cache, tmp_path):
    started(hybrid, tool.url, "--tag", "v1.1.0")
    gone(tool)
    other, (env, log) = second(workspace), logging_git(tmp_path / "bin")
    hybrid("sync", cwd=other, env=env)
    assert fetches(log) == []
    assert head(other) == head(workspace)
    assert snapshot(other / "sources/tool/dir") == snapshot(workspace / "sources/tool/dir")
    assert git("fsck", "--full", "--no-dangling", cwd=other / "sources/tool") == ""
    assert git("for-each-ref", cwd=other / "sources/tool") == git("for-each-ref", cwd=workspace / "sources/tool")
    assert state(other)["tool"]["served_by"] == tool.url
    assert hybrid("check", "sources", "--content", cwd=other).code == 0


def test_the_packs_are_one_file_and_no_clone_borrows(hybrid, workspace, tool, cache):
    started(hybrid, tool.url)
    other = second(workspace)
    hybrid("sync", cwd=other)
    clones = [workspace / "sources/tool/.git", other / "sources/tool/.git"]
    for kind in ("pack", "idx"):
        assert len({pack(folder, kind).stat().st_ino for folder in (*clones, store(cache))}) == 1
        assert stat.S_IMODE(pack(store(cache), kind).stat().st_mode) == 0o444
    assert not any((clone / "objects/info/alternates").exists() for clone in clones)
    shutil.rmtree(cache)
    assert git("fsck", "--full", "--no-dangling", cwd=other / "sources/tool") == ""
    assert hybrid("status", cwd=other).code == 0
    hybrid("sync", cwd=other)


def test_what_others_link_or_prune_does_not_make_a_clone_look_changed(hybrid, workspace, tool, cache, tmp_path):
    started(hybrid, tool.url)
    other = second(workspace).rename(tmp_path / "other")
    hybrid("sync", cwd=other)
    assert snapshot(other / "sources/tool/.git/refs") == snapshot(workspace / "sources/tool/.git/refs")
    assert not (other / "sources/tool/.git/packed-refs").exists()
    env, log = logging_git(tmp_path / "bin")
    for place in (workspace, other):
        before = snapshot(place)
        hybrid("sync", cwd=second(workspace))
        log.write_text("")
        hybrid("sync", cwd=place, env=env)
        assert not [line for line in log.read_text().splitlines() if "--git-dir=" in line]
        assert snapshot(place) == before


def test_an_empty_value_turns_it_off(hybrid, workspace, tool, cache, monkeypatch):
    home = Path(os.environ["XDG_CACHE_HOME"])
    monkeypatch.setenv("GIT_HYBRID_CACHE_DIR", "")
    started(hybrid, tool.url)
    assert not cache.exists()
    assert not (home / "git-hybrid").exists()
    assert "off" in hybrid("cache", "show").err


@pytest.mark.parametrize("variable", [None, "git config"])
def test_without_a_word_it_is_in_the_xdg_cache(hybrid, workspace, tool, monkeypatch, tmp_path, variable):
    monkeypatch.delenv("GIT_HYBRID_CACHE_DIR")
    expected = Path(os.environ["XDG_CACHE_HOME"]) / "git-hybrid"
    if variable:
        expected = Path(os.environ["HOME"]) / "elsewhere"
        git("config", "--global", "hybrid.cacheDir", "~/elsewhere", cwd=tmp_path)
    started(hybrid, tool.url)
    assert store(expected).is_dir()
    assert stat.S_IMODE(expected.stat().st_mode) == 0o700
    assert (expected / "CACHEDIR.TAG").read_bytes().startswith(b"Signature: 8a477f597d28d172789f06886806bc55")
    assert "hybrid.cacheDir=" in hybrid("config").out


def test_offline_serves_what_is_there_and_nothing_else(hybrid, workspace, tool, cache):
    started(hybrid, tool.url)
    other = second(workspace)
    hybrid("sync", "--offline", cwd=other)
    assert head(other) == head(workspace)
    shutil.rmtree(other / "sources/tool")
    shutil.rmtree(cache)
    hybrid("sync", "--offline", cwd=other, check=4)


def test_the_server_sends_only_what_is_new(hybrid, workspace, tool, cache, tmp_path):
    started(hybrid, tool.url)
    fourth = tool.commit({"README": "four\n"}, "fourth")
    other = second(workspace)
    hybrid("pin", "tool", cwd=other)
    hybrid("sync", cwd=other)
    assert head(other) == fourth
    packs = sorted(path.name for path in (store(cache) / "objects/pack").glob("*.pack"))
    assert len(packs) == 2
    assert min(path.stat().st_size for path in (store(cache) / "objects/pack").glob("*.pack")) < 600
    assert git("for-each-ref", "refs/hybrid/have", cwd=other / "sources/tool") == ""
    third = second(other)
    gone(tool)
    hybrid("sync", cwd=third)
    assert head(third) == fourth
    # The first workspace follows, from the cache too.
    shutil.copytree(other / "state", workspace / "state", dirs_exist_ok=True)
    hybrid("sync")
    assert head(workspace) == fourth
    assert git("fsck", "--full", "--no-dangling", cwd=workspace / "sources/tool") == ""


def test_sha256(hybrid, workspace, upstream_factory, cache):
    upstream = upstream_factory(object_format="sha256")
    released(upstream)
    started(hybrid, upstream.url)
    other = second(workspace)
    gone(upstream)
    hybrid("sync", cwd=other)
    assert len(head(other)) == 64
    assert hybrid("cache", "verify").code == 0


@pytest.mark.parametrize("history", ["shallow", "treeless"])
def test_a_part_of_a_history_is_not_shared(hybrid, workspace, tool, cache, history):
    started(hybrid, tool.url, "--tag", "v1.1.0", sync=False)
    shutil.rmtree(cache)
    replace(workspace / "sources.toml", 'tag = "v1.1.0"', f'tag = "v1.1.0"\nhistory = "{history}"')
    hybrid("pin")
    hybrid("sync")
    assert not list(cache.glob("*.git"))


def test_a_moved_tag_shows_where_upstream_is_asked(hybrid, workspace, tool, cache, monkeypatch):
    started(hybrid, tool.url, "--tag", "v1.1.0")
    pinned = head(workspace)
    tool.tag("v1.1.0", "main", force=True)
    other = second(workspace)
    # What upstream said a moment ago proves the pin.
    hybrid("sync", cwd=other)
    assert head(other) == pinned
    # What it said by a clock that was ahead does not.
    record = store(cache) / RECORD
    kept = record.read_text()
    record.write_text(re.sub(r'"20\d\d-', '"2099-', kept))
    assert "moved" in hybrid("sync", cwd=second(other), check=5).err
    record.write_text(kept)
    monkeypatch.delenv("GIT_HYBRID_CACHE_MAX_AGE")
    third = second(other)
    assert "moved" in hybrid("sync", cwd=third, check=5).err
    monkeypatch.setenv("GIT_HYBRID_CACHE_MAX_AGE", "1d")
    # Now the cache knows it too, and shows it to nobody as something else.
    shutil.rmtree(third)
    assert "moved" in hybrid("sync", cwd=second(other), check=5).err
    assert hybrid("outdated", cwd=other, check=None).code != 4


def test_what_a_mirror_said_counts_only_where_it_would_be_asked(hybrid, workspace, tool, cache, tmp_path, monkeypatch):
    started(hybrid, tool.url, sync=False)
    shutil.rmtree(cache)
    mirror = tmp_path / "mirror"
    served = mirror / "localhost" / f"{tool.path.as_posix().strip('/').removesuffix('.git')}.git"
    served.parent.mkdir(parents=True)
    shutil.copytree(tool.path, served)
    monkeypatch.setenv("GIT_HYBRID_MIRRORS", f"file://{mirror}")
    hybrid("sync")
    assert state(workspace)["tool"]["served_by"] == f"file://{served}"
    other = second(workspace)
    # Upstream says that it has the same, and sends nothing of it.
    direct = second(other)
    for name in ("sources.json", "sources-audit.jsonl"):
        (direct / "state" / name).unlink()
    hybrid("sync", cwd=direct, env={"GIT_HYBRID_MIRRORS": "direct"})
    assert state(direct)["tool"]["served_by"] == f"file://{served}"
    gone(tool)
    hybrid("sync", cwd=other, env={"GIT_HYBRID_MIRRORS": "direct"}, check=4)
    hybrid("sync", cwd=other)
    assert head(other) == head(workspace)


# ---- filled by a pin


def test_what_a_pin_fetched_is_not_fetched_again(hybrid, workspace, tool, cache, tmp_path, monkeypatch):
    monkeypatch.delenv("GIT_HYBRID_CACHE_MAX_AGE")
    started(hybrid, tool.url, "--tag", "v1.1.0", sync=False)
    found = pack(store(cache))
    assert hybrid("cache", "verify").code == 0
    env, log = logging_git(tmp_path / "bin")
    hybrid("sync", env=env)
    assert fetches(log) == []
    assert pack(workspace / "sources/tool/.git").stat().st_ino == found.stat().st_ino
    assert state(workspace)["tool"]["served_by"] == tool.url


def test_what_upstream_said_to_a_pin_is_evidence_while_it_is_young(hybrid, workspace, tool, cache, monkeypatch):
    started(hybrid, tool.url, "--tag", "v1.1.0", sync=False)
    gone(tool)
    other = second(workspace)
    hybrid("sync")
    monkeypatch.delenv("GIT_HYBRID_CACHE_MAX_AGE")
    hybrid("sync", cwd=other, check=4)


def test_a_pin_takes_nothing_from_a_store_and_adds_nothing_to_it(hybrid, workspace, tool, cache, tmp_path):
    started(hybrid, tool.url)
    before = snapshot(store(cache))
    fourth, other = tool.commit({"README": "four\n"}, "fourth"), second(workspace)
    env, log = logging_git(tmp_path / "bin")
    hybrid("pin", "tool", cwd=other, env=env)
    assert fetches(log)
    assert snapshot(store(cache)) == before
    hybrid("sync", cwd=other)
    assert head(other) == fourth


def test_a_pin_that_is_refused_leaves_nothing_in_the_cache(hybrid, workspace, tool, cache):
    hybrid("init")
    replace(workspace / "sources.toml", "[policy]", '[policy]\nmin_release_age = "3000d"')
    assert hybrid("add", tool.url, check=None).code != 0
    assert not list(cache.glob("*.git"))


@pytest.mark.parametrize("trouble", ["open to others", "a file", "held"])
def test_no_trouble_of_the_cache_fails_a_pin(hybrid, workspace, tool, cache, tmp_path, trouble):
    if trouble == "a file":
        cache.write_text("")
    else:
        started(hybrid, tool.url, sync=False)
        (found := store(cache)).rename(tmp_path / "away")
        cache.chmod(0o777 if trouble == "open to others" else 0o700)
    with ExitStack() as stack:
        if trouble == "held":
            lock = stack.enter_context(open(cache / ".locks" / found.name, "rb"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        (fresh := tmp_path / "fresh").mkdir()
        git("init", "-q", cwd=fresh)
        hybrid("init", cwd=fresh)
        told = hybrid("add", tool.url, cwd=fresh).err
    # Who holds the store is about to fill it.
    assert ("is not used" in told) == (trouble != "held")
    assert "another process" not in told
    assert not list(cache.glob("*.git"))


# ---- damage

DAMAGE: dict[str, Callable[[Path], object]] = {
    "pack cut off": lambda found: (pack(found).chmod(0o644), os.truncate(pack(found), 40)),
    "pack empty": lambda found: (pack(found).chmod(0o644), os.truncate(pack(found), 0)),
    "pack gone": lambda found: pack(found).unlink(),
    "index gone": lambda found: pack(found, "idx").unlink(),
    "index cut off": lambda found: (pack(found, "idx").chmod(0o644), os.truncate(pack(found, "idx"), 100)),
    "pack is another": lambda found: _overwritten(pack(found)),
    "record torn": lambda found: os.truncate(found / "hybrid.json", 50),
    "record empty": lambda found: os.truncate(found / "hybrid.json", 0),
    "record gone": lambda found: (found / "hybrid.json").unlink(),
    "record a link": lambda found: _linked(found / "hybrid.json"),
    "packs gone": lambda found: shutil.rmtree(found / "objects"),
    "ref of nothing": lambda found: _edited(
        found, lambda refs: {ref: ["1" * 40, *rest] for ref, (_, *rest) in refs.items()}
    ),
    "no refs": lambda found: _edited(found, lambda refs: {}),
}


def _overwritten(path: Path) -> None:
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    for at in range(12, len(data) - 20):
        data[at] ^= 0x55
    path.write_bytes(bytes(data))


def _linked(path: Path) -> None:
    path.rename(path.with_name("other"))
    path.symlink_to("other")


def _edited(found: Path, change: Callable[[dict[str, list[str]]], dict[str, list[str]]]) -> None:
    document = json.loads((found / "hybrid.json").read_text())
    document["refs"] = change(document["refs"])
    (found / "hybrid.json").write_text(json.dumps(document))


def _apart(workspace: Path, cache: Path) -> None:
    """Make the packs of the store files of their own: what is done to them is not done to the clone."""
    for path in (store(cache) / "objects/pack").iterdir():
        data, info = path.read_bytes(), path.stat()
        path.unlink()
        path.write_bytes(data)
        path.chmod(0o444)
        os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_store_is_set_aside_and_upstream_asked(hybrid, workspace, tool, cache, damage):
    started(hybrid, tool.url)
    _apart(workspace, cache)
    DAMAGE[damage](store(cache))
    other = second(workspace)
    result = hybrid("sync", cwd=other)
    assert head(other) == head(workspace)
    assert git("fsck", "--full", "--no-dangling", cwd=other / "sources/tool") == ""
    assert hybrid("check", "sources", "--content", cwd=other).code == 0
    if damage not in ("record gone", "no refs", "ref of nothing"):
        assert "object cache" in result.err
    assert hybrid("cache", "verify").code == 0
    hybrid("sync", cwd=second(other))
    gone(tool)
    hybrid("sync", cwd=second(other))


def test_a_disk_without_room_to_verify_is_told_with_its_place(hybrid, workspace, tool, cache):
    started(hybrid, tool.url)
    bench = cache / f".work/{store(cache).name}.bench"
    options = ["-f", "-o", "/dev/null", "-P", str(bench / "HEAD"), "-e", "trace=write"]
    failed = strace([*options, "-e", "inject=write:error=ENOSPC"], ["cache", "verify"], cwd=workspace)
    assert failed.code == 74
    assert failed.err.startswith(f"error: cannot write {bench}: No space left on device\n")
    assert not bench.exists()
    hybrid("cache", "verify")


FOLDERS: dict[str, Callable[[Path], object]] = {
    "record a folder": lambda found: ((found / "hybrid.json").unlink(), (found / "hybrid.json").mkdir()),
    "a tree a folder": lambda found: (found / f"trees/{'1' * 40}").mkdir(parents=True),
    "a pack a folder": lambda found: (pack(found).unlink(), (found / f"objects/pack/pack-{'1' * 40}.pack").mkdir()),
}


@pytest.mark.parametrize("damage", sorted({*DAMAGE, *FOLDERS} - {"no refs"}))
def test_verify_finds_it(hybrid, workspace, tool, cache, damage):
    started(hybrid, tool.url)
    _apart(workspace, cache)
    (DAMAGE | FOLDERS)[damage](store(cache))
    result = hybrid("cache", "verify", check=1)
    assert "set aside" in result.err
    assert not list(cache.glob("*.git"))
    assert "hint: in each workspace: git hybrid check sources --content\n" in result.err
    assert len(list((cache / ".set-aside").iterdir())) == 1
    assert "would remove 1 of 1 store: " in hybrid("cache", "prune", "-n").err
    pruned = hybrid("cache", "prune")
    assert ".set-aside/" in pruned.out
    assert pruned.err.startswith("removed 1 of 1 store: ")
    assert not list((cache / ".set-aside").iterdir())
    assert hybrid("cache", "verify").code == 0


def test_what_somebody_else_keeps_in_its_working_folder_stays(hybrid, cache):
    (cache / ".work/film.bench").mkdir(parents=True)
    mine = cache / ".work/notes"
    mine.write_text("mine")
    hybrid("cache", "prune", "--all")
    assert [path.name for path in (cache / ".work").iterdir()] == ["notes"]
    assert mine.read_text() == "mine"


def test_what_clones_share_is_proved_and_made_anew(hybrid, workspace, tool, cache):
    """A pack that was written into in place is damaged in the store and in each clone at once."""
    tool.commit({"old": random.Random(1).randbytes(3000)})
    tool.commit({"old": None})
    started(hybrid, tool.url)
    (pack,) = store(cache).glob("objects/pack/*.pack")
    old = git("rev-parse", "HEAD~1:old", cwd=workspace / "sources/tool")
    listed = git("verify-pack", "-v", pack.with_suffix(".idx"), cwd=workspace)
    (offset,) = (int(line.split()[4]) for line in listed.splitlines() if line.startswith(old))
    pack.chmod(0o644)
    with open(pack, "r+b") as file:
        file.seek(offset + 1000)
        byte = file.read(1)[0]
        file.seek(offset + 1000)
        file.write(bytes([byte ^ 0xFF]))
    assert "git hybrid check sources --content" in hybrid("cache", "verify", check=1).err
    hybrid("check", "sources")
    found = hybrid("check", "sources", "--content", check=1)
    assert pack.name in found.out + found.err
    assert "move sources/tool away, then: git hybrid cache verify; git hybrid sync tool" in found.out + found.err
    (workspace / "sources/tool").rename(workspace / "aside")
    hybrid("cache", "verify")
    hybrid("sync", "tool")
    hybrid("check", "sources", "--content")
    assert git("fsck", "--full", "--no-dangling", cwd=workspace / "sources/tool") == ""


def test_every_changed_byte_of_a_pack_is_harmless(hybrid, workspace, tool, cache):
    """Also where size, time and checksum still say that all is well."""
    started(hybrid, tool.url)
    _apart(workspace, cache)
    path = pack(store(cache))
    data, info = path.read_bytes(), path.stat()
    for at in range(0, len(data) - 20, max(len(data) // 12, 1)):
        found = pack(store(cache))
        found.chmod(0o644)
        found.write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        os.utime(found, ns=(info.st_atime_ns, info.st_mtime_ns))
        other = second(workspace)
        hybrid("sync", cwd=other)
        assert head(other) == head(workspace)
        assert (other / "sources/tool/README").read_text() == "three\n"
        assert hybrid("check", "sources", "--content", cwd=other).code == 0
        shutil.rmtree(cache)
        hybrid("sync", cwd=second(other))
        _apart(workspace, cache)
        data, info = pack(store(cache)).read_bytes(), pack(store(cache)).stat()


def test_a_clone_that_was_tampered_with_does_not_poison_others(hybrid, workspace, tool, cache):
    started(hybrid, tool.url)
    _overwritten(pack(workspace / "sources/tool/.git"))
    os.utime(pack(workspace / "sources/tool/.git"), (1, 1))
    other = second(workspace)
    assert "set aside" in hybrid("sync", cwd=other).err
    assert git("fsck", "--full", "--no-dangling", cwd=other / "sources/tool") == ""


def test_a_cache_that_was_copied_is_looked_at_once(hybrid, workspace, tool, cache, tmp_path):
    started(hybrid, tool.url)
    gone(tool)
    copy = tmp_path / "restored"
    shutil.copytree(cache, copy, copy_function=shutil.copyfile)
    copy.chmod(0o700)
    for path in copy.rglob("*.pack"):
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime + 5))
    env = {"GIT_HYBRID_CACHE_DIR": str(copy)}
    env2, log = logging_git(tmp_path / "bin")
    hybrid("sync", cwd=second(workspace), env={**env, **env2})
    assert sum("\x1ffsck\x1f" in line for line in log.read_text().splitlines()) == 1
    log.write_text("")
    hybrid("sync", cwd=second(workspace), env={**env, **env2})
    assert "\x1ffsck\x1f" not in log.read_text()


PLANTED: dict[str, Callable[[Path], object]] = {
    "config": lambda found: (found / "config").write_text(
        '[core]\n\tfsmonitor = "touch PLANTED"\n\thooksPath = hooks\n[include]\n\tpath = /dev/null\n'
    ),
    "hook": lambda found: (
        (found / "hooks").mkdir(),
        (found / "hooks/reference-transaction").write_text("#!/bin/sh\ntouch PLANTED\n"),
        (found / "hooks/reference-transaction").chmod(0o755),
    ),
    "alternates": lambda found: (found / "objects/info/alternates").write_text("/nonexistent\n"),
    "shallow": lambda found: (found / "shallow").write_text("1" * 40 + "\n"),
    "loose ref": lambda found: (found / "refs/heads/main").write_text("1" * 40 + "\n"),
    "packed refs": lambda found: (found / "packed-refs").write_text("1" * 40 + " refs/hybrid/upstream/heads/main\n"),
    "pack of others": lambda found: (found / "objects/pack" / f"pack-{'1' * 40}.pack").write_bytes(b"PACK"),
}


@pytest.mark.parametrize("plant", PLANTED)
def test_what_is_planted_in_a_store_has_no_effect(hybrid, workspace, tool, cache, tmp_path, plant):
    started(hybrid, tool.url)
    PLANTED[plant](store(cache))
    tool.commit({"README": "four\n"}, "fourth")
    other = second(workspace)
    hybrid("sync", cwd=other)
    hybrid("pin", "tool", cwd=other)
    hybrid("sync", cwd=other)
    for place in (other / "sources/tool", workspace / "sources/tool"):
        assert git("fsck", "--full", "--no-dangling", cwd=place) == ""
    assert (other / "sources/tool/README").read_text() == "four\n"
    if plant in ("hook", "alternates", "shallow", "loose ref"):
        hybrid("cache", "verify", check=1)
    assert not list(tmp_path.rglob("PLANTED"))


# ---- whose it is


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o720])
def test_a_folder_that_others_may_write_is_refused(hybrid, workspace, tool, cache, mode):
    started(hybrid, tool.url)
    cache.chmod(mode)
    other = second(workspace)
    result = hybrid("sync", cwd=other)
    assert "others may write into it" in result.err
    assert head(other) == head(workspace)
    assert pack(other / "sources/tool/.git").stat().st_ino != pack(store(cache)).stat().st_ino
    for word in ("show", "verify", "prune"):
        assert "is not used" in hybrid("cache", word, check=2).err
    assert "is not used" in hybrid("diag", check=None).out
    cache.chmod(0o700)
    hybrid("cache", "verify")


@pytest.mark.parametrize("umask", [0o002, 0o000])
def test_trees_are_kept_whatever_the_umask_lets_others_do(hybrid, workspace, tool, cache, umask, monkeypatch):
    monkeypatch.setenv("GIT_HYBRID_TESTS_START", "new")
    before = os.umask(umask)
    try:
        started(hybrid, tool.url)
        result = hybrid("sync", cwd=second(workspace))
    finally:
        os.umask(before)
    assert "others may write" not in result.err
    assert [*(store(cache) / "trees").iterdir()] != []
    # What an older version made is ours all the same.
    (cache / ".work").chmod(0o777)
    shutil.rmtree(store(cache) / "trees")
    assert "others may write" not in hybrid("sync", cwd=second(workspace)).err
    assert (cache / ".work").stat().st_mode & 0o77 == 0


@pytest.mark.parametrize("inside", [".", "sources", "sources/x", "state/cache"])
def test_a_folder_of_the_workspace_itself_is_refused(hybrid, workspace, tool, inside):
    env = {"GIT_HYBRID_CACHE_DIR": str(workspace / inside)}
    hybrid("init", env=env)
    hybrid("add", tool.url, env=env)
    (aside := workspace / "sources/.set-aside/tool-17").mkdir(parents=True)
    assert "is not used: it is the workspace's own" in hybrid("sync", env=env).err
    assert {path.name for path in workspace.iterdir()} == {"sources.toml", "sources", "state", ".gitattributes"}
    assert {path.name for path in (workspace / "sources").iterdir()} <= {".gitignore", ".lock", ".set-aside", "tool"}
    assert "is not used: it is the workspace's own" in hybrid("diag", env=env, check=None).out
    # Nor does what looks after a cache take away what others put there.
    hybrid("cache", "prune", "--all", env=env)
    assert aside.is_dir()


def test_a_folder_is_refused_with_a_hint_that_mends_it(hybrid, workspace, cache):
    cache.mkdir(mode=0o777)
    cache.chmod(0o777)
    assert f"hint: chmod go-w {cache}" in hybrid("cache", "show", check=2).err
    cache.rmdir()
    cache.write_text("")
    refused = hybrid("cache", "show", check=2).err
    assert "it is not a folder" in refused
    assert "chmod" not in refused
    assert "export GIT_HYBRID_CACHE_DIR=" in refused


def test_a_cache_that_cannot_be_locked_was_not_checked(hybrid, workspace, tool, cache):
    started(hybrid, tool.url)
    shutil.rmtree(cache / ".locks")
    (cache / ".locks").write_text("")
    for words in (("verify",), ("prune", "--all")):
        failed = hybrid("cache", *words, check=74)
        assert "it cannot be locked" in failed.err
    assert len(list(cache.glob("*.git"))) == 1
    assert hybrid("cache", "show", "--json").json()["stores"][0]["busy"] is False


def test_a_store_that_others_may_write_is_refused(hybrid, workspace, tool, cache):
    started(hybrid, tool.url)
    store(cache).chmod(0o777)
    other = second(workspace)
    hybrid("sync", cwd=other)
    assert pack(other / "sources/tool/.git").stat().st_ino != pack(workspace / "sources/tool/.git").stat().st_ino


def test_a_cache_that_cannot_be_written_does_not_stand_in_the_way(hybrid, workspace, tool, cache):
    cache.write_text("a file\n")
    started(hybrid, tool.url)
    assert head(workspace)
    assert cache.read_text() == "a file\n"


# ---- looking after it


def test_show_tells_what_each_takes(hybrid, workspace, tool, cache, upstream_factory):
    other = upstream_factory("other")
    released(other)
    started(hybrid, tool.url)
    hybrid("add", other.url)
    hybrid("sync", "other")
    shutil.rmtree(workspace / "sources/other")
    document = hybrid("cache", "show", "--json").json()
    by_url = {item["url"]: item for item in document["stores"]}
    assert set(by_url) == {tool.url, other.url}
    found = by_url[tool.url]
    assert found["size_bytes"] == found["shared_bytes"] + found["tree_bytes"]
    assert found["shared_bytes"] > 0
    assert found["tree_bytes"] > 0
    assert (found["packs"], found["busy"]) == (1, False)
    assert by_url[other.url]["shared_bytes"] == 0
    text = hybrid("cache", "show")
    assert tool.url in text.out
    assert "2 stores" in text.err


def test_prune_takes_what_is_old_or_too_much_and_clones_stay(hybrid, workspace, tool, cache, upstream_factory):
    other = upstream_factory("other")
    released(other)
    started(hybrid, tool.url)
    hybrid("add", other.url)
    hybrid("sync")
    old = next(path for path in cache.glob("*.git") if "other" in path.name)
    os.utime(old / "hybrid.used", (1_700_000_000, 1_700_000_000))
    assert "would remove" in hybrid("cache", "prune", "--older-than", "30d", "--dry-run").out
    assert old.exists()
    half, stray = (old / "objects/pack" / f"pack-{'0' * 40}.{kind}" for kind in ("pack.tmp", "pack"))
    half.touch()
    stray.touch()
    assert hybrid("cache", "prune").err.splitlines()[-1] == "nothing to remove: 2 stores kept"
    assert old.exists()
    assert not half.exists()
    assert not stray.exists()
    hybrid("cache", "prune", "--older-than", "30d")
    assert not old.exists()
    assert len(list(cache.glob("*.git"))) == 1
    told = hybrid("cache", "prune", "--max-size", "0", "-n").err.splitlines()[-1]
    assert told.startswith("would remove 1 of 1 store: ")
    assert told.endswith("freed, the rest clones share")
    gone = hybrid("cache", "prune", "--max-size", "0", "--json").json()["stores"]
    assert [item["url"] for item in gone] == [tool.url]
    assert not list(cache.glob("*.git"))
    assert git("fsck", "--full", "--no-dangling", cwd=workspace / "sources/tool") == ""
    for wrong in (("--older-than", "soon"), ("--max-size", "1X"), ("--all", "--max-size", "5G")):
        hybrid("cache", "prune", *wrong, check=2)
    # A clock that was ahead used it last.
    (store := cache / f"x-{'0' * 20}.git").mkdir()
    os.utime(store, (time.time() + 3600,) * 2)
    assert hybrid("cache", "prune", "--all").out.startswith("removed")


@pytest.mark.parametrize(("word", "told"), [("prune", ("--all",)), ("verify", ())])
def test_a_store_that_another_prune_took_meanwhile_is_gone(cache, monkeypatch, capfd, word, told):
    store = cache / f"x-{'0' * 20}.git"
    store.mkdir(parents=True, mode=0o700)
    cache.chmod(0o700)
    lock = git_hybrid.git.store.Store.locked

    def locked(self, **more):
        shutil.rmtree(store, ignore_errors=True)
        return lock(self, **more)

    monkeypatch.setattr(git_hybrid.git.store.Store, "locked", locked)
    assert main(["cache", word, *told]) == 0
    assert "nothing to remove" in (err := capfd.readouterr().err) or "1 checked, 0 broken" in err


def test_the_commands_need_no_workspace_and_no_cache(hybrid, tmp_path, cache):
    for word in ("show", "verify", "prune"):
        assert hybrid("cache", word, cwd=tmp_path).code == 0
        assert hybrid("cache", word, "--json", cwd=tmp_path).json()["stores"] == []
    assert not cache.exists()
    hybrid("cache", cwd=tmp_path, check=2)


def test_two_at_once_ask_once(workspace, hybrid, tool, cache, tmp_path):
    started(hybrid, tool.url, sync=False)
    shutil.rmtree(cache)
    places = [second(workspace).rename(tmp_path / f"at-once-{number}") for number in range(2)]
    env, log = logging_git(tmp_path / "bin")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda place: hybrid("sync", cwd=place, env={**env, "GIT_HYBRID_LOCK_TIMEOUT": "50s"}), places))
    assert len(fetches(log)) == 1
    assert len({pack(place / "sources/tool/.git").stat().st_ino for place in places}) == 1
    assert hybrid("cache", "verify").code == 0


def test_a_store_that_is_held_is_not_waited_for_for_ever(workspace, hybrid, tool, cache):
    started(hybrid, tool.url)
    found, other = store(cache), second(workspace)
    tool.commit({"README": "four\n"}, "fourth")
    with open(cache / ".locks" / found.name, "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        hybrid("pin", "tool", cwd=other)
        result = hybrid("sync", cwd=other, env={"GIT_HYBRID_LOCK_TIMEOUT": "0s"})
        assert "another process works on it" in result.err
        assert hybrid("cache", "show").out.count("in use") == 1
        assert "in use" in hybrid("cache", "verify").out
        hybrid("cache", "prune", "--all")
        assert found.is_dir()
    assert (other / "sources/tool/README").read_text() == "four\n"


def test_where_no_link_can_be_packs_are_copied(workspace, hybrid, tool, cache, tmp_path):
    started(hybrid, tool.url)
    far = Path("/dev/shm" if not str(tmp_path).startswith("/dev/shm") else "/var/tmp")
    with tempfile.TemporaryDirectory(dir=far) as folder:
        if os.stat(folder).st_dev == os.stat(tmp_path).st_dev:
            return
        env = {"GIT_HYBRID_CACHE_DIR": f"{folder}/cache"}
        for _ in range(2):
            other = second(workspace)
            hybrid("sync", cwd=other, env=env)
            assert pack(other / "sources/tool/.git").stat().st_nlink == 1
            assert git("fsck", "--full", "--no-dangling", cwd=other / "sources/tool") == ""
        gone(tool)
        hybrid("sync", cwd=second(workspace), env=env)
        assert hybrid("cache", "verify", env=env).code == 0
