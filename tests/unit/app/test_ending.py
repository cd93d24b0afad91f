"""What the machine refuses one source is a row of that source: the others go on."""

from __future__ import annotations

import errno
from collections.abc import Sequence

import pytest

from git_hybrid.app.observe import observe
from git_hybrid.app.pin import PinRequest, pin
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.upstream import newer_upstream
from git_hybrid.core.errors import LocalIo
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Lock
from git_hybrid.core.manifest import Manifest
from git_hybrid.core.mirrors import Inventory
from git_hybrid.core.plan import Absent, Clone, Snapshot, Unreadable
from git_hybrid.core.report import Row
from git_hybrid.core.state import State
from git_hybrid.core.value import replace
from support.fakes import FakeLedger, FakeTransport, runtime
from support.samples import URL, source

NAMES = [SourceName(name) for name in "ab"]
MANIFEST = Manifest(sources={name: source(name, url=f"{URL}-{name}") for name in NAMES})


def _pinned(rt: Runtime) -> Sequence[Row]:
    ledger = FakeLedger(held=Snapshot(manifest=MANIFEST, lock=Lock(), state=State()))
    return pin(replace(rt, ledger=ledger), PinRequest(dry_run=True)).rows


def _asked(rt: Runtime) -> Sequence[Row]:
    return newer_upstream(rt, MANIFEST, {}, NAMES, {}, Inventory())


@pytest.mark.parametrize("command", [_pinned, _asked])
def test_a_full_disk_ends_the_source_and_not_the_run(command) -> None:
    full = OSError(errno.ENOSPC, "No space left on device", b"/ws/sources/.incoming/x")
    rows = command(runtime(FakeTransport({f"{URL}-a": [full], f"{URL}-b": [OSError("broken")]})))
    errors = [row.error for row in rows if isinstance(row.error, LocalIo)]
    assert [(row.name, error.path, error.reason) for row, error in zip(rows, errors, strict=True)] == [
        ("a", "/ws/sources/.incoming/x", "No space left on device"),
        ("b", "sources/b", "broken"),
    ]


def test_a_clone_that_cannot_be_read_says_nothing_of_the_others() -> None:
    refused = LocalIo(path="sources/a", operation="read", reason="Permission denied")

    class Clones:
        def glance(self, pins: object) -> dict[SourceName, Clone | Absent]:
            return {}

        def inspect(self, name: SourceName, pin: object, *, thorough: bool) -> Absent:
            if name == "a":
                raise refused
            return Absent()

    rt = replace(runtime(FakeTransport({})), clones=Clones())
    held = Snapshot(manifest=MANIFEST, lock=Lock(), state=State())
    assert observe(rt, held, NAMES) == {NAMES[0]: Unreadable(refused), NAMES[1]: Absent()}
