"""``git hybrid dashboard``: one page about the whole workspace, for a wall and for an auditor."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from git_hybrid import __version__
from git_hybrid.app.status import status
from git_hybrid.cli.checking import gather, run_checks, with_seen_clones, with_settings
from git_hybrid.cli.common import common_of
from git_hybrid.cli.filled import FILE, STDOUT
from git_hybrid.cli.options import common_options
from git_hybrid.cli.output import opened
from git_hybrid.cli.streams import apart_from
from git_hybrid.cli.wiring import Session
from git_hybrid.core.audit import records_of
from git_hybrid.core.check_table import CHECKS
from git_hybrid.core.checks import Facts
from git_hybrid.core.dashboard import Surroundings, build_dashboard
from git_hybrid.core.diagnosis import misplaced
from git_hybrid.core.report import Status
from git_hybrid.store.outputfile import refuse_own, write_output
from git_hybrid.store.steady import steady
from git_hybrid.view.dashboard import dashboard_page


@click.command("dashboard")
@click.option("-o", "--output", "file", type=FILE, metavar="FILE", help="Write to FILE; - is stdout.")
@common_options
@click.pass_context
def command(context: click.Context, *, file: Path | None) -> int:
    """Write one self-contained HTML page about the workspace: health, sources, pins over time, scans, overrides, audit.

    It needs no network and loads nothing. Without -o it goes to stdout, unless that is a terminal; --json needs a file.
    """
    if common_of(context).json and file in (None, STDOUT):
        context.fail("--json tells where the page is: name a file, such as -o dashboard.html")
    if file is None and sys.stdout.isatty():
        context.fail("a page is nothing to read on a terminal: name a file, such as -o dashboard.html")
    with opened(context) as (session, output):
        if file is None or file == STDOUT:
            output.content(_page(session))
            return 0
        place = common_of(context).folder / file
        refuse_own(session.layout, place, option="-o", shown=str(file))
        text = _page(session)
        write_output(place, text.encode("utf-8"))
        if output.common.json:
            with apart_from(place):
                output.document({"command": "dashboard", "file": str(place)})
        else:
            output.talk(f"wrote {file}: {len(text) // 1024 + 1} KiB, opens in any browser")
        return 0


def _page(session: Session) -> str:
    info, layout = session.runtime.info, session.layout

    def read() -> tuple[Status, Facts]:
        return status(session.runtime), gather(session.runner, layout, list(CHECKS), now=info.now)

    seen, facts = steady(layout, read, patience=session.settings.lock_timeout)
    facts = with_settings(facts, session.settings)
    around = Surroundings(
        workspace=layout.root.name or "workspace",
        now=datetime.now(UTC),
        operator=info.operator,
        version=__version__,
    )
    results = with_seen_clones(run_checks(facts, CHECKS), misplaced(seen.rows))
    return dashboard_page(build_dashboard(seen, facts, results, records_of(facts.log), around=around))
