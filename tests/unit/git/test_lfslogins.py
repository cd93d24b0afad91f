"""Whom git-lfs shows a login of the user's: git is asked as git-lfs asks it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from git_hybrid.core.manifest import Policy
from git_hybrid.git.environment import as_options, child_environment
from git_hybrid.git.lfslogins import LOGINS, logins, not_shown
from git_hybrid.git.lfsterms import hosts_of_settings, terms_of
from git_hybrid.git.run import Runner

SAYS = "!f() { echo $1 $(cat) >>%s; echo username=ci; echo password=TOKEN; }; f"


def _asked(tmp_path: Path, text: str, more: Mapping[str, str], does: str = "fill") -> tuple[str, list[str]]:
    """Return what git answers git-lfs, and what the helper of the user was asked."""
    log = tmp_path / "log"
    config = tmp_path / "config"
    config.write_text(f'[credential]\n\thelper = "{SAYS % log}"\n')
    environ = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": str(config), "GIT_CONFIG_NOSYSTEM": "1", **more}
    runner = Runner(environ=environ)
    policy = Policy(hosts=frozenset({"mirror.example"}))
    terms = terms_of(runner, "https://Git.example:8443/r.git", tmp_path, policy, str)
    env = child_environment(environ, network=True) | terms.logins
    done = subprocess.run(
        ["git", *as_options(LOGINS), "credential", does],
        input=text,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    return done.stdout, log.read_text().splitlines() if log.exists() else []


@pytest.mark.parametrize(
    ("protocol", "host", "shown"),
    [
        ("https", "git.example:8443", True),
        ("https", "GIT.example", True),
        ("https", "mirror.example", True),
        ("https", "evil.example", False),
        ("https", "mirror.example.evil.example", False),
        ("https", "", False),
        ("https", "*", False),
        ("http", "git.example:8443", False),
    ],
)
def test_a_login_is_for_the_server_and_the_hosts_of_policy(
    tmp_path: Path, protocol: str, host: str, shown: bool
) -> None:
    told, log = _asked(tmp_path, f"protocol={protocol}\nhost={host}\n\n", {})
    assert ("password=TOKEN" in told) is shown
    assert bool(log) is shown


def test_whoever_asks_the_user_is_not_asked_either(tmp_path: Path) -> None:
    program = tmp_path / "askpass"
    program.write_text(f"#!/bin/sh\necho $1 >>{tmp_path}/log\necho TOKEN\n")
    program.chmod(0o755)
    # Which also tells that settings of a command line are the user's.
    named = "'credential.helper='"
    for more in (
        {"GIT_ASKPASS": str(program), "GIT_CONFIG_PARAMETERS": named},
        {"GIT_CONFIG_PARAMETERS": f"{named} 'core.askpass={program}'"},
        {"SSH_ASKPASS": str(program), "GIT_CONFIG_PARAMETERS": named},
    ):
        _refuses_and_tells(tmp_path, more)
    more = {"GIT_ASKPASS": "", "GIT_CONFIG_PARAMETERS": f"{named} 'core.askpass={program}'"}
    assert _asked(tmp_path, "protocol=https\nhost=git.example\n\n", more) == ("", [])


def _refuses_and_tells(tmp_path: Path, more: Mapping[str, str]) -> None:
    assert _asked(tmp_path, "protocol=https\nhost=evil.example\n\n", more) == ("", [])
    told, log = _asked(tmp_path, "protocol=https\nhost=git.example\n\n", more)
    assert "password=TOKEN" in told
    assert len(log) == 2
    (tmp_path / "log").unlink()


def test_what_was_good_is_told_and_what_was_not_ends_it(tmp_path: Path) -> None:
    text = "protocol=https\nhost=git.example\nusername=u\npassword=p\n\n"
    assert [line.split()[0] for line in _asked(tmp_path, text, {}, "approve")[1]] == ["store"]
    assert [line.split()[0] for line in _asked(tmp_path, text, {}, "reject")[1]] == ["store", "erase"]


def test_where_settings_lead_is_a_server_too() -> None:
    keys = {"url.https://t@mirror.example/x/.insteadof", "url.git@host:.insteadof", "url.", "core.sshcommand"}
    assert "mirror.example" in hosts_of_settings(keys)


@pytest.mark.parametrize(
    ("server", "told"),
    [
        ("https://Evil.example:8443/x?y", "https://Evil.example:8443"),
        ("https://evil.example", "https://evil.example"),
        ("https://GIT.example:8443/x", ""),
        ("https://[::1]:8443/x", ""),
    ],
)
def test_a_server_that_wanted_a_login_in_vain_is_named(server: str, told: str) -> None:
    words = f"LFS: Git credentials for {server} not found. / error: failed to fetch some objects"
    assert not_shown(words, logins({}, ["git.example", "::1"])) == told
    assert not_shown("access denied", logins({}, [])) == ""
