"""What is made from the code is what the code would make today."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from html import unescape
from importlib.resources import files
from pathlib import Path

import click
import pytest
from jsonschema import Draft202012Validator

from git_hybrid.cli.commands.schema import NAMES
from git_hybrid.cli.main import main
from git_hybrid.cli.tree import group
from git_hybrid.core.condition import SEVERITY, Condition
from git_hybrid.core.ids import SourceName
from git_hybrid.core.report import Status
from git_hybrid.store.schemas import SHAPES
from git_hybrid.view.status import status_lines
from git_hybrid.view.text import Look
from support.documents import DOCUMENTS
from support.samples import NOW

ROOT = Path(__file__).parents[2]


def _made() -> dict[Path, str]:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made: dict[Path, str] = module.files()
    return made


@pytest.mark.parametrize(("path", "text"), _made().items(), ids=lambda item: getattr(item, "name", ""))
def test_files_are_up_to_date(path, text):
    assert path.read_text(encoding="utf-8") == text, "run: python docs/generate.py"


def test_the_picture_of_status_has_the_columns_and_the_order_of_status():
    svg = (ROOT / "docs/status.svg").read_text(encoding="utf-8")
    shown = [unescape(re.sub("<[^>]+>", "", line)) for line in re.findall("<text.*?</text>", svg)]
    lines = [line.replace("\u00a0", " ") for line in shown]
    row = Condition(name=SourceName("tool"), word="ok")
    # As narrow as the columns that are always there.
    look = Look(color=False, columns=36, verbose=False)
    (head, _) = status_lines(Status(rows=(row,), unfinished=None, has_scanners=False), look, NOW)
    assert head.split() == lines[1].split(), "run: python docs/picture.py"
    words = [line.split()[1] for line in lines[2:] if line.split()[1] in SEVERITY]
    assert words == sorted(words, key=SEVERITY.index)


def test_every_schema_is_listed_and_shipped(capsys):
    assert sorted(SHAPES) == NAMES
    shipped = {item.name for item in (files("git_hybrid") / "schemas").iterdir()}
    assert shipped == {f"{name}.json" for name in SHAPES}
    assert main(["schema"]) == 0
    listed = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert listed == [[name, SHAPES[name][1].removeprefix("git hybrid ")] for name in NAMES]


def test_the_manual_page_names_every_schema():
    page = (ROOT / "man/git-hybrid-schema.1").read_text(encoding="utf-8").replace("\\-", "-")
    named = set(re.findall(r"[\w-]+", page.partition(".SH OPTIONS")[0]))
    assert [name for name in SHAPES if name not in named] == []


@pytest.mark.parametrize(("command", "schema"), DOCUMENTS.items())
def test_the_list_and_the_manual_page_say_which_command_writes_what(command, schema):
    page = (
        (ROOT / "man/git-hybrid-schema.1").read_text(encoding="utf-8").replace("\\-", "-").partition(".SH OPTIONS")[0]
    )
    for told in (f"{schema} {SHAPES[schema][1]}", page):
        assert command.split()[0] in re.findall(r"[a-z-]+", told)


@pytest.mark.parametrize("name", SHAPES)
def test_a_schema_is_one_and_is_printed(name, capsys):
    assert main(["schema", name]) == 0
    schema = json.loads(capsys.readouterr().out)
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:git-hybrid:schema:{name}:1"


# They write in a format of their own, with --json too.
_NO_DOCUMENT = {"audit export", "override export", "override request"}


def _leaves(tree: click.Group, before: str = "") -> Iterator[str]:
    context = click.Context(tree)
    for name in tree.list_commands(context):
        found = tree.get_command(context, name)
        if isinstance(found, click.Group):
            yield from _leaves(found, f"{before}{name} ")
        else:
            yield f"{before}{name}"


def test_every_document_has_a_schema():
    assert set(_leaves(group)) == set(DOCUMENTS) | _NO_DOCUMENT
    assert set(DOCUMENTS.values()) <= set(SHAPES)
