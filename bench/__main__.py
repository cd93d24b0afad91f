"""Measure git hybrid beside its rivals in one run: `python3 -m bench -h`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import report, table
from bench.corpus import LARGE, LATER, PROFILES, SMALL, Corpus, Upstream, make_corpus
from bench.install import PROGRAM, ROOT, install_hybrid, install_peers
from bench.race import WORKLOADS, Race
from bench.sandbox import make_home
from bench.server import Site
from bench.tools import Setting, Tool
from bench.tools_git import Submodule, Xargs
from bench.tools_hybrid import Hybrid
from bench.tools_peers import Gita, MyRepos, Repo, Tsrc, Vcs2l, West

TOOLS: dict[str, type[Tool]] = {
    tool.name: tool for tool in (Hybrid, Xargs, Submodule, Repo, West, Tsrc, Vcs2l, MyRepos, Gita)
}
_WITHOUT_PEERS = {"hybrid", "xargs", "submodule"}
_MOST_ROUNDS = LATER // 2 - 1


def main(argv: Sequence[str] | None = None) -> int:
    """Race, print the tables, write the JSON; 1 if git hybrid itself failed at something."""
    options = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    folder = Path(options.dir)
    folder.mkdir(parents=True, exist_ok=True)
    bins = _install(folder, options.tools)
    on = {**machine(), "filesystem": _filesystem(folder)}
    races: list[dict[str, Any]] = []
    for transport in options.transport:
        for n in options.n:
            races.append(_race(options, folder, n, transport, bins))
            print(f"\n{report.race_text(races[-1])}\n", flush=True)
    on["load_at_end"] = os.getloadavg()
    out = Path(options.output) if options.output else folder / "results.json"
    facts = {"machine": on, "options": vars(options), "races": races}
    out.write_text(json.dumps(facts, indent=1, default=str) + "\n", encoding="utf-8")
    print(report.growth_text(races))
    print(report.machine_text(on))
    say(f"written: {out}")
    return int(any(item["tool"] == table.SELF for race in races for item in race["failures"]))


def _install(folder: Path, tools: Sequence[str]) -> list[Path]:
    say("installing git hybrid")
    bins = [install_hybrid(folder)]
    if set(tools) - _WITHOUT_PEERS:
        say("installing the peers")
        try:
            bins.append(install_peers(folder))
        except subprocess.CalledProcessError as error:
            # Each of them is then named as missing in the tables.
            say(f"  {error}")
    return bins


def _race(options: argparse.Namespace, folder: Path, n: int, transport: str, bins: Sequence[Path]) -> dict[str, Any]:
    profile = PROFILES[options.profile] if options.profile else (LARGE if n <= 200 else SMALL)
    say(f"{transport}, N={n}, {profile.name} upstreams")
    corpus = make_corpus(folder / "upstreams", n, profile)
    work = folder / "work"
    if work.exists():
        old = folder / f"old-{time.time_ns()}"
        work.rename(old)
        # What an interrupted run left may still be written to.
        shutil.rmtree(old, ignore_errors=True)
    work.mkdir()
    env = make_home(work / "home", [*bins])
    setting = Setting(jobs=options.jobs, env=env, scratch=work, repo_tool=options.repo_tool)
    tools = [TOOLS[name](setting) for name in options.tools]
    with _served(corpus, transport, options.latency, work) as url:
        race = Race(
            corpus,
            tools,
            transport=transport,
            url=url,
            folder=work,
            python=bins[0] / "python",
            keep_old=_filesystem(work) != "tmpfs",
            say=say,
        )
        race.run(options.only, options.rounds)
        proof = race.proof()
    if proof and proof["missing"]:
        race.failures[table.SELF, "proof"] = f"not seen: {proof['missing']}"
    return {
        "n": n,
        "transport": f"https + {options.latency * 1000:g} ms" if transport == "https" else "file://",
        "profile": profile.name,
        "workloads": options.only,
        "tools": options.tools,
        "jobs": options.jobs,
        "rounds": options.rounds,
        "proof": proof,
        "entries": [{**entry._asdict(), "sample": entry.sample._asdict()} for entry in race.entries],
        "failures": [{"tool": t, "workload": w, "reason": r} for (t, w), r in race.failures.items()],
    }


@contextmanager
def _served(corpus: Corpus, transport: str, latency: float, work: Path) -> Iterator[Callable[[Upstream], str]]:
    if transport == "file":
        yield lambda upstream: (corpus.folder / f"{upstream.name}.git").as_uri()
        return
    with Site(corpus.folder, work / "site", round_trip=latency) as site:
        with (work / "home" / ".gitconfig").open("a", encoding="utf-8") as config:
            config.write(f"[http]\n\tsslCAInfo = {site.ca}\n")
        yield lambda upstream: f"{site.base_url}/{upstream.name}.git"


def machine() -> dict[str, Any]:
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
        "commit": ask("git", "log", "-1", "--format=%h", "--", *PROGRAM)
        + (" with changes" if ask("git", "status", "--porcelain", "--", *PROGRAM) else ""),
        "load_at_start": os.getloadavg(),
    }


def say(text: str) -> None:
    """Tell how far the run is."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _filesystem(path: Path) -> str:
    found = subprocess.run(["stat", "-f", "-c", "%T", str(path)], capture_output=True, text=True, check=False)
    return found.stdout.strip()


def _names(known: Sequence[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        names = text.split(",")
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"{unknown[0]} is none of {', '.join(known)}")
        return names

    return parse


def _numbers(text: str) -> list[int]:
    return [int(n) for n in text.split(",")]


def _rounds(text: str) -> int:
    number = int(text)
    if not 1 <= number <= _MOST_ROUNDS:
        raise argparse.ArgumentTypeError(f"1 to {_MOST_ROUNDS}: upstreams can move no more often")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m bench", description=__doc__)
    default = "/dev/shm/git-hybrid-bench" if Path("/dev/shm").is_dir() else "bench-work"
    add = parser.add_argument
    add("--dir", default=default, help="where upstreams and workspaces are made [%(default)s]")
    add("-n", type=_numbers, default=[100], help="how many sources, with commas for several races [100]")
    add("-r", "--rounds", type=_rounds, default=5, help="[%(default)s]")
    add("-j", "--jobs", type=int, default=4, help="[%(default)s]")
    add("--only", type=_names([*WORKLOADS]), default=[*WORKLOADS], help=f"of {','.join(WORKLOADS)} [all]")
    add("--tools", type=_names([*TOOLS]), default=[*TOOLS], help=f"of {','.join(TOOLS)} [all]")
    add("--transport", type=_names(["file", "https"]), default=["file"], help="file, https, or both [file]")
    add("--latency", type=float, default=0.03, metavar="SECONDS", help="added round trip of https [%(default)s]")
    add("--profile", choices=PROFILES, help="size of the upstreams [large up to 200 sources, then small]")
    add("--repo-tool", default="", metavar="DIR", help="a clone of git-repo, for the tool repo")
    add("-o", "--output", help="where the JSON goes [DIR/results.json]")
    return parser


if __name__ == "__main__":
    sys.exit(main())
