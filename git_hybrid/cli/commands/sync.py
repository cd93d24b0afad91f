"""``git hybrid sync``."""

from __future__ import annotations

import click

from git_hybrid.cli.common import common_of
from git_hybrid.cli.options import common_options, group_option, jobs_option, names_argument
from git_hybrid.cli.syncing import sync_clones


@click.command("sync")
@names_argument
@group_option
@jobs_option
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@click.option("--offline", is_flag=True, help="Ask no server; what is not here fails.")
@click.option("--prune", is_flag=True, help="Also remove its clones of no source, unless work would be lost.")
@common_options
@click.pass_context
def command(
    context: click.Context,
    *,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    jobs: int | None,
    dry_run: bool,
    offline: bool,
    prune: bool,
) -> int:
    """Bring the clones to their pins: clone what is missing, fetch what is not there, repair what is broken.

    No pin is made or moved; --prune alone takes out those of sources that the manifest no longer has. Local work is
    never touched: a source that has some is left alone (exit 3).
    """
    common = common_of(context)
    return sync_clones(common, names=names, groups=groups, jobs=jobs, dry_run=dry_run, offline=offline, prune=prune)
