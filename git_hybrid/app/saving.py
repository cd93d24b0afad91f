"""Local work is saved before anything is changed, and where it is kept is told however the run ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from git_hybrid.app.runtime import Runtime
from git_hybrid.core.errors import GitFailed, HybridError, LocalIo
from git_hybrid.core.ids import RunId, SourceName
from git_hybrid.core.plan import Installed, Task, Unfinished
from git_hybrid.core.ports_writer import Saved
from git_hybrid.core.report import Row
from git_hybrid.core.value import replace


class Unsaved(Exception):
    """Local work could not be saved, so nothing was changed."""

    def __init__(self, error: HybridError) -> None:
        super().__init__(error)
        self.error = error


def save(rt: Runtime, task: Task, standing: Sequence[str]) -> Saved:
    """Save local work in the clone of *task*; the submodules *standing* are as its pin has them, and stay.

    Raises:
        NestedRepository: another repository stands in the clone.
        Unsaved: the machine or git refuses.
    """
    try:
        return rt.writer.save_work(task.name, rt.info.run, task.pin.commit, standing)
    except (GitFailed, LocalIo) as error:
        raise Unsaved(error) from error


@contextmanager
def telling(notes: Sequence[str]) -> Iterator[None]:
    """Add *notes* to an error in the block (:func:`told_with`)."""
    try:
        yield
    except HybridError as error:
        for note in notes:
            error.add_note(note)
        raise


def told_of(rt: Runtime, run: RunId, rows: Sequence[Row]) -> list[Row]:
    """Return *rows* with where *run*, which was stopped before it could tell, had saved local work."""
    return [replace(row, notes=tuple(dict.fromkeys((*row.notes, *_saved(rt, run, row.name))))) for row in rows]


def with_saved(rt: Runtime, before: Unfinished | None, done: Installed) -> Installed:
    """Return *done* with where the run *before*, if it was of the source, had saved local work: for the state entry."""
    name = done.task.name
    if before is None or not before.left(name):
        return done
    return replace(done, notes=tuple(dict.fromkeys((*done.notes, *_saved(rt, before.run, name)))))


def _saved(rt: Runtime, run: RunId, name: SourceName) -> tuple[str, ...]:
    return tuple(f"local work saved as {ref}" for ref in rt.clones.saved(name, run))


def told_with(error: HybridError) -> tuple[str, ...]:
    """Return the notes that were added to *error*."""
    return tuple(getattr(error, "__notes__", ()))
