"""Errands over an executor: what each end of them means, and what is told of it."""

from __future__ import annotations

import logging
import pickle
import sys
import threading
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from socket import gethostname
from types import SimpleNamespace

import pytest

from git_hybrid import __version__
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.spreading import batches, carried_out
from git_hybrid.app.upstream import ask_upstreams
from git_hybrid.cli import cluster, crew
from git_hybrid.cli.cluster import Pool, spread
from git_hybrid.cli.errand import Unfit, carry_out
from git_hybrid.cli.telling import tell
from git_hybrid.core import errors
from git_hybrid.core.endpoints import Mirrors, parse_mirrors
from git_hybrid.core.errors import BadArgument, ClusterLost, HybridError, NetworkFailure, WorkerLost
from git_hybrid.core.ids import SourceName, parse_url
from git_hybrid.core.manifest import Branch, Manifest, Policy, Source
from git_hybrid.core.ports_spread import Errand
from git_hybrid.core.value import replace
from git_hybrid.git.quarantine import GitQuarantine
from git_hybrid.store import durable
from support import values
from support.fakes import FakeTransport, run_info, runtime
from support.upstream import UpstreamFactory


def _errand(*names: str, url: str = "https://example.org/x", version: str = __version__, folder: str = "") -> Errand:
    sources = {
        SourceName(name): Source(name=SourceName(name), url=parse_url(url), track=Branch("main")) for name in names
    }
    return Errand(
        version=version,
        run=run_info().run,
        now=run_info().now,
        root="/nowhere",
        manifest=Manifest(sources=sources, policy=Policy(hosts=frozenset({"example.org"}))),
        pins={},
        mirrors=Mirrors(),
        folder=folder,
    )


class Ending(Executor):
    """Ends every work with the next of some results."""

    def __init__(self, *ends: object) -> None:
        self.ends = list(ends)

    def submit(self, fn, /, *args, **kwargs):
        future: Future = Future()
        end = self.ends.pop(0)
        if isinstance(end, BaseException):
            future.set_exception(end)
        elif end == "dropped":
            future.cancel()
            future.set_running_or_notify_cancel()
        elif end != "never":
            future.set_result(end)
        return future


class KilledWorker(Exception):
    """Named as that of Dask is."""


def _codes(pool: Pool, count: int, cancelled: int = 0) -> list[object]:
    found = pool.run(ask_upstreams, [_errand(str(number)) for number in range(count)], cancelled=lambda: cancelled)
    return [item.code if isinstance(item, HybridError) else item for item in found]


def test_every_end_has_a_meaning():
    ends = [
        {"a": 1},
        Unfit("tcp://w:1", NetworkFailure(url="u", message="m", kind="k")),
        KilledWorker("lost four times"),
        OSError("gone"),
        ModuleNotFoundError("No module named 'git_hybrid'"),
        RuntimeError("Error during deserialization of the task graph"),
        "dropped",
    ]
    expected = [
        {"a": 1},
        "network",
        "worker-lost",
        "worker-lost",
        "cluster-mismatch",
        "cluster-mismatch",
        "worker-lost",
    ]
    assert _codes(Pool(Ending(*ends), root="/"), len(ends)) == expected
    with pytest.raises(BrokenExecutor):
        _codes(Pool(Ending(BrokenExecutor("a bug")), root="/"), 1)


def test_a_cluster_without_workers_is_given_up():
    lost = ClusterLost(address="dask://h:1", why="w", again="git hybrid scan")
    assert _codes(Pool(Ending({}, "never"), root="/", trouble=lambda: lost), 2) == [{}, "cluster-lost"]
    # All that it had goes at the same moment; what is known of one source alone stays so.
    told = iter([None, lost, lost])
    pool = Pool(Ending({}, "dropped", "dropped", OSError("gone")), root="/", trouble=lambda: next(told))
    assert _codes(pool, 4) == [{}, "cluster-lost", "cluster-lost", "worker-lost"]


def test_a_signal_stops_what_is_left():
    assert _codes(Pool(Ending({}, "never"), root="/"), 2, cancelled=2) == [{}, None]


def test_the_error_of_an_errand_is_that_of_each_source():
    rt = replace(runtime(FakeTransport({})), cancelled=lambda: 0)
    pool = Pool(Ending(OSError("gone"), {"c": 3}), root="/")
    found = carried_out(rt, pool, lambda _rt, _errand: {}, [_errand("a", "b"), _errand("c")])
    assert {name: getattr(item, "name", item) for name, item in found.items()} == {"a": "a", "b": "b", "c": 3}
    stopped = replace(rt, cancelled=lambda: 2)
    found = carried_out(stopped, Pool(Ending("never"), root="/"), lambda _rt, _errand: {}, [_errand("a")])
    assert isinstance(found["a"], errors.Interrupted)


def test_batches():
    names = [SourceName(text) for text in "abcde"]
    assert batches(names, 2) == (["a", "b"], ["c", "d"], ["e"])
    assert batches([], 2) == ()


def test_an_errand_and_its_results_travel():
    errand = replace(_errand("a"), pins={SourceName("a"): values.a_pin()}, mirrors=parse_mirrors("https://m.example"))
    assert pickle.loads(pickle.dumps(errand)) == errand
    error = NetworkFailure(url="u", message="m", kind="k", retry_after=2.0)
    copied = pickle.loads(pickle.dumps(error))
    assert (type(copied), copied.facts()) == (NetworkFailure, error.facts())


def test_a_worker_does_an_errand(upstream_factory: UpstreamFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "tmp").mkdir()
    # One that another worker holds stays, and so does what is no errand's.
    (tmp_path / "tmp/git-hybrid-errand-x").mkdir()
    upstream = upstream_factory()
    commit = upstream.commit({"a": "a"})
    with ThreadPoolExecutor(2) as executor:
        pool = Pool(executor, root="/")
        (found,) = pool.run(ask_upstreams, [_errand("tool", url=upstream.url)], cancelled=lambda: 0)
    assert isinstance(found, dict)
    assert found[SourceName("tool")].after == commit
    assert [path.name for path in (tmp_path / "tmp").iterdir()] == ["git-hybrid-errand-x"]


@pytest.mark.parametrize(
    ("errand", "words"),
    [
        (_errand("a", version="0.0.0"), "git hybrid"),
        (_errand("a", folder="/nowhere/at/all"), "shared"),
        (_errand("a"), "git 2.34 or newer is needed, found: nothing"),
    ],
    ids=["version", "folder", "no git"],
)
def test_a_worker_that_differs_says_so(errand: Errand, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    if words.startswith("git 2"):
        monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "distributed", None)
    found = carry_out(ask_upstreams, errand)
    assert isinstance(found, Unfit)
    assert isinstance(found.error, errors.ClusterMismatch)
    assert found.error.what.startswith(f"on the worker {gethostname()}: ")
    assert words in found.error.what


def test_a_worker_without_room_says_so(monkeypatch: pytest.MonkeyPatch):
    def no_room(hosts: object) -> None:
        raise errors.LocalIo(path="/tmp", operation="write", reason="No space left on device")

    worker = SimpleNamespace(address="tcp://w:1")
    monkeypatch.setitem(sys.modules, "distributed", SimpleNamespace(get_worker=lambda: worker))
    monkeypatch.setattr("git_hybrid.cli.errand.passing_workspace", no_room)
    found = carry_out(ask_upstreams, _errand("a"))
    assert isinstance(found, Unfit)
    assert found.worker == "tcp://w:1"
    assert isinstance(found.error, WorkerLost)
    assert found.error.why == "on the worker tcp://w:1: cannot write /tmp: No space left on device"


class Client:
    """What is asked of a Dask client."""

    status = "running"
    workers: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()

    def scheduler_info(self, n_workers: int) -> dict[str, object]:
        """Return what the scheduler says."""
        return {"workers": dict.fromkeys(self.workers)}

    def get_versions(self, packages: list[str]) -> dict[str, object]:
        """Return what each worker has of *packages*."""
        found = {name: None if name in self.lacking else __version__ for name in self.workers}
        return {"workers": {name: {"packages": {packages[0]: version}} for name, version in found.items()}}


class Choosing(Executor):
    """Ends work at once, on the first worker that it may be done on; one that is gone never ends it."""

    def __init__(self, client: Client, ends: dict[str, object]) -> None:
        self.client, self.ends = client, ends
        self.handed: list[list[str]] = []

    def submit(self, fn, /, *args, workers=(), **kwargs):
        self.handed.append([*workers])
        future: Future = Future()
        (worker, *_) = workers or self.client.workers
        if isinstance(end := self.ends.get(worker), Exception):
            future.set_exception(end)
        elif end is not None:
            future.set_result(end)
        return future


BAD = Unfit("w1", errors.ClusterMismatch(what="on the worker w1: no git"))


@pytest.mark.parametrize(
    ("ends", "handed", "expected"),
    [
        ({"w1": BAD, "w2": {}}, [[], [], ["w2", "w3"], ["w2", "w3"]], {}),
        ({"w1": ImportError("no git_hybrid"), "w2": {}}, [[], [], ["w2", "w3"], ["w2", "w3"]], {}),
        ({"w1": BAD, "w2": Unfit("w2", BAD.error), "w3": {}}, [[], [], ["w2", "w3"], ["w2", "w3"], ["w3"], ["w3"]], {}),
        ({name: Unfit(name, BAD.error) for name in ("w1", "w2", "w3")}, None, "cluster-mismatch"),
        ({name: ImportError("numpy") for name in ("w1", "w2", "w3")}, None, "cluster-mismatch"),
    ],
)
def test_what_one_worker_cannot_do_is_handed_to_the_others(ends, handed, expected):
    client = Client()
    client.workers, client.lacking = ("w1", "w2", "w3"), ("w1",)
    executor = Choosing(client, ends)
    assert _codes(Pool(executor, root="/", crew=cluster.Crew(client)), 2) == [expected, expected]
    assert handed is None or sorted(executor.handed) == sorted(handed)


def test_others_that_go_away_are_replaced():
    client = Client()
    client.workers = ("w1", "w2")
    executor, crew = Choosing(client, {"w1": BAD, "w3": {}}), cluster.Crew(client)
    rounds = iter([("w1", "w2"), ("w1",), ("w1", "w3"), ("w1", "w3")])

    def trouble() -> str:
        client.workers = next(rounds)
        return ""

    assert _codes(Pool(executor, root="/", trouble=trouble, crew=crew), 1) == [{}]
    assert executor.handed == [[], ["w2"], ["w3"]]


def test_workers_that_cannot_be_asked_for_their_versions_are_left_in():
    class Silent(Client):
        def get_versions(self, packages: list[str]) -> dict[str, object]:
            raise OSError

    client = Silent()
    client.workers = ("w1", "w2")
    assert cluster.Crew(client).without("") == {"w1", "w2"}


def _watch(client: Client, *times: float) -> cluster.Watch:
    clock = iter(times)
    return cluster.Watch(cluster.Crew(client), "dask://h:1", "git hybrid scan", lambda: next(clock))


def _why(watch: cluster.Watch) -> str:
    lost = watch()
    return lost.why if lost else ""


def test_workers_that_stay_away():
    client = Client()
    watch = _watch(client, 0.0, 30.0, 50.0, 70.0, 111.0)
    assert _why(watch) == ""
    client.workers = ("w",)
    assert _why(watch) == ""
    client.workers = ()
    assert _why(watch) == ""
    assert _why(watch) == "it has had no worker for 60 s"


class Mute(Client):
    """One whose scheduler says nothing more until it is `let`."""

    workers = ("w1", "w2")

    def __init__(self) -> None:
        self.let = threading.Event()
        self.asked = 0

    def scheduler_info(self, n_workers: int) -> dict[str, object]:
        self.asked += 1
        self.let.wait()
        if self.asked == 2:
            raise OSError("gone")
        return super().scheduler_info(n_workers)


def test_a_scheduler_that_does_not_answer_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(crew, "POLL", 0.01)
    client = Mute()
    watch = _watch(client, 0.0, 1.0, 30.0, 61.0, 62.0, 63.0, 124.0)
    assert [_why(watch) for _ in range(3)] == ["", "", "its scheduler has not answered for 60 s"]
    assert client.asked == 1
    client.let.set()
    monkeypatch.setattr(crew, "POLL", 60.0)
    assert _why(watch) == ""
    # What it said last holds while it says nothing of use.
    assert _why(watch) == ""
    assert _why(watch) == ""
    assert client.asked == 3


def test_a_scheduler_that_goes_away_is_named():
    client = Client()
    watch = _watch(client, 0.0)
    client.status = "connecting"
    lost = watch()
    assert lost is not None
    assert (lost.address, lost.why, lost.again) == ("dask://h:1", "its scheduler went away", "git hybrid scan")
    assert cluster.Crew(client).usable() == frozenset()
    told = tell(lost)
    assert told.hints == ("when it is there again: git hybrid scan",)
    # Of many sources it is said once: it is of none of them.
    assert tell(lost.about("a")) == told


def test_a_question_ends_at_a_signal_or_in_time(monkeypatch: pytest.MonkeyPatch):
    client = Mute()
    ask = partial(client.scheduler_info, n_workers=-1)
    with pytest.raises(errors.Interrupted):
        crew.answered(ask, lambda: 2)
    monkeypatch.setattr(crew, "POLL", 0.01)
    with pytest.raises(crew.Silent):
        crew.answered(ask, lambda: 0, 0.02)
    client.let.set()
    assert crew.answered(lambda: 7, lambda: 0) == 7
    with pytest.raises(ValueError, match="no"):
        crew.answered(partial(int, "no"), lambda: 0)


@pytest.mark.parametrize("name", ["distributed.client", "distributed.core"])
def test_what_dask_logs_of_a_scheduler_that_goes_away_is_not_shown(name: str, caplog: pytest.LogCaptureFixture):
    class Connected:
        def __init__(self, address: str, **options: object) -> None:
            logging.getLogger(name).error("Failed to reconnect to scheduler", exc_info=OSError("gone"))

    caplog.set_level(logging.ERROR, logger=name)
    cluster._client(SimpleNamespace(Client=Connected), "tcp://host:8786", "dask://host:8786", lambda: 0)
    assert caplog.records == []


def test_an_address():
    assert cluster._address("dask://host:8786") == "tcp://host:8786"
    assert cluster._address("dask+tls://[::1]:8786") == "tls://[::1]:8786"
    with pytest.raises(BadArgument), spread("dask://host", SimpleNamespace()):
        pass


class Begun:
    """A client at its beginning."""

    def __init__(self, workers: Exception | None = None, versions: Exception | None = None) -> None:
        self.ends = workers, versions

    def wait_for_workers(self, count: int, *, timeout: float) -> None:
        if self.ends[0]:
            raise self.ends[0]

    def get_versions(self, *, check: bool) -> None:
        if self.ends[1]:
            raise self.ends[1]


@pytest.mark.parametrize(
    ("client", "kind", "words"),
    [
        (Begun(TimeoutError()), errors.ClusterUnreachable, "no workers after 10 s"),
        (Begun(crew.Silent("it does not answer")), errors.ClusterUnreachable, "it does not answer"),
        (Begun(None, crew.Silent("it does not answer")), errors.ClusterUnreachable, "it does not answer"),
        (Begun(None, ValueError("Mismatched\n\n| python | 3.11 | 3.12 |")), errors.ClusterMismatch, "| 3.12 |"),
    ],
    ids=["no worker", "silent", "silent later", "versions"],
)
def test_a_cluster_that_is_not_ready(client: Begun, kind: type[HybridError], words: str):
    with pytest.raises(kind) as caught:
        cluster._ready(client, "dask://h:1", lambda: 0)
    assert words in str(caught.value.facts())


def _task(state: str, status: str = "running") -> SimpleNamespace:
    tasks = {"key": SimpleNamespace(state=state)}
    return SimpleNamespace(
        address="tcp://w:1",
        status=SimpleNamespace(name=status),
        state=SimpleNamespace(tasks=tasks),
        get_current_task=lambda: "key",
    )


@pytest.mark.parametrize(
    ("worker", "stops"),
    [
        (_task("executing"), False),
        (_task("cancelled"), True),
        (_task("executing", "closing"), True),
        (SimpleNamespace(address="tcp://w:1"), False),
        (SimpleNamespace(address="tcp://w:1", get_current_task=lambda: "key"), False),
    ],
    ids=["wanted", "dropped", "without a scheduler", "unknown", "of another kind"],
)
def test_what_nobody_waits_for_is_stopped(worker, stops: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "distributed", SimpleNamespace(get_worker=lambda: worker))
    seen: list[int] = []

    def work(rt: Runtime, errand: Errand) -> dict[SourceName, int]:
        seen.append(rt.cancelled())
        return {}

    found = carry_out(work, _errand("a"))
    assert seen == ([] if stops else [0])
    assert isinstance(found, Unfit) == stops


def test_an_errand_in_a_mirror_is_over_with_the_run_that_has_its_lock(tmp_path: Path):
    errand = _errand("a", folder=str(tmp_path))
    home = GitQuarantine(disk=durable, folder=tmp_path, run=errand.run)
    home.claim()

    def work(rt: Runtime, errand: Errand) -> dict[SourceName, int]:
        assert rt.mirror is not None
        # It shows that it is at work before anything else.
        assert len([*tmp_path.glob(".incoming/*/.alive")]) == 2
        with rt.mirror.exclusive("a.git"):
            home.close()
        with pytest.raises(errors.Interrupted), rt.mirror.exclusive("b.git"):
            pass
        return {}

    assert isinstance(carry_out(work, errand), Unfit)
    assert [*tmp_path.iterdir()] == []


def test_lost_sources_are_rows():
    assert WorkerLost(name="a", why="w").code == "worker-lost"
