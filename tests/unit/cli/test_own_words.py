"""Which words of a command line are for us, and which are of the command that ``foreach`` runs."""

from __future__ import annotations

import click
import pytest

from git_hybrid.cli.common import own_words
from git_hybrid.cli.tree import group, page_asked, spelt_out


@pytest.mark.parametrize(
    ("line", "own"),
    [
        ("pin a --help", "pin a --help"),
        ("pin -- a --help", "pin"),
        ("foreach --help", "foreach --help"),
        ("foreach git grep --help", "foreach"),
        ("foreach -q -s a -sb --source c --source=d -j 2 -j3 -g web make --json", 13),
        ("-C w --color never -v foreach -qs a --json git status --porcelain", 9),
        ("foreach -- git --help", "foreach"),
        ("foreach git log -- a", "foreach"),
        ("foreach -s", "foreach -s"),
        ("foreach - --json", "foreach"),
        ("remove foreach --json", "remove foreach --json"),
        ("--version", "--version"),
        ("", ""),
    ],
)
def test_the_words_of_another_command_are_not_ours(line: str, own: str | int) -> None:
    words = line.split()
    assert list(own_words(words)) == (words[:own] if isinstance(own, int) else own.split())


def test_a_page_is_shown_and_options_are_spelt_out_for_ours_alone() -> None:
    assert page_asked(["foreach", "--help"]) == "git-hybrid-foreach"
    for words in (["foreach", "-s", "a", "git", "grep", "--help"], ["foreach", "tail", "--watch", "x"]):
        assert page_asked(words) == ""
        assert spelt_out(words) == words


def test_all_options_with_a_value_are_known() -> None:
    foreach = group.get_command(click.Context(group), "foreach")
    assert foreach is not None
    options = [item for item in (*foreach.params, *group.params) if isinstance(item, click.Option)]
    for name in (name for item in options for name in (*item.opts, *item.secondary_opts)):
        taken = next(
            not item.is_flag and not item.count for item in options if name in (*item.opts, *item.secondary_opts)
        )
        assert list(own_words(["foreach", name, "a", "--b"])) == ["foreach", name, *(["a", "--b"] if taken else [])], (
            name
        )
