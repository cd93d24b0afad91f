"""What a use case is given: the ports, the settings and the facts of this run. Built once, complete."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING

from git_hybrid.core.endpoints import Mirrors
from git_hybrid.core.errors import Interrupted, LockBusy
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.ports import NoDurations
from git_hybrid.core.value import Struct, field, replace

if TYPE_CHECKING:
    from git_hybrid.core.errors import NetworkFailure
    from git_hybrid.core.plan import Snapshot
    from git_hybrid.core.ports import Clones, Durations, Objects, Progress, Quarantine, Transport
    from git_hybrid.core.ports_bundle import BundleFile, Bundles
    from git_hybrid.core.ports_cache import ObjectCache
    from git_hybrid.core.ports_ledger import Head, Ledger
    from git_hybrid.core.ports_mirror import MirrorFolder
    from git_hybrid.core.ports_scan import ScanTools
    from git_hybrid.core.ports_spread import Spread
    from git_hybrid.core.ports_writer import Writer
    from git_hybrid.core.reducer import RunInfo


def no_bundles(_name: str) -> Sequence[BundleFile]:
    """Return no file, whatever the source."""
    return ()


_TRIES = 60
_FEW = 3
"""So many upstreams are asked as quickly by a git process each as by a client that has to be loaded first."""


class Runtime(Struct, frozen=True, kw_only=True):
    """Ports and settings of one run.

    ``bundles`` returns the bundles that have a source, ``bundles_in`` those of a folder; ``served_as`` is recorded in
    place of the path of one. ``jobs`` None takes the manifest's; ``cancelled`` returns the number of the signal that
    asks to stop, or 0; ``sleep`` waits a number of seconds, or less if the run is cancelled; ``waived`` names by source
    the objects that an override lets pass git's fsck, none where one did. ``bulk`` does what ``transport`` does, with
    less work a server where many are asked; ``spread`` hands work to other machines, None keeps it here. ``mirror`` is
    the mirror folder that an errand is about. ``cache`` None: what is fetched is not shared with other workspaces;
    ``cache_max_age`` is for how long what a server said once is believed without asking again;
    ``head`` returns what the newest commit has of log and lock, None where nothing is committed there, and ``met`` a
    log that any branch has with all records of some hashes;
    ``at_host`` is held while a host is asked, so that no host is asked too much at once;
    ``unreached`` has the hosts, with their ports, that sources tried as often as they may and never got to since they
    answered last, and how each failed: others try them once, and after three such sources not at all.
    """

    transport: Transport
    bulk: Transport | None = None
    objects: Objects
    quarantine: Quarantine
    clones: Clones
    writer: Writer
    ledger: Ledger
    scans: ScanTools
    spread: Spread | None = None
    mirror: MirrorFolder | None = None
    progress: Progress
    info: RunInfo
    mirrors: Mirrors = field(default_factory=Mirrors)
    offline: str = ""
    bundles: Bundles = no_bundles
    bundles_in: Callable[[str], Bundles] = lambda _folder: no_bundles
    served_as: str | None = None
    jobs: int | None = None
    sleep: Callable[[float], None]
    cancelled: Callable[[], int] = lambda: 0
    waived: Mapping[SourceName, Sequence[Oid]] = field(default_factory=dict)
    cache: ObjectCache | None = None
    cache_max_age: timedelta = timedelta(0)
    durations: Durations = field(default_factory=NoDurations)
    head: Callable[[], Head | None] = lambda: None
    met: Callable[[Collection[str]], Head | None] = lambda _hashes: None
    unreached: dict[str, dict[SourceName, NetworkFailure]] = field(default_factory=dict)
    at_host: Callable[[str], AbstractContextManager[None]] = lambda _host: nullcontext()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the writer lock for the block and tell what was mended, for a command without a report.

        Where the block fails its error tells that.

        Raises:
            LockBusy, InvalidFile, LocalIo: nothing was done.
        """
        with self.ledger.writer(self.info) as mended:
            yield
        for line in mended:
            self.progress("note", "note", line)

    @contextmanager
    def recording(self) -> Iterator[Sequence[str]]:
        """Hold the writer lock for the block as the ledger's writer does, to record what took long to find.

        Whoever holds it is waited for sixty times as long as before a command has done anything, and that is told.

        Raises:
            LockBusy, InvalidFile, LocalIo: nothing was recorded.
        """
        mended: Sequence[str] = ()
        with ExitStack() as stack:
            for tries in range(1, _TRIES + 1):
                try:
                    mended = stack.enter_context(self.ledger.writer(self.info))
                    break
                except LockBusy as busy:
                    if tries == _TRIES:
                        raise
                    if tries == 1:
                        self.progress("note", "note", f"what was found is recorded when another ends: {busy.holder}")
            yield mended

    def for_many(self, count: int) -> Runtime:
        """Return this with the transport for so many sources."""
        return self if self.bulk is None or count <= _FEW else replace(self, transport=self.bulk)

    def asking(self, *bases: str) -> Runtime:
        """Return this where only what these entries of the list of mirrors name is asked, and no bundle."""
        return replace(self, mirrors=Mirrors(bases), bundles=no_bundles)

    def whole_snapshot(self) -> Snapshot:
        """Return what the files say, of a time when no run is half way through them.

        Raises:
            UnfinishedRun: a run was stopped while it wrote them: what they say together proves nothing.
            LockBusy, InvalidFile, NewerSchema: as :meth:`Ledger.steady`.
        """
        snapshot = self.ledger.snapshot()
        run = snapshot.unfinished
        return self.ledger.steady() if run is not None and run.is_unwritten else snapshot

    def stop_if_cancelled(self) -> None:
        """Raise Interrupted if a signal asked the program to stop."""
        if number := self.cancelled():
            raise Interrupted(signal=number)
