"""What the policy that was committed did not allow, whatever stands in it now. Pure; most logs need neither module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from git_hybrid.core.audit import Record
from git_hybrid.core.audit_archives import Breach
from git_hybrid.core.witnesses import Witnesses

UNCHECKED = "unchecked"
"""The id of what is told of signatures that nobody could check."""


def is_made(record: Record) -> bool:
    """Tell whether *record* is of an approval: an override that was made, or renewed."""
    return record["event"] in ("override", "override-renewed")


def against_committed(
    records: Mapping[str, Record], lines: Mapping[str, str], witnesses: Witnesses, now: datetime
) -> Iterator[Breach]:
    """Yield the pins that were moved too early, and the overrides that were not allowed, by the policy of then.

    *lines* is the SHA-256 of each record's line by the hash of the record.
    """
    if witnesses.committed is None:
        return
    if witnesses.manifest.policy.min_release_age:
        from git_hybrid.core.too_early import against_age  # noqa: PLC0415

        yield from against_age(records, lines, witnesses, now)
    if any(map(is_made, records.values())):
        from git_hybrid.core.unapproved_then import against_policy  # noqa: PLC0415

        yield from against_policy(records, lines, witnesses, now)
