"""git finds each ref in the file of packed refs that is written for it."""

from __future__ import annotations

import os
from pathlib import Path

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
    assert pack_new(runner, durable, tmp_path / ".git", asked) == ()
