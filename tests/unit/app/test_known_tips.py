"""What upstream is known to have: it is asked, and the log is read for those alone that do not answer."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, cast

import pytest

from git_hybrid.app.acquire import acquire_pin
from git_hybrid.app.mirror_verify import verify_mirrors
from git_hybrid.app.proving import prove
from git_hybrid.core.errors import AccessDenied, RefMissing, Unreachable
from git_hybrid.core.ids import Oid, RefName, SourceName
from git_hybrid.core.lock import UNREACHABLE, Lock
from git_hybrid.core.manifest import Branch, Commit, History, Manifest, Track
from git_hybrid.core.mirrors import Inventory, Mirror
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.ports import RemoteRefs
from git_hybrid.core.state import State
from git_hybrid.core.value import replace
from support.fakes import FakeLedger, FakeTransport, runtime
from support.samples import OID, URL, pin_of, source
from support.values import NOW

NAMES = [SourceName(name) for name in "ab"]


@pytest.mark.parametrize("answers", [True, False])
def test_the_log_is_read_once_if_at_all(answers: bool) -> None:
    manifest = Manifest(sources={name: source(name, url=f"{URL}-{name}") for name in NAMES})
    found = RemoteRefs(tips={"refs/heads/main": OID})
    denied = AccessDenied(url=URL, message="m")
    transport = FakeTransport({f"{URL}-{name}": [found if answers else denied] for name in NAMES})
    bundles = Mirror(name="b", base_url=URL, kind="bundle", owner="o", added_at=NOW, added_by="o")
    ledger = FakeLedger(held=Snapshot(manifest=manifest, lock=Lock(), state=State()))
    read = []
    rt = replace(runtime(transport), ledger=cast("Any", ledger))
    verify_mirrors(rt, (), last_seen=lambda: read.append(1) or {}, filled=lambda _mirror: {})
    # Nobody is asked for what no mirror is held against.
    assert (transport.asked, read) == ([], [])
    ledger.held = replace(ledger.held, mirrors=Inventory(mirrors={"b": bundles}))
    verify_mirrors(rt, (), last_seen=lambda: read.append(1) or {}, filled=lambda _mirror: {})
    assert sorted(transport.asked) == [f"{URL}-{name}" for name in NAMES]
    assert len(read) == (not answers)


@pytest.mark.parametrize(("track", "times"), [(Commit(Oid(OID)), 1), (Branch("main"), 2)])
def test_a_commit_that_belongs_is_proved_without_asking_for_its_ref_again(track: Track, times: int) -> None:
    """A ref that is gone costs two processes each time; OID is on another branch, that of the pin is gone."""
    asked: list[str] = []
    objects = SimpleNamespace(
        upstream=lambda _, ref: asked.append(ref),
        has_commit=lambda *_: True,
        upstream_refs=lambda _: {"refs/heads/main": OID},
        is_ancestor=lambda *_: True,
    )
    entry = replace(source(), track=track)
    pin = replace(pin_of(entry), ref=RefName("refs/heads/gone"))
    rt = replace(runtime(FakeTransport({})), objects=cast("Any", objects))
    with pytest.raises(Unreachable) if times > 1 else nullcontext():
        prove(rt, cast("Any", None), entry, pin)
    assert asked == ["refs/heads/gone"] * times


@pytest.mark.parametrize(("history", "times"), [("full", 1), ("shallow", 2)])
def test_who_gives_out_no_single_commit_cut_off_is_asked_for_it_with_its_history(history: History, times: int) -> None:
    transport = FakeTransport({URL: [RefMissing(name="", ref="shallow", url=URL)] * times})
    entry = replace(source(), history=history)
    pin = replace(pin_of(entry), ref=UNREACHABLE)
    objects, quarantine = SimpleNamespace(has_commit=bool), SimpleNamespace(stage=lambda *_, **__: None)
    rt = replace(runtime(transport), objects=cast("Any", objects), quarantine=cast("Any", quarantine))
    with pytest.raises(RefMissing):
        acquire_pin(rt, entry, pin, Manifest(), borrow=False)
    assert len(transport.asked) == times
