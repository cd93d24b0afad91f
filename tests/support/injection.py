"""Faults from outside: a system call of the tool or of its git children fails or kills, by strace; no seam in the product."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from git_hybrid.core.audit import record_hash
from support.cli import executable, merged_env

WRITING = ("openat", "write", "fsync", "rename", "unlink", "mkdir", "rmdir", "link", "ftruncate")
_TIMEOUT = 120


@dataclass(frozen=True, slots=True)
class Fault:
    """What is done to the call number *when* of *call*: ``signal=KILL`` or ``error=ENOSPC`` and the like."""

    call: str
    what: str
    when: int

    def __str__(self) -> str:
        """Return the fault as a test's name."""
        return f"{self.call}-{self.what.partition('=')[2]}-{self.when}"


def run_injected(fault: Fault, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> int:
    """Run ``git-hybrid`` with *fault* in every process of it and return its exit status (negative: a signal)."""
    inject = f"inject={fault.call}:{fault.what}:when={fault.when}"
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={fault.call}", "-e", inject]
    done = subprocess.run(
        [*command, str(executable()), *arguments],
        cwd=cwd,
        env=merged_env(env),
        capture_output=True,
        timeout=_TIMEOUT,
        check=False,
    )
    assert b"Traceback" not in done.stderr + done.stdout, done.stderr.decode()
    return done.returncode


def restored(pristine: Path, workspace: Path) -> Path:
    """Return *workspace* as a fresh copy of *pristine*."""
    if workspace.exists():
        shutil.rmtree(workspace)
    shutil.copytree(pristine, workspace, symlinks=True)
    return workspace


def readable(workspace: Path) -> None:
    """Fail unless every state file is whole: the old or the new version, never a mix."""
    state = workspace / "state"
    for name in ("sources.json", "resume.json"):
        if (state / name).exists():
            json.loads((state / name).read_text())
    tomllib.loads((workspace / "sources.toml").read_text())
    if (state / "sources.lock").exists():
        tomllib.loads((state / "sources.lock").read_text())


def audit(workspace: Path) -> list[dict[str, Any]]:
    """Return the audit records; fail if one is changed, or names a record that is not there."""
    records: list[dict[str, Any]] = []
    declared: set[str] = set()
    for line in (workspace / "state/sources-audit.jsonl").read_bytes().split(b"\n"):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        assert record["hash"] == record_hash(record)
        declared.update(item["sha256"] for item in record.get("torn", ()))
        records.append(record)
    known = {record["hash"] for record in records}
    assert all(set(record["prev"]) <= known for record in records)
    return records


def tidy(workspace: Path) -> None:
    """Fail if a finished run left anything behind."""
    left = [path for path in workspace.rglob("*.tmp") if ".git" not in path.parts]
    left += list((workspace / "state").glob("journal*"))
    left += [path for name in ("state/resume.json", "sources/.incoming") if (path := workspace / name).exists()]
    left += list((workspace / "sources").rglob("tmp_pack_*")) + list((workspace / "sources").rglob("index.lock"))
    assert left == []
