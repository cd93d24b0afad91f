"""The audit log on disk: appended to, never cut."""

from __future__ import annotations

import hashlib

import pytest

from git_hybrid.core.audit import Event, extend, record_hash
from git_hybrid.core.canonical import canonical_json
from git_hybrid.core.errors import InvalidFile, LocalIo, NewerSchema
from git_hybrid.store import chain
from git_hybrid.store.chain import append_records, read_log, segment_of
from git_hybrid.store.wire import RecordShape
from support.samples import NOW


def _append(path, *names: str) -> None:
    events = [Event(event=name) for name in names]
    tail = read_log(path).tail
    append_records(path, extend(tail, events, at=NOW, operator="o", command_id="c", log_id="l"))


def _events(path) -> list[object]:
    return [record["event"] for record in read_log(path).records]


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "audit.jsonl"
    _append(path, "one", "two")
    return path


def test_no_log_is_an_empty_log(tmp_path):
    found = read_log(tmp_path / "none")
    assert (found.records, found.tail.heads, found.tail.seq) == ((), (), 0)


def test_nothing_to_append_makes_no_file(tmp_path):
    append_records(tmp_path / "none", [])
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("keep", [1, 40, -2])
def test_a_torn_tail_is_declared_and_never_cut(log, keep):
    whole = log.read_bytes()
    last = whole.splitlines()[-1]
    torn = whole[: -len(last) - 1] + last[:keep]
    log.write_bytes(torn)
    assert _events(log) == ["one"]
    _append(log, "three")
    data = log.read_bytes()
    assert data.startswith(torn + b"\n")
    assert _events(log) == ["one", "three"]
    half = last[:keep]
    assert read_log(log).records[-1]["torn"] == [{"len": len(half), "sha256": hashlib.sha256(half).hexdigest()}]
    _append(log, "four")
    assert "torn" not in read_log(log).records[-1]
    # Of what is written nothing is missing in the schema.
    assert {key for record in read_log(log).records for key in record} <= set(RecordShape.__struct_fields__)


def test_a_whole_last_line_without_newline_is_a_record(log):
    log.write_bytes(log.read_bytes()[:-1])
    _append(log, "three")
    assert _events(log) == ["one", "two", "three"]
    assert "torn" not in read_log(log).records[-1]


def test_a_torn_tail_twice(log):
    for _ in range(2):
        with open(log, "ab") as file:
            file.write(b'{"half')
        _append(log, "more")
    assert _events(log) == ["one", "two", "more", "more"]


@pytest.mark.parametrize(
    ("old", "new"), [(b'"one"', b'"won"'), (b'"operator":"o"', b'"operator":"p"'), (b'"seq":1', b'"seq":7')]
)
def test_a_changed_record_in_the_middle_is_found(log, old, new):
    log.write_bytes(log.read_bytes().replace(old, new, 1))
    with pytest.raises(InvalidFile) as caught:
        read_log(log)
    assert caught.value.problems[0].place == "line 1"


def test_every_changed_record_is_named(log):
    _append(log, "three", "four")
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"x" + lines[0] + b"y" + lines[1] + lines[2] + lines[3])
    with pytest.raises(InvalidFile) as caught:
        read_log(log)
    assert [problem.place for problem in caught.value.problems] == ["line 1", "line 2"]


def test_a_record_of_a_newer_version_is_refused_and_one_that_was_edited_to_be_newer_is_not_whole(log):
    *_, last = read_log(log).records
    newer = {**last, "v": 2}
    log.write_bytes(log.read_bytes() + canonical_json({**newer, "hash": record_hash(newer)}) + b"\n")
    with pytest.raises(NewerSchema):
        read_log(log)
    assert not segment_of("log", canonical_json(newer) + b"\n").lines[0].whole


def forged(record: dict[str, object], **changed: object) -> bytes:
    """Return a line with the hash of *record* that says something else: the hash of its rest stands further behind."""
    line, mark = canonical_json({**record, **changed, "zz": {"hash": "0" * 64, "n": 1}}), b"0" * 64
    at = line.rfind(mark)
    return line.replace(mark, hashlib.sha256(line[: at - 8] + line[at + 66 :]).hexdigest().encode())


def hashed(record: dict[str, object], **changed: object) -> bytes:
    made = {**record, **changed}
    return canonical_json({**made, "hash": record_hash(made)})


@pytest.mark.parametrize("where", ["end", "middle"])
def test_a_line_is_a_record_in_one_spelling_and_with_known_keys_alone(log, where):
    one, two = read_log(log).records
    good = canonical_json(two)
    bad = {
        "forged": forged(two, operator="Eve"),
        "strange": hashed(two, zz=1),
        "torn": hashed(two, torn=[{"len": 1, "sha256": "0" * 64, "source": "tool"}]),
        "spaced": good.replace(b'":', b'": '),
        "blank": b" " + good,
        "escaped": good.replace(b'"two"', b'"tw\\u006f"'),
        "raw": hashed(two, operator="a\x7f").replace(b"\\u007f", b"\x7f"),
        "utf-8": hashed(two, operator="\u00e9").replace(b"\\u00e9", "\u00e9".encode()),
    }
    after = b"" if where == "end" else hashed({**two, "seq": 3, "prev": [two["hash"]]}) + b"\n"
    for name, line in bad.items():
        log.write_bytes(canonical_json(one) + b"\n" + line + b"\n" + after)
        assert not segment_of("log", log.read_bytes()).lines[1].whole, name
        assert segment_of("log", log.read_bytes()).lines[1].record is not None, name
        assert not chain.is_record(line), name
        with pytest.raises(InvalidFile) as caught:
            read_log(log)
        assert [problem.place for problem in caught.value.problems] == ["line 2"], name
    for line in (
        good,
        hashed(two, operator="a\x7f"),
        hashed(two, operator="Zo\u00eb", detail={"text": "\x01\u2028", "n": 2**70}),
    ):
        assert chain.is_record(line)
    assert chain.is_record(hashed(two, v=2, zz=1))
    assert not chain.is_record(b'{"half')


def test_what_is_no_json_is_not_spelled_anew():
    assert chain.respelled(b'{"a": 1}') == b'{"a":1}'
    assert chain.respelled(b'{"a":') == chain.respelled(b'{"a":1.5}') == b""


def test_of_a_log_that_grew_the_new_lines_alone_are_read(log, monkeypatch):
    read = []

    def one(line: bytes) -> object:
        read.append(line)
        return known(line)

    known = chain._parse
    _events(log)
    monkeypatch.setattr(chain, "_parse", one)
    assert _events(log) == ["one", "two"]
    assert read == [b""]
    _append(log, "three")
    read.clear()
    assert _events(log) == ["one", "two", "three"]
    assert [line[:1] for line in read] == [b"{", b""]


def test_a_log_that_is_another_one_now_is_read_anew(log):
    _append(log, "three")
    assert _events(log) == ["one", "two", "three"]
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(lines[0])
    assert _events(log) == ["one"]
    log.write_bytes(lines[0] + lines[2])
    assert _events(log) == ["one", "three"]
    log.write_bytes(b"".join(lines) + lines[0][:20])
    assert _events(log) == ["one", "two", "three"]
    log.write_bytes(b"".join(lines[:2]) + b"\n" + lines[2])
    assert _events(log) == ["one", "two", "three"]


def test_blank_lines_are_nothing(log):
    log.write_bytes(log.read_bytes().replace(b"\n", b"\n\n"))
    assert _events(log) == ["one", "two"]


def test_a_log_that_cannot_be_read_is_told_by_whoever_appends(tmp_path):
    with pytest.raises(LocalIo, match="Is a directory"):
        append_records(tmp_path, [{"seq": 1}])
