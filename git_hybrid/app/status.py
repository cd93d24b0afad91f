"""``git hybrid status``: look, and change nothing. Readers take no lock, and nobody is asked."""

from __future__ import annotations

from collections.abc import Sequence

from git_hybrid.app.identities import identities
from git_hybrid.app.observe import observe
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.select import select
from git_hybrid.core.condition import SCAN_SEVERITY, SEVERITY, Condition, condition
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.report import Status
from git_hybrid.core.value import replace


def status(rt: Runtime, names: Sequence[str] = (), groups: Sequence[str] = ()) -> Status:
    """Return what the selected sources are like.

    Raises:
        UnknownSource: a name or group is not in the manifest.
        InvalidFile, NewerSchema: a file cannot be read.
    """
    snapshot = _as_it_stands(rt)
    selected = select(snapshot.manifest, names, groups)
    seen = observe(rt, snapshot, selected)
    sources, pins, entries = snapshot.manifest.sources, snapshot.lock.pins, snapshot.state.sources
    # Asked only where a scan that was recorded can be held against them.
    is_scanned = any(name in entries and entries[name].scan.scanners for name in selected)
    known = identities(rt, snapshot) if is_scanned else {}
    lost = _lost(rt, snapshot, [name for name in selected if name not in pins])
    moves = rt.ledger.last_moves({name: pins[name] for name in selected if name in pins} | lost)
    rows = [
        condition(snapshot, sources[name], seen[name], now=rt.info.now, identities=known, moved=moves.get(name))
        for name in selected
    ]
    rows = [
        _unpinned(rt, snapshot, row, lost[row.name]) if row.word == "unpinned" and row.name in lost else row
        for row in rows
    ]
    if not names and not groups:
        rows += _strays(rt, snapshot)
    rows.sort(key=lambda row: (SEVERITY.index(row.word), SCAN_SEVERITY.index(row.scan), row.name))
    return Status(
        rows=tuple(rows),
        unfinished=snapshot.unfinished,
        has_scanners=bool(snapshot.manifest.scanners),
        has_keys=snapshot.has_keys,
    )


def _strays(rt: Runtime, snapshot: Snapshot) -> list[Condition]:
    names = rt.clones.strangers(frozenset(snapshot.manifest.sources))
    if not names:
        return []
    # Imported here: a status of what the manifest has takes none of it.
    from git_hybrid.core.strays import is_ours, known_names, mend_of_stray

    known, rows = known_names(snapshot), list[Condition]()
    for name in map(SourceName, names):
        stray = rt.clones.stray(name)
        why = "no source of the manifest"
        if not is_ours(name, stray.installed, known):
            why = f"{why}, and nothing that git hybrid made"
        rows.append(Condition(name=name, word="stray", why=why, mend=mend_of_stray(name, stray, known)))
    return rows


def _unpinned(rt: Runtime, snapshot: Snapshot, row: Condition, pin: Pin) -> Condition:
    from git_hybrid.app.unpinned import lock_back

    why = f"was pinned to {pin.commit[:12]}, and state/sources.lock has no pin"
    return replace(row, why=why, mend=lock_back(rt, snapshot, row.name))


def _lost(rt: Runtime, snapshot: Snapshot, unpinned: Sequence[SourceName]) -> dict[SourceName, Pin]:
    """Return where the audit log has those pins last that the lock has no more."""
    if not unpinned:
        return {}
    from git_hybrid.app.bases import last_of_log

    told = {name: last_of_log(rt, snapshot, snapshot.manifest.sources[name]) for name in unpinned}
    return {name: pins[-1] for name, pins in told.items() if pins}


def _as_it_stands(rt: Runtime) -> Snapshot:
    """Return what the files say, and who is at work on the run that they call unfinished."""
    snapshot = rt.ledger.snapshot()
    if snapshot.unfinished is None:
        return snapshot
    held_by = rt.ledger.at_work(snapshot.unfinished)
    if not held_by:
        # It may have come to its end since.
        return rt.ledger.snapshot()
    return replace(snapshot, unfinished=replace(snapshot.unfinished, held_by=held_by))
