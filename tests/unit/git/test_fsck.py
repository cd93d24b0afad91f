from __future__ import annotations

import os
from pathlib import Path

import pytest

from git_hybrid.cli.telling import tell
from git_hybrid.core.errors import FsckRefused
from git_hybrid.git.classify import classify_network
from git_hybrid.git.fsck import fsck, refused, skip_list
from git_hybrid.git.run import Runner
from support.upstream import UpstreamFactory
from support.values import oid

ONE, TWO, LONG = oid(1), oid(2), "a" * 64
FETCH = f"error: object {ONE}: duplicateEntries: contains duplicate file entries\nfatal: fsck error in packed object\n"
FSCK = f"error in tree {ONE}: hasDotgit: contains '.git'\nerror in commit {LONG}: missingAuthor: x\nnotice: none\n"


@pytest.mark.parametrize(
    ("stderr", "objects", "findings"),
    [
        (FETCH, (ONE,), (f"{ONE}: duplicateEntries",)),
        (FSCK, (ONE, LONG), (f"{ONE}: hasDotgit", f"{LONG}: missingAuthor")),
    ],
)
def test_the_objects_that_fsck_names(stderr: str, objects: tuple[str, ...], findings: tuple[str, ...]) -> None:
    error = refused(stderr)
    assert error is not None
    assert (error.objects, error.findings) == (objects, findings)


@pytest.mark.parametrize(
    "stderr",
    [
        "",
        f"remote: error: object {ONE}: duplicateEntries: contains duplicate file entries\n",
        f"warning in tree {ONE}: zeroPaddedFilemode: x\n",
        f"error: object {ONE[:-1]}: duplicateEntries: x\n",
    ],
    ids=["nothing", "said by the server", "a warning", "a short id"],
)
def test_nothing_else_counts(stderr: str) -> None:
    assert refused(stderr) is None


def test_a_fetch_that_fsck_refuses_is_final_and_names_the_objects() -> None:
    error = classify_network(FETCH + "fatal: early EOF\n", url="https://h/x", status=128, command="git fetch")
    assert isinstance(error, FsckRefused)
    told = tell(error.about("tool"))
    assert told.exit == 5
    assert told.cause == (f"{ONE}: duplicateEntries",)
    assert f"git hybrid pin tool --to REV --waive {ONE} --force " in told.hints[-1]


def test_the_list_of_waived_objects_stands_in_a_private_file_that_goes() -> None:
    with skip_list((TWO, ONE), "fetch.fsck") as (flag, setting):
        key, _, name = setting.partition("=")
        assert (flag, key) == ("-c", "fetch.fsck.skipList")
        with open(name, encoding="ascii") as file:
            assert file.read() == f"{ONE}\n{TWO}\n"
    assert not Path(name).exists()


def test_no_list_where_nothing_is_waived() -> None:
    with skip_list((), "fsck") as options:
        assert options == []


@pytest.mark.parametrize(
    ("write", "file"),
    [
        ((), ""),
        (("commit-graph", "write"), "info/commit-graph"),
        (("multi-pack-index", "write"), "pack/multi-pack-index"),
    ],
    ids=["none", "commit-graph", "multi-pack-index"],
)
def test_a_derived_file_is_checked_where_there_is_one(
    upstream_factory: UpstreamFactory, write: tuple[str, ...], file: str
) -> None:
    upstream = upstream_factory()
    upstream.commit({"a": "a"})
    upstream.git("repack", "-adq")
    runner = Runner(environ=dict(os.environ))
    if file:
        upstream.git(*write)
        assert fsck(runner, upstream.path).status == 0
        path = upstream.path / "objects" / file
        data = path.read_bytes()
        path.chmod(0o644)
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert (fsck(runner, upstream.path).status != 0) == bool(file)
