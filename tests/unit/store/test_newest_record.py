"""The newest record of a log that is not taken apart is the one that reading all of its records tells."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from git_hybrid.core.ahead import newest_of
from git_hybrid.core.audit import Event, Record, extend, tail_of
from git_hybrid.core.canonical import canonical_json
from git_hybrid.store.layout import Layout
from git_hybrid.store.reading import trails
from support.values import NOW, OPERATOR, RUN, oid

FIRST = Event(event="pin", source="tool", after=oid(1))
MOVE = Event(event="pin", source="tool", before=oid(1), after=oid(2))
SEEN = Event(
    event="seen", source="tool", after=oid(3), detail={"approvers": [{"at": "2999-01-01T00:00:00Z", "id": "b"}]}
)


def grown(records: Sequence[Record], days: int, *events: Event) -> tuple[Record, ...]:
    who = {"operator": OPERATOR, "command_id": RUN, "log_id": "log"}
    return (*records, *extend(tail_of(records), events, at=NOW + timedelta(days=days), **who))


@pytest.mark.parametrize("split", [0, 1, 2, 3])
@pytest.mark.parametrize("ahead", [(MOVE,), (FIRST, MOVE), (MOVE, SEEN), (SEEN, MOVE, FIRST)])
def test_the_newest_record_is_the_same_without_taking_the_log_apart(
    tmp_path: Path, ahead: tuple[Event, ...], split: int
) -> None:
    records = grown(grown(grown((), 0, FIRST), 10, *ahead), 5, SEEN)
    layout = Layout(tmp_path)
    layout.state_folder.mkdir()
    archive = layout.state_folder / "sources-audit.2025.jsonl"
    for path, part in ((archive, records[:split]), (layout.audit, records[split:])):
        path.write_bytes(b"".join(canonical_json(record) + b"\n" for record in part))
    trail, _ = trails(layout, NOW)
    assert trail.last == newest_of(records) == records[len(ahead)]
