"""A log that has grown large can be read, is warned of, and is rotated before anything stands still."""

from __future__ import annotations

from pathlib import Path

import pytest

from git_hybrid.core.audit import Event, extend
from git_hybrid.core.errors import InvalidFile
from git_hybrid.core.ids import RunId
from git_hybrid.store import content
from git_hybrid.store.chain import append_records, read_log
from git_hybrid.store.parsing import read_bytes
from support.cli import Hybrid
from support.values import NOW

_MIB = 2**20


def _grow(log: Path, size: int) -> None:
    events = [Event(event="seen", source="gone", after="0" * 40, detail={"ref": "x" * _MIB}) for _ in range(size)]
    run = RunId("01J2ZK5Y8Q0000000000000001")
    append_records(log, extend(read_log(log).tail, events, at=NOW, operator="Ada", command_id=run, log_id="x"))


def test_a_log_of_more_than_64_mib_is_rotated(hybrid: Hybrid, workspace: Path) -> None:
    hybrid("init")
    log = workspace / "state/sources-audit.jsonl"
    _grow(log, 66)
    hybrid("sync")
    warned = hybrid("check", "audit")
    assert "the log has grown to 66." in warned.out
    assert "git hybrid audit rotate" in warned.out
    hybrid("audit", "rotate")
    assert log.stat().st_size < 2000
    assert len(list(log.parent.glob("sources-audit.*.jsonl"))) == 1


def test_what_no_log_can_be_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "LOG_LIMIT", 10)
    monkeypatch.setattr(content, "SIZE_LIMIT", 5)
    for shown, most in (
        ("state/sources-audit.jsonl", 10),
        ("state/sources-audit.2025.jsonl", 10),
        ("state/sources.lock", 5),
    ):
        path = tmp_path / "file"
        path.write_bytes(b"x" * most)
        assert read_bytes(path, shown) == b"x" * most
        path.write_bytes(b"x" * (most + 1))
        with pytest.raises(InvalidFile) as caught:
            read_bytes(path, shown)
        assert "is larger than" in caught.value.problems[0].reason
