"""The audit log as people read it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from git_hybrid.core.audit import Record, detail_of
from git_hybrid.core.audit_archives import Breach
from git_hybrid.core.audit_query import gist, record_row
from git_hybrid.core.canonical import Json
from git_hybrid.core.errors import MOST_PROBLEMS
from git_hybrid.view.term import fit, paint, safe, width
from git_hybrid.view.text import Look, moved

_TOLD = (
    *("request_id", "reason", "approvers", "expires_at", "because", "incident", "findings", "waived"),
    *("ref", "command", "error"),
)
"""What comes first of a record's details, and alone where an override is told of without being asked for all."""
_NOTHING: tuple[object, ...] = (None, "", [], {})
_MOST = 10
"""Of a longer list so many items are shown: a scan may have thousands of findings."""


def record_lines(records: Sequence[Record], look: Look) -> list[str]:
    """Return one line a record: when, what, which source, from where to where, by whom; details when verbose."""
    events = max((width(safe(str(record["event"]))) for record in records), default=0)
    lines: list[str] = []
    for record in records:
        way = moved(*(str(record.get(key) or "") for key in ("before", "after")))
        about = " ".join(item for item in (safe(str(record.get("source") or "")), way, safe(gist(record))) if item)
        event = paint(fit(safe(str(record["event"])), events), "bold", color=look.color)
        who = safe(str(record["operator"]))
        lines.append("  ".join(item for item in (str(record["at"]), event, about, who) if item))
        detail = detail_of(record)
        row = record_row(record)
        others = sorted(set(detail) - {*_TOLD}) if look.verbose else []
        shown = [*_TOLD, *others] if look.verbose or detail.get("override") else []
        told = [(key, row.get(key) or _plain(detail[key])) for key in shown if detail.get(key) not in _NOTHING]
        lines += [f"    {safe(key)}: {safe(text)}" for key, text in told]
        if look.verbose:
            lines.append(
                f"    record {record['seq']}, {str(record['hash'])[:12]}, command {safe(str(record['command_id']))}"
            )
    return lines


def _plain(value: Json) -> str:
    """Return a detail as it is said: text as it stands, a list of texts with commas, what is deeper as JSON."""
    if isinstance(value, str):
        return value
    if not isinstance(value, (list, tuple)):
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    parts = [item if isinstance(item, str) else _plain(item) for item in value[:_MOST]]
    return ", ".join(parts) + (f", … ({len(value):,} in all)" if value[_MOST:] else "")


def breach_lines(breaches: Sequence[Breach], *, color: bool) -> list[str]:
    """Return two lines a breach: where and what, then what it proves; of those alike a hundred and how many more."""
    lines: list[str] = []
    left = Counter(breach.id for breach in breaches)
    told = Counter[str]()
    for breach in breaches:
        told[breach.id] += 1
        if told[breach.id] > MOST_PROBLEMS:
            continue
        number = "" if breach.seq is None else f" (record {breach.seq})"
        where = f"{breach.file}:{breach.line}{number}" if breach.line else breach.file
        lines.append(f"{paint('bad', 'bad', color=color)} {safe(where)}: {breach.id}: {safe(breach.what)}")
        lines.append(f"  proves: {breach.proves}")
        if told[breach.id] == MOST_PROBLEMS < left[breach.id]:
            lines.append(f"  and {left[breach.id] - MOST_PROBLEMS:,} more: {breach.id}")
    return lines
