"""What state says of who installed what, when, from where and as what, against the records that tell of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import dropwhile

from git_hybrid.core.audit import SCANNED, Record, detail_of
from git_hybrid.core.audit_archives import Breach, gone, of_log
from git_hybrid.core.canonical import Json
from git_hybrid.core.files import STATE
from git_hybrid.core.ids import SourceName
from git_hybrid.core.manifest import track_field
from git_hybrid.core.state import SourceState, State
from git_hybrid.core.values import format_time

_MADE = frozenset({"clone", "update", "record"})
_INSTALLED = _MADE | {"repair", "reset"}
_TRACKS = frozenset({"tag", "branch", "version", "commit"})
_EDITED = "the state entry was edited by hand, or not all of it was committed"
_OLDER = "the state entry was written by an older version, or edited by hand"
_WRITTEN_ANEW = (
    "git checkout HEAD -- state/sources.json; where HEAD has it too, take the entry of {name} out of that file,"
    " then git hybrid sync {name}, which writes it anew"
)


def odd_entries(records: Iterable[Record], entries: Iterable[SourceState]) -> frozenset[SourceName]:
    """Return which of *entries* name one of *records* that tells of something else."""
    known = {str(record["hash"]): record for record in records}
    installed = _installed(known)
    return frozenset(
        entry.name
        for entry in entries
        if (named := known.get(entry.audit_hash or "")) and _foreign(known, entry, named, installed.get(entry.name, []))
    )


def _installed(records: Mapping[str, Record]) -> dict[object, list[Record]]:
    installed: dict[object, list[Record]] = {}
    for record in records.values():
        if record["event"] in _INSTALLED:
            installed.setdefault(record.get("source"), []).append(record)
    return installed


def against_state(records: Mapping[str, Record], state: State) -> Iterator[Breach]:
    """Yield the entries of *state* that *records* do not tell of as they are."""
    installed = _installed(records)
    for name, entry in state.sources.items():
        if entry.audit_hash is None:
            # One that an older version wrote names none, and none tells of it.
            if name in installed:
                what = f"{STATE}: {name} names no record"
                yield of_log("unbound", what, _OLDER, mend="git hybrid sync")
            continue
        named = records.get(entry.audit_hash)
        if named is None:
            yield gone(f"{STATE}: {name}", entry.audit_hash)
        elif what := _foreign(records, entry, named, installed.get(name, [])):
            yield of_log("foreign-record", what, _EDITED, mend=_WRITTEN_ANEW.format(name=name))


def _foreign(records: Mapping[str, Record], entry: SourceState, named: Record, installed: Sequence[Record]) -> str:
    """Return what *entry* says that no record tells, in words, or nothing."""
    name, commit = entry.name, entry.commit[:12]
    if named.get("source") != name or not _is_told(named, entry):
        return f"record {str(named['hash'])[:12]} does not tell of {name} at {commit}, as its state does"
    made = _made(entry, named, installed)
    if made is None:
        when = f"{format_time(entry.updated_at)} by {entry.updated_by}"
        return f"no record tells that {name} was brought to {commit} at {when}, as its state does"
    others = [_otherwise(entry, record, records) for record in made]
    if "" in others or not others:
        return ""
    return f"record {str(made[0]['hash'])[:12]} does not tell of the {others[0]} that state has for {name}"


def _is_told(record: Record, entry: SourceState) -> bool:
    """Tell whether *record* is of what *entry* has: of its commit, or of the scan that it tells of."""
    commit = entry.scan.commit if record["event"] in SCANNED else entry.commit
    return record["event"] in _INSTALLED | SCANNED and record.get("after") == commit


def _made(entry: SourceState, named: Record, installed: Sequence[Record]) -> Sequence[Record] | None:
    """Return the records by which *entry* was made when, by whom and in which run it says; None if there is none.

    It is the one that it names. An entry that was scanned since names that; it was made by one of *installed*, all that
    install its source. What an older version wrote has no run, and no record of its own.
    """
    made = (
        [named] if named["event"] in _INSTALLED else [item for item in installed if item.get("after") == entry.commit]
    )
    if entry.command_id is None and named["event"] in SCANNED and not any(item["event"] in _MADE for item in made):
        return ()
    says = (format_time(entry.updated_at), entry.updated_by, entry.command_id)
    return [item for item in made if (*_when(item), item["command_id"]) == says] or None


def _when(record: Record) -> tuple[Json, Json]:
    """Return when and by whom what *record* tells was installed; of an entry of version 0 that had no record then."""
    told = detail_of(record).get("migrated")
    return (
        (told.get("updated_at"), told.get("updated_by"))
        if isinstance(told, Mapping)
        else (record["at"], record["operator"])
    )


def _otherwise(entry: SourceState, record: Record, records: Mapping[str, Record]) -> str:
    """Return the key that *entry* has otherwise than *record*, which made it; nothing if none.

    One that an older version wrote does not tell what the source followed, nor always who had served it.
    """
    told = detail_of(record)
    key, value = track_field(entry.track)
    if told.get("url", str(entry.url)) != str(entry.url):
        return "repo_url"
    if _TRACKS.isdisjoint(told):
        return ""
    if told.get(key) != value:
        return key
    is_served = told.get("served_by") == entry.served_by or (
        entry.served_by is None and _is_out(entry, record, records)
    )
    return "" if is_served else "served_by"


def _is_out(entry: SourceState, made: Record, records: Mapping[str, Record]) -> bool:
    """Tell whether the mirror that served *entry* was taken out of the inventory after it was *made*."""
    since = dropwhile(lambda item: item is not made, records.values())
    served = (detail_of(item).get("served") for item in since if item["event"] == "mirror-remove")
    return any(isinstance(names, list) and entry.name in names for names in served)
