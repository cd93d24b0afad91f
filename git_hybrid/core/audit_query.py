"""Choose records of the audit log, and tell them as rows that can be read without the tool. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from git_hybrid.core.audit import Record, Segment, detail_of
from git_hybrid.core.canonical import Json
from git_hybrid.core.override import Override, Phase
from git_hybrid.core.value import Struct
from git_hybrid.core.values import format_time, parse_time


class Filter(Struct, frozen=True, kw_only=True):
    """What a record must be about; None asks for nothing. ``operator`` is found anywhere in the text, in any case."""

    source: str | None = None
    operator: str | None = None
    event: str | None = None
    request: str | None = None
    incident: str | None = None
    since: datetime | None = None


Row = Mapping[str, str]

EVENTS = (
    *("init", "add", "remove", "pin", "seen"),
    *("clone", "update", "repair", "record", "reset", "prune"),
    *("scan", "resume-completed", "abort", "intent", "failed", "interrupted"),
    *("override", "override-renewed", "override-revoked", "override-superseded"),
    *("mirror-add", "mirror-remove", "mirror-verify", "bundle-apply", "bundle-scan"),
    *("rotate", "rotated"),
)
"""What records are about, in the words that ``audit log --event`` takes."""

RECORD_COLUMNS = (
    "at",
    "seq",
    "event",
    "source",
    "before",
    "after",
    "operator",
    "command_id",
    "override",
    "request_id",
    "reason",
    "requested_by",
    "approvers",
    "expires_at",
    "incident",
    "status",
    "closed_at",
    "closed_by",
    "because",
    "hash",
)
OVERRIDE_COLUMNS = (
    "id",
    "kind",
    "source",
    "status",
    "request_id",
    "reason",
    "requested_by",
    "approvers",
    "created_at",
    "expires_at",
    "incident",
    "from_commit",
    "to_commit",
    "commits",
    "closed_at",
    "closed_by",
    "because",
    "lifts",
    "command_id",
    "audit_hash",
    "earlier",
)


def records_of(segments: Sequence[Segment]) -> tuple[Record, ...]:
    """Return the whole records of a log and its archives, the oldest first, each once."""
    whole = (line.record for segment in segments for line in segment.lines if line.whole and line.record is not None)
    return tuple({str(record["hash"]): record for record in whole}.values())


def chosen(records: Sequence[Record], wanted: Filter) -> tuple[Record, ...]:
    """Return the records that are about what is *wanted*."""
    return tuple(record for record in records if _is_wanted(record, wanted))


def _is_wanted(record: Record, wanted: Filter) -> bool:
    detail = detail_of(record)
    incidents = [item.strip() for item in str(detail.get("incident") or "").split(",")]
    return (
        wanted.source in (None, record.get("source"))
        and (wanted.operator is None or wanted.operator.casefold() in str(record["operator"]).casefold())
        and wanted.event in (None, record["event"])
        and wanted.request in (None, detail.get("request_id"))
        and (wanted.incident is None or wanted.incident in incidents)
        and (wanted.since is None or parse_time(str(record["at"])) >= wanted.since)
    )


def record_row(record: Record) -> dict[str, str]:
    """Return one record as the cells of a table."""
    told = {**detail_of(record), **{key: value for key, value in record.items() if key != "detail"}}
    return {key: _cell(key, told.get(key)) for key in RECORD_COLUMNS}


def before_renewals(records: Iterable[Record]) -> Mapping[str, str]:
    """Return by id what each override was before it was renewed: each request, why, by whom, until when.

    *records* are those of the log, the oldest first. One that was never renewed has nothing.
    """
    told: dict[str, list[str]] = {}
    known: dict[str, int] = {}
    for record in records:
        if record["event"] not in ("override", "override-renewed"):
            continue
        detail = detail_of(record)
        identity, people = str(detail.get("override")), detail.get("approvers")
        before = known.get(identity, 0)
        fresh = people[before:] if isinstance(people, Sequence) and not isinstance(people, str) else ()
        known[identity] = before + len(fresh)
        until, who = str(detail.get("expires_at", "")), _cell("approvers", fresh)
        line = f"{detail.get('request_id')}: {detail.get('reason')}, approved by {who}, until {until}"
        told.setdefault(identity, []).append(line)
    return {identity: " | ".join(lines[:-1]) for identity, lines in told.items()}


def override_row(
    override: Override, word: Phase, commits: str = "", because: str = "", earlier: str = ""
) -> dict[str, str]:
    """Return one override as the cells of a table.

    *word* is how it stands now, *commits* what it moved over, *because* why it was revoked, *earlier* what it was
    before it was renewed.
    """
    return {
        "id": override.id,
        "kind": override.kind,
        "source": override.source,
        "status": word,
        "request_id": override.request_id,
        "reason": override.reason,
        "requested_by": override.requested_by,
        "approvers": "; ".join(f"{item.id} ({format_time(item.at)})" for item in override.approvers),
        "created_at": format_time(override.created_at),
        "expires_at": format_time(override.expires_at),
        "incident": override.incident or "",
        "from_commit": override.from_commit or "",
        "to_commit": override.to_commit,
        "commits": commits,
        "closed_at": format_time(override.closed_at) if override.closed_at else "",
        "closed_by": override.closed_by or "",
        "because": because,
        "lifts": ", ".join(override.lifts),
        "command_id": override.command_id,
        "audit_hash": override.audit_hash or "",
        "earlier": earlier,
    }


def _cell(key: str, value: Json) -> str:
    if key == "approvers" and isinstance(value, Sequence) and not isinstance(value, str):
        people = [item for item in value if isinstance(item, Mapping)]
        return "; ".join(f"{item.get('id')} ({item.get('at')})" for item in people)
    return "" if value is None else str(value)
