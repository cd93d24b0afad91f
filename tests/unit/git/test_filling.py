"""A store is filled in an order that may stop anywhere, and its packs stay few."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from git_hybrid.core.cache_record import PACK_LIMIT, StoreRecord, folder_name
from git_hybrid.core.errors import LocalIo, NetworkFailure
from git_hybrid.core.ids import RefName, SourceName, parse_url
from git_hybrid.core.ports import Stage
from git_hybrid.core.ports_cache import Question
from git_hybrid.git.cache import GitObjectCache
from git_hybrid.git.cache_care import seen, stores, swept, verified
from git_hybrid.git.filling import StoreFilling
from git_hybrid.git.hands import Hands
from git_hybrid.git.run import Runner
from git_hybrid.git.skeleton import write_skeleton
from git_hybrid.git.store import RECORD, Store
from git_hybrid.git.storelock import Unusable
from git_hybrid.store import durable
from support.kit import released, snapshot
from support.upstream import Upstream, UpstreamFactory

NOW = datetime(2026, 7, 20, 12, tzinfo=UTC)
MAIN = "refs/heads/main"


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


class StopsAt:
    """The durable writer, until it is told to stop at its n-th step; a file that it writes then is half written."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def step(*args: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                if name == "write_file":
                    Path(f"{args[0]}.tmp").touch()
                raise Killed
            return getattr(durable, name)(*args)

        return step


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    released(upstream)
    return upstream


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def runner() -> Runner:
    return Runner(environ=dict(os.environ))


def make(runner: Runner, root: Path, told: list[str], disk: Any = durable, **settings: Any) -> GitObjectCache:
    hands = Hands(runner)
    return GitObjectCache(
        runner=runner, disk=disk, root=root, now=NOW, tell=lambda name, text: told.append(text), hands=hands, **settings
    )


def stage(tmp_path: Path, number: int) -> Stage:
    path = tmp_path / "stages" / str(number)
    write_skeleton(path / ".git", object_format="sha1")
    return Stage(name=SourceName("tool"), path=str(path))


def fetched(where: Stage, tool: Upstream) -> None:
    git = ("git", "-c", "fetch.unpackLimit=1", "-C", where.path)
    spec = f"+{MAIN}:refs/hybrid/upstream/heads/main"
    subprocess.run([*git, "fetch", "-q", "--no-tags", "--no-write-fetch-head", tool.url, spec], check=True)


def filled(cache: GitObjectCache, where: Stage, tool: Upstream) -> None:
    with cache.filling(where, parse_url(tool.url)) as filling:
        fetched(where, tool)
        filling.keep((MAIN,), tool.url)


def found(cache: GitObjectCache, where: Stage, tool: Upstream) -> None:
    """Keep what a pin fetched into *where*."""
    fetched(where, tool)
    cache.found(where, parse_url(tool.url), RefName(MAIN), tool.url)


def lent(cache: GitObjectCache, where: Stage, tool: Upstream) -> str | None:
    return cache.lend(where, parse_url(tool.url), Question(refs=(MAIN,)))


def fsck(where: Stage) -> None:
    subprocess.run(["git", "-C", where.path, "fsck", "--full", "--strict"], check=True, capture_output=True)


@pytest.mark.parametrize("fill", [filled, found])
def test_killed_at_any_step_it_is_whole_or_not_there(tmp_path, tool, runner, told, fill):
    root, steps = tmp_path / "cache", 0
    while True:
        try:
            fill(make(runner, root, told, StopsAt(steps)), stage(tmp_path, 3 * steps), tool)
            ended = True
        except Killed:
            ended = False
        cache, after = make(runner, root, told), stage(tmp_path, 3 * steps + 1)
        assert not ended or lent(cache, after, tool) == tool.url
        if lent(cache, after, tool) is not None:
            fsck(after)
        # A later one fills it, whatever the killed one left.
        tool.commit({"README": f"{steps}\n"}, "more")
        filled(cache, last := stage(tmp_path, 3 * steps + 2), tool)
        fsck(last)
        (store,) = stores(durable, root)
        assert verified(runner, store) == ""
        assert (root / "CACHEDIR.TAG").exists()
        assert not [*root.rglob("*.tmp"), *root.glob(".set-aside")]
        if ended:
            break
        steps += 1
        subprocess.run(["rm", "-rf", root], check=True)
    assert steps > 5
    assert told == []


def test_a_kill_between_two_fills_keeps_the_first(tmp_path, tool, runner, told):
    root = tmp_path / "cache"
    filled(make(runner, root, told), stage(tmp_path, 0), tool)
    for steps in range(1, 12):
        tool.commit({"README": f"{steps}\n"}, "more")
        try:
            filled(make(runner, root, told, StopsAt(steps)), stage(tmp_path, 2 * steps), tool)
        except Killed:
            ended = False
        else:
            ended = True
        after = stage(tmp_path, 2 * steps + 1)
        assert [verified(runner, store) for store in stores(durable, root)] == [""]
        assert not list(root.rglob("*.tmp"))
        assert lent(make(runner, root, told), after, tool) == tool.url
        fsck(after)
        if ended:
            break
    else:
        pytest.fail("it never came to its end")
    assert told == []


def test_many_packs_become_few_and_linked_ones_stay(tmp_path, tool, runner, told):
    cache, url = make(runner, tmp_path / "cache", told), parse_url(tool.url)
    store = Store(durable, tmp_path / "cache", folder_name(url))
    first = stage(tmp_path, 0)
    filled(cache, first, tool)
    for number in range(1, PACK_LIMIT + 1):
        tool.commit({"README": f"{number}\n"}, "more")
        filled(cache, stage(tmp_path, number), tool)
        record = store.read()
        assert record is not None
        assert record.packs <= PACK_LIMIT
    assert record.packs < 10
    assert sorted(record.files) == sorted(path.name for path in store.packs.iterdir())
    fsck(first)
    last = stage(tmp_path, 999)
    assert lent(cache, last, tool) == tool.url
    fsck(last)
    assert verified(runner, store) == ""
    assert told == []


def test_what_somebody_holds_is_left_alone(tmp_path, tool, runner, told):
    root = tmp_path / "cache"
    cache = make(runner, root, told, patience=0.0)
    filled(cache, stage(tmp_path, 0), tool)
    (store,) = stores(durable, root)
    with store.locked(patience=0):
        with store.locked(patience=0):
            pass
        (other,) = stores(durable, root)
        assert seen(other).busy
        with pytest.raises(Unusable):
            verified(runner, other)
        swept(runner, durable, root)
        tool.commit({"README": "more\n"}, "more")
        filled(cache, stage(tmp_path, 1), tool)
    assert [text for text in told if "another process works on it" in text] == told != []
    assert not seen(store).busy
    record = store.read()
    assert isinstance(record, StoreRecord)
    assert record.packs == 1


@pytest.mark.parametrize("reached", [True, False])
def test_a_thread_of_this_run_is_waited_for_as_long_as_it_has_the_store(tmp_path, tool, runner, told, reached):
    cache, url = make(runner, tmp_path / "cache", told, patience=0.0), parse_url(tool.url)
    first = stage(tmp_path, 0)
    unreached = NetworkFailure(url=tool.url, kind="timeout", message="slow")

    def other() -> str | None:
        with cache.filling(stage(tmp_path, 1), url) as filling:
            assert isinstance(filling, StoreFilling) == reached
            return lent(cache, stage(tmp_path, 2), tool)

    with ThreadPoolExecutor(1) as pool:
        with suppress(NetworkFailure), cache.filling(first, url) as filling:
            waits = pool.submit(other)
            with pytest.raises(TimeoutError):
                waits.result(0.1)
            if not reached:
                raise unreached
            fetched(first, tool)
            filling.keep((MAIN,), tool.url)
        assert waits.result(10) == (tool.url if reached else None)
    assert told == []


class NoRoom:
    """The durable writer, while there is no room for a record."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return getattr(durable, name)

    def write_file(self, path: Path, data: bytes) -> None:
        if path.name == RECORD:
            raise LocalIo(path=str(path), operation="write", reason="No space left on device")
        durable.write_file(path, data)


def test_one_that_was_never_filled_goes(tmp_path, tool, runner, told):
    root = tmp_path / "cache"
    filled(make(runner, root, told, NoRoom()), stage(tmp_path, 0), tool)
    assert stores(durable, root) == []
    assert len(told) == 1
    killed = Store(durable, root, folder_name(parse_url(tool.url)))
    write_skeleton(killed.path, object_format="sha1", bare=True)
    assert seen(killed).unfinished
    assert verified(runner, killed) == ""
    assert stores(durable, root) == []


class OnlyOneTag:
    """The durable writer of one of two that make the cache at the same moment: the other has renamed its file away."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return getattr(durable, name)

    def write_file(self, path: Path, data: bytes) -> None:
        if path.name == "CACHEDIR.TAG":
            raise LocalIo(path=str(path), operation="replace", reason="No such file or directory")
        durable.write_file(path, data)


def test_two_may_make_the_cache_at_once(tmp_path, tool, runner, told):
    filled(make(runner, tmp_path / "cache", told, OnlyOneTag()), stage(tmp_path, 0), tool)
    assert len(stores(durable, tmp_path / "cache")) == 1
    assert told == []


def test_an_edition_lasts_until_somebody_fills_the_store(tmp_path, tool, runner, told):
    cache, url = make(runner, tmp_path / "cache", told), parse_url(tool.url)
    assert cache.edition(url) is None
    filled(cache, stage(tmp_path, 0), tool)
    first = cache.edition(url)
    assert first is not None
    assert cache.edition(url) == first
    tool.commit({"README": "more\n"}, "more")
    filled(cache, stage(tmp_path, 1), tool)
    assert cache.edition(url) not in (None, first)


@pytest.mark.parametrize("mark", ["shallow", "objects/info/alternates", "objects/pack/pack-x.promisor", "objects/ab/c"])
def test_a_part_of_a_history_is_not_kept(tmp_path, tool, runner, told, mark):
    cache, where = make(runner, tmp_path / "cache", told), stage(tmp_path, 0)
    with cache.filling(where, parse_url(tool.url)) as filling:
        subprocess.run(
            ["git", "-C", where.path, "fetch", "-q", tool.url, f"{MAIN}:refs/hybrid/upstream/heads/main"], check=True
        )
        subprocess.run(["git", "-C", where.path, "repack", "-adq"], check=True)
        path = Path(where.path) / ".git" / mark
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
        filling.keep((MAIN,), tool.url)
    assert stores(durable, tmp_path / "cache") == []


def test_what_a_pin_fetched_makes_a_store_and_changes_none(tmp_path, tool, runner, told):
    cache, root = make(runner, tmp_path / "cache", told), tmp_path / "cache"
    found(cache, stage(tmp_path, 0), tool)
    assert lent(cache, stage(tmp_path, 1), tool) == tool.url
    before = snapshot(root)
    tool.commit({"README": "more\n"}, "more")
    found(cache, stage(tmp_path, 2), tool)
    assert snapshot(root) == before
    assert told == []


def test_a_disk_that_is_full_is_told_and_leaves_nothing(tmp_path, tool, runner, told, monkeypatch):
    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "x.pack")

    monkeypatch.setattr("git_hybrid.git.store.share", full)
    found(make(runner, tmp_path / "cache", told), where := stage(tmp_path, 0), tool)
    assert told == ["object cache: x.pack: No space left on device"]
    assert stores(durable, tmp_path / "cache") == []
    fsck(where)


def test_what_stands_for_a_ref_that_nobody_sent_is_not_kept(tmp_path, tool, runner, told):
    cache = make(runner, tmp_path / "cache", told)
    fetched(where := stage(tmp_path, 0), tool)
    cache.found(where, parse_url(tool.url), RefName("refs/heads/other"), tool.url)
    assert stores(durable, tmp_path / "cache") == []
