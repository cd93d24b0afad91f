"""The upstream builder writes what it says, twice the same, in real git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from support.upstream import Exec, Gitlink, Link, Upstream


def listing(upstream: Upstream, rev: str = "main") -> dict[str, str]:
    out = upstream.git("ls-tree", "-r", "-z", rev).decode(errors="surrogateescape")
    rows = (row.split("\t", 1) for row in out.split("\0") if row)
    return {path: meta.split(" ")[0] for meta, path in rows}


def build(path: Path) -> tuple[str, ...]:
    upstream = Upstream.create(path)
    first = upstream.commit({"a": "1\n"})
    second = upstream.commit({"b": b"\0\xff"}, "Second")
    return (first, second, upstream.tag("v1"))


def test_same_calls_make_same_objects(tmp_path: Path) -> None:
    assert build(tmp_path / "one.git") == build(tmp_path / "deep" / "two.git")


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_objects_and_refs_are_those_that_git_makes(tmp_path: Path, object_format: str) -> None:
    made = []
    sub = Gitlink("1" * (40 if object_format == "sha1" else 64))
    for name in ("ours", "gits"):
        upstream = Upstream.create(tmp_path / name, object_format=object_format)
        if name == "gits":
            (upstream.path / "packed-refs").touch()  # then git is asked for everything
        first = upstream.commit({"a.b": "1", "a/b/c": "2", "a0": Exec(b"3"), "l": Link("a"), "s": sub})
        upstream.commit({"a": "no folder", "a0": None, "gone": None, "l/x": b"no link"}, "Two\n\nlines\n", branch="b")
        side = upstream.commit({"a/b": "no folder", "a/d": "", "s": None}, parents=[first])
        upstream.commit({"x": "1"}, parents=["main", "b"])
        tags = [upstream.tag("v1"), upstream.tag("v2", "b", annotated=False), upstream.tag("v1", side, force=True)]
        upstream.branch("old", first)
        upstream.reset("b", "old")
        upstream.git("fsck", "--strict")
        made.append((tags, upstream.git("for-each-ref"), upstream.git("rev-list", "--objects", "--all")))
    assert made[0] == made[1]


def test_commit_keeps_the_tree_and_knows_every_kind_of_entry(tmp_path: Path) -> None:
    upstream = Upstream.create(tmp_path / "u.git")
    first = upstream.commit({"keep": "k", "drop": "d", "dir/x": "x"})
    second = upstream.commit(
        {
            "drop": None,
            "run": Exec(b"#!/bin/sh\n"),
            "link": Link("../out"),
            "sub": Gitlink(first),
            'odd "name"\n\udcff': "o",
        }
    )
    assert upstream.rev("main") == second
    assert upstream.rev("main^") == first
    assert listing(upstream) == {
        "keep": "100644",
        "dir/x": "100644",
        "run": "100755",
        "link": "120000",
        "sub": "160000",
        'odd "name"\n\udcff': "100644",
    }
    upstream.git("fsck", "--strict")


def test_explicit_parents_make_roots_and_merges(tmp_path: Path) -> None:
    upstream = Upstream.create(tmp_path / "u.git")
    main = upstream.commit({"a": "1"})
    side = upstream.commit({"b": "1"}, branch="side", parents=())
    merge = upstream.commit({"c": "1"}, "Merge", parents=["main", "side"])
    assert listing(upstream, side) == {"b": "100644"}
    assert listing(upstream) == {"a": "100644", "c": "100644"}
    assert upstream.git("rev-list", "--parents", "-1", merge).decode().split()[1:] == [main, side]


def test_refs_move_only_as_asked(tmp_path: Path) -> None:
    upstream = Upstream.create(tmp_path / "u.git")
    first = upstream.commit({"a": "1"})
    second = upstream.commit({"a": "2"})
    annotated = upstream.tag("v1", first)
    assert upstream.rev("v1^{commit}") == first
    assert annotated != first
    assert upstream.tag("light", annotated=False) == second
    with pytest.raises(RuntimeError, match="already exists"):
        upstream.tag("v1")
    assert upstream.tag("v1", first, force=True) != annotated
    assert upstream.branch("old", first) == first
    with pytest.raises(RuntimeError, match="exists"):
        upstream.branch("old", second)
    assert upstream.reset("main", first) == first
    upstream.set_head("old")
    upstream.delete_ref("refs/tags/light")
    refs = upstream.git("for-each-ref", "--format=%(refname)").decode().split()
    assert refs == ["refs/heads/main", "refs/heads/old", "refs/tags/v1"]
    assert upstream.git("symbolic-ref", "HEAD").decode().strip() == "refs/heads/old"


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_raw_objects_take_what_git_refuses(tmp_path: Path, object_format: str) -> None:
    upstream = Upstream.create(tmp_path / "u.git", object_format=object_format)
    blob = upstream.blob(b"hook\n")
    tree = upstream.raw_tree([("100644", blob, b".git"), ("100644", blob, b"a"), ("100644", blob, b"a")])
    commit = upstream.raw_commit(tree)
    child = upstream.raw_commit(tree, [commit])
    upstream.update_ref("refs/heads/main", child)
    assert upstream.rev("main^") == commit
    assert upstream.git("cat-file", "blob", blob) == b"hook\n"
    with pytest.raises(RuntimeError, match="hasDotgit"):
        upstream.git("fsck", "--strict")


def test_a_clone_over_file_is_whole(tmp_path: Path) -> None:
    upstream = Upstream.create(tmp_path / "u.git")
    upstream.commit({"a": "1\n"})
    subprocess.run(["git", "clone", "-q", upstream.url, tmp_path / "c"], check=True)
    assert (tmp_path / "c" / "a").read_text() == "1\n"
