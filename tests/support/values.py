"""Ordinary values of the core, so that a test names only what it is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from git_hybrid.core.ids import Oid, RefName, RunId, SourceName, parse_url
from git_hybrid.core.lock import Lock, Pin
from git_hybrid.core.manifest import Branch, Manifest, Policy, Scanner, Source, Track, config_digest, declared_ref
from git_hybrid.core.override import Approval, Override
from git_hybrid.core.plan import Action, Clone, Phase, Snapshot, Task, Unfinished
from git_hybrid.core.ports import RemoteRefs
from git_hybrid.core.reducer import RunInfo
from git_hybrid.core.state import ScanStatus, SourceState, State
from git_hybrid.core.tree import TreeEntry
from git_hybrid.core.value import replace

NOW = datetime(2026, 7, 20, 12, 0, 0, tzinfo=UTC)
RUN = RunId("01J2ZK5Y8Q0000000000000001")
OPERATOR = "Ada <ada@example.org>"
TOOL_URL = "https://git.example.org/team/tool"


def oid(number: int) -> Oid:
    """Return an object id that is easy to tell from others: oid(1) ends with 1."""
    return Oid(f"{number:040x}")


def an_override(**changed: Any) -> Override:
    """Return an override of the pin of ``tool`` to oid(2), asked for and approved just now; *changed* fields differ."""
    item = Override(
        id="ovr-1",
        kind="pin",
        source=SourceName("tool"),
        request_id="CHG-1",
        reason="why",
        from_commit=oid(1),
        to_commit=oid(2),
        requested_by=OPERATOR,
        approvers=(Approval(id="bea", at=NOW),),
        created_at=NOW,
        expires_at=NOW,
        command_id=RUN,
    )
    return replace(item, **changed)


def a_source(
    name: str = "tool", *, url: str = TOOL_URL, track: Track | None = None, groups: tuple[str, ...] = ()
) -> Source:
    """Return a source that follows the branch main, unless *track* says otherwise."""
    return Source(name=SourceName(name), url=parse_url(url), track=track or Branch("main"), groups=groups)


def a_pin(
    source: Source | None = None,
    *,
    commit: Oid | None = None,
    ref: str | None = None,
    tag_object: Oid | None = None,
    roots: tuple[Oid, ...] = (),
    digest: str | None = None,
) -> Pin:
    """Return a valid pin of *source* at *commit* (by default oid(1))."""
    wanted = source or a_source()
    return Pin(
        source=wanted.name,
        url=wanted.url,
        ref=RefName(ref) if ref else declared_ref(wanted.track) or RefName("refs/heads/main"),
        commit=commit or oid(1),
        tree=oid(0x77),
        tag_object=tag_object,
        reachable_from=RefName("refs/heads/main"),
        root_commits=roots,
        content_sha256="c" * 64,
        commit_time=NOW - timedelta(days=30),
        first_seen=NOW - timedelta(days=20),
        config_digest=digest or config_digest(wanted),
    )


def a_clone(
    head: Oid | None = None,
    *,
    dirty: tuple[str, ...] = (),
    dirty_count: int | None = None,
    operation: str | None = None,
    locked: bool = False,
    installed: Oid | None = None,
) -> Clone:
    """Return a usable clone, clean unless told otherwise, with HEAD at oid(1)."""
    return Clone(
        head=head or oid(1),
        dirty=dirty,
        dirty_count=len(dirty) if dirty_count is None else dirty_count,
        operation=operation,
        locked="index.lock" if locked else "",
        installed=installed,
    )


def a_state_entry(
    source: Source | None = None, *, commit: Oid | None = None, scan: ScanStatus | None = None
) -> SourceState:
    """Return what a sync of *source* at *commit* (by default oid(1)) has recorded."""
    wanted = source or a_source()
    return SourceState(
        name=wanted.name,
        url=wanted.url,
        track=wanted.track,
        commit=commit or oid(1),
        updated_at=NOW - timedelta(days=1),
        updated_by=OPERATOR,
        scan=scan or ScanStatus(),
        audit_hash="a" * 64,
    )


def a_snapshot(
    *sources: Source,
    pins: Iterable[Pin] = (),
    recorded: Iterable[SourceState] = (),
    policy: Policy | None = None,
    scanners: tuple[Scanner, ...] = (),
    unfinished: Unfinished | None = None,
) -> Snapshot:
    """Return what is read from a workspace with *sources*."""
    by_name = {source.name: source for source in sources}
    return Snapshot(
        manifest=Manifest(policy=policy or Policy(), scanners=scanners, sources=by_name),
        lock=Lock(pins={pin.source: pin for pin in pins}),
        state=State(sources={entry.name: entry for entry in recorded}),
        unfinished=unfinished,
    )


def a_task(
    source: Source | None = None, *, pin: Pin | None = None, action: Action = "clone", before: Oid | None = None
) -> Task:
    """Return a task that brings *source* to its pin."""
    wanted = source or a_source()
    return Task(source=wanted, pin=pin or a_pin(wanted), action=action, before=before)


def an_unfinished_run(*tasks: Task, phases: Mapping[SourceName, Phase] | None = None) -> Unfinished:
    """Return what the journal says of a sync that was killed."""
    started = NOW - timedelta(hours=1)
    return Unfinished(run=RUN, command="sync", started_at=started, tasks=tasks, phases=phases or {})


def a_run(run: RunId = RUN) -> RunInfo:
    """Return who runs the command, and when."""
    return RunInfo(run=run, command="sync", now=NOW, operator=OPERATOR, log_id="log-7")


def listed(tips: Mapping[str, Oid], *, peeled: Mapping[str, Oid] | None = None, head: str | None = None) -> RemoteRefs:
    """Return the answer of a server that lists *tips*."""
    return RemoteRefs(tips=tips, peeled=peeled or {}, head=None if head is None else RefName(head))


def an_entry(path: bytes | str, *, mode: str = "100644", size: int = 10, blob: str = "0" * 40) -> TreeEntry:
    """Return one line of a tree listing."""
    raw = path.encode() if isinstance(path, str) else path
    return TreeEntry(mode=mode, oid=blob, size=size, path=raw)
