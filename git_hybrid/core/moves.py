"""How pins moved, as the audit log has it: when, by whom, from where to where. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from git_hybrid.core.audit import RESTS_ON, detail_of
from git_hybrid.core.canonical import Json
from git_hybrid.core.value import Struct
from git_hybrid.core.values import parse_time

_PIN = "pin"


class Move(Struct, frozen=True, kw_only=True):
    """One time that a pin was made or moved; ``forced``: by an override; ``served_by``: the URL that ``pin`` asked."""

    source: str
    at: datetime
    by: str
    command_id: str
    before: str | None
    after: str
    forced: bool = False
    served_by: str = ""


def moves_of(records: Sequence[Mapping[str, Json]]) -> tuple[Move, ...]:
    """Return every move of a pin that *records* tell of, in their order."""
    return tuple(_move(record) for record in records if record["event"] == _PIN and record.get("source"))


def _move(record: Mapping[str, Json]) -> Move:
    told = detail_of(record)
    before = record.get("before")
    return Move(
        source=str(record["source"]),
        at=parse_time(str(record["at"])),
        by=str(record["operator"]),
        command_id=str(record["command_id"]),
        before=None if before is None else str(before),
        after=str(record.get("after") or ""),
        forced=bool(told.get(RESTS_ON)),
        served_by=str(told.get("served_by") or ""),
    )
