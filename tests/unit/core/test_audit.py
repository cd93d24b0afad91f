from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from git_hybrid.core.audit import Event, Record, Tail, as_told, extend, odd_key, record_hash, tail_of
from support.values import NOW, OPERATOR, RUN


def append(tail: Tail, *events: Event) -> tuple[Record, ...]:
    return extend(tail, events, at=NOW, operator=OPERATOR, command_id=RUN, log_id="log-7")


FIRST = Event(event="clone", source="tool", after="1" * 40)
SECOND = Event(event="pin", source="tool", before="1" * 40, after="2" * 40, detail={"ref": "refs/heads/main"})


def test_the_first_record_starts_the_log() -> None:
    (record,) = append(Tail(), FIRST)
    assert {key: value for key, value in record.items() if key != "hash"} == {
        "v": 1,
        "seq": 1,
        "at": "2026-07-20T12:00:00Z",
        "operator": OPERATOR,
        "command_id": RUN,
        "event": "clone",
        "source": "tool",
        "after": "1" * 40,
        "prev": [],
        "log_id": "log-7",
    }


def test_the_hash_covers_the_canonical_json_of_everything_else() -> None:
    (record,) = append(Tail(), SECOND)
    rest = {key: value for key, value in record.items() if key != "hash"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":")).encode("ascii")
    assert record["hash"] == hashlib.sha256(text).hexdigest() == record_hash(record) == record_hash(rest)


def test_records_name_the_one_before_them() -> None:
    first, second, third = append(Tail(), FIRST, SECOND, FIRST)
    assert [record["seq"] for record in (first, second, third)] == [1, 2, 3]
    assert second["prev"] == [first["hash"]]
    assert third["prev"] == [second["hash"]]
    assert second["before"] == "1" * 40
    assert second["detail"] == {"ref": "refs/heads/main"}


def test_a_log_that_has_begun_gets_no_second_log_id() -> None:
    begun = append(Tail(), FIRST, SECOND)
    (more,) = append(tail_of(begun), FIRST)
    assert [("log_id" in record) for record in (*begun, more)] == [True, False, False]
    assert more["seq"] == 3
    assert more["prev"] == [begun[-1]["hash"]]


def test_nothing_to_say_appends_nothing() -> None:
    assert append(Tail(heads=("a",), seq=4)) == ()


def test_a_float_in_the_detail_is_refused() -> None:
    wrong: Any = {"seconds": 1.5}
    with pytest.raises(TypeError):
        append(Tail(), Event(event="x", detail=wrong))


def test_torn_bytes_are_declared_once_by_the_next_record() -> None:
    torn: Sequence[Mapping[str, Any]] = ({"len": 12, "sha256": "ab" * 32},)
    begun = append(Tail(), FIRST)
    first, second = append(tail_of(begun, torn), FIRST, SECOND)
    assert first["torn"] == [{"len": 12, "sha256": "ab" * 32}]
    assert "torn" not in second
    assert record_hash({**first, "torn": []}) != first["hash"]


def test_two_branches_merge_by_union_and_the_next_record_names_both_heads() -> None:
    base = append(Tail(), FIRST)
    ours = append(tail_of(base), SECOND, FIRST)
    theirs = append(tail_of(base), FIRST)
    merged = [*base, *ours, *theirs]
    tail = tail_of(merged)
    assert tail.heads == (ours[-1]["hash"], theirs[-1]["hash"])
    assert tail.seq == 3
    (joined,) = append(tail, SECOND)
    assert joined["prev"] == list(tail.heads)
    assert joined["seq"] == 4
    assert tail_of([*merged, joined]).heads == (joined["hash"],)


def test_a_line_that_a_union_merge_doubled_is_one_head() -> None:
    base = append(Tail(), FIRST)
    assert tail_of([*base, *base]).heads == (base[0]["hash"],)


def test_the_order_of_lines_after_a_merge_does_not_change_the_heads() -> None:
    records = append(Tail(), FIRST, SECOND, FIRST)
    assert tail_of(records[::-1]) == tail_of(records)


def test_an_empty_log_has_an_empty_tail() -> None:
    assert tail_of([]) == Tail()


@pytest.mark.parametrize("damage", [{"prev": None}, {"prev": 7}, {"seq": None}, {"seq": "9"}])
def test_a_damaged_field_links_to_nothing(damage: dict[str, Any]) -> None:
    (record,) = append(Tail(), FIRST)
    tail = tail_of([{**record, **damage}])
    assert tail.heads == (record["hash"],)
    assert tail.seq == (1 if "prev" in damage else 0)


FINDING = {"id": "a", "level": "high"}
MOVE = {"source": "tool", "before": "1" * 40, "after": "2" * 40}
TABLE = dict.fromkeys(("pin_sha256", "url", "ref", "tree", "content_sha256", "tag"), "a")


@pytest.mark.parametrize(
    "record",
    [
        {"event": "from a later version", "detail": {"findings": 5}},
        {"event": "pin", **MOVE, "detail": {"ref": "refs/heads/main", "rests_on": None, "sources": 7}},
        {"event": "pin", "source": "tool", "after": "2" * 64},
        {"event": "pin", **MOVE, "detail": {**TABLE, "followed": "branch main"}},
        {"event": "scan", "detail": {"state": "findings", "counts": {"high": 1}, "findings": [FINDING], "tree": None}},
        {"event": "override", **MOVE, "detail": {"override": "ovr-1", "findings": ["a"], "waived": None}},
        {"event": "mirror-add", "detail": {"mirror": "corp", "base_url": "https://example.org", "owner": "Ada"}},
        {"event": "bundle-apply", "after": "3" * 64, "detail": {"log_id": "", "log_seq": 0}},
        {"event": "rotated", "detail": {"archive": "sources-audit-2026.jsonl", "count": 1, "sha256": "0" * 64}},
    ],
)
def test_a_record_that_tells_what_its_event_takes_counts_as_it_is(record: Record) -> None:
    assert as_told(record) is record


@pytest.mark.parametrize(
    ("event", "key", "more"),
    [
        *[("pin", key, MOVE | {key: "7"}) for key in ("before", "after")],
        *[("pin", key, {name: MOVE[name] for name in MOVE.keys() - {key}}) for key in ("source", "after")],
        ("pin", "rests_on", {**MOVE, "detail": {"rests_on": ["ovr-1"]}}),
        *[("pin", "root_commits", {**MOVE, "detail": {"root_commits": odd}}) for odd in ("1" * 40, [1])],
        *[("scan", "findings", {"detail": {"findings": odd}}) for odd in (5, "a", [{}], ["a"], [{**FINDING, "id": 1}])],
        *[("scan", "findings", {"detail": {"findings": [{**FINDING, "level": odd}]}}) for odd in ("odd", [], None)],
        *[("bundle-scan", "counts", {"detail": {"counts": odd}}) for odd in ([1], {"high": "1"}, {"high": True})],
        *[("scan", "scanners", {"detail": {"scanners": odd}}) for odd in ({}, ["x"], [{"state": "odd"}])],
        ("pin", "commit", {**MOVE, "detail": {"commit": 1}}),
        *[
            ("pin", key, {**MOVE, "detail": {name: told for name, told in TABLE.items() if name != key}})
            for key in ("url", "ref", "tree", "content_sha256")
        ],
        ("pin", "pin_sha256", {**MOVE, "detail": {"pin_sha256": None}}),
        *[
            ("pin", "tag, branch, version or commit", {**MOVE, "detail": {**TABLE, "tag": odd, "branch": odd}})
            for odd in ("v1", None)
        ],
        ("override", "override", {**MOVE, "detail": {}}),
        *[("override-renewed", "lifts", {**MOVE, "detail": {"override": "ovr-1", "lifts": odd}}) for odd in ("a", [1])],
        *[("override", "expires_at", {**MOVE, "detail": {"override": "ovr-1", "expires_at": odd}}) for odd in ("x", 5)],
        *[
            ("override", "approvers", {**MOVE, "detail": {"override": "ovr-1", "approvers": odd}})
            for odd in ("a", ["a"], [{"id": "bea"}], [{"id": "bea", "at": "whenever"}])
        ],
        *[("mirror-add", "mirror", {"detail": detail}) for detail in ({"mirror": ["a"]}, {})],
        ("bundle-apply", "log_seq", {"detail": {"log_id": "x"}}),
        ("bundle-apply", "log_seq", {"detail": {"log_id": "x", "log_seq": "1"}}),
        ("rotated", "sha256", {"detail": {"archive": "x", "sha256": []}}),
    ],
)
def test_any_other_counts_as_one_of_no_event(event: str, key: str, more: Record) -> None:
    record = {"event": event, **more}
    assert odd_key(record) == key
    assert as_told(record) == {**record, "event": f"malformed {event}"}
