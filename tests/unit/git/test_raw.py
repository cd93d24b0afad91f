"""Objects that are read straight from a repository's files are those that git reads, or nothing is said of them."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import zlib
from pathlib import Path

import pytest

from git_hybrid.git.deltas import beginning
from git_hybrid.git.raw import Unsure, opened
from git_hybrid.git.rawpacks import LARGEST, patched
from support.kit import git

BASE = "".join(f"line {number * 7919 % 1000}\n" for number in range(400))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with three commits and a tag of a tag, all in one pack with deltas."""
    repository = tmp_path / "repository"
    repository.mkdir()
    git("init", "-q", "-b", "main", "--template=", cwd=repository)
    for number in range(3):
        (repository / "folder").mkdir(exist_ok=True)
        (repository / "folder/large.txt").write_text(BASE + f"more {number}\n" * number)
        (repository / f"file{number}").write_text(f"{number}\n")
        git("add", "-A", cwd=repository)
        git("commit", "-q", "-m", f"{number}", cwd=repository)
    git("tag", "-a", "-m", "one", "v1", cwd=repository)
    git("tag", "-a", "-m", "two", "v2", "v1", cwd=repository)
    git("repack", "-a", "-d", "-q", "-f", cwd=repository)
    return repository


def objects(repository: Path) -> dict[str, str]:
    options = ["--batch-all-objects", "--batch-check=%(objectname) %(objecttype)"]
    listed = git("cat-file", *options, cwd=repository).splitlines()
    return dict(line.split(" ") for line in listed)


def named(oid: str, kind: str, data: bytes) -> bool:
    return hashlib.sha1(f"{kind} {len(data)}\0".encode() + data).hexdigest() == oid


def the(repository: Path, ending: str) -> Path:
    (found,) = (repository / ".git/objects/pack").glob(f"*{ending}")
    found.chmod(0o644)
    return found


def all_read(repository: Path, git_dir: Path | None = None) -> None:
    with opened(git_dir or repository / ".git") as raw:
        for oid, kind in objects(repository).items():
            found, data = raw.read(oid)
            assert (found, named(oid, kind, data)) == (kind, True)
            assert raw.holds(oid)
        assert not raw.holds("1" * 40)
        assert not raw.holds("0" * 40)


def test_every_object_of_a_pack(repository: Path) -> None:
    chains = git("verify-pack", "-v", the(repository, ".idx"), cwd=repository)
    assert "chain length = 1" in chains
    all_read(repository)


@pytest.mark.parametrize("by_offset", ["true", "false"])
def test_what_is_kept_as_the_beginning_of_something_else_is_that(repository: Path, by_offset: str) -> None:
    more = BASE + "".join(f"{number**5}\n" for number in range(30000))
    for number, size in enumerate((2000, 3000, 150_000, len(more))):
        (repository / f"grown{number}").write_text(more[:size])
    (repository / "other").write_text(more[7000:9000])
    git("add", "-A", cwd=repository)
    git("commit", "-q", "-m", "grown", cwd=repository)
    git("config", "repack.useDeltaBaseOffset", by_offset, cwd=repository)
    git("-c", "pack.threads=1", "repack", "-a", "-d", "-q", "-f", cwd=repository)
    found: dict[str, str] = {}
    with opened(repository / ".git") as raw:
        places = {raw.place(oid): oid for oid in objects(repository)}
        for place, oid in places.items():
            assert place is not None
            if (told := raw.beginning_of(place)) is not None:
                (_, whole), (_, text) = raw.read(places[told[0]]), raw.read(oid)
                assert (whole[: told[2]], len(whole)) == (text, told[1])
                found[oid] = places[told[0]]
        grown = [git("rev-parse", f"HEAD:grown{number}", cwd=repository).strip() for number in range(4)]
        assert found.keys() >= set(grown[:3])
        assert git("rev-parse", "HEAD:other", cwd=repository).strip() not in found
        assert raw.place("1" * 40) is None


@pytest.mark.parametrize(
    ("delta", "told"),
    [
        ("0a 05 90 05", (10, 5)),
        ("0a 0a 90 06 91 06 04", (10, 10)),
        ("ffff0f c08004 80 b0 4000", None),
        ("808008 808004 80", (0x20000, 0x10000)),
        ("0a 05 91 01 05", None),
        ("0a 05 90 04", None),
        ("0a 0b 90 0b", None),
        ("0a 05 90 04 01 41", None),
        ("0a 05 00", None),
    ],
)
def test_a_delta_makes_the_beginning_if_it_copies_nothing_else(delta: str, told: tuple[int, int] | None) -> None:
    assert beginning(bytes.fromhex(delta)) == told


def test_a_delta_that_ends_in_an_order_makes_nothing() -> None:
    with pytest.raises(IndexError):
        beginning(bytes.fromhex("0a 05 90"))


@pytest.mark.parametrize("by_offset", ["true", "false"])
def test_sizes_are_told_without_the_content(repository: Path, by_offset: str) -> None:
    chance = random.Random(1)
    lines = [f"{chance.random()} {number}" for number in range(3000)]
    for number in range(3):
        # A delta of many orders: zlib writes a table of its own for it before the first byte.
        for _ in range(80):
            lines[chance.randrange(len(lines))] = f"{number} {chance.random()}"
        (repository / f"scattered{number}").write_text("\n".join(lines))
    git("add", "-A", cwd=repository)
    git("commit", "-q", "-m", "scattered", cwd=repository)
    git("config", "repack.useDeltaBaseOffset", by_offset, cwd=repository)
    git("repack", "-a", "-d", "-q", "-f", cwd=repository)
    options = ["--batch-all-objects", "--batch-check=%(objectname) %(objectsize)"]
    sizes = dict(line.split(" ") for line in git("cat-file", *options, cwd=repository).splitlines())
    chains = git("verify-pack", "-v", the(repository, ".idx"), cwd=repository).splitlines()
    assert [line for line in chains if len(line.split()) == 7 and int(line.split()[2]) > 1000]
    with opened(repository / ".git") as raw:
        for _ in range(3):
            assert {oid: str(raw.size(oid)) for oid in sizes} == sizes
        with pytest.raises(Unsure):
            raw.size("1" * 40)


def test_offsets_of_a_large_pack_are_in_their_own_table(repository: Path) -> None:
    """git writes offsets of 64 bits from a limit on, which can be set lower."""
    pack = the(repository, ".pack")
    the(repository, ".idx").unlink()
    git("index-pack", "--index-version=2,0x40", pack, cwd=repository)
    for _ in range(2):
        all_read(repository)


def test_deltas_that_name_their_base(repository: Path) -> None:
    names = "\n".join(objects(repository))
    (repository / "names").write_text(names)
    git("config", "repack.useDeltaBaseOffset", "false", cwd=repository)
    git("repack", "-a", "-d", "-q", "-f", cwd=repository)
    all_read(repository)


def test_objects_of_several_packs_and_none(repository: Path) -> None:
    for number in range(3):
        (repository / "file").write_text(f"{number}")
        git("add", "file", cwd=repository)
        git("commit", "-q", "-m", "x", cwd=repository)
        if number < 2:
            git("repack", "-d", "-q", cwd=repository)
    all_read(repository)


def test_borrowed_objects(repository: Path, tmp_path: Path) -> None:
    git("init", "-q", "--template=", "other", cwd=tmp_path)
    info = tmp_path / "other/.git/objects/info"
    info.mkdir(exist_ok=True)
    (info / "alternates").write_text(f"{repository}/.git/objects\n")
    all_read(repository, tmp_path / "other/.git")
    (info / "alternates").write_text("../elsewhere\n")
    with pytest.raises(Unsure), opened(tmp_path / "other/.git"):
        pass


def test_what_is_changed_in_a_pack_is_no_object(repository: Path) -> None:
    """Whatever byte is another one: what is read has the id that it was asked for by, or nothing is said."""
    chance, oids = random.Random(1), list(objects(repository))
    for ending in (".pack", ".idx"):
        path = the(repository, ending)
        sound = path.read_bytes()
        for _ in range(250):
            broken = bytearray(sound)
            at = chance.randrange(len(broken))
            broken[at] ^= 1 << chance.randrange(8)
            path.write_bytes(broken[: chance.choice([len(broken), len(broken), at])])
            for oid in chance.sample(oids, 4):
                try:
                    with opened(repository / ".git") as raw:
                        kind, data = raw.read(oid)
                except Unsure:
                    continue
                assert named(oid, kind, data)
        path.write_bytes(sound)
    all_read(repository)


def test_an_index_that_leads_to_another_object_is_found_out(repository: Path) -> None:
    """Whoever writes the index of a pack decides what an id holds."""
    path, blobs = the(repository, ".idx"), [oid for oid, kind in objects(repository).items() if kind == "blob"]
    first, second = (bytes.fromhex(oid) for oid in blobs[:2])
    forged = bytes([first[0]]) + second[1:]
    path.write_bytes(path.read_bytes().replace(first, forged))
    with opened(repository / ".git") as raw:
        assert raw.holds(forged.hex())
        with pytest.raises(Unsure):
            raw.read(forged.hex())


def test_what_is_large_or_of_another_kind_is_left_to_others(repository: Path, tmp_path: Path) -> None:
    (repository / "large").write_bytes(os.urandom(LARGEST + 1))
    large = git("hash-object", "-w", "large", cwd=repository)
    with opened(repository / ".git") as raw:
        with pytest.raises(Unsure):
            raw.read(large)
        with pytest.raises(Unsure):
            raw.read("1" * 64)
        with pytest.raises(Unsure):
            raw.links(git("rev-parse", "HEAD:file0", cwd=repository))
        with pytest.raises(Unsure):
            raw.read("1" * 40)
    git("add", "large", cwd=repository)
    git("commit", "-q", "-m", "large", cwd=repository)
    git("repack", "-a", "-d", "-q", cwd=repository)
    with opened(repository / ".git") as raw, pytest.raises(Unsure):
        raw.read(large)
    with pytest.raises(Unsure), opened(tmp_path / "nothing"):
        pass


def test_a_loose_object_that_is_damaged(repository: Path) -> None:
    (repository / "new").write_text("new\n")
    oid = git("hash-object", "-w", "new", cwd=repository)
    path = repository / ".git/objects" / oid[:2] / oid[2:]
    path.chmod(0o644)
    for data in (
        b"",
        b"nonsense",
        zlib.compress(b"blob 3\0new\n"),
        zlib.compress(b"blob 4\0now\n"),
        b"x" * LARGEST * 2,
    ):
        path.write_bytes(data)
        with opened(repository / ".git") as raw, pytest.raises(Unsure):
            raw.read(oid)


def test_refs_and_tags_of_tags(repository: Path) -> None:
    tag, commit = git("rev-parse", "v2", "main", cwd=repository).split()
    with opened(repository / ".git") as raw:
        assert raw.fetched("refs/tags/v2") == (tag, commit)
        assert raw.fetched("refs/heads/main") == (commit, commit)
        for ref in ("HEAD", "refs/tags/no", "refs"):
            with pytest.raises(Unsure):
                raw.fetched(ref)
        (repository / ".git/refs/tags/blob").write_text(git("rev-parse", "HEAD:file0", cwd=repository) + "\n")
        with pytest.raises(Unsure):
            raw.fetched("refs/tags/blob")


def test_history(repository: Path) -> None:
    third, second, first = git("rev-list", "main", cwd=repository).split()
    tree = git("rev-parse", "main^{tree}", cwd=repository)
    with opened(repository / ".git") as raw:
        assert raw.links(third) == (tree, (second,))
        assert raw.descends(third, first, most=5)
        assert not raw.descends(second, third, most=5)
        with pytest.raises(Unsure):
            raw.descends(third, "1" * 40, most=2)
        (repository / ".git/shallow").write_text(f"{second}\n")
        with pytest.raises(Unsure):
            raw.descends(third, first, most=5)


def test_a_commit_is_whole_only_with_every_file(repository: Path) -> None:
    commit, blob = git("rev-parse", "HEAD", "HEAD:folder/large.txt", cwd=repository).split()
    pack = the(repository, ".pack")
    pack.rename(repository / "pack")
    for path in pack.parent.iterdir():
        path.unlink()
    with (repository / "pack").open("rb") as data:
        subprocess.run(["git", "unpack-objects", "-q"], cwd=repository, stdin=data, check=True)
    with opened(repository / ".git") as raw:
        assert raw.holds_all(commit)
        (repository / ".git/objects" / blob[:2] / blob[2:]).unlink()
        assert not raw.holds_all(commit)
        tree = git("rev-parse", "HEAD:folder", cwd=repository)
        (repository / ".git/objects" / tree[:2] / tree[2:]).unlink()
        with pytest.raises(Unsure):
            raw.holds_all(commit)


def test_deltas_are_bounded() -> None:
    copies = b"\x84\x01" * 3
    assert patched(b"abcdef", bytes([6, 3]) + b"\x90\x01\x91\x02\x01\x01z"[:7]) == b"acz"
    for delta in (
        bytes([6, 3]) + b"\x90\x02",
        bytes([5, 1]) + b"\x90\x01",
        bytes([6, 1]) + b"\x00",
        bytes([6, 2]) + b"\x02a",
        bytes([6, 9]) + b"\x91\x05\x09",
        bytes([6]) + b"\xff\xff\xff\x7f" + copies,
        bytes([6, 4]) + b"\x90\x06" * 1000,
    ):
        with pytest.raises((ValueError, IndexError)):
            patched(b"abcdef", delta)
