from __future__ import annotations

from datetime import timedelta

import pytest

from git_hybrid.core.audit import Event, Line, Record, Segment, extend, tail_of
from git_hybrid.core.audit_verify import verify
from git_hybrid.core.files import LOG
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Lock
from git_hybrid.core.manifest import Manifest, Policy
from git_hybrid.core.override import Overrides
from git_hybrid.core.too_early import against_age
from git_hybrid.core.value import replace
from git_hybrid.core.values import format_time
from git_hybrid.core.witnesses import Witnesses
from support.values import NOW, OPERATOR, RUN, a_pin, an_override, oid

TOOL, HOUR, DAY, AGE = SourceName("tool"), timedelta(hours=1), timedelta(days=1), timedelta(days=7)
PIN = replace(a_pin(commit=oid(2)), first_seen=NOW - HOUR)
MOVED = Event(event="pin", source="tool", before=oid(1), after=oid(2))
BEGUN = replace(MOVED, before=None)
WEEK = b"7"


def witnesses(**more: object) -> Witnesses:
    told = {
        "manifest": Manifest(policy=Policy(min_release_age=AGE)),
        "lock": Lock(pins={TOOL: PIN}),
        "committed": frozenset(),
        "manifests": lambda line, _at: (WEEK,) if line is None else (WEEK, WEEK),
        "decode_policy": lambda text: Policy(min_release_age=timedelta(days=int(text))) if text.isdigit() else None,
    }
    return Witnesses(**(told | more))


def found(witness: Witnesses, *events: Event, later: timedelta = HOUR) -> list[tuple[str, str]]:
    made = extend(tail_of([]), events or (MOVED,), at=NOW, operator=OPERATOR, command_id=RUN, log_id="log")
    records: dict[str, Record] = {str(item["hash"]): item for item in made}
    lines = {digest: f"line{number}" for number, digest in enumerate(records)}
    return [(item.id, item.mend) for item in against_age(records, lines, witness, NOW + later)]


def test_a_move_that_the_committed_policy_does_not_allow_is_told() -> None:
    ((identity, mend),) = found(witnesses())
    assert identity == "too-young"
    back = f"git hybrid pin tool --to {oid(1)}; where that is refused, with --force"
    assert mend.startswith(f"wait until {format_time(NOW - HOUR + AGE)}, or go back: {back}")
    ((_, begun),) = found(witnesses(), BEGUN)
    assert "git hybrid" not in begun


def test_a_clock_that_was_ahead_makes_no_commit_older() -> None:
    # By the record's own time it is a week old.
    pin = replace(PIN, first_seen=NOW - AGE)
    assert found(witnesses(lock=Lock(pins={TOOL: pin})), later=-HOUR) == []
    ((_, mend),) = found(witnesses(lock=Lock(pins={TOOL: pin})), later=-2 * DAY)
    assert mend.startswith(f"wait until {format_time(NOW)}, or take back the commit that brought it")


@pytest.mark.parametrize(
    "witness",
    [
        witnesses(manifests=lambda _line, _at: (b"0",)),
        witnesses(manifests=lambda _line, _at: (WEEK, None)),
        witnesses(
            committed=frozenset({"line0"}),
            commit_of={"line0": "c"}.get,
            manifests=lambda _line, _at: (b"odd", b"odd"),
        ),
        witnesses(manifest=Manifest(policy=Policy(min_release_age=HOUR))),
        witnesses(manifest=Manifest()),
        witnesses(committed=None),
        witnesses(committed=frozenset({"line0"})),
        witnesses(committed=frozenset({"line0"}), commit_of={"another": "c"}.get),
        witnesses(
            committed=frozenset({"line0"}),
            commit_of={"line0": "c"}.get,
            manifests=lambda line, _at: {"line0": (WEEK, b"0")}[str(line)],
        ),
        # The first commit, or the last one that a shallow clone has.
        witnesses(committed=frozenset({"line0"}), commit_of={"line0": "c"}.get, manifests=lambda _line, _at: (WEEK,)),
        witnesses(lock=Lock(pins={TOOL: replace(PIN, first_seen=NOW - 8 * AGE)})),
    ],
)
def test_what_policy_allowed_or_nobody_can_judge_is_not(witness: Witnesses) -> None:
    assert found(witness) == []


def test_a_manifest_that_cannot_be_read_allows_nothing() -> None:
    assert len(found(witnesses(manifests=lambda _line, _at: (b"odd",)))) == 1
    assert len(found(witnesses(manifests=lambda _line, _at: (WEEK, b"odd")))) == 1


def test_what_is_old_enough_by_now_is_not_told() -> None:
    assert found(witnesses(), later=AGE) == []
    assert found(witnesses(), replace(MOVED, after=oid(3))) == []


def test_what_a_bundle_brought_was_first_seen_when_the_log_first_tells_of_it() -> None:
    brought, old = replace(MOVED, detail={"bundle": "x"}), Lock(pins={TOOL: replace(PIN, first_seen=NOW - 8 * AGE)})
    assert len(found(witnesses(), brought)) == len(found(witnesses(lock=old), brought)) == 1
    assert found(witnesses(lock=old), brought, later=AGE) == []


def test_a_committed_move_is_held_against_the_policy_of_then() -> None:
    asked: list[str | None] = []

    def manifests(line: str | None, _at: str) -> tuple[bytes, ...]:
        asked.append(line)
        return WEEK, WEEK

    told = found(witnesses(committed=frozenset({"line0"}), commit_of={"line0": "c"}.get, manifests=manifests))
    assert (len(told), asked) == (1, ["line0"])


def test_so_is_one_that_the_next_commit_brings_from_another_by_the_policy_there() -> None:
    assert len(found(witnesses(committed=frozenset({"line0"}), picked=frozenset({"line0"})))) == 1


@pytest.mark.parametrize(("lifts", "count"), [(("too-young",), 0), (("off-branch",), 1)])
def test_an_approval_lifts_it(lifts: tuple[str, ...], count: int) -> None:
    record = an_override(lifts=lifts, expires_at=NOW + AGE)
    lock = Lock(pins={TOOL: replace(PIN, override="ovr-1")})
    assert len(found(witnesses(lock=lock, overrides=Overrides(records={"ovr-1": record})))) == count


def test_verify_asks_it_of_a_log() -> None:
    made = extend(tail_of([]), [MOVED], at=NOW, operator=OPERATOR, command_id=RUN, log_id="log")
    lines = tuple(Line(number=1, size=1, sha256="line0", record=record, whole=True) for record in made)
    log = [Segment(file=LOG, lines=lines)]
    assert "too-young" in {item.id for item in verify(log, witnesses(), now=NOW + HOUR)}
    assert "too-young" not in {item.id for item in verify(log, witnesses())}
