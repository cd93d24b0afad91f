"""Merge the manifest of two branches, key by key; what both changed, each in its way, is left to people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import and_

from git_hybrid.core.canonical import Json, canonical_json
from git_hybrid.core.errors import InvalidFile, NewerSchema
from git_hybrid.core.files import MANIFEST
from git_hybrid.core.ids import SourceName
from git_hybrid.core.manifest import Defaults, Manifest
from git_hybrid.core.merging import Clash, Table, common, common_tables, merged, merged_tables
from git_hybrid.core.stages import BASE, FIRST, LEFT, OTHER, OURS, THEIRS
from git_hybrid.core.value import Struct
from git_hybrid.store.manifest import TRACKS, VERSION, decode_manifest, manifest_of
from git_hybrid.store.manifest_edit import add_sources, remove_sources, with_values
from git_hybrid.store.parsing import load_toml
from git_hybrid.store.torn import Versions

_WHOSE = {BASE: "the base's", OURS: "our", THEIRS: "their"}
_TABLES = ("defaults", "policy")
_LISTS = ("scanner", "open_issues")
_SOURCE = "source."
_TRACK = "track"


class Told(Struct, frozen=True, kw_only=True):
    """The merged manifest; or none, and ``why`` it takes a person, in words.

    ``names`` are the sources that it has, whatever a person makes of the rest; None where that cannot be told.
    """

    text: str | None = None
    why: tuple[str, ...] = ()
    names: frozenset[SourceName] | None = None


class _Side(Struct, frozen=True, kw_only=True):
    """One version of the manifest: its text, what it says, and its tables and lists as they are written.

    That a source follows a tag, a branch, a version or a commit is one key of its table here.
    """

    text: str
    manifest: Manifest
    tables: Mapping[str, Table]
    lists: Table


def merge_manifest(versions: Versions) -> Told:
    """Return our manifest with what theirs alone changed in it, or why it takes a person.

    That is where both changed a key, each in its way, or one of them a table that the other one took out; where a
    comment of ours would be lost; and where a version is missing or cannot be read.
    """
    sides: dict[int, _Side] = {}
    for stage in sorted({BASE, OURS, THEIRS, *versions} - {LEFT}):
        try:
            sides[stage] = _side(versions[stage])
        except KeyError:
            return Told(why=(f"{_WHOSE[stage]} version is missing",))
        except (InvalidFile, NewerSchema):
            return Told(why=(f"{_WHOSE.get(stage, _WHOSE[BASE])} version cannot be read",))
    bases = [sides[stage] for stage in (BASE, OTHER, FIRST) if stage in sides]
    return _merged(bases, sides[OURS], sides[THEIRS])


def _merged(bases: Sequence[_Side], ours: _Side, theirs: _Side) -> Told:
    base = common_tables([side.tables for side in bases])
    tables, clashes = merged_tables(base, ours.tables, theirs.tables)
    lists, changes = merged(common([side.lists for side in bases]), ours.lists, theirs.lists)
    why = [*map(_words, clashes), *(f"both changed [[{change.name}]]" for change in changes if change.both)]
    names = frozenset(_name(name) for name in (*tables, *(clash.table for clash in clashes)) if name not in _TABLES)
    if why:
        return Told(why=tuple(why), names=names)
    tables = _as_meant(tables, base, ours, theirs)
    try:
        wanted = _manifest(tables, lists)
        text = _edited(ours, theirs, wanted, tables, lists)
    except InvalidFile as error:
        told = (f"{problem.place} {problem.reason}" for problem in error.problems)
        return Told(why=tuple(told), names=names)
    lost = _comments(ours.text) - _comments(text) - _taken_out(bases, theirs)
    if lost:
        return Told(why=tuple(f"a comment would be lost: # {words}" for words in lost), names=names)
    return Told(text=text, names=names)


def _side(data: bytes) -> _Side:
    document, text = load_toml(data, MANIFEST), data.decode("utf-8")
    manifest = manifest_of(document, text)
    tables: dict[str, Table] = {name: document.get(name, {}) for name in _TABLES}
    tables |= {f"{_SOURCE}{name}": _with_track(table) for name, table in document.get("source", {}).items()}
    lists = {name: document[name] for name in _LISTS if name in document}
    return _Side(text=text, manifest=manifest, tables=tables, lists=lists)


def _with_track(table: Table) -> Table:
    track = {key: value for key, value in table.items() if key in TRACKS}
    return {key: value for key, value in table.items() if key not in track} | {_TRACK: track}


def _without_track(table: Table) -> Table:
    rest, track = dict(table), table.get(_TRACK)
    rest.pop(_TRACK, None)
    return {**rest, **track} if isinstance(track, Mapping) else rest


def _as_meant(tables: Mapping[str, Table], base: Mapping[str, Table], ours: _Side, theirs: _Side) -> dict[str, Table]:
    """Return *tables* with the history of each new source as its side meant it: the other one may have another default.

    What both have goes by the default, whoever changed that.
    """
    default = tables["defaults"].get("history", Defaults().history)
    found = dict(tables)
    for table, keys in tables.items():
        name = _name(table)
        meant = {side.manifest.sources[name].history for side in (ours, theirs) if name in side.manifest.sources}
        if table not in base and "history" not in keys and meant and default not in meant:
            found[table] = {**keys, "history": meant.pop()}
    return found


def _manifest(tables: Mapping[str, Table], lists: Table) -> Manifest:
    """Return what the manifest of *tables* and *lists* says.

    Raises:
        InvalidFile: together they are none.
    """
    sources = {_name(table): _without_track(keys) for table, keys in tables.items() if table not in _TABLES}
    document = {"schema_version": VERSION, **{name: tables[name] for name in _TABLES}, **lists, "source": sources}
    return manifest_of(document)


def _edited(ours: _Side, theirs: _Side, wanted: Manifest, tables: Mapping[str, Table], lists: Table) -> str:
    """Return the text of ours made to say what is *wanted*; values that changed are written as in theirs."""
    changed = {
        tuple(table.split(".", 1)): _without_track(keys)
        for table, keys in tables.items()
        if ours.tables.get(table, keys) != keys
    }
    text = with_values(
        ours.text, theirs.text, changed, [name for name in _LISTS if lists.get(name) != ours.lists.get(name)]
    )
    gone = [_name(table) for table in ours.tables if table not in tables]
    text = remove_sources(text, gone) if gone else text
    new = [wanted.sources[_name(table)] for table in tables if table not in ours.tables]
    text = add_sources(text, new) if new else text
    if decode_manifest(text.encode("utf-8")) != wanted:
        raise InvalidFile.at(MANIFEST, "it", "is written in a way that this program cannot edit")
    return text


def _name(table: str) -> SourceName:
    return SourceName(table.removeprefix(_SOURCE))


def _words(clash: Clash) -> str:
    """Return which key both changed, and how each did."""
    key = "" if clash.key == _TRACK else f" {clash.key}".rstrip()
    return f"[{clash.table}]{key}: ours {_value(clash, clash.ours)}, theirs {_value(clash, clash.theirs)}"


def _value(clash: Clash, value: Json) -> str:
    if value is None:
        return "takes it out"
    if isinstance(value, Mapping) and clash.key in ("", _TRACK):
        keys = _without_track(value) if clash.key == "" else value
        return ", ".join(f"{key} = {_text(item)}" for key, item in keys.items())
    return _text(value)


def _text(value: Json) -> str:
    return "nothing" if value is None else canonical_json(value).decode()


def _taken_out(bases: Sequence[_Side], theirs: _Side) -> Counter[str]:
    """Return the comments that all of *bases* have more often than theirs."""
    return reduce(and_, (_comments(base.text) for base in bases)) - _comments(theirs.text)


def _comments(text: str) -> Counter[str]:
    """Return what stands behind a ``#`` in each line, also in a string: none of it may get lost."""
    return Counter(line.partition("#")[2].strip() for line in text.splitlines() if "#" in line)
