"""Choose records of the audit log, and tell them as rows that can be read without the tool. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from git_hybrid.core.audit import Record, detail_of, previous
from git_hybrid.core.canonical import Json
from git_hybrid.core.override import Override, Phase
from git_hybrid.core.scans import SEVERITIES
from git_hybrid.core.standing import keys_told
from git_hybrid.core.value import Struct
from git_hybrid.core.values import format_time, parse_time
from git_hybrid.core.words import findings_told


class Filter(Struct, frozen=True, kw_only=True):
    """What a record must be about: one of ``events``, and so on; None, or no event, asks for nothing.

    ``operator`` is found anywhere in the text, in any case. ``commit`` is how the id of the commit before or after
    begins; ``since`` counts, ``until`` does not.
    """

    source: str | None = None
    operator: str | None = None
    events: tuple[str, ...] = ()
    request: str | None = None
    incident: str | None = None
    commit: str | None = None
    since: datetime | None = None
    until: datetime | None = None


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
    "details",
    "hash",
)
"""``details`` are all others that a record has, as JSON."""
OVERRIDE_COLUMNS = (
    "id",
    "kind",
    "source",
    "status",
    "unrecorded",
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
    "findings",
    "waived",
    "signed_with",
    "unmet",
)
"""``signed_with`` are the keys that the signatures name, ``unmet`` what policy of now misses in one in force."""


def newest_first(records: Iterable[Record]) -> tuple[Record, ...]:
    """Return *records*, which stand as in a log, by their times; none stands below one that it follows."""
    times: dict[str, str] = {}
    found = list(records)
    for record in found:
        before = (times[digest] for digest in previous(record) if digest in times)
        times[str(record["hash"])] = max((str(record["at"]), *before))
    return tuple(sorted(found, key=lambda record: times[str(record["hash"])])[::-1])


def chosen(records: Sequence[Record], wanted: Filter) -> tuple[Record, ...]:
    """Return the records that are about what is *wanted*."""
    return tuple(record for record in records if _is_wanted(record, wanted))


def _is_wanted(record: Record, wanted: Filter) -> bool:
    detail = detail_of(record)
    incidents = [item.strip() for item in str(detail.get("incident") or "").split(",")]
    return (
        wanted.source in (None, record.get("source"))
        and (wanted.operator is None or wanted.operator.casefold() in str(record["operator"]).casefold())
        and (not wanted.events or record["event"] in wanted.events)
        and wanted.request in (None, detail.get("request_id"))
        and (wanted.incident is None or wanted.incident in incidents)
        and (wanted.commit is None or any(oid.startswith(wanted.commit) for oid in _commits(record)))
        and (wanted.since is None or parse_time(str(record["at"])) >= wanted.since)
        and (wanted.until is None or parse_time(str(record["at"])) < wanted.until)
    )


def is_meant(override: Override, wanted: Filter, *, rests: bool) -> bool:
    """Tell whether *override* is about what is *wanted*, and was in force at a time that is.

    *rests*: a pin rests on it still, so that it counts up to now, whatever its end was.
    """
    incidents = [item.strip() for item in (override.incident or "").split(",")]
    commits = (override.from_commit or "", override.to_commit)
    end = override.closed_at or override.expires_at
    return (
        wanted.request in (None, override.request_id)
        and (wanted.incident is None or wanted.incident in incidents)
        and (wanted.commit is None or any(oid.startswith(wanted.commit) for oid in commits))
        and (wanted.until is None or override.created_at < wanted.until)
        and (wanted.since is None or end >= wanted.since or rests)
    )


def _commits(record: Record) -> tuple[str, str]:
    return str(record.get("before") or ""), str(record.get("after") or "")


def record_row(record: Record) -> dict[str, str]:
    """Return one record as the cells of a table."""
    import json  # noqa: PLC0415

    detail = detail_of(record)
    others = {key: value for key, value in detail.items() if key not in RECORD_COLUMNS}
    details = json.dumps(others, sort_keys=True, ensure_ascii=False) if others else None
    told = {**detail, **{key: value for key, value in record.items() if key != "detail"}, "details": details}
    return {key: _cell(key, told.get(key)) for key in RECORD_COLUMNS}


def gist(record: Record) -> str:
    """Return what one must know of *record* beside its source and its commits, in a few words; nothing if that is all.

    It is what a scan found, which mirror it is about, who signed a bundle, or why something failed.
    """
    told = detail_of(record)
    counts = told.get("counts")
    if "scanners" not in told or not isinstance(counts, Mapping):
        signed = f"signed by {told['signed_by']}" if "signed_by" in told else ""
        return str(told.get("mirror") or told.get("error") or signed)
    # The keys of a record are sorted by name.
    worst_first = {level: counts[level] for level in SEVERITIES if level in counts} | dict(counts)
    found = findings_told({level: count for level, count in worst_first.items() if isinstance(count, int)})
    incomplete = "incomplete, " if told.get("state") == "error" else ""
    return f"{'refused: ' if told.get('refused') else ''}{incomplete}{found}"


def before_renewals(records: Iterable[Record], overrides: Mapping[str, Override]) -> Mapping[str, str]:
    """Return by id what else each of *overrides* was approved as: each request, why, by whom, until when.

    *records* are those of the log, the oldest first. One that was never renewed has nothing. What was on another branch
    before a merge counts too, whichever side is in force.
    """
    told: dict[str, list[tuple[tuple[Json, ...], str]]] = {}
    known: dict[str, list[Json]] = {}
    for record in records:
        if record["event"] not in ("override", "override-renewed"):
            continue
        detail = detail_of(record)
        identity, people = str(detail.get("override")), detail.get("approvers")
        before = known.setdefault(identity, [])
        people = people if isinstance(people, Sequence) and not isinstance(people, str) else ()
        fresh = [item for item in people if item not in before]
        before += fresh
        terms = (detail.get("request_id"), detail.get("reason"), detail.get("expires_at", ""))
        line = f"{terms[0]}: {terms[1]}, approved by {_cell('approvers', fresh)}, until {terms[2]}"
        told.setdefault(identity, []).append((terms, line))
    return {key: " | ".join(_others(told.get(key, []), item)) for key, item in overrides.items()}


def _others(told: Sequence[tuple[tuple[Json, ...], str]], override: Override) -> Iterator[str]:
    """Yield what of *told* is not how *override* stands: the last that says the same does, or else just the last."""
    terms = (override.request_id, override.reason, format_time(override.expires_at))
    # One that was edited was not renewed by that.
    standing = max((at for at, (other, _) in enumerate(told) if other == terms), default=len(told) - 1)
    yield from (line for at, (_, line) in enumerate(told) if at != standing)


def override_row(
    override: Override,
    word: Phase,
    commits: str = "",
    because: str = "",
    earlier: str = "",
    unrecorded: str = "",
    unmet: str = "",
) -> dict[str, str]:
    """Return one override as the cells of a table.

    *word* is how it stands now, *commits* what it moved over, *because* why it was revoked, *earlier* what it was
    before it was renewed, *unrecorded* what the audit log does not bear out, *unmet* what policy misses in it.
    """
    return {
        "id": override.id,
        "kind": override.kind,
        "source": override.source,
        "status": word,
        "unrecorded": unrecorded,
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
        "findings": ", ".join(override.findings),
        "waived": ", ".join(override.waived),
        "signed_with": keys_told(override),
        "unmet": unmet,
    }


def _cell(key: str, value: Json) -> str:
    if key == "approvers" and isinstance(value, Sequence) and not isinstance(value, str):
        people = [item for item in value if isinstance(item, Mapping)]
        return "; ".join(f"{item.get('id')} ({item.get('at')})" for item in people)
    return "" if value is None else str(value)
