"""Receipts: what a workspace has after a bundle was applied, so that the next bundle need bring only the rest."""

from __future__ import annotations

import os
from pathlib import Path

from git_hybrid.core.bundles import Had, Receipt, Standing
from git_hybrid.core.errors import InvalidFile, NewerSchema, Problem, until_many
from git_hybrid.core.ids import SourceName, parse_name, parse_oid, parse_url
from git_hybrid.store.content import regular
from git_hybrid.store.mended import mended
from git_hybrid.store.parsing import check_version, checked, convert, encode_json, load_json, or_none
from git_hybrid.store.wire_airgap import HadShape

VERSION = 2
_NONE = "is no receipt of git hybrid bundle apply"


@mended("take the receipt that this wrote: git hybrid bundle apply FILE")
def decode_receipt(data: bytes, shown: str) -> Receipt:
    """Return the receipt in *data*.

    Raises:
        InvalidFile: with its bad entries.
        NewerSchema: it was written by a newer version.
    """
    try:
        document = load_json(data, shown)
    except InvalidFile as error:
        raise InvalidFile.at(shown, "file", _NONE) from error
    check_version(document, known=VERSION, shown=shown)
    entries = document.get("sources")
    if not isinstance(entries, list) or set(document) != {"schema_version", "format", "bundle", "sources"}:
        raise InvalidFile.at(shown, "file", _NONE)
    problems: list[Problem] = []
    sources: dict[SourceName, Had] = {}
    for index, entry in until_many(enumerate(entries), problems):
        place = f"sources[{index}]"
        shape = convert(entry, HadShape, place, problems)
        if shape is None:
            continue
        name = checked(parse_name, shape.name, f"{place}.name", problems)
        url = checked(parse_url, shape.url, f"{place}.url", problems)
        tip = checked(parse_oid, shape.tip, f"{place}.tip", problems)
        commit = checked(parse_oid, shape.commit, f"{place}.commit", problems)
        if name is not None and url is not None and tip is not None and commit is not None:
            standing = _submodules(shape, place, problems)
            contents = frozenset(or_none(shape.lfs) or ())
            sources[name] = Had(url=str(url), tip=tip, commit=commit, submodules=standing, contents=contents)
    if problems:
        raise InvalidFile(path=shown, problems=tuple(problems))
    return Receipt(sources=sources)


def _submodules(shape: HadShape, place: str, problems: list[Problem]) -> frozenset[Standing]:
    found = set[Standing]()
    for entry in or_none(shape.submodules) or ():
        url = checked(parse_url, entry.url, f"{place}.submodules", problems)
        commit = checked(parse_oid, entry.commit, f"{place}.submodules", problems)
        if url is not None and commit is not None:
            found.add(Standing(entry.place, str(url), commit))
    return frozenset(found)


def encode_receipt(receipt: Receipt, *, bundle: str) -> bytes:
    """Return *receipt* as the bytes of its file; *bundle* is the SHA-256 of the bundle that was applied.

    It has version 1 where an older program knows all that it says.
    """
    sources = [_entry(name, had) for name, had in sorted(receipt.sources.items())]
    version = VERSION if any(had.submodules or had.contents for had in receipt.sources.values()) else 1
    head = {"schema_version": version, "format": "git-hybrid-receipt", "bundle": bundle}
    return encode_json({**head, "sources": sources})


def may_be_written(path: Path) -> bool:
    """Tell whether a receipt may come to *path* where nobody named that: nothing is there, or a receipt.

    A medium comes from others: a link on it leads to any file, and a pipe waits for a reader that never comes.
    """
    if not os.path.lexists(path):
        return True
    try:
        decode_receipt(regular(path), path.name)
    except (OSError, InvalidFile, NewerSchema):
        return False
    return True


def _entry(name: str, had: Had) -> dict[str, object]:
    entry: dict[str, object] = {"name": name, "url": had.url, "tip": had.tip, "commit": had.commit}
    if had.submodules:
        found = sorted((item.place, item.url, item.commit) for item in had.submodules)
        entry["submodules"] = [{"place": place, "url": url, "commit": commit} for place, url, commit in found]
    if had.contents:
        entry["lfs"] = sorted(had.contents)
    return entry
