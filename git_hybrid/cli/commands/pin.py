"""``git hybrid pin``."""

from __future__ import annotations

import click

from git_hybrid.app.pin import PinRequest, pin
from git_hybrid.cli.options import common_options, group_option, jobs_option, names_argument
from git_hybrid.cli.output import opened
from git_hybrid.core.errors import BadArgument, MissingOptions, OverrideNeeded

_OVERRIDE = ("--request", "--approver", "--reason", "--expires")


@click.command("pin")
@names_argument
@group_option
@jobs_option
@click.option("--all", "everything", is_flag=True, help="Move every pin to the newest commit that the manifest allows.")
@click.option("--to", metavar="REV", help="Pin this tag, branch tip or commit of the declared ref.")
@click.option("-n", "--dry-run", is_flag=True, help="Show the move (commits, files), and write nothing.")
@click.option("--scan", is_flag=True, help="Scan the new commit before the pin is written.")
@click.option("--force", is_flag=True, hidden=True, help="Reserved: overrides are not part of this version (exit 6).")
@click.option("--request", metavar="ID", hidden=True, help="Reserved. Governance request id of the override.")
@click.option("--approver", "approvers", multiple=True, metavar="WHO", hidden=True, help="Reserved. Who approved.")
@click.option("--reason", metavar="TEXT", hidden=True, help="Reserved. Why the override is needed.")
@click.option("--expires", metavar="WHEN", hidden=True, help="Reserved. When the override ends.")
@click.option("--incident", "incidents", multiple=True, metavar="ID", hidden=True, help="Reserved. Related incident.")
@common_options
@click.pass_context
def command(
    context: click.Context,
    *,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    jobs: int | None,
    everything: bool,
    to: str | None,
    dry_run: bool,
    scan: bool,
    force: bool,
    request: str | None,
    approvers: tuple[str, ...],
    reason: str | None,
    expires: str | None,
    incidents: tuple[str, ...],
) -> int:
    """Pin what has no valid pin yet; with names or --all move pins to the newest commit that the manifest allows.

    Only this command, add and remove change the lock. A rollback or a commit off the declared ref is refused (exit 6).
    """
    if to is not None and len(names) != 1:
        raise BadArgument(what="--to", value=to, reason="needs exactly one source: git hybrid pin NAME --to REV")
    given = dict(zip(_OVERRIDE, (request, approvers, reason, expires), strict=True))
    if force or any(given.values()) or incidents:
        _refuse_override(names, to, force=force, missing=tuple(key for key, value in given.items() if not value))
    with opened(context, jobs=jobs) as (session, output):
        asked = PinRequest(names=names, groups=groups, everything=everything, to=to, dry_run=dry_run, scan=scan)
        report = pin(session.runtime, asked)
        code = output.report(report)
        if code == 0 and not dry_run and any(row.outcome == "pinned" for row in report.rows):
            output.hint("pinned", "git hybrid sync")
        if not report.rows:
            output.talk("pin: every source has a valid pin; name sources, or use --all, to move pins")
        return code


def _refuse_override(names: tuple[str, ...], to: str | None, *, force: bool, missing: tuple[str, ...]) -> None:
    absent = (*(() if force else ("--force",)), *(() if to else ("--to",)), *missing)
    if absent:
        raise MissingOptions(command="an override", options=absent)
    raise OverrideNeeded(name=names[0])
