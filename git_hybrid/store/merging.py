"""Write the files of a workspace that a merge left in conflict: of each table what one side alone changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from git_hybrid.core.approval import has_keys
from git_hybrid.core.audit_archives import free_archive
from git_hybrid.core.errors import InvalidFile, NewerSchema, UnknownOverride
from git_hybrid.core.files import LOCK, LOG, MANIFEST, MIRRORS, OVERRIDES, STATE
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Lock, Pin
from git_hybrid.core.markers import is_marker, marker_lines
from git_hybrid.core.merging import Change, agreed, common, merged, merged_inventory, merged_state
from git_hybrid.core.mirrors import Inventory
from git_hybrid.core.override import Overrides
from git_hybrid.core.stages import BASE, LEFT, OURS, THEIRS
from git_hybrid.core.state import State
from git_hybrid.core.value import Struct
from git_hybrid.core.words import plural
from git_hybrid.store.joined import part_pins, part_state
from git_hybrid.store.layout import Layout, archives
from git_hybrid.store.lockfile import decode_lock, encode_lock
from git_hybrid.store.log_merge import as_recorded, in_order, joined, rejoined
from git_hybrid.store.manifest import decode_manifest
from git_hybrid.store.manifest_edit import as_before
from git_hybrid.store.manifest_merge import merge_manifest
from git_hybrid.store.meanwhile import Watch, undisturbed
from git_hybrid.store.mirrorfile import decode_mirrors, encode_mirrors
from git_hybrid.store.overridefile import decode_overrides, encode_overrides
from git_hybrid.store.parsing import read_bytes, readable
from git_hybrid.store.restoring import restored
from git_hybrid.store.statefile import decode_state, encode_state
from git_hybrid.store.torn import Torn, Versions

_WRITTEN = (MANIFEST, LOG, LOCK, STATE, OVERRIDES, MIRRORS)
_ARCHIVE = re.compile(r"state/sources-audit\.([0-9]+)(?:-[0-9]+)?\.jsonl")
_DECODED: Mapping[str, Callable[[bytes], object]] = {
    LOCK: decode_lock,
    STATE: decode_state,
    OVERRIDES: decode_overrides,
    MIRRORS: decode_mirrors,
}


class Merge(Struct, kw_only=True):
    """What came of a merge: the pins of ``ours``, of ``theirs``, those ``found`` to stand, and where the sides differ.

    ``files`` were written; those ``left`` hold what only a person can put together, or, ``astray``, name records that
    are nowhere; ``why`` says in words what that is, and ``both`` what else both sides changed, where ours stands.
    ``is_made``: the merge is committed, and pins move as they always do; ``signed``: an approval takes a signature.
    """

    ours: Mapping[SourceName, Pin]
    theirs: Mapping[SourceName, Pin]
    found: Mapping[SourceName, Pin]
    changes: Sequence[Change] = ()
    files: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    astray: tuple[str, ...] = ()
    both: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    is_made: bool = False
    signed: bool = False


def merge_files(
    layout: Layout,
    conflicts: Mapping[str, Versions],
    sides: Mapping[str, Versions],
    *,
    is_made: bool,
    elsewhere: Callable[[], Sequence[bytes]] = tuple,
) -> Merge:
    """Write each file of *conflicts* that can be merged by its tables, and return what came of it.

    *sides* has the versions of files that git merged by itself: there the tables are taken apart that it joined;
    *is_made* tells that the merge is committed, *elsewhere* the lines of the logs of all branches, the oldest first.

    A file without the markers of a conflict stays: somebody has decided what stands in it, or an earlier call wrote it,
    and then what both changed is told again. One that names records that are nowhere does not. Records of overrides are
    written as the audit log tells of them, reports of scans as the state says; of two archives both stay. All comes
    from the versions in the index alone, so whoever is killed calls it again; and so does this where somebody writes a
    file meanwhile.

    Raises:
        InvalidFile, NewerSchema: what somebody has put together cannot be read, or the manifest; nothing was written.
        LocalIo: a file cannot be read or written.
    """
    return undisturbed(lambda: _merge_files(layout, conflicts, sides, is_made=is_made, elsewhere=elsewhere))


def _merge_files(
    layout: Layout,
    conflicts: Mapping[str, Versions],
    sides: Mapping[str, Versions],
    *,
    is_made: bool,
    elsewhere: Callable[[], Sequence[bytes]],
) -> Merge:
    watch = Watch(*(layout.root / path for path in dict.fromkeys((*_WRITTEN, *conflicts))))
    torn = Torn(layout=layout, conflicts=conflicts, watch=watch)
    told, declared = Merge(ours={}, theirs={}, found={}, is_made=is_made), _declared(torn)
    _require_decided(torn)
    if torn.is_open(MANIFEST):
        manifest = merge_manifest(conflicts[MANIFEST])
        declared = manifest.names
        told.why = tuple(f"{MANIFEST}: {words}" for words in manifest.why)
        if manifest.text is not None:
            stood = (torn.read(MANIFEST) or b"").decode("utf-8", "replace")
            torn.put(MANIFEST, as_before(manifest.text, stood).encode("utf-8"))
    if torn.is_open(LOG) and {OURS, THEIRS} <= conflicts[LOG].keys():
        torn.put(LOG, joined(conflicts[LOG][OURS], conflicts[LOG][THEIRS]))
    _unmark_log(torn)
    is_short = _complete_log(torn, elsewhere)
    _merge_lock(torn, told, sides, declared)
    _merge_state(torn, sides, [] if LOCK in conflicts else [change.name for change in told.changes])
    if torn.is_open(OVERRIDES) and (records := torn.sides(OVERRIDES, decode_overrides, Overrides())) is not None:
        _merge_overrides(torn, told, records)
    if (inventories := torn.sides(MIRRORS, decode_mirrors, Inventory())) is not None:
        _merge_mirrors(torn, told, inventories)
    _put_reports(torn)
    _keep_archives(torn)
    torn.write()
    told.files, told.left = tuple(torn.texts), tuple(_left(torn))
    told.astray = tuple(path for path in told.left if torn.is_astray(path) and not torn.has_markers(path))
    told.why += tuple(_unknown(torn, path) for path in told.left if path not in conflicts)
    if is_short:
        told.left, told.astray = (*told.left, LOG), (*told.astray, LOG)
        told.why += (f"{LOG}: it names records that no commit here has",)
    return told


def unreadable(layout: Layout, sides: Mapping[str, Versions]) -> dict[str, Versions]:
    """Return those of *sides* that stand as git joined them and cannot be read: as a rule, a table stands there twice.

    They are to be merged like those in conflict.
    """
    found: dict[str, Versions] = {}
    for path, decode in {MANIFEST: decode_manifest, **_DECODED}.items():
        versions = sides.get(path, {})
        if not {OURS, THEIRS, LEFT} <= versions.keys() or marker_lines(versions[LEFT]):
            continue
        if read_bytes(layout.root / path, path) == versions[LEFT]:
            with suppress(NewerSchema):
                try:
                    decode(versions[LEFT])
                except InvalidFile:
                    found[path] = versions
    return found


def _unmark_log(torn: Torn) -> None:
    """Take the markers of a conflict out of the log: all records of both sides stand there, and git may know of none.

    Where it was committed with them git has forgotten it.
    """
    lines = (torn.read(LOG) or b"").splitlines(keepends=True)
    kept = [line for line in lines if not is_marker(line)]
    if len(kept) < len(lines):
        torn.texts[LOG] = b"".join(dict.fromkeys(kept))


def _complete_log(torn: Torn, elsewhere: Callable[[], Sequence[bytes]]) -> bool:
    """Put back what git left out of the log and put it in order; tell whether it names records that are nowhere."""
    if (log := torn.read(LOG)) is None:
        return False
    names = (*archives(torn.layout), *torn.conflicts)
    found = rejoined(
        as_recorded(log, elsewhere), [torn.read(name) or b"" for name in names if _ARCHIVE.fullmatch(name)], elsewhere
    )
    if (ordered := in_order(found.text)) != log:
        torn.texts[LOG] = ordered
    return found.is_short


def _merge_lock(torn: Torn, told: Merge, sides: Mapping[str, Versions], declared: frozenset[SourceName] | None) -> None:
    if LOCK not in torn.conflicts:
        parted = part_pins(torn, sides, is_made=told.is_made)
        told.ours, told.theirs, told.found = parted.ours, parted.theirs, parted.stand
        told.changes = [Change(name, both=True) for name in parted.names]
        told.signed = bool(told.changes) and _is_signed(torn)
    if (locks := torn.sides(LOCK, decode_lock, Lock())) is None:
        return
    base, (ours, theirs) = common([lock.pins for lock in locks[0]]), agreed(locks[1].pins, locks[2].pins)
    # A source that one side took out of the manifest has no pin, whatever the other side did with that.
    pins, changes = merged(base, ours, theirs)
    found = {name: pin for name, pin in pins.items() if declared is None or name in declared}
    if torn.put(LOCK, encode_lock(Lock(pins=found))):
        told.ours, told.theirs, told.found, told.changes = ours, theirs, found, changes


def _merge_state(torn: Torn, sides: Mapping[str, Versions], parted: Sequence[str]) -> None:
    if STATE not in torn.conflicts:
        part_state(torn, sides, parted)
    if not torn.is_open(STATE) or (states := torn.sides(STATE, decode_state, State())) is None:
        return
    lock = readable(torn.read(LOCK), decode_lock)
    base = common([side.sources for side in states[0]])
    ours, theirs = (side.sources for side in states[1:])
    kept = merged(base, ours, theirs)[0] if lock is None else merged_state(base, ours, theirs, lock.pins)
    torn.put(STATE, encode_state(State(sources=kept)))


def _merge_overrides(torn: Torn, told: Merge, records: tuple[list[Overrides], Overrides, Overrides]) -> None:
    bases, ours, theirs = records
    kept = Overrides(records=merged(common([base.records for base in bases]), ours.records, theirs.records)[0])
    try:
        torn.put(OVERRIDES, encode_overrides(restored(torn.layout, kept, torn.read(LOG) or b"")))
    except UnknownOverride as error:
        told.why += (f"{OVERRIDES}: {error.override} {error.why}",)


def _merge_mirrors(torn: Torn, told: Merge, inventories: tuple[list[Inventory], Inventory, Inventory]) -> None:
    found, changes = merged_inventory(*inventories)
    if torn.put(MIRRORS, encode_mirrors(found)):
        both = [change.name for change in changes if change.both]
        ours = {*inventories[1].mirrors, *(entry.name for entry in inventories[1].incomplete)}
        told.both = tuple(
            f"both changed the mirror {name}: {'ours' if name in ours else 'theirs'} stands" for name in both
        )


def _put_reports(torn: Torn) -> None:
    lock, state = readable(torn.read(LOCK), decode_lock), readable(torn.read(STATE), decode_state)
    if lock is not None and state is not None:
        known = {name: entry.scan.report_sha256 for name, entry in state.sources.items()}
        # One that is larger than a file of its kind can be is left to a person.
        with suppress(InvalidFile):
            torn.put_reports({str(name): known.get(name) for name in lock.pins.keys() | known.keys()})


def _keep_archives(torn: Torn) -> None:
    """Keep both of two archives that branches gave one name, theirs under another: each is found by its content."""
    for path, versions in torn.conflicts.items():
        year = _ARCHIVE.fullmatch(path)
        if year is None or not {OURS, THEIRS} <= versions.keys():
            continue
        both = (versions[OURS], versions[THEIRS])
        if torn.read(path) not in both:
            # An archive is closed: nobody can have put anything else there that is right.
            torn.texts[path] = both[0]
        for text in both:
            # Also where an earlier call has written it: it is told until it is added.
            names = (*archives(torn.layout), *torn.texts)
            stands = next((name for name in names if torn.read(name) == text), None)
            torn.texts[stands or free_archive(year[1], names)] = text
        torn.settled.add(path)


def _declared(torn: Torn) -> frozenset[SourceName] | None:
    """Return the sources of the manifest that stands; None where none does, or a conflict in it."""
    text = torn.read(MANIFEST)
    if text is None or torn.is_open(MANIFEST) or torn.has_markers(MANIFEST):
        return None
    return frozenset(decode_manifest(text).sources)


def _is_signed(torn: Torn) -> bool:
    text = None if torn.is_open(MANIFEST) else torn.read(MANIFEST)
    return text is not None and has_keys(decode_manifest(text).policy)


def _require_decided(torn: Torn) -> None:
    for path, decode in _DECODED.items():
        if path in torn.conflicts and not torn.is_open(path) and (text := torn.read(path)) is not None:
            decode(text)


def _left(torn: Torn) -> list[str]:
    """Return what a person has to put together; among it files that were added to the index with what is wrong."""
    conflicts, done = torn.conflicts, torn.texts.keys() | torn.settled
    gone = [path for path, sides in conflicts.items() if BASE in sides and not {OURS, THEIRS} <= sides.keys()]
    # Where one side moved the folder, git asks where a new file of the other one goes: it stands there already.
    alone = [path for path, sides in conflicts.items() if BASE not in sides and [torn.read(path)] == [*sides.values()]]
    others = [path for path in conflicts if path not in (*_WRITTEN, *alone) or path in gone]
    marked = [path for path in _WRITTEN if torn.has_markers(path) or torn.is_open(path) or torn.is_astray(path)]
    return [path for path in dict.fromkeys((*marked, *others)) if path not in done]


def _unknown(torn: Torn, path: str) -> str:
    """Return what to say of the markers, or the records, in a file that git does not hold to be in conflict."""
    lines = torn.markers(path)
    if not lines:
        return f"{path}: it names records that are not in the audit log"
    where = f"{plural(len(lines), 'line')} {', '.join(map(str, lines))}"
    return f"{path}: git knows of no conflict in it; markers of one stand in {where}"
