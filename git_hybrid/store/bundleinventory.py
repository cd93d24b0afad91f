"""``inventory.json`` of a bundle file: every member with its size and SHA-256, the sources, and the submodules.

A file that carries submodules or content of Git LFS has schema version 2: whoever does not know these must not take it
for all that the sources need. Any other has version 1, as ever.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import UNSET

from git_hybrid.core.bundles import Carried, is_content, is_inside, key_of_content, key_of_submodule
from git_hybrid.core.errors import HybridError, InvalidFile, Problem
from git_hybrid.core.files import LOCK, LOG, MANIFEST, OVERRIDES, STATE
from git_hybrid.core.ids import Oid, Url, parse_name, parse_oid, parse_url
from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import Struct
from git_hybrid.store.parsing import check_version, checked, convert, encode_json, load_json
from git_hybrid.store.wire_airgap import BundleShape

INVENTORY = "inventory.json"
VERSION = 2
_OF_WORKSPACE = (MANIFEST, LOCK, STATE, OVERRIDES, LOG)
_OF_SOURCE = pattern(r"scans/([^/]+)/report\.sarif|sources/([^/]+)/history\.bundle")
_INSIDE = pattern(r"lfs/[0-9a-f]{64}|submodules/[0-9a-f]{64}/history\.bundle")
_HISTORIES, _HISTORY = "sources/", "/history.bundle"
Bad = Callable[[str, str], HybridError]
"""Makes the error for what is wrong at a place."""


class Inventory(Struct, frozen=True, kw_only=True):
    """What an inventory says; ``listed`` has name, size and SHA-256 of each member.

    ``inside`` are the keys of the submodules and of the content of Git LFS, None of a form that has neither.
    """

    listed: Sequence[tuple[str, int, str]]
    carried: tuple[Carried, ...]
    inside: frozenset[str] | None = None


def history_of(name: str) -> str:
    """Return the name of the member with the git bundle of a source."""
    return f"{_HISTORIES}{name}{_HISTORY}"


def report_of(name: str) -> str:
    """Return the name of the member with the scan report of a source."""
    return f"scans/{name}/report.sarif"


def member_of(key: str) -> str:
    """Return the name of the member that *key* stands for: a source by its name, or what is inside of sources."""
    if is_content(key):
        return key
    return f"{key}{_HISTORY}" if is_inside(key) else history_of(key)


def is_large(name: str) -> bool:
    """Tell whether the member *name* is as large as upstream makes it: it is never read as a whole."""
    return name.startswith(_HISTORIES) or is_inside(name)


def inventory_of(
    members: Mapping[str, Path | bytes],
    carried: Sequence[Carried],
    since: str | None,
    submodules: Mapping[str, tuple[Url, Oid]] | None = None,
) -> bytes:
    """Return the inventory of a bundle with *members*; *since* is the SHA-256 of the receipt it was made for.

    *submodules* has URL and commit of those in it, by their keys; None where no source has such, or LFS content.
    """
    listed = []
    for name, content in sorted(members.items()):
        size, digest = _measured(content)
        listed.append({"path": name, "sha256": digest, "size": size})
    sources = [
        {"name": item.name, "kind": item.kind, "prerequisites": list(item.prerequisites)}
        for item in sorted(carried, key=lambda item: item.name)
    ]
    document = {"format": "git-hybrid-bundle", "schema_version": 1, "since": since}
    document |= {"members": listed, "sources": sources}
    if submodules is not None:
        found = [{"commit": commit, "url": str(url)} for _, (url, commit) in sorted(submodules.items())]
        document |= {"schema_version": VERSION, "submodules": found}
    return encode_json(document)


def _measured(content: Path | bytes) -> tuple[int, str]:
    if isinstance(content, bytes):
        return len(content), hashlib.sha256(content).hexdigest()
    with open(content, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), digest


def decode_inventory(data: bytes, bad: Bad) -> Inventory:
    """Return what the inventory *data* says; what is wrong is raised as *bad* makes it.

    Raises:
        NewerSchema: a newer version of the program made it.
    """
    problems: list[Problem] = []
    try:
        document = load_json(data, INVENTORY)
        check_version(document, known=VERSION, shown=INVENTORY)
    except InvalidFile as error:
        raise bad(INVENTORY, "is no inventory") from error
    shape = convert(document, BundleShape, "", problems)
    if shape is None or shape.format != "git-hybrid-bundle" or encode_json(document) != data:
        raise bad(INVENTORY, "is not as this program writes it")
    listed = [(member.path, member.size, member.sha256) for member in shape.members]
    carried: list[Carried] = []
    for entry in shape.sources:
        name = checked(parse_name, entry.name, "name", problems)
        commits = [checked(parse_oid, text, "prerequisites", problems) for text in entry.prerequisites]
        if name is not None:
            carried.append(Carried(name=name, kind=entry.kind, prerequisites=tuple(filter(None, commits))))
    inside = _inside(shape, listed, problems, bad)
    _refuse_members(shape, {name for name, _, _ in listed}, carried, bad, is_wrong=bool(problems))
    return Inventory(listed=listed, carried=tuple(carried), inside=inside)


def _refuse_members(
    shape: BundleShape, names: set[str], carried: Sequence[Carried], bad: Bad, *, is_wrong: bool
) -> None:
    """Raise unless *names* are what a bundle with the sources *carried* has."""
    in_order = [member.path for member in shape.members] == sorted(names)
    if is_wrong or not in_order or not all(_is_member(name) for name in names):
        raise bad(INVENTORY, "names members that no bundle has")
    histories = {history_of(item.name) for item in carried if item.kind != "present"}
    once = len({item.name for item in carried}) == len(carried)
    if {name for name in names if name.startswith(_HISTORIES)} != histories or not once:
        raise bad(INVENTORY, "the sources and the members do not fit")
    if not {MANIFEST, LOCK} <= names:
        raise bad(INVENTORY, f"lacks {MANIFEST} or {LOCK}")


def _inside(
    shape: BundleShape, listed: Sequence[tuple[str, int, str]], problems: list[Problem], bad: Bad
) -> frozenset[str] | None:
    """Return the keys of what is inside of sources: each has its name by what it is, and is listed once."""
    found = {name: sha256 for name, _, sha256 in listed if is_inside(name)}
    if shape.submodules is UNSET or shape.schema_version < VERSION:
        if found or shape.submodules is not UNSET or shape.schema_version >= VERSION:
            raise bad(INVENTORY, "is not of the form that its schema_version tells")
        return None
    contents = {name for name, sha256 in found.items() if name == key_of_content(sha256)}
    submodules = list[str]()
    for entry in shape.submodules:
        url = checked(parse_url, entry.url, "submodules", problems)
        commit = checked(parse_oid, entry.commit, "submodules", problems)
        if url is not None and commit is not None:
            submodules.append(key_of_submodule(url, commit))
    if submodules != sorted(set(submodules)) or contents | {*map(member_of, submodules)} != found.keys():
        raise bad(INVENTORY, "the submodules, the content of Git LFS and the members do not fit")
    return frozenset((*submodules, *contents))


def _is_member(name: str) -> bool:
    if (match := _OF_SOURCE.fullmatch(name)) is None:
        return name in _OF_WORKSPACE or bool(_INSIDE.fullmatch(name))
    return checked(parse_name, match[1] or match[2], "name", []) is not None
