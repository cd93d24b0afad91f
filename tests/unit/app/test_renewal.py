"""Approvals of a renewal are told from those that came before, whatever the clock says."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from git_hybrid.app.accept import accept
from git_hybrid.app.audit import rotate
from git_hybrid.app.edit import Editor, Wanted, add, added
from git_hybrid.app.force import Forced, approvals_of
from git_hybrid.app.mirrors import remove_mirrors
from git_hybrid.app.override import asked_again, renew, revoke
from git_hybrid.app.pin import PinRequest
from git_hybrid.app.pin import pin as pinned
from git_hybrid.core.approval import last_approvals
from git_hybrid.core.audit import Event
from git_hybrid.core.errors import DuplicateSource, UnknownOverride
from git_hybrid.core.lock import Lock
from git_hybrid.core.manifest import Manifest, Tag
from git_hybrid.core.override import Approval, Override, Overrides
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.reducer import Decision
from git_hybrid.core.state import State
from git_hybrid.core.value import replace
from support.fakes import FakeLedger, FakeTransport, runtime
from support.samples import NOW
from support.values import a_pin, a_snapshot, a_source, oid

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
TOOL = a_source()
OLD = Override(
    id="ovr-1",
    kind="pin",
    source=TOOL.name,
    request_id="CHG-1",
    reason="why",
    from_commit=oid(1),
    to_commit=oid(2),
    requested_by="Ada <ada@example.org>",
    approvers=(Approval(id="Bea <bea@example.org>", at=NOW),),
    created_at=NOW,
    expires_at=NOW + DAY,
    command_id="run",
)


@pytest.mark.parametrize(
    ("clock", "at"),
    [(NOW, NOW + SECOND), (NOW - DAY, NOW + SECOND), (NOW + DAY, NOW + DAY)],
    ids=["same", "back", "on"],
)
def test_a_renewal_rests_on_its_own_approvals_alone(clock: datetime, at: datetime) -> None:
    snapshot = Snapshot(manifest=Manifest(sources={TOOL.name: TOOL}), lock=Lock(), state=State(), clock=clock)
    forced = Forced(request_id="CHG-2", approvers=("Dan <dan@example.org>",), reason="more", expires_at=NOW + 9 * DAY)
    fresh = approvals_of(runtime(FakeTransport()), snapshot, asked_again(snapshot, OLD, forced), forced, renews=OLD)
    assert fresh == (Approval(id="Dan <dan@example.org>", at=at),)
    assert last_approvals(replace(OLD, approvers=(*OLD.approvers, *fresh))) == fresh


def test_what_an_interrupted_run_had_decided_to_add_is_just_that() -> None:
    source, pin = a_source(), a_pin()
    held = Snapshot(manifest=Manifest(sources={source.name: source}), lock=Lock(pins={source.name: pin}), state=State())
    decided = Decision(events=[added(source)], pins={source.name: pin})
    rt = replace(runtime(FakeTransport()), ledger=FakeLedger(held=held, finished=decided))
    unused = Editor(add=lambda text, _: text, remove=lambda text, _: text, follow=lambda text, _name, _track: text)
    for track in (None, source.track):
        assert add(rt, unused, [Wanted(source=source, track=track)]).rows[0].outcome == "added"
    tagged = replace(source, track=Tag("v1"))
    for wanted in (Wanted(source=tagged, track=tagged.track), Wanted(source=source, track=None, history="treeless")):
        with pytest.raises(DuplicateSource):
            add(rt, unused, [wanted])
    by_tag = replace(held, manifest=Manifest(sources={source.name: tagged}))
    with pytest.raises(DuplicateSource):
        add(replace(rt, ledger=FakeLedger(held=by_tag, finished=decided)), unused, [Wanted(source=source, track=None)])


def test_what_an_interrupted_run_had_decided_to_revoke_is_not_revoked_already() -> None:
    ended = replace(OLD, status="revoked", closed_at=NOW)
    held = Snapshot(manifest=Manifest(), lock=Lock(), state=State(), overrides=Overrides(records={OLD.id: ended}))
    rt = runtime(FakeTransport())
    finished = Decision(overrides={OLD.id: ended})
    assert revoke(replace(rt, ledger=FakeLedger(held=held, finished=finished)), OLD.id, reason="why") == ended
    with pytest.raises(UnknownOverride):
        revoke(replace(rt, ledger=FakeLedger(held=held)), OLD.id, reason="why")


def test_what_an_interrupted_run_of_the_same_command_had_decided_is_not_decided_once_more() -> None:
    source, records = a_source(), {OLD.id: OLD}
    pin = replace(a_pin(source), override=OLD.id)
    held = replace(a_snapshot(source, pins=[pin]), overrides=Overrides(records=records))
    told = Event(event="pin", source=source.name, before=oid(1), after=pin.commit)
    decided = Decision(
        events=[told], pins={source.name: pin}, overrides=records, archive="state/a", dropped_mirrors={"m"}
    )
    rt = runtime(FakeTransport())
    ledger = FakeLedger(held=held, finished=decided, finished_by=rt.info.command)
    again = replace(rt, ledger=ledger)
    forced = Forced(request_id="CHG-1", approvers=("Bea <bea@example.org>",), reason="why", expires_at=NOW + DAY)
    assert renew(again, OLD.id, forced) == OLD
    rows = [
        *accept(again, source.name, forced, to=None, findings=()).rows,
        *pinned(again, PinRequest(names=[source.name], to=pin.commit, forced=forced)).rows,
    ]
    assert [(row.outcome, row.detail) for row in rows] == [
        ("accepted", {"override": OLD.id}),
        ("pinned", {"override": OLD.id}),
    ]
    remove_mirrors(again, ["m"])
    assert rotate(again, tuple) == "state/a"
    assert ledger.decisions == []
