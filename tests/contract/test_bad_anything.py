"""Random damage to valid files: the readers raise HybridError or return a value, and both soon."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from git_hybrid.core.errors import HybridError
from git_hybrid.store.chain import read_log
from git_hybrid.store.lockfile import decode_lock
from git_hybrid.store.manifest import decode_manifest
from git_hybrid.store.runs import read_journal, read_marker
from git_hybrid.store.statefile import decode_state
from support.samples import LOCK, MANIFEST, RUN, STATE

SECONDS = 1.0
PIECES = [b"", b"\0", b"\xff", b"\n", b'"', b"'''", b"[", b"]" * 50, b"{" * 50, b"=", b".", b"#", b"\\u", b"\\ud800"]
PIECES += [b"9" * 400, b"-0", b"1e999", b"nan", b"null", b"true", b"0001-01-01T00:00:00+23:59", b"9999-12-31", b"[["]
PIECES += [
    b"\xe2\x80\xae",
    b"\xef\xbb\xbf",
    b"\r",
    b"..",
    b"%2e",
    b"$",
    b"[source.tool]\n",
    b"source = 1\n",
    b" " * 300,
]

common = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
edits = st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 40), st.sampled_from(PIECES)), min_size=1, max_size=6)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def _damaged(text: str, changes: list[tuple[int, int, bytes]]) -> bytes:
    data = text.encode("utf-8")
    for place, length, piece in changes:
        start = place % (len(data) + 1)
        data = data[:start] + piece + data[start + length :]
    return data


def _survives(decode: Callable[[bytes], object], data: bytes) -> None:
    start = time.process_time()
    with contextlib.suppress(HybridError):
        decode(data)
    assert time.process_time() - start < SECONDS


@common
@given(edits)
def test_damaged_manifest(changes):
    _survives(decode_manifest, _damaged(MANIFEST + '[defaults]\nretry = { initial = "1s" }\n', changes))


@common
@given(edits)
def test_damaged_lock(changes):
    _survives(decode_lock, _damaged(LOCK, changes))


@common
@given(edits)
def test_damaged_state(changes):
    _survives(decode_state, _damaged(STATE, changes))


def test_the_last_of_many_keys_twice():
    keys = [*range(30_000), 29_999]
    _survives(decode_state, ("{" + ",".join(f'"{key}":1' for key in keys) + "}").encode())


@common
@given(st.binary(max_size=400))
def test_any_bytes(data):
    for decode in (decode_manifest, decode_lock, decode_state):
        _survives(decode, data)


@common
@given(st.sampled_from(sorted(json.loads(STATE)["sources"][0])), json_values)
def test_any_value_in_a_state_entry(key, value):
    document = json.loads(STATE)
    document["sources"][0][key] = value
    _survives(decode_state, json.dumps(document).encode())


@common
@given(json_values)
def test_any_json_as_state(value):
    _survives(decode_state, json.dumps(value).encode())


@common
@given(json_values)
def test_any_json_as_marker(tmp_path, value):
    path = tmp_path / "resume.json"
    path.write_text(json.dumps(value))
    _survives(lambda _: read_marker(path), b"")


@common
@given(st.lists(json_values, max_size=3))
def test_any_json_as_journal(tmp_path, lines):
    path = tmp_path / "run.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    _survives(lambda _: read_journal(path, "state/journal/run.jsonl"), b"")


@common
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "t": st.sampled_from(["begin", "phase", "decision", "recorded", "attempt"]),
            "run": st.just(RUN) | json_values,
            "command": json_values,
            "started_at": st.just("2026-07-16T11:03:04Z") | json_values,
            "operator": json_values,
            "log_id": json_values,
            "tasks": st.just([]) | json_values,
        },
    ),
    st.lists(
        st.fixed_dictionaries(
            {"t": st.sampled_from(["phase", "decision", "recorded", "attempt", "x"])},
            optional=dict.fromkeys(
                ("source", "phase", "served_by", "events", "entries", "pins", "dropped", "manifest", "sources"),
                json_values,
            ),
        ),
        max_size=3,
    ),
)
def test_any_fields_of_a_journal(tmp_path, first, lines):
    path = tmp_path / "run.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in [first, *lines]))
    _survives(lambda _: read_journal(path, "state/journal/run.jsonl"), b"")


@common
@given(st.lists(json_values | st.binary(max_size=30), max_size=4))
def test_any_lines_as_audit_log(tmp_path, lines):
    path = tmp_path / "audit.jsonl"
    path.write_bytes(
        b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
    )
    _survives(lambda _: read_log(path), b"")


@pytest.mark.parametrize("count", [100, 3_000])
@pytest.mark.parametrize("head", [b"", b"[", b"x = {"])
def test_long_dotted_keys_cost_no_time(head, count):
    _survives(decode_manifest, b"schema_version = 1\n" + head + b".".join([b"a"] * count) + b" = 1")
