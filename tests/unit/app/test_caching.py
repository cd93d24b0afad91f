"""What one process put into the object cache, another one does not ask for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from git_hybrid.app.caching import Want, despite_cache, fetch_through
from git_hybrid.app.whereabouts import is_given_out
from git_hybrid.core.errors import GitFailed, HybridError, Unreachable, WrongContent
from git_hybrid.core.ids import SourceName, Url
from git_hybrid.core.manifest import Manifest
from git_hybrid.core.ports import RemoteRefs, Stage
from git_hybrid.core.ports_cache import Question
from git_hybrid.core.value import replace
from support.fakes import FakeTransport, runtime
from support.samples import OID, URL, source

SOURCE, STAGE, OTHER = source(), Stage(SourceName("tool"), "/nowhere"), "https://other.example/tool.git"


class Shared:
    """A store that somebody else may fill between the first look and the lock."""

    def __init__(self, *, filled_meanwhile: bool) -> None:
        self.filled_meanwhile = filled_meanwhile
        self.filled = False
        self.kept: list[str] = []

    def holds(self, url: Url) -> bool:
        return self.filled

    def edition(self, url: Url) -> object:
        return self.filled

    def lend(self, stage: Stage, url: Url, question: Question) -> str | None:
        return OTHER if self.filled else None

    @contextmanager
    def filling(self, stage: Stage, url: Url) -> Iterator[Shared]:
        self.filled = self.filled_meanwhile
        yield self

    def keep(self, patterns: Sequence[str], served_by: str) -> str:
        self.kept.append(served_by)
        return OTHER

    def distrust(self, name: SourceName, url: Url, why: str) -> None:
        raise AssertionError(why)


@pytest.mark.parametrize("meanwhile", [True, False])
def test_whoever_comes_to_the_lock_second_looks_again(meanwhile):
    transport = FakeTransport({URL: [RemoteRefs(tips={"refs/heads/main": OID})]})
    cache = Shared(filled_meanwhile=meanwhile)
    want = Want(refs=("refs/heads/main",), oid_length=40, enough=lambda _stage: True)
    _, served_by = fetch_through(runtime(transport), cache, SOURCE, Manifest(), STAGE, want)
    # What the server had nothing to send of came into the store from another one.
    assert served_by == OTHER
    assert transport.asked == ([] if meanwhile else [URL])
    assert cache.kept == ([] if meanwhile else [URL])


@pytest.mark.parametrize(("status", "words"), [(-9, ""), (128, "fatal: Out of memory, malloc failed")])
def test_a_git_that_was_ended_by_force_accuses_neither_store_nor_upstream(status, words):
    transport = FakeTransport({URL: [GitFailed(command="git fetch", status=status, stderr=words)]})
    cache, rt = Shared(filled_meanwhile=False), runtime(transport)
    cache.filled = True
    want = Want(refs=("refs/heads/main",), oid_length=40, enough=lambda _stage: False)
    with pytest.raises(GitFailed):
        fetch_through(rt, cache, SOURCE, Manifest(), STAGE, want)
    with pytest.raises(GitFailed):
        is_given_out(rt, SOURCE, Manifest(), STAGE, OID)


@pytest.mark.parametrize(
    "error",
    [
        WrongContent(name="", what="LFS content", expected="a", found="b", url=URL),
        WrongContent(name="", what="w", expected="a", found="b", edited=True),
        GitFailed(command="git lfs", status=-9, stderr=""),
    ],
)
def test_content_of_git_lfs_and_the_lock_are_no_fault_of_a_store(error):
    cache = Shared(filled_meanwhile=False)
    cache.filled = True
    done: list[HybridError] = []

    def step(_rt):
        done.append(error)
        raise error

    with pytest.raises(type(error)):
        despite_cache(replace(runtime(FakeTransport()), cache=cache), SOURCE, step)
    assert done == [error]


def test_what_works_without_it_is():
    cache, told = Shared(filled_meanwhile=False), []
    cache.filled = True
    cache.distrust = lambda _name, _url, why: told.append(why)

    def step(rt):
        if rt.cache is not None:
            raise Unreachable(name="", commit=OID, ref="refs/heads/main")

    despite_cache(replace(runtime(FakeTransport()), cache=cache), SOURCE, step)
    assert told == ["unreachable with what it lent, none without"]
