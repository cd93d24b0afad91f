"""A command in each clone: one that cannot be started takes nothing from what the others did."""

from __future__ import annotations

from typing import Any, cast

from git_hybrid.app.foreach import foreach
from git_hybrid.core.errors import LocalIo
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Lock
from git_hybrid.core.manifest import Manifest
from git_hybrid.core.plan import Clone, Observed, Snapshot
from git_hybrid.core.state import State
from git_hybrid.core.value import replace
from support.fakes import FakeLedger, FakeTransport, runtime
from support.samples import OID, source

NAMES = [SourceName(name) for name in "abcd"]
FULL = LocalIo(path="sh", operation="start", reason="Too many open files")


class _Clones:
    def inspect(self, name: SourceName, _pin: object) -> Observed:
        if name == "c":
            raise LocalIo(path="sources/c", operation="read", reason="Too many open files")
        return Clone(head=OID, has_pin=True, installed=OID)


def test_what_the_others_wrote_is_there() -> None:
    manifest = Manifest(sources={name: source(name) for name in NAMES})
    ledger = FakeLedger(held=Snapshot(manifest=manifest, lock=Lock(), state=State()))
    rt = replace(runtime(FakeTransport()), ledger=cast("Any", ledger), clones=cast("Any", _Clones()))

    def command(at: Any, _pin: object) -> tuple[int, tuple[bytes, ...], tuple[bytes, ...]]:
        if at.name == "b":
            raise FULL
        return 0, (b"done\n",), ()

    ran = foreach(rt, command)
    assert [(item.name, item.status, item.stdout) for item in ran] == [
        ("a", 0, (b"done\n",)),
        ("b", 126, ()),
        ("c", 126, ()),
        ("d", 0, (b"done\n",)),
    ]
    assert ran[1].stderr == (b"cannot start sh: Too many open files\n",)
    assert ran[2].stderr == (b"cannot read sources/c: Too many open files\n",)
