"""What a use case returns: one row a source, in name order. Views print it; exit codes are made from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from git_hybrid.core.errors import HybridError, Interrupted, LocalWork
from git_hybrid.core.ids import SourceName
from git_hybrid.core.plan import Unfinished
from git_hybrid.core.ports import Range
from git_hybrid.core.value import Struct, field, replace

if TYPE_CHECKING:
    from git_hybrid.core.condition import Condition


class Row(Struct, frozen=True, kw_only=True):
    """What became of one source.

    ``outcome`` is one word: unchanged, cloned, updated, repaired, recorded, reset, pinned, kept, added, removed,
    not-added, not-applied, not-bundled, would-… in a dry run, behind, current, blocked or failed; ``before`` and
    ``after`` are commits.
    """

    name: SourceName
    outcome: str
    before: str | None = None
    after: str | None = None
    ref: str | None = None
    served_by: str | None = None
    error: HybridError | None = None
    notes: tuple[str, ...] = ()
    range: Range | None = None
    detail: Mapping[str, str] = field(default_factory=dict)

    @property
    def was_reached(self) -> bool:
        """Whether anything was done for it before a signal came."""
        return not isinstance(self.error, Interrupted) or self.error.begun


class Report(Struct, frozen=True, kw_only=True):
    """What one command did. ``notes`` are about the run as a whole; ``interrupted`` is the signal's number or 0.

    ``error`` is what kept it from its end when all that the rows tell had been done; ``gave_up``: a run was given up.
    """

    command: str
    rows: tuple[Row, ...] = ()
    run: str | None = None
    dry_run: bool = False
    notes: tuple[str, ...] = ()
    pending: tuple[SourceName, ...] = ()
    interrupted: int = 0
    error: HybridError | None = None
    gave_up: bool = False


class Status(Struct, frozen=True, kw_only=True):
    """What every source is like, worst first, and the run that is at work or was interrupted, if any.

    ``has_keys``: policy names keys of approvers, so that an approval takes a signature.
    """

    rows: tuple[Condition, ...]
    unfinished: Unfinished | None
    has_scanners: bool
    has_keys: bool = False

    @property
    def is_half_written(self) -> bool:
        """Whether a run was stopped while it wrote the files: what they say together proves nothing."""
        run = self.unfinished
        return run is not None and run.is_unwritten and not run.held_by


def run_words(run: Unfinished) -> str:
    """Return what is said of a run that is at work, or did not end."""
    left = "has files left to write" if run.is_unwritten else "is unfinished"
    stands = f"is at work: {run.held_by}" if run.held_by else left
    return f"run {run.run} ({run.command}) {stands}"


def refused(row: Row, code: str, why: str) -> Row:
    """Return *row* with the reason why pin would not move there."""
    return replace(row, notes=(*row.notes, why), detail={**row.detail, "refused": code})


def failed(name: SourceName, error: HybridError) -> Row:
    """Return the row of a source that ended with *error*: blocked if local work is in the way."""
    return Row(name=name, outcome=failure_word(error), error=error.about(name))


def failure_word(error: HybridError) -> str:
    """Return the outcome that *error* stands for."""
    return "blocked" if isinstance(error, LocalWork) else "failed"


def moved_note(place: str) -> str:
    """Return what is told where upstream sends on to *place* whoever asks for it."""
    return f"upstream has moved: it sends on to {place}, which is to be the url in sources.toml"
