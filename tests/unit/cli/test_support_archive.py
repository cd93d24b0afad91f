"""A support archive has the end of the audit log, however large the log is."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from git_hybrid.cli.support_archive import archive_files

LOG = "state/sources-audit.jsonl"


@pytest.mark.parametrize(("lines", "length"), [(0, 0), (3, 10), (200, 10), (300, 10), (20_000, 1_000), (300, 4_000)])
def test_the_last_records_are_kept(tmp_path: Path, lines: int, length: int) -> None:
    (tmp_path / "state").mkdir()
    with open(tmp_path / LOG, "w") as file:
        file.writelines(f"{number:0{length}}\n" for number in range(lines))
    tracemalloc.start()
    files = archive_files(tmp_path, diag={}, status={}, versions={}, settings={})
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    told = files[LOG].decode().splitlines()
    assert [int(line) for line in told] == [*range(lines)][-200:]
    assert most < 10_000_000
