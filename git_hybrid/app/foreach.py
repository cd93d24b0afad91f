"""``git hybrid foreach``: run a command of the user's in each clone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from git_hybrid.app.executor import run_all
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.select import select
from git_hybrid.core.errors import LocalIo
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Source
from git_hybrid.core.plan import Absent, Broken, Clone, Foreign
from git_hybrid.core.value import Struct


class Ran(Struct, frozen=True, kw_only=True):
    """What a command did in one source; ``status`` is its exit status, None where there is no clone.

    What it wrote comes in pieces: it may be more than there is memory. Where it could not be started, ``status`` is
    126, as in a shell, and ``error`` and ``stderr`` say why; where no clone that git can use stands in the folder,
    ``instead`` says what does.
    """

    name: SourceName
    status: int | None
    stdout: Iterable[bytes] = ()
    stderr: Iterable[bytes] = ()
    error: LocalIo | None = None
    instead: str = ""


NOT_STARTED = 126
Command = Callable[[Source, Pin | None], tuple[int, Iterable[bytes], Iterable[bytes]]]


def _not_run(name: SourceName, seen: Absent | Foreign | Broken) -> Ran:
    """Return that nothing was run: what was never synced is skipped, and what is there and no clone is a failure."""
    if isinstance(seen, Absent):
        return Ran(name=name, status=None)
    what = f"a foreign folder: {seen.what}" if isinstance(seen, Foreign) else f"a broken clone: {seen.why}"
    why = f"not run: what stands there is {what}"
    return Ran(name=name, status=NOT_STARTED, stderr=(f"{why}\n".encode("utf-8", "surrogateescape"),), instead=what)


class Audience(Protocol):
    """Whoever wants to know what the commands do while they do it."""

    def begin(self, order: Sequence[SourceName]) -> None:
        """Take the sources in their order, before the first command is started."""
        ...

    def ended(self, ran: Ran) -> None:
        """Take what a command did, in the thread that ran it."""
        ...


def foreach(
    rt: Runtime,
    command: Command,
    names: Sequence[str] = (),
    groups: Sequence[str] = (),
    *,
    audience: Audience | None = None,
) -> tuple[Ran, ...]:
    """Return what *command* did in each selected source, in name order; one that fails does not stop the others.

    *audience* is told of each as soon as it has ended.

    Raises:
        UnknownSource: a name or group is not in the manifest.
        InvalidFile, NewerSchema: a file cannot be read.
    """
    snapshot = rt.ledger.snapshot()
    selected = select(snapshot.manifest, names, groups)

    def run(name: SourceName) -> Ran:
        pin = snapshot.lock.pins.get(name)
        try:
            if not isinstance(seen := rt.clones.inspect(name, None), Clone):
                return _not_run(name, seen)
            status, stdout, stderr = command(snapshot.manifest.sources[name], pin)
        except LocalIo as error:
            # What the others have written is there, and it may be all that tells what they did.
            why = f"cannot {error.operation} {error.path}: {error.reason}\n"
            return Ran(name=name, status=NOT_STARTED, stderr=(why.encode(),), error=error)
        return Ran(name=name, status=status, stdout=stdout, stderr=stderr)

    def work(name: SourceName) -> Ran:
        ran = run(name)
        if audience is not None:
            audience.ended(ran)
        return ran

    if audience is not None:
        audience.begin(selected)
    results = run_all(work, selected, jobs=rt.jobs or 1, cancelled=rt.cancelled, own=False)
    rt.stop_if_cancelled()
    return tuple(result for result in results if result is not None)
