"""Prove that the measured git hybrid had nothing turned off: one more cold sync, under strace, that is not timed."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench.tools import Pin
from bench.tools_hybrid import Hybrid

_SOURCES = 5
_CALLS = "execve,fsync,fdatasync,sync,syncfs,openat,rename,renameat,renameat2"
_FSCK = re.compile(r'execve\([^\n]*("index-pack"[^\n]*"--(strict|fsck-objects)|"fsck")')
_SYNC = re.compile(r"\b(fsync|fdatasync|sync|syncfs)\(")
_WRITTEN = {
    "journal": re.compile(r'openat\([^\n]*state/journal/[^"]+\.jsonl", [^\n)]*O_(WRONLY|RDWR|APPEND)'),
    "state": re.compile(r'rename(at2?)?\([^\n]*"[^"]*state/sources\.json"'),
    "audit": re.compile(r'openat\([^\n]*sources-audit\.jsonl", [^\n)]*O_(WRONLY|RDWR|APPEND)'),
}


def prove(hybrid: Hybrid, folder: Path, pins: Sequence[Pin]) -> dict[str, object]:
    """Sync a few sources from nothing and return how often fsck and syncs to disk were seen, and what was written.

    `missing` lists what should have been seen and was not.
    """
    if shutil.which("strace") is None:
        return {"missing": ["strace is not installed: nothing was proved"]}
    ws, trace = folder / "proof", folder / "proof.strace"
    hybrid.prepare(ws, pins)
    names = [pin.name for pin in pins[:_SOURCES]]
    (step,) = hybrid.cold(ws)
    tracing = ("strace", "-f", "-qq", "-v", "-s", "512", "-e", f"trace={_CALLS}", "-o", str(trace))
    env = {**hybrid.setting.env, **step.env}
    subprocess.run([*tracing, *step.argv, *names], cwd=ws, env=env, check=True, capture_output=True)
    return read_trace(trace.read_text(encoding="utf-8", errors="replace"), sources=len(names))


def read_trace(text: str, *, sources: int) -> dict[str, object]:
    """Return what the system calls of a cold sync of *sources* sources say."""
    seen: dict[str, object] = {"sources": sources}
    seen["fsck"] = fsck = len(_FSCK.findall(text))
    seen["syncs"] = syncs = len(_SYNC.findall(text))
    missing = [] if fsck >= sources else [f"fsck: {fsck} times for {sources} sources"]
    # The files of each source, the journal, the audit log and the state come to more than two each.
    missing += [] if syncs >= 2 * sources else [f"fsync: {syncs} times for {sources} sources"]
    for what, pattern in _WRITTEN.items():
        seen[what] = found = bool(pattern.search(text))
        missing += [] if found else [f"{what}: never written"]
    return {**seen, "missing": missing}
