"""The files of packs: shared, copied where they cannot be, and looked at again."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from git_hybrid.git import packfiles
from git_hybrid.git.packfiles import describe, in_order, look, pack_files, share

PACK = f"pack-{'0' * 40}.pack"


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    path = tmp_path / PACK
    path.write_bytes(b"PACK" + bytes(range(60)))
    path.chmod(0o444)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


def test_it_is_described_by_size_time_and_the_digest_at_its_end(pack):
    known = describe(str(pack))
    assert (known.size, known.changed, known.checksum) == (64, 1_700_000_000, bytes(range(40, 60)).hex())
    longer = pack.with_name(f"pack-{'0' * 64}.idx")
    longer.write_bytes(bytes(100))
    assert len(describe(str(longer)).checksum) == 64


def _rewritten(pack: Path) -> None:
    pack.chmod(0o644)
    pack.write_bytes(b"PACK" + bytes(40) + pack.read_bytes()[44:])


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda pack: None, "same"),
        (lambda pack: os.utime(pack, (1, 1)), "touched"),
        (_rewritten, "touched"),
        (lambda pack: os.truncate(pack, 63), "damaged"),
        (lambda pack: (pack.chmod(0o644), pack.write_bytes(bytes(64))), "damaged"),
        (lambda pack: pack.unlink(), "missing"),
        (lambda pack: (pack.unlink(), pack.mkdir()), "damaged"),
        (lambda pack: (pack.rename(pack.with_name("x")), pack.symlink_to("x")), "damaged"),
        (lambda pack: (pack.unlink(), os.mkfifo(pack)), "damaged"),
    ],
)
def test_what_was_done_to_it_shows(pack, change, found):
    known = describe(str(pack))
    change(pack)
    assert look(str(pack), known) == found


def test_it_is_one_file_under_two_names(pack):
    share(str(pack), f"{pack}.other")
    assert os.path.samefile(pack, f"{pack}.other")
    share(str(pack), f"{pack}.other")


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM, errno.EMLINK])
def test_it_is_copied_where_no_link_can_be(pack, monkeypatch, number):
    def refuse(*_args, **_options):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(packfiles.os, "link", refuse)
    target = pack.with_name("copy")
    target.mkdir()
    share(str(pack), str(target / PACK))
    assert not os.path.samefile(pack, target / PACK)
    assert look(str(target / PACK), describe(str(pack))) == "same"
    assert (target / PACK).stat().st_mode & 0o777 == 0o444
    assert os.listdir(target) == [PACK]


@pytest.mark.parametrize(("number", "named"), [(errno.ENOSPC, "copy"), (errno.EIO, PACK)])
def test_half_a_copy_does_not_stay(pack, monkeypatch, number, named):
    def link(*_args, **_options):
        raise OSError(errno.EXDEV, "another disk")

    def copy(source, target, **_options):
        Path(target).touch()
        raise OSError(number, os.strerror(number), source)

    monkeypatch.setattr(packfiles.os, "link", link)
    monkeypatch.setattr(shutil, "copyfile", copy)
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        share(str(pack), str(pack.with_name("copy")))
    assert caught.value.filename == str(pack.with_name(named))
    assert os.listdir(pack.parent) == [PACK]


def test_a_full_disk_is_no_reason_to_copy(pack, monkeypatch):
    def refuse(*_args, **_options):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(packfiles.os, "link", refuse)
    with pytest.raises(OSError, match="full"):
        share(str(pack), f"{pack}.other")


def test_the_index_comes_last_of_a_pack():
    names = ["pack-a.keep", "pack-b.idx", "pack-a.promisor", "pack-a.pack", "pack-b.pack", "pack-a.rev"]
    assert in_order(names) == [
        "pack-a.pack",
        "pack-b.pack",
        "pack-a.rev",
        "pack-a.promisor",
        "pack-b.idx",
        "pack-a.keep",
    ]


def test_only_packs_are_pack_files(pack):
    for name in ("tmp_pack_x", "pack-x.pack", f"pack-{'0' * 40}.keep", f"pack-{'0' * 40}.promisor", f"{PACK}.tmp"):
        (pack.parent / name).touch()
    assert pack_files(pack.parent) == [PACK]
    assert pack_files(pack.parent / "none") == []


@pytest.mark.parametrize("mode", [0o400, 0o440, 0o640])
def test_the_umask_of_whoever_fetched_it_first_is_not_that_of_all(pack, mode):
    pack.chmod(mode)
    known = describe(str(pack))
    share(str(pack), f"{pack}.other")
    assert os.stat(f"{pack}.other").st_mode & 0o777 == mode | 0o444
    assert look(str(pack), known) == "same"
