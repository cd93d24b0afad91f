"""Which forced pins went past what their override does not lift, and that what pin writes is never told."""

from __future__ import annotations

from git_hybrid.core.audit import Event, Record, extend, tail_of
from git_hybrid.core.audit_overrides import borne_out
from git_hybrid.core.unlifted import unlifted
from support.values import NOW, OPERATOR, oid

Log = tuple[Record, ...]
URL = "https://example.org/tool"


def grown(records: Log, *events: Event, run: str = "") -> Log:
    """Return *records* with *events*, of a run of their own."""
    who = {"operator": OPERATOR, "command_id": run or f"run-{len(records)}", "log_id": "log"}
    return (*records, *extend(tail_of(records), events, at=NOW, **who))


def to(number: int, ref: str = "refs/tags/v2", *, roots: int = 7, **detail: object) -> Event:
    key = "branch" if ref.startswith("refs/heads/") else "tag"
    told = {"url": URL, "ref": ref, key: "x", "root_commits": [oid(roots)] if roots else None, **detail}
    return Event(event="pin", source="tool", after=oid(number), detail={k: v for k, v in told.items() if v is not None})


def forced(records: Log, number: int, ref: str = "refs/tags/v2", *lifts: str, roots: int = 7, **detail: object) -> Log:
    name = f"ovr-{len(records)}"
    made = {"override": name, "override_sha256": "0" * 64, "kind": "pin", "lifts": list(lifts)}
    override = Event(event="override", source="tool", after=oid(number), detail=made)
    return grown(records, to(number, ref, roots=roots, rests_on=name, **detail), override)


def told(records: Log, *names: str) -> list[str]:
    found = unlifted({str(record["hash"]): record for record in records}, names or ("tool",))
    return [f"{item.code} {item.record['after'][-1]} {' '.join(one[-1] for one in item.before)}" for item in found]


ADDED = grown((), Event(event="add", source="tool"))
THREE = grown(ADDED, to(3, "refs/tags/v3"))
V1, V2, V3, MAIN = "refs/tags/v1", "refs/tags/v2", "refs/tags/v3", "refs/heads/main"


def test_an_older_version_takes_an_override_that_lets_it_lie_aside() -> None:
    assert told(forced(THREE, 1, V1)) == told(forced(THREE, 1, V1, "too-young", "moved-tag")) == ["rollback 1 3"]
    for lifts in ("rollback", "off-branch", "unreachable"):
        assert told(forced(THREE, 1, V1, lifts)) == []
    # What needed no force lifts nothing; nor does what has the other one in its history.
    assert told(forced(THREE, 4, "refs/tags/v4")) == told(forced(THREE, 1, V1, descends=True)) == []
    assert told(forced(THREE, 3, V3)) == told(forced(ADDED, 1, V1)) == []
    # Nothing is told of another source, of what stood elsewhere, or before it began anew.
    assert told(forced(THREE, 1, V1), "other") == []
    assert told(forced(THREE, 1, V1, url="https://example.org/fork")) == []
    assert told(grown(forced(THREE, 1, V1), Event(event="remove", source="tool"))) == []
    assert told(grown(forced(THREE, 1, V1), to(4, "refs/tags/v4"))) == ["rollback 1 3"]


def test_a_branch_or_a_tag_at_another_commit_takes_one_too() -> None:
    back = grown(ADDED, to(1, MAIN), to(2, MAIN))
    assert told(forced(back, 1, MAIN)) == told(forced(back, 1, MAIN, "moved-tag")) == ["rollback 1 2"]
    assert told(forced(back, 1, MAIN, "rewritten-history")) == told(forced(back, 4, MAIN)) == []
    assert told(forced(THREE, 4, V3)) == ["moved-tag 4 3"]
    assert told(forced(THREE, 4, V3, "moved-tag")) == told(forced(THREE, 4, V3, "off-branch")) == []
    # Where the tag had been there before upstream may have put it right.
    right = forced(forced(THREE, 4, V3, "moved-tag"), 3, V3)
    assert told(right) == []


def test_another_repository_takes_its_own() -> None:
    assert told(forced(THREE, 4, "refs/tags/v4", roots=8)) == ["identity-changed 4 3"]
    assert told(forced(THREE, 4, "refs/tags/v4", "off-branch", "rollback", roots=8)) == ["identity-changed 4 3"]
    assert told(forced(THREE, 4, "refs/tags/v4", "identity-changed", roots=8)) == []
    # Where a version told no roots nobody knows whether it was one.
    assert told(forced(THREE, 1, V1, "identity-changed", roots=0)) == []
    assert told(forced(THREE, 1, V1, roots=0)) == ["rollback 1 3"]


def test_what_follows_a_forced_pin_is_judged_from_what_that_came_from() -> None:
    one = forced(THREE, 1, V1, "rollback")
    # What goes on from there lifts that too; what speaks against it is written down alone.
    assert told(forced(one, 2, V2)) == ["rollback 2 3"]
    assert told(forced(one, 2, V2, "rollback")) == told(forced(one, 2, V2, "too-young")) == []
    assert told(forced(forced(THREE, 2, V2, "rollback"), 1, V1, "too-young")) == ["rollback 1 2 3"]
    # Of an override that nobody knows, as of a run that only goes on with one, nothing is asked.
    assert told(grown(THREE, to(2, V2, rests_on="ovr-0"))) == []
    assert told(forced(grown(THREE, to(2, V2, rests_on="ovr-0")), 1, V1)) == []


def test_of_branches_that_met_one_side_that_allows_it_is_enough() -> None:
    one = grown(ADDED, to(1, V1))
    three = grown(one, to(3, V3))
    met = (*three, grown(one, to(2, "refs/tags/v2"), run="other")[-1])
    assert told(forced(met, 2, V2)) == []
    assert told(forced(met, 0, "refs/tags/v0")) == ["rollback 0 2 3"]


def test_the_log_tells_it_of_pins_that_stand() -> None:
    log = {str(record["hash"]): record for record in forced(THREE, 1, V1)}
    told, named = borne_out(log, {"tool"})
    (breach,) = (item for item in told if "lift" in item.what)
    assert breach.what.endswith(
        f" has tool at {oid(1)[:12]}, and it was at {oid(3)[:12]}: ovr-2 does not lift rollback"
    )
    assert breach.mend == "git hybrid remove tool, then git hybrid add"
    assert (named, [item for item in borne_out(log, {"other"})[0] if "lift" in item.what]) == (log, [])
    part = dict(list(log.items())[1:])
    assert [item for item in borne_out(part, {"tool"})[0] if "lift" in item.what] == []
