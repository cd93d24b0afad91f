"""``git hybrid scan``."""

from __future__ import annotations

import click

from git_hybrid.app.scan import ScanRequest, scan
from git_hybrid.cli.common import HERE
from git_hybrid.cli.options import common_options, executor_option, group_option, jobs_option, names_argument
from git_hybrid.cli.output import opened_with
from git_hybrid.cli.telling import exit_of
from git_hybrid.core.errors import BadArgument, Interrupted
from git_hybrid.core.words import as_typed, typed
from git_hybrid.store.scanstatus import encode_scan
from git_hybrid.view.jsonscan import scan_document

_TYPED = 10
"""So many names may stand in a hint; of more the whole is done again."""


@click.command("scan")
@names_argument
@group_option
@jobs_option
@executor_option
@click.option("--stale", is_flag=True, help="Only sources whose scan is missing, an error, stale, or halfway to it.")
@click.option("--diff", is_flag=True, help="Tell what is new since the pin before.")
@common_options
@click.pass_context
def command(
    context: click.Context,
    *,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    jobs: int | None,
    executor: str,
    stale: bool,
    diff: bool,
) -> int:
    """Run the scanners of the manifest on the pinned commits, and record what they say; exit 1 if they found something.

    The files come from the object store, never from the working tree. Equal files are scanned once a run; what an
    earlier one found in them counts with --stale alone. A scanner that fails leaves an error, never a clean result.
    """
    if diff and executor != HERE:
        reason = "the pin before is looked up in the clones that are here: leave --executor out"
        raise BadArgument(what="--diff", value=f"--executor {executor}", reason=reason)
    with opened_with(context, executor, jobs=jobs) as (session, output):
        request = ScanRequest(names=names, groups=groups, stale=stale, diff=diff)
        done = scan(session.runtime, request)
        if output.common.json:
            code = exit_of(done.report)
            output.document(scan_document(done, output.explain, encode_scan, exit_code=code))
            return code
        if not done.report.rows and stale and session.runtime.ledger.snapshot().manifest.sources:
            output.talk("every selected source has a fresh scan")
        elif not done.report.rows:
            output.no_sources()
        code = output.report(done.report)
        left = [row.name for row in done.report.rows if isinstance(row.error, Interrupted)]
        if left and done.report.error is None:
            # What was fresh before it was left out is no work for --stale, which finds the rest by itself.
            rest = "" if stale or len(left) > _TYPED else typed(*left)
            output.hint("interrupted", f"what was scanned is recorded; to go on: git hybrid scan {rest}{as_typed()}")
        return code
