"""A log that git has joined by lines, and its archives."""

from __future__ import annotations

from pathlib import Path

from git_hybrid.core.audit import Event, extend, tail_of
from git_hybrid.core.canonical import canonical_json
from git_hybrid.core.stages import THEIRS
from git_hybrid.store.layout import Layout
from git_hybrid.store.merging import in_order, merge_files
from support.values import NOW, OPERATOR, RUN

WHO = {"at": NOW, "operator": OPERATOR, "command_id": RUN, "log_id": "log"}


def test_each_record_comes_behind_those_that_it_names() -> None:
    (first,) = extend(tail_of(()), [Event(event="init")], **WHO)
    left = extend(tail_of([first]), [Event(event="a"), Event(event="b")], **WHO)
    right = extend(tail_of([first]), [Event(event="c")], **WHO)
    after = extend(tail_of([first, *left, *right]), [Event(event="d"), Event(event="e")], **WHO)
    lines = [canonical_json(record) + b"\n" for record in (first, *left, *after, *right)]
    whole = b"".join(lines)
    assert in_order(whole) == b"".join([*lines[:3], lines[5], *lines[3:5]])
    assert in_order(in_order(whole)) == in_order(whole)
    torn = whole + b"{"
    assert in_order(torn) == torn


def test_a_log_that_stands_the_other_way_round_comes_right_and_a_circle_stays() -> None:
    records = extend(tail_of(()), [Event(event=f"{number}") for number in range(9)], **WHO)
    lines = [canonical_json(record) + b"\n" for record in records]
    assert in_order(b"".join(reversed(lines))) == b"".join(lines)
    # What waits for a later line comes behind all that waits for none.
    assert in_order(b"".join([lines[1], lines[0], lines[8], lines[2]])) == b"".join(
        [lines[0], lines[8], lines[1], lines[2]]
    )
    circle = b"".join(canonical_json(record | {"prev": [record["hash"]]}) + b"\n" for record in records)
    assert in_order(circle) == circle


def test_what_one_side_added_in_a_folder_that_the_other_moved_is_left_to_nobody(tmp_path: Path) -> None:
    name = "state/sources-audit.2026.jsonl"
    (tmp_path / "state").mkdir()
    for text, left in ((b"theirs\n", ()), (b"edited\n", (name,))):
        (tmp_path / name).write_bytes(text)
        told = merge_files(Layout(tmp_path), {name: {THEIRS: b"theirs\n"}}, {}, is_made=False)
        assert (told.left, told.files) == (left, ())
