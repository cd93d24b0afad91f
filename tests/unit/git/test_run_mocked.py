"""The one door to children: exact arguments, environment, ends. git itself is mocked, or a small real child."""

from __future__ import annotations

import os
import re
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from git_hybrid.core.errors import BadArgument
from git_hybrid.git import environment
from git_hybrid.git.environment import (
    COMPARING,
    asking_environment,
    child_environment,
    hardened,
    obeying,
    on_path,
    to_read,
    user_environment,
)
from git_hybrid.git.fsck import fsck_settings
from git_hybrid.git.limits import Limits
from git_hybrid.git.network import network_settings
from git_hybrid.git.run import Runner

LIMITS = Limits(stall=timedelta(seconds=30), deadline=timedelta(minutes=1))
HARDENING = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=",
    "safe.bareRepository=explicit",
    "transfer.fsckObjects=true",
    "fetch.fsckObjects=true",
    "transfer.bundleURI=false",
    "promisor.acceptFromServer=none",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "core.fsync=all",
    "gc.auto=0",
    "maintenance.auto=false",
    "core.protectHFS=true",
    "core.protectNTFS=true",
    "core.useReplaceRefs=false",
    "core.autocrlf=false",
    "core.splitIndex=false",
    "credential.interactive=false",
]
LENIENT = "zeroPaddedFilemode badTimezone missingSpaceBeforeDate missingEmail missingSpaceBeforeEmail badEmail badDate"
FIXED = {
    "GIT_TERMINAL_PROMPT": "0",
    "SSH_ASKPASS_REQUIRE": "never",
    "GCM_INTERACTIVE": "never",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_EDITOR": "false",
    "GIT_TRACE2": "0",
    "GIT_TRACE2_EVENT": "0",
    "GIT_TRACE2_PERF": "0",
    "LC_ALL": "C",
    "LANGUAGE": "",
}
SURVIVE = [
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_ASKPASS",
    "SSH_AUTH_SOCK",
    "SSH_ASKPASS",
    "SSH_AGENT_PID",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_KEY_0",
    "GIT_CONFIG_VALUE_0",
    "GIT_CONFIG_PARAMETERS",
    "GIT_HTTP_LOW_SPEED_LIMIT",
    "GIT_HTTP_LOW_SPEED_TIME",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "no_proxy",
    "NO_PROXY",
    "HOME",
    "PATH",
    "XDG_CONFIG_HOME",
]
DROPPED = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_NAMESPACE",
    "GIT_TEMPLATE_DIR",
    "GIT_ATTR_SOURCE",
    "GIT_QUARANTINE_PATH",
    "GIT_EXTERNAL_DIFF",
    "GIT_TRACE",
    "GIT_TRACE_CURL",
    "GIT_TRACE2_EVENT",
    "GIT_TRACE_PACKET",
    "GIT_CURL_VERBOSE",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
]


def _runner(environ: dict[str, str] | None = None) -> Runner:
    runner = Runner(environ={"PATH": os.environ["PATH"], "GIT_SSH_COMMAND": "ssh"} | (environ or {}))
    runner.settings = frozenset()
    return runner


def _call(fp, runner: Runner, arguments: list[str], *, network: bool, **options):
    recorder = fp.register(["git", fp.any()], occurrences=5)
    if network:
        runner.git_network(arguments, limits=LIMITS, **options)
    else:
        runner.git(arguments, **options)
    call = recorder.calls[-1]
    return list(call.args), call.kwargs


def _settings(argv: list[str]) -> list[str]:
    return [argv[index + 1] for index, word in enumerate(argv) if word == "-c"]


def test_hardening_of_local_steps(fp, tmp_path):
    argv, options = _call(fp, _runner(), ["rev-parse", "HEAD"], network=False, git_dir=tmp_path, work_tree=tmp_path)
    assert argv == ["git", *hardened(), f"--git-dir={tmp_path}", f"--work-tree={tmp_path}", "rev-parse", "HEAD"]
    assert set(HARDENING) <= set(_settings(argv))
    assert options["stdin"] == subprocess.DEVNULL
    assert options["start_new_session"] is True
    assert not options.get("shell")
    env = options["env"]
    assert env["GIT_CONFIG_GLOBAL"] == env["GIT_CONFIG_SYSTEM"] == os.devnull
    assert env["GIT_CONFIG_NOSYSTEM"] == env["GIT_ATTR_NOSYSTEM"] == "1"
    assert FIXED.items() <= env.items()


@pytest.mark.parametrize("command", ["log", "diff-tree", "read-tree"])
def test_what_is_printed_depends_on_no_setting(fp, tmp_path, command):
    argv, _ = _call(fp, _runner(), [command, "HEAD"], network=False, git_dir=tmp_path)
    assert ("log.showSignature=false" in _settings(argv)) is (command != "read-tree")


def test_what_is_asked_of_the_outer_repository_runs_nothing_to_compare():
    text = "".join(file.read_text() for file in Path(environment.__file__).parent.glob("*.py"))
    asked = set(re.findall(r'"git",\s+"([\w-]+)"(?:,\s+"(--\w+)")?', text))
    named = {command for command, _ in asked}
    drivers = {"blame", "diff", "diff-files", "diff-index", "diff-tree", "format-patch", "grep", "log", "show"}
    assert {"log", "show"} <= named & drivers <= COMPARING
    for name in COMPARING:
        assert to_read(["git", name, "x"])[-4:] == [name, "--no-ext-diff", "--no-textconv", "x"]
    # These look at files of the working tree, and start a filter to compare them with what is staged.
    assert not named & {"add", "checkout", "commit", "diff-files", "merge", "reset", "stash", "status", "update-index"}
    assert {more for name, more in asked if name in ("diff", "diff-index")} == {"--cached"}
    # With --deleted alone it only looks whether they are there.
    assert ("ls-files", "--modified") not in asked


def test_hardening_of_network_steps(fp, tmp_path):
    argv, options = _call(fp, _runner(), ["ls-remote", "u"], network=True, git_dir=tmp_path)
    found = _settings(argv)
    assert set(HARDENING) <= set(found)
    assert {f"fetch.fsck.{word}=warn" for word in LENIENT.split()} <= set(found)
    assert found[-2:] == ["http.lowSpeedLimit=1000", "http.lowSpeedTime=30"]
    assert argv[-3:] == [f"--git-dir={tmp_path}", "ls-remote", "u"]
    assert options["stdin"] == subprocess.DEVNULL
    assert options["start_new_session"] is True
    assert FIXED.items() <= options["env"].items()
    assert "GIT_CONFIG_NOSYSTEM" not in options["env"]


@pytest.mark.parametrize("name", [".git", "bare"])
def test_network_steps_begin_where_the_user_stands_which_is_no_working_tree(fp, tmp_path, name):
    argv, options = _call(fp, _runner(), ["fetch", "u"], network=True, git_dir=tmp_path / name)
    assert options["cwd"] is None
    assert f"--git-dir={tmp_path}/{name}" in argv
    assert (f"--work-tree={tmp_path}/{name}" in argv) is (name == ".git")


def test_own_settings_stand_on_the_command_line_not_in_the_environment(fp):
    _, options = _call(fp, _runner(), ["fetch"], network=True)
    assert not any(key.startswith("GIT_CONFIG_") for key in options["env"])


@pytest.mark.parametrize("variable", ["GIT_HTTP_LOW_SPEED_LIMIT", "GIT_HTTP_LOW_SPEED_TIME"])
def test_low_speed_limits_of_the_user_stand(fp, variable):
    argv, _ = _call(fp, _runner({variable: "1"}), ["fetch"], network=True)
    assert not any(setting.startswith("http.lowSpeed") for setting in _settings(argv))


def test_ssh_never_asks_unless_the_user_chose_an_ssh(fp):
    runner = Runner(environ={"PATH": os.environ["PATH"]})
    fp.register(["git", "config", fp.any()], returncode=1)
    _, options = _call(fp, runner, ["fetch"], network=True)
    command = options["env"]["GIT_SSH_COMMAND"]
    assert command.startswith("ssh -oBatchMode=yes -oConnectTimeout=15 ")
    assert "StrictHostKeyChecking" not in command


@pytest.mark.parametrize("variable", ["GIT_SSH", "GIT_SSH_COMMAND"])
def test_an_ssh_of_the_environment_stands(fp, variable):
    runner = Runner(environ={"PATH": os.environ["PATH"], variable: "mine"})
    runner.settings = frozenset()
    _, options = _call(fp, runner, ["fetch"], network=True)
    ours = {key: value for key, value in options["env"].items() if key in ("GIT_SSH", "GIT_SSH_COMMAND")}
    assert ours == {variable: "mine"}


def test_an_ssh_of_the_configuration_stands(fp):
    runner = Runner(environ={"PATH": os.environ["PATH"]})
    fp.register(["git", "config", fp.any()], stdout=b"core.sshcommand\0")
    _, options = _call(fp, runner, ["fetch"], network=True)
    assert "GIT_SSH_COMMAND" not in options["env"]


def test_what_survives_for_the_network():
    env = child_environment(dict.fromkeys(SURVIVE, "/x"), network=True)
    assert {key for key in SURVIVE if env.get(key) != "/x"} == set()


def test_where_programs_are_does_not_depend_on_where_a_child_begins():
    env = child_environment({"PATH": ":/usr/bin:.:bin:/bin:"}, network=True)
    assert env["PATH"] == "/usr/bin:/bin"
    # An empty one names that folder too.
    assert child_environment({"PATH": "."}, network=True)["PATH"] == os.defpath


def test_a_program_is_looked_for_where_others_put_no_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here/setpriv").mkdir(parents=True)
    for place in ("setpriv", "there/setpriv"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).touch(0o755)
    path = f":.:there:{tmp_path}/here:{tmp_path}/there"
    assert on_path("setpriv", {"PATH": path}) == f"{tmp_path}/there/setpriv"
    assert on_path("setpriv", {"PATH": ":."}) != "./setpriv"


def test_configuration_of_the_user_is_unknown_to_local_steps():
    env = child_environment(dict.fromkeys(SURVIVE, "x"), network=False)
    left = {key: value for key, value in env.items() if key.startswith("GIT_CONFIG_")}
    null = os.devnull
    assert left == {"GIT_CONFIG_GLOBAL": null, "GIT_CONFIG_SYSTEM": null, "GIT_CONFIG_NOSYSTEM": "1"}


@pytest.mark.parametrize("network", [True, False])
def test_what_is_dropped(network):
    env = child_environment(dict.fromkeys(DROPPED, "x"), network=network)
    assert {key for key in DROPPED if env.get(key) == "x"} == set()


@pytest.mark.parametrize("network", [True, False])
def test_variables_that_nobody_listed_are_dropped(network):
    unknown = {"GIT_FUTURE_SETTING": "x", "GIT_EXEC_PATH": "/x", "GIT_PROXY_COMMAND": "x", "GIT_NOTES_REF": "x"}
    env = child_environment(unknown, network=network)
    assert {key for key in unknown if key in env} == set()


def test_what_git_calls_local_is_dropped():
    runner = Runner(environ=dict(os.environ))
    names = runner.git(["rev-parse", "--local-env-vars"]).stdout.decode().split()
    kept = {"GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT", "GIT_NO_REPLACE_OBJECTS"}
    env = child_environment(dict.fromkeys(names, "x"), network=True)
    assert {name for name in names if env.get(name) == "x"} <= kept


@pytest.mark.parametrize(
    ("given", "want"), [(None, "https:ssh:file"), ("ssh:http", "ssh"), ("file", "file"), ("ext:git", "none")]
)
def test_protocols_are_those_that_the_user_allows_too(given, want):
    env = child_environment({} if given is None else {"GIT_ALLOW_PROTOCOL": given}, network=True)
    assert env["GIT_ALLOW_PROTOCOL"] == want


@pytest.mark.parametrize(
    ("config", "given", "want"),
    [
        ({}, None, "https:ssh:file"),
        ({"protocol.allow": "user"}, None, "https:ssh:file"),
        ({"protocol.allow": "Never"}, None, "none"),
        ({"protocol.allow": "never", "protocol.https.allow": "always"}, None, "https"),
        ({"protocol.file.allow": "never", "protocol.ext.allow": "always"}, None, "https:ssh"),
        ({"protocol.ssh.allow": "what git does not know"}, None, "https:file"),
        ({"protocol.allow": "never"}, "file:git", "file"),
    ],
)
def test_protocols_are_those_that_the_settings_of_the_user_allow(config, given, want):
    environ = {} if given is None else {"GIT_ALLOW_PROTOCOL": given}
    assert child_environment(obeying(environ, config), network=True)["GIT_ALLOW_PROTOCOL"] == want


def test_what_reads_may_use_no_protocol():
    """A git that does not know GIT_NO_LAZY_FETCH would fetch what a partial clone lacks."""
    for env in (child_environment({}, network=False), asking_environment({"GIT_ALLOW_PROTOCOL": "file"})):
        assert env["GIT_ALLOW_PROTOCOL"] == "none"
    assert "GIT_CONFIG_GLOBAL" not in asking_environment({})


def test_nobody_is_asked_for_a_password():
    for environ in ({}, {"SSH_ASKPASS": "", "SSH_ASKPASS_REQUIRE": "force"}):
        env = child_environment(environ, network=True)
        # git asks core.askPass before SSH_ASKPASS, and neither where the first of them is set.
        assert "GIT_ASKPASS" not in env
        assert (env["SSH_ASKPASS"], env["SSH_ASKPASS_REQUIRE"]) == ("false", "never")
    assert child_environment({"GIT_ASKPASS": "x"}, network=False)["GIT_ASKPASS"] == "false"


def test_a_program_that_the_user_named_may_be_asked():
    named = {"GIT_ASKPASS": "a", "SSH_ASKPASS": "b", "SSH_ASKPASS_REQUIRE": "force"}
    assert named.items() <= child_environment(named, network=True).items()
    assert "SSH_ASKPASS_REQUIRE" not in child_environment({"SSH_ASKPASS": "b"}, network=True)


@pytest.mark.parametrize(
    ("environ", "chosen", "asks"),
    [({}, [], False), ({"GIT_ASKPASS": "a"}, [], True), ({"SSH_ASKPASS": "a"}, [], True), ({}, ["core.askpass"], True)],
)
def test_a_git_that_would_ask_nobody_asks_that_program(environ, chosen, asks):
    settings = network_settings(environ, chosen, LIMITS.stall)
    assert ("credential.interactive=true" in settings) is asks


def test_certificates_cannot_be_switched_off():
    with pytest.raises(BadArgument):
        child_environment({"GIT_SSL_NO_VERIFY": "1"}, network=True)


def test_a_command_of_the_user_keeps_the_environment():
    given = {"GIT_AUTHOR_NAME": "a", "GIT_DIR": "d", "EDITOR": "e", "GIT_INDEX_FILE": "i"}
    assert user_environment(given) == {"GIT_AUTHOR_NAME": "a", "EDITOR": "e"}
    # It begins in a clone, where the rest would be found.
    assert user_environment({"PATH": "bin:/x:.::/y"}) == {"PATH": "/x:/y"}


def test_lenient_checks_are_warnings():
    assert all(setting.startswith("fsck.") and setting.endswith("=warn") for setting in fsck_settings("fsck"))


def test_output_and_status_come_back(fp):
    fp.register(["git", fp.any()], stdout=b"\xffout", stderr=b"\xfferr", returncode=3)
    done = _runner().git(["x"])
    assert (done.status, done.stdout, done.stderr) == (3, b"\xffout", "\ufffderr")
