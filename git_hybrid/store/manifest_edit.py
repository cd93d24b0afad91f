"""Edit the manifest with its comments and order kept (tomlkit)."""

from __future__ import annotations

from collections.abc import Sequence

import tomlkit
from tomlkit.exceptions import TOMLKitError

from git_hybrid.core.ids import SourceName
from git_hybrid.core.manifest import Source, track_field
from git_hybrid.store.manifest import SHOWN, decode_manifest
from git_hybrid.store.parsing import invalid

NEW_MANIFEST = """\
# What this workspace builds on. `git hybrid add URL` adds a source, `git hybrid pin` moves one.
# Every key is described in git-hybrid-files(7): man git-hybrid-files
schema_version = 1

[defaults]
# history = "full"            # full | shallow | treeless

[policy]
# hosts = ["github.com"]      # only these may be asked
# scan_max_age = "7d"
"""


def add_sources(text: str, sources: Sequence[Source]) -> str:
    """Return the manifest *text* with *sources* appended, everything else as it was.

    Raises:
        InvalidFile: the result would not be a manifest.
    """
    document = _parse(text)
    default = decode_manifest(text.encode("utf-8")).defaults.history
    if "source" not in document:
        document["source"] = tomlkit.table(is_super_table=True)
    tables = document["source"]
    for source in sources:
        table = tomlkit.table()
        key, value = track_field(source.track)
        table["url"] = str(source.url)
        table[key] = value
        if source.groups:
            table["groups"] = list(source.groups)
        if source.history != default:
            table["history"] = source.history
        if source.submodules:
            table["submodules"] = True
        if source.lfs != "pointer":
            table["lfs"] = source.lfs
        tables[source.name] = table
    return _checked(document, text)


def remove_sources(text: str, names: Sequence[SourceName]) -> str:
    """Return the manifest *text* without the tables of *names*, everything else as it was.

    Raises:
        InvalidFile: the result would not be a manifest.
    """
    document = _parse(text)
    for name in names:
        del document["source"][name]
    return _checked(document, text)


def _parse(text: str) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(text)
    except TOMLKitError as error:
        raise invalid(SHOWN, "file", f"cannot be edited: {error}") from error


def _checked(document: tomlkit.TOMLDocument, before: str) -> str:
    text = tomlkit.dumps(document)
    if "\r\n" in before and before.count("\r\n") == before.count("\n"):
        # What tomlkit adds ends with a newline alone.
        text = text.replace("\r\n", "\n").replace("\n", "\r\n")
    decode_manifest(text.encode("utf-8"))
    return text
