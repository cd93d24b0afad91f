"""Records of overrides that no command writes: after an end, or an end that leaves out who had approved. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from git_hybrid.core.audit import Record, told_signatures
from git_hybrid.core.audit_archives import Breach
from git_hybrid.core.files import LOG
from git_hybrid.core.last_told import last_told
from git_hybrid.core.override import CLOSINGS, overridden


def against_closings(records: Mapping[str, Record]) -> Iterator[Breach]:
    """Yield the records that follow the end of their override, and the ends without the signatures that it had.

    Two branches may each end one: neither record follows the other then.
    """
    odd = _odd(records.values())
    if not odd:
        return
    last = last_told(records, lambda record: name if (name := overridden(record)) in odd else None)
    for digest, before in last.over.items():
        record, earlier = records[digest], [records[item] for item in before]
        if any(item["event"] in CLOSINGS for item in earlier):
            yield _foreign(record, "follows its end", "what was closed stays closed")
        elif record["event"] in CLOSINGS and not _keeps_signatures(record, earlier):
            yield _foreign(record, "ends it without the signatures that it had", "an end keeps what was signed")


def _odd(records: Iterable[Record]) -> set[str]:
    """Return the overrides of which a record stands behind an end, or an end lacks a signature: a merge may do both."""
    signed: dict[str, frozenset[str]] = {}
    ended, odd = set[str](), set[str]()
    for record in records:
        if not (name := overridden(record)):
            continue
        has = told_signatures(record)
        is_end = record["event"] in CLOSINGS
        if name in ended or (is_end and not signed.get(name, frozenset()) <= has):
            odd.add(name)
        ended |= {name} if is_end else set()
        signed[name] = signed.get(name, frozenset()) | has
    return odd


def _keeps_signatures(record: Record, earlier: list[Record]) -> bool:
    """Tell whether *record* has the signatures of one of *earlier*; a merge takes the record of one side."""
    has = told_signatures(record)
    return not earlier or any(told_signatures(item) <= has for item in earlier)


def _foreign(record: Record, how: str, why: str) -> Breach:
    what = f"record {str(record['hash'])[:12]} of {overridden(record)} {how}"
    return Breach(id="foreign-closing", file=LOG, line=0, what=what, proves=f"{why}, so another wrote the record")
