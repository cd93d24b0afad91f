"""Pins behind where a commit had them whose place another one takes."""

from __future__ import annotations

import pytest

from git_hybrid.core.audit import Event
from git_hybrid.core.ids import tag_ref
from git_hybrid.core.lock import Lock
from git_hybrid.core.lock_moves import Moves, against_moves
from support.values import a_pin, oid
from unit.core.test_lock_moves import TOOL, grown, pinned

LOG = grown((), pinned(1), pinned(2))
BACK = Event(event="pin", source="tool", before=oid(2), after=oid(1), detail={"rests_on": "ovr-1"})


def told(*, stands: int, before: int | None, log: tuple[dict[str, object], ...], version: str = "v2") -> str:
    pin = a_pin(commit=oid(stands), ref=tag_ref("v1"))
    former = None if before is None else Lock(pins={TOOL: a_pin(commit=oid(before), ref=tag_ref(version))})
    by_hash = {str(record["hash"]): record for record in log}
    moves = Moves(
        lock=Lock(pins={TOOL: pin}),
        before=(),
        lines={digest: digest for digest in by_hash},
        past=None,
        decode=lambda _text: former,
        signed=False,
        replaced={"c" * 40: (b"text", tuple(by_hash))},
    )
    return " ".join(breach.what for breach in against_moves(by_hash, moves))


def test_a_pin_whose_move_was_dropped_and_not_its_record_is_told() -> None:
    assert "was put back to 0000000000 from where cccccccccccc had it" in told(stands=1, before=2, log=LOG).replace(
        oid(1)[:12], "0000000000"
    )


@pytest.mark.parametrize(
    ("before", "log", "version"),
    [
        (1, LOG, "v1"),
        (None, LOG, "v2"),
        # It went on from there, or the record was dropped too, or one takes it back.
        (2, LOG, "v0"),
        (3, LOG, "v2"),
        (2, grown(LOG, BACK), "v2"),
    ],
)
def test_any_other_is_not(before: int | None, log: tuple[dict[str, object], ...], version: str) -> None:
    assert told(stands=1, before=before, log=log, version=version) == ""
