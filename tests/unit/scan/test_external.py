"""What scanners are asked, and how they ended, as told by a door that starts none."""

from __future__ import annotations

import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import IO

import pytest

from git_hybrid.core.ports_scan import Unusable
from git_hybrid.core.scanners import ScannerSpec
from git_hybrid.core.scans import Identity
from git_hybrid.scan.external import ExternalScanners, Job

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


@pytest.mark.parametrize(("number", "told"), [(signal.SIGSEGV, "SIGSEGV"), (37, "signal 37")])
def test_the_signal_that_ended_a_scanner_is_told(tmp_path: Path, number: int, told: str) -> None:
    scanners = ExternalScanners(lambda *_: -number, {}, tmp_path)
    found = scanners.run(SPEC, Identity(version="1", rules_digest=""), lambda _: [b"file"])
    assert found == Unusable(f"it was ended by {told}")
