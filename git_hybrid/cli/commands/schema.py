"""``git hybrid schema``: the JSON Schemas, for editors and for whoever reads our files and output."""

from __future__ import annotations

from importlib.resources import files

import click

from git_hybrid.cli.common import common_of
from git_hybrid.cli.options import common_options

NAMES = {
    "manifest": "sources.toml",
    "lock": "state/sources.lock",
    "state": "state/sources.json",
    "overrides": "state/sources-overrides.json",
    "mirrors": "state/sources-mirrors.json",
    "audit": "one line of state/sources-audit.jsonl",
    "status": "status --json",
    "report": "sync, pin, add, remove, reset, resume, merge, diff, outdated, mirror verify and update --json",
    "check": "check --json",
    "diag": "diag --json",
    "scan": "scan --json",
    "bundle": "bundle create, verify and apply --json",
    "mirror-list": "mirror list, add and remove --json",
    "override-list": "override list and restore --json",
    "override": "override show, renew and revoke --json",
    "audit-log": "audit log --json",
    "audit-verify": "audit verify --json",
    "audit-rotate": "audit rotate --json",
    "cache": "cache show and prune --json",
    "cache-verify": "cache verify --json",
    "config": "config --json",
    "foreach": "foreach --json",
    "schema-list": "schema --json without a name",
    "files": "init, dashboard, hooks and install-man --json",
    "error": "any command with --json that comes to nothing as a whole",
}
"""The schemas by name, and what each describes; named here too so that listing them imports nothing."""


@click.command("schema")
@click.argument("name", required=False, type=click.Choice(list(NAMES)), metavar="[NAME]")
@common_options
@click.pass_context
def command(context: click.Context, *, name: str | None) -> int:
    """Print the JSON Schema NAME (draft 2020-12), or without a name which there are."""
    if name is not None:
        click.echo((files("git_hybrid") / "schemas" / f"{name}.json").read_text(encoding="utf-8"), nl=False)
        return 0
    if (common := common_of(context)).json:
        # Imported here: the list for people imports nothing.
        from git_hybrid.cli.output import Output

        listed = [{"name": key, "describes": what} for key, what in NAMES.items()]
        Output(common).document({"command": "schema", "exit_code": 0, "schemas": listed, "sources": []})
    else:
        wide = max(map(len, NAMES))
        click.echo("\n".join(f"{key:{wide}}  {what}" for key, what in NAMES.items()))
    return 0
