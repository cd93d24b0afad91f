"""Sources that were removed on the other side of an air gap."""

from __future__ import annotations

from typing import Any

import pytest

from git_hybrid.core.manifest import Manifest
from git_hybrid.core.removals import Removal, begun_here, removals_of, removed_there, unsettled
from support.values import OPERATOR, TOOL_URL, a_source

LATE, LATER = "2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z"
GONE = Removal(source=a_source().name, url=TOOL_URL, at=LATE, by=OPERATOR)
HERE, NONE = Manifest(sources={GONE.source: a_source()}), Manifest()


def told(event: str, source: str | None = "tool", *, at: str = LATE, **detail: Any) -> dict[str, Any]:
    return {"event": event, "source": source, "at": at, "operator": OPERATOR, "detail": detail}


@pytest.mark.parametrize("how", ["remove", "prune"])
def test_what_a_log_has_removed(how: str) -> None:
    begun = [told("add", url=TOOL_URL), told("pin")]
    assert removals_of(begun) == {}
    assert removals_of([*begun, told(how)]) == {"tool": GONE}
    assert removals_of([*begun, told(how), *begun]) == {}
    # Of what never began nothing is known.
    assert removals_of([told(how)]) == {}


def test_what_stands_here_and_was_removed_there() -> None:
    gone = {"tool": GONE}
    assert removed_there(gone, NONE, HERE, {}) == (GONE,)
    assert removed_there(gone, HERE, HERE, {}) == removed_there(gone, NONE, NONE, {}) == ()
    assert (
        removed_there(gone, NONE, Manifest(sources={GONE.source: a_source(url="https://example.org/else")}), {}) == ()
    )
    assert removed_there({"tool": Removal(source=GONE.source, url="", at=LATE, by="")}, NONE, HERE, {}) == ()
    # Who adds it here once it was removed there wants it; what a bundle adds nobody here has decided.
    for at in (LATE, LATER):
        for more, found in (({}, ()), ({"bundle": "0"}, (GONE,))):
            begun = begun_here([told("pin"), told("add", at=at, **more)])
            assert removed_there(gone, NONE, HERE, begun) == found


def test_what_is_told_until_it_is_settled() -> None:
    applied = told("bundle-apply", None, log_id="a", removed=[GONE.plain(), "odd"])
    other = told("bundle-apply", None, log_id="b")
    assert unsettled([applied, other], HERE) == (GONE,)
    assert unsettled([applied], NONE) == ()
    for end in (told("remove"), told("prune"), told("add"), told("bundle-apply", None, log_id="a")):
        assert unsettled([applied, end], HERE) == ()
    assert unsettled([told("bundle-apply", None, log_id="a", removed="odd")], HERE) == ()
