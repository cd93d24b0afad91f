"""What is asked, and what is not, where an error is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from git_hybrid.cli import boundary
from git_hybrid.core.errors import GitRefused, Interrupted, NoPin


@pytest.mark.parametrize(
    ("error", "asks", "times"),
    [
        (Interrupted(signal=15), False, 0),
        (NoPin(name="x", stale=False, mend="git hybrid pin x"), False, 1),
        (GitRefused(path="/ws", words="", mend="git status"), True, 1),
    ],
)
def test_a_git_that_did_not_tell_its_settings_is_not_asked_for_them_again(monkeypatch, capsys, error, asks, times):
    asked = []

    def read(_runner, folder):
        asked.append(folder)
        raise error

    def command(common, _argv):
        raise common.settings_for(None, Path("/ws")) if asks else error

    monkeypatch.setattr("git_hybrid.git.settings.read_config", read)
    assert boundary.run(command, ["sync"]) > 0
    assert len(asked) == times
    assert "hint: " in capsys.readouterr().err
