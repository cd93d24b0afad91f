"""Fakes of the ports: they remember what they were asked and answer what a test told them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from git_hybrid.app.runtime import Runtime, no_bundles
from git_hybrid.core.audit import Event, Record
from git_hybrid.core.endpoints import Mirrors, parse_mirrors
from git_hybrid.core.ids import Oid, RefName, SourceName, Url
from git_hybrid.core.lock import Lock, Pin
from git_hybrid.core.manifest import Defaults, Manifest, Source
from git_hybrid.core.mirrors import Inventory
from git_hybrid.core.moves import Move
from git_hybrid.core.plan import Snapshot, Task, Unfinished
from git_hybrid.core.ports import FetchRequest, ProgressKind, RemoteRefs, Stage
from git_hybrid.core.ports_bundle import Bundles
from git_hybrid.core.reducer import Decision, RunInfo
from git_hybrid.core.state import State
from support.samples import run_info

Answer = RemoteRefs | Exception


@dataclass(slots=True)
class FakeTransport:
    """Answers by URL: each URL has a list of answers, the last of which is repeated."""

    answers: Mapping[str, list[Answer]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    bundles: list[str] = field(default_factory=list)

    def list_refs(self, url: str, defaults: Defaults, *, head: bool) -> RemoteRefs:
        """Return the next answer of *url*, or raise it."""
        return self._answer(url)

    def glimpse(self, url: str, ref: str) -> None:
        """See nothing."""

    def fetch(self, stage: Stage, url: str, request: FetchRequest, defaults: Defaults) -> None:
        """Take the next answer of *url*, or raise it."""
        self._answer(url)

    def fetch_bundle(self, stage: Stage, bundle: str, request: FetchRequest, defaults: Defaults) -> None:
        """Remember the bundle."""
        self.bundles.append(bundle)

    def head_of_bundle(self, bundle: str, defaults: Defaults) -> None:
        """See no HEAD."""

    def fetch_lfs(self, stage: Stage, url: str, oid: Oid, defaults: Defaults) -> None:
        """Take the next answer of *url*, or raise it."""
        self._answer(url)

    def _answer(self, url: str) -> RemoteRefs:
        self.asked.append(url)
        waiting = self.answers[url]
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass(slots=True)
class FakeLedger:
    """Holds a snapshot in memory and remembers what was written."""

    held: Snapshot = field(default_factory=lambda: Snapshot(manifest=Manifest(), lock=Lock(), state=State()))
    attempts: list[tuple[str, str]] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    finished: Decision = field(default_factory=Decision)
    finished_by: str = ""
    has_recorded: bool = False

    @contextmanager
    def writer(self, info: RunInfo, *, gives_up: bool = False, settles: bool = True) -> Iterator[Sequence[str]]:
        """Hold nothing."""
        yield ()

    def last_pins(self, name: SourceName, url: Url) -> tuple[Pin, ...]:
        """Know of no pin."""
        return ()

    def require_place(self) -> None:
        """Be where it was."""

    def require_archives(self) -> None:
        """Miss none."""

    def former_pins(self, name: SourceName, url: Url, ref: RefName | None = None) -> tuple[Pin, ...]:
        """Know of no pin."""
        return ()

    def left_pins(self, source: Source) -> tuple[Pin, ...]:
        """Know of no pin."""
        return ()

    def sides(self, name: SourceName) -> tuple[Record, ...]:
        """Know of no branches."""
        return ()

    def believed(self, inventory: Inventory) -> Inventory:
        """Believe all of it."""
        return inventory

    def leave_out(self, pins: Mapping[SourceName, Pin], installed: Mapping[SourceName, Oid]) -> frozenset[SourceName]:
        """Count all there is."""
        return frozenset()

    def left_out(self, name: SourceName) -> frozenset[str]:
        """Leave nothing out."""
        return frozenset()

    def misplaced(self, pins: Mapping[SourceName, Pin]) -> frozenset[SourceName]:
        """Know of no other pin."""
        return frozenset()

    def moved_tags(
        self, pins: Mapping[SourceName, Pin], sources: Mapping[SourceName, Source]
    ) -> Mapping[SourceName, str]:
        """Know of no tag that moved."""
        return {}

    def bare_moves(
        self, pins: Mapping[SourceName, Pin], sources: Mapping[SourceName, Source]
    ) -> Mapping[SourceName, str]:
        """Know of no pin that was moved so."""
        return {}

    def last_moves(self, pins: Mapping[SourceName, Pin]) -> Mapping[SourceName, Move]:
        """Know of no move."""
        return {}

    def snapshot(self) -> Snapshot:
        """Return what is held."""
        return self.held

    def steady(self) -> Snapshot:
        """Return what is held: nobody writes there."""
        return self.held

    def unfinished(self) -> Unfinished | None:
        """Return what the snapshot has left."""
        return self.held.unfinished

    def at_work(self, run: Unfinished) -> str:
        """Return that nobody is."""
        return ""

    def manifest_text(self) -> str:
        """Return an empty manifest."""
        return "schema_version = 1\n"

    def begin(self, info: RunInfo, tasks: Sequence[Task], intent: Event | None = None) -> None:
        """Forget that it began."""

    def is_announced(self, info: RunInfo) -> bool:
        """Return that no intent is in the log."""
        return False

    def installing(self, info: RunInfo, name: SourceName, served_by: str | None) -> None:
        """Forget that it is installing."""

    def attempt(self, info: RunInfo, name: str, error: str) -> None:
        """Remember the failed try."""
        self.attempts.append((name, error))

    def record(self, info: RunInfo, decision: Decision, pending: Sequence[Task]) -> None:
        """Remember the decision."""
        self.decisions.append(decision)

    def is_decided(self, info: RunInfo) -> bool:
        """Tell whether something was recorded."""
        return bool(self.decisions)

    def first_seen(self, name: SourceName, commit: Oid) -> datetime | None:
        """Return that it was never seen."""
        return None

    def seen(self, name: SourceName) -> Sequence[tuple[Oid, RefName]]:
        """Return that nothing was seen."""
        return ()


@dataclass(slots=True)
class FakeProgress:
    """Remembers every event."""

    events: list[tuple[ProgressKind, str, str]] = field(default_factory=list)

    def __call__(self, kind: ProgressKind, name: str, text: str) -> None:
        """Remember one event."""
        self.events.append((kind, name, text))


class Unused:
    """Stands for a port that a test must not reach."""

    def __getattr__(self, name: str) -> Any:
        """Raise AssertionError."""
        raise AssertionError(f"the test reached {name}")


def runtime(
    transport: FakeTransport,
    *,
    mirrors: str = "",
    offline: str = "",
    slept: list[float] | None = None,
    bundles: Bundles = no_bundles,
    cancelled: Callable[[], int] = lambda: 0,
) -> Runtime:
    """Return a runtime over fakes; *slept* takes the seconds of every wait."""
    waits = [] if slept is None else slept
    parsed: Mirrors = parse_mirrors(mirrors)
    unused = cast("Any", Unused())
    return Runtime(
        transport=transport,
        objects=unused,
        quarantine=unused,
        clones=unused,
        writer=unused,
        ledger=FakeLedger(),
        scans=unused,
        progress=FakeProgress(),
        info=run_info(),
        mirrors=parsed,
        offline=offline,
        bundles=bundles,
        sleep=waits.append,
        cancelled=cancelled,
    )
