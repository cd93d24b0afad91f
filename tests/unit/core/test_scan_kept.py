"""What an incomplete scan keeps of an earlier one of the same files."""

from __future__ import annotations

import pytest

from git_hybrid.core.manifest import Scanner
from git_hybrid.core.scan_kept import kept
from git_hybrid.core.scans import KEPT_FINDINGS, Finding
from git_hybrid.core.state import ScanState, ScanStatus
from git_hybrid.core.value import replace
from support.scan_values import SECRETS, WORKFLOWS, a_finding, a_record, a_scan

RENAMED = Scanner(name="renamed", preset="betterleaks")
Told = dict[Scanner, tuple[ScanState, int]]
"""For each scanner how it ended and how many findings it has, each of a name that no other scanner has."""


def scan(told: Told) -> ScanStatus:
    found: list[Finding] = []
    for at, (scanner, (_, count)) in enumerate(told.items()):
        found += [a_finding(1000 * at + number, scanner=scanner.name) for number in range(count)]
    return a_scan(*(a_record(scanner, state=state) for scanner, (state, _) in told.items()), findings=tuple(found))


@pytest.mark.parametrize(
    ("known", "made", "high"),
    [
        ({SECRETS: ("findings", 2)}, {SECRETS: ("error", 0)}, 2),
        ({SECRETS: ("error", 2)}, {SECRETS: ("error", 0)}, 2),
        ({SECRETS: ("findings", 2)}, {SECRETS: ("clean", 0)}, 0),
        ({SECRETS: ("findings", 2)}, {RENAMED: ("error", 0)}, 2),
        ({SECRETS: ("findings", 2), WORKFLOWS: ("findings", 3)}, {SECRETS: ("clean", 0), WORKFLOWS: ("error", 0)}, 3),
        ({SECRETS: ("findings", 2), WORKFLOWS: ("clean", 0)}, {SECRETS: ("findings", 2), WORKFLOWS: ("error", 0)}, 2),
        # What is not named may be of either.
        ({SECRETS: ("findings", 150)}, {SECRETS: ("error", 0)}, 150),
        (
            {SECRETS: ("findings", 150), WORKFLOWS: ("findings", 5)},
            {SECRETS: ("findings", 150), WORKFLOWS: ("error", 0)},
            155,
        ),
        (
            {SECRETS: ("findings", 150), WORKFLOWS: ("findings", 5)},
            {SECRETS: ("findings", 60), WORKFLOWS: ("error", 0)},
            120,
        ),
    ],
)
def test_what_no_scanner_that_came_to_its_end_looked_at_again_stays(known: Told, made: Told, high: int) -> None:
    before, after = scan(known), scan(made)
    result = kept(after, before)
    assert result.counts == {"high": high, "medium": 0, "low": 0}
    assert len(result.findings) <= min(high, KEPT_FINDINGS)
    assert replace(result, counts=after.counts, findings=after.findings) == after
    # Another one that fails in the same way adds nothing to it.
    assert kept(after, result).counts == result.counts


def test_where_nobody_tells_who_found_it_each_scanner_that_was_not_clean_may_have() -> None:
    made = scan({SECRETS: ("clean", 0), WORKFLOWS: ("error", 0)})

    def left(told: Told, *, named: bool = True) -> int:
        known = scan(told)
        refs = tuple(replace(item, scanner="") for item in known.findings)
        known = replace(known, findings=refs) if named else replace(known, findings=refs, scanners=())
        return len(kept(made, known).findings)

    assert left({SECRETS: ("findings", 2), WORKFLOWS: ("clean", 0)}) == 0
    assert left({SECRETS: ("findings", 2), WORKFLOWS: ("error", 0)}) == 2
    assert left({SECRETS: ("findings", 2)}, named=False) == 2


def test_findings_without_counts_are_one_at_least() -> None:
    made = scan({SECRETS: ("error", 0)})
    assert kept(made, None) == made
    assert kept(made, ScanStatus()) == made
    bare = ScanStatus(state="findings")
    assert kept(made, bare).counts == {"high": 1, "medium": 0, "low": 0}
    assert kept(replace(made, counts=None), bare).counts == {"high": 1, "medium": 0, "low": 0}


def test_the_worst_are_named_first() -> None:
    known = a_scan(findings=(a_finding(1, level="low"), a_finding(2)))
    made = a_scan(
        a_record(state="error"),
        a_record(WORKFLOWS, state="findings"),
        findings=(a_finding(3, level="medium", scanner="workflows"),),
    )
    assert [item.level for item in kept(made, known).findings] == ["high", "medium", "low"]
