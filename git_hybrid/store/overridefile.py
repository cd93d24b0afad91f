"""Read and write the overrides ``state/sources-overrides.json``."""

from __future__ import annotations

from git_hybrid.core.errors import InvalidFile, Problem, until_many
from git_hybrid.core.files import OVERRIDES
from git_hybrid.core.ids import parse_name, parse_oid
from git_hybrid.core.override import Approval, Override, Overrides, plain
from git_hybrid.core.values import parse_time
from git_hybrid.store.mended import mended
from git_hybrid.store.parsing import check_version, checked, convert, encode_json, load_json, or_none
from git_hybrid.store.wire import ApprovalShape, OverrideShape

VERSION = 1


@mended("the audit log tells what was approved: git hybrid override restore")
def decode_overrides(data: bytes) -> Overrides:
    """Return the overrides in *data*.

    Raises:
        InvalidFile: with its bad records.
        NewerSchema: it was written by a newer version.
    """
    document = load_json(data, OVERRIDES)
    check_version(document, known=VERSION, shown=OVERRIDES)
    problems = [Problem(key, "unknown key") for key in document if key not in ("schema_version", "overrides")]
    entries = document.get("overrides")
    if not isinstance(entries, list):
        problems.append(Problem("overrides", "must be a list of records"))
        entries = []
    records: dict[str, Override] = {}
    for index, entry in until_many(enumerate(entries), problems):
        place = f"overrides[{index}]"
        decoded = decode_override(entry, place, problems)
        if decoded is not None and decoded.id in records:
            problems.append(Problem(place, f"{decoded.id} stands twice in the file"))
        elif decoded is not None:
            records[decoded.id] = decoded
    if problems:
        raise InvalidFile(path=OVERRIDES, problems=tuple(problems))
    return Overrides(records=dict(sorted(records.items())))


def decode_override(entry: object, place: str, problems: list[Problem]) -> Override | None:
    """Return one record, or None after adding what is wrong with it to *problems*."""
    shape = convert(entry, OverrideShape, place, problems)
    if shape is None:
        return None
    before = len(problems)
    source = checked(parse_name, shape.source, f"{place}.source", problems)
    start = shape.from_commit
    from_commit = None if start is None else checked(parse_oid, start, f"{place}.from_commit", problems)
    to_commit = checked(parse_oid, shape.to_commit, f"{place}.to_commit", problems)
    created_at = checked(parse_time, shape.created_at, f"{place}.created_at", problems)
    expires_at = checked(parse_time, shape.expires_at, f"{place}.expires_at", problems)
    closed = or_none(shape.closed_at)
    closed_at = None if closed is None else checked(parse_time, closed, f"{place}.closed_at", problems)
    approvers = [_approval(item, f"{place}.approvers[{at}]", problems) for at, item in enumerate(shape.approvers)]
    waived = [checked(parse_oid, item, f"{place}.waived", problems) for item in shape.waived]
    if (shape.status == "active") != (closed is None):
        problems.append(Problem(place, f"says {shape.status!r}{' with' if closed else ' without'} closed_at"))
    if len(problems) > before or source is None or to_commit is None or created_at is None or expires_at is None:
        return None
    return Override(
        id=shape.id,
        kind=shape.kind,
        source=source,
        request_id=shape.request_id,
        reason=shape.reason,
        from_commit=from_commit,
        to_commit=to_commit,
        requested_by=shape.requested_by,
        approvers=tuple(item for item in approvers if item is not None),
        incident=or_none(shape.incident),
        created_at=created_at,
        expires_at=expires_at,
        status=shape.status,
        closed_at=closed_at,
        closed_by=or_none(shape.closed_by),
        command_id=shape.command_id,
        lifts=tuple(shape.lifts),
        findings=tuple(shape.findings),
        waived=tuple(item for item in waived if item is not None),
        audit_hash=or_none(shape.audit_hash),
    )


def _approval(shape: ApprovalShape, place: str, problems: list[Problem]) -> Approval | None:
    at = checked(parse_time, shape.at, f"{place}.at", problems)
    return None if at is None else Approval(id=shape.id, at=at, signature=or_none(shape.signature))


def encode_overrides(overrides: Overrides) -> bytes:
    """Return *overrides* as the bytes of their file."""
    records = [plain(item) for item in overrides.records.values()]
    return encode_json({"schema_version": VERSION, "overrides": records})
