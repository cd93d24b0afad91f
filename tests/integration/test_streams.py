"""What becomes of a command whose streams are closed, or go where there is no room."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from git_hybrid.cli.commands.hooks import _script
from support.beginning import Begun
from support.cli import Hybrid, executable, merged_env
from support.kit import git, head
from support.upstream import Upstream, UpstreamFactory

CLOSED = ["2>&-", ">&-", "<&-", "<&- >&- 2>&-", "2>/dev/full"]


def started(words: str, redirected: str, *, cwd: Path, name: str = "git-hybrid") -> subprocess.CompletedProcess[str]:
    line = f'exec "{executable(name)}" {words} {redirected}'
    return subprocess.run(["sh", "-c", line], cwd=cwd, env=merged_env({}), capture_output=True, text=True, check=False)


@pytest.fixture
def upstream(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    upstream.commit({"README": "one\n"}, "first")
    return upstream


@pytest.fixture
def pinned(workspace: Path, upstream: Upstream, begun: Begun) -> Path:
    begun(upstream.url, "--name", "tool", sync=False)
    return workspace


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full")
@pytest.mark.parametrize("redirected", CLOSED)
def test_nobody_who_listens_is_no_reason_not_to_work(pinned: Path, upstream: Upstream, redirected: str) -> None:
    done = started("sync", redirected, cwd=pinned)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert head(pinned) == upstream.rev("main")
    assert json.loads((pinned / "state/sources.json").read_text())["sources"][0]["commit_sha"] == head(pinned)
    # No file got what was said.
    assert git("status", "--porcelain", cwd=pinned / "sources/tool") == ""
    assert started("check", "", cwd=pinned).returncode == 0


@pytest.mark.parametrize("words", ["status", "status --json", "resume", "-h", "pin nothing", "nonsense --json"])
def test_what_ends_well_or_badly_ends_so_without_a_listener(pinned: Path, words: str) -> None:
    status = started(words, "", cwd=pinned).returncode
    for redirected in CLOSED:
        done = started(words, redirected, cwd=pinned)
        assert done.returncode == status, (redirected, done.stderr)
        assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full")
@pytest.mark.parametrize(
    "words",
    [
        *("status", "status --json", "status --porcelain", "diff", "outdated --json", "config", "diag"),
        *("audit log", "audit export", "audit export --format html", "override export", "override export --format md"),
        *("sbom", "dashboard", "dashboard -o -", "schema", "schema status", "completion bash"),
        *("-h", "--help", "--version", "help", "help sync", "sync -h", "audit log -h"),
    ],
)
def test_an_answer_that_cannot_be_written_is_a_failure(pinned: Path, words: str) -> None:
    done = started(words, ">/dev/full", cwd=pinned)
    assert done.returncode == 74
    told = done.stderr[done.stderr.index("error: ") :]
    assert told == (
        "error: what the command says could not be written: No space left on device\n"
        "cause: it only looks: run it again where there is room for what it says\n"
        "hint: git hybrid status\n"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full")
def test_what_was_done_is_not_to_be_done_again_for_its_report(pinned: Path) -> None:
    done = started("remove tool", ">/dev/full", cwd=pinned)
    assert done.returncode == 74
    assert "it has done what it was asked for" in done.stderr
    assert "run the command again" not in done.stderr
    assert "tool" not in (pinned / "sources.toml").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full")
@pytest.mark.parametrize("words", ["sync", "sync --json", "pin --all", "pin --all --json"])
def test_what_failed_says_why_and_keeps_its_status_without_room_for_its_report(pinned: Path, words: str) -> None:
    with (pinned / "sources.toml").open("a") as manifest:
        # As many as no buffer holds.
        for number in range(200):
            manifest.write(f'\n[source.gone-{number}]\nurl = "file:///nowhere"\nbranch = "main"\n')
    status = started(words, ">/dev/null", cwd=pinned).returncode
    assert status in (1, 4)
    done = started(words, ">/dev/full", cwd=pinned)
    assert done.returncode == status
    assert "error: what the command says could not be written: " in done.stderr
    assert done.stderr.count("error: gone-") == 200
    assert "it has done" not in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full")
@pytest.mark.parametrize("words", ["sync -n", "sync"])
def test_only_what_was_done_is_called_done(pinned: Path, words: str) -> None:
    done = started(words, ">/dev/full", cwd=pinned)
    assert done.returncode == 74
    assert ("it has done what it was asked for" in done.stderr) is (words == "sync")
    assert ("it only looks" in done.stderr) is (words != "sync")


@pytest.mark.parametrize("hook", ["metadata", "check"])
def test_a_hook_without_streams(pinned: Path, hook: str) -> None:
    git("init", "-q", cwd=pinned)
    git("add", "-A", cwd=pinned)
    name = f"git-hybrid-hook-{hook}"
    status = started("", "", cwd=pinned, name=name).returncode
    for redirected in CLOSED:
        done = started("", redirected, cwd=pinned, name=name)
        assert done.returncode == status, (redirected, done.stderr)
        assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full")
@pytest.mark.parametrize(("unbuffered", "status"), [("", 2), ("1", 74)])
def test_a_hook_that_cannot_say_what_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unbuffered: str, status: int
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    git("init", "-q", cwd=tmp_path)
    (tmp_path / "sources.toml").write_text("nonsense\n")
    git("add", "-A", cwd=tmp_path)
    for words, code in (("", status), ("--help", 74)):
        done = started(words, ">/dev/full", cwd=tmp_path, name="git-hybrid-hook-metadata")
        told = "error: what the command says could not be written: No space left on device\n"
        assert (done.returncode, done.stderr) == (code, told)
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        argv = [executable("git-hybrid-hook-metadata")]
        gone = subprocess.run(argv, cwd=tmp_path, stdout=pipe, stderr=subprocess.PIPE, check=False)
    assert (gone.returncode, gone.stderr) == (141, b"")


@pytest.mark.parametrize("encoding", ["ascii", "ascii:strict", "latin-1"])
def test_a_character_that_a_stream_does_not_have_stops_nothing(
    hybrid: Hybrid, workspace: Path, upstream: Upstream, encoding: str
) -> None:
    env = {"PYTHONIOENCODING": encoding}
    upstream.commit({"n\u00e9e\u4e16": "x\n"}, "named \u4e16")
    hybrid("init")
    hybrid("add", upstream.url, "--name", "tool")
    hybrid("sync")
    upstream.commit({"README": "two\n", "n\u00e9e\u4e16": "y\n"}, "\u4e16")
    assert " -> " in hybrid("outdated", env=env).out
    assert "\\u4e16" in hybrid("diff", "--upstream", env=env).out
    assert " -> " in hybrid("pin", "tool", env=env).out
    assert " -> " in hybrid("sync", env=env).out
    (workspace / "sources/tool/n\u00e9e\u4e16").write_text("mine\n")
    assert "\\u4e16" in hybrid("diff", env=env).out
    assert "\\u4e16" in hybrid("sync", env=env, check=3).err
    hybrid("audit", "log", env=env)
    # What a file would hold is the file's bytes, whatever a terminal takes.
    for words in (["dashboard"], ["audit", "export", "--format", "html"]):
        done = subprocess.run(
            [executable(), *words], cwd=workspace, env=merged_env(env), capture_output=True, check=True
        )
        assert done.stdout.decode("utf-8").rstrip().endswith("</html>")


@pytest.mark.parametrize("encoding", ["utf-16", "cp037"])
def test_lines_and_json_are_ascii_at_least(tmp_path: Path, encoding: str) -> None:
    argv = [executable(), "status", "--json"]
    env = merged_env({"PYTHONIOENCODING": encoding})
    done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, check=False)
    assert (done.stdout[:4], done.stderr[:7]) == (b"{\n  ", b"error: ")


def test_a_name_that_is_not_utf_8_is_shown_escaped(
    hybrid: Hybrid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "caf\udce9").mkdir()
    git("init", "-q", cwd=tmp_path / "caf\udce9")
    hybrid("init", cwd=tmp_path / "caf\udce9")
    assert "caf\\xe9/.git/hooks/pre-commit" in hybrid("hooks", "install", cwd=tmp_path / "caf\udce9").out
    # The environment of the program may be in there, too.
    monkeypatch.setattr(sys, "executable", str(tmp_path / "caf\udce9/bin/python"))
    assert b"caf\xe9/bin/git-hybrid-hook-" in _script("pre-commit")


def test_commands_that_write_say_nothing_where_quiet_is_wanted(pinned: Path, hybrid: Hybrid, tmp_path: Path) -> None:
    git("init", "-q", cwd=pinned)
    hybrid("sync")
    man, mirror, bundle = (str(tmp_path / name) for name in ("man", "mirror", "all.bundle"))
    for words in (
        ("mirror", "update", mirror),
        ("bundle", "create", "-o", bundle),
        ("hooks", "install"),
        ("hooks", "uninstall"),
        ("audit", "rotate"),
        ("install-man", man),
        ("cache", "prune", "--all"),
    ):
        done = hybrid(*words, "-q")
        assert (words, done.out, done.err) == (words, "", "")
    assert Path(bundle).is_file()
    # What only looks says what it saw.
    assert "tool" in hybrid("status", "-q").out
