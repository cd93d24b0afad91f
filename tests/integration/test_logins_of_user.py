"""What the user has set for logins and certificates counts for each step alike, as it does for git itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from support.cli import Hybrid
from support.https_server import HttpsGitServer
from support.kit import git, head, lock
from support.upstream import UpstreamFactory


def _git() -> tuple[int, ...]:
    version = subprocess.run(["git", "version"], capture_output=True, check=True, text=True).stdout.split()[2]
    return tuple(int(part) for part in version.split(".")[:2])


ANSWERS = '#!/bin/sh\ncase "$1" in *sername*) echo me;; *) echo hunter2;; esac\n'


@pytest.fixture
def server(https_server: HttpsGitServer, upstream_factory: UpstreamFactory) -> HttpsGitServer:
    upstream_factory().commit({"README": "one\n"})
    https_server.auth = ("me", "hunter2")
    return https_server


def _program(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def _setting(key: str, value: object) -> dict[str, str]:
    return {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": key, "GIT_CONFIG_VALUE_0": str(value)}


@pytest.mark.parametrize("how", ["core.askPass", "SSH_ASKPASS"])
def test_a_program_that_the_user_named_is_asked(
    hybrid: Hybrid, workspace: Path, tmp_path: Path, server: HttpsGitServer, how: str
) -> None:
    program = _program(tmp_path / "answers", ANSWERS)
    more = {how: str(program)} if how.isupper() else _setting(how, program)
    hybrid("init")
    hybrid("add", server.url("tool.git"), env=server.env() | more)
    hybrid("sync", env=server.env() | more)
    assert head(workspace) == lock(workspace)["tool"]["commit"]


def test_paths_are_those_of_the_folder_that_one_stands_in(
    hybrid: Hybrid, workspace: Path, server: HttpsGitServer
) -> None:
    _program(workspace / "answers", ANSWERS)
    (workspace / "ca.pem").write_bytes(server.ca_file.read_bytes())
    env = {"GIT_SSL_CAINFO": "ca.pem", "GIT_ASKPASS": "./answers"}
    hybrid("init")
    hybrid("add", server.url("tool.git"), env=env)
    hybrid("sync", env=env)
    assert "failed" not in hybrid("outdated", env=env).out


@pytest.mark.skipif(_git() < (2, 36), reason="git knows no includeIf.hasconfig yet")
@pytest.mark.parametrize("place", ["in a repository", "in none"])
def test_settings_for_a_remote_count_before_there_is_a_clone(
    hybrid: Hybrid, workspace: Path, tmp_path: Path, server: HttpsGitServer, place: str
) -> None:
    server.auth = None
    if place == "in a repository":
        git("init", "-q", cwd=workspace)
    (tmp_path / "more").write_text(f"[http]\n\tsslCAInfo = {server.ca_file}\n")
    env = _setting("includeIf.hasconfig:remote.*.url:https://localhost:*/**.path", tmp_path / "more")
    hybrid("init")
    hybrid("add", server.url("tool.git"), env=env)
    hybrid("sync", env=env)
    assert "failed" not in hybrid("outdated", env=env).out


@pytest.mark.parametrize(
    ("how", "told"), [("credential.helper", "the credential helper"), ("core.askPass", "the program that is asked for")]
)
def test_at_the_deadline_it_is_told_that_a_login_was_waited_for(
    hybrid: Hybrid, workspace: Path, tmp_path: Path, server: HttpsGitServer, how: str, told: str
) -> None:
    program = _program(tmp_path / "sleeps", "#!/bin/sh\nsleep 60\n")
    (workspace / "sources.toml").write_text("schema_version = 1\n[defaults]\ndeadline = '1s'\n")
    result = hybrid("add", server.url("tool.git"), env=server.env() | _setting(how, program), check=4)
    assert f"cause: no end after 1 s: {told}" in result.err
    assert "has not answered" in result.err
