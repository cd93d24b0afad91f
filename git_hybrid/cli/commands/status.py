"""``git hybrid status``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import click

from git_hybrid.app.status import status
from git_hybrid.cli.common import DUMB, Common, common_of
from git_hybrid.cli.options import Number, common_options, group_option, jobs_option, names_argument
from git_hybrid.cli.output import Output, advice, opened_for
from git_hybrid.cli.showing import show_status
from git_hybrid.cli.signals import Cancel, handled
from git_hybrid.cli.telling import SIGNALLED, tell
from git_hybrid.cli.wiring import Session
from git_hybrid.core.errors import HybridError, Interrupted, ReportLost
from git_hybrid.core.report import Status
from git_hybrid.core.values import format_time
from git_hybrid.view.status import status_lines, status_summary
from git_hybrid.view.term import safe

_HOME, _REST_OF_LINE, _REST_OF_SCREEN = "\033[H", "\033[K", "\033[J"


@click.command("status")
@names_argument
@group_option
@jobs_option
@click.option("--exit-code", is_flag=True, help="Exit 1 if a source is not as it should be.")
@click.option(
    "--porcelain",
    is_flag=False,
    flag_value="v1",
    type=click.Choice(["v1"]),
    metavar="[=v1]",
    help="One line a source, for scripts.",
)
@click.option(
    "--watch",
    is_flag=False,
    flag_value=2,
    type=Number(1, 86400),
    metavar="[SECONDS]",
    help="Draw it again every SECONDS (2), until Ctrl-C.",
)
@common_options
@click.pass_context
def command(
    context: click.Context,
    *,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    jobs: int | None,
    exit_code: bool,
    porcelain: str | None,
    watch: int | None,
) -> int:
    """Show every source, worst first: manifest, lock, state, disk and scan in one row.

    Changes nothing and waits for nobody.
    """
    if watch is not None:
        if porcelain or exit_code or common_of(context).json:
            context.fail("--watch is for people: it goes with none of --json, --porcelain and --exit-code")
        return _watched(context, watch, lambda session: status(session.runtime, names, groups), jobs=jobs)
    common = common_of(context)
    return show_status(common, names=names, groups=groups, jobs=jobs, exit_code=exit_code, porcelain=porcelain)


def _watched(
    context: click.Context, seconds: int, look: Callable[[Session], Status], *, jobs: int | None = None
) -> int:
    """Draw what *look* returns every *seconds*; return the exit status of the signal that ended it.

    What fails at the first look ends it. Later ones meet files that somebody is about to edit, or a checkout.
    """
    cancel, common, has_drawn = Cancel(reads=True), common_of(context), False
    with handled(cancel):
        while not cancel():
            try:
                _draw(common, cancel, seconds, look, jobs=jobs)
                has_drawn = True
            except Interrupted as error:
                return SIGNALLED + error.signal
            except HybridError as error:
                if not has_drawn or isinstance(error, ReportLost):
                    raise
                _show(Output(common), seconds, datetime.now(UTC), _told(common, error))
                cancel.sleep(seconds)
    return SIGNALLED + cancel()


def _draw(common: Common, cancel: Cancel, seconds: int, look: Callable[[Session], Status], *, jobs: int | None) -> None:
    """Draw once and wait.

    Raises:
        Interrupted: a signal came.
        HybridError: a file cannot be read just now.
    """
    with opened_for(common, jobs=jobs, cancel=cancel) as (session, output):
        found = look(session)
        now = session.runtime.info.now
        height = common.lines - 3 if _is_redrawn() else None
        table = status_lines(found, output.look, now, height=height)
        _show(output, seconds, now, [*table, status_summary(found) if found.rows else ""])
        session.runtime.sleep(seconds)
        session.runtime.stop_if_cancelled()


def _show(output: Output, seconds: int, now: datetime, lines: Sequence[str]) -> None:
    """Write *lines* behind one that tells the time; where there is no terminal, append."""
    lines = [f"{format_time(now)}, every {seconds} s", *lines]
    if _is_redrawn():
        # Drawn over what was there, in one write: a screen that is cleared first flickers.
        shown = lines[: output.common.lines - 1]
        sys.stdout.write(_HOME + "".join(f"{line}{_REST_OF_LINE}\n" for line in shown) + _REST_OF_SCREEN)
    else:
        output.data(*lines, "")
    sys.stdout.flush()


def _is_redrawn() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM", "") not in DUMB


def _told(common: Common, error: HybridError) -> list[str]:
    told = tell(error, common.has_keys, common.placed)
    hints = told.hints if advice(common.config, error.code) else ()
    more = (*(f"cause: {line}" for line in told.cause), *(f"hint: {line}" for line in hints))
    return [safe(line) for line in (f"error: {told.title}", *more)]
