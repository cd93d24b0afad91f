"""Read and write the mirror inventory ``state/sources-mirrors.json``."""

from __future__ import annotations

from typing import Any

from git_hybrid.core.canonical import Json
from git_hybrid.core.endpoints import check_base
from git_hybrid.core.errors import InvalidFile, Problem, until_many
from git_hybrid.core.files import MIRRORS
from git_hybrid.core.ids import SourceName, parse_name, parse_oid
from git_hybrid.core.mirrors import Held, Incomplete, Inventory, Mirror, mirror_table
from git_hybrid.core.values import parse_time
from git_hybrid.store.mended import from_git, mended
from git_hybrid.store.parsing import check_version, checked, convert, encode_json, load_json, or_none, place_in
from git_hybrid.store.wire_airgap import MirrorShape

VERSION = 1
_FIELDS = ("name", "base_url", "kind", "owner", "added_at", "added_by", "verified_at", "sources")
_MAY_BE_NULL = "verified_at"


# The audit log names every mirror, as it was added.
@mended(from_git(MIRRORS), "or move it away, then: git hybrid check audit")
def decode_mirrors(data: bytes) -> Inventory:
    """Return the inventory in *data*.

    An entry that lacks fields is no error here: it is told by ``check mirrors``, and nothing relies on it.

    Raises:
        InvalidFile: with its bad entries.
        NewerSchema: it was written by a newer version.
    """
    document = load_json(data, MIRRORS)
    problems: list[Problem] = []
    check_version(document, known=VERSION, shown=MIRRORS)
    problems.extend(Problem(key, "unknown key") for key in document if key not in ("schema_version", "mirrors"))
    entries = document.get("mirrors")
    if not isinstance(entries, list):
        raise InvalidFile.at(MIRRORS, "mirrors", "must be a list of entries")
    mirrors: dict[str, Mirror] = {}
    incomplete: list[Incomplete] = []
    names: set[str] = set()
    for index, entry in until_many(enumerate(entries), problems):
        place = place_in("mirrors", entry, index)
        decoded = _decode(entry, place, problems)
        if decoded is None:
            continue
        if decoded.name in names:
            problems.append(Problem(place, "stands twice in the file"))
        names.add(decoded.name)
        if isinstance(decoded, Mirror):
            mirrors[decoded.name] = decoded
        else:
            incomplete.append(decoded)
    if problems:
        raise InvalidFile(path=MIRRORS, problems=tuple(problems))
    return Inventory(mirrors=dict(sorted(mirrors.items())), incomplete=tuple(incomplete))


def _decode(entry: object, place: str, problems: list[Problem]) -> Mirror | Incomplete | None:
    if isinstance(entry, dict):
        lacking = tuple(key for key in _FIELDS if _lacks(entry, key))
        if lacking:
            name = entry.get("name")
            return Incomplete(place=place, name=name if isinstance(name, str) else place, lacking=lacking, plain=entry)
    return decode_mirror(entry, place, problems)


def _lacks(entry: dict[str, Any], key: str) -> bool:
    value = entry.get(key, "")
    return value == "" or (value is None and key != _MAY_BE_NULL)


def decode_mirror(entry: object, place: str, problems: list[Problem]) -> Mirror | None:
    """Return one entry of the inventory, or None after adding what is wrong with it to *problems*."""
    shape = convert(entry, MirrorShape, place, problems)
    if shape is None:
        return None
    before = len(problems)
    name = checked(parse_name, shape.name, f"{place}.name", problems)
    base = checked(check_base, shape.base_url, f"{place}.base_url", problems)
    added_at = checked(parse_time, shape.added_at, f"{place}.added_at", problems)
    verified_at = None
    if shape.verified_at is not None:
        verified_at = checked(parse_time, shape.verified_at, f"{place}.verified_at", problems)
    sources: dict[SourceName, Held] = {}
    for raw, held in sorted(shape.sources.items()):
        inner = f"{place}.sources.{raw[:80]}"
        source = checked(parse_name, raw, inner, problems)
        commit = checked(parse_oid, held.commit, f"{inner}.commit", problems)
        checked_at = checked(parse_time, held.checked_at, f"{inner}.checked_at", problems)
        if source is not None and commit is not None and checked_at is not None:
            sources[source] = Held(commit=commit, checked_at=checked_at, ok=held.ok)
    if name is None or base is None or added_at is None or len(problems) > before:
        return None
    return Mirror(
        name=name,
        base_url=base,
        kind=shape.kind,
        owner=shape.owner,
        added_at=added_at,
        added_by=shape.added_by,
        verified_at=verified_at,
        sources=sources,
        audit_hash=or_none(shape.audit_hash),
    )


def encode_mirrors(inventory: Inventory) -> bytes:
    """Return *inventory* as the bytes of its file: sorted by name, the same inventory always gives the same bytes."""
    entries = [(name, encode_mirror(entry)) for name, entry in inventory.mirrors.items()]
    entries += [(entry.name, dict(entry.plain)) for entry in inventory.incomplete]
    entries.sort(key=lambda entry: entry[0])
    return encode_json({"schema_version": VERSION, "mirrors": [plain for _, plain in entries]})


def encode_mirror(mirror: Mirror) -> dict[str, Json]:
    """Return one entry of the inventory as plain values; what is not known yet stands as null."""
    plain = mirror_table(mirror)
    return plain if mirror.audit_hash is None else plain | {"audit_hash": mirror.audit_hash}
