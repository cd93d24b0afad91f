"""``git hybrid audit``: the chain of records, shown, verified, exported, rotated."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

import click

from git_hybrid.app.audit import rotate
from git_hybrid.app.select import select
from git_hybrid.cli.arguments import moment
from git_hybrid.cli.checking import gather
from git_hybrid.cli.common import common_of
from git_hybrid.cli.exporting import (
    every_override,
    format_of,
    format_option,
    output_option,
    overrides_table,
    tell_unrecorded,
    write_export,
)
from git_hybrid.cli.filled import TEXT
from git_hybrid.cli.named import one_of
from git_hybrid.cli.options import Commands, Number, common_options, complete_names, shows_help
from git_hybrid.cli.output import Output, opened
from git_hybrid.cli.wiring import Session
from git_hybrid.core.ahead import ENDED, WAY_OUT, ahead
from git_hybrid.core.audit import Record, records_of
from git_hybrid.core.audit_archives import Breach, Files
from git_hybrid.core.audit_query import EVENTS, RECORD_COLUMNS, Filter, chosen, is_meant, newest_first, record_row
from git_hybrid.core.audit_scans import against_scans
from git_hybrid.core.audit_verify import no_records, verify
from git_hybrid.core.checks import Facts
from git_hybrid.core.committed_policy import UNCHECKED
from git_hybrid.core.errors import BadArgument
from git_hybrid.core.witnesses import Witnesses
from git_hybrid.core.words import counted
from git_hybrid.git.committed import history_witness
from git_hybrid.git.repository import WHOLE, Repository, around
from git_hybrid.store.layout import archives
from git_hybrid.store.steady import steady
from git_hybrid.view.audit import breach_lines, record_lines
from git_hybrid.view.export import Format, Table, export

_BAD = 5
_HEX = re.compile(r"[0-9a-f]{4,64}")
_commit = click.option("--commit", metavar="COMMIT", help="Only what moved a source to COMMIT or away from it.")
_since = click.option("--since", metavar="WHEN", help="Only from WHEN on: a date, a time, or 30d for the last 30 days.")
_until = click.option("--until", metavar="WHEN", help="Only before WHEN, in the same words.")


@click.group("audit", cls=Commands, invoke_without_command=True)
@common_options
@click.pass_context
def command(context: click.Context) -> int:
    """Read the audit log: who changed which pin, when, why, with whose approval; and prove that it is whole."""
    return shows_help(context)


@command.command("log")
@click.argument("source", required=False, metavar="[NAME]", shell_complete=complete_names)
@click.option("--source", "named", type=TEXT, metavar="NAME", help="The same as NAME.", shell_complete=complete_names)
@click.option("--operator", type=TEXT, metavar="WHO", help="Only what WHO did; a part of the name is enough.")
@click.option(
    "--event",
    "events",
    multiple=True,
    metavar="EVENT",
    help="Only records of this event, such as pin or override; repeatable.",
    shell_complete=lambda _context, _parameter, begun: [event for event in EVENTS if event.startswith(begun)],
)
@_commit
@_since
@_until
@click.option("--request", type=TEXT, metavar="ID", help="Only what this governance request asked for.")
@click.option("--incident", type=TEXT, metavar="ID", help="Only what is related to this incident.")
@click.option("-n", "--max-count", type=Number(1), metavar="N", help="At most N records.")
@common_options
@click.pass_context
def log_command(
    context: click.Context,
    *,
    source: str | None,
    named: str | None,
    operator: str | None,
    events: tuple[str, ...],
    commit: str | None,
    since: str | None,
    until: str | None,
    request: str | None,
    incident: str | None,
    max_count: int | None,
) -> int:
    """Show the records of the audit log, the newest first."""
    source = one_of(common_of(context), source, named)
    with opened(context, reads=True) as (session, output):
        wanted = Filter(
            source=source,
            operator=operator,
            events=events,
            request=request,
            incident=incident,
            commit=_beginning(commit),
            since=_moment("--since", since, session),
            until=_moment("--until", until, session),
        )
        facts = _facts(session)
        records = records_of(facts.log)
        _refuse_unknown(facts, records, wanted)
        found = chosen(newest_first(records), wanted)[:max_count]
        if output.common.json:
            output.document({"command": "audit log", "records": list(found)})
        else:
            output.data(*record_lines(found, output.look))
            output.talk("" if found else "no records")
        _tell_left_out(facts, output)
        return 0


def _tell_left_out(facts: Facts, output: Output) -> None:
    """Say that lines of the log are not among the records that are shown."""
    left = no_records(facts.log)
    if left:
        first, count = f"line {left[0].line} of {left[0].file}", counted(len(left), "line")
        what = f"{count} of the audit log are no records, the first is {first}" if left[1:] else f"{first} is no record"
        output.talk(output.common.placed_note(f"note: {what}: git hybrid audit verify"))


def _refuse_unknown(facts: Facts, records: Sequence[Record], wanted: Filter) -> None:
    """Refuse a source and an event that neither the log nor this program knows.

    Raises:
        UnknownSource: there is no such source, and there was none.
        BadArgument: there is no such event.
    """
    if wanted.source is not None and all(record.get("source") != wanted.source for record in records):
        select(facts.manifest, (wanted.source,))
    known = {*EVENTS, *(record["event"] for record in records)}
    for event in (event for event in wanted.events if event not in known):
        raise BadArgument(what="--event", value=event, reason=f"is no event: {', '.join(EVENTS)}")


def _facts(session: Session, witnesses: Witnesses | None = None) -> Facts:
    now = session.runtime.info.now
    names = ("audit", "overrides")
    return gather(session.runner, session.layout, names, now=now, witnesses=witnesses or Witnesses())


def _moment(option: str, text: str | None, session: Session) -> datetime | None:
    return None if text is None else moment(option, text, now=session.runtime.info.now, back=True)


def _beginning(commit: str | None) -> str | None:
    """Return how the id of a commit begins.

    Raises:
        BadArgument: no id begins so.
    """
    if commit is None or _HEX.fullmatch(found := commit.strip().lower()):
        return commit and found
    raise BadArgument(what="--commit", value=commit, reason="is no commit: write 4 or more of its hex digits")


@command.command("verify")
@click.option("--since", metavar="REV", help="Hold only the commits after REV (and REV itself) against the log.")
@common_options
@click.pass_context
def verify_command(context: click.Context, *, since: str | None) -> int:
    """Prove that the log is whole: its chain, what the other files name, what git has committed. Exit 5 if it is not.

    It names the first bad record and what that proves.
    """
    common_of(context).judges = True
    with opened(context, reads=True) as (session, output):
        layout, repository = session.layout, around(session.runner, session.layout.root)

        def read() -> Facts:
            return _facts(session, history_witness(repository, layout.root, archives(layout), since=since))

        facts = steady(layout, read, patience=session.settings.lock_timeout)
        records = records_of(facts.log)
        files = Files(facts.log)
        absent = files.missing()
        scans = () if absent or files.changed() else against_scans(records, facts.state, facts.lock)
        found = (*verify(facts.log, facts.witnesses, now=facts.now), *scans)
        breaches = [breach for breach in found if breach.level == "fail"]
        code = _BAD if breaches else 0
        if output.common.json:
            told = {"breaches": [_plain(breach) for breach in breaches], "archives_missing": list(absent)}
            told |= {"exit_code": code, "ok": not breaches, "records": len(records)}
            output.document({"command": "audit verify", **told})
            return code
        output.data(*breach_lines(breaches, color=output.color))
        if breaches:
            output.failure(f"the audit log cannot be relied on: {counted(len(breaches), 'breach')}")
            output.hint("audit", breaches[0].mend)
            if len({breach.mend for breach in breaches}) > 1:
                output.hint("audit", "what mends each of them: git hybrid check audit")
        else:
            witness = ""
            if facts.witnesses.committed is not None:
                witness = ", and with " + _held_against(repository, facts.witnesses, since, output.common.placed)
            wrong = ahead(facts.trail.last, session.runtime.info.now)
            held = f"whole, in agreement with state, lock and overrides{witness}"
            output.data(f"audit log: {counted(len(records), 'record')}, {held}")
            output.data(*_lesser(found, output.common.placed))
            if wrong:
                output.data(f"warn {wrong.record}: {ENDED}", f"  mend: {WAY_OUT}")
        return code


def _lesser(found: Iterable[Breach], placed: Callable[[str], str]) -> Iterator[str]:
    """Yield the lines of what does not fail: approvals that could not be checked, and what nobody here can tell."""
    for breach in found:
        if breach.id == UNCHECKED:
            yield from (f"warn {breach.what}: {breach.proves}", f"  mend: {placed(breach.mend)}")
        elif breach.level == "note":
            yield f"note {breach.file}:{breach.line}: {breach.what}"


def _held_against(repository: Repository, found: Witnesses, since: str | None, placed: Callable[[str], str]) -> str:
    """Return the commits that the log was held against, in words."""
    if found.is_partial:
        return placed(f"the committed files that this partial clone has (git {WHOLE} brings the others)")
    if repository.is_shallow():
        return placed("the commits that this shallow clone has (git fetch --unshallow brings the others)")
    return "all that git has committed" if since is None else f"all that git has committed since {since}"


def _plain(breach: Breach) -> dict[str, object]:
    where: dict[str, object] = {"file": breach.file, "line": breach.line or None, "seq": breach.seq}
    return where | {"id": breach.id, "what": breach.what, "proves": breach.proves}


@command.command("export")
@format_option
@click.option("--request", type=TEXT, metavar="ID", help="Only what this governance request asked for.")
@click.option("--incident", type=TEXT, metavar="ID", help="Only what is related to this incident.")
@_commit
@_since
@_until
@output_option
@common_options
@click.pass_context
def export_command(
    context: click.Context,
    *,
    form: Format | None,
    request: str | None,
    incident: str | None,
    commit: str | None,
    since: str | None,
    until: str | None,
    file: Path | None,
) -> int:
    """Write the audit log as a table that can be read without this tool; other formats than csv hold overrides too."""
    with opened(context) as (session, output):
        wanted = Filter(
            request=request,
            incident=incident,
            commit=_beginning(commit),
            since=_moment("--since", since, session),
            until=_moment("--until", until, session),
        )
        facts = steady(session.layout, partial(_facts, session), patience=session.settings.lock_timeout)
        form, records = format_of(context, form, file), records_of(facts.log)
        rows = [record_row(record) for record in chosen(records, wanted)]
        named, rests = {row["override"] for row in rows}, {pin.override for pin in facts.lock.pins.values()}
        every = every_override(facts)
        kept = [item for item in every if item.id in named or is_meant(item, wanted, rests=item.id in rests)]
        tables = {
            "records": Table(title="Audit log", columns=RECORD_COLUMNS, rows=rows),
            "overrides": overrides_table(session, facts, records, kept),
        }
        text = export(tables, form, heading="Audit of pins and overrides")
        write_export(session, output, text, file, command="audit export")
        if form != "csv":
            tell_unrecorded(output, facts, kept)
        _tell_left_out(facts, output)
        return 0


@command.command("rotate")
@common_options
@click.pass_context
def rotate_command(context: click.Context) -> int:
    """Close the log into an archive named by the year, and go on in a new file whose first record names it."""
    with opened(context) as (session, output):
        name = rotate(session.runtime, lambda: archives(session.layout))
        if output.common.json:
            output.document({"command": "audit rotate", "command_id": session.runtime.info.run, "archive": name})
        else:
            output.done(f"archived as {name}")
            output.hint("rotated", "git add -- state")
        return 0
