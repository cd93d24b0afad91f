"""Pins that stand in the lock as no record of the audit log put them last, or as no plain pin put them there."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress

from git_hybrid.core.audit import Record, records_of
from git_hybrid.core.canonical import canonical_json
from git_hybrid.core.endpoints import repository_key
from git_hybrid.core.ids import InvalidText, SourceName, parse_url
from git_hybrid.core.last_pins import as_locked, binding, by_source, has_digest, last_records, untold, without
from git_hybrid.core.last_told import brought_along
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Source
from git_hybrid.store import chain
from git_hybrid.store.layout import Layout
from git_hybrid.store.reading import records, whole_log

_PIN, _SOURCE = b'"event":"pin"', b'"source":"'
_PLACING = ("pin", "remove", "prune")
_PLACED = tuple(b'"event":"%b"' % event.encode("ascii") for event in _PLACING)
_NONE: Mapping[SourceName, Collection[str]] = {}
_AFTER = re.compile(rb'"after":"([^"]*)"')
_TEXT = rb'("(?:[^"\\]|\\.)*")'
_REF, _URL = re.compile(b'"ref":' + _TEXT), re.compile(b'"url":' + _TEXT)
_ROOTS = re.compile(rb'"root_commits":([^\]]*\]?)')
"""What a record may say, all over its line: details that nobody knows may have the same keys inside."""


def misplaced(
    layout: Layout, pins: Mapping[SourceName, Pin], left_out: Mapping[SourceName, Collection[str]] = _NONE
) -> frozenset[SourceName]:
    """Return which of *pins* the log has otherwise last, or tells that the source was removed; none that it lacks.

    The records *left_out* of a source, by their hashes, do not count.

    Raises:
        LocalIo: the log cannot be read.
    """
    elsewhere = _elsewhere(layout, pins)
    if not elsewhere:
        return frozenset()
    log = records(layout)
    told, bound = by_source(log), {str(record["hash"]) for record in binding(log)}
    last = {name: last_records(without(told.get(name, ()), left_out.get(name, ())), name) for name in elsewhere}
    return frozenset(
        name
        for name, found in last.items()
        if not any(item["hash"] in bound and _tells(item, pins[name]) for item in found)
    )


def disputed(layout: Layout, pins: Mapping[SourceName, Pin]) -> frozenset[SourceName]:
    """Return which of *pins* the last line of the log about them does not bear out, or bears out beside others.

    Raises:
        LocalIo: the log cannot be read.
    """
    return frozenset(_elsewhere(layout, pins))


def moved_tags(
    layout: Layout, pins: Mapping[SourceName, Pin], sources: Mapping[SourceName, Source]
) -> dict[SourceName, str]:
    """Return where *pins* stood before their tag moved without an override (:mod:`git_hybrid.core.bare_moves`).

    That may have been on another branch that was merged. Nothing is taken apart unless the log has two commits by the
    same tag.

    Raises:
        LocalIo: the log cannot be read.
    """
    tagged = {name.encode("ascii"): pin for name, pin in pins.items() if pin.ref.startswith("refs/tags/")}
    refs = {name: b'"ref":' + canonical_json(pin.ref) for name, pin in tagged.items()}
    commits: dict[bytes, set[bytes]] = {}
    for line in whole_log(layout).split(b"\n") if tagged else ():
        if _PIN in line and refs.get(name := _source_in(line), b"\n") in line:
            # What the log says of where it stands now may be a lie.
            own = {tagged[name].commit.encode("ascii")}
            commits.setdefault(name, own).update(_AFTER.findall(line))
    if all(len(found) < 2 for found in commits.values()):
        return {}
    from git_hybrid.core import bare_moves
    from git_hybrid.core.named_overrides import as_made

    log = as_locked(as_made({str(record["hash"]): record for record in records(layout)}), pins, sources)
    told = bare_moves.taken_tags(log, pins, sources) | bare_moves.moved_tags(log, pins, sources)
    return {name: before[0] for name, before in told.items()}


def bare_moves(
    layout: Layout, pins: Mapping[SourceName, Pin], sources: Mapping[SourceName, Source]
) -> dict[SourceName, str]:
    """Return where *pins* stood before they were moved without an override, where the log alone shows that.

    With their tag (:func:`moved_tags`), also under another name, or to another repository
    (:mod:`git_hybrid.core.bare_origins`). Nothing is taken apart unless the log has another commit by the tag of one of
    them, or other roots.

    Raises:
        LocalIo: the log cannot be read.
    """
    lines = [line for line in whole_log(layout).split(b"\n") if _PIN in line] if pins else []
    if not (_has_other_roots(lines, pins) or _has_tag_elsewhere(lines, pins)):
        return {}
    from git_hybrid.core import bare_origins

    log = as_locked({str(record["hash"]): record for record in records(layout)}, pins, sources)
    told = bare_origins.other_repositories(log, pins, sources) | bare_origins.other_names(log, pins, sources)
    return {name: before[0] for name, before in told.items()} | moved_tags(layout, pins, sources)


def _source_in(line: bytes) -> bytes:
    """Return the source of the record in *line*; where it has none, maybe one that its details name."""
    # No key behind that of the record itself holds an object that could have one.
    at = line.rfind(_SOURCE) + len(_SOURCE)
    return line[at : line.find(b'"', at)] if at >= len(_SOURCE) else b""


def _has_other_roots(lines: Iterable[bytes], pins: Mapping[SourceName, Pin]) -> bool:
    own = {name.encode("ascii"): pin.root_commits for name, pin in pins.items()}
    known = {name: canonical_json(roots) for name, roots in own.items() if roots}
    told = ((known.get(_source_in(line)), line) for line in lines if b'"root_commits":' in line)
    return any(roots is not None and set(_ROOTS.findall(line)) != {roots} for roots, line in told)


def _has_tag_elsewhere(lines: Iterable[bytes], pins: Mapping[SourceName, Pin]) -> bool:
    tags: dict[tuple[tuple[str, str] | None, bytes], list[bytes]] = {}
    for pin in pins.values():
        if pin.ref.startswith("refs/tags/"):
            own = b'{"after":"%b"' % pin.commit.encode("ascii")
            tags.setdefault((repository_key(pin.url), canonical_json(pin.ref)), []).append(own)
    refs = {ref for _, ref in tags}
    for line in lines if tags else ():
        for ref in refs.intersection(_REF.findall(line)):
            urls = set(_URL.findall(line))
            beginnings = (own for url in urls for own in tags.get((_repository(url), ref), ()))
            if any(b"\\" in url for url in urls) or not all(map(line.startswith, beginnings)):
                return True
    return False


def _repository(url: bytes) -> tuple[str, str] | None:
    """Return what tells the repository at *url*, in quotes, from others; None if it is none."""
    with suppress(InvalidText):
        return repository_key(parse_url(url[1:-1].decode("ascii", "replace")))
    return None


def _elsewhere(layout: Layout, pins: Mapping[SourceName, Pin]) -> set[SourceName]:
    """Return which of *pins* are not what the last line of the log tells that tells of their pin, or ends it.

    That line is always one of the last, so what it bears out, which is nearly all, needs no more of the log.
    """
    left, found = {name.encode("ascii"): name for name in pins}, set[SourceName]()
    for file, line in chain.lines_backwards(layout) if left else ():
        if not any(event in line for event in _PLACED) or (name := left.get(_source_in(line))) is None:
            continue
        for record in records_of([chain.segment_of(file, line + b"\n")]):
            if record["event"] not in _PLACING or record.get("source") != name:
                continue
            del left[name.encode("ascii")]
            # One that an older version wrote may no longer count, by what stands before it.
            if not (has_digest(record) and _tells(record, pins[name])) or brought_along(record):
                found.add(name)
        if not left:
            break
    return found


def _tells(record: Record, pin: Pin) -> bool:
    return record.get("after") == pin.commit and not untold(record, pin)
