"""The lines of the audit log tell what a record says: the gist always, all of it when asked."""

from __future__ import annotations

import pytest

from git_hybrid.core.audit_archives import Breach
from git_hybrid.core.canonical import Json
from git_hybrid.core.checks import Violation
from git_hybrid.core.errors import MOST_PROBLEMS
from git_hybrid.view.audit import breach_lines, record_lines
from git_hybrid.view.findings import violation_lines
from git_hybrid.view.text import Look

FINDINGS = [{"id": f"{number:020x}", "level": "high"} for number in range(12)]


@pytest.mark.parametrize(
    ("event", "detail", "first", "shown"),
    [
        (
            "scan",
            {
                "scanners": [{"name": "own"}],
                "counts": {"high": 12, "low": 1000, "medium": 1},
                "findings": FINDINGS,
                "state": "findings",
            },
            "scan  tool 1111111111 1,013 findings (12 high, 1 medium, 1,000 low)  Ada",
            ["    state: findings", '    scanners: {"name": "own"}', "… (12 in all)"],
        ),
        (
            "mirror-add",
            {"mirror": "corp", "base_url": "file:///srv/mirror", "owner": "Infra\x1b", "log_seq": 6},
            "mirror-add  tool 1111111111 corp  Ada",
            ["    base_url: file:///srv/mirror", "    owner: Infra\\x1b", "    log_seq: 6"],
        ),
    ],
)
def test_all_of_a_record_is_told(event: str, detail: dict[str, Json], first: str, shown: list[str]) -> None:
    record = {"seq": 1, "at": "2026-07-20T12:00:00Z", "operator": "Ada", "command_id": "c", "event": event}
    record |= {"source": "tool", "after": "1" * 40, "detail": detail, "hash": "0" * 64}
    short, full = (record_lines([record], Look(color=False, columns=None, verbose=asked)) for asked in (False, True))
    assert short == [f"2026-07-20T12:00:00Z  {first}"]
    assert full[0] == short[0]
    for line in shown:
        assert line in "\n".join(full)


def test_of_many_that_are_alike_a_hundred_are_told() -> None:
    bad = [Breach(id="junk", file="log", line=number, what="is bad", proves="why") for number in range(1, 301)]
    lines = breach_lines([*bad, Breach(id="cut", file="log", line=0, what="is cut", proves="that")], color=False)
    assert lines[2 * MOST_PROBLEMS :] == ["  and 200 more: junk", "bad log: cut: is cut", "  proves: that"]
    found = [Violation(file="log", entry=f"{item.line}", what="is bad", why="why", mend="mend") for item in bad]
    assert violation_lines(found)[3 * MOST_PROBLEMS :] == ["  and 200 more that the same mends"]


def _blocked(number: int, **changes: str) -> Violation:
    told = {"why": "policy forbids it", "mend": f"git hybrid pin s{number} --to {number:040x}, or: git hybrid scan"}
    return Violation(file="state", entry=f"s{number}", what=f"has {number} findings", **(told | changes))


def test_what_is_wrong_with_many_entries_alike_is_told_of_three():
    found = [_blocked(number) for number in range(14)]
    lines = violation_lines(found, each="git hybrid check scans -v")
    assert len(lines) == 10
    assert lines[-1] == "  and 11 others alike: git hybrid check scans -v"
    assert len(violation_lines(found)) == 3 * 14
    assert len(violation_lines(found[:10], each="x")) == 3 * 10
    # What is wrong in another way stays.
    others = [_blocked(20, mend="git hybrid sync"), _blocked(21, why="it is old")]
    assert len(violation_lines([*found, *others], each="x")) == 10 + 2 * 3
    # Where the same command mends all of them, that is said.
    same = [_blocked(number, mend="git hybrid sync") for number in range(14)]
    assert violation_lines(same, most=3, each="x")[-1] == "  and 11 more that the same mends"
