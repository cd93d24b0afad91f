"""git finds each ref in the file of packed refs that is written for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from git_hybrid.git.manyrefs import pack_new
from git_hybrid.git.run import Runner
from git_hybrid.git.store import write_packed_refs
from git_hybrid.store import durable
from support.kit import git

# By characters the first comes before the second, by bytes behind it.
NAMES = ["\udcff", "\uff01", "\u2028", "a", "a-b", "a.c"]


def _found(repository: Path, refs: dict[str, str]) -> None:
    runner = Runner(environ=dict(os.environ))
    for ref, oid in refs.items():
        told = runner.git(["rev-parse", "--verify", ref], git_dir=repository / ".git")
        assert (ref, told.stdout.decode().strip()) == (ref, oid)


def _repository(folder: Path) -> str:
    git("init", "-q", "-b", "main", "--template=", folder, cwd=folder)
    git("commit", "-q", "--allow-empty", "-m", "one", cwd=folder)
    return git("rev-parse", "HEAD", cwd=folder).strip()


def test_names_that_are_no_text_are_in_the_order_of_their_bytes(tmp_path: Path) -> None:
    oid = _repository(tmp_path)
    refs = {f"refs/tags/{name}": oid for name in NAMES}
    write_packed_refs(None, tmp_path / ".git", refs)
    _found(tmp_path, refs)


def test_what_is_packed_already_stays_with_what_its_tags_are_of(tmp_path: Path) -> None:
    oid = _repository(tmp_path)
    git("tag", "-a", "-m", "one", "b", cwd=tmp_path)
    git("tag", "\uff02", cwd=tmp_path)
    git("pack-refs", "--all", cwd=tmp_path)
    # A loose one, which wins over what is packed.
    git("commit", "-q", "--allow-empty", "-m", "two", cwd=tmp_path)
    tip, tag = (git("rev-parse", name, cwd=tmp_path).strip() for name in ("main", "b"))
    new = {f"refs/tags/{name}": oid for name in (*NAMES, *(f"v{number}" for number in range(100)))}
    asked = {"refs/heads/main": oid, **new}
    runner = Runner(environ=dict(os.environ))
    assert set(pack_new(runner, durable, tmp_path / ".git", asked)) == new.keys()
    _found(
        tmp_path, {**new, "refs/heads/main": tip, "refs/tags/b": tag, "refs/tags/b^{}": oid, "refs/tags/\uff02": oid}
    )
    packed = (tmp_path / ".git/packed-refs").read_text(errors="surrogateescape")
    assert f"{tag} refs/tags/b\n^{oid}\n" in packed
    assert packed.startswith("# pack-refs with: peeled fully-peeled sorted \n")
    assert pack_new(runner, durable, tmp_path / ".git", asked) == ()


@pytest.mark.parametrize(("before", "is_of_all"), [(None, True), ("# pack-refs with: peeled \n", False), ("", True)])
def test_new_tags_stand_with_what_they_are_of(tmp_path: Path, before: str | None, is_of_all: bool) -> None:
    oid = _repository(tmp_path)
    git("tag", "-a", "-m", "one", "a", cwd=tmp_path)
    git("tag", "-a", "-m", "of a tag", "b", "a", cwd=tmp_path)
    tags = [git("rev-parse", name, cwd=tmp_path).strip() for name in ("a", "b")]
    if before is not None:
        (tmp_path / ".git/packed-refs").write_text(f"{before}{oid} refs/heads/old\n" if before else "")
    new = {f"refs/tags/v{number:03}": tags[number % 2] for number in range(101)}
    runner = Runner(environ=dict(os.environ))
    assert set(pack_new(runner, durable, tmp_path / ".git", new)) == new.keys()
    _found(tmp_path, {**new, **{f"{ref}^{{}}": oid for ref in new}})
    packed = (tmp_path / ".git/packed-refs").read_text()
    assert packed.count(f"\n^{oid}\n") == 101
    assert packed.startswith("# pack-refs with: peeled fully-peeled sorted \n") == is_of_all


def test_a_tag_of_what_is_not_there_is_left_to_git(tmp_path: Path) -> None:
    oid = _repository(tmp_path)
    (tmp_path / "tag").write_text(f"object {'1' * 40}\ntype commit\ntag x\ntagger A <a@b.c> 1 +0000\n\n")
    made = git("hash-object", "-t", "tag", "-w", "--literally", "tag", cwd=tmp_path)
    new = {f"refs/tags/v{number}": made if number == 7 else oid for number in range(101)}
    assert pack_new(Runner(environ=dict(os.environ)), durable, tmp_path / ".git", new) == ()
    assert not (tmp_path / ".git/packed-refs").exists()
