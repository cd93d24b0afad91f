"""What a store of the object cache says of itself, and which stores go first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

import pytest

from git_hybrid.core.cache_record import (
    PackFile,
    Seen,
    StoreLook,
    StoreRecord,
    answers,
    as_brought,
    decode_record,
    encode_record,
    folder_name,
    is_set_aside,
    is_store,
    parse_size,
    refreshed,
    to_prune,
)
from git_hybrid.core.ids import InvalidText, RefName, parse_url
from git_hybrid.core.ports_cache import Question
from git_hybrid.core.value import replace
from support.values import NOW, TOOL_URL, oid

MAIN, TAG = RefName("refs/heads/main"), RefName("refs/tags/v1")
MIRROR = "https://mirror.example.org/git.example.org/team/tool.git"


def seen(number: int = 1, *, served_by: str = TOOL_URL, ago: timedelta = timedelta(0)) -> Seen:
    return Seen(oid=oid(number), served_by=served_by, at=NOW - ago)


def record(**refs: Seen) -> StoreRecord:
    return StoreRecord(
        url=TOOL_URL,
        object_format="sha1",
        files={
            f"pack-{'a' * 40}.pack": PackFile(size=100, changed=1_700_000_000, checksum="a" * 40),
            f"pack-{'a' * 40}.idx": PackFile(size=20, changed=1_700_000_001, checksum="b" * 40),
        },
        refs={RefName(f"refs/heads/{name}"): found for name, found in refs.items()},
        fetched_at=NOW,
    )


def test_what_is_written_is_read():
    written = record(main=seen(), next=seen(2, served_by=MIRROR), more=replace(seen(3), brought_by=MIRROR))
    assert decode_record(encode_record(written)) == written
    assert written.packs == 1
    assert written.size == 120


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema_version",), 2),
        (("object_format",), "md5"),
        (("url",), "https://user:secret@git.example.org/x"),
        (("url",), None),
        (("fetched_at",), "yesterday"),
        (("files",), []),
        (("files", "../../etc/passwd"), [1, 1, "a" * 40]),
        (("files", f"pack-{'b' * 40}.pack"), ["1", 1, "a" * 40]),
        (("files", f"pack-{'b' * 40}.pack"), [1, 1.5, "a" * 40]),
        (("files", f"pack-{'b' * 40}.pack"), [1, 1, "not hex"]),
        (("files", f"pack-{'b' * 40}.pack"), [1, 1]),
        (("refs", "HEAD"), [oid(1), TOOL_URL, "2026-07-20T12:00:00Z"]),
        (("refs", "refs/heads/a..b"), [oid(1), TOOL_URL, "2026-07-20T12:00:00Z"]),
        (("refs", "refs/heads/x"), ["1" * 64, TOOL_URL, "2026-07-20T12:00:00Z"]),
        (("refs", "refs/heads/x"), [oid(1), 7, "2026-07-20T12:00:00Z"]),
        (("refs", "refs/heads/x"), [oid(1), TOOL_URL, "2026-07-20T12:00:00Z", 7]),
        (("refs", "refs/heads/x"), [oid(1)]),
    ],
)
def test_nothing_else_is_a_record(path, value):
    document = json.loads(encode_record(record(main=seen())))
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(InvalidText):
        decode_record(json.dumps(document).encode())


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b"{}", b"null", b"1", b"[" * 99_999])
def test_torn_bytes_are_no_record(data):
    with pytest.raises(InvalidText):
        decode_record(data)


def test_the_folder_tells_people_the_url_and_the_program_which_one():
    plain, other = parse_url("https://git.example.org/team/tool.git"), parse_url("https://git.example.org/team/tool")
    assert folder_name(plain).startswith("git.example.org+team+tool-")
    assert folder_name(plain).endswith(".git")
    assert folder_name(plain) != folder_name(other)
    assert folder_name(parse_url("file:///%41")).count("/") == 0
    assert folder_name(parse_url("file:///~")).startswith("store-")
    assert len(folder_name(parse_url("https://git.example.org/" + "x" * 900))) < 100
    assert is_store(folder_name(plain))
    assert not is_store("tool.git")
    assert is_set_aside(f"{folder_name(plain)}-1795975229230231211")
    # What stands beside a mirror's repositories, or beside clones, and may be somebody's only copy.
    assert not any(map(is_set_aside, (f"{folder_name(plain)}-01JD", "tool-17", folder_name(plain))))


def test_a_fetch_of_all_branches_forgets_those_that_upstream_has_no_more():
    old = {MAIN: seen(1), RefName("refs/heads/gone/x"): seen(2), TAG: seen(3)}
    assert refreshed(old, ["refs/heads/*"], {MAIN: seen(4)}) == {MAIN: seen(4), TAG: seen(3)}
    assert refreshed(old, ["refs/heads/main"], {MAIN: seen(4)}) == {**old, MAIN: seen(4)}


def answered(held: StoreRecord, refs: Sequence[str], **evidence: object) -> str | None:
    return answers(held, Question(refs=refs, **evidence))


def test_who_says_it_again_has_not_sent_it():
    old = {MAIN: seen(1, served_by=MIRROR), TAG: seen(2)}
    by_upstream = as_brought(old, {MAIN: seen(1), TAG: seen(2), RefName("refs/heads/new"): seen(3)})
    assert [found.origin for found in by_upstream.values()] == [MIRROR, TOOL_URL, TOOL_URL]
    assert answered(record(main=by_upstream[MAIN]), [MAIN], servers=frozenset({TOOL_URL})) == MIRROR
    assert as_brought(by_upstream, {TAG: seen(1, served_by=TOOL_URL)})[TAG].origin == MIRROR


def test_evidence_counts_from_servers_that_would_be_asked_and_while_it_is_young():
    held = record(main=seen(), old=seen(2, ago=timedelta(days=2)), far=seen(3, served_by=MIRROR))
    own, day = frozenset({TOOL_URL}), NOW - timedelta(days=1)
    assert answered(held, [MAIN], servers=own, since=day) == TOOL_URL
    assert answered(held, [MAIN, "refs/heads/old"], servers=own, since=None) == TOOL_URL
    assert answered(held, [MAIN, "refs/heads/old"], servers=own, since=day) is None
    assert answered(held, ["refs/heads/far"], servers=own, since=day) is None
    assert answered(held, ["refs/heads/far"], servers=None, since=day) == MIRROR
    assert answered(held, [MAIN], servers=own, since=day, until=NOW) == TOOL_URL
    assert answered(held, [MAIN], servers=own, since=day, until=day) is None, "its clock was ahead"
    assert answered(held, ["refs/heads/unknown"], servers=None, since=None) is None
    assert answered(held, [MAIN, "refs/heads/unknown"], servers=None, since=None) is None
    assert answered(held, [], servers=None, since=None) is None


def test_what_a_ref_is_by_now_must_be_what_was_said():
    held = record(main=seen(), old=seen(2, ago=timedelta(days=2), served_by=MIRROR))
    refs = [MAIN, "refs/heads/old"]
    tips = {ref: held.refs[RefName(ref)].oid for ref in refs}
    assert answered(held, refs, tips=tips) == TOOL_URL
    assert answered(held, refs, tips=tips | {"refs/heads/old": oid(3)}) is None
    assert answered(held, refs, tips={MAIN: tips[MAIN]}) is None


def look(name: str, *, size: int, days: int, busy: bool = False) -> StoreLook:
    used = NOW - timedelta(days=days)
    return StoreLook(folder=name, url=TOOL_URL, size=size, shared=0, packs=1, used_at=used, busy=busy)


A, B, C = look("a", size=10, days=1), look("b", size=20, days=40), look("c", size=30, days=90, busy=True)


@pytest.mark.parametrize(
    ("days", "size", "gone"),
    [
        (None, None, ()),
        (30, None, (B,)),
        (0, None, (A, B)),
        (None, 1000, ()),
        (None, 59, (B,)),
        (None, 35, (B, A)),
        (30, 35, (B, A)),
        (30, 40, (B,)),
        (None, 0, (B, A)),
    ],
)
def test_what_goes_is_what_was_not_used(days, size, gone):
    age = None if days is None else timedelta(days=days)
    assert to_prune([A, B, C], older_than=age, max_size=size, now=NOW) == gone


def test_what_was_never_filled_goes_unless_somebody_fills_it():
    left, filled_now = (replace(found, unfinished=True) for found in (A, C))
    assert to_prune([left, B, filled_now], older_than=None, max_size=None, now=NOW) == (left,)


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("12", 12), ("3B", 3), ("2k", 2048), ("1KiB", 1024), ("5G", 5 << 30), (" 1 ".strip(), 1)],
)
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "G", "-1", "1.5G", "1 G", "1X", "9" * 20])
def test_no_sizes(text):
    with pytest.raises(InvalidText):
        parse_size(text)
