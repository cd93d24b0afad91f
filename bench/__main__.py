"""Measure git hybrid beside its rivals: `python3 -m bench -h`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import table
from bench.corpus import LARGE, LATER, PROFILES, SMALL, Upstream, make_corpus
from bench.install import ROOT, install_hybrid
from bench.race import WORKLOADS, Entry, Race
from bench.sandbox import make_home
from bench.tools import Setting, Tool
from bench.tools_git import Submodule, Xargs
from bench.tools_hybrid import Hybrid

TOOLS: dict[str, type[Tool]] = {tool.name: tool for tool in (Hybrid, Xargs, Submodule)}
_MOST_ROUNDS = LATER // 2 - 1


def main(argv: Sequence[str] | None = None) -> int:
    """Race, print the tables, write the JSON; 1 if git hybrid itself failed at something."""
    options = _parser().parse_args(argv)
    folder = Path(options.dir)
    folder.mkdir(parents=True, exist_ok=True)
    say("installing git hybrid")
    bins = [install_hybrid(folder)]
    on, races = machine(), []
    failed = False
    for n in options.n:
        race = _race(options, folder, n, bins)
        failed |= any(tool == table.SELF for tool, _ in race.failures)
        races.append(as_json(race))
        show(race, options.tools, options.only)
    out = Path(options.output) if options.output else folder / "results.json"
    on["load_at_end"] = os.getloadavg()
    report = {"machine": on, "options": vars(options), "races": races}
    out.write_text(json.dumps(report, indent=2, default=str) + "\n", encoding="utf-8")
    say(f"written: {out}")
    return int(failed)


def _race(options: argparse.Namespace, folder: Path, n: int, bins: Sequence[Path]) -> Race:
    profile = PROFILES[options.profile] if options.profile else (LARGE if n <= 200 else SMALL)
    say(f"N={n}, {profile.name} upstreams, file://")
    corpus = make_corpus(folder / "upstreams", n, profile)
    work = folder / "work"
    if work.exists():
        shutil.rmtree(work)
    work.mkdir()
    env = make_home(work / "home", [*bins])
    setting = Setting(jobs=options.jobs, env=env, scratch=work)

    def url(upstream: Upstream) -> str:
        return (corpus.folder / f"{upstream.name}.git").as_uri()

    tools = [TOOLS[name](setting) for name in options.tools]
    race = Race(corpus, tools, transport="file", url=url, folder=work, keep_old=not _is_tmpfs(work), say=say)
    race.run(options.only, options.rounds)
    return race


def cells_of(entries: Sequence[Entry]) -> dict[tuple[str, str], dict[int, float]]:
    """Return the values of the tables; those of the memory workloads are peaks of the summed RSS, in MiB."""
    cells: dict[tuple[str, str], dict[int, float]] = {}
    for entry in entries:
        value = entry.sample.seconds if entry.sample.rss is None else entry.sample.rss
        cells.setdefault((entry.workload, entry.tool), {})[entry.round] = value
    return cells


def show(race: Race, tools: Sequence[str], only: Sequence[str]) -> None:
    """Print the tables of one race."""
    cells = cells_of(race.entries)
    gaps = dict.fromkeys(race.failures, "failed")
    print(f"\n{race.transport}, N={race.n}: median [lowest..highest] in seconds, x = times as long as git hybrid\n")
    workloads = [name for name in only if name != "mem"]
    print(table.markdown(table.rows(cells, tools, workloads, gaps)))
    if "mem" in only:
        print("\npeak of the summed RSS, MiB\n")
        print(table.markdown(table.rows(cells, tools, ["mem-cold", "mem-noop", "mem-status"], gaps)))
    print()
    print(table.markdown(table.verdict_rows(table.judge(cells))))
    for (tool, workload), reason in race.failures.items():
        print(f"\n{tool} failed at {workload}: {reason}")
    print(flush=True)


def as_json(race: Race) -> dict[str, object]:
    """Return one race for the JSON file."""
    return {
        "n": race.n,
        "transport": race.transport,
        "profile": race.corpus.profile.name,
        "entries": [{**entry._asdict(), "sample": entry.sample._asdict()} for entry in race.entries],
        "failures": [{"tool": t, "workload": w, "reason": r} for (t, w), r in race.failures.items()],
    }


def machine() -> dict[str, object]:
    """Return what the figures were taken on."""

    def ask(*argv: str) -> str:
        return subprocess.run(argv, capture_output=True, text=True, check=False, cwd=ROOT).stdout.strip()

    cpus = [line for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if "model name" in line]
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": cpus[0].partition(": ")[2] if cpus else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "git": ask("git", "version"),
        "commit": ask("git", "describe", "--always", "--dirty"),
        "load_at_start": os.getloadavg(),
    }


def say(text: str) -> None:
    """Tell how far the run is."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _is_tmpfs(path: Path) -> bool:
    found = subprocess.run(["stat", "-f", "-c", "%T", str(path)], capture_output=True, text=True, check=False)
    return found.stdout.strip() == "tmpfs"


def _names(known: Sequence[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        names = text.split(",")
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"{unknown[0]} is none of {', '.join(known)}")
        return names

    return parse


def _rounds(text: str) -> int:
    number = int(text)
    if not 1 <= number <= _MOST_ROUNDS:
        raise argparse.ArgumentTypeError(f"1 to {_MOST_ROUNDS}: upstreams can move no more often")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m bench", description=__doc__)
    default = "/dev/shm/git-hybrid-bench" if Path("/dev/shm").is_dir() else "bench-work"
    parser.add_argument("--dir", default=default, help="where upstreams and workspaces are made [%(default)s]")
    parser.add_argument(
        "-n", type=lambda text: [int(n) for n in text.split(",")], default=[100], help="how many sources"
    )
    parser.add_argument("-r", "--rounds", type=_rounds, default=5)
    parser.add_argument("-j", "--jobs", type=int, default=4)
    parser.add_argument("--only", type=_names([*WORKLOADS]), default=[*WORKLOADS], help="workloads, with commas")
    parser.add_argument("--tools", type=_names([*TOOLS]), default=[*TOOLS], help="tools, with commas")
    parser.add_argument(
        "--profile", choices=PROFILES, help="size of the upstreams [large up to 200 sources, then small]"
    )
    parser.add_argument("-o", "--output", help="where the JSON goes [DIR/results.json]")
    return parser


if __name__ == "__main__":
    sys.exit(main())
