"""A kept tree is what git would write, down to the index; what is damaged is noticed before it counts."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from git_hybrid.core.errors import MalformedObjects
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.ports import Stage
from git_hybrid.core.tree import LINK, TreeEntry, content_digest
from git_hybrid.git import hands as processes
from git_hybrid.git.hands import Hands
from git_hybrid.git.recorded import read_entries
from git_hybrid.git.run import Runner
from git_hybrid.git.stamps import look, read
from git_hybrid.git.treekeeping import LentTree
from git_hybrid.git.unpacked import Damaged, Keeper, Unpacked, Unproved, is_worth_it, verify
from git_hybrid.git.unpacked import read as read_tree
from git_hybrid.git.unpacking import ENTRY, Torn, Unlike, unpacked
from git_hybrid.store import durable
from support.kit import git

FILES = {"README": b"words\n", "a/b/c": b"deep\n", "a-b": b"beside\n", "empty": b"", "bin/run": b"#!/bin/sh\n"}
COMMIT = Oid("1" * 40)


def entry(path: str, content: bytes, mode: str = "100644") -> TreeEntry:
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    return TreeEntry(mode, blob, len(content), path.encode())


def keep(path: Path, files: Mapping[str, tuple[str, bytes]]) -> tuple[Oid, str]:
    """Keep *files* (mode and content by path) at *path*; return the tree, as git has it, and the digest."""
    ordered = sorted(files.items(), key=lambda item: item[0].encode())
    entries = [entry(name, content, mode) for name, (mode, content) in ordered]
    hashes = [hashlib.sha256(content).hexdigest() for _, (_, content) in ordered]
    keeper = Keeper(str(path), f"{path}.work")
    for _, (_, content) in ordered:
        keeper.take(content)
    keeper.keep(entries, hashes)
    keeper.close()
    return Oid(by_git(path.parent, entries)), content_digest(entries, iter(hashes))


def by_git(folder: Path, entries: list[TreeEntry]) -> str:
    """Return the id that git gives to the tree of *entries*, which leaves its index in *folder*."""
    if not (folder / "repo").exists():
        git("init", "-q", "repo", cwd=folder)
    lines = b"".join(b"%s %s\t%s\0" % (item.mode.encode(), item.oid.encode(), item.path) for item in entries)
    (folder / "repo/.git/index").unlink(missing_ok=True)
    for argv in (["update-index", "-z", "--index-info"], ["write-tree", "--missing-ok"]):
        done = subprocess.run(["git", *argv], cwd=folder / "repo", input=lines, capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.fixture
def found(tmp_path: Path) -> Unpacked:
    files = {name: ("100644", content) for name, content in FILES.items()}
    files |= {"bin/run": ("100755", FILES["bin/run"]), "link": (LINK, b"a/b/c")}
    return read_tree(str(tmp_path / "tree"), *keep(tmp_path / "tree", files))


def target(tmp_path: Path, name: str = "target") -> Path:
    (tmp_path / name / ".git/objects/pack").mkdir(parents=True)
    return tmp_path / name


def pack(folder: Path, *, whole: bool = True) -> Path:
    """Put something into the repository *folder* that ends as the file of a pack does."""
    content = b"PACK" + bytes(2_000_000)
    path = folder / f".git/objects/pack/pack-{'0' * 40}.pack"
    path.write_bytes(content + hashlib.sha1(content + (b"" if whole else b"x")).digest())
    return path


def test_files_index_and_hints_are_written(found: Unpacked, tmp_path: Path) -> None:
    folder = target(tmp_path)
    unpacked(found.order(str(folder), COMMIT, ()))
    assert {name: (folder / name).read_bytes() for name in FILES} == FILES
    assert os.readlink(folder / "link") == "a/b/c"
    assert os.access(folder / "bin/run", os.X_OK)
    assert not os.access(folder / "README", os.X_OK)
    entries, _, tree = read_entries(f"{folder}/.git/index")
    assert tree == found.tree
    assert list(entries) == [item.path for item in found.entries]
    known = read(f"{folder}/.git/hybrid/tree")
    assert (known.commit, known.tree) == (COMMIT, found.tree)
    assert sorted(known.paths.split(b"\0")) == sorted([b"a", b"a/b", b"bin", *entries])
    os.link(f"{folder}/.git/hybrid/tree", f"{folder}/.git/hybrid/base")
    assert look(str(folder)) == (COMMIT, found.tree, frozenset(), False, "")


NAMES = st.text("ab.-+A0é", min_size=1, max_size=4).filter(lambda name: name not in (".", ".."))
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


def _is_tree(paths: set[str]) -> bool:
    return not any(other.startswith(f"{path}/") for path in paths for other in paths)


@given(paths=st.sets(PATHS, min_size=1, max_size=12).filter(_is_tree), data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_trees_have_the_ids_that_git_gives_them(paths: set[str], data: Any, tmp_path: Path) -> None:
    modes = st.sampled_from(["100644", "100755", LINK])
    files = {path: (data.draw(modes), path.encode()) for path in paths}
    tree, digest = keep(tmp_path / "tree", files)
    found = read_tree(str(tmp_path / "tree"), tree, digest)
    index = (tmp_path / "repo/.git/index").read_bytes()
    # git has written the trees of its index into it by then.
    assert found.extension in index
    verify(str(tmp_path / "tree"), tree)


def test_what_the_lock_does_not_say_is_damaged(found: Unpacked) -> None:
    with pytest.raises(Unproved, match="hashes"):
        read_tree(found.path, found.tree, "0" * 64)
    with pytest.raises(Damaged, match="entries"):
        read_tree(found.path, Oid("0" * 40), "0" * 64)


def _changed(found: Unpacked, at: int, new: bytes) -> None:
    data = bytearray(Path(found.path).read_bytes())
    data[at : at + len(new)] = new
    Path(found.path).unlink()
    Path(found.path).write_bytes(data)


def test_sizes_that_do_not_add_up_are_damage(found: Unpacked) -> None:
    size = ENTRY.size - 8 + sum(item.size for item in found.entries)
    _changed(found, size, (2**63).to_bytes(8))
    with pytest.raises(Damaged, match="add up"):
        read_tree(found.path, found.tree, "0" * 64)


def test_paths_deeper_than_any_are_damage(tmp_path: Path) -> None:
    path = "/".join(["z"] * 3000)
    keeper = Keeper(str(tmp_path / "tree"), str(tmp_path / "work"))
    keeper.take(b"x")
    keeper.keep([entry(path, b"x")], [hashlib.sha256(b"x").hexdigest()])
    keeper.close()
    with pytest.raises(Damaged, match="deeper"):
        read_tree(str(tmp_path / "tree"), Oid("0" * 40), "0" * 64)
    with pytest.raises(Damaged, match="deeper"):
        verify(str(tmp_path / "tree"), Oid("0" * 40))


def test_the_target_of_a_link_is_proved_before_it_counts(found: Unpacked) -> None:
    starts = dict(zip((item.path for item in found.entries), _starts(found), strict=True))
    digest = content_digest(found.entries, (item[2].hex() for item in ENTRY.iter_unpack(found.table)))
    assert read_tree(found.path, found.tree, digest).links
    _changed(found, starts[b"link"], b"..")
    with pytest.raises(Damaged, match="link"):
        read_tree(found.path, found.tree, digest)


def _starts(found: Unpacked) -> list[int]:
    return [sum(item.size for item in found.entries[:number]) for number in range(len(found.entries))]


def test_a_link_is_read_by_its_blob(found: Unpacked) -> None:
    (link,) = (item for item in found.entries if item.mode == LINK)
    assert found.link(link.oid) == b"a/b/c"
    with pytest.raises(KeyError):
        found.link("0" * 40)


@pytest.mark.parametrize("at", [0, 7, -200])
def test_another_content_is_unlike(found: Unpacked, tmp_path: Path, at: int) -> None:
    data = bytearray(Path(found.path).read_bytes())
    data[at % sum(map(len, FILES.values()))] ^= 1
    Path(found.path).unlink()
    Path(found.path).write_bytes(data)
    folder = target(tmp_path)
    with pytest.raises(Unlike):
        unpacked(found.order(str(folder), COMMIT, ()))
    assert not (folder / ".git/index").exists()
    with pytest.raises(Damaged):
        verify(found.path, found.tree)


def test_a_pack_is_read_to_its_end(found: Unpacked, tmp_path: Path) -> None:
    good, bad = target(tmp_path, "good"), target(tmp_path, "bad")
    unpacked(found.order(str(good), COMMIT, (str(pack(good)),)))
    with pytest.raises(Torn, match=r"pack-0{40}\.pack"):
        unpacked(found.order(str(bad), COMMIT, (str(pack(bad, whole=False)),)))
    assert sorted(path.name for path in bad.iterdir()) == [".git"]


@pytest.mark.parametrize("what", ["file", "folder", "link"])
def test_what_is_there_already_is_not_followed_or_changed(found: Unpacked, tmp_path: Path, what: str) -> None:
    folder, outside = target(tmp_path), tmp_path / "outside"
    outside.mkdir()
    {"file": lambda: (folder / "README").write_text("mine"), "folder": (folder / "a").mkdir}.get(
        what, lambda: (folder / "a").symlink_to(outside)
    )()
    with pytest.raises(FileExistsError):
        unpacked(found.order(str(folder), COMMIT, ()))
    assert list(outside.iterdir()) == []


class Lent:
    """A lent tree, and what was said of it."""

    def __init__(self, found: Unpacked) -> None:
        self.told: list[str] = []
        hands = Hands(Runner(environ=dict(os.environ)), most=1)
        self.tree = LentTree(found, hands=hands, disk=durable, drop=self.told.append)


def test_where_it_cannot_be_written_nothing_is_left_of_it(found: Unpacked, tmp_path: Path) -> None:
    folder, lent = target(tmp_path), Lent(found)
    (folder / "link").write_text("in the way")
    assert not lent.tree.write(Stage(name=SourceName("x"), path=str(folder)), COMMIT)
    assert [path.name for path in folder.iterdir()] == [".git"]
    assert [path.name for path in (folder / ".git").iterdir()] == ["objects"]
    assert lent.told == []


def test_a_damaged_one_is_told_of(found: Unpacked, tmp_path: Path) -> None:
    folder, lent = target(tmp_path), Lent(found)
    data = Path(found.path).read_bytes()
    Path(found.path).unlink()
    Path(found.path).write_bytes(b"W" + data[1:])
    assert not lent.tree.write(Stage(name=SourceName("x"), path=str(folder)), COMMIT)
    assert [path.name for path in folder.iterdir()] == [".git"]
    assert len(lent.told) == 1


def test_a_damaged_pack_is_an_error(found: Unpacked, tmp_path: Path) -> None:
    folder, lent = target(tmp_path), Lent(found)
    pack(folder, whole=False)
    with pytest.raises(MalformedObjects, match="pack-"):
        lent.tree.write(Stage(name=SourceName("x"), path=str(folder)), COMMIT)


def test_history_that_takes_longer_to_read_is_left_to_git(found: Unpacked, tmp_path: Path) -> None:
    folder, lent = target(tmp_path), Lent(found)
    os.truncate(pack(folder), 64 << 20)
    assert not lent.tree.write(Stage(name=SourceName("x"), path=str(folder)), COMMIT)
    assert [path.name for path in folder.iterdir()] == [".git"]


def test_only_plain_trees_are_worth_it() -> None:
    plain = entry("a", b"xx")
    assert is_worth_it([plain], most_bytes=2)
    assert not is_worth_it([plain], most_bytes=1)
    assert not is_worth_it([], most_bytes=2)
    assert not is_worth_it([plain, TreeEntry("160000", "0" * 40, 0, b"sub")], most_bytes=2)
    assert not is_worth_it([TreeEntry("100644", "0" * 64, 1, b"a")], most_bytes=2)


Children = Callable[[], set[int]]


@pytest.fixture
def children() -> Children:
    def found() -> set[int]:
        task = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
        return {int(pid) for pid in task.read_text().split()}

    before = found()
    return lambda: found() - before


@pytest.fixture
def hands(children: Children) -> Iterator[Hands]:
    made = Hands(Runner(environ=dict(os.environ)), most=2)
    yield made
    made.close()


def test_processes_do_what_is_done_here(found: Unpacked, tmp_path: Path, hands: Hands, children: Children) -> None:
    folders = [target(tmp_path, str(number)) for number in range(5)]
    for folder in folders:
        hands.unpack(found.order(str(folder), COMMIT, ()))
        assert (folder / "a/b/c").read_bytes() == FILES["a/b/c"]
    assert len(children()) == 1
    with pytest.raises(FileExistsError):
        hands.unpack(found.order(str(folders[0]), COMMIT, ()))
    bad = target(tmp_path, "bad")
    with pytest.raises(Torn):
        hands.unpack(found.order(str(bad), COMMIT, (str(pack(bad, whole=False)),)))
    # It goes on after an order that it could not carry out.
    hands.unpack(found.order(str(target(tmp_path, "last")), COMMIT, ()))
    assert len(children()) == 1
    hands.close()
    assert not children()


def test_one_that_is_killed_is_missed_and_not_waited_for(
    found: Unpacked, tmp_path: Path, hands: Hands, children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_HERE", 0)
    for number in range(4):
        order = found.order(str(target(tmp_path, str(number))), COMMIT, ())
        if number == 1:
            (hand,) = children()
            os.kill(hand, signal.SIGKILL)
            with pytest.raises(OSError, match=r"(?i)pipe"):
                hands.unpack(order)
        else:
            hands.unpack(order)
    assert (tmp_path / "3/README").read_bytes() == FILES["README"]


def test_where_none_can_be_started_it_is_done_here(
    found: Unpacked, tmp_path: Path, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_HERE", 0)
    monkeypatch.setattr("sys.executable", str(tmp_path / "nothing"))
    hands.unpack(found.order(str(target(tmp_path)), COMMIT, ()))
    assert (tmp_path / "target/README").read_bytes() == FILES["README"]
