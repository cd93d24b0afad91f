"""What a store of the object cache says of itself: its packs, and what upstream had when it was asked last.

The record is what makes a pack or a ref part of the store: it is written last, in one step.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from git_hybrid.core.digest import sha256_hex
from git_hybrid.core.ids import InvalidText, Oid, RefName, Url, parse_full_ref, parse_oid, parse_url
from git_hybrid.core.value import Struct, field, replace
from git_hybrid.core.values import format_time, parse_time

if TYPE_CHECKING:
    from git_hybrid.core.ports_cache import Question

VERSION = 1
PACK_LIMIT = 16
"""How many packs a store or a clone may have before the small ones are packed together.

Each costs an update 0.13 ms and a look at a clone two lstat; to pack them together takes about 12 ms.
"""
PACK_FILE = re.compile(r"pack-(?:[0-9a-f]{40}|[0-9a-f]{64})\.(?:pack|rev|idx)")
_HEX = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})")
_UNREADABLE = re.compile(r"[^A-Za-z0-9._-]+")
_STORE = re.compile(r"-[0-9a-f]{20}\.git\Z")
_SIZE = re.compile(r"([0-9]{1,15})([KMGT]i?B?|B)?", re.IGNORECASE)
_POWERS = {"": 0, "b": 0, "k": 1, "m": 2, "g": 3, "t": 4}


class PackFile(Struct, frozen=True, kw_only=True):
    """One file of a pack: bytes, whole seconds of its last change, and the checksum that it ends with."""

    size: int
    changed: int
    checksum: str


class Seen(Struct, frozen=True, kw_only=True):
    """What upstream had at a ref, who said so, and when; ``brought_by`` served the objects, if that was another."""

    oid: Oid
    served_by: str
    at: datetime
    brought_by: str = ""

    @property
    def origin(self) -> str:
        """Who served the objects when they came into the store."""
        return self.brought_by or self.served_by


class StoreRecord(Struct, frozen=True, kw_only=True):
    """What is in a store; ``files`` by file name, ``refs`` by upstream's full names."""

    url: str
    object_format: str
    files: Mapping[str, PackFile] = field(default_factory=dict)
    refs: Mapping[RefName, Seen] = field(default_factory=dict)
    fetched_at: datetime

    @property
    def packs(self) -> int:
        """How many packs there are."""
        return sum(name.endswith(".pack") for name in self.files)

    @property
    def size(self) -> int:
        """The bytes of all packs with their indexes."""
        return sum(file.size for file in self.files.values())


def folder_name(url: Url) -> str:
    """Return the name of the store's folder: a readable part for people, a digest of the URL for the program."""
    readable = _UNREADABLE.sub("+", f"{url.host}{url.path}".removesuffix(".git"))[-60:].strip("+.-")
    return f"{readable or 'store'}-{sha256_hex(str(url).encode())[:20]}.git"


def is_store(name: str) -> bool:
    """Tell whether *name* is one that :func:`folder_name` gives: what has another belongs to somebody else."""
    return _STORE.search(name) is not None


def is_set_aside(name: str) -> bool:
    """Tell whether *name* is that of a store which was set aside: the time stands behind it."""
    store, _, time = name.rpartition("-")
    return time.isdecimal() and is_store(store)


def refreshed(old: Mapping[RefName, Seen], patterns: Sequence[str], new: Mapping[RefName, Seen]) -> dict[RefName, Seen]:
    """Return the refs after a fetch of *patterns* that found *new*: what it did not find upstream has no more."""
    left = {ref: seen for ref, seen in old.items() if not any(fnmatchcase(ref, pattern) for pattern in patterns)}
    return {**left, **new}


def as_brought(old: Mapping[RefName, Seen], new: Mapping[RefName, Seen]) -> dict[RefName, Seen]:
    """Return *new* with who had brought what *old* has already: who says it again has not sent it."""
    origins = {seen.oid: seen.origin for seen in old.values()}
    return {ref: replace(seen, brought_by=origins.get(seen.oid, "")) for ref, seen in new.items()}


def answers(record: StoreRecord, question: Question) -> str | None:
    """Return who served what upstream has at the refs in *question*; None where one is not known, or not by evidence.

    A time after its ``until`` is that of a clock that was ahead.
    """
    refs, servers, since, until, tips = question.refs, question.servers, question.since, question.until, question.tips
    found = [record.refs.get(RefName(ref)) for ref in refs]
    known = [seen for seen in found if seen is not None]
    if not known or len(known) < len(found):
        return None
    if servers is not None and any(seen.served_by not in servers for seen in known):
        return None
    if tips is not None and any(tips.get(ref) != seen.oid for ref, seen in zip(refs, known, strict=True)):
        return None
    if since is not None and any(seen.at < since for seen in known):
        return None
    if until is not None and any(seen.at > until for seen in known):
        return None
    return known[0].origin


def encode_record(record: StoreRecord) -> bytes:
    """Return *record* as it is kept in the store."""
    document = {
        "schema_version": VERSION,
        "url": record.url,
        "object_format": record.object_format,
        "fetched_at": format_time(record.fetched_at),
        "files": {name: [file.size, file.changed, file.checksum] for name, file in sorted(record.files.items())},
        "refs": {ref: _parts(seen) for ref, seen in sorted(record.refs.items())},
    }
    return json.dumps(document, indent=1).encode("ascii") + b"\n"


def _parts(seen: Seen) -> list[str]:
    parts = [seen.oid, seen.served_by, format_time(seen.at)]
    return [*parts, seen.brought_by] if seen.brought_by else parts


def decode_record(data: bytes) -> StoreRecord:
    """Return the record that *data* holds.

    Raises:
        InvalidText: it is not one.
    """
    try:
        document = json.loads(data)
        return _decoded(document)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidText(f"not a record of a store: {str(error)[:80]}") from error


def _decoded(document: Any) -> StoreRecord:
    if document["schema_version"] != VERSION or document["object_format"] not in ("sha1", "sha256"):
        raise InvalidText("another version")
    length = 40 if document["object_format"] == "sha1" else 64
    return StoreRecord(
        url=str(parse_url(document["url"])),
        object_format=document["object_format"],
        fetched_at=parse_time(document["fetched_at"]),
        files={_file_name(name): _file(*parts) for name, parts in document["files"].items()},
        refs={parse_full_ref(ref): _seen(*parts, length=length) for ref, parts in document["refs"].items()},
    )


def _file_name(text: str) -> str:
    if PACK_FILE.fullmatch(text) is None:
        raise InvalidText("a file that belongs to no pack")
    return text


def _file(size: object, changed: object, checksum: str) -> PackFile:
    if not (isinstance(size, int) and isinstance(changed, int) and _HEX.fullmatch(checksum)):
        raise InvalidText("a file without size, time and checksum")
    return PackFile(size=size, changed=changed, checksum=checksum)


def _seen(oid: str, served_by: object, at: str, brought_by: object = "", *, length: int) -> Seen:
    if len(oid) != length or not isinstance(served_by, str) or not isinstance(brought_by, str):
        raise InvalidText("a ref without an object or a server")
    return Seen(oid=parse_oid(oid), served_by=served_by, at=parse_time(at), brought_by=brought_by)


class StoreLook(Struct, frozen=True, kw_only=True):
    """What a store takes and when it served: bytes, how many of them clones share or trees take, packs, times.

    ``url`` is empty where the store cannot be read. ``busy``: somebody holds it. ``unfinished``: it was never filled.
    """

    folder: str
    url: str
    size: int
    shared: int
    packs: int
    used_at: datetime
    fetched_at: datetime | None = None
    busy: bool = False
    trees: int = 0
    unfinished: bool = False


def to_prune(
    stores: Sequence[StoreLook], *, older_than: timedelta | None, max_size: int | None, now: datetime
) -> tuple[StoreLook, ...]:
    """Return the stores that have to go: those not used for *older_than*, then the least used until *max_size* holds.

    One that was never filled goes too; one that somebody holds stays, and counts.
    """
    old = [look for look in stores if older_than is not None and now - look.used_at >= older_than]
    gone = [look for look in stores if not look.busy and (look.unfinished or look in old)]
    left = sum(look.size for look in stores if look not in gone)
    for look in sorted(stores, key=lambda look: (look.used_at, look.folder)):
        if max_size is None or left <= max_size:
            break
        if look not in gone and not look.busy:
            gone.append(look)
            left -= look.size
    return tuple(gone)


def parse_size(text: str) -> int:
    """Return *text*, such as ``500M`` or ``2GiB``, in bytes; every unit is a power of 1024.

    Raises:
        InvalidText: it is no size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise InvalidText("not a size: write a whole number and perhaps one of K, M, G, T, such as 500M or 2G")
    number, unit = match.groups()
    return int(number) << (10 * _POWERS[(unit or "")[:1].lower()])
