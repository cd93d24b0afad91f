"""A working tree that is written from packs is what git would write, down to the index; in doubt it is git's."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from pathlib import Path

import pytest

from git_hybrid.core.errors import GitFailed, Interrupted
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.ports import Stage
from git_hybrid.core.tree import TreeEntry, content_digest
from git_hybrid.core.value import replace
from git_hybrid.git import hand as program
from git_hybrid.git import hands as processes
from git_hybrid.git.hands import Hands
from git_hybrid.git.newtree import NewTree
from git_hybrid.git.ondisk import read_back
from git_hybrid.git.rawpacks import Packs
from git_hybrid.git.recorded import read_entries
from git_hybrid.git.run import Runner
from git_hybrid.git.stamps import look
from git_hybrid.git.treefiles import root_of
from git_hybrid.git.treekeeping import clear
from git_hybrid.git.unpacked import pack_order
from git_hybrid.git.unpacking import PackOrder, Unfit, answered, poured
from git_hybrid.store import durable
from support.kit import git
from support.values import a_pin

LINES = "".join(f"line {number * 7919 % 1000}\n" for number in range(300))


def made(folder: Path, files: int = 40, *, alike: bool = False) -> Path:
    """Return a repository with one pack, in which no file is a delta, or nearly all are where they are *alike*."""
    (folder / "deep/er").mkdir(parents=True)
    git("init", "-q", "-b", "main", "--template=", cwd=folder)
    for number in range(files):
        name = folder / ("deep/er" if number % 3 else ".") / f"file{number}"
        name.write_text(f"{LINES}{number}\n" if alike else f"{hashlib.sha256(b'%d' % number).hexdigest()}\n")
    (folder / "empty").touch()
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "run").chmod(0o755)
    (folder / "deep/link").symlink_to("../run")
    git("add", "-A", cwd=folder)
    git("commit", "-q", "-m", "all", cwd=folder)
    return folder


def entries_of(repository: Path) -> list[TreeEntry]:
    listed = subprocess.run(
        ["git", "ls-tree", "-r", "-l", "-z", "HEAD"], cwd=repository, capture_output=True, check=True
    ).stdout
    found = []
    for line in listed.split(b"\0")[:-1]:
        head, _, path = line.partition(b"\t")
        mode, _, oid, size = head.decode().split()
        found.append(TreeEntry(mode, oid, int(size), path))
    return found


class Made:
    """A repository whose pack is to be written from, and an empty one beside it to write into."""

    def __init__(self, folder: Path, *, alike: bool = False, files: int = 40) -> None:
        self.repository = made(folder / "from", files, alike=alike)
        self.target = folder / "to"
        git("init", "-q", "--template=", self.target, cwd=folder)
        self.packs = self.target / ".git/objects/pack"
        self.packs.mkdir(exist_ok=True)
        self.take()

    def take(self) -> None:
        """Pack the repository anew, and take its pack."""
        git("repack", "-adfq", "--depth=5", cwd=self.repository)
        (pack,) = (self.repository / ".git/objects/pack").glob("*.pack")
        for ending in (".pack", ".idx"):
            (self.packs / pack.name).with_suffix(ending).write_bytes(pack.with_suffix(ending).read_bytes())
        self.pack = self.packs / pack.name
        self.commit = Oid(git("rev-parse", "HEAD", cwd=self.repository))
        self.tree = Oid(git("rev-parse", "HEAD^{tree}", cwd=self.repository))
        (self.target / ".git/HEAD").write_text(f"{self.commit}\n")
        self.entries = entries_of(self.repository)

    def order(self, *, keep: str = "", tree: str = "", entries: Sequence[TreeEntry] = ()) -> PackOrder:
        packs = tuple(str(path.with_suffix("")) for path in self.packs.glob("*.idx"))
        wanted = entries or self.entries
        order = pack_order(str(self.target), packs, wanted, self.commit, Oid(tree or self.tree), keep)
        assert order is not None
        return order

    def digest(self) -> str:
        return read_back(str(self.repository), self.entries)[0]


@pytest.fixture
def plain(tmp_path: Path) -> Made:
    return Made(tmp_path)


def hashes(found: bytes) -> list[str]:
    return [found[at : at + 32].hex() for at in range(0, len(found), 32)]


def has_the_same_files(made: Made) -> None:
    for entry in made.entries:
        one, two = (folder / os.fsdecode(entry.path) for folder in (made.repository, made.target))
        assert one.lstat().st_mode == two.lstat().st_mode
        assert (os.readlink(one) == os.readlink(two)) if one.is_symlink() else (one.read_bytes() == two.read_bytes())


def is_as_git_has_it(made: Made) -> None:
    assert git("status", "--porcelain", cwd=made.target) == ""
    assert git("ls-files", "--stage", cwd=made.target) == git("ls-files", "--stage", cwd=made.repository)
    has_the_same_files(made)


def test_files_index_and_hints_are_written(plain: Made) -> None:
    found = hashes(poured(plain.order()))
    assert content_digest(plain.entries, iter(found)) == plain.digest()
    _, _, tree = read_entries(f"{plain.target}/.git/index")
    assert tree == plain.tree
    os.link(plain.target / ".git/hybrid/tree", plain.target / ".git/hybrid/base")
    assert look(str(plain.target)) == (plain.commit, plain.tree, frozenset(), False, "")
    is_as_git_has_it(plain)


def test_all_content_is_written_into_the_file_that_keeps_it(plain: Made, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.touch()
    poured(plain.order(keep=str(kept)))
    read = [git_bytes(plain.repository, entry.oid) for entry in plain.entries]
    assert kept.read_bytes() == b"".join(read)


def git_bytes(repository: Path, oid: str) -> bytes:
    return subprocess.run(["git", "cat-file", "blob", oid], cwd=repository, capture_output=True, check=True).stdout


def test_where_it_cannot_be_kept_it_is_written_all_the_same(plain: Made, tmp_path: Path) -> None:
    poured(plain.order(keep=str(tmp_path / "nothing/there")))
    is_as_git_has_it(plain)


def test_where_the_disk_that_keeps_it_is_full_it_is_written_all_the_same(plain: Made) -> None:
    # Whatever is written there is refused as on a full disk (full(4)).
    poured(plain.order(keep="/dev/full"))
    is_as_git_has_it(plain)


def test_a_few_deltas_are_applied(tmp_path: Path) -> None:
    made = Made(tmp_path, files=200)
    clone = made.repository
    for number in range(8):
        (clone / f"alike{number}").write_text(f"{LINES}{number}\n")
    git("add", "-A", cwd=clone)
    git("commit", "-q", "-m", "more", cwd=clone)
    made.take()
    alike = [entry for entry in made.entries if entry.path.startswith(b"alike")]
    assert any(is_delta(made, entry) for entry in alike)
    poured(made.order())
    is_as_git_has_it(made)


def test_what_is_mostly_deltas_is_git_s(tmp_path: Path) -> None:
    made = Made(tmp_path, alike=True)
    with pytest.raises(Unfit, match="deltas"):
        poured(made.order())
    assert [path.name for path in made.target.iterdir()] == [".git"]


def test_entries_of_another_tree_are_not_written(plain: Made) -> None:
    with pytest.raises(Unfit, match="tree"):
        poured(plain.order(tree="1" * 40))
    with pytest.raises(Unfit, match="tree"):
        poured(plain.order(entries=plain.entries[1:]))
    assert [path.name for path in plain.target.iterdir()] == [".git"]


def test_what_is_in_no_pack_is_unfit(plain: Made) -> None:
    order = plain.order()
    for path in plain.packs.iterdir():
        path.unlink()
    for packs in ((), order[0]):
        assert answered("poured", (packs, *order[1:]))[0] == "Unfit"


def test_changed_bytes_of_a_pack_are_noticed(tmp_path: Path) -> None:
    """What comes out of a damaged pack is no tree, or has another digest than the lock, or is what it was."""
    plain = Made(tmp_path, files=6)
    chance, sound, digest = random.Random(1), plain.pack.read_bytes(), plain.digest()
    plain.pack.chmod(0o644)
    outcomes = set()
    for _ in range(100):
        broken = bytearray(sound)
        broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
        plain.pack.write_bytes(broken)
        found = answered("poured", plain.order())
        if isinstance(found, bytes) and content_digest(plain.entries, iter(hashes(found))) == digest:
            outcomes.add("same")
            has_the_same_files(plain)
        else:
            outcomes.add("other" if isinstance(found, bytes) else found[0])
        clear(durable, plain.target)
    assert {"same", "Unfit"} <= outcomes <= {"same", "other", "Unfit"}


def test_a_tree_that_is_not_in_order_is_git_s(plain: Made) -> None:
    """fsck can be told to let it pass; an index in that order is none that git can use."""
    turned = [*plain.entries[1:], plain.entries[0]]
    rows = [(int(entry.mode, 8), bytes.fromhex(entry.oid), entry.size) for entry in turned]
    tree, _ = root_of(rows, [entry.path for entry in turned])
    with pytest.raises(Unfit, match="order"):
        poured(plain.order(tree=tree.hex(), entries=turned))
    assert [path.name for path in plain.target.iterdir()] == [".git"]


def test_what_no_system_call_takes_is_git_s(tmp_path: Path) -> None:
    made = Made(tmp_path)
    (tmp_path / "target").write_bytes(b"run\0more")
    blob = git("hash-object", "-w", tmp_path / "target", cwd=made.repository)
    git("update-index", "--add", "--cacheinfo", f"120000,{blob},deep/odd", cwd=made.repository)
    git("commit", "-q", "-m", "odd", cwd=made.repository)
    made.take()
    wrong = answered("poured", made.order())
    assert isinstance(wrong, tuple)
    assert wrong[:2] == ("OSError", errno.EINVAL)


def test_the_work_of_deltas_is_bounded(tmp_path: Path) -> None:
    """A small pack can ask for hours: of one megabyte made byte by byte from another, again and again."""
    made = Made(tmp_path, alike=True)
    delta = next(entry for entry in made.entries if is_delta(made, entry))
    for most, is_done in ((0, False), (64 << 20, True)):
        packs = Packs([str(made.pack.with_suffix(""))], most=most)
        times = (9 << 20) // delta.size
        with nullcontext() if is_done else pytest.raises(ValueError, match="-"):
            for _ in range(times):
                packs.read(bytes.fromhex(delta.oid), lambda _oid: pytest.fail("it is packed"))
        packs.close()


def is_delta(made: Made, entry: TreeEntry) -> bool:
    packs = Packs([str(made.pack.with_suffix(""))])
    place = packs.find(bytes.fromhex(entry.oid))
    assert place is not None
    with closing(packs):
        return place[0].is_delta(place[1])


def test_a_signal_ends_what_is_done_here_between_two_files(plain: Made) -> None:
    hands = Hands(Runner(environ=dict(os.environ), cancelled=lambda: signal.SIGINT), most=1)
    with pytest.raises(Interrupted):
        hands.pour(plain.order())
    assert not (plain.target / ".git/index").exists()


@pytest.mark.parametrize("what", ["file", "folder", "link"])
def test_what_is_there_already_is_not_followed_or_changed(plain: Made, tmp_path: Path, what: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    if what == "file":
        (plain.target / "run").write_text("mine")
    elif what == "folder":
        (plain.target / "deep").mkdir()
    else:
        (plain.target / "deep").symlink_to(outside)
    with pytest.raises(FileExistsError):
        poured(plain.order())
    assert list(outside.iterdir()) == []


def test_only_files_and_links_of_a_bounded_size_are_for_it(plain: Made) -> None:
    def order(*entries: TreeEntry) -> PackOrder | None:
        return pack_order("to", (), entries, plain.commit, plain.tree, "")

    assert order(*plain.entries)
    assert order(TreeEntry("160000", "0" * 40, 0, b"sub")) is None
    assert order(TreeEntry("100644", "0" * 40, 65 << 20, b"large")) is None
    assert order() is None


class Told:
    """What keeps a tree, and what it was told."""

    def __init__(self, place: str = "") -> None:
        self.place, self.taken, self.known = place, b"", list[str]()

    def restart(self) -> None:
        self.taken = b""

    def take(self, content: bytes) -> None:
        self.taken += content

    def know(self, hashes: Sequence[str]) -> None:
        self.known = list(hashes)

    def keep(self) -> None: ...


@pytest.fixture
def hands() -> Iterator[Hands]:
    made = Hands(Runner(environ=dict(os.environ)), most=2)
    yield made
    made.close()


def new(made: Made, keeper: Told | None = None) -> NewTree:
    pin = replace(a_pin(commit=made.commit), tree=made.tree)
    return NewTree(Stage(name=SourceName("x"), path=str(made.target)), pin, made.entries, keeper)


def never() -> None:
    pytest.fail("git was to do it")


def by_git(made: Made) -> Callable[[], None]:
    def check_out() -> None:
        assert [path.name for path in made.target.iterdir()] == [".git"]
        assert not {"index", "hybrid"} & {path.name for path in (made.target / ".git").iterdir()}
        git("reset", "-q", "--hard", made.commit, cwd=made.target)

    return check_out


def test_processes_do_what_is_done_here(tmp_path: Path, hands: Hands) -> None:
    for number in range(4):
        folder = tmp_path / str(number)
        folder.mkdir()
        made, keeper = Made(folder), Told()
        assert new(made, keeper).write(hands, durable, never) == made.digest()
        assert content_digest(made.entries, iter(keeper.known)) == made.digest()
        is_as_git_has_it(made)


def test_the_rest_is_git_s_and_read_back(tmp_path: Path, hands: Hands) -> None:
    made, keeper = Made(tmp_path, alike=True), Told()
    keeper.taken = b"what a process of ours had begun with"
    assert new(made, keeper).write(hands, durable, by_git(made)) == made.digest()
    assert keeper.taken == b"".join(git_bytes(made.repository, entry.oid) for entry in made.entries)
    is_as_git_has_it(made)


def test_what_a_damaged_pack_left_is_taken_away_before_git_comes(plain: Made, hands: Hands) -> None:
    sound, blob = plain.pack.read_bytes(), plain.entries[-1].oid
    listed = git("verify-pack", "-v", plain.pack, cwd=plain.target).splitlines()
    (offset,) = (int(line.split()[4]) for line in listed if line.startswith(blob))
    plain.pack.chmod(0o644)
    plain.pack.write_bytes(sound[: offset + 8] + bytes([sound[offset + 8] ^ 0xFF]) + sound[offset + 9 :])

    def check_out() -> None:
        plain.pack.write_bytes(sound)
        by_git(plain)()

    assert new(plain).write(hands, durable, check_out) == plain.digest()
    is_as_git_has_it(plain)


def test_one_that_is_killed_leaves_it_to_git(plain: Made, hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_HERE", 0)
    monkeypatch.setattr(program, "__file__", str(plain.target.parent / "dies.py"))
    (plain.target.parent / "dies.py").write_text("import sys; sys.stdin.read(20)")
    assert new(plain).write(hands, durable, by_git(plain)) == plain.digest()
    is_as_git_has_it(plain)


def test_what_git_cannot_do_either_is_its_error(plain: Made, hands: Hands) -> None:
    plain.pack.unlink()

    def check_out() -> None:
        raise GitFailed(command="git reset", status=128, stderr="bad object", name="x")

    with pytest.raises(GitFailed):
        new(plain).write(hands, durable, check_out)
