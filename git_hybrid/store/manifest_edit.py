"""Edit the manifest with its comments and order kept: as text, and by tomlkit what is written in other forms.

tomlkit brings tables together that others stand between, even where nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from git_hybrid.core.canonical import Json
from git_hybrid.core.errors import InvalidFile, Problem
from git_hybrid.core.files import MANIFEST
from git_hybrid.core.ids import SourceName
from git_hybrid.core.manifest import History, Source, Track, track_field
from git_hybrid.core.value import replace
from git_hybrid.store.manifest import decode_manifest
from git_hybrid.store.manifest_cut import around_table, with_tables, without_tables

Fields = dict[str, str | bool | list[str]]
_UNABLE = (TOMLKitError, InvalidFile, ValueError, LookupError, TypeError, AttributeError)
"""What tomlkit ends with where a table is in a place that it cannot edit, and what reads the result."""

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
    """Return the manifest *text* with *sources* added, everything else as it was.

    Each becomes a table of its own where TOML allows one: not beside sources that stand in an inline table, and dotted
    keys are not to be torn apart. What was made is read again before it is returned.

    Raises:
        InvalidFile: the manifest is none, or in no way that is known here could they be added.
    """
    before = decode_manifest(text.encode("utf-8"))
    wanted = replace(before, sources={**before.sources, **{source.name: source for source in sources}})
    fields = {source.name: _fields(source, before.defaults.history) for source in sources}
    for edit in (_with_tables, _with_inline_tables):
        with suppress(*_UNABLE):
            made = as_before(edit(text, fields), text)
            if decode_manifest(made.encode("utf-8")) == wanted:
                return made
    raise _not_editable([f"add to it: {_line(name, table)}" for name, table in fields.items()])


def _line(name: str, fields: Fields) -> str:
    return f"{tomlkit.key(name).as_string()} = {_filled(tomlkit.inline_table(), fields).as_string()}"


def _fields(source: Source, history: History) -> Fields:
    key, value = track_field(source.track)
    fields: Fields = {"url": str(source.url), key: value}
    if source.groups:
        fields["groups"] = list(source.groups)
    if source.history != history:
        fields["history"] = source.history
    if source.submodules:
        fields["submodules"] = True
    if source.lfs != "pointer":
        fields["lfs"] = source.lfs
    return fields


def _with_tables(text: str, added: Mapping[SourceName, Fields]) -> str:
    document: Any = tomlkit.document()
    document["source"] = tomlkit.table(is_super_table=True)
    for name, fields in added.items():
        document["source"][name] = _filled(tomlkit.table(), fields)
    return with_tables(text, tomlkit.dumps(document))


def _with_inline_tables(text: str, added: Mapping[SourceName, Fields]) -> str:
    document = tomlkit.parse(text)
    for name, fields in added.items():
        document["source"][name] = _filled(tomlkit.inline_table(), fields)
    return tomlkit.dumps(document)


def _filled(table: Any, fields: Fields) -> Any:
    for key, value in fields.items():
        table[key] = value
    return table


def follow_instead(text: str, source: Source, track: Track) -> str | None:
    """Return the manifest *text* in which *source* follows *track*, everything else as it was; None if it has another.

    Raises:
        InvalidFile: the manifest is none, or in no way that is known here could it be changed.
    """
    before = decode_manifest(text.encode("utf-8"))
    if before.sources.get(name := source.name) != source:
        return None
    key = track_field(track)[0]
    wanted = replace(before, sources={**before.sources, name: replace(source, track=track)})
    old = track_field(source.track)[0]
    for edit in (_in_its_table, _in_the_document, _by_key):
        with suppress(*_UNABLE):
            made = as_before(edit(text, name, old, track), text)
            if decode_manifest(made.encode("utf-8")) == wanted:
                return made
    line = tomlkit.dumps({key: track_field(track)[1]}).strip()
    raise _not_editable([f"write {line} for {old} of {name}"])


def _in_its_table(text: str, name: SourceName, old: str, track: Track) -> str:
    before, table, after = around_table(text, name)
    return before + _in_the_document(table, name, old, track) + after


def _in_the_document(text: str, name: SourceName, old: str, track: Track) -> str:
    """Return *text* with the key *old* and its value written anew where it stands, with the comment behind it."""
    document: Any = tomlkit.parse(text)
    table = document["source"][name]
    body = getattr(table, "value", table).body
    at = next(at for at, (key, _) in enumerate(body) if key is not None and key.key == old)
    field, value = track_field(track)
    item = _item(value, body[at][1])
    key, before = tomlkit.key(field), body[at][0].as_string()
    key.sep = f"{before[len(before.rstrip()) :]}{body[at][0].sep}"
    body[at] = (key, item)
    return tomlkit.dumps(document)


def _by_key(text: str, name: SourceName, old: str, track: Track) -> str:
    document: Any = tomlkit.parse(text)
    table, (field, value) = document["source"][name], track_field(track)
    item = _item(value, table[old])
    if field != old:
        del table[old]
    table[field] = item
    return tomlkit.dumps(document)


def _item(value: str, instead: Any) -> Any:
    """Return *value* as TOML that stands where *instead* did, with the comment behind it."""
    item: Any = tomlkit.item(value)
    item.trivia.indent, item.trivia.comment_ws, item.trivia.comment, item.trivia.trail = (
        getattr(instead.trivia, part) for part in ("indent", "comment_ws", "comment", "trail")
    )
    return item


def with_values(
    text: str, other: str, tables: Mapping[tuple[str, ...], Mapping[str, Json]], lists: Sequence[str]
) -> str:
    """Return the manifest *text* with the keys of *tables* and no others in these, and with *lists* as in *other*.

    Each table is named by the parts of its key. A value that *other* has too is written as it is there; comments stay.

    Raises:
        InvalidFile: one of both is none, or written in no way that is known here.
    """
    if not tables and not lists:
        return text
    with suppress(*_UNABLE):
        document: Any = tomlkit.parse(text)
        wanted: Any = tomlkit.parse(other)
        for place, values in tables.items():
            _set(_table(document, place), _there(wanted, place), values)
        for name in lists:
            if name in wanted:
                document[name] = wanted[name]
            else:
                del document[name]
        return as_before(tomlkit.dumps(document), text)
    raise _not_editable([f"change {'.'.join(place)} in it" for place in tables])


def _table(document: Any, place: Sequence[str]) -> Any:
    for part in place:
        if part not in document:
            document.add(tomlkit.nl())
            document.add(part, tomlkit.table())
        document = document[part]
    return document


def _there(document: Any, place: Sequence[str]) -> Any:
    for part in place:
        document = document.get(part, {})
    return document


def _set(table: Any, other: Any, values: Mapping[str, Json]) -> None:
    for key in [key for key in table if key not in values]:
        del table[key]
    with _end_set_aside(table):
        for key, value in values.items():
            if table.get(key) != value:
                table[key] = other[key] if other.get(key) == value else value


@contextmanager
def _end_set_aside(table: Any) -> Iterator[None]:
    """Let what the block adds stand before the empty lines and comments that end *table*: they are the next one's."""
    body, end = getattr(table.value, "body", []), list[Any]()
    while body and body[-1][0] is None:
        end.insert(0, body.pop())
    yield
    body.extend(end)


def remove_sources(text: str, names: Sequence[SourceName]) -> str:
    """Return the manifest *text* without the tables of *names* and their comments, everything else as it was.

    Raises:
        InvalidFile: the manifest is none, or they could not be taken out of it.
    """
    before = decode_manifest(text.encode("utf-8"))
    wanted = replace(before, sources={name: item for name, item in before.sources.items() if name not in names})
    for rest in (without_tables(text, names), text):
        with suppress(*_UNABLE):
            made = _without_keys(rest, names)
            if decode_manifest(made.encode("utf-8")) == wanted:
                return made
    raise _not_editable([f"take {name} out of it" for name in names])


def _without_keys(text: str, names: Sequence[SourceName]) -> str:
    document: Any = tomlkit.parse(text)
    left = [name for name in names if name in document.get("source", {})]
    if not left:
        return text
    for name in left:
        del document["source"][name]
    return as_before(tomlkit.dumps(document), text)


def as_before(made: str, before: str) -> str:
    """Return *made* with the ends of lines that *before* had: what is added ends with a newline alone."""
    if "\r\n" in before and before.count("\r\n") == before.count("\n"):
        return made.replace("\r\n", "\n").replace("\n", "\r\n")
    return made


def _not_editable(by_hand: Sequence[str]) -> InvalidFile:
    why = "is written in a way that this program cannot edit"
    problems = tuple(Problem("source", f"{why}; {words}") for words in by_hand)
    return InvalidFile(path=MANIFEST, problems=problems, mend="edit it by hand, then: git hybrid pin")
