"""What a push takes out of the log that others have seen."""

from __future__ import annotations

from git_hybrid.core.audit import Event, Record, extend, tail_of
from git_hybrid.core.canonical import canonical_json
from git_hybrid.core.published import against_published
from git_hybrid.store.chain import segment_of
from support.values import NOW, OPERATOR, RUN, oid

PIN = Event(event="pin", source="tool", after=oid(1))
OVERRIDE = Event(event="override", source="tool", after=oid(1), detail={"override": "ovr-1"})
COMMIT = "c" * 40


def grown(records: tuple[Record, ...], *events: Event) -> tuple[Record, ...]:
    return (*records, *extend(tail_of(records), events, at=NOW, operator=OPERATOR, command_id=RUN, log_id="log"))


def lost(was: tuple[Record, ...], now: tuple[Record, ...]) -> list[tuple[str, str]]:
    old, new = (segment_of("log", b"".join(canonical_json(item) + b"\n" for item in log)) for log in (was, now))
    return [(breach.level, breach.what) for breach in against_published((new,), {COMMIT: old})]


def test_a_published_override_is_missed_and_other_records_are_told() -> None:
    begun = grown((), Event(event="init"))
    pinned = grown(begun, PIN)
    assert lost(pinned, pinned) == lost(begun, pinned) == lost((), begun) == []
    what = f"of {COMMIT[:12]}, which was pushed before, "
    assert lost(pinned, begun) == [("warn", f"1 record {what}is not in what is pushed now")]
    forced = grown(pinned, OVERRIDE)
    found = f"2 records {what}are not in what is pushed now, among them those of ovr-1"
    assert lost(forced, begun) == [("fail", found)]
    assert lost(forced, pinned)[0][0] == "fail"
