from __future__ import annotations

from git_hybrid.core.ids import SourceName
from git_hybrid.core.ports import FetchRequest, RemoteRefs, Stage
from support.values import listed, oid


def test_an_annotated_tag_is_peeled_to_its_commit() -> None:
    refs = listed({"refs/tags/v1": oid(0xAA), "refs/heads/main": oid(1)}, peeled={"refs/tags/v1": oid(2)})
    assert refs.commit("refs/tags/v1") == oid(2)
    assert refs.commit("refs/heads/main") == oid(1)


def test_a_ref_that_is_not_listed_has_no_commit() -> None:
    assert listed({"refs/heads/main": oid(1)}).commit("main") is None
    assert RemoteRefs().commit("refs/heads/main") is None


def test_a_request_fetches_the_whole_history_of_nothing_by_default() -> None:
    assert FetchRequest() == FetchRequest(refs=(), commits=(), depth=None, commits_only=False)


def test_a_stage_stands_alone_unless_it_borrows() -> None:
    stage = Stage(SourceName("tool"), "sources/.incoming/1/tool")
    assert not stage.borrows
    assert stage.git_dir == "sources/.incoming/1/tool/.git"
    assert Stage(stage.name, stage.path, apart="elsewhere").git_dir == "elsewhere"
