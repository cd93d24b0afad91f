"""`--executor dask://`: the work is done by other processes, the records are made here, and a lost worker costs nothing."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from support.beginning import Beginning
from support.cli import Hybrid, executable
from support.dask_cluster import dask_cluster, dask_worker
from support.https_server import HttpsGitServer
from support.kit import changes, codes, git, lock, replace, snapshot, state, write_manifest
from support.pki import Pki
from support.sandbox import hermetic_environment
from support.scanners import FINDS, a_scanner, scan_of, use
from support.upstream import Gitlink, Upstream, UpstreamFactory

NAMES = ["a", "b", "c", "d"]
POLICY = '[policy]\nscan_block_on = "none"\n'


@pytest.fixture
def upstreams(upstream_factory: UpstreamFactory) -> dict[str, Upstream]:
    made = {name: upstream_factory(name) for name in NAMES}
    for name, upstream in made.items():
        upstream.commit({"README": f"{name} {'SECRET' if name == 'b' else ''}\n"})
    return made


@pytest.fixture
def https_server(lasting_server: HttpsGitServer) -> HttpsGitServer:
    lasting_server.forget()
    return lasting_server


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the workers of `cluster` do their errands."""
    return tmp_path_factory.mktemp("errands")


@pytest.fixture(scope="module")
def cluster(pki: Pki, temporary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[int]]]:
    """A cluster for all tests that kill none of its workers: to start one takes longer than they do."""
    with ExitStack() as running:
        with hermetic_environment(tmp_path_factory.mktemp("home")):
            found = running.enter_context(dask_cluster(_environment(pki, temporary)))
        yield found


@pytest.fixture
def own_cluster(pki: Pki, tmp_path: Path) -> Iterator[tuple[str, list[int]]]:
    with dask_cluster(_environment(pki, tmp_path)) as found:
        yield found


def _environment(pki: Pki, temporary: Path) -> dict[str, str]:
    return {"GIT_SSL_CAINFO": str(pki.ca), "TMPDIR": str(temporary), "GIT_HYBRID_MIRRORS": "off"}


@pytest.fixture
def pinned(
    hybrid: Hybrid,
    workspace: Path,
    upstreams: dict[str, Upstream],
    https_server: HttpsGitServer,
    beginning: Beginning,
) -> None:
    tables = [f'[source.{name}]\nurl = "{https_server.url(f"{name}.git")}"\nbranch = "main"\n' for name in NAMES]

    def make() -> None:
        write_manifest(workspace, POLICY + "".join(tables))
        hybrid("pin", env=https_server.env())
        hybrid("sync", env=https_server.env())

    beginning(workspace, make)
    https_server.clear_requests()


def _left(folder: Path) -> list[Path]:
    return list(folder.glob("git-hybrid-errand-*"))


def test_outdated(
    hybrid: Hybrid,
    workspace: Path,
    upstreams: dict[str, Upstream],
    cluster: tuple[str, list[int]],
    pinned: None,
    temporary: Path,
) -> None:
    where, _ = cluster
    new = upstreams["c"].commit({"README": "new"})
    upstreams["d"].path.rename(upstreams["d"].path.with_name("gone"))
    before = snapshot(workspace)
    result = hybrid("outdated", "--executor", where, "--json", check=4)
    # The same documents as from the threads here; only git's own words may differ.
    rows = result.json()["sources"]
    assert [row["outcome"] for row in rows] == ["current", "current", "outdated", "failed"]
    assert rows[2]["to_commit"] == new
    assert rows[3]["error"]["code"] == "repository-not-found"
    assert changes(before, snapshot(workspace)) == []
    assert _left(temporary) == []


def test_scan_without_a_clone(
    hybrid: Hybrid,
    workspace: Path,
    upstreams: dict[str, Upstream],
    cluster: tuple[str, list[int]],
    pinned: None,
    https_server: HttpsGitServer,
    tmp_path: Path,
    temporary: Path,
) -> None:
    where, pids = cluster
    (workspace / "sources/a").rename(tmp_path / "away")
    seen = tmp_path / "seen"
    use(workspace, a_scanner(tmp_path / "fake", f"open({str(seen)!r}, 'a').write(f'{{os.getppid()}}\\n')\n{FINDS}"))
    result = hybrid("scan", "--executor", where, "--json", check=1)
    assert codes(result) == {"a": 0, "b": 1, "c": 0, "d": 0}
    assert {int(line) for line in seen.read_text().split()} <= set(pids)
    recorded = state(workspace)
    assert {name: scan_of(recorded, name)["state"] for name in NAMES} == dict.fromkeys(NAMES, "clean") | {
        "b": "findings"
    }
    assert json.loads((workspace / "state/scans/b.sarif").read_text())["runs"][0]["results"]
    hybrid("audit", "verify")
    (tmp_path / "away").rename(workspace / "sources/a")
    # What the workers said counts here, and is not asked for again by a job, also not for another commit.
    seen.write_text("")
    before = snapshot(workspace / "state")
    hybrid("scan", "--stale")
    assert changes(before, snapshot(workspace / "state")) == []
    upstreams["a"].commit({})
    hybrid("pin", "a", env=https_server.env())
    assert "not scanned again" in hybrid("scan", "--stale", "--executor", where).out
    assert seen.read_text() == ""
    # Whoever asks for a scan has one.
    hybrid("scan", "a", "--executor", where)
    assert len(seen.read_text().split()) == 1
    # A worker sees the submodules as well, which it fetches.
    modules = '[submodule "b"]\n\tpath = in\n\turl = ../b.git\n'
    upstreams["d"].commit({".gitmodules": modules, "in": Gitlink(upstreams["b"].rev("main"))})
    replace(workspace / "sources.toml", "[source.d]\n", "[source.d]\nsubmodules = true\n")
    hybrid("pin", "d", env=https_server.env())
    (row,) = hybrid("scan", "d", "--executor", where, "--json", check=1).json()["sources"]
    assert [item["path"] for item in row["findings"]] == ["in/README"]
    # A worker whose scanner fails takes nothing back either.
    a_scanner(tmp_path / "fake", "sys.exit(99)")
    hybrid("scan", "b", "--executor", where, check=1)
    found = scan_of(state(workspace), "b")
    assert (found["state"], found["counts"]["high"]) == ("error", 1)
    assert _left(temporary) == []


def test_a_worker_proves_what_it_fetched(
    hybrid: Hybrid,
    workspace: Path,
    upstreams: dict[str, Upstream],
    cluster: tuple[str, list[int]],
    pinned: None,
    tmp_path: Path,
) -> None:
    where, _ = cluster
    use(workspace, a_scanner(tmp_path / "fake"))
    # Upstream's branch is rewritten: the pinned commit is in it no more.
    upstreams["a"].reset("main", upstreams["a"].commit({"README": "other"}, parents=()))
    text = (workspace / "state/sources.lock").read_text()
    digest = lock(workspace)["c"]["content_sha256"]
    (workspace / "state/sources.lock").write_text(text.replace(digest, "0" * 64))
    result = hybrid("scan", "--executor", where, "--json", check=5)
    found = {row["name"]: row["error"]["code"] for row in result.json()["sources"] if row.get("error")}
    assert found == {"a": "identity-changed", "b": "scan-findings", "c": "wrong-content"}
    assert scan_of(state(workspace), "a")["state"] == "missing"


def test_a_worker_that_is_killed_loses_nothing(
    hybrid: Hybrid, workspace: Path, own_cluster: tuple[str, list[int]], pinned: None, tmp_path: Path
) -> None:
    where, pids = own_cluster
    begun = tmp_path / "begun"
    body = f"""
    try:
        with open({str(begun)!r}, "x") as file:
            file.write(str(os.getppid()))
        time.sleep(600)
    except FileExistsError:
        pass
    """
    use(workspace, a_scanner(tmp_path / "fake", body + FINDS.replace("\n", "\n    ")))
    command = [executable(), "scan", "--executor", where, "--json"]
    child = subprocess.Popen(command, cwd=workspace, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with child:
        end = time.monotonic() + 60
        while not (begun.exists() and begun.read_text()) and time.monotonic() < end:
            time.sleep(0.05)
        victim = int(begun.read_text())
        assert victim in pids
        os.kill(victim, signal.SIGKILL)
        out, err = child.communicate(timeout=90)
    assert child.returncode == 1, err
    assert {row["name"]: row["exit_code"] for row in json.loads(out)["sources"]} == {"a": 0, "b": 1, "c": 0, "d": 0}
    assert {scan_of(state(workspace), name)["state"] for name in NAMES} == {"clean", "findings"}
    hybrid("audit", "verify")
    # What the dead one left behind is removed by a later errand.
    hybrid("outdated", "a", "--executor", where)
    assert _left(tmp_path) == []


def test_a_worker_without_git_keeps_nothing_from_being_done(
    hybrid: Hybrid,
    workspace: Path,
    cluster: tuple[str, list[int]],
    pinned: None,
    https_server: HttpsGitServer,
    tmp_path: Path,
) -> None:
    where, _ = cluster
    use(workspace, a_scanner(tmp_path / "fake"))
    with dask_worker(where, {**https_server.env(), "PATH": str(tmp_path)}):
        result = hybrid("scan", "--executor", where, "--json", check=1)
        assert codes(result) == {"a": 0, "b": 1, "c": 0, "d": 0}


def test_mirror_update_on_a_shared_folder(
    hybrid: Hybrid,
    workspace: Path,
    upstreams: dict[str, Upstream],
    cluster: tuple[str, list[int]],
    pinned: None,
    https_server: HttpsGitServer,
    tmp_path: Path,
) -> None:
    where, _ = cluster
    mirror = tmp_path / "mirror"
    first = hybrid("mirror", "update", mirror, "--executor", where, "--json")
    assert [row["outcome"] for row in first.json()["sources"]] == ["updated"] * 4
    new = upstreams["c"].commit({"README": "new"})
    second = hybrid("mirror", "update", mirror, "--executor", where, "--json")
    assert [row["outcome"] for row in second.json()["sources"]] == ["current", "current", "updated", "current"]
    paths = {item["path"]: item for item in json.loads((mirror / "mirror.json").read_text())["repositories"]}
    held = paths[f"localhost_{https_server.port}/c.git"]
    assert held["refs"]["refs/heads/main"] == new
    assert not (mirror / ".incoming").exists()
    git("fsck", "--strict", cwd=mirror / f"localhost_{https_server.port}/c.git")
    # The threads here find nothing left to do.
    third = hybrid("mirror", "update", mirror, "--json", env=https_server.env())
    assert {row["outcome"] for row in third.json()["sources"]} == {"current"}


def test_workers_fill_what_is_the_repository_of_two_sources(
    hybrid: Hybrid,
    upstreams: dict[str, Upstream],
    cluster: tuple[str, list[int]],
    pinned: None,
    https_server: HttpsGitServer,
    tmp_path: Path,
) -> None:
    upstreams["a"].commit({"README": "later"}, branch="later")
    hybrid("add", https_server.url("a.git"), "--name", "again", "--branch", "later", env=https_server.env())
    mirror, (where, _) = tmp_path / "mirror", cluster
    done = hybrid("mirror", "update", mirror, "--executor", where, "--json")
    assert {row["outcome"] for row in done.json()["sources"]} == {"updated"}
    (held,) = (
        item
        for item in json.loads((mirror / "mirror.json").read_text())["repositories"]
        if item["path"].endswith("/a.git")
    )
    assert set(held["pins"]) == {upstreams["a"].rev("main"), upstreams["a"].rev("later")}


def test_a_signal_ends_it(workspace: Path, cluster: tuple[str, list[int]], pinned: None, tmp_path: Path) -> None:
    where, _ = cluster
    begun = tmp_path / "begun"
    # It takes its lock with it when it ends.
    body = f"lock = open({str(begun)!r}, 'a')\nimport fcntl\nfcntl.flock(lock, fcntl.LOCK_SH)\ntime.sleep(600)\n"
    use(workspace, a_scanner(tmp_path / "fake", f"{body}{FINDS}"))
    command = [executable(), "scan", "--executor", where]
    child = subprocess.Popen(command, cwd=workspace, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with child:
        end = time.monotonic() + 60
        while not begun.exists() and time.monotonic() < end:
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=60)
    assert child.returncode == 130
    assert scan_of(state(workspace), "d")["state"] == "missing"
    # The workers scan for nobody: their scanners end as well.
    with begun.open() as lock:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(0.05)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_the_workers_of_a_mirror_update_end_with_it(
    workspace: Path,
    upstreams: dict[str, Upstream],
    cluster: tuple[str, list[int]],
    pinned: None,
    https_server: HttpsGitServer,
    hybrid: Hybrid,
    tmp_path: Path,
) -> None:
    where, _ = cluster
    mirror = tmp_path / "mirror"
    hybrid("mirror", "update", mirror, "--executor", where)
    upstreams["a"].commit({"README": os.urandom(1 << 18).hex()})
    served = mirror / f"localhost_{https_server.port}/a.git"
    before = snapshot(served)
    https_server.stall(1 << 16)
    command = [executable(), "mirror", "update", str(mirror), "--executor", where]
    child = subprocess.Popen(command, cwd=workspace, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with child:
        assert https_server.stalled.wait(60)
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=60)
    assert child.returncode == 130
    # Its lock is free: whoever writes there now is another run.
    assert not (mirror / ".incoming").exists()
    https_server.clear_faults()
    assert changes(before, snapshot(served)) == []
    hybrid("mirror", "update", mirror, env=https_server.env())
    assert git("rev-parse", "main", cwd=served) == upstreams["a"].rev("main")


def test_a_scheduler_that_is_killed_is_named(
    hybrid: Hybrid, workspace: Path, own_cluster: tuple[str, list[int]], pinned: None, tmp_path: Path
) -> None:
    where, pids = own_cluster
    begun = tmp_path / "begun"
    use(workspace, a_scanner(tmp_path / "fake", f"open({str(begun)!r}, 'w').close()\ntime.sleep(600)\n"))
    command = [executable(), "scan", "--executor", where]
    child = subprocess.Popen(command, cwd=workspace, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with child:
        end = time.monotonic() + 60
        while not begun.exists() and time.monotonic() < end:
            time.sleep(0.05)
        # It is in the process that started the workers.
        (scheduler,) = {_parent(pid) for pid in pids}
        os.kill(scheduler, signal.SIGKILL)
        _, err = child.communicate(timeout=60)
    assert child.returncode == 4, err
    assert err.count("error:") == 1
    assert f"no more work can be handed to {where}" in err
    assert f"hint: when it is there again: git hybrid scan --executor {where}" in err


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.parametrize(
    "where", ["", "dask", "dask://", "dask://host", "dask://host:x", "tcp://host:1", "dask://host:1/x", "dask://u@h:1"]
)
def test_an_address_that_is_none(hybrid: Hybrid, workspace: Path, where: str) -> None:
    write_manifest(workspace, "")
    assert "--executor" in hybrid("outdated", "--executor", where, check=2).err


def test_a_scheduler_that_is_not_there(hybrid: Hybrid, workspace: Path) -> None:
    write_manifest(workspace, "")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        where = f"dask://127.0.0.1:{taken.getsockname()[1]}"
        result = hybrid("outdated", "--executor", where, check=4)
    assert where in result.err
    assert "hint:" in result.err


def test_without_dask(hybrid: Hybrid, workspace: Path, tmp_path: Path) -> None:
    write_manifest(workspace, "")
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare/distributed.py").write_text("raise ModuleNotFoundError('no', name='distributed')\n")
    env = {"PYTHONPATH": str(tmp_path / "bare")}
    result = hybrid("outdated", "--executor", "dask://127.0.0.1:1", env=env, check=2)
    assert "git-hybrid[dask]" in result.err
    hybrid("outdated", env=env)
    hybrid("outdated", "--executor", "threads", env=env)


def test_scan_diff_looks_at_the_clones_that_are_here(hybrid: Hybrid, workspace: Path) -> None:
    write_manifest(workspace, "")
    hybrid("scan", "--diff", "--executor", "dask://127.0.0.1:1", check=2)


def test_dask_is_not_imported_without_executor(workspace: Path) -> None:
    write_manifest(workspace, "")
    code = "import sys; from git_hybrid.cli.main import main; main(['outdated']); print('distributed' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=workspace, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
