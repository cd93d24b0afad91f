"""``git hybrid schema``: the JSON Schemas, for editors and for whoever reads our files and output."""

from __future__ import annotations

import json
from importlib.resources import files

import click

from git_hybrid.cli.common import common_of
from git_hybrid.cli.options import common_options

_FOLDER = files("git_hybrid") / "schemas"
NAMES = sorted(item.name.removesuffix(".json") for item in _FOLDER.iterdir() if item.name.endswith(".json"))


@click.command("schema")
@click.argument("name", required=False, type=click.Choice(NAMES), metavar="[NAME]")
@common_options
@click.pass_context
def command(context: click.Context, *, name: str | None) -> int:
    """Print the JSON Schema NAME (draft 2020-12), or without a name which there are."""
    if name is not None:
        click.echo(_text(name), nl=False)
        return 0
    described = {key: json.loads(_text(key))["title"].removeprefix("git hybrid ") for key in NAMES}
    if (common := common_of(context)).json:
        # Imported here: the list for people imports next to nothing.
        from git_hybrid.cli.output import Output

        listed = [{"name": key, "describes": what} for key, what in described.items()]
        Output(common).document({"command": "schema", "schemas": listed})
    else:
        wide = max(map(len, NAMES))
        click.echo("\n".join(f"{key:{wide}}  {what}" for key, what in described.items()))
    return 0


def _text(name: str) -> str:
    return (_FOLDER / f"{name}.json").read_text(encoding="utf-8")
