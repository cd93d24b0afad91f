"""What is told of folders below ``sources/`` that belong to no source."""

from __future__ import annotations

import pytest

from git_hybrid.core.ids import SourceName, parse_url
from git_hybrid.core.override import Overrides
from git_hybrid.core.plan import Stray
from git_hybrid.core.strays import known_names, left_standing, mend_of_stray, taking_out, taking_over
from git_hybrid.core.value import replace
from support.values import a_pin, a_snapshot, a_source, a_state_entry, an_override, oid

NAME, URL = SourceName("tool"), "https://host/x/tool"
HERE = Stray(head=oid(1), tip=oid(1), origin=URL)


@pytest.mark.parametrize(
    ("stray", "name", "command"),
    [
        (HERE, "tool", f"git hybrid add {URL}"),
        (HERE, "other", f"git hybrid add {URL} --name other"),
        (Stray(head=oid(1), tip=oid(2), origin=URL), "tool", f"git hybrid add {URL} --commit {oid(1)}"),
        (
            Stray(head=oid(1), tip=oid(1), origin="git@host:x/tool.git"),
            "tool",
            "git hybrid add ssh://git@host/x/tool.git",
        ),
        (Stray(head=oid(1), tip=oid(1), origin="/srv/tool"), "tool", "git hybrid add file:///srv/tool"),
        (Stray(head=oid(1), tip=oid(1), origin="https://ada:secret@host/tool"), "tool", ""),
        (Stray(head=oid(1), tip=oid(1)), "tool", ""),
        (Stray(origin=URL), "tool", ""),
        (HERE, "a name", ""),
    ],
)
def test_a_clone_is_taken_over_where_it_stands(stray: Stray, name: str, command: str) -> None:
    assert taking_over(name, stray) == command


def test_what_has_a_pin_or_an_entry_is_known() -> None:
    pin = a_pin(a_source("pinned"))
    forged = an_override(source=SourceName("forged"))
    snapshot = replace(a_snapshot(pins=[pin], recorded=[a_state_entry()]), overrides=Overrides(records={"x": forged}))
    assert known_names(snapshot) == {"pinned", "tool"}


def test_only_what_this_tool_made_may_go() -> None:
    prune = "git hybrid sync --prune"
    assert mend_of_stray(NAME, HERE, frozenset()) == f"to make it a source: git hybrid add {URL}"
    assert mend_of_stray(NAME, Stray(), frozenset()) == "to keep it elsewhere: mv sources/tool NEW"
    # git knows by its folder what is of another repository.
    module, tree = Stray(lent_by="../../.git/modules/sources/tool"), Stray(lent_by="/r/.git/worktrees/tool")
    assert mend_of_stray(NAME, module, frozenset()) == "to keep it elsewhere: git mv sources/tool NEW"
    there = 'git -C sources/tool worktree move . "$PWD/NEW"'
    assert mend_of_stray(NAME, tree, frozenset()) == f"to keep it elsewhere: {there}"
    assert mend_of_stray(NAME, HERE, frozenset({NAME})) == prune
    assert mend_of_stray(NAME, Stray(installed=oid(1)), frozenset()) == prune


def test_a_clone_that_was_added_is_told_where_it_is_not_at_its_pin() -> None:
    url = parse_url(URL)
    assert left_standing(NAME, HERE, oid(1), url) == ()
    assert left_standing(NAME, Stray(), oid(1), url) == ()
    # A sync brings what it made to the pin.
    assert left_standing(NAME, Stray(head=oid(2), installed=oid(2), origin=URL), oid(1), url) == ()
    reset, pin = left_standing(NAME, HERE, oid(2), url)
    assert reset.endswith(": git hybrid reset tool")
    assert pin.endswith(f" && mv NEW sources/tool && git hybrid add {URL} --commit {oid(1)}")
    assert left_standing(NAME, HERE, oid(2), parse_url("https://host/another")) == (reset,)


def test_a_source_is_taken_out_without_the_clone_of_somebody_else() -> None:
    away = "mv sources/tool NEW && git hybrid remove tool && mv NEW sources/tool"
    assert taking_out(NAME, HERE) == away
    assert taking_out(NAME, Stray()) == taking_out(NAME, replace(HERE, installed=oid(1))) == "git hybrid remove tool"
