"""``git hybrid pin NAME --tag TAG`` and the like: an entry follows another ref, and is pinned by it in one step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from git_hybrid.app.runtime import Runtime
from git_hybrid.core.audit import Event
from git_hybrid.core.errors import Overtaken, Rollback
from git_hybrid.core.ids import SourceName
from git_hybrid.core.manifest import Source, Track, track_field
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.reducer import Decision, ManifestEdit
from git_hybrid.core.report import Row
from git_hybrid.core.value import Struct, replace
from git_hybrid.core.words import again_line

FOLLOWED = "followed"
"""What a record tells of a pin with which the entry changed: what that said before, as a key and its value."""


class Follow(Struct, frozen=True):
    """What a source is to follow from now on, and what writes that into the text of the manifest that has it so."""

    track: Track
    edit: Callable[[str, Source, Track], str | None]


def followed(snapshot: Snapshot, names: Sequence[str], follow: Follow | None) -> Snapshot:
    """Return *snapshot* as if the entry of the one source of *names* said already what it is to *follow*."""
    sources = snapshot.manifest.sources
    if follow is None or (source := sources.get(SourceName(names[0]))) is None:
        return snapshot
    changed = {**sources, source.name: replace(source, track=follow.track)}
    return replace(snapshot, manifest=replace(snapshot.manifest, sources=changed))


def with_entry(
    rt: Runtime, snapshot: Snapshot, rows: tuple[Row, ...], decision: Decision, follow: Follow | None
) -> tuple[tuple[Row, ...], Decision]:
    """Return both with what the source of *snapshot* follows changed in the manifest too, where its pin was accepted.

    Raises:
        InvalidFile: the manifest is written in a way that cannot be edited.
        Overtaken: the entry was edited, or taken out, while upstream was asked.
    """
    if follow is None:
        return rows, decision
    row = rows[0]
    if row.error is not None:
        if isinstance(row.error, Rollback):
            # Nothing was changed that could be put back.
            row.error.back = ""
        return rows, decision
    source = snapshot.manifest.sources[row.name]
    old = source.track
    if old == follow.track:
        return rows, decision
    was, now = (" ".join(track_field(track)) for track in (old, follow.track))
    told = (replace(row, notes=(f"follows {now}; it was {was}", *row.notes)),)
    text = rt.ledger.manifest_text()
    if (edited := follow.edit(text, source, follow.track)) is None:
        raise Overtaken(names=(row.name,), again=again_line(rt.info.command))
    events = [_telling(event, was) for event in decision.events]
    return told, replace(decision, events=events, manifest=ManifestEdit(before=text, text=edited))


def _telling(event: Event, was: str) -> Event:
    """Return *event* which tells, if it is of a pin, what its source followed until then."""
    return replace(event, detail={**(event.detail or {}), FOLLOWED: was}) if event.event == "pin" else event
