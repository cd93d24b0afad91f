"""`status --watch`, and status on a terminal: redrawn there, appended elsewhere, ended by a signal with its number."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from git_hybrid.cli.commands import status
from git_hybrid.cli.main import main
from git_hybrid.cli.output import opened_for
from git_hybrid.cli.signals import Cancel
from support.cli import Hybrid, executable, merged_env
from support.kit import raw_controls, released, started
from support.terminal import in_terminal
from support.upstream import UpstreamFactory


@pytest.fixture
def ready(hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory) -> Path:
    tool = upstream_factory()
    released(tool)
    started(hybrid, tool.url, "--name", "tool")
    return workspace


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_appends_until_it_is_stopped(ready: Path, number: signal.Signals, code: int) -> None:
    argv = [str(executable()), "status", "--watch", "1"]
    with subprocess.Popen(
        argv, cwd=ready, env=merged_env({}), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        seen = []
        for line in child.stdout:
            seen.append(line)
            if sum("as pinned" in one for one in seen) == 2:
                child.send_signal(number)
                break
        rest, err = child.communicate(timeout=60)
    assert child.returncode == code
    assert err == ""
    text = "".join(seen) + rest
    assert text.count("every 1 s") >= 2
    assert raw_controls(text) == []


def test_what_cannot_be_read_for_a_moment_is_told_until_it_can(ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = ready / "sources.toml"
    whole, looks = path.read_text(), list[int]()

    @contextmanager
    def edited(*arguments: Any, **settings: Any) -> Iterator[object]:
        looks.append(len(looks))
        path.write_text(whole + "[source." if looks[-1] == 1 else whole)
        with opened_for(*arguments, **settings) as found:
            yield found
            if looks[-1] == 2:
                signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(status, "opened_for", edited)
    monkeypatch.setattr(Cancel, "sleep", lambda *_arguments: None)
    with redirect_stdout(StringIO()) as out:
        assert main(["-C", str(ready), "status", "--watch", "1"]) == 130
    first, second, third, _ = out.getvalue().split("\n\n")
    assert "the one source is as pinned" in first
    assert "\nerror: sources.toml: " in second
    assert "the one source is as pinned" in third
    # What is typed wrong is told at once.
    looks[:] = [0]
    assert main(["-C", str(ready), "status", "--watch", "1"]) == 2


def test_on_a_terminal_it_is_drawn_over(ready: Path) -> None:
    code, text = in_terminal("status", "--watch", "1", cwd=ready, after=3, send=signal.SIGINT)
    assert code == 130
    assert text.count("\x1b[H") >= 2
    assert "all" not in text.split("\x1b[H")[0]
    assert "the one source is as pinned" in text


def test_a_signal_between_two_looks_is_not_lost(ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def signalled(*arguments: Any, **settings: Any) -> Iterator[object]:
        with opened_for(*arguments, **settings) as found:
            yield found
            # Nobody asks this run any more whether it is to stop.
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(status, "opened_for", signalled)
    assert main(["-C", str(ready), "status", "--watch", "1"]) == 130


@pytest.mark.parametrize("option", ["--json", "--porcelain", "--exit-code"])
def test_it_is_for_people(hybrid: Hybrid, ready: Path, option: str) -> None:
    assert "for people" in hybrid("status", "--watch", option, check=2).err


@pytest.mark.parametrize("words", [["--watch", "0"], ["--watch=x"]])
def test_seconds_are_a_number(hybrid: Hybrid, ready: Path, words: list[str]) -> None:
    hybrid("status", *words, check=2)


def test_a_name_after_watch_is_a_name(hybrid: Hybrid, ready: Path) -> None:
    done = hybrid("status", "--watch", "toool", check=2)
    assert "did you mean tool?" in done.err


def test_who_moved_the_pin(hybrid: Hybrid, ready: Path) -> None:
    row = hybrid("status", "--json").json()["sources"][0]
    assert row["moved"]["by"]
    assert row["moved"]["from_commit"] is None
    hybrid(
        "pin",
        "tool",
        "--to",
        "v1.0.0",
        "--force",
        "--request",
        "CHG-1",
        "--approver",
        "b@example.org",
        "--reason",
        "r",
        "--expires",
        "9d",
        env={"GIT_HYBRID_OPERATOR": "Grace <g@example.org>"},
    )
    hybrid("sync")
    row = hybrid("status", "--json").json()["sources"][0]
    assert row["moved"]["by"] == "Grace <g@example.org>"
    assert row["moved"]["forced"] is True
    assert "Grace" in hybrid("status").out
