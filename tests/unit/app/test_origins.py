from __future__ import annotations

from git_hybrid.app.bringing import origin_notes
from git_hybrid.core.plan import Absent
from git_hybrid.core.value import replace
from support.values import a_clone, a_source, a_state_entry, oid

SOURCE = a_source()


def test_an_origin_that_is_set_anew_is_named_without_a_secret() -> None:
    assert origin_notes(SOURCE, Absent(), None) == origin_notes(SOURCE, a_clone(oid(1)), None) == ()
    set_by_somebody = replace(a_clone(oid(1)), origin="https://u:s3cret@old.example/x")
    (note,) = origin_notes(SOURCE, set_by_somebody, None)
    assert origin_notes(SOURCE, set_by_somebody, a_state_entry(SOURCE)) == (note,)
    assert str(SOURCE.url) in note
    assert "old.example/x" in note
    assert "s3cret" not in note


def test_an_origin_that_was_the_source_s_is_no_news_where_the_manifest_has_changed() -> None:
    former = a_source(url="https://old.example/x")
    seen = replace(a_clone(oid(1)), origin=str(former.url))
    assert origin_notes(SOURCE, seen, a_state_entry(former)) == ()
