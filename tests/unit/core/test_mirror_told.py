"""What the audit log bears out of the entry of a mirror."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from git_hybrid.core.audit import Event, Record, extend, tail_of
from git_hybrid.core.ids import SourceName
from git_hybrid.core.mirror_told import believed, is_told, mirror_event
from git_hybrid.core.mirrors import Held, Inventory, Mirror, mirror_digest
from git_hybrid.core.value import replace
from support.values import NOW, OPERATOR, RUN, oid

TOOL, HOUR = SourceName("tool"), timedelta(hours=1)
ADDED = Mirror(name="corp", base_url="https://m", kind="mirror", owner=OPERATOR, added_at=NOW, added_by=OPERATOR)
CHECKED = replace(ADDED, verified_at=NOW + HOUR, sources={TOOL: Held(commit=oid(1), checked_at=NOW + HOUR, ok=True)})


def grown(records: Sequence[Record], *events: Event) -> tuple[Record, ...]:
    who = {"operator": OPERATOR, "command_id": RUN, "log_id": "log"}
    return (*records, *extend(tail_of(records), events, at=NOW, **who))


def by_hash(records: Sequence[Record]) -> dict[str, Record]:
    return {str(record["hash"]): record for record in records}


def bound(mirror: Mirror, record: Record) -> Mirror:
    return replace(mirror, audit_hash=str(record["hash"]))


LOG = grown((), mirror_event("mirror-add", ADDED, {}), mirror_event("mirror-verify", CHECKED, {"wrong": []}))


def test_an_entry_is_what_the_record_that_it_names_tells() -> None:
    records = by_hash(LOG)
    assert is_told(bound(ADDED, LOG[0]), records)
    assert is_told(bound(CHECKED, LOG[1]), records)
    assert not is_told(CHECKED, records)
    assert not is_told(bound(replace(CHECKED, name="other"), LOG[1]), records)
    assert not is_told(bound(CHECKED, LOG[0]), records)


@pytest.mark.parametrize(
    "changed",
    [
        {"verified_at": NOW + 2 * HOUR},
        {"verified_at": None},
        {"added_at": NOW + HOUR},
        {"added_by": "eve"},
        {"kind": "bundle"},
        {"sources": {TOOL: Held(commit=oid(1), checked_at=NOW + 2 * HOUR, ok=True)}},
        {"sources": {TOOL: Held(commit=oid(2), checked_at=NOW + HOUR, ok=True)}},
        {"sources": {TOOL: Held(commit=oid(1), checked_at=NOW + HOUR, ok=False)}},
        {"sources": {}},
    ],
)
def test_what_was_edited_is_not_believed(changed: dict[str, object]) -> None:
    records, right = by_hash(LOG), bound(CHECKED, LOG[1])
    edited = replace(right, **changed)
    assert mirror_digest(edited) != mirror_digest(right)
    assert not is_told(edited, records)
    (found,) = believed(Inventory(mirrors={"corp": edited}), records).mirrors.values()
    assert (found.added_at, found.added_by, found.verified_at, found.sources) == (NOW, OPERATOR, None, {})
    assert believed(Inventory(mirrors={"corp": right}), records).mirrors == {"corp": right}
    # Of one that nobody recorded nothing is known either.
    assert believed(Inventory(mirrors={"corp": edited}), {}).mirrors["corp"].verified_at is None


def test_a_record_without_the_digest_bears_out_nothing() -> None:
    told = {"mirror": "corp", "base_url": "https://m", "owner": OPERATOR}
    log = grown((), Event(event="mirror-add", detail=told))
    assert not is_told(bound(ADDED, log[0]), by_hash(log))
