"""A pin that moved: what is there is read from files, and what the checkout wrote is read back and hashed."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from git_hybrid.core.cache_record import PACK_LIMIT
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.ports import Stage
from git_hybrid.core.tree import TreeEntry, TreeLimits
from git_hybrid.git import ondisk, packs, proof, seen, sums
from git_hybrid.git.glance import MARK, packs_of
from git_hybrid.git.objects import GitObjects
from git_hybrid.git.recorded import Doubt, read_entries
from git_hybrid.git.run import Runner
from integration.test_glance import FILES, clone
from integration.test_seen import pin_of
from support.beginning import Begun
from support.cli import Hybrid
from support.kit import git, head, logging_git, snapshot
from support.upstream import Exec, Link, Upstream, UpstreamFactory

__all__ = ["clone"]
LIMITS = TreeLimits(max_entries=1000, max_bytes=10**6)
IMPORTS = {"PYTHONPROFILEIMPORTTIME": "1"}


@pytest.fixture
def upstream(hybrid: Hybrid, upstream_factory: UpstreamFactory, begun: Begun) -> Upstream:
    upstream = upstream_factory()
    upstream.commit({**FILES, "run.sh": Exec(b"#!/bin/sh\n"), "link": Link("run.sh"), "gone/soon": "1"})
    begun(upstream.url, "--name", "tool", sync=False)
    hybrid("sync")
    return upstream


def move(workspace: Path, upstream: Upstream, hybrid: Hybrid) -> str:
    files = {"folder1/file1.txt": "other\n", "run.sh": "no program\n", "link": Link("new/file"), "new/file": "1"}
    commit = upstream.commit({**files, "gone/soon": None, "number": str(time.time_ns())})
    # A colleague pins, in another workspace; here only the lock file comes.
    colleague = workspace.parent / "colleague"
    shutil.copytree(workspace, colleague, ignore=lambda path, _names: ["sources"] if path == str(workspace) else [])
    hybrid("pin", "tool", cwd=colleague)
    shutil.copy(colleague / "state/sources.lock", workspace / "state/sources.lock")
    shutil.rmtree(colleague)
    return commit


def stands(workspace: Path, commit: str) -> bool:
    folder = workspace / "sources/tool"
    return head(workspace) == commit and git("status", "--porcelain", cwd=folder) == ""


@pytest.mark.parametrize("cached", [False, True])
def test_an_update_needs_no_libgit2(workspace: Path, hybrid: Hybrid, upstream: Upstream, *, cached: bool) -> None:
    commit = move(workspace, upstream, hybrid)
    done = hybrid("sync", env=IMPORTS | ({} if cached else {"GIT_HYBRID_CACHE": "off"}))
    assert stands(workspace, commit)
    assert "git_hybrid.git.proof" in done.err
    assert "pygit2" not in done.err
    assert "tenacity" not in done.err


def test_nor_does_one_that_was_pinned_here(workspace: Path, hybrid: Hybrid, upstream: Upstream) -> None:
    """What pin has fetched stands in the clone already."""
    commit = upstream.commit({"folder1/file1.txt": "other\n"})
    hybrid("pin", "tool")
    done = hybrid("sync", env=IMPORTS)
    assert stands(workspace, commit)
    assert "pygit2" not in done.err


def test_an_update_is_one_pack_and_one_checkout(
    workspace: Path, hybrid: Hybrid, upstream: Upstream, tmp_path: Path
) -> None:
    move(workspace, upstream, hybrid)
    hybrid("sync")
    commit = move(workspace, upstream, hybrid)
    env, log = logging_git(tmp_path / "bin")
    hybrid("sync", env=env)
    assert stands(workspace, commit)
    told = [line.split("\x1f") for line in log.read_text().splitlines()]
    inside = [words for words in told if any(word.startswith("--git-dir=") for word in words)]
    names = ("pack-objects", "index-pack", "rev-list", "diff-tree", "checkout")
    found = [name for words in inside for name in words if name in names]
    # The first two start at the same time; what is borrowed from a clone is walked. Which folders become files is not
    # asked, where no repository is in one.
    assert (sorted(found[:2]), found[2:]) == (["index-pack", "pack-objects"], ["rev-list", "checkout"])
    assert len(found) == len(inside)
    folder = workspace / "sources/tool"
    assert git("rev-parse", "refs/hybrid/pin", "refs/hybrid/upstream/heads/main", cwd=folder).split() == [commit] * 2
    git("fsck", "--full", "--strict", cwd=folder)


def test_what_an_update_proved_is_believed_at_once(workspace: Path, hybrid: Hybrid, upstream: Upstream) -> None:
    folder = workspace / "sources/tool"
    for _ in range(3):
        move(workspace, upstream, hybrid)
        hybrid("sync")
        pin = pin_of(folder)
        assert seen.touched(str(folder), pin.commit, pin.tree) == frozenset()
    (folder / "run.sh").write_text("another\n")
    assert seen.touched(str(folder), pin.commit, pin.tree) == {b"run.sh"}


def asked(git_dir: Path, *args: str, text: str) -> str:
    done = subprocess.run(["git", *args], cwd=git_dir, input=text, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def many_packs(git_dir: Path) -> list[str]:
    """Put more packs into the clone than there may be, each with a blob that nothing names; return the blobs."""
    blobs = []
    for number in range(PACK_LIMIT + 1):
        blobs.append(asked(git_dir, "hash-object", "-w", "--stdin", text=f"{number}\n"))
        asked(git_dir, "pack-objects", "-q", "objects/pack/pack", text=f"{blobs[-1]}\n")
        (git_dir / "objects" / blobs[-1][:2] / blobs[-1][2:]).unlink()
    packs.mark(str(git_dir))
    return blobs


def count_packs(git_dir: Path) -> int:
    return len([*(git_dir / "objects/pack").glob("*.pack")])


@pytest.mark.parametrize("cached", [False, True])
def test_many_packs_become_few(workspace: Path, hybrid: Hybrid, upstream: Upstream, *, cached: bool) -> None:
    """A year of updates would leave a pack for each of them, through which git looks one after the other."""
    env = {} if cached else {"GIT_HYBRID_CACHE": "off"}
    folder = workspace / "sources/tool"
    blobs = many_packs(folder / ".git")
    for _ in range(2):
        commit = move(workspace, upstream, hybrid)
        hybrid("sync", env=env)
        pin = pin_of(folder)
        assert seen.touched(str(folder), pin.commit, pin.tree) == frozenset()
        assert count_packs(folder / ".git") < 5
        assert stands(workspace, commit)
    assert not [blob for blob in blobs if git("cat-file", "-t", blob, cwd=folder) != "blob"]
    git("fsck", "--full", "--strict", cwd=folder)
    assert "error" not in hybrid("check", "sources", "--content").err


def test_packs_that_cannot_be_packed_together_are_no_harm(
    workspace: Path, hybrid: Hybrid, upstream: Upstream, tmp_path: Path
) -> None:
    git_dir = workspace / "sources/tool/.git"
    many_packs(git_dir)
    commit = move(workspace, upstream, hybrid)
    env, log = logging_git(tmp_path / "bin", fail="repack")
    hybrid("sync", env=env)
    assert stands(workspace, commit)
    assert "repack" in log.read_text()
    assert count_packs(git_dir) > PACK_LIMIT


def test_packs_of_somebody_else_are_left_alone(
    workspace: Path, hybrid: Hybrid, upstream: Upstream, tmp_path: Path
) -> None:
    git_dir = workspace / "sources/tool/.git"
    many_packs(git_dir)
    (git_dir / MARK).unlink()
    commit = move(workspace, upstream, hybrid)
    env, log = logging_git(tmp_path / "bin")
    hybrid("sync", env=env)
    assert stands(workspace, commit)
    assert "repack" not in log.read_text()


def test_a_pin_can_go_back(workspace: Path, hybrid: Hybrid, upstream: Upstream) -> None:
    lock = workspace / "state/sources.lock"
    old, first = lock.read_bytes(), head(workspace)
    move(workspace, upstream, hybrid)
    hybrid("sync")
    lock.write_bytes(old)
    hybrid("sync")
    assert stands(workspace, first)


def test_a_digest_that_is_not_the_locks_changes_nothing(workspace: Path, hybrid: Hybrid, upstream: Upstream) -> None:
    move(workspace, upstream, hybrid)
    lock, before = workspace / "state/sources.lock", snapshot(workspace / "sources/tool")
    text = lock.read_text()
    at = text.index('content_sha256 = "') + 18
    lock.write_text(text[:at] + "0" * 64 + text[at + 64 :])
    done = hybrid("sync", check=5)
    assert "content_sha256" in done.err
    after = snapshot(workspace / "sources/tool")
    assert {name: data for name, data in after.items() if not name.startswith(".git/")} == {
        name: data for name, data in before.items() if not name.startswith(".git/")
    }


def test_a_file_that_was_changed_meanwhile_is_not_taken_for_its_blob(
    workspace: Path, hybrid: Hybrid, upstream: Upstream
) -> None:
    """The same size and the same time: only the ctime tells. The update is refused, and nothing is overwritten."""
    path = workspace / "sources/tool/folder2/file2.txt"
    move(workspace, upstream, hybrid)
    before, text = path.stat(), path.read_text()
    path.write_text(text.swapcase())
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    hybrid("sync", check=3)
    assert path.read_text() == text.swapcase()


# What follows is about single clones, as the tool makes them.


def _named(folder: Path) -> tuple[Oid, Oid]:
    commit, tree = git("rev-parse", "HEAD", "HEAD^{tree}", cwd=folder).split()
    return Oid(commit), Oid(tree)


def _forged(folder: Path) -> None:
    """Change a file so that the index says of it what it said before, but for the times of what stands there now."""
    path = folder / "folder1/file1.txt"
    old = git("rev-parse", "HEAD:folder1/file1.txt", "HEAD:folder1", "HEAD^{tree}", cwd=folder).split()
    commit = git("rev-parse", "HEAD", cwd=folder)
    path.write_text("forged 1\n")
    earlier = time.time_ns() - 10**12
    os.utime(path, ns=(earlier, earlier))
    git("commit", "-q", "-a", "-m", "forged", cwd=folder)
    new = git("rev-parse", "HEAD:folder1/file1.txt", "HEAD:folder1", "HEAD^{tree}", cwd=folder).split()
    index = (folder / ".git/index").read_bytes()
    for after, before in zip(new, old, strict=True):
        index = index.replace(bytes.fromhex(after), bytes.fromhex(before))
    (folder / ".git/index").write_bytes(index)
    (folder / ".git/HEAD").write_text(f"{commit}\n")


def test_what_a_checkout_wrote_is_read(clone: Path) -> None:
    """The index may say what it likes of a file: its blob is what stands there."""
    commit, tree = _named(clone)
    entries = proof.entries_before(str(clone))
    assert entries is not None
    assert proof.prove(str(clone), commit, tree, entries)[0]
    assert proof.prove(str(clone), commit, tree, {})[0]
    _forged(clone)
    (clone / ".git" / MARK).write_bytes(packs_of(str(clone / ".git")))
    forged = read_entries(f"{clone}/.git/index")[0]
    assert proof.prove(str(clone), commit, tree, forged)[0], "a glance believes the index"
    assert not proof.prove(str(clone), commit, tree, entries)[0]


def test_objects_that_are_new_must_be_there(clone: Path) -> None:
    commit, tree = _named(clone)
    blob = git("rev-parse", "HEAD:run.sh", cwd=clone)
    entries = proof.entries_before(str(clone))
    assert entries is not None
    without = {path: found for path, found in entries.items() if path != b"run.sh"}
    git("unpack-objects", "-q", cwd=clone, check=False)
    pack = next((clone / ".git/objects/pack").glob("*.pack"))
    aside = clone.parent / pack.name
    shutil.move(pack, aside)
    for rest in pack.parent.iterdir():
        rest.unlink()
    with aside.open("rb") as data:
        subprocess.run(["git", "unpack-objects", "-q"], cwd=clone, stdin=data, check=True)
    (clone / ".git" / MARK).write_bytes(packs_of(str(clone / ".git")))
    assert proof.prove(str(clone), commit, tree, without)[0]
    (clone / ".git/objects" / blob[:2] / blob[2:]).unlink()
    assert proof.prove(str(clone), commit, tree, entries)[0], "what was there before is not looked for again"
    assert not proof.prove(str(clone), commit, tree, without)[0]


@pytest.mark.parametrize("change", ["edit", "extra", "HEAD", "index", "attributes", "packs"])
def test_what_else_is_wrong_is_for_a_full_look(clone: Path, change: str) -> None:
    commit, tree = _named(clone)
    entries = proof.entries_before(str(clone))
    assert entries is not None
    match change:
        case "edit":
            (clone / "folder2/file2.txt").write_text("other")
        case "extra":
            (clone / "extra").touch()
        case "HEAD":
            (clone / ".git/HEAD").write_text("0" * 40 + "\n")
        case "index":
            git("rm", "-q", "--cached", "run.sh", cwd=clone)
        case "attributes":
            (clone / ".git/info/attributes").write_text("")
        case _:
            (clone / ".git" / MARK).write_bytes(b"")
            assert proof.entries_before(str(clone)) is None
    assert proof.prove(str(clone), commit, tree, entries) == (False, None)


def test_what_is_too_young_is_proved_and_not_kept(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system whose clock does not move on while we wait: a change could go unnoticed."""
    commit, tree = _named(clone)
    entries = proof.entries_before(str(clone))
    assert entries is not None
    monkeypatch.setattr(proof, "_tick", lambda _path: (clone / ".git").lstat().st_ctime_ns)
    assert proof.prove(str(clone), commit, tree, entries) == (True, None)
    assert not (clone / seen.TREE).exists()


def test_what_a_clone_knows_of_its_blobs_is_what_they_are(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes and digest come out of no blob: libgit2, git and the packs have no part in it."""
    stage, whole, digest, commit = _content(clone)
    objects = GitObjects(Runner(environ=os.environ))
    assert {oid: size for oid, (_, size) in sums.read(str(clone)).items()} == {item.oid: item.size for item in whole}
    for module in ("objects", "hashing"):
        monkeypatch.setattr(f"git_hybrid.git.{module}.open_repository", lambda _path: pytest.fail("libgit2"))
    monkeypatch.setattr("git_hybrid.git.sums.FEW", 0)
    assert objects.scan(stage, commit, LIMITS, like=stage)[0] == whole
    assert objects.has_digest(stage, whole, digest, like=stage)
    assert not objects.has_digest(stage, whole, "0" * 64, like=stage)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"",
        lambda data: b"\0" * len(data),
        lambda data: data[:-1],
        lambda data: data[:-60],
        lambda data: data + b"\0" * 60,
        lambda data: data.replace(b"sums-1", b"sums-2"),
        lambda data: b"git-hybrid-sums-1 %08x\n" % zlib.crc32(b"half") + b"half",
        lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
    ],
)
def test_what_is_damaged_is_nothing_that_a_clone_knows(clone: Path, change: Callable[[bytes], bytes]) -> None:
    stage, whole, digest, commit = _content(clone)
    path = clone / sums.SUMS
    before = path.read_bytes()
    path.write_bytes(change(before))
    assert sums.read(str(clone)) == {}
    objects = GitObjects(Runner(environ=os.environ))
    assert objects.scan(stage, commit, LIMITS, like=stage)[0] == whole
    assert objects.has_digest(stage, whole, digest, like=stage)
    assert path.read_bytes() == before


def test_a_wrong_digest_that_a_clone_knows_is_not_believed(workspace: Path, hybrid: Hybrid, upstream: Upstream) -> None:
    """The digest is not the lock's then, and all blobs are read."""
    clone = workspace / "sources/tool"
    _, whole, _, _ = _content(clone)
    sums.write(str(clone), whole, ["0" * 64] * len(whole))
    commit = move(workspace, upstream, hybrid)
    hybrid("sync")
    assert stands(workspace, commit)


def test_a_digest_that_is_not_the_right_one_is_not_kept(clone: Path) -> None:
    stage, whole, _, _ = _content(clone)
    (clone / sums.SUMS).unlink()
    assert not GitObjects(Runner(environ=os.environ)).has_digest(stage, whole, "0" * 64, like=stage)
    assert not (clone / sums.SUMS).exists()


def test_too_many_other_files_are_left_to_libgit2(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage, whole, digest, commit = _content(clone)
    objects = GitObjects(Runner(environ=os.environ))
    monkeypatch.setattr("git_hybrid.git.sums.FEW", 5)
    (clone / sums.SUMS).unlink()
    assert objects.scan(stage, commit, LIMITS, like=stage)[0] == whole
    assert not objects.has_digest(stage, whole, digest, like=stage)


def test_blobs_of_sha256_are_not_remembered(tmp_path: Path) -> None:
    sums.write(str(tmp_path), [TreeEntry("100644", "a" * 64, 1, b"a")], ["b" * 64])
    assert not (tmp_path / sums.SUMS).exists()


def _content(clone: Path) -> tuple[Stage, Sequence[TreeEntry], str, Oid]:
    """Return the clone, which knows its blobs, the files of its commit with their digest, and the commit."""
    stage, objects = Stage(name=SourceName(clone.name), path=str(clone)), GitObjects(Runner(environ=os.environ))
    commit = _named(clone)[0]
    whole, _ = objects.scan(stage, commit, LIMITS)
    digest, _, hashes = ondisk.read_back(str(clone), whole)
    sums.write(str(clone), whole, hashes)
    assert objects.content_sha256(stage, whole) == digest
    return stage, whole, digest, commit


def test_an_index_of_another_kind_says_nothing(clone: Path) -> None:
    git("update-index", "--index-version", "4", cwd=clone)
    with pytest.raises(Doubt):
        read_entries(f"{clone}/.git/index")
    assert proof.entries_before(str(clone)) is None
