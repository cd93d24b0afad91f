"""What a ledger tells without being asked to write, of the audit log above all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from git_hybrid.core.audit import Record
from git_hybrid.core.ids import Oid, RefName, SourceName, Url
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Source
from git_hybrid.core.mirrors import Inventory
from git_hybrid.core.moves import Move
from git_hybrid.core.plan import Unfinished
from git_hybrid.core.reducer import RunInfo
from git_hybrid.core.value import Struct, field
from git_hybrid.store import reading, runs
from git_hybrid.store.chain import read_log
from git_hybrid.store.filelock import worker
from git_hybrid.store.layout import Layout

if TYPE_CHECKING:
    from git_hybrid.core.brought import Brought, Installed


class LogReader(Struct, kw_only=True):
    """Answers from the files of one workspace (:class:`git_hybrid.core.ports_ledger.Ledger`).

    ``brought`` returns the last records of pins that only came along with a picked commit, by what git has; it takes
    where each source is installed too.
    """

    layout: Layout
    now: datetime
    brought: Callable[[Mapping[SourceName, Pin], Installed], Brought] = lambda _pins, _installed: {}
    _left_out: Brought = field(default_factory=dict)

    def at_work(self, run: Unfinished) -> str:
        """Return who is at work on *run* at this moment, in words; nothing if nobody is."""
        return worker(self.layout.writer_lock, run.started_at)

    def first_seen(self, name: SourceName, commit: Oid) -> datetime | None:
        """Return when the audit log first names *commit* as something that upstream had (:func:`told.first_seen`)."""
        from git_hybrid.store.told import first_seen

        return first_seen(self.layout, name, commit, self.now)

    def seen(self, name: SourceName) -> Sequence[tuple[Oid, RefName]]:
        """Return what the audit log names of a source, the last one first (:func:`told.seen`)."""
        from git_hybrid.store.told import seen

        return seen(self.layout, name)

    def require_archives(self) -> None:
        """Raise unless each archive of the audit log is there (:func:`archived.require_archives`)."""
        from git_hybrid.store.archived import require_archives

        require_archives(self.layout)

    def last_pins(self, name: SourceName, url: Url) -> tuple[Pin, ...]:
        """Return where the audit log has the pin of a source last (:func:`told.pins_told`)."""
        from git_hybrid.store.told import pins_told

        return pins_told(self.layout, name, url, self.left_out(name))

    def sides(self, name: SourceName) -> tuple[Record, ...]:
        """Return the last records of a pin that several branches moved, each elsewhere (:func:`told.sides_told`)."""
        from git_hybrid.store.told import sides_told

        return sides_told(self.layout, name, self.left_out(name))

    def believed(self, inventory: Inventory) -> Inventory:
        """Return *inventory* as far as the audit log bears it out (:func:`told.mirrors_told`)."""
        from git_hybrid.store.told import mirrors_told

        return mirrors_told(self.layout, inventory) if inventory.mirrors else inventory

    def former_pins(self, name: SourceName, url: Url, ref: RefName | None = None) -> tuple[Pin, ...]:
        """Return the last pins of a source that were of *url*, and of *ref* (:func:`told.former_pins_told`)."""
        from git_hybrid.store.told import former_pins_told

        return former_pins_told(self.layout, name, url, ref, self.left_out(name))

    def left_pins(self, source: Source) -> tuple[Pin, ...]:
        """Return the pins that *source* left by following something else (:func:`told.left_pins_told`)."""
        from git_hybrid.store.told import left_pins_told

        return left_pins_told(self.layout, source, self.left_out(source.name))

    def leave_out(self, pins: Mapping[SourceName, Pin], installed: Installed) -> frozenset[SourceName]:
        """Do not count from now on what only came along of the log of *pins* (:mod:`git_hybrid.core.brought`).

        Those are returned of which the log tells more than where they stand.
        """
        from git_hybrid.store.misplaced import disputed

        asked = disputed(self.layout, pins)
        self._left_out = self.brought({name: pins[name] for name in sorted(asked)}, installed) if asked else {}
        return asked

    def left_out(self, name: SourceName) -> frozenset[str]:
        """Return the hashes of the records of a source that do not count."""
        return self._left_out.get(name, frozenset())

    def misplaced(self, pins: Mapping[SourceName, Pin]) -> frozenset[SourceName]:
        """Return which of *pins* the audit log has elsewhere last (:func:`misplaced.misplaced`)."""
        from git_hybrid.store.misplaced import misplaced

        return misplaced(self.layout, pins, self._left_out)

    def moved_tags(
        self, pins: Mapping[SourceName, Pin], sources: Mapping[SourceName, Source]
    ) -> Mapping[SourceName, str]:
        """Return where *pins* stood before their tag moved without an override (:func:`misplaced.moved_tags`)."""
        from git_hybrid.store.misplaced import moved_tags

        return moved_tags(self.layout, pins, sources)

    def bare_moves(
        self, pins: Mapping[SourceName, Pin], sources: Mapping[SourceName, Source]
    ) -> Mapping[SourceName, str]:
        """Return where *pins* stood before they moved as ``pin`` moves none (:func:`misplaced.bare_moves`)."""
        from git_hybrid.store.misplaced import bare_moves

        return bare_moves(self.layout, pins, sources)

    def last_moves(self, pins: Mapping[SourceName, Pin]) -> Mapping[SourceName, Move]:
        """Return the record that put each of *pins* where it is, as far as the audit log has it."""
        return reading.last_moves(self.layout, pins)

    def unfinished(self) -> Unfinished | None:
        """Return the run that has sources or files left, None if there is none (:func:`runs.read_unfinished`)."""
        return runs.read_unfinished(self.layout)

    def manifest_text(self) -> str:
        """Return the text of ``sources.toml``.

        Raises:
            InvalidFile: it is missing or not UTF-8.
        """
        return reading.manifest_text(self.layout)

    def is_announced(self, info: RunInfo) -> bool:
        """Tell whether the audit log says already what this run is about to do."""
        records = read_log(self.layout.audit).records
        return any(record["command_id"] == info.run and record["event"] != "init" for record in records)
