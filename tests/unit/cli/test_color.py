"""When what a command says is coloured."""

from __future__ import annotations

import pytest

from git_hybrid.cli.common import Common
from git_hybrid.cli.output import Output


@pytest.mark.parametrize(
    ("in_use", "config", "term", "want"),
    [
        ("true", {}, "xterm", True),
        ("true", {"color.pager": "true", "color.ui": "auto"}, "xterm", True),
        ("true", {"color.pager": "no"}, "xterm", False),
        ("true", {"color.ui": "false"}, "xterm", False),
        ("true", {}, "dumb", False),
        ("", {}, "xterm", False),
    ],
)
def test_what_goes_to_the_pager_of_git_is_coloured_as_on_a_terminal(monkeypatch, in_use, config, term, want):
    monkeypatch.setenv("GIT_PAGER_IN_USE", in_use)
    monkeypatch.setenv("TERM", term)
    output = Output(Common(config=config))
    assert (output.color, output._talk_color) == (want, False)
