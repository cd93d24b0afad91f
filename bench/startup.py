"""How long programs take to start: the help of git hybrid, two of its hooks, the peers' help, and Python itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bench.measure import Sample, Step, ToolFailed, run_steps

FLOOR: Final = "python -c pass"
_OWN: Final = {
    "git hybrid -h": ("git", "hybrid", "-h"),
    "hook metadata": ("git-hybrid-hook-metadata",),
    "hook check": ("git-hybrid-hook-check",),
}
_PEERS: Final = {
    "repo --version": ("repo", "--version"),
    "west -h": ("west", "-h"),
    "tsrc -h": ("tsrc", "-h"),
    "vcs import -h": ("vcs", "import", "-h"),
    "gita -h": ("gita", "-h"),
}
_REPEATS = 5


def commands(python: Path, tools: Sequence[str], repo_tool: str = "") -> dict[str, tuple[str, ...]]:
    """Return the commands to start by their labels; *python* is the interpreter that git hybrid runs on."""
    own = _OWN if "hybrid" in tools else {}
    peers = {label: argv for label, argv in _PEERS.items() if label.split(" ")[0].replace("vcs", "vcs2l") in tools}
    if repo_tool and "repo" in tools:
        peers["repo --version"] = (str(Path(repo_tool) / "repo"), "--version")
    return {FLOOR: (str(python), "-c", "pass"), **own, **peers}


def measure(
    starts: Mapping[str, tuple[str, ...]], ws: Path, env: Mapping[str, str], log: Path, number: int
) -> tuple[list[tuple[str, int, Sample]], dict[str, str]]:
    """Start everything a few times in turn in *ws*; return labels, rounds and samples, and what failed."""
    samples, failures = [], {}
    for repeat in range(_REPEATS):
        for label, argv in starts.items():
            if label not in failures:
                try:
                    sample = run_steps([Step(argv, ws)], env, log)
                except ToolFailed as error:
                    failures[label] = str(error)
                else:
                    samples.append((label, number * _REPEATS + repeat, sample))
    return samples, failures
