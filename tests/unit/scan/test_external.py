"""What scanners are asked, and how they ended, as told by a door that starts none."""

from __future__ import annotations

import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import IO

import pytest

from git_hybrid.core.manifest import Scanner
from git_hybrid.core.ports_scan import Unusable
from git_hybrid.core.scanners import ScannerSpec, spec_of
from git_hybrid.core.scans import Identity
from git_hybrid.core.value import replace
from git_hybrid.scan.external import ExternalScanners, Job
from git_hybrid.scan.rulefiles import digest_of

SPEC = ScannerSpec(
    name="fake",
    preset="",
    command=(sys.executable, "{report}", "{path}"),
    version=(sys.executable, "--version"),
    format="sarif",
    ok_codes=frozenset({0}),
    finding_codes=frozenset({1}),
    timeout=timedelta(minutes=1),
)


def test_the_threads_of_a_run_ask_a_scanner_once(tmp_path: Path) -> None:
    asked = []

    def tell(job: Job, output: IO[bytes], _errors: IO[bytes]) -> int:
        asked.append(job.argv)
        time.sleep(0.05)
        output.write(b"fake 1.2")
        return 0

    scanners = ExternalScanners(tell, {}, tmp_path)
    with ThreadPoolExecutor(4) as threads:
        (found,) = {*threads.map(scanners.identify, [SPEC] * 4)}
    assert isinstance(found, Identity)
    assert (found.version, asked) == ("1.2", [SPEC.version])


def test_the_databases_of_a_scanner_are_part_of_its_version(tmp_path: Path) -> None:
    trivy = replace(spec_of(Scanner(name="a", preset="trivy")), version=(sys.executable, "version"))
    trivy = replace(trivy, command=(sys.executable, *trivy.command[1:]))
    told = b"Version: 0.58.1\nVulnerability DB:\n  Version: 2\n  UpdatedAt: 2024-12-20 06:15:50.3 +0000 UTC\n"
    found = []
    for checks in (b"", b"Check Bundle:\n  Digest: sha256:0123456789abcdef\n"):
        text = told + checks
        scanners = ExternalScanners(lambda _job, output, _errors, text=text: output.write(text) and 0, {}, tmp_path)
        found.append(scanners.identify(trivy))
    first, second = (item for item in found if isinstance(item, Identity))
    assert (first.version, second.version) == (
        "0.58.1, 2024-12-20 06:15:50",
        "0.58.1, 2024-12-20 06:15:50, sha256:0123456789ab",
    )
    # The rules are those of the tool: hooks ask for no version.
    assert first.rules_digest == second.rules_digest


@pytest.mark.parametrize(("number", "told"), [(signal.SIGSEGV, "SIGSEGV"), (37, "signal 37")])
def test_the_signal_that_ended_a_scanner_is_told(tmp_path: Path, number: int, told: str) -> None:
    scanners = ExternalScanners(lambda *_: -number, {}, tmp_path)
    found = scanners.run(SPEC, Identity(version="1", rules_digest=""), lambda _: [b"file"])
    assert found == Unusable(f"it was ended by {told}")


def test_no_file_of_rules_stands_for_two(tmp_path: Path) -> None:
    def digest(**files: bytes) -> str:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_bytes(text)
        return digest_of(folder, [folder])

    # Where no file has a NUL the names and contents stand between NULs, as ever: known scans stay as they are.
    two = digest(a=b"x", b=b"y")
    assert two == sha256(b"a\0x\0b\0y\0").hexdigest()
    sets = [{"a": b"x\0b\0y"}, {"a": b"x\0", "b": b"y"}, {"a": b"x", "b": b"\0y"}, {"a": b"\0"}, {"a": b""}]
    assert len({two, *(digest(**files) for files in sets)}) == len(sets) + 1
    # One file alone has no other beside it.
    program = tmp_path / "program"
    program.write_bytes(b"\0x")
    assert digest_of(program, [program]) == sha256(b".\0\0x\0").hexdigest()
