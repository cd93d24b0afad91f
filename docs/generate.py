"""Write what is made from the code: JSON Schemas below git_hybrid/schemas, docs/reference.md and docs/modules.md."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from git_hybrid.cli.tree import COMMANDS, group
from git_hybrid.store.schemas import SHAPES, build

Record = tuple[str, str]
ROOT = Path(__file__).parents[1]
HEAD = """# Commands and options

Made from the program by `docs/generate.py`. Each command has a manual page that says more: `man git-hybrid-NAME`, or
`git hybrid help NAME`. The options under "With every command" work before its name and after it.
"""

LAYERS = {
    "hooks": "one file for each hook of pre-commit, installed as `git_hybrid.hooks`",
    "git_hybrid": "what stands beside the layers",
    "git_hybrid/cli": "the command line: options, words, exit codes, and where adapters meet",
    "git_hybrid/cli/commands": "one file for each command",
    "git_hybrid/app": "what commands do; the world is seen through the protocols of core/ports.py alone",
    "git_hybrid/git": "git repositories, servers and processes",
    "git_hybrid/store": "the files of a workspace",
    "git_hybrid/scan": "scanners and what they write",
    "git_hybrid/view": "text, JSON, pages",
    "git_hybrid/core": "values and decisions: no disk, no process, no clock",
}
"""Each folder of modules, from the outermost, with what is in it."""
MODULES = """# The modules

Made from the program by `docs/generate.py`: each module, and what it says of itself. Where to begin is in
[contributing.md](contributing.md).
"""


def modules() -> str:
    """Return the page of all modules.

    Raises:
        KeyError: a folder of modules is not among LAYERS.
    """
    found = sorted([*ROOT.glob("git_hybrid/**/*.py"), *ROOT.glob("hooks/*.py")])
    told: dict[str, list[str]] = {folder: [] for folder in LAYERS}
    for path in found:
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        if text:
            place = path.relative_to(ROOT)
            told[str(place.parent)].append(f"| [{path.stem}](../{place}) | {_first(text)} |")
    lines = [MODULES]
    for folder, rows in told.items():
        lines += [
            f"## {folder}\n",
            f"{LAYERS[folder][0].upper()}{LAYERS[folder][1:]}.\n",
            "| module | |",
            "|---|---|",
            *rows,
            "",
        ]
    return "\n".join(lines)


def _first(docstring: str) -> str:
    text = re.sub(r":\w+:`(?:git_hybrid\.)?([^`]*)`", r"`\1`", docstring.partition("\n\n")[0]).replace("``", "`")
    return " ".join(text.split()).replace("|", "\\|")


def schema(name: str) -> str:
    """Return the schema as its file holds it."""
    return json.dumps(build(name), indent=2, sort_keys=True, ensure_ascii=True) + "\n"


def reference() -> str:
    """Return the page of all commands and their options."""
    parent = click.Context(group, info_name="git hybrid", **group.context_settings)
    # By what is said of them: `add --version RANGE` is another option than the program's own.
    common = _records(group, parent)
    lines = [HEAD]
    for title, section in COMMANDS.items():
        lines.append(f"## {title.capitalize()}\n")
        for name in section:
            command = group.get_command(parent, name)
            assert command is not None
            lines += _told(command, f"git hybrid {name}", parent, common)
    # Those that a command takes behind its name.
    anywhere = _records(command, parent)
    lines += ["## With every command\n", *_lines(record for record in common if record in anywhere), ""]
    lines += ["## Without a command\n", *_lines(record for record in common if record not in anywhere), ""]
    return "\n".join(lines)


def _told(command: click.Command, name: str, parent: click.Context, common: Sequence[Record]) -> list[str]:
    context = click.Context(command, info_name=name.rpartition(" ")[2], parent=parent)
    usage = " ".join(command.collect_usage_pieces(context)).replace("[OPTIONS] ", "").replace("[OPTIONS]", "").strip()
    lines = [f"### `{f'{name} {usage}'.strip()}`\n", *_paragraphs(command.help or ""), ""]
    options = _options(command, context, common)
    lines += [*options, ""] if options else []
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found is not None
            lines += _told(found, f"{name} {inner}", context, common)
    return lines


def _paragraphs(text: str) -> list[str]:
    parts = (" ".join(part.replace("\b", "").split()) for part in text.split("\n\n"))
    return ["\n\n".join(part for part in parts if part)]


def _options(command: click.Command, context: click.Context, common: Sequence[Record]) -> list[str]:
    return _lines(record for record in _records(command, context) if record not in common)


def _lines(records: Iterable[Record]) -> list[str]:
    return [f"- `{names}`: {text}" for names, text in records]


def _records(command: click.Command, context: click.Context) -> list[Record]:
    found = [item.get_help_record(context) for item in command.params if isinstance(item, click.Option)]
    return sorted(record for record in found if record is not None)


def files() -> dict[Path, str]:
    """Return every file that is made, with its content."""
    made = {ROOT / "git_hybrid" / "schemas" / f"{name}.json": schema(name) for name in SHAPES}
    return made | {ROOT / "docs" / "reference.md": reference(), ROOT / "docs" / "modules.md": modules()}


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT), file=sys.stderr)
