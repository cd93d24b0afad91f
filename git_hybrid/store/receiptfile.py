"""Receipts: what a workspace has after a bundle was applied, so that the next bundle need bring only the rest."""

from __future__ import annotations

import os
from pathlib import Path

from git_hybrid.core.bundles import Had, Receipt
from git_hybrid.core.errors import InvalidFile, NewerSchema, Problem, until_many
from git_hybrid.core.ids import SourceName, parse_name, parse_oid, parse_url
from git_hybrid.store.content import regular
from git_hybrid.store.mended import mended
from git_hybrid.store.parsing import check_version, checked, convert, encode_json, load_json
from git_hybrid.store.wire_airgap import HadShape

VERSION = 1
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
            sources[name] = Had(url=str(url), tip=tip, commit=commit)
    if problems:
        raise InvalidFile(path=shown, problems=tuple(problems))
    return Receipt(sources=sources)


def encode_receipt(receipt: Receipt, *, bundle: str) -> bytes:
    """Return *receipt* as the bytes of its file; *bundle* is the SHA-256 of the bundle that was applied."""
    sources = [
        {"name": name, "url": had.url, "tip": had.tip, "commit": had.commit}
        for name, had in sorted(receipt.sources.items())
    ]
    head = {"schema_version": VERSION, "format": "git-hybrid-receipt", "bundle": bundle}
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
