from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from git_hybrid.git.prover import Unproved, read_objects
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
