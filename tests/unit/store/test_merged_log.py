"""A log that git has joined by lines, and its archives."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from git_hybrid.core.audit import Event, Record, extend, record_hash, tail_of
from git_hybrid.core.audit_verify import verify
from git_hybrid.core.canonical import canonical_json
from git_hybrid.core.digest import sha256_hex
from git_hybrid.core.errors import InvalidFile
from git_hybrid.core.files import LOG
from git_hybrid.core.stages import THEIRS
from git_hybrid.core.witnesses import Witnesses
from git_hybrid.store.chain import segment_of
from git_hybrid.store.layout import Layout
from git_hybrid.store.log_merge import Rejoined, as_recorded, in_order, rejoined, second_beginning
from git_hybrid.store.meanwhile import Watch
from git_hybrid.store.merging import merge_files
from git_hybrid.store.rotating import rotate
from support.samples import run_info
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
    # Lines that git has doubled as well stand in it once; where all are in order they may stay.
    assert in_order(whole + b"".join(lines[1:3])) == in_order(whole)
    assert in_order(in_order(whole) + lines[5]) == in_order(whole) + lines[5]
    torn = whole + b"{"
    assert in_order(torn) == torn


def test_a_second_beginning_is_found_and_the_first_one_again_is_none() -> None:
    one, other = (
        canonical_json(record) + b"\n"
        for log in ("one", "other")
        for record in extend(tail_of(()), [Event(event="init")], **(WHO | {"log_id": log}))
    )
    assert second_beginning(one + one) == second_beginning(one, [one]) == second_beginning(b"") == 0
    assert (second_beginning(one + other), second_beginning(other, [one])) == (2, 1)


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


def test_a_log_gets_back_the_records_that_it_names_and_no_others() -> None:
    base = extend(tail_of(()), [Event(event="init"), Event(event="add")], **WHO)
    ours = extend(tail_of(base), [Event(event="ours")], **WHO)
    left, right = (extend(tail_of(base), [Event(event=name), Event(event="pin")], **WHO) for name in ("a", "b"))
    (picked,) = extend(tail_of([*base, *left, *right]), [Event(event="picked")], **WHO)
    (after,) = extend(tail_of([*ours, picked]), [Event(event="after")], **WHO)
    (alien,) = extend(tail_of(()), [Event(event="alien")], **WHO)

    def lines(*records: Record) -> list[bytes]:
        return [canonical_json(record) for record in records]

    def log(*records: Record) -> bytes:
        return b"".join(line + b"\n" for line in lines(*records))

    short = log(*base, *ours, picked, after)
    whole = log(*base, *ours, *left, *right, picked, after)
    everywhere = lines(*base, *left, *right, picked, alien)
    assert rejoined(short, (), lambda: everywhere) == Rejoined(whole)
    # What an edited copy in another commit claims to be does not hide the record, wherever that is found.
    forged = [line.replace(b'"operator"', b'"operatoR"') for line in everywhere]
    assert rejoined(short, (), lambda: [*forged, *everywhere, *forged]) == Rejoined(whole)
    # What is in an archive is there, and other lines are for whoever verifies it.
    assert rejoined(short, [log(*left, *right)], lambda: everywhere) == Rejoined(short)
    assert rejoined(short + b"<<<<<<<\n", (), lambda: everywhere) == Rejoined(short + b"<<<<<<<\n")
    # One that is edited, or of another log, is not what was named.
    edited = [line.replace(b'"b"', b'"c"') for line in everywhere]
    some = log(*base, *ours, *left, right[1], picked, after)
    assert rejoined(short, (), lambda: edited) == Rejoined(some, is_short=True)
    (copied,) = extend(tail_of([alien]), [Event(event="copied")], **WHO)
    foreign = log(*base, copied)
    assert rejoined(foreign, (), lambda: everywhere) == Rejoined(foreign, is_short=True)
    begun = extend(tail_of(base), [Event(event="rotated", detail={"archive": "x"})], **WHO)
    (next_one,) = extend(tail_of(begun), [Event(event="next")], **WHO)
    assert rejoined(log(*ours, next_one), [log(*base)], lambda: lines(*begun)) == Rejoined(log(*ours, *begun, next_one))


def test_a_line_that_no_command_wrote_so_gives_way_to_the_record_that_it_was() -> None:
    records = extend(tail_of(()), [Event(event=f"{number}") for number in range(4)], **WHO)
    lines = [canonical_json(record) for record in records]
    whole, edited = _text(*lines), lines[1].replace(OPERATOR.encode(), b"Eve")
    strange = {**records[3], "zz": 1, "prev": [records[3]["hash"]], "seq": 5}
    strange |= {"hash": record_hash(strange)}

    def mended(*text: bytes, known: bytes = whole) -> bytes:
        return as_recorded(_text(*text), lambda: known.split(b"\n"))

    assert as_recorded(whole, list) == whole
    assert mended(lines[0], edited, *lines[2:]) == whole
    # Where the hash is right it is written anew; of two the first has its place; where the record stands, it stays.
    assert mended(lines[0], lines[1].replace(b'":', b'": '), *lines[2:], known=b"") == whole
    assert mended(lines[0], edited, edited, *lines[2:]) == whole
    assert mended(lines[0], edited, *lines[1:]) == mended(*lines[:3], b"junk", lines[3]) == whole
    assert mended(*lines, canonical_json(strange)) == mended(*lines, b"junk") == whole
    assert mended(lines[0], edited, known=edited) == _text(lines[0])
    # What may still grow, or is declared torn, stays.
    (torn,) = extend(tail_of(records, [{"len": 1, "sha256": sha256_hex(b"{")}]), [Event(event="t")], **WHO)
    assert as_recorded(whole + b"{", list) == whole + b"{"
    assert as_recorded(_text(*lines, b"{", canonical_json(torn), edited)[:-1], list).endswith(
        b"{\n" + canonical_json(torn)
    )


def _text(*lines: bytes) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def test_lines_that_git_doubled_are_archived_once(tmp_path: Path) -> None:
    records = extend(tail_of(()), [Event(event=name) for name in ("init", "add", "rotate")], **WHO)
    lines = [canonical_json(record) + b"\n" for record in records]
    invented = canonical_json(extend(tail_of(records[:1]), [Event(event="eve")], **WHO)[0]) + b"\n"
    log, archive = tmp_path / LOG, tmp_path / "state/sources-audit.2026.jsonl"
    log.parent.mkdir()
    for text, breaches in ((lines[:2], []), ([invented], ["fork"])):
        archive.unlink(missing_ok=True)
        log.write_bytes(b"".join([*lines[:2], *text, lines[2]]))
        rotate(log, archive, run_info(), Watch(log))
        segments = [segment_of(f"state/{path.name}", path.read_bytes()) for path in (archive, log)]
        assert [breach.id for breach in verify(segments, Witnesses())] == breaches


@pytest.mark.parametrize("whose", ["the run's", "another's", "edited"])
def test_an_archive_that_the_run_itself_began_is_written_anew(tmp_path: Path, whose: str) -> None:
    """It was killed between the archive and the new log, and a merge brought more records since."""
    info, log, archive = run_info(), tmp_path / LOG, tmp_path / "state/sources-audit.2026.jsonl"
    run = str(info.run) if whose != "another's" else str(WHO["command_id"])
    records = extend(tail_of(()), [Event(event=name) for name in ("init", "rotate")], **{**WHO, "command_id": run})
    merged = extend(tail_of(records[:1]), [Event(event="theirs")], **WHO)
    own, more = (b"".join(canonical_json(record) + b"\n" for record in some) for some in (records, merged))
    log.parent.mkdir()
    archive.write_bytes(own.replace(b'"init"', b'"eve"') if whose == "edited" else own)
    archive.chmod(0o444)
    log.write_bytes(own + more)
    with nullcontext() if whose == "the run's" else pytest.raises(InvalidFile, match="another one"):
        rotate(log, archive, info, Watch(log))
    assert (archive.read_bytes() == own + more) == (whose == "the run's")
    assert (log.read_bytes() == own + more) == (whose != "the run's")


def test_what_one_side_added_in_a_folder_that_the_other_moved_is_left_to_nobody(tmp_path: Path) -> None:
    name = "state/sources-audit.2026.jsonl"
    (tmp_path / "state").mkdir()
    for text, left in ((b"theirs\n", ()), (b"edited\n", (name,))):
        (tmp_path / name).write_bytes(text)
        told = merge_files(Layout(tmp_path), {name: {THEIRS: b"theirs\n"}}, {}, is_made=False)
        assert (told.left, told.files) == (left, ())
