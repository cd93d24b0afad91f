"""Write lost records of overrides anew: the audit log tells all of each."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress

from git_hybrid.core.audit import detail_of
from git_hybrid.core.audit_archives import AGAIN
from git_hybrid.core.errors import InvalidFile, Problem, UnknownOverride
from git_hybrid.core.governance import unbound
from git_hybrid.core.override import Override, Overrides, Trail, binds, trail_of, with_overrides
from git_hybrid.store import reading
from git_hybrid.store.archived import require_archives
from git_hybrid.store.durable import write_file
from git_hybrid.store.layout import Layout
from git_hybrid.store.meanwhile import Watch, undisturbed
from git_hybrid.store.overridefile import decode_override, encode_overrides
from git_hybrid.store.wire import OverrideShape


def restore_overrides(layout: Layout, wanted: Collection[str]) -> tuple[Override, ...]:
    """Write the records that are missing, or that the audit log does not bear out, as it tells of them; return those.

    *wanted* has the ids of some, nothing stands for all. A file that cannot be read is written anew with all of them.

    Raises:
        UnknownOverride: there is none, or the log knows nothing of one, or no longer all of it.
        InvalidFile: an archive of the log, which may tell more of one, is not there.
        LocalIo: a file cannot be read or written.
    """
    return undisturbed(lambda: _restore_overrides(layout, wanted))


def _restore_overrides(layout: Layout, wanted: Collection[str]) -> tuple[Override, ...]:
    watch = Watch(layout.overrides, layout.audit)
    require_archives(layout)
    trail = trail_of(reading.records(layout))
    kept, names = _readable(layout), set(wanted) or set(trail.latest)
    for identity in wanted:
        if identity not in trail.latest:
            raise _untold(identity) if kept and identity in kept.records else UnknownOverride(override=identity)
    if kept is None:
        kept, names = Overrides(), set(trail.latest)
    lost = _lost(kept, names, trail)
    if lost:
        write_file(layout.overrides, encode_overrides(with_overrides(kept, lost)), watch=watch)
    elif not wanted and (foreign := sorted(kept.records.keys() - trail.latest.keys())):
        raise _untold(foreign[0])
    return tuple(lost.values())


def lost_records(kept: Overrides, trail: Trail) -> tuple[Override, ...]:
    """Return the records that *kept* has lost, as the audit log tells of them, without those that it tells in part."""
    found: list[Override] = []
    for identity in sorted(trail.latest.keys() - kept.records.keys()):
        with suppress(UnknownOverride):
            found.append(_told(identity, trail))
    return tuple(found)


def _untold(identity: str) -> UnknownOverride:
    why = "is not in the audit log, which could tell what it was"
    return UnknownOverride(override=identity, why=why, hint=AGAIN)


def restored(layout: Layout, kept: Overrides, log: bytes) -> Overrides:
    """Return *kept* with all records that are missing, or that the audit log does not bear out, as it tells of them.

    The audit log is to be *log*, behind the archives that are there.

    Raises:
        UnknownOverride: the log does not tell all of one.
        LocalIo: an archive cannot be read.
    """
    trail = trail_of(reading.records(layout, log))
    return with_overrides(kept, _lost(kept, trail.latest, trail))


def _lost(kept: Overrides, names: Iterable[str], trail: Trail) -> dict[str, Override]:
    return {name: _told(name, trail) for name in sorted(names) if _is_lost(name, kept, trail)}


def _readable(layout: Layout) -> Overrides | None:
    try:
        return reading.overrides(layout)
    except InvalidFile:
        return None


def _is_lost(identity: str, kept: Overrides, trail: Trail) -> bool:
    record = kept.records.get(identity)
    return record is None or bool(unbound(record, trail))


def _told(identity: str, trail: Trail) -> Override:
    record = trail.latest[identity]
    fields = {key: value for key, value in detail_of(record).items() if key in OverrideShape.__struct_fields__}
    entry = {**fields, "id": identity, "source": record.get("source"), "audit_hash": record["hash"]}
    problems: list[Problem] = []
    found = decode_override(entry, identity, problems)
    if found is None or not binds(record, found):
        raise UnknownOverride(override=identity, why="is not told in full by the audit log: restore it from git")
    return found
