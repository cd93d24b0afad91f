from __future__ import annotations

from git_hybrid.app.install import origin_notes
from git_hybrid.core.plan import Absent
from git_hybrid.core.value import replace
from support.values import a_clone, a_source, oid

SOURCE = a_source()


def test_an_origin_that_is_set_anew_is_named_without_a_secret() -> None:
    assert origin_notes(SOURCE, Absent()) == origin_notes(SOURCE, a_clone(oid(1))) == ()
    (note,) = origin_notes(SOURCE, replace(a_clone(oid(1)), origin="https://u:s3cret@old.example/x"))
    assert str(SOURCE.url) in note
    assert "old.example/x" in note
    assert "s3cret" not in note
