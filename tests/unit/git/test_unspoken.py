"""No command of the user's for ssh or a login is told: secrets may stand in it."""

from __future__ import annotations

import os
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from git_hybrid.core.errors import LocalIo
from git_hybrid.git import unspoken
from git_hybrid.git.limits import Limits
from git_hybrid.git.run import Completed, Runner
from git_hybrid.git.unspoken import named, without_commands

CANARY = "c4n4ryS3cr3t99"
FUNCTION = f"f() {{ printf 'password=%s\\n' {CANARY} | nosuch; }}; f"


@pytest.mark.parametrize(
    ("command", "stderr", "told"),
    [
        (f"sshpass -p {CANARY} ssh", "{}: 1: sshpass: not found", "sshpass: 1: sshpass: not found"),
        (f"sshpass -p {CANARY} ssh", "{}: line 1: sshpass: command not found", "sshpass: line 1: sshpass: command"),
        (f"SSHPASS={CANARY} sshpass -e ssh", "{}: 1: sshpass: not found", "***: 1: sshpass: not found"),
        (f"ssh -o 'X={CANARY}", "{}: 1: Syntax error: Unterminated", "ssh: 1: Syntax error: Unterminated"),
        (f"a ({CANARY}", '{0}: -c: line 1: syntax error\n{0}: -c: line 1: `{0} "$@"\'', "a: -c: line 1: syntax error"),
        (FUNCTION, "{} get: 1: nosuch: not found\nfatal: x", "f(): 1: nosuch: not found\nfatal: x"),
    ],
)
def test_a_shell_names_the_program_alone_also_of_a_command_that_nobody_knows(
    command: str, stderr: str, told: str
) -> None:
    for known in ((command,), (f"!{command}", command, "", "ssh"), ()):
        said = named(stderr.format(command), known)
        assert CANARY not in said
        assert said.replace(" get:", ":").startswith(told)


def test_a_command_of_several_lines_is_named_as_a_whole() -> None:
    command = f"f() {{\n\tvault login -p {CANARY}\n}}; f"
    for stderr in (f"{command} get: 2: vault: not found", f"x: -c: line 2: `\tvault login -p {CANARY}'"):
        assert CANARY not in named(stderr, [f"!{command}"])


@pytest.mark.parametrize(
    "stderr",
    [
        "fatal: unable to access 'https://git.example:8443/a b': 22: x",
        "remote: hooks/pre receive: line 3: foo: command not found",
        "/home/me/.ssh/config: line 3: Bad configuration option: x",
        "ssh: connect to host h port 22: Connection refused",
        "nosuch: 1: nosuch: not found",
    ],
)
def test_other_words_stay(stderr: str) -> None:
    assert named(stderr, ["ssh", "store", "git credential"]) == stderr


@pytest.mark.parametrize("key", ["core.sshCommand", "credential.helper", "credential.https://git.example.helper"])
def test_the_settings_of_the_user_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.chdir(tmp_path)
    command = f"first -p {CANARY}\nsecond"
    subprocess.run(["git", "config", "--file", "config", key, command], check=True)
    runner = Runner(environ={**os.environ, "GIT_CONFIG_GLOBAL": str(tmp_path / "config"), "GIT_ASKPASS": f"x {CANARY}"})
    done = without_commands(runner, Completed(1, b"", f"{command}: 2: y\nerror: cannot run x {CANARY}: z"))
    assert done.stderr == "first: 2: y\nerror: cannot run x: z"


def test_a_step_that_fails_tells_no_command() -> None:
    runner = Runner(environ={**os.environ, "GIT_SSH_COMMAND": f"nosuch -p {CANARY}"})
    limits = Limits(stall=timedelta(seconds=9), deadline=timedelta(seconds=30))
    done = runner.git_network(["ls-remote", "ssh://git@host.invalid/x"], limits=limits)
    assert CANARY not in done.stderr
    assert "not found" in done.stderr


def test_where_git_tells_no_settings_the_failure_itself_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> Completed:
        raise LocalIo(path="x", operation="write to", reason="No space left on device")

    monkeypatch.setattr(unspoken, "settings_of_user", full)
    done = Completed(1, b"", "error: file write error: No space left on device")
    assert without_commands(Runner(environ={}), done) == done
