"""What reads a plain sync or status without click reads the same as click does, or leaves it to click."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from git_hybrid.cli import plain, tree
from git_hybrid.cli.commands import status as status_command
from git_hybrid.cli.commands import sync as sync_command
from git_hybrid.cli.common import Common

_OWN = {
    "sync": ["-n", "--dry-run", "--offline", "--prune"],
    "status": ["--exit-code", "--porcelain", "--porcelain=v1", "--watch"],
}
_SHARED = ["-q", "--quiet", "-v", "--verbose", "--json", "--no-color", "--progress", "--no-progress", "name", "x/y", ""]
_VALUED = [["-j", "4"], ["--jobs", "256"], ["-j", "0"], ["-j", "257"], ["-j", "x"], ["-j"], ["-j4"], ["--jobs=4"]]
_VALUED += [["-C", "a"], ["-C"], ["-C", ""], ["-g", "x"], ["--color", "always"], ["--"], ["-qv"], ["-h"], ["--version"]]


def _lines() -> list[list[str]]:
    lines: list[list[str]] = [[], ["-C", "a"], ["-q"], ["diff"], ["-C", "sync"], ["sync", "status"], ["status", "sync"]]
    for command, own in _OWN.items():
        pieces = [*([word] for word in [*own, *_SHARED]), *_VALUED]
        lines += [[command], ["-C", "a", command, "-C", "b"], ["-v", command, "-v", "-v"]]
        lines += [[command, *piece] for piece in pieces] + [[*piece, command] for piece in pieces]
        lines += [[command, *one, *other] for one, other in itertools.product(pieces, pieces)]
    return lines


def _said(common: Common) -> dict[str, Any]:
    return {name: value for name, value in vars(common).items() if name not in ("argv", "ahead")}


def test_it_reads_what_click_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, dict[str, Any], dict[str, Any]]] = []

    def command(name: str) -> Any:
        def run(common: Common, **settings: Any) -> int:
            told.append((name, _said(common), {key: value for key, value in settings.items() if value}))
            return 0

        return run

    monkeypatch.setattr(status_command, "show_status", command("status"))
    monkeypatch.setattr(sync_command, "sync_clones", command("sync"))
    plain_ones = 0
    for line in _lines():
        read = plain.read(line)
        if read is None:
            continue
        plain_ones += 1
        mine = Common(line)
        for key, value in read.shared:
            mine.take(key, value)
        told.clear()
        assert tree.run(Common(line), line) == 0, line
        settings = {key: value for key, value in read.settings.items() if value}
        assert told == [(read.command, _said(mine), settings)], line
    assert plain_ones > 300


@pytest.mark.parametrize(
    "line",
    [
        *([], ["-h"], ["status", "-h"], ["status", "--watch"], ["sync", "-j", "0"], ["sync", "-j"], ["status", "-C"]),
        *(["sync", "--", "x"], ["status", "-qv"], ["status", "-n"], ["diff"], ["nonsense"], ["sync", "--color=never"]),
        *(["sync", "--jobs4"], ["sync", "--jobs="], ["sync", "-j=4"]),
    ],
)
def test_what_is_not_plain_is_left_to_click(line: Sequence[str]) -> None:
    assert plain.read(line) is None


@pytest.mark.parametrize("command", ["status", "sync"])
def test_a_plain_command_imports_no_click(command: str, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "git_hybrid", "init"], cwd=tmp_path, check=True, capture_output=True)
    code = (
        "import sys; from git_hybrid.cli.main import main; code = main([sys.argv[1]]);"
        "print(code, sorted(sys.modules.keys() & {'click', 'pygit2', 'difflib', 'tomlkit', 'jinja2'}))"
    )
    run = [sys.executable, "-c", code, command]
    done = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"


def test_a_hook_imports_nothing_that_only_an_odd_log_needs(tmp_path: Path) -> None:
    for words in (["git", "init", "-q"], [sys.executable, "-m", "git_hybrid", "init"], ["git", "add", "-A"]):
        subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    commit = ["git", "-c", "user.name=x", "-c", "user.email=x@y", "commit", "-q", "-m", "begin"]
    subprocess.run(commit, cwd=tmp_path, check=True, capture_output=True)
    odd = ("core.audit_lost", "core.audit_texts", "core.markers", "core.published", "core.undecided", "git.pushed")
    run = [sys.executable, "-X", "importtime", "-m", "git_hybrid.hooks.audit"]
    done = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path, check=True)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "git_hybrid.core.audit_verify" in imported
    assert not imported & {f"git_hybrid.{name}" for name in odd}


def test_what_a_hook_asks_of_pins_imports_no_way_to_choose_them() -> None:
    code = "import sys, git_hybrid.core.bare_moves, git_hybrid.core.bare_origins; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"git_hybrid.core.resolve", "git_hybrid.core.ports"} & {*done.stdout.split()}
