from __future__ import annotations

import errno
import os
from datetime import timedelta
from pathlib import Path

import pytest

from git_hybrid.core.errors import BadArgument
from git_hybrid.git import apart
from git_hybrid.git.environment import led_nowhere, of_ssh, silenced
from git_hybrid.git.limits import Limits
from git_hybrid.git.permitted import policy_of
from git_hybrid.git.run import Runner
from git_hybrid.git.settings import read_config
from git_hybrid.git.skeleton import write_skeleton


def test_hooks_of_the_configuration_are_switched_off_by_name() -> None:
    keys = {"hook.lint.command", "hook.a.b c.command", "core.sshcommand"}
    assert silenced(keys) == ["hook.a.b c.enabled=false", "hook.lint.enabled=false"]


def test_a_command_for_borrowed_refs_is_replaced_only_where_there_is_one() -> None:
    assert silenced({"core.alternaterefscommand"}) == ["core.alternateRefsCommand=true"]
    assert silenced(()) == []


def test_a_name_that_could_be_read_as_another_setting_is_refused() -> None:
    with pytest.raises(BadArgument):
        silenced({"hook.x.enabled=false --.command"})


def test_certificates_are_verified_whatever_a_setting_for_some_servers_says() -> None:
    keys = {"http.https://b.sslverify", "http.https://A/x.sslverify", "http.https://a.proxy"}
    assert silenced(keys) == ["http.https://A/x.sslverify=true", "http.https://b.sslverify=true"]
    with pytest.raises(BadArgument):
        silenced({"http.https://a/?x=y.sslverify"})


def test_no_redirect_is_followed_whatever_a_setting_for_some_servers_says() -> None:
    keys = {"http.https://b.followredirects", "http.https://a.proxy"}
    assert led_nowhere(keys) == ["http.followRedirects=false", "http.https://b.followredirects=false"]
    with pytest.raises(BadArgument, match="judged"):
        led_nowhere({"http.https://a/?x=y.followredirects"})


def test_the_keys_are_read_from_the_users_configuration(tmp_path) -> None:
    config = tmp_path / "config"
    config.write_text('[hook "Mine"]\n\tcommand = touch x\n[core]\n\tsshCommand = mine\n\talternateRefsCommand = x\n')
    runner = Runner(environ={"GIT_CONFIG_GLOBAL": str(config), "GIT_CONFIG_NOSYSTEM": "1", "PATH": "/usr/bin:/bin"})
    assert runner.chosen == {"hook.Mine.command", "core.sshcommand", "core.alternaterefscommand"}
    assert of_ssh(runner.environ, runner.chosen) == {}


def test_those_of_the_repository_around_count_nowhere_and_those_that_count_for_its_place_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top, global_ = tmp_path / "top", tmp_path / "config"
    write_skeleton(top / ".git", object_format="sha1", more="[core]\n\tsshCommand = theirs\n[hook.x]\n\tcommand = y\n")
    global_.write_text(f'[includeIf "gitdir:{tmp_path}/"]\n\tpath = {tmp_path}/more\n')
    ran = tmp_path / "ran"
    (tmp_path / "more").write_text(f'[core]\n\tsshCommand = "touch {ran}; false"\n')
    monkeypatch.chdir(top)
    environ = {"GIT_CONFIG_GLOBAL": str(global_), "GIT_CONFIG_NOSYSTEM": "1", "PATH": "/usr/bin:/bin"}
    expected = {f"includeif.gitdir:{tmp_path}/.path", "core.sshcommand"}
    runner = Runner(environ=environ)
    assert runner.chosen == expected
    read_config(runner, top)
    assert runner.chosen == expected
    limits = Limits(stall=timedelta(seconds=9), deadline=timedelta(seconds=9))
    asked = runner.git_network(["ls-remote", "ssh://git@nowhere.invalid/x"], limits=limits)
    assert asked.status != 0
    assert ran.exists()


@pytest.mark.parametrize(("url", "holds"), [("ssh://git@one.invalid/x", True), ("ssh://git@two.invalid/x", False)])
def test_settings_for_a_remote_hold_where_it_is_asked_before_there_is_a_clone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, holds: bool
) -> None:
    ran = tmp_path / "ran"
    config = f'[includeIf "hasconfig:remote.*.url:ssh://git@one.invalid/**"]\n\tpath = {tmp_path}/more\n'
    (tmp_path / "config").write_text(config)
    (tmp_path / "more").write_text(f'[core]\n\tsshCommand = "touch {ran}; false"\n')
    monkeypatch.chdir(tmp_path)
    environ = {"GIT_CONFIG_GLOBAL": str(tmp_path / "config"), "GIT_CONFIG_NOSYSTEM": "1", "PATH": "/usr/bin:/bin"}
    limits = Limits(stall=timedelta(seconds=9), deadline=timedelta(seconds=9))
    asked = Runner(environ=environ).git_network(["ls-remote", "--end-of-options", url], limits=limits)
    assert asked.status != 0
    assert ran.exists() is holds


def test_a_file_of_authorities_that_git_does_not_tell_is_not_that_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[http]\n\tsslCAInfo = ~nobody-of-this-name/ca\n")
    environ = {**os.environ, "HOME": str(tmp_path), "GIT_CONFIG_GLOBAL": str(tmp_path / "config")}
    assert not policy_of(Runner(environ=environ)).https
    (tmp_path / "config").write_text("[http]\n\tsslCAInfo = /ca\n")
    assert policy_of(Runner(environ=environ)).authorities == "/ca"


def test_nothing_is_left_where_no_more_files_may_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    (tmp_path / "top/.git").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "top")
    monkeypatch.setattr(apart, "temporary_folder", lambda: str(tmp_path))
    with apart.apart() as places:
        assert Path(places["GIT_COMMON_DIR"]).parent == tmp_path
        monkeypatch.setattr(os, "open", refuse)
        monkeypatch.setattr(os, "scandir", refuse)
    assert os.listdir(tmp_path) == ["top"]
