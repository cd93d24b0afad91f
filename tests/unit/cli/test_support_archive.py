"""A support archive has the end of the audit log, however large the log is."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest

from git_hybrid.cli import support_archive
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


def test_what_is_too_large_is_left_out_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(support_archive, "_LIMIT", 1000)
    monkeypatch.setattr(support_archive, "_CHUNK", 500)
    (tmp_path / "state").mkdir()
    (tmp_path / "sources.toml").write_text("x" * 1000)
    (tmp_path / "state/sources.lock").symlink_to(tmp_path / "sources.toml")
    (tmp_path / "state/sources.json").touch()
    os.truncate(tmp_path / "state/sources.json", 1 << 40)
    for lines, kept in ((["x" * 3000], None), (["x" * 3000, "y" * 700, "z"], ["y" * 700, "z"])):
        (tmp_path / LOG).write_text("\n".join(lines) + "\n")
        files = archive_files(tmp_path, diag={}, status={}, versions={}, settings={})
        assert files["sources.toml"] == b"x" * 1000
        assert files["state/sources.json"] == b"left out: it is larger than 16 MiB\n"
        assert files[LOG].decode().splitlines() == (kept or ["left out: it is larger than 16 MiB"])
        assert "state/sources.lock" not in files
