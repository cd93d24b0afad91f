"""A demo that does not come to its end says so, and leaves nothing."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence

import pytest

from git_hybrid.cli.main import main

FULL = "#!/bin/sh\necho error: could not write config file: No space left on device >&2\nexit 1\n"


def _asked_to_stop(argv: Sequence[str]) -> int:
    os.kill(os.getpid(), signal.SIGTERM)
    return 0


@pytest.mark.parametrize(
    ("told", "ended", "code"),
    [
        ("", lambda argv: 74, 74),
        ("interrupted\n", _asked_to_stop, 143),
        ("network.git: No space left on device\n", None, 74),
    ],
)
def test_what_a_demo_made_that_fails_is_removed(tmp_path, monkeypatch, capfd, told, ended, code):
    if ended is None:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin/git").write_text(FULL)
        (tmp_path / "bin/git").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setattr("git_hybrid.cli.main.main", ended)
    (place := tmp_path / "place").mkdir()
    assert main(["-C", str(place), "demo", "../place/deep/demo"]) == code
    assert list(place.iterdir()) == []
    said = capfd.readouterr()
    assert said.out.endswith("# The demo did not come to its end, and what it had made is removed\n")
    assert told in said.err


def test_a_document_of_a_demo_is_all_that_goes_to_stdout(tmp_path, monkeypatch, capfd):
    def ended(code: int, *, made: bool) -> dict[str, object]:
        monkeypatch.setattr("git_hybrid.cli.main.main", lambda argv: print("said") or code)
        monkeypatch.setattr("git_hybrid.cli.commands.demo.Demo.play", lambda demo: demo._run("init"))
        assert main(["-C", str(tmp_path), "--json", "demo"]) == code
        assert (tmp_path / "git-hybrid-demo").exists() == made
        said = capfd.readouterr()
        assert "$ git hybrid init\nsaid\n" in said.err
        return json.loads(said.out)

    assert ended(74, made=False) == {"command": "demo", "exit_code": 74, "schema_version": 1, "sources": []}
    assert ended(0, made=True)["root"] == f"{tmp_path}/git-hybrid-demo/workspace"


def test_what_others_put_into_a_demo_stays(tmp_path, monkeypatch, capfd):
    notes = tmp_path / "demo/notes"

    def noted(argv: Sequence[str]) -> int:
        notes.touch()
        return 74

    monkeypatch.setattr("git_hybrid.cli.main.main", noted)
    assert main(["-C", str(tmp_path), "demo", "demo"]) == 74
    assert list(notes.parent.iterdir()) == [notes]
    assert f"but {notes.parent}: Directory not empty" in capfd.readouterr().out
