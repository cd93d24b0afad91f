"""Git's protocol: nothing but what is whole and plain is understood."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from git_hybrid.core.ids import InvalidText
from git_hybrid.git.pktline import (
    Lines,
    NotUnderstood,
    advertised,
    answer_of,
    ls_refs,
    parse_ls_refs,
    pieces_of_pack,
    question_of,
    require_version_2,
    wanted,
    wanted_beyond,
)

A, B = "a" * 40, "b" * 40
ABLE = "\0multi_ack ofs-delta object-format=sha1 agent=git/2"


def packets(*texts: str, end: bytes = b"0000") -> bytes:
    return b"".join(b"%04x%s\n" % (len(text.encode()) + 5, text.encode()) for text in texts) + end


def lines_of(data: bytes, *, size: int = 7) -> Lines:
    pieces: Iterator[bytes] = iter([data[at : at + size] for at in range(0, len(data), size)])
    return Lines(lambda: next(pieces, b""))


@pytest.mark.parametrize("size", [1, 3, 100])
def test_packets_come_in_pieces(size):
    lines = lines_of(packets("one", "two") + b"0005x", size=size)
    assert list(lines.until_flush()) == [b"one\n", b"two\n"]
    assert lines.read() == b"x"
    with pytest.raises(NotUnderstood):
        lines.read()


@pytest.mark.parametrize("data", [b"", b"00", b"0009ab", b"zzzz", b"0001", b"0002", b"0003", b"000dERR no way"])
def test_what_is_no_packet_is_not_understood(data):
    with pytest.raises(NotUnderstood):
        lines_of(data).read()


def test_only_what_is_asked_for_is_read_of_what_comes_byte_by_byte():
    data = [b"0008NAK\n", b"PACK"]
    rest = iter(bytes([byte]) for byte in b"".join(data))
    assert Lines(lambda: next(rest)).exactly(8) == data[0]
    assert b"".join(rest) == data[1]


def test_requests():
    assert question_of("refs/heads/main") == b"0014command=ls-refs\n0001001fref-prefix refs/heads/main\n0000"
    options = ("thin-pack", "no-progress", "ofs-delta", f"want {A}", f"have {B}", "done")
    assert wanted_beyond(A, [B]) == packets("command=fetch", end=b"0001") + packets(*options)
    assert wanted(A) == packets(f"want {A} ofs-delta no-progress") + packets("done", end=b"")


def test_a_list_of_version_0():
    data = packets(f"{A} HEAD{ABLE}", f"{B} refs/heads/main", f"{A} refs/heads/main2", f"{A} refs/tags/v1^{{}}")
    assert advertised(lines_of(data), "refs/heads/main") == B
    assert advertised(lines_of(data), "refs/tags/v1") is None
    assert advertised(lines_of(packets(f"{B} refs/heads/main{ABLE}")), "refs/heads/main") == B


@pytest.mark.parametrize(
    "data",
    [
        packets(f"{A} refs/heads/main{ABLE} object-format=sha256"),
        packets(f"{A} refs/heads/main\0multi_ack"),
        packets(f"{A} refs/heads/main"),
        packets(f"{A} refs/heads/main{ABLE}", f"shallow {B}"),
        packets(f"{A} refs/heads/main{ABLE}", end=b""),
        packets("version 2", "ls-refs=unborn"),
    ],
)
def test_another_server_is_not_understood(data):
    with pytest.raises(NotUnderstood):
        advertised(lines_of(data), "refs/heads/main")


def test_an_id_that_is_none():
    with pytest.raises(InvalidText):
        advertised(lines_of(packets(f"HEAD refs/heads/main{ABLE}")), "refs/heads/main")
    with pytest.raises(InvalidText):
        answer_of(lines_of(packets("unborn refs/heads/main")), "refs/heads/main")


def test_an_answer_of_version_2():
    lines = lines_of(
        packets("version 2", "ls-refs=unborn", "fetch") + packets(f"{A} refs/heads/main2", f"{B} refs/heads/main")
    )
    require_version_2(lines)
    assert answer_of(lines, "refs/heads/main") == B
    assert answer_of(lines_of(packets(f"{A} refs/heads/main2")), "refs/heads/main") is None
    with pytest.raises(NotUnderstood):
        require_version_2(lines_of(packets(f"{A} refs/heads/main{ABLE}")))


def bands(*packets: bytes, end: bytes = b"0000") -> bytes:
    return b"000dpackfile\n" + b"".join(b"%04x%s" % (len(packet) + 4, packet) for packet in packets) + end


def test_a_pack_comes_on_the_first_band():
    assert list(pieces_of_pack(lines_of(bands(b"\1PACK", b"\2words", b"\1more")))) == [b"PACK", b"more"]


@pytest.mark.parametrize(
    "data",
    [
        packets("shallow-info"),
        packets("acknowledgments", "NAK"),
        bands(b"\1PACK", end=b""),
        bands(b"\1PACK", b"\3it died"),
        bands(b"\1PACK", b""),
        bands(b"\1PACK", end=b"0001"),
    ],
)
def test_what_is_not_all_of_a_pack_is_not_understood(data):
    with pytest.raises(NotUnderstood):
        list(pieces_of_pack(lines_of(data)))


def test_the_request_asks_for_branches_tags_and_the_default_branch_alone():
    assert ls_refs() == (
        b"0014command=ls-refs\n00010009peel\n000csymrefs\n0014ref-prefix HEAD\n"
        b"001bref-prefix refs/heads/\n001aref-prefix refs/tags/\n0000"
    )


def test_an_answer():
    refs = parse_ls_refs(
        packets(
            f"{A} HEAD symref-target:refs/heads/main",
            f"{A} refs/heads/main",
            f"{B} refs/tags/v1 peeled:{A}",
            f"{B} refs/pull/1/head",
        )
    )
    assert refs.tips == {"refs/heads/main": A, "refs/tags/v1": B}
    assert refs.peeled == {"refs/tags/v1": A}
    assert refs.head == "refs/heads/main"
    assert parse_ls_refs(b"0000").tips == {}
    assert parse_ls_refs(packets(f"{A} HEAD")).head is None


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"000",
        b"00000000",
        b"zzzz",
        b"-001",
        b"0001",
        b"0002",
        packets(f"{A} refs/heads/main", end=b""),
        packets(f"{A} refs/heads/main", end=b"0000x"),
        packets(f"{A} refs/heads/main", end=b"00010000"),
        b"0100" + A.encode() + b" refs/heads/main\n0000",
        packets("ERR access denied"),
        packets("nonsense"),
        packets("unborn refs/heads/main"),
        packets(f"{A} refs/tags/v1 peeled:{A[:-1]}"),
        b"001e# service=git-upload-pack\n0000",
    ],
)
def test_anything_else_is_left_to_git(answer: bytes):
    with pytest.raises(NotUnderstood):
        parse_ls_refs(answer)
