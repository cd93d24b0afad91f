"""Tables from the JSON of a run; `python3 -m bench.report FILE...` writes them into the results of README.md."""

from __future__ import annotations

import itertools
import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench import startup, table

_README = Path(__file__).parent / "README.md"
_BEGIN: Final = "<!-- results: made by python3 -m bench.report -->\n"
_END: Final = "<!-- end of results -->\n"
_MEMORY = ("mem-cold", "mem-noop", "mem-status")


def cells_of(race: Mapping[str, Any], what: str) -> dict[tuple[str, str], dict[int, float]]:
    """Return *what* (seconds, cpu, rss or pss) by workload and tool, then by round."""
    cells: dict[tuple[str, str], dict[int, float]] = {}
    for entry in race["entries"]:
        if entry["sample"][what] is not None:
            cells.setdefault((entry["workload"], entry["tool"]), {})[entry["round"]] = entry["sample"][what]
    return cells


def race_text(race: Mapping[str, Any]) -> str:
    """Return the tables of one race: times, the targets, memory, start-up, and why something is missing."""
    cells = cells_of(race, "seconds")
    gaps = {(item["tool"], item["workload"]): "failed" for item in race["failures"]}
    workloads = [name for name in race["workloads"] if name not in ("mem", "startup")]
    where = f"{race['transport']}, N = {race['n']} ({race['profile']}), -j {race['jobs']}, {race['rounds']} rounds"
    parts = [f"### {where}"]
    if workloads:
        parts.append("Median [lowest..highest] in seconds; x: times as long as git hybrid.")
        parts.append(table.markdown(table.rows(cells, race["tools"], workloads, gaps)))
        verdicts = table.judge(cells, table.targets_for(race["n"]), cpu=cells_of(race, "cpu"))
        parts += [table.markdown(table.verdict_rows(verdicts))] if verdicts else []
    if "mem" in race["workloads"]:
        parts.append(
            "Peak of the summed RSS of the process tree, MiB (target: 60 at N = 100, 150 at 1000); then of "
            "the PSS, which counts shared pages once."
        )
        parts += [
            table.markdown(table.rows(cells_of(race, what), race["tools"], _MEMORY, gaps)) for what in ("rss", "pss")
        ]
    starts = {tool: values for (workload, tool), values in cells.items() if workload == "startup"}
    parts += [_startup_table(starts)] if starts else []
    if proof := race.get("proof"):
        parts.append(_proof_text(proof))
    parts += [f"{item['tool']} has no {item['workload']}: {_short(item['reason'])}" for item in race["failures"]]
    return "\n\n".join(parts)


def machine_text(on: Mapping[str, Any]) -> str:
    """Return the line that says where and when the figures were taken."""
    load = " to ".join(f"{on[key][0]:.1f}" for key in ("load_at_start", "load_at_end"))
    return (
        f"Taken on {on['date'][:10]}: {on['cpu']}, {on['cores']} cores, Linux {on['kernel']}, Python {on['python']}, "
        f"{on['git']}, workspaces on {on['filesystem']}, load {load}; git hybrid at {on['commit']}."
    )


def page(reports: Sequence[Mapping[str, Any]]) -> str:
    """Return the results section of README.md."""
    parts = []
    for report in reports:
        parts.append(machine_text(report["machine"]))
        parts += [race_text(race) for race in report["races"]]
        parts += [text] if (text := growth_text(report["races"])) else []
    return "\n\n".join(parts) + "\n"


def main(paths: Sequence[str]) -> int:
    """Put the tables of the JSON files at *paths* into README.md."""
    reports = [json.loads(Path(path).read_text(encoding="utf-8")) for path in paths]
    text = _README.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    _README.write_text(f"{before}{_BEGIN}\n{page(reports)}\n{_END}{after}", encoding="utf-8")
    return 0


def growth_text(races: Sequence[Mapping[str, Any]]) -> str:
    """Return how git hybrid's times grow where two races differ tenfold in N and in nothing else."""
    lines = []
    for few, many in itertools.permutations(races, 2):
        alike = all(few[key] == many[key] for key in ("transport", "profile", "jobs"))
        if alike and many["n"] == 10 * few["n"]:
            small, large = cells_of(few, "seconds"), cells_of(many, "seconds")
            for name in ("noop", "status"):
                own = (name, table.SELF)
                if own in small and own in large:
                    times = statistics.median(large[own].values()) / statistics.median(small[own].values())
                    lines.append(f"{name} from {few['n']} to {many['n']} sources: x{times:.1f} (target 10.5)")
    return "\n".join(lines)


def _startup_table(starts: Mapping[str, Mapping[int, float]]) -> str:
    floor = statistics.median(starts[startup.FLOOR].values())
    rows = [["start of", "ms", f"x {startup.FLOOR} (target 6)"]]
    for label, values in starts.items():
        middle = statistics.median(values.values())
        rows.append([label, f"{1000 * middle:.0f}", f"{middle / floor:.1f}"])
    return table.markdown(rows)


def _proof_text(proof: Mapping[str, Any]) -> str:
    if proof["missing"]:
        return f"Not everything was on: {'; '.join(proof['missing'])}."
    return (
        f"Seen in one more cold sync of {proof['sources']} sources, under strace: {proof['fsck']} times git's fsck, "
        f"{proof['syncs']} syncs to disk, the journal, the state and the audit log written."
    )


def _short(reason: str) -> str:
    return " ".join(reason.split())[:300]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
