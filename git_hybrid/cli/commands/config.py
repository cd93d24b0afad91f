"""``git hybrid config``: which settings are in force, and where each comes from."""

from __future__ import annotations

import click

from git_hybrid.cli.effective import effective
from git_hybrid.cli.options import common_options
from git_hybrid.cli.output import opened
from git_hybrid.git.surroundings import all_settings
from git_hybrid.store.manifest import decode_manifest
from git_hybrid.view.term import safe


@click.command("config")
@click.option("--show-origin", is_flag=True, help="Also show where each value comes from.")
@common_options
@click.pass_context
def command(context: click.Context, *, show_origin: bool) -> int:
    """Show the settings in force as key=value: of git and the environment, then of the manifest. Secrets are hidden."""
    with opened(context, reads=True) as (session, output):
        settings = all_settings(session.runner, session.layout.root)
        text = session.runtime.ledger.manifest_text()
        found = effective(session.runner.environ, settings, text, decode_manifest(text.encode("utf-8")))
        if output.common.json:
            told = [{"key": item.key, "value": item.value, "origin": item.origin} for item in found]
            output.document({"command": "config", "settings": told})
            return 0
        for item in found:
            line = f"{item.key}={item.value}"
            output.data(safe(item.origin) + "\t" + safe(line) if show_origin else safe(line))
        return 0
