"""Records of overrides that no command writes: after an end, or an end that leaves out who had approved. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from git_hybrid.core.audit import Record
from git_hybrid.core.audit_archives import LOG, Breach
from git_hybrid.core.last_told import last_told
from git_hybrid.core.override import CLOSINGS, overridden, told_signatures


def against_closings(records: Mapping[str, Record]) -> Iterator[Breach]:
    """Yield the records that follow the end of their override, and the ends without the signatures that it had.

    Two branches may each end one: neither record follows the other then.
    """
    if not any(record["event"] in CLOSINGS for record in records.values()):
        return
    last = last_told(records, lambda record: overridden(record) or None)
    for digest, before in last.over.items():
        record, earlier = records[digest], [records[item] for item in before]
        if any(item["event"] in CLOSINGS for item in earlier):
            yield _foreign(record, "follows its end", "what was closed stays closed")
        elif record["event"] in CLOSINGS and not _keeps_signatures(record, earlier):
            yield _foreign(record, "ends it without the signatures that it had", "an end keeps what was signed")


def _keeps_signatures(record: Record, earlier: list[Record]) -> bool:
    """Tell whether *record* has the signatures of one of *earlier*; a merge takes the record of one side."""
    has = told_signatures(record)
    return not earlier or any(told_signatures(item) <= has for item in earlier)


def _foreign(record: Record, how: str, why: str) -> Breach:
    what = f"record {str(record['hash'])[:12]} of {overridden(record)} {how}"
    return Breach(id="foreign-closing", file=LOG, line=0, what=what, proves=f"{why}, so another wrote the record")
