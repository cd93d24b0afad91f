"""Write the files of ``state/`` that a merge left in conflict: of each table what one side alone changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Lock, Pin
from git_hybrid.core.merging import Change, merged
from git_hybrid.core.mirrors import Inventory
from git_hybrid.core.override import Overrides
from git_hybrid.core.state import State
from git_hybrid.core.value import Struct, replace
from git_hybrid.store.durable import write_file
from git_hybrid.store.layout import MIRRORS, OVERRIDES, Layout
from git_hybrid.store.lockfile import SHOWN as LOCK
from git_hybrid.store.lockfile import decode_lock, encode_lock
from git_hybrid.store.manifest import SHOWN as MANIFEST
from git_hybrid.store.manifest_merge import merge_manifest
from git_hybrid.store.mirrorfile import decode_mirrors, encode_mirrors
from git_hybrid.store.overridefile import decode_overrides, encode_overrides
from git_hybrid.store.parsing import read_bytes
from git_hybrid.store.restoring import restore_overrides
from git_hybrid.store.stages import BASE, OURS, THEIRS
from git_hybrid.store.statefile import SHOWN as STATE
from git_hybrid.store.statefile import decode_state, encode_state

T = TypeVar("T")
_MERGED = (LOCK, STATE, OVERRIDES, MIRRORS)
_MARKERS = b"<<<<<<< "


class Pins(Struct, frozen=True, kw_only=True):
    """The pins of both sides, what came of them, and where the sides differ."""

    ours: Mapping[SourceName, Pin]
    theirs: Mapping[SourceName, Pin]
    found: Mapping[SourceName, Pin]
    changes: Sequence[Change] = ()


def merge_files(layout: Layout, conflicts: Mapping[str, Mapping[int, bytes]]) -> tuple[Pins, tuple[str, ...]]:
    """Write each file of *conflicts* that is merged by its tables; return what came of the pins, and the files.

    Records of overrides are then written as the audit log tells of them. Nothing is written if a version of one of the
    files cannot be read. A manifest that a person has merged stays.

    Raises:
        InvalidFile, NewerSchema: a version cannot be read.
        UnknownOverride: the log does not tell all of an override that is missing.
        LocalIo: a file cannot be written.
    """
    texts: dict[str, bytes] = {}
    pins = Pins(ours={}, theirs={}, found={})
    for path in (path for path in _MERGED if path in conflicts):
        versions = conflicts[path]
        if path == LOCK:
            locks = _sides(versions, decode_lock, Lock())
            found, changes = merged(*(side.pins for side in locks))
            pins = Pins(ours=locks[1].pins, theirs=locks[2].pins, found=found, changes=changes)
            texts[path] = encode_lock(Lock(pins=found))
        elif path == STATE:
            states = _sides(versions, decode_state, State())
            texts[path] = encode_state(State(sources=merged(*(side.sources for side in states))[0]))
        elif path == OVERRIDES:
            records = _sides(versions, decode_overrides, Overrides())
            texts[path] = encode_overrides(Overrides(records=merged(*(side.records for side in records))[0]))
        else:
            mirrors = _sides(versions, decode_mirrors, Inventory())
            kept = replace(mirrors[1], mirrors=merged(*(side.mirrors for side in mirrors))[0])
            texts[path] = encode_mirrors(kept)
    made = _manifest(layout, conflicts.get(MANIFEST))
    texts |= {} if made is None else {MANIFEST: made}
    for path, text in texts.items():
        write_file(layout.root / path, text)
    if OVERRIDES in texts:
        restore_overrides(layout, ())
    return pins, tuple(texts)


def _manifest(layout: Layout, versions: Mapping[int, bytes] | None) -> bytes | None:
    """Return the merged manifest; None where a person has merged it already, or has to."""
    if versions is None or _MARKERS not in (read_bytes(layout.manifest, MANIFEST) or b""):
        return None
    text = merge_manifest(versions)
    return None if text is None else text.encode("utf-8")


def _sides(versions: Mapping[int, bytes], decode: Callable[[bytes], T], none: T) -> tuple[T, T, T]:
    def side(stage: int) -> T:
        return decode(versions[stage]) if stage in versions else none

    return side(BASE), side(OURS), side(THEIRS)
