"""``git hybrid diff``."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout

import click

from git_hybrid.app.upstream import diff
from git_hybrid.cli.common import common_of, is_paged, wants_color
from git_hybrid.cli.options import common_options, group_option, jobs_option, names_argument
from git_hybrid.cli.output import Output, opened
from git_hybrid.cli.streams import reporting, stop_if_unheard
from git_hybrid.cli.wiring import Session
from git_hybrid.core.difference import Difference
from git_hybrid.core.errors import BadArgument, UnknownSource
from git_hybrid.core.ids import SourceName
from git_hybrid.core.report import Report
from git_hybrid.core.value import replace
from git_hybrid.core.words import sized


@click.command("diff")
@names_argument
@group_option
@jobs_option
@click.option("--upstream", is_flag=True, help="Compare the lock with upstream instead of with the disk.")
@click.option("--since", metavar="REV", help="Compare the lock that the commit REV has with the lock as it is.")
@click.option("--until", metavar="REV", help="With --since: compare with the lock that this commit has.")
@click.option("-p", "--patch", is_flag=True, help="Write the difference as a patch, as git diff does.")
@click.option("--stat", is_flag=True, help="Write which files change, and how much, as git diff does.")
@click.option("--name-only", is_flag=True, help="Write the names of the files that change alone.")
@click.option("--exit-code", is_flag=True, help="Exit 1 if anything differs.")
@common_options
@click.pass_context
def command(
    context: click.Context,
    *,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    jobs: int | None,
    upstream: bool,
    since: str | None,
    until: str | None,
    patch: bool,
    stat: bool,
    name_only: bool,
    exit_code: bool,
) -> int:
    """Show what stands between lock and disk, or with --upstream between lock and upstream, as commits and files.

    With --since it is what became of the sources between two commits of this repository.
    With --patch, --stat or --name-only the difference itself goes to stdout, and the rest to stderr.
    """
    forms = {"--patch": patch, "--stat": stat, "--name-only": name_only}
    asked = [form for form, is_asked in forms.items() if is_asked]
    if name_only and len(asked) > 1:
        raise BadArgument(what="--name-only", value=asked[0], reason="ask for one of them")
    if asked and common_of(context).json:
        raise BadArgument(what="--json", value=asked[0], reason="what git writes is no JSON document")
    _refuse_together(upstream=upstream, since=since, until=until)
    changes: dict[SourceName, Difference] | None = {} if asked else None
    with opened(context, jobs=jobs, reads=not upstream) as (session, output):
        more: dict[str, object] = {}
        if since is None:
            report = _now(session, names, groups, upstream=upstream, changes=changes)
        else:
            report, more = _since(session, since, until, names, groups, changes=changes)
        differs = exit_code and any(row.outcome != "same" for row in report.rows)
        if changes is None:
            code = output.report(report, more, differs=differs)
        else:
            color, output.color = output.color, wants_color(output.common, tty=sys.stderr.isatty())
            with redirect_stdout(sys.stderr):
                code = output.report(report, wrote=True, differs=differs)
            lacking = (
                row.name
                for row in report.rows
                if row.outcome in ("differs", "dirty", "moved") and row.name not in changes
            )
            for name in lacking:
                output.talk(f"note: {name}: no patch: the files of one of the two commits are not here")
            for name in sorted(changes):
                _write(session, output, changes[name], asked, color=color)
        if not report.rows:
            output.no_sources()
        return code


def _refuse_together(*, upstream: bool, since: str | None, until: str | None) -> None:
    if since is None and until is not None:
        raise BadArgument(what="--until", value=until, reason="goes with --since")
    if since is not None and upstream:
        raise BadArgument(what="--since", value=since, reason="--upstream compares with the lock as it is")


def _now(
    session: Session,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    *,
    upstream: bool,
    changes: dict[SourceName, Difference] | None,
) -> Report:
    try:
        return diff(session.runtime, names, groups, upstream=upstream, changes=changes)
    except UnknownSource as error:
        if not groups:
            from git_hybrid.cli.since import meant

            error.instead = meant(session, names)
        raise


def _since(
    session: Session,
    since: str,
    until: str | None,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    *,
    changes: dict[SourceName, Difference] | None,
) -> tuple[Report, dict[str, object]]:
    """Return what became of the sources between two commits, and which commits these are."""
    from git_hybrid.app.since import since as compared
    from git_hybrid.cli.since import decided_at

    old = decided_at(session, "--since", since)
    new = None if until is None else decided_at(session, "--until", until)
    report = compared(
        session.runtime, old.decided, None if new is None else new.decided, names, groups, changes=changes
    )
    sides = [old] if new is None else [old, new]
    notes = [note for side in sides if (note := side.note())]
    more: dict[str, object] = {"since": old.document(), "until": None if new is None else new.document()}
    return replace(report, notes=(*report.notes, *notes)), more


def _write(session: Session, output: Output, found: Difference, forms: list[str], *, color: bool) -> None:
    """Write *found* to stdout: as it is, or where a person reads it, in lines that no byte of upstream's steers."""
    from git_hybrid.git.difference import LARGEST, write_difference
    from git_hybrid.view.patch import Shown

    shown = Shown(color=color)
    is_read = color or sys.stdout.isatty() or is_paged()
    columns = output.common.limit

    def take(data: bytes) -> None:
        if is_read:
            output.data(*shown.lines(data))
            return
        with reporting(output.common):
            sys.stdout.flush()
            sys.stdout.buffer.write(data)

    options = [f"--stat={columns}" if form == "--stat" and columns else form for form in forms]
    large = write_difference(session.runner, session.layout.root, found, options, take)
    output.data(*shown.close())
    if large:
        output.talk(f"note: {found.name}: no lines of what is larger than {sized(LARGEST)}: {', '.join(large)}")
    stop_if_unheard()
