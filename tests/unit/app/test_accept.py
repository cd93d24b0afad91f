"""Which findings an override of kind scan accepts."""

from __future__ import annotations

import pytest

from git_hybrid.app.accept import chosen_findings
from git_hybrid.core.errors import BadArgument, HybridError, OverrideUnnecessary
from git_hybrid.core.manifest import Branch, Tag, Track
from support.values import a_pin, a_snapshot, a_source


@pytest.mark.parametrize(
    ("track", "to", "error"),
    [
        (Tag("v1"), "v1", OverrideUnnecessary),
        (Tag("v1"), "refs/tags/v1", OverrideUnnecessary),
        (Tag("v1"), "0" * 39, OverrideUnnecessary),
        (Tag("v1"), "v2", BadArgument),
        (Branch("main"), "main", BadArgument),
    ],
)
def test_the_pinned_commit_is_named_by_its_id_or_its_tag(track: Track, to: str, error: type[HybridError]) -> None:
    source = a_source(track=track)
    pin = a_pin(source)
    with pytest.raises(error):
        chosen_findings(a_snapshot(source, pins=[pin]), pin, to=to, findings=())


def test_what_was_never_scanned_has_nothing_to_accept() -> None:
    source = a_source(track=Branch("main"))
    pin = a_pin(source)
    with pytest.raises(OverrideUnnecessary) as caught:
        chosen_findings(a_snapshot(source, pins=[pin]), pin, to=None, findings=())
    assert caught.value.hint == f"git hybrid scan {source.name}"
