"""Who writes a mirror folder: one run, and its workers until they have seen that it is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from git_hybrid.cli import mirroring
from git_hybrid.cli.mirroring import filled
from git_hybrid.cli.wiring import new_run
from git_hybrid.core.errors import Interrupted, LockBusy
from git_hybrid.core.value import replace
from git_hybrid.git.quarantine import GitQuarantine
from git_hybrid.store import durable
from support.fakes import FakeTransport, run_info, runtime


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[GitQuarantine]:
    made = GitQuarantine(disk=durable, folder=tmp_path, run=new_run(datetime.now(UTC)), is_mirror=True)
    made.claim()
    yield made
    made.close()


def _session(signal: int = 0) -> Any:
    rt = replace(runtime(FakeTransport({})), info=run_info(), cancelled=lambda: signal)
    return SimpleNamespace(runtime=rt, runner=None, settings=SimpleNamespace(lock_timeout=timedelta(0)))


def test_a_folder_in_which_a_worker_is_at_work_is_not_filled(tmp_path: Path, worker: GitQuarantine) -> None:
    with pytest.raises(LockBusy) as caught, filled(_session(), tmp_path):
        pass
    assert Path(caught.value.path).name == worker.run
    with pytest.raises(Interrupted), filled(_session(signal=2), tmp_path):
        pass


def test_whoever_comes_next_waits_for_the_workers(
    tmp_path: Path, worker: GitQuarantine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sleep(_seconds: float) -> None:
        # It sees that nobody has the lock of its run any more, and ends.
        worker.close()

    monkeypatch.setattr(mirroring.time, "sleep", sleep)
    session = _session()
    session.settings.lock_timeout = timedelta(seconds=60)
    with filled(session, tmp_path) as (mirror, _):
        mirror.announce()
        # One of this run begins, and is seen to its end too.
        worker.claim()
    assert not (tmp_path / ".incoming").exists()
