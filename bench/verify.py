"""Look with git whether the clones of a tool are what the workload asks for, so that no tool wins by doing less."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.tools import Pin

_LOOKERS = 2


def wrong_clones(folder: Path, pins: Sequence[Pin], env: Mapping[str, str]) -> list[str]:
    """Return what is wrong with the clones below *folder*: one that is missing, not at its pin, or not clean."""
    with ThreadPoolExecutor(_LOOKERS) as pool:
        found = pool.map(lambda pin: _wrong(folder / pin.name, pin, env), pins)
        return [f"{pin.name}: {fault}" for pin, fault in zip(pins, found, strict=True) if fault]


def _wrong(clone: Path, pin: Pin, env: Mapping[str, str]) -> str:
    if not (clone / ".git").exists():
        return "no clone"
    # Without optional locks the look leaves the index as the tool left it.
    looking = {**env, "GIT_OPTIONAL_LOCKS": "0"}
    head = _git(clone, looking, "rev-parse", "HEAD")
    if head != pin.commit:
        return f"at {head or 'nothing'}, not at {pin.commit}"
    dirt = _git(clone, looking, "status", "--porcelain")
    return f"not clean: {dirt[:200]}" if dirt else ""


def _git(clone: Path, env: Mapping[str, str], *args: str) -> str:
    done = subprocess.run(["git", "-C", str(clone), *args], env=dict(env), capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else f"git failed: {done.stderr.strip()[:200]}"
