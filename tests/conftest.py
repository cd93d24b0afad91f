"""Fixtures for all tests: a closed sandbox, upstreams, servers and the installed command."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from pytest_subprocess import FakeProcess
from pytest_subprocess.process_dispatcher import ProcessDispatcher

# Not every import mode of pytest puts the folder of a conftest on the path.
sys.path.insert(0, str(Path(__file__).parent))

from support import sandbox
from support.beginning import Beginning, Begun, surroundings
from support.cli import STARTER, Hybrid, Result, run_hybrid
from support.https_server import HttpsGitServer
from support.pki import Pki, create_pki
from support.ssh_server import SshGitServer
from support.upstream import Upstream, UpstreamFactory

pytest.register_assert_rewrite("support.injection", "support.kit")

REAL_HOME = Path(os.environ.get("HOME") or Path.home())
MAX_PID = 1 << 22
"""The highest pid_max that Linux takes: no process has a pid above it."""

HOME_SEEN = pytest.StashKey[sandbox.Snapshot]()


def pytest_configure(config: pytest.Config) -> None:
    """Remember the real home before any test runs."""
    config.stash[HOME_SEEN] = sandbox.home_snapshot(REAL_HOME)


@pytest.fixture(autouse=True)
def hermetic(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Isolate the test, and fail it if it reached the network or the user's real home."""
    with (
        sandbox.hermetic_environment(tmp_path_factory.mktemp("home")),
        sandbox.loopback_only() as refused,
    ):
        yield
    stash = request.config.stash
    before, stash[HOME_SEEN] = stash[HOME_SEEN], sandbox.home_snapshot(REAL_HOME)
    changed = sandbox.home_changes(before, stash[HOME_SEEN])
    if changed:
        pytest.fail(f"the test changed {', '.join(changed)} in the real home {REAL_HOME}")
    if refused:
        pytest.fail(f"the test tried to connect to {', '.join(refused)}")


@pytest.fixture(scope="session", autouse=True)
def starter() -> Iterator[None]:
    """End the process that starts commands when all tests are done."""
    yield
    STARTER.stop()


@pytest.fixture
def fp(fp: FakeProcess, monkeypatch: pytest.MonkeyPatch) -> FakeProcess:
    """Mocked children with pids that no process has: the limits of a child would be set on whatever has its pid.

    Nor have they pipes that could be waited for.
    """

    def give_away(talker, out, err, _check) -> None:
        for data, take in zip(talker.communicate(), (out, err), strict=True):
            take(data or b"")

    monkeypatch.setattr(ProcessDispatcher, "_pid", MAX_PID)
    monkeypatch.setattr("git_hybrid.git.child._give_away", give_away)
    return fp


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """A throw-away authority and the certificate of the test servers."""
    return create_pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def beginning(tmp_path_factory: pytest.TempPathFactory) -> Beginning:
    """Make upstreams and a workspace once for the tests of a module that change them."""
    return Beginning(tmp_path_factory.mktemp("begun") / "place")


@pytest.fixture
def site_folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The folder of the upstreams and the workspace."""
    if "beginning" not in request.fixturenames:
        return tmp_path
    folder: Path = request.getfixturevalue("beginning").place
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


@pytest.fixture
def upstreams_root(site_folder: Path) -> Path:
    """The folder that both servers serve."""
    root = site_folder / "upstreams"
    root.mkdir()
    return root


@pytest.fixture
def upstream_factory(upstreams_root: Path) -> UpstreamFactory:
    """Make upstream repositories below the folder that the servers serve."""

    def make(
        name: str = "tool",
        *,
        object_format: str = "sha1",
        any_sha: bool = True,
        filters: bool = True,
    ) -> Upstream:
        return Upstream.create(
            upstreams_root / f"{name}.git",
            object_format=object_format,
            any_sha=any_sha,
            filters=filters,
        )

    return make


@pytest.fixture
def https_server(upstreams_root: Path, pki: Pki) -> Iterator[HttpsGitServer]:
    """The upstreams over https; `auth` and `latency` can be set on the server."""
    with HttpsGitServer(upstreams_root, pki=pki) as server:
        yield server


@pytest.fixture(scope="module")
def lasting_server(beginning: Beginning, pki: Pki) -> Iterator[HttpsGitServer]:
    """The upstreams of all tests of a module over https, for a workspace that names its port; `forget` before each."""
    with HttpsGitServer(beginning.place / "upstreams", pki=pki) as server:
        yield server


@pytest.fixture
def ssh_server(upstreams_root: Path, tmp_path: Path) -> Iterator[SshGitServer]:
    """The upstreams over ssh."""
    if shutil.which("ssh") is None:
        pytest.fail("this test needs the OpenSSH client: install `ssh`")
    with SshGitServer(upstreams_root, folder=tmp_path / "ssh") as server:
        yield server


@pytest.fixture
def workspace(site_folder: Path) -> Path:
    """An empty folder for a workspace."""
    folder = site_folder / "ws"
    folder.mkdir()
    return folder


@pytest.fixture
def hybrid(workspace: Path) -> Hybrid:
    """Run the installed `git-hybrid`, in the workspace unless `cwd` says otherwise."""

    def run(
        *args: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str | None] | None = None,
        input: str | None = None,
        check: int | None = 0,
    ) -> Result:
        folder = workspace if cwd is None else cwd
        return run_hybrid(*args, cwd=folder, env=env, input=input, check=check)

    return run


@pytest.fixture
def begun(hybrid: Hybrid, workspace: Path, upstreams_root: Path, beginning: Beginning) -> Begun:
    """Do as `support.kit.started` does; commands run for the first test of a module that asks for the same alone."""

    def begin(*words: str, sync: bool = True) -> None:
        def make() -> None:
            hybrid("init")
            hybrid("add", *words)
            if sync:
                hybrid("sync")

        assert not any(workspace.iterdir())
        beginning(workspace, make, of=(words, sync, surroundings(upstreams_root)))

    return begin
