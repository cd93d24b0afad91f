"""Refs that cannot stand beside each other in one repository, refs that are broken, and where history is cut off."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from git_hybrid.core.errors import GitFailed
from git_hybrid.core.ids import SourceName
from git_hybrid.git.kept import fetched_refs, is_sound
from git_hybrid.git.packs import in_the_way, own_objects, pour
from git_hybrid.git.run import Completed, Runner
from git_hybrid.git.skeleton import write_skeleton
from git_hybrid.store import durable
from support.kit import git
from support.upstream import Upstream

OID = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
KEPT = "refs/hybrid/upstream/heads"


def test_a_name_and_a_folder_of_that_name_are_in_each_other_s_way() -> None:
    there = ["r/a", "r/b/c", "r/d", "r/e/f/g"]
    assert in_the_way(there, ["r/a/x"]) == ["r/a"]
    assert in_the_way(there, ["r/b"]) == ["r/b/c"]
    assert in_the_way(there, ["r/e", "r/d/x"]) == ["r/d", "r/e/f/g"]


def test_what_only_begins_alike_is_not() -> None:
    assert in_the_way(["r/a", "r/b/c"], ["r/a", "r/ab", "r/b/d", "r/bc"]) == []


def test_refs_that_a_power_cut_left_broken_give_way_to_those_that_come(tmp_path: Path) -> None:
    giver, taker = tmp_path / "giver", tmp_path / "taker"
    for git_dir in (giver, taker):
        write_skeleton(git_dir, object_format="sha1", bare=True)
        assert git("write-tree", cwd=git_dir) == OID
        (git_dir / KEPT).mkdir(parents=True)
    for name in ("empty", "junk", "pipe", "new"):
        (giver / KEPT / name).write_text(f"{OID}\n")
    (taker / KEPT / "empty").touch()
    (taker / KEPT / "junk").write_bytes(b"\xff\xfejunk\n")
    (taker / KEPT / "left").write_bytes(b"\0" * 41)
    (taker / KEPT / "held.lock").touch()
    os.mkfifo(taker / KEPT / "pipe")
    assert fetched_refs(taker) == {}
    pour(Runner(environ=os.environ), durable, giver, taker, name=SourceName("tool"), boundaries=False)
    assert fetched_refs(taker) == fetched_refs(giver)
    assert sorted(path.name for path in (taker / KEPT).iterdir()) == ["empty", "held.lock", "junk", "new", "pipe"]


class _AtWork(Runner):
    """One of several at work on packs."""

    def working(self) -> AbstractContextManager[tuple[str, ...]]:
        return nullcontext(("pack.threads=3",))

    def git(self, arguments: Any, **where: Any) -> Completed:
        assert arguments[:3] == ["-c", "pack.threads=3", "repack"]
        return super().git(arguments, **where)


def test_what_copies_borrowed_objects_shares_the_processors_and_lets_go_of_the_lender_last(tmp_path: Path) -> None:
    lender, runner = Upstream.create(tmp_path / "lender"), _AtWork(environ=os.environ)
    first, second = (lender.commit({"a": text}) for text in "12")
    write_skeleton(taker := tmp_path / "taker", object_format="sha1", bare=True)
    (taker / "refs/heads/main").write_text(f"{second}\n")
    (alternates := taker / "objects/info/alternates").write_text(f"{lender.path}/objects\n")
    loose = lender.path / f"objects/{first[:2]}/{first[2:]}"
    data = loose.read_bytes()
    loose.unlink()
    with pytest.raises(GitFailed) as caught:
        own_objects(runner, durable, taker, name=SourceName("tool"))
    assert (caught.value.command, caught.value.name) == ("git repack", "tool")
    assert alternates.exists()
    loose.write_bytes(data)
    own_objects(runner, durable, taker, name=SourceName("tool"))
    assert not alternates.exists()
    assert git("rev-list", "--objects", "--count", "main", cwd=taker) == "6"


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_history_is_cut_off_only_where_something_is_missing(tmp_path: Path, object_format: str) -> None:
    upstream = Upstream.create(tmp_path / "taker", object_format=object_format)
    first, second, third, fourth = (upstream.commit({"a": text}) for text in "1234")
    (upstream.path / f"objects/{third[:2]}/{third[2:]}").unlink()
    giver, nowhere = tmp_path / "giver", "1" * len(first)
    write_skeleton(giver, object_format=object_format, bare=True)
    (giver / "shallow").write_text(f"{first}\n{nowhere}\n")
    (upstream.path / "shallow").write_text(f"{second}\n{fourth}\n")
    pour(Runner(environ=os.environ), durable, giver, upstream.path, name=SourceName("tool"), boundaries=True)
    assert (upstream.path / "shallow").read_text() == "".join(f"{oid}\n" for oid in sorted([nowhere, fourth]))


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"{OID} refs/heads/a\n",
        f"# pack-refs with: peeled fully-peeled sorted \n{OID} refs/heads/a\n{OID} refs/tags/b\n^{OID}\n",
        f"{OID}{OID[:24]} refs/heads/b\n{OID} refs/heads/caf\xe9\n",
    ],
)
def test_packed_refs_as_git_writes_them_are_sound(text: str) -> None:
    assert is_sound(text.encode("latin-1"))


@pytest.mark.parametrize(
    "text",
    ["junk\n", f"{OID} refs/heads/a", f"{OID[:39]} refs/heads/a\n", f"^{OID}\n", f"{OID} refs/heads/a\n\0\0\0\0"],
)
def test_packed_refs_that_git_stops_at_are_not(tmp_path: Path, text: str) -> None:
    assert not is_sound(text.encode("ascii"))
    write_skeleton(tmp_path / "git", object_format="sha1", bare=True)
    (tmp_path / "git/packed-refs").write_text(text)
    assert Runner(environ=os.environ).git(["for-each-ref"], git_dir=tmp_path / "git").status == 128
