"""Scans that branches made beside each other, as they are found in the text of the log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from git_hybrid.core.audit import Event, Record
from git_hybrid.core.canonical import canonical_json
from git_hybrid.core.ids import SourceName
from git_hybrid.core.scans import facts_of, scan_event
from git_hybrid.core.state import State
from git_hybrid.store import reading, statefile
from git_hybrid.store.layout import Layout
from git_hybrid.store.rivals import has_rivals, is_branched
from support.scan_values import a_log, a_record, a_scan
from support.values import NOW, a_source, a_state_entry, oid

TOOL, LOG = SourceName("tool"), "state/sources-audit.jsonl"
KEY = (TOOL, str(oid(1)))
FIRST, LATER = a_scan(), a_scan(a_record(age=timedelta(hours=-1)))
OTHER = Event(event="mirror-add")


def texts(*files: Sequence[Record]) -> dict[str, bytes]:
    names = ("state/sources-audit.2025.jsonl", LOG)[-len(files) :]
    lines = ([canonical_json(record) + b"\n" for record in records] for records in files)
    return {name: b"".join(some) for name, some in zip(names, lines, strict=True)}


def test_a_log_in_which_nothing_branched_has_as_many_lines_as_its_last_record_counts() -> None:
    base = a_log(OTHER, OTHER)
    beside = a_log(OTHER, after=base, heads=(str(base[-1]["hash"]),))
    joined = (*a_log(OTHER, after=base), beside[-1])
    assert not is_branched(texts(base))
    assert not is_branched(texts(base[:1], base[1:]))
    assert is_branched(texts(joined))
    assert is_branched(texts(a_log(OTHER, after=joined)))
    assert is_branched({LOG: b"torn"})
    assert is_branched({LOG: b'{"seq":' + 5000 * b"9" + b","})


def test_only_what_is_not_older_than_the_last_scan_of_the_commit_is_a_rival() -> None:
    def rivals(*events: Event) -> bool:
        log = a_log(*events)
        newest = next(record for record in reversed(log) if record["event"] == "scan")
        return has_rivals(texts(log), {KEY: newest})

    first, later = scan_event(TOOL, FIRST), scan_event(TOOL, LATER)
    assert not rivals(later)
    assert not rivals(first, OTHER, later)
    assert rivals(later, OTHER, first)
    assert rivals(first, OTHER, first)
    assert not rivals(scan_event(TOOL, a_scan(commit=oid(9))), first)
    # One that tells no time of its own was made when it was recorded.
    bare = {key: value for key, value in facts_of(FIRST).items() if key not in ("scanned_at", "scanners")}
    old = Event(event="scan", source=TOOL, after=oid(1), detail=bare)
    assert rivals(old, OTHER, first)
    assert not rivals(old, OTHER, later)
    # One that failed takes nothing back of what was found before.
    assert rivals(first, OTHER, scan_event(TOOL, a_scan(a_record(state="error", age=timedelta(hours=-1)))))


def test_what_tells_no_result_bears_out_none(tmp_path: Path) -> None:
    layout, old = Layout(tmp_path), Event(event="bundle-scan", source=TOOL, after=oid(1), detail={})
    layout.state_folder.mkdir()
    state = State(sources={TOOL: a_state_entry(a_source(), scan=FIRST)})
    layout.state.write_bytes(statefile.encode_state(state))

    def unproved(*events: Event) -> bool:
        layout.audit.write_bytes(texts(a_log(*events))[LOG])
        return TOOL in reading.trails(layout, NOW)[1].unproved

    assert unproved(old)
    assert unproved(scan_event(SourceName("other"), a_scan(commit=oid(9))), old)
    assert not unproved(old, scan_event(TOOL, FIRST))
