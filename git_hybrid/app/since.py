"""``git hybrid diff --since``: what was decided at another time is held against the lock, and nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from git_hybrid.app.executor import run_to_end
from git_hybrid.app.on_disk import with_range
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.select import refuse_unknown
from git_hybrid.core.difference import Difference, Side
from git_hybrid.core.errors import GitFailed, LocalIo
from git_hybrid.core.ids import SourceName, short_ref
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Source
from git_hybrid.core.plan import Clone
from git_hybrid.core.report import Report, Row
from git_hybrid.core.value import Struct, field, replace


class Decided(Struct, frozen=True):
    """The pins that a lock has, and the entries of the manifest beside it."""

    pins: Mapping[SourceName, Pin] = field(default_factory=dict)
    sources: Mapping[SourceName, Source] = field(default_factory=dict)


def since(
    rt: Runtime,
    old: Decided,
    new: Decided | None,
    names: Sequence[str] = (),
    groups: Sequence[str] = (),
    *,
    changes: dict[SourceName, Difference] | None = None,
) -> Report:
    """Return what became of each source between *old* and *new*, or else what the workspace has now.

    Commits are told where the clone has both. *changes* gets both sides of each difference that a patch can be made of.

    Raises:
        UnknownSource: a name or group that neither of them has.
        UnfinishedRun, InvalidFile, NewerSchema: a run was stopped while it wrote the files, or one cannot be read.
    """
    snapshot = rt.whole_snapshot() if new is None else rt.ledger.snapshot()
    now = Decided(snapshot.lock.pins, snapshot.manifest.sources) if new is None else new

    def work(name: SourceName) -> Row:
        rt.progress("start", name, "compare")
        row = _row(name, old.pins.get(name), now.pins.get(name))
        moved = row.outcome == "moved"
        found = _with_commits(rt, row, old.pins[name], now.pins[name], changes) if moved else row
        rt.progress("done", name, "compared")
        return found

    selected = _selected(old, now, names, groups)
    return Report(command="diff", rows=run_to_end(rt, snapshot.manifest, "comparing", work, selected))


def _selected(old: Decided, new: Decided, names: Sequence[str], groups: Sequence[str]) -> tuple[SourceName, ...]:
    """Return the names that are asked for, of what either side has."""
    entries = [source for side in (old, new) for source in side.sources.values()]
    pinned = old.pins.keys() | new.pins.keys()
    refuse_unknown("source", names, sorted(pinned | {source.name for source in entries}))
    refuse_unknown("group", groups, sorted({group for source in entries for group in source.groups}))
    if not names and not groups:
        return tuple(sorted(pinned))
    grouped = {source.name for source in entries if not set(groups).isdisjoint(source.groups)}
    return tuple(sorted({*map(SourceName, names), *grouped}))


def _row(name: SourceName, old: Pin | None, new: Pin | None) -> Row:
    if old is None and new is None:
        return Row(name=name, outcome="same", notes=("has no pin",))
    if old is None or new is None:
        pin, word = (old, "removed") if new is None else (new, "added")
        assert pin is not None
        before, after = (None if one is None else one.commit for one in (old, new))
        return Row(name=name, outcome=word, before=before, after=after, ref=pin.ref, notes=(str(pin.url),))
    notes = tuple(_otherwise(old, new))
    is_moved = old.commit != new.commit
    if not (is_moved or notes) and old.config_digest != new.config_digest:
        notes = ("its entry in sources.toml",)
    word = "moved" if is_moved else "changed" if notes else "same"
    detail = {"from_url": str(old.url), "from_ref": str(old.ref), "to_url": str(new.url)}
    return Row(name=name, outcome=word, before=old.commit, after=new.commit, ref=new.ref, notes=notes, detail=detail)


def _otherwise(old: Pin, new: Pin) -> Iterator[str]:
    if old.url != new.url:
        yield f"URL: {old.url} → {new.url}"
    if old.ref != new.ref:
        yield f"ref: {short_ref(old.ref)} → {short_ref(new.ref)}"
    if old.override != new.override:
        yield f"override: {old.override or 'none'} → {new.override or 'none'}"


def _with_commits(rt: Runtime, row: Row, old: Pin, new: Pin, changes: dict[SourceName, Difference] | None) -> Row:
    """Return *row* with what lies between two commits, if the clone has both; otherwise it says so."""
    try:
        seen, stage = rt.clones.inspect(row.name, None), rt.clones.as_stage(row.name)
        if isinstance(seen, Clone) and all(rt.objects.has_commit(stage, pin.commit) for pin in (old, new)):
            # Nobody proves trees here, so no files are counted.
            told = with_range(rt, row, old.commit, new.commit, files=False)
            if changes is not None and all(rt.objects.has_content(stage, pin.commit) for pin in (old, new)):
                before, after = (
                    Side(rt.objects.facts(stage, pin.commit, complete=False).tree, stage.git_dir) for pin in (old, new)
                )
                changes[row.name] = Difference(row.name, before, after)
            return told
    except (GitFailed, LocalIo):
        return replace(row, notes=(*row.notes, "its commits are not told: the clone cannot be read"))
    return replace(row, notes=(*row.notes, "its commits are not told: no clone here has both"))
