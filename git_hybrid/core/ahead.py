"""What the audit log says of a time that is still to come: the clock of whoever made the record was ahead. Pure.

The newest record counts as now wherever an override ends, so that a clock which is set back helps nobody. So one record
of a clock that was ahead ends every override until its time has come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from git_hybrid.core.audit import seq_of
from git_hybrid.core.canonical import Json
from git_hybrid.core.value import Struct
from git_hybrid.core.values import parse_time

APART = timedelta(days=1)
"""How far two clocks may be apart."""
ENDED = "each override counts as ended until then: the newest record counts as now"
WAY_OUT = "take back the commit that brought it, while nobody else has that; else no override lasts before that time"


def newest_of(records: Sequence[Mapping[str, Json]]) -> Mapping[str, Json]:
    """Return the record of the latest time, of several the last; nothing where there is none."""
    return max(reversed(records), key=lambda record: str(record["at"]), default={})


class Ahead(Struct, frozen=True, kw_only=True):
    """That an audit log is ahead of the clock: which record, as a clause, and what time it is ``now``."""

    record: str
    now: datetime


def ahead(newest: Mapping[str, Json], now: datetime, apart: timedelta = APART) -> Ahead | None:
    """Return what is wrong with the time of the *newest* record; None where it has come, or is no more than *apart*."""
    at = str(newest.get("at", ""))
    if not at or parse_time(at) <= now + apart:
        return None
    told = f"record {seq_of(dict(newest))} ({newest['event']}) was made at {at}, which is still to come"
    return Ahead(record=told, now=now)
