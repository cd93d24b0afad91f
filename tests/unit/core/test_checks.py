"""What fails in a commit and holds on the disk is mended by staging it."""

from __future__ import annotations

from git_hybrid.core.checks import Violation, exit_code_of, failures, to_stage
from git_hybrid.core.value import replace

FAIL = Violation(file="state/sources.lock", entry="source.a", what="has no record", why="reason", mend="restore it")
WARN = replace(FAIL, entry="source.b", level="warn")
STAGE = "git add -- state/sources-overrides.json"


def test_only_what_holds_on_the_disk_is_mended_by_staging() -> None:
    other = replace(FAIL, what="was pinned from another manifest entry")
    found = to_stage({"overrides": (FAIL, other, WARN), "audit": (FAIL,)}, {"overrides": (other,)}, STAGE)
    assert [item.mend for item in found["overrides"]] == [STAGE, "restore it", "restore it"]
    assert [item.why for item in found["overrides"]][1:] == ["reason", "reason"]
    assert "staged" in found["overrides"][0].why
    assert [item.mend for item in found["audit"]] == [STAGE]


def test_nothing_is_forgiven() -> None:
    found = {"overrides": (FAIL, WARN)}
    assert failures(to_stage(found, {}, STAGE)) == failures(found) == 1
    assert exit_code_of(found) == 1
