"""The files as they are written: one sequence of bytes for one value."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from datetime import timedelta

import pytest

from git_hybrid.core.audit import Event, extend, record_hash, tail_of
from git_hybrid.core.errors import InvalidFile
from git_hybrid.core.lock import Lock
from git_hybrid.core.reducer import Decision
from git_hybrid.core.state import State
from git_hybrid.core.value import replace
from git_hybrid.store.chain import append_records, read_log
from git_hybrid.store.layout import Layout
from git_hybrid.store.ledger import FileLedger
from git_hybrid.store.lockfile import decode_lock, encode_lock
from git_hybrid.store.manifest import decode_manifest
from git_hybrid.store.manifest_edit import NEW_MANIFEST, add_sources, remove_sources
from git_hybrid.store.mirrorfile import decode_mirrors
from git_hybrid.store.overridefile import decode_overrides
from git_hybrid.store.receiptfile import decode_receipt
from git_hybrid.store.statefile import decode_state, encode_state
from support.samples import LOCK, MANIFEST, NOW, OID, STATE, pin_of, run_info, source, state_of

EVENTS = [Event(event="clone", source="tool", after=OID, detail={"ref": "refs/heads/main"}), Event(event="pin")]


def _extend(tail, events=EVENTS, **changes):
    facts = {"at": NOW, "operator": "Ö <o@example.org>", "command_id": "id", "log_id": "ab"} | changes
    return extend(tail, events, **facts)


def test_state_is_stable():
    assert encode_state(decode_state(STATE.encode())) == STATE.encode()


def test_lock_is_stable():
    assert encode_lock(decode_lock(LOCK.encode())) == LOCK.encode()


def test_state_is_sorted_json_of_two_spaces():
    names = ["b", "a", "C", "a-b"]
    state = State(sources={source(name).name: state_of(source(name)) for name in names})
    data = encode_state(state)
    document = json.loads(data)
    assert data == (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
    assert [entry["name"] for entry in document["sources"]] == sorted(names)
    assert document["schema_version"] == 1
    wanted = {"name", "repo_url", "branch", "commit_sha", "updated_at", "updated_by", "scan_status"}
    assert all(wanted <= entry.keys() for entry in document["sources"])
    assert document["sources"][0]["scan_status"]["state"] == "missing"


def test_lock_tables_are_sorted_and_have_no_time_of_a_run():
    pins = {source(name).name: pin_of(source(name)) for name in ("b", "a", "C")}
    data = encode_lock(Lock(pins=pins))
    assert data == encode_lock(Lock(pins=dict(reversed(pins.items()))))
    assert re.findall(rb"^\[source\.(.*)\]$", data, re.MULTILINE) == [b"C", b"a", b"b"]
    document = tomllib.loads(data.decode())
    assert set(document) == {"lock_version", "source"}
    times = {key for entry in document["source"].values() for key in entry if "time" in key or key[-2:] == "at"}
    assert times == {"commit_time"}
    assert data.endswith(b"\n")
    assert b"2026-07-16T11:03:04Z" in data


def test_lock_has_every_required_field():
    entry = tomllib.loads(encode_lock(Lock(pins={source().name: pin_of(source())})).decode())["source"]["tool"]
    wanted = "url ref commit tree reachable_from content_sha256 commit_time first_seen config_digest"
    assert entry.keys() == set(wanted.split())
    assert entry["commit_time"].tzinfo is not None


def test_empty_files():
    assert decode_lock(encode_lock(Lock())) == Lock()
    assert decode_state(encode_state(State())) == State()
    assert json.loads(encode_state(State())) == {"schema_version": 1, "sources": []}


@pytest.mark.parametrize("data", [b"", b"{", b"[source.", b"\xff", b"3", b"{}", b"a = 1"])
def test_what_cannot_be_read_is_told_with_what_mends_that_file(data):
    decoders = {
        "git checkout HEAD -- state/sources.json": decode_state,
        "git checkout HEAD -- state/sources.lock": decode_lock,
        "git checkout HEAD -- state/sources-mirrors.json": decode_mirrors,
        "git hybrid override restore": decode_overrides,
        "git hybrid bundle apply FILE": lambda data: decode_receipt(data, "r.json"),
    }
    for mend, decode in decoders.items():
        assert _refused(decode, data).mend.endswith(f": {mend}")
    assert ("is empty" in str(_refused(decode_state, data))) == (not data)


def _refused(decode, data):
    with pytest.raises(InvalidFile) as told:
        decode(data)
    return told.value


def test_values_survive_a_round_trip():
    entry = replace(state_of(source()), command_id=run_info().run, audit_hash="a" * 64)
    state = State(sources={source().name: entry})
    lock = Lock(pins={source().name: pin_of(source())})
    assert decode_state(encode_state(state)) == state
    assert decode_lock(encode_lock(lock)) == lock


def test_times_keep_no_fraction_and_end_with_z():
    entry = state_of(source())
    late = NOW + timedelta(microseconds=999_999)
    state = State(sources={entry.name: type(entry)(**{**_fields(entry), "updated_at": late})})
    assert json.loads(encode_state(state))["sources"][0]["updated_at"] == "2026-07-16T11:03:04Z"


def _fields(entry):
    return {name: getattr(entry, name) for name in type(entry).__struct_fields__}


def test_manifest_edits_keep_comments_and_order():
    text = "# top\nschema_version = 1 # one\n\n[source.zed] # last\nurl = 'https://example.org/z'\ntag = 'v1' # why\n"
    grown = add_sources(text, [source("alpha")])
    assert grown.startswith(text)
    assert set(decode_manifest(grown.encode()).sources) == {"zed", "alpha"}
    assert remove_sources(grown, [source("alpha").name]).rstrip() == text.rstrip()


def test_the_new_manifest_is_valid():
    assert decode_manifest(NEW_MANIFEST.encode()).sources == {}
    grown = add_sources(NEW_MANIFEST, [source()])
    assert decode_manifest(grown.encode()).sources == {"tool": source()}


def test_paths_of_open_issues_are_as_git_names_files():
    table = '[[open_issues]]\nspec = "./a//b.md"\nremediations = "c.md/"\nassessments = "./d/"\n'
    (rule,) = decode_manifest(f"schema_version = 1\n{table}".encode()).open_issues
    assert (rule.spec, rule.remediations, rule.assessments) == ("a/b.md", "c.md", ("d",))
    with pytest.raises(InvalidFile) as refused:
        decode_manifest(f"schema_version = 1\n{table.replace('./d/', '.')}".encode())
    assert [item.place for item in refused.value.problems] == ["line 5: open_issues[0].assessments"]


def test_an_added_source_is_read_back_whole():
    wanted = decode_manifest(MANIFEST.encode()).sources["tool"]
    assert decode_manifest(add_sources("schema_version = 1\n", [wanted]).encode()).sources["tool"] == wanted


def test_an_added_source_is_as_asked_for_whatever_the_defaults():
    grown = add_sources('schema_version = 1\n[defaults]\nhistory = "shallow"\n', [source()])
    assert decode_manifest(grown.encode()).sources["tool"] == source()


def test_audit_lines_are_canonical_json(tmp_path):
    path = tmp_path / "audit.jsonl"
    append_records(path, _extend(tail_of([])))
    lines = path.read_bytes().splitlines()
    assert len(lines) == 2
    for line in lines:
        record = json.loads(line)
        assert line == json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
        bare = {key: value for key, value in record.items() if key != "hash"}
        text = json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        assert hashlib.sha256(text.encode()).hexdigest() == record["hash"] == record_hash(record)
        assert {"v", "seq", "at", "operator", "command_id", "event", "prev", "hash"} <= record.keys()
        assert record["at"].endswith("Z")


def test_audit_records_are_chained(tmp_path):
    path = tmp_path / "audit.jsonl"
    append_records(path, _extend(tail_of([])))
    append_records(path, _extend(read_log(path).tail, log_id="other"))
    records = read_log(path).records
    assert [record["seq"] for record in records] == [1, 2, 3, 4]
    assert records[0]["prev"] == []
    assert [record["prev"] for record in records[1:]] == [[record["hash"]] for record in records[:-1]]
    assert [record.get("log_id") for record in records] == ["ab", None, None, None]


def test_two_branches_merge_by_union(tmp_path):
    path = tmp_path / "audit.jsonl"
    base = _extend(tail_of([]))
    ours, theirs = _extend(tail_of(base), EVENTS[:1]), _extend(tail_of(base), EVENTS[1:])
    append_records(path, [*base, *ours, *theirs])
    (joined,) = _extend(read_log(path).tail, EVENTS[:1])
    assert joined["prev"] == [ours[0]["hash"], theirs[0]["hash"]]
    append_records(path, [joined])
    assert read_log(path).tail.heads == (joined["hash"],)


def test_a_whole_run_through_the_ledger(files):
    layout = Layout(files.root)
    for path in (layout.state, layout.lock, layout.audit):
        path.unlink()
    ledger = FileLedger(
        layout=layout,
        now=run_info().now,
        lock_timeout=timedelta(0),
        cancelled=lambda: 0,
        clean_quarantine=lambda: (),
        close_quarantine=lambda: None,
    )
    info, entry = run_info(), source()
    decision = Decision(events=EVENTS[:1], entries={entry.name: state_of(entry)}, pins={entry.name: pin_of(entry)})
    with ledger.writer(info):
        ledger.record(info, decision, ())
    snapshot = ledger.snapshot()
    intent, record = read_log(layout.audit).records
    assert intent["event"] == "intent"
    assert snapshot.lock.pins == {"tool": pin_of(entry)}
    assert snapshot.state.sources["tool"].audit_hash == record["hash"]
    assert record["command_id"] == info.run
    assert not layout.marker.exists()
    assert not layout.journals.exists()
    assert encode_lock(snapshot.lock) == layout.lock.read_bytes()
    assert encode_state(snapshot.state) == layout.state.read_bytes()
    before = files.files()
    with ledger.writer(info):
        pass
    assert files.files() == before


@pytest.mark.parametrize("key", ["scan_max_age", "override_max_age", "mirror_max_staleness", "min_release_age"])
def test_an_age_of_policy_is_any_duration(key):
    ages = {"0d": 0, "1ms": 0.001, "500ms": 0.5, "1s": 1, "2m": 120, "3h": 10800, "4d": 345600, "1w": 604800}
    for text, seconds in ages.items():
        policy = decode_manifest(f'{MANIFEST}\n[policy]\n{key} = "{text}"\n'.encode()).policy
        assert getattr(policy, key) == timedelta(seconds=seconds), text
