"""Write what is made from the code: the JSON Schemas below git_hybrid/schemas, and docs/reference.md."""

from __future__ import annotations

import json
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
    return made | {ROOT / "docs" / "reference.md": reference()}


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT), file=sys.stderr)
