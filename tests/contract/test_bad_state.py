"""Whatever is wrong with state/sources.json: exit 2, the place is named, nothing is written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from git_hybrid.core.errors import NewerSchema
from git_hybrid.store.statefile import decode_state, encode_state
from support.samples import OID, STATE, URL

SHOWN = "state/sources.json"
ENTRY: dict[str, Any] = json.loads(STATE)["sources"][0]
REQUIRED = ("name", "repo_url", "commit_sha", "updated_at", "updated_by")

FIELDS: tuple[tuple[str, Any], ...] = (
    *(("name", value) for value in (1, None, "", "a b", "a.git", "../x", "a\u202eb", "x" * 101)),
    *(("repo_url", value) for value in (1, "", "http://x/y", "https://user:pass@example.org/x", "git@example.org:x")),
    *(("branch", value) for value in (1, None, "", "a..b", "-x", [])),
    *(("commit_sha", value) for value in (1, None, "", "abc", OID.upper(), OID + "0")),
    *(("updated_at", value) for value in (1, 1784199784, None, "", "yesterday", "2026-07-16T11:03:04")),
    *(("updated_at", value) for value in ("2026-07-16T11:03:04+02:00", "2026-13-16T11:03:04Z", "0000-01-01T00:00:00Z")),
    *(("updated_at", value) for value in ("２０２６-07-16T11:03:04Z", "2026-07-16T11:03:04Z\n", "2026-07-16")),
    *(("updated_by", value) for value in (1, None, [], "")),
    *(("command_id", value) for value in (1, None, "", "not-a-ulid")),
    *(("served_by", value) for value in (1, None, {}, "")),
    *(("audit_hash", value) for value in (1, None, "", "b" * 63, "B" * 64)),
    *(("notes", value) for value in (1, None, [])),
    *(("scan_status", value) for value in (None, "clean", [], {}, {"state": "fine"}, {"state": None})),
    ("scan_status", {"state": "clean"}),
    ("scan_status", {"state": "clean", "commit_sha": "x", "scanned_at": "2026-07-16T11:03:04Z"}),
    ("scan_status", {"state": "clean", "commit_sha": OID, "scanned_at": "now"}),
    ("scan_status", {"state": "missing", "counts": {"high": 1}}),
    ("scan_status", {"state": "missing", "counts": {"high": "1", "low": 0, "medium": 0}}),
    ("scan_status", {"state": "missing", "counts": {"high": 1.5, "low": 0, "medium": 0}}),
    ("scan_status", {"state": "missing", "counts": {"high": -1, "low": 0, "medium": 0}}),
    ("scan_status", {"state": "missing", "counts": {"high": 1, "low": 0, "medium": 0, "odd": 1}}),
    ("scan_status", {"state": "missing", "unknown": 1}),
    ("tag", "v1"),
    ("version", ">=1"),
    ("commit", OID),
    ("unknown", 1),
)

FILES = (
    ("empty", b"", "line 1"),
    ("blank", b"\n\n", "line"),
    ("null", b"null", "JSON object"),
    ("number", b"5", "JSON object"),
    ("text", b'"x"', "schema_version"),
    ("no version", b'{"sources": []}', "schema_version"),
    ("version null", b'{"schema_version": null, "sources": []}', "schema_version"),
    ("version text", b'{"schema_version": "1", "sources": []}', "schema_version"),
    ("version true", b'{"schema_version": true, "sources": []}', "schema_version"),
    ("version float", b'{"schema_version": 1.0, "sources": []}', "schema_version"),
    ("version zero", b'{"schema_version": 0, "sources": []}', "schema_version"),
    ("version negative", b'{"schema_version": -1, "sources": []}', "schema_version"),
    ("no sources", b'{"schema_version": 1}', "sources"),
    ("sources is object", b'{"schema_version": 1, "sources": {}}', "sources"),
    ("sources is null", b'{"schema_version": 1, "sources": null}', "sources"),
    ("entry is text", b'{"schema_version": 1, "sources": ["x"]}', "sources[0]"),
    ("entry is null", b'{"schema_version": 1, "sources": [null]}', "sources[0]"),
    ("unknown key", b'{"schema_version": 1, "sources": [], "more": 1}', "more"),
    ("key twice", b'{"schema_version": 1, "schema_version": 1}', "'schema_version' twice"),
    ("key twice inside", STATE.replace('"name": "tool"', '"name": "a", "name": "tool"').encode(), "'name' twice"),
    ("trailing comma", b'{"schema_version": 1,}', "line 1"),
    ("comment", b'// x\n{"schema_version": 1}', "line 1"),
    ("two documents", STATE.encode() * 2, "line"),
    ("cut", STATE.encode()[:-30], "line"),
    ("nan", b'{"schema_version": 1, "sources": [], "x": NaN}', "NaN"),
    ("infinity", b'{"schema_version": -Infinity}', "Infinity"),
    ("version nan", b'{"schema_version": NaN}', "NaN"),
    ("half pair", b'{"schema_version": 1, "sources": [], "x": "\\ud800"}', "surrogate"),
    ("half pair as key", b'{"schema_version": 1, "sources": [], "\\udfff": 1}', "surrogate"),
    ("surrogate bytes", b'{"schema_version": 1, "x": "\xed\xa0\x80"}', "line 1"),
    ("nul", b'{"schema_version": 1, "x": "\0"}', "line 1"),
    ("nul after", STATE.encode() + b"\0", "line"),
    ("utf-16", STATE.encode("utf-16"), "line 1"),
    ("utf-16 without mark", STATE.encode("utf-16-be"), "line 1"),
    ("utf-32", STATE.encode("utf-32"), "line 1"),
    ("latin-1", STATE.replace("—", "é").encode("latin-1"), "line"),
    ("mark", b"\xef\xbb\xbf" + STATE.encode(), "line 1"),
    ("brackets", b"[" * 100_000, "nested too deeply"),
    ("whole brackets", b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
    ("braces", b'{"a":' * 100_000, "nested too deeply"),
    ("nested entry", b'{"schema_version": 1, "sources": [' + b"[" * 900 + b"]" * 900 + b"]}", "sources"),
    ("long number", b'{"schema_version": ' + b"9" * 5_000 + b"}", "has a number with too many digits"),
    ("long exponent", b'{"schema_version": 1e400}', "schema_version"),
)


def _document(*entries: dict[str, Any]) -> str:
    return json.dumps({"schema_version": 1, "sources": list(entries)}, ensure_ascii=False)


def test_the_valid_state_is_valid(files, cli):
    assert set(decode_state(STATE.encode()).sources) == {"tool"}
    assert cli("status").code == 0


@pytest.mark.parametrize(("key", "value"), FIELDS)
def test_field(files, refused, key, value):
    files.write(SHOWN, _document(ENTRY | {key: value}))
    err = refused(file=SHOWN)
    assert "sources[0]" in err
    assert "pass@" not in err


@pytest.mark.parametrize("key", REQUIRED)
def test_required_field(files, refused, key):
    files.write(SHOWN, _document({name: value for name, value in ENTRY.items() if name != key}))
    err = refused(file=SHOWN)
    assert "sources[0]" in err
    assert key in err


@pytest.mark.parametrize(("data", "place"), [case[1:] for case in FILES], ids=[case[0] for case in FILES])
@pytest.mark.parametrize("command", ["status", "sync"])
def test_file(files, refused, data, place, command):
    files.write(SHOWN, data)
    assert place in refused(command, file=SHOWN)


@pytest.mark.parametrize("command", ["status", "sync", "pin", "resume", "diff"])
def test_newer_version_is_refused_untouched(files, cli, command):
    files.write(SHOWN, '{"schema_version": 2, "things": []}')
    before = files.files()
    done = cli(command)
    assert done.code == 2
    assert f"{SHOWN} was written by a newer git hybrid" in done.err
    assert files.files() == before


def test_an_empty_key_hides_no_newer_version():
    with pytest.raises(NewerSchema):
        decode_state(b'{"": [], "schema_version": 2}')


def test_every_bad_entry_in_one_run(files, refused):
    bad = (ENTRY | {"name": "a", "commit_sha": "x", "updated_at": "x"}, ENTRY | {"name": "b", "repo_url": "x"})
    files.write(SHOWN, _document(*bad, ENTRY | {"name": "c", "more": 1}, ENTRY | {"name": "d"}, ENTRY | {"name": "d"}))
    err = refused(file=SHOWN)
    for place in ("sources[0] (a).commit_sha", "sources[0] (a).updated_at", "sources[1] (b).repo_url"):
        assert place in err
    for place in ("sources[2] (c)", "sources[4] (d): stands twice"):
        assert place in err
    assert "sources[3]" not in err


def test_keys_that_reading_can_do_without_are_named_where_they_are_missing():
    assert decode_state(STATE.encode()).sources["tool"].lacking == ()
    for key in ("audit_hash", "command_id", "scan_status"):
        entry = {name: value for name, value in ENTRY.items() if name != key}
        state = decode_state(json.dumps({"schema_version": 1, "sources": [entry]}).encode())
        assert state.sources["tool"].lacking == (key,)


def test_version_0_migrates(files, cli):
    old = {"name": "tool", "repo_url": URL, "tag": "v1", "commit_sha": OID, "updated_at": "2026-07-16T11:03:04Z"}
    old["updated_by"] = "somebody"
    state = decode_state(json.dumps([old]).encode())
    assert state.sources["tool"].commit == OID
    assert state.sources["tool"].scan.state == "missing"
    assert state.sources["tool"].lacking == ()
    assert json.loads(encode_state(state))["schema_version"] == 1
    for written in ("2026-07-16T13:03:04+02:00", "2026-07-16T11:03:04.000001+00:00"):
        assert decode_state(json.dumps([old | {"updated_at": written}]).encode()) == state
    files.write(SHOWN, json.dumps([old]))
    before = files.files()
    assert cli("status").code == 0
    assert files.files() == before


_TIMELESS = [
    {key: value for key, value in ENTRY.items() if key in REQUIRED} | {"tag": "v1", "updated_at": written}
    for written in ("2026-07-16T11:03:04", "yesterday", "0001-01-01T00:00:00+02:00")
]


@pytest.mark.parametrize("entry", [{}, 1, {"name": "tool"}, ENTRY, None, *_TIMELESS])
def test_version_0_is_as_strict(files, refused, entry):
    files.write(SHOWN, json.dumps([entry]))
    assert "sources[0]" in refused(file=SHOWN)


def test_a_huge_file_is_refused(files, refused):
    files.write(SHOWN, b" " * (64 * 2**20 + 1))
    assert "MiB" in refused(file=SHOWN)
