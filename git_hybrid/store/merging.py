"""Write the files of a workspace that a merge left in conflict: of each table what one side alone changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import PurePosixPath
from typing import TypeVar

from git_hybrid.core.digest import sha256_hex
from git_hybrid.core.errors import InvalidFile, NewerSchema
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Lock, Pin
from git_hybrid.core.merging import Change, agreed, merged, merged_state
from git_hybrid.core.mirrors import Inventory
from git_hybrid.core.override import Overrides
from git_hybrid.core.state import State
from git_hybrid.core.value import Struct, replace
from git_hybrid.store.durable import write_file
from git_hybrid.store.layout import MIRRORS, OVERRIDES, Layout
from git_hybrid.store.lockfile import SHOWN as LOCK
from git_hybrid.store.lockfile import decode_lock, encode_lock
from git_hybrid.store.manifest import SHOWN as MANIFEST
from git_hybrid.store.manifest import decode_manifest
from git_hybrid.store.manifest_merge import merge_manifest
from git_hybrid.store.mirrorfile import decode_mirrors, encode_mirrors
from git_hybrid.store.overridefile import decode_overrides, encode_overrides
from git_hybrid.store.parsing import read_bytes
from git_hybrid.store.restoring import restore_overrides
from git_hybrid.store.stages import BASE, OURS, THEIRS
from git_hybrid.store.statefile import SHOWN as STATE
from git_hybrid.store.statefile import decode_state, encode_state

T = TypeVar("T")
_WRITTEN = (MANIFEST, LOCK, STATE, OVERRIDES, MIRRORS)
_REPORTS = "state/scans"
_MARKERS = b"<<<<<<< "
Versions = Mapping[int, bytes]


class Merge(Struct, kw_only=True):
    """What came of a merge: the pins of ``ours``, of ``theirs``, those ``found`` to stand, and where the sides differ.

    ``files`` were written; those ``left`` hold what only a person can put together; ``why`` says in words what that is
    in the manifest, and ``both`` what else both sides changed, where ours stands.
    """

    ours: Mapping[SourceName, Pin]
    theirs: Mapping[SourceName, Pin]
    found: Mapping[SourceName, Pin]
    changes: Sequence[Change] = ()
    files: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    both: tuple[str, ...] = ()
    why: tuple[str, ...] = ()


def merge_files(layout: Layout, conflicts: Mapping[str, Versions]) -> Merge:
    """Write each file of *conflicts* that can be merged by its tables, and return what came of it.

    A file without the markers of a conflict stays: somebody has decided what stands in it. Records of overrides are
    written as the audit log tells of them, reports of scans as the state says.

    Raises:
        UnknownOverride: the log does not tell all of an override that is missing.
        LocalIo: a file cannot be read or written.
    """
    texts: dict[str, bytes] = {}
    told = Merge(ours={}, theirs={}, found={})

    def versions(path: str) -> Versions | None:
        return conflicts[path] if path in conflicts and _has_markers(layout, path) else None

    if (of_manifest := versions(MANIFEST)) is not None:
        manifest = merge_manifest(of_manifest)
        told.why = manifest.why
        if manifest.text is not None:
            texts[MANIFEST] = manifest.text.encode("utf-8")
    if (locks := _sides(versions(LOCK), decode_lock, Lock())) is not None:
        _merge_lock(told, locks, _declared(texts.get(MANIFEST) or read_bytes(layout.manifest, MANIFEST)))
        texts[LOCK] = encode_lock(Lock(pins=told.found))
    if (states := _sides(versions(STATE), decode_state, State())) is not None:
        pins = _pins(texts.get(LOCK) or read_bytes(layout.lock, LOCK))
        base, ours, theirs = (side.sources for side in states)
        kept = merged(base, ours, theirs)[0] if pins is None else merged_state(base, ours, theirs, pins)
        texts[STATE] = encode_state(State(sources=kept))
    if (records := _sides(versions(OVERRIDES), decode_overrides, Overrides())) is not None:
        texts[OVERRIDES] = encode_overrides(Overrides(records=merged(*(side.records for side in records))[0]))
    if (inventories := _sides(versions(MIRRORS), decode_mirrors, Inventory())) is not None:
        mirrors, changes = merged(*(side.mirrors for side in inventories))
        texts[MIRRORS] = encode_mirrors(replace(inventories[1], mirrors=mirrors))
        told.both = tuple(f"both changed the mirror {change.name}: ours stands" for change in changes if change.both)
    texts |= _reports(conflicts, texts.get(STATE) or read_bytes(layout.state, STATE))
    for path, content in texts.items():
        write_file(layout.root / path, content)
    if OVERRIDES in texts:
        restore_overrides(layout, ())
    told.files = tuple(texts)
    told.left = tuple(_left(layout, conflicts, texts))
    return told


def _merge_lock(told: Merge, locks: tuple[Lock, Lock, Lock], declared: frozenset[SourceName] | None) -> None:
    base, (ours, theirs) = locks[0].pins, agreed(locks[1].pins, locks[2].pins)
    found, told.changes = merged(base, ours, theirs)
    # A source that one side took out of the manifest has no pin, whatever the other side did with that.
    told.ours, told.theirs = ours, theirs
    told.found = {name: pin for name, pin in found.items() if declared is None or name in declared}


def _declared(manifest: bytes | None) -> frozenset[SourceName] | None:
    with suppress(InvalidFile, NewerSchema):
        return None if manifest is None else frozenset(decode_manifest(manifest).sources)
    return None


def _pins(lock: bytes | None) -> Mapping[SourceName, Pin] | None:
    with suppress(InvalidFile, NewerSchema):
        return None if lock is None else decode_lock(lock).pins
    return None


def _sides(versions: Versions | None, decode: Callable[[bytes], T], none: T) -> tuple[T, T, T] | None:
    """Return base, ours and theirs; None where there is nothing to merge, one is gone, or one cannot be read."""
    if versions is None or not {OURS, THEIRS} <= versions.keys():
        return None
    with suppress(InvalidFile, NewerSchema):
        base = decode(versions[BASE]) if BASE in versions else none
        return base, decode(versions[OURS]), decode(versions[THEIRS])
    return None


def _reports(conflicts: Mapping[str, Versions], state: bytes | None) -> dict[str, bytes]:
    """Return for each report in conflict the version that *state* names by its digest, if one side has it."""
    wanted: dict[str, str | None] = {}
    with suppress(InvalidFile, NewerSchema):
        entries = decode_state(state).sources if state is not None else {}
        wanted = {f"{_REPORTS}/{name}.sarif": entry.scan.report_sha256 for name, entry in entries.items()}
    found: dict[str, bytes] = {}
    for path, sides in conflicts.items():
        right = (text for text in sides.values() if sha256_hex(text) == wanted.get(path))
        if PurePosixPath(path).parent == PurePosixPath(_REPORTS) and (text := next(right, None)) is not None:
            found[path] = text
    return found


def _left(layout: Layout, conflicts: Mapping[str, Versions], written: Iterable[str]) -> list[str]:
    """Return what a person has to put together, markers in files among it that were added to the index with them."""
    done = frozenset(written)
    torn = [path for path, sides in conflicts.items() if BASE in sides and not {OURS, THEIRS} <= sides.keys()]
    others = [path for path in conflicts if path not in _WRITTEN or path in torn]
    marked = [path for path in _WRITTEN if _has_markers(layout, path)]
    return [path for path in dict.fromkeys((*marked, *others)) if path not in done]


def _has_markers(layout: Layout, path: str) -> bool:
    return any(line.startswith(_MARKERS) for line in (read_bytes(layout.root / path, path) or b"").splitlines())
