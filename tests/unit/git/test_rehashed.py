from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from git_hybrid.core.ids import Oid
from git_hybrid.git.rehashed import Unproved, read_objects, reading
from git_hybrid.git.run import Runner


def git(folder: Path, *words: str, data: bytes = b"") -> str:
    done = subprocess.run(["git", *words], cwd=folder, input=data, capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    return tmp_path


@pytest.fixture
def runner() -> Runner:
    return Runner(environ=os.environ)


def test_objects_are_read_with_their_kinds(repository: Path, runner: Runner) -> None:
    blob = git(repository, "hash-object", "-w", "--stdin", data=b"one\n")
    empty = git(repository, "hash-object", "-w", "--stdin", data=b"")
    found = read_objects(runner, repository / ".git", {blob: "blob", empty: "blob"})
    assert found == {blob: b"one\n", empty: b""}


@pytest.mark.parametrize("kind", ["tree", "commit"])
def test_an_object_of_another_kind_is_not_taken(repository: Path, runner: Runner, kind: str) -> None:
    blob = git(repository, "hash-object", "-w", "--stdin", data=b"one\n")
    with pytest.raises(Unproved, match=kind):
        read_objects(runner, repository / ".git", {blob: kind})


def test_a_missing_object_is_told(repository: Path, runner: Runner) -> None:
    with pytest.raises(Unproved, match="missing"):
        read_objects(runner, repository / ".git", {"1" * 40: "blob"})


def test_an_index_of_a_pack_that_leads_to_another_object_is_found_out(repository: Path, runner: Runner) -> None:
    """git hashes nothing that it reads from a pack: whoever writes the index decides what an id holds."""
    evil = git(repository, "hash-object", "-w", "--stdin", data=b"evil\n")
    good = hashlib.sha1(b"blob 5\0good\n").hexdigest()
    name = git(repository, "pack-objects", "-q", ".git/objects/pack/pack", data=f"{evil}\n".encode())
    index = repository / f".git/objects/pack/pack-{name}.idx"
    data, wanted = bytearray(index.read_bytes()), bytes.fromhex(good)
    for byte in range(256):
        data[8 + 4 * byte : 12 + 4 * byte] = int(byte >= wanted[0]).to_bytes(4)
    data[8 + 1024 : 8 + 1024 + 20] = wanted
    data[-20:] = hashlib.sha1(bytes(data[:-20])).digest()
    index.chmod(0o644)
    index.write_bytes(data)
    out = git(repository, "cat-file", "--batch", data=f"{good}\n".encode())
    assert out == f"{good} blob 5\nevil", "the control"
    with pytest.raises(Unproved, match="does not hold what its id says"):
        read_objects(runner, repository / ".git", {good: "blob"})


def _forged(index: Path, oid: str, other: str) -> None:
    """Let an index of several packs lead to `other` where `oid` is asked for (gitformat-pack(5))."""
    data = bytearray(index.read_bytes())
    table = (data[at : at + 12] for at in range(12, 12 + 12 * data[6], 12))
    begins = {bytes(entry[:4]): int.from_bytes(entry[4:]) for entry in table}
    names = data[begins[b"OIDL"] : begins[b"OIDL"] + 20 * int.from_bytes(data[begins[b"OIDF"] + 1020 :][:4])]
    at, found = (begins[b"OOFF"] + 8 * (names.index(bytes.fromhex(name)) // 20) for name in (oid, other))
    data[at : at + 8] = data[found : found + 8]
    data[-20:] = hashlib.sha1(bytes(data[:-20])).digest()
    index.chmod(0o644)
    index.write_bytes(data)


@pytest.fixture
def commit(repository: Path) -> str:
    """Return a commit with folders in folders, two of which are the same tree."""
    for name in ("a/b/c/file", "a/b-c", "a.b", "copy/c/file", "z"):
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text(f"in {name[-6:]}\n")
    (repository / "link").symlink_to("z")
    git(repository, "add", ".")
    git(repository, "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-q", "-m", "one")
    return git(repository, "rev-parse", "HEAD")


def test_a_tree_is_read_as_git_lists_it(repository: Path, runner: Runner, commit: str) -> None:
    with reading(runner, repository / ".git") as objects:
        tree, entries = objects.tree(Oid(commit))
    assert tree == git(repository, "rev-parse", "HEAD^{tree}")
    listed = [line.split(maxsplit=3) for line in git(repository, "ls-tree", "-r", "HEAD").split("\n")]
    assert [(item.mode, item.oid, item.path.decode()) for item in entries] == [
        (mode, oid, path) for mode, _, oid, path in listed
    ]


def test_more_trees_are_read_than_a_pipe_takes_ids(repository: Path, runner: Runner) -> None:
    names = [f"{number:04}/file" for number in range(3000)]
    blob = git(repository, "hash-object", "-w", "--stdin", data=b"")
    lines = "".join(f"100644 {blob}\t{name}{at}\n" for at, name in enumerate(names))
    git(repository, "update-index", "--index-info", data=lines.encode())
    tree = git(repository, "write-tree")
    made = git(repository, "-c", "user.name=x", "-c", "user.email=x", "commit-tree", "-m", "x", tree)
    with reading(runner, repository / ".git") as objects:
        assert len(objects.tree(Oid(made))[1]) == len(names)


def test_an_index_of_packs_that_leads_to_another_tree_is_found_out(
    repository: Path, runner: Runner, commit: str
) -> None:
    git(repository, "repack", "-q", "-a", "-d", "--write-midx")
    tree, other = (git(repository, "rev-parse", name) for name in ("HEAD^{tree}", "HEAD:a"))
    _forged(repository / ".git/objects/pack/multi-pack-index", tree, other)
    assert git(repository, "cat-file", "-s", tree) == git(repository, "cat-file", "-s", other), "the control"
    with reading(runner, repository / ".git") as objects, pytest.raises(Unproved, match=f"the tree {tree}"):
        objects.tree(Oid(commit))


@pytest.mark.parametrize(
    "data",
    [b"100644 a", b"100644 a\0" + b"1" * 19, b" a\0" + b"1" * 20, b"100644 \0" + b"1" * 20, b"+10 a\0" + b"1" * 20],
)
def test_a_tree_that_git_does_not_take_is_told(repository: Path, runner: Runner, data: bytes) -> None:
    tree = git(repository, "hash-object", "-w", "-t", "tree", "--literally", "--stdin", data=data)
    assert subprocess.run(["git", "ls-tree", tree], cwd=repository, capture_output=True, check=False).returncode
    made = f"tree {tree}\nauthor x <x> 0 +0000\ncommitter x <x> 0 +0000\n\n"
    oid = git(repository, "hash-object", "-w", "-t", "commit", "--literally", "--stdin", data=made.encode())
    with reading(runner, repository / ".git") as objects, pytest.raises(Unproved, match=f"the tree {tree}"):
        objects.tree(Oid(oid))


def test_what_is_no_repository_proves_nothing(tmp_path: Path, runner: Runner) -> None:
    with pytest.raises(Unproved, match="missing"):
        read_objects(runner, tmp_path, {"1" * 40: "blob"})
