"""Overrides: approved exceptions that expire (``state/sources-overrides.json``), as values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from git_hybrid.core.ahead import newest_of
from git_hybrid.core.audit import OVERRIDDEN, RESTS_ON, Event, detail_of, told_signatures
from git_hybrid.core.canonical import Json, canonical_json
from git_hybrid.core.digest import sha256_hex
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import Struct, field, force_setattr, replace
from git_hybrid.core.values import format_time, parse_time

Kind = Literal["pin", "scan"]
Closing = Literal["revoked", "superseded"]
Status = Literal["active", "revoked", "superseded"]
Phase = Literal["active", "expiring", "expired", "revoked", "superseded"]

IN_FORCE: frozenset[Phase] = frozenset({"active", "expiring"})
WARNED = timedelta(days=7)
"""How long before its end an override is told of wherever it is shown."""

_BESIDE = frozenset({"override", "override_sha256", "because", "bundle"})
"""The details of a record of an override that are not of the override itself, or are its id."""
CLOSINGS = frozenset({"override-revoked", "override-superseded"})
"""Those that end an override before its time."""
UNKNOWN = "unknown"
"""Who runs a command where neither a variable nor git nor the machine says so."""
_BRACKETED = pattern(r"<\s*([^<>\s]+@[^<>\s]+)\s*>")
_EMAIL = pattern(r"[^\s<>(),;:\"']+@[^\s<>(),;:\"']+")
_ODD = ("(", '"', "\\", " @", "@ ", "\t", "\n")
"""What an address may have that says nothing of whose it is."""


class Approval(Struct, frozen=True, kw_only=True):
    """Who approved, when; ``signature`` is an SSH signature in its armour where policy asks for one."""

    id: str
    at: datetime
    signature: str | None = None


class Override(Struct, frozen=True, kw_only=True):
    """One record.

    ``lifts`` names the refusals that it accepts by error code, ``findings`` those of a scan by id, ``waived`` the
    objects that git's fsck may complain about.
    """

    id: str
    kind: Kind
    source: SourceName
    request_id: str
    reason: str
    from_commit: Oid | None
    to_commit: Oid
    requested_by: str
    approvers: tuple[Approval, ...]
    incident: str | None = None
    created_at: datetime
    expires_at: datetime
    status: Status = "active"
    closed_at: datetime | None = None
    closed_by: str | None = None
    command_id: str
    lifts: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    waived: tuple[Oid, ...] = ()
    audit_hash: str | None = None


class Overrides(Struct, frozen=True, kw_only=True):
    """The whole file; records in order of their ids, which is the order in which they were made."""

    records: Mapping[str, Override] = field(default_factory=dict)
    _by_source: Mapping[SourceName, Sequence[Override]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Group the records once: many sources are asked for, and records are never deleted."""
        grouped: dict[SourceName, list[Override]] = {}
        for item in self.records.values():
            grouped.setdefault(item.source, []).append(item)
        force_setattr(self, "_by_source", grouped)

    def of(self, name: SourceName) -> tuple[Override, ...]:
        """Return the records of one source, the oldest first."""
        return tuple(self._by_source.get(name, ()))


class Trail(Struct, frozen=True, kw_only=True):
    """What the audit log says of overrides: the last record of each by its id, and when its newest record was made.

    ``rests`` has for each source and commit that was pinned the override that its last pin rests on, or nothing;
    ``plain`` the digests of its pins that needed none; ``refs`` the ref that it was found by, and ``urls`` every URL.
    ``last`` is the newest record, also of a log that tells of no override if its time is still to come. ``signed`` has
    for each source, kind and commit every signature that any record of an override has, with its id: what was signed
    once is known, whatever became of its file. ``absent`` returns which archive of the log is not there as it was
    closed, as a clause, or nothing.
    """

    latest: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    rests: Mapping[tuple[str, str], str] = field(default_factory=dict)
    plain: Mapping[tuple[str, str], Collection[str]] = field(default_factory=dict)
    refs: Mapping[tuple[str, str], str] = field(default_factory=dict)
    urls: Mapping[tuple[str, str], Collection[str]] = field(default_factory=dict)
    newest: datetime | None = None
    last: Mapping[str, Json] = field(default_factory=dict)
    signed: Mapping[tuple[str, str, str], Collection[tuple[str, str]]] = field(default_factory=dict)
    absent: Callable[[], str] = lambda: ""

    def pinned_by(self, identity: str) -> tuple[str, str] | None:
        """Return the source and the commit that the override *identity* was given for; None if it moved no pin."""
        told = self.latest.get(identity)
        if told is None or detail_of(told).get("kind") == "scan":
            return None
        return str(told.get("source")), str(told.get("after"))


def trail_of(records: Sequence[Mapping[str, Json]]) -> Trail:
    """Return what *records*, in the order of the log, say of overrides.

    What was closed stays closed, though a merge of branches may put a renewal behind its end.
    """
    latest: dict[str, Mapping[str, Json]] = {}
    rests: dict[tuple[str, str], str] = {}
    bare: dict[tuple[str, str], set[str]] = {}
    refs: dict[tuple[str, str], str] = {}
    urls: dict[tuple[str, str], dict[str, None]] = {}
    signed: dict[tuple[str, str, str], set[tuple[str, str]]] = {}
    for record in records:
        identity = overridden(record)
        if identity and (record["event"] in CLOSINGS or latest.get(identity, {}).get("event") not in CLOSINGS):
            latest[identity] = record
        pinned, told = (str(record.get("source")), str(record.get("after"))), detail_of(record)
        for armour in told_signatures(record) if identity else ():
            signed.setdefault((pinned[0], str(told.get("kind")), pinned[1]), set()).add((identity, armour))
        # Findings that are accepted say nothing of why the pin is where it is.
        if record["event"] == "pin" or (record["event"] == "override" and told.get("kind") != "scan"):
            rests[pinned] = identity or str(told.get(RESTS_ON, ""))
            refs[pinned] = str(told.get("ref", refs.get(pinned, "")))
            if not rests[pinned] and "pin_sha256" in told:
                bare.setdefault(pinned, set()).add(str(told["pin_sha256"]))
            if "url" in told:
                urls.setdefault(pinned, {})[str(told["url"])] = None
    last = newest_of(records)
    newest = parse_time(str(last["at"])) if last else None
    return Trail(latest=latest, rests=rests, plain=bare, refs=refs, urls=urls, newest=newest, last=last, signed=signed)


def overridden(record: Mapping[str, Json]) -> str:
    """Return the id of the override that the audit record *record* is of, or nothing."""
    return str(detail_of(record).get("override", "")) if record["event"] in OVERRIDDEN else ""


def why_closed(override: Override, trail: Trail) -> str:
    """Return the reason that was given for the end of *override*, which the audit log alone keeps; nothing if none."""
    told = trail.latest.get(override.id, {})
    return str(detail_of(told).get("because", "")) if override.closed_at is not None else ""


def approvers(override: Override) -> str:
    """Return who approved *override*, in words: whoever approved a renewal too is told once."""
    return ", ".join(dict.fromkeys(item.id for item in override.approvers))


def binds(record: Mapping[str, Json], override: Override) -> bool:
    """Tell whether the audit record *record* is the one that *override* names, and tells of it as it is."""
    named = overridden(record) == override.id and record["hash"] == override.audit_hash
    return named and detail_of(record).get("override_sha256") == digest(override)


def lost_overrides(overrides: Overrides, trail: Trail) -> dict[str, Mapping[str, Json]]:
    """Return the last audit record of each override that is open by the log and not in *overrides*, by id."""
    return {
        identity: record
        for identity, record in sorted(trail.latest.items())
        if identity not in overrides.records and record["event"] not in CLOSINGS
    }


def restoring(override: str) -> str:
    """Return the command that writes *override* anew as the audit log tells of it."""
    return f"git hybrid override restore {override}"


def with_overrides(overrides: Overrides, put: Mapping[str, Override]) -> Overrides:
    """Return *overrides* with the records of *put*; nothing is ever taken out."""
    return Overrides(records=dict(sorted({**overrides.records, **put}.items())))


def phase(override: Override, now: datetime) -> Phase:
    """Return how far an override's life has come; the last seven days are ``expiring``."""
    if override.status != "active":
        return override.status
    if override.expires_at <= now:
        return "expired"
    return "expiring" if override.expires_at - now <= WARNED else "active"


def is_in_force(override: Override, now: datetime) -> bool:
    """Tell whether an override lasts still."""
    return phase(override, now) in IN_FORCE


def plain(override: Override) -> dict[str, Json]:
    """Return *override* as it stands in its file; keys without a value are left out."""
    approvers: list[Json] = []
    for item in override.approvers:
        signature = {} if item.signature is None else {"signature": item.signature}
        approvers.append({"id": item.id, "at": format_time(item.at), **signature})
    values: dict[str, Json] = {
        "id": override.id,
        "kind": override.kind,
        "source": override.source,
        "request_id": override.request_id,
        "reason": override.reason,
        "from_commit": override.from_commit,
        "to_commit": override.to_commit,
        "requested_by": override.requested_by,
        "approvers": approvers,
        "incident": override.incident,
        "created_at": format_time(override.created_at),
        "expires_at": format_time(override.expires_at),
        "status": override.status,
        "closed_at": None if override.closed_at is None else format_time(override.closed_at),
        "closed_by": override.closed_by,
        "command_id": override.command_id,
        "lifts": list(override.lifts) or None,
        "findings": list(override.findings) or None,
        "waived": list(override.waived) or None,
        "audit_hash": override.audit_hash,
    }
    return {key: value for key, value in values.items() if value is not None or key == "from_commit"}


def digest(override: Override) -> str:
    """Return the digest that the audit log keeps of a record: 64 hex digits over everything but ``audit_hash``."""
    values = {key: value for key, value in plain(override).items() if key != "audit_hash"}
    return sha256_hex(canonical_json(values))


def is_as_digested(record: Mapping[str, Json]) -> bool:
    """Tell whether what the audit record *record* of an override tells is what the digest in it is of."""
    detail = detail_of(record)
    told = {key: value for key, value in detail.items() if key not in _BESIDE}
    ends = record.get("before") == told.get("from_commit") and record.get("after") == told.get("to_commit")
    whole = {**told, "id": overridden(record), "source": record.get("source")}
    return ends and sha256_hex(canonical_json(whole)) == detail.get("override_sha256")


def event_of(override: Override, event: str, *, reason: str | None = None) -> Event:
    """Return the audit event that binds *override* as it is now; it tells an auditor all of it."""
    told = {key: value for key, value in plain(override).items() if key not in ("audit_hash", "source", "id")}
    extra: dict[str, Json] = {} if reason is None else {"because": reason}
    return Event(
        event=event,
        source=override.source,
        before=override.from_commit,
        after=override.to_commit,
        detail={"override": override.id, "override_sha256": digest(override), **told, **extra},
    )


def closed(override: Override, how: Closing, *, at: datetime, by: str) -> Override:
    """Return *override* as ended before its time."""
    return replace(override, status=how, closed_at=at, closed_by=by)


def person(text: str) -> str:
    """Return who *text* names: the e-mail address in it, or all of it; so that two spellings of one can be compared.

    Case, the several forms of a character, characters that nobody sees and a dot at the end do not count; nor do
    comments, quotes and blanks in an address (RFC 5322, 3.2).
    """
    plain_text = plain_name(text)
    match = _BRACKETED.search(plain_text)
    found = match[1] if match else next(iter(_EMAIL.findall(plain_text)), plain_text)
    return " ".join(found.split()).rstrip(".")


def plain_name(text: str) -> str:
    """Return *text* with its letters as they are compared: without case, comments, quotes and what nobody sees."""
    if text.isascii() and not any(mark in text for mark in _ODD):
        return text.casefold()
    from git_hybrid.core.spelling import plain_text  # noqa: PLC0415

    return plain_text(text)


def is_named(text: str) -> bool:
    """Tell whether *text* names somebody: a letter or a digit is in it, and no address that is empty."""
    shown = plain_name(text)
    return any(item.isalnum() for item in shown) and "<>" not in "".join(shown.split())
