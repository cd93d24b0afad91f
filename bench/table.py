"""Medians, spreads and ratios, as a table for people and as the section of a page."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

SELF: Final = "hybrid"


class Target(NamedTuple):
    """How long git hybrid may take at most, as a ratio to another tool in the same run."""

    workload: str
    rival: str
    ratio: float
    stretch: float | None = None
    rival_workload: str = ""


TARGETS: Final = (
    Target("cold", "xargs", 1.0),
    Target("cached", "xargs", 0.15, rival_workload="cold"),
    Target("noop", "submodule", 1.0, 0.5),
    Target("status", "xargs", 1.0, 0.5),
    Target("dirty", "xargs", 1.0, 0.5),
    Target("outdated", "xargs", 1.0, 0.3),
    Target("update1", "xargs", 1.0),
    Target("update1", "submodule", 1.0),
    Target("update10", "xargs", 1.0),
    Target("update10", "submodule", 1.0),
)
MANY: Final = 1000
OF_MANY: Final = (
    Target("noop", "xargs", 0.6, rival_workload="status"),
    Target("status", "xargs", 0.6),
)
"""What stands beside the others from so many sources on."""
Cells = Mapping[tuple[str, str], Mapping[int, float]]
"""By workload and tool: the value of each round."""


class Verdict(NamedTuple):
    """A target beside what was measured: the ratio of the medians, and the range of the ratios of single rounds."""

    target: Target
    ratio: float
    low: float
    high: float
    cpu: float | None = None

    @property
    def word(self) -> str:
        """`missed`, `held` or `stretch`."""
        if self.ratio > self.target.ratio:
            return "missed"
        stretch = self.target.stretch
        return "stretch" if stretch is not None and self.ratio <= stretch else "held"


def targets_for(n: int) -> tuple[Target, ...]:
    """Return the targets of a race of *n* sources."""
    return TARGETS if n < MANY else (*TARGETS, *OF_MANY)


def judge(cells: Cells, targets: Iterable[Target] = TARGETS, *, cpu: Cells | None = None) -> list[Verdict]:
    """Return a verdict for each of *targets* that both sides were measured for, with the ratio of *cpu* beside it."""
    verdicts = []
    for target in targets:
        own = cells.get((target.workload, SELF))
        other = cells.get((target.rival_workload or target.workload, target.rival))
        ratio = _ratio(cells, target)
        if own and other and ratio is not None:
            pairs = [own[number] / other[number] for number in own if number in other]
            work = _ratio(cpu or {}, target)
            verdicts.append(Verdict(target, ratio, min(pairs, default=ratio), max(pairs, default=ratio), work))
    return verdicts


def _ratio(cells: Cells, target: Target) -> float | None:
    own = cells.get((target.workload, SELF))
    other = cells.get((target.rival_workload or target.workload, target.rival))
    if not own or not other:
        return None
    return statistics.median(own.values()) / statistics.median(other.values())


def cell(values: Mapping[int, float], own: Mapping[int, float] | None) -> str:
    """Return median, spread and, beside git hybrid's own, how many times as long as git hybrid it took."""
    numbers = sorted(values.values())
    text = f"{_seconds(statistics.median(numbers))} [{_seconds(numbers[0])}..{_seconds(numbers[-1])}]"
    if own is None or own is values:
        return text
    return f"{text} x{statistics.median(numbers) / statistics.median(own.values()):.2f}"


def rows(cells: Cells, tools: Sequence[str], workloads: Sequence[str], gaps: Mapping[tuple[str, str], str]) -> Rows:
    """Return a head and a row a tool; *gaps* says what stands where nothing was measured."""
    table = [["tool", *workloads]]
    for tool in tools:
        row = [tool]
        for workload in workloads:
            values = cells.get((workload, tool))
            own = cells.get((workload, SELF))
            row.append(cell(values, own) if values else gaps.get((tool, workload), gaps.get((tool, "setup"), "-")))
        table.append(row)
    return table


Rows = list[list[str]]


def verdict_rows(verdicts: Sequence[Verdict]) -> Rows:
    """Return the table of the targets."""
    table = [["workload", "beside", "ratio", "single rounds", "cpu ratio", "target", "stretch", ""]]
    for found in verdicts:
        target = found.target
        rival = f"{target.rival} {target.rival_workload}".strip()
        stretch = "" if target.stretch is None else f"{target.stretch:g}"
        spread = f"{found.low:.2f}..{found.high:.2f}"
        work = "" if found.cpu is None else f"{found.cpu:.2f}"
        table.append(
            [target.workload, rival, f"{found.ratio:.2f}", spread, work, f"{target.ratio:g}", stretch, found.word]
        )
    return table


def markdown(table: Rows) -> str:
    """Return *table* with its columns in line, as Markdown, which people can read as it is."""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |" for row in table
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(line.rstrip() for line in lines)


def _seconds(value: float) -> str:
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"
