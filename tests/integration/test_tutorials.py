"""The documents for people tell the truth: their commands are typed, and what they show appears."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.console import Step, same, steps, told, updated
from support.scanners import needs_betterleaks

DOCS = Path(__file__).parents[2] / "docs"
PLAYED = (
    *(
        "tutorial.md",
        "daily.md",
        "from-submodules.md",
        "from-other-tools.md",
        "from-terraform.md",
        "hooks-and-ci.md",
        "air-gap.md",
        "overrides.md",
    ),
    pytest.param("weekly-scans.md", marks=needs_betterleaks),
)


@pytest.mark.parametrize("name", PLAYED)
def test_what_is_shown_is_what_appears(name: str, tmp_path: Path) -> None:
    text = (DOCS / name).read_text()
    found = steps(text)
    assert len(found) > 5
    for step, printed in zip(found, told(text, tmp_path), strict=True):
        if step.hidden:
            continue
        assert same(step.expected, printed), f"$ {step.command}\n--- shown\n{step.expected}\n--- printed\n{printed}"


def test_every_page_that_is_linked_is_there() -> None:
    for path in [*DOCS.glob("*.md"), DOCS.parent / "README.md"]:
        links = re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text())
        assert [link for link in links if not (path.parent / link).exists()] == [], path.name


def test_every_file_that_the_page_for_contributors_names_is_there() -> None:
    named = re.findall(r"`((?:git_hybrid|hooks|tests|docs|man|bench)/[\w./-]*)", (DOCS / "contributing.md").read_text())
    assert len(named) > 40
    assert [name for name in named if not (DOCS.parent / name).exists()] == []


def test_the_player_sees_a_difference(tmp_path: Path) -> None:
    text = "```console\n$ echo one\none\n$ mkdir x && cd x\n$ pwd\n/home/ada/tutorial/x\n```\n"
    assert steps(text)[0] == Step("echo one", "one")
    printed = told(text, tmp_path)
    assert printed == ["one", "", "/home/ada/tutorial/x"]
    assert updated(text, printed) == text
    assert updated(text.replace("\none\n", "\ntwo\n"), printed) == text
    assert same("at 0123456789 in 3 s", "at abcdef0123 in 20 s")
    assert not same("3 files", "4 files")
