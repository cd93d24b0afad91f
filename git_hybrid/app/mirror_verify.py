"""``git hybrid mirror verify``: ask each mirror, and no other server, for each source, and look at what comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from git_hybrid.app.ending import of_source
from git_hybrid.app.executor import run_to_end
from git_hybrid.app.mirror_look import Question, look
from git_hybrid.app.mirrors import chosen
from git_hybrid.app.remote import list_refs
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.waiving import waivers
from git_hybrid.core.audit import Event
from git_hybrid.core.endpoints import DIRECT, folder_of, repository_path
from git_hybrid.core.errors import (
    HybridError,
    Interrupted,
    LocalIo,
    MovedTag,
    Offline,
    PolicyError,
    RemoteError,
)
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.manifest import Source
from git_hybrid.core.mirror_told import mirror_event
from git_hybrid.core.mirrors import Finding, Mirror, served_url, verified
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.ports import RemoteRefs
from git_hybrid.core.reducer import Decision
from git_hybrid.core.report import Report, Row, failed
from git_hybrid.core.resolve import Candidate, newest_allowed
from git_hybrid.core.value import replace
from git_hybrid.core.values import format_age

LastSeen = Callable[[], Mapping[SourceName, Oid]]
"""Returns the newest commit of each source that the audit log has seen upstream."""
Filled = Callable[[Mirror], Mapping[str, datetime]]
"""Returns when each repository of a mirror was last compared with upstream, by its path, as far as the mirror tells."""


def verify_mirrors(rt: Runtime, names: Sequence[str], *, last_seen: LastSeen, filled: Filled) -> Report:
    """Ask the named mirrors (default: all) for every source, record what they hold, and return a row for each pair.

    What is found well without a word of upstream is as old as what the mirror tells by *filled*.
    While an earlier run is unfinished nothing is recorded: a mirror that fails may be what it waits for.

    Raises:
        UnknownMirror: a name is not in the inventory.
        Offline: the network is forbidden.
    """
    with rt.ledger.writer(rt.info) as mended:
        snapshot = rt.ledger.snapshot()
        rt = replace(rt, waived=waivers(snapshot))
        # A check that finds less leaves the times of before: those that no record bears out are none.
        known = rt.ledger.believed(snapshot.mirrors)
        mirrors = chosen(known, names or tuple(known.mirrors))
        why = rt.offline or ("" if rt.mirrors.entries else "GIT_HYBRID_MIRRORS is off")
        for mirror in mirrors:
            if why and mirror.kind == "mirror":
                raise Offline(name=mirror.name, url=mirror.base_url, why=why).from_mirror(mirror.name)
        newest, origin = _known_tips(rt, snapshot, last_seen) if mirrors else ({}, {})
        questions = [
            _question(rt, snapshot, mirror, source, newest, origin, times)
            for mirror in mirrors
            for times in [filled(mirror)]
            for source in snapshot.manifest.sources.values()
        ]
        pairs = run_to_end(rt, snapshot.manifest, "verifying mirrors", _answer, questions)
        notes = [*mended]
        if snapshot.unfinished is not None:
            notes.append(f"nothing was recorded, since run {snapshot.unfinished.run} is unfinished: git hybrid resume")
        elif mirrors:
            rt.ledger.record(rt.info, _decision(rt, mirrors, questions, pairs), ())
        return Report(command="mirror verify", rows=tuple(row for row, _ in pairs), run=rt.info.run, notes=tuple(notes))


def _known_tips(
    rt: Runtime, snapshot: Snapshot, last_seen: LastSeen
) -> tuple[Mapping[SourceName, Oid], Mapping[SourceName, RemoteRefs]]:
    """Return the newest commit of each source that upstream is known to have had, and what the origin lists.

    The origin is asked where it may be; else what the audit log saw last, which is the pin or newer.
    """
    may_ask = DIRECT in rt.mirrors.entries and not rt.offline
    origin = rt.asking(DIRECT)

    def look(source: Source) -> tuple[SourceName, tuple[Candidate, RemoteRefs]] | None:
        try:
            refs = list_refs(origin, source, snapshot.manifest)
            return source.name, (newest_allowed(source, refs), refs)
        except HybridError as error:
            word = "may not be asked" if isinstance(error, PolicyError) else "does not answer"
            rt.progress("note", source.name, f"upstream {word} ({error.code}), so the last known tip counts")
            return None

    sources = tuple(snapshot.manifest.sources.values())
    told = dict(run_to_end(rt, snapshot.manifest, "asking upstream", look, sources) if may_ask else ())
    known = {name: pin.commit for name, pin in snapshot.lock.pins.items()}
    known |= last_seen() if len(told) < len(sources) else {}
    found = {name: told[name][0].commit if name in told else known.get(name) for name in (*known, *told)}
    tips = {name: commit for name, commit in found.items() if commit is not None}
    return tips, {name: refs for name, (_, refs) in told.items()}


def _question(
    rt: Runtime,
    snapshot: Snapshot,
    mirror: Mirror,
    source: Source,
    newest: Mapping[SourceName, Oid],
    origin: Mapping[SourceName, RemoteRefs],
    times: Mapping[str, datetime],
) -> Question:
    url = served_url(mirror, source.url, source.name)
    if mirror.kind == "bundle":
        bundles = rt.bundles_in(folder_of(mirror.base_url))
        alone = replace(rt, offline="it is not in the bundle", bundles=bundles)
    else:
        alone = rt.asking(mirror.base_url)
    return Question(
        rt=alone,
        snapshot=snapshot,
        mirror=mirror,
        source=source,
        url=url,
        newest=newest.get(source.name),
        origin=origin.get(source.name),
        as_of=None if source.name in origin else times.get(repository_path(source.url)),
    )


def _answer(question: Question) -> tuple[Row, Finding | None]:
    rt, source = question.rt, question.source
    pin = question.snapshot.lock.pins.get(source.name)
    label = f"{question.mirror.name}/{source.name}"
    rt.progress("start", label, "verify")
    commit = pin.commit if pin else question.newest
    try:
        with of_source(source.name):
            row, commit = look(question, pin)
        finding = Finding(commit=commit, ok=True, as_of=question.as_of) if commit is not None else None
        row = replace(row, notes=(*row.notes, *_aged(question)))
    except HybridError as error:
        # A tag that upstream itself moved is no word about the mirror.
        reached = not isinstance(error, RemoteError | Offline | Interrupted | LocalIo | MovedTag)
        row = failed(source.name, error)
        finding = Finding(commit=commit, ok=False) if commit is not None and reached else None
    detail = {**row.detail, "mirror": question.mirror.name, "url": question.url}
    rt.progress("done", label, row.outcome)
    return replace(row, after=row.after or commit, served_by=question.url, detail=detail), finding


def _aged(question: Question) -> tuple[str, ...]:
    """Tell of a copy that policy holds for too old, where upstream was not asked."""
    limit, now = question.snapshot.manifest.policy.mirror_max_staleness, question.rt.info.now
    if question.as_of is None or now - question.as_of <= limit:
        return ()
    old = format_age(now - question.as_of)
    return (f"last compared with upstream {old} ago, which was not asked now; policy allows {format_age(limit)}",)


def _decision(
    rt: Runtime,
    mirrors: Sequence[Mirror],
    questions: Sequence[Question],
    pairs: Sequence[tuple[Row, Finding | None]],
) -> Decision:
    entries: dict[str, Mirror] = {}
    events: list[Event] = []
    for mirror in mirrors:
        wanted = [question.source for question in questions if question.mirror is mirror]
        own = [pair for question, pair in zip(questions, pairs, strict=True) if question.mirror is mirror]
        findings = {row.name: finding for row, finding in own if finding is not None}
        if own and not findings:
            continue
        # Of a source that was removed nothing will be found any more: it would only grow old.
        known = {source.name: mirror.sources[source.name] for source in wanted if source.name in mirror.sources}
        entries[mirror.name] = verified(replace(mirror, sources=known), findings, rt.info.now)
        wrong = sorted(row.name for row, _ in own if row.error is not None)
        events.append(mirror_event("mirror-verify", entries[mirror.name], {"sources": len(own), "wrong": wrong}))
    return Decision(events=events, mirrors=entries)
