"""What shows approvals: overrides as a table, written in a format for people who do not have this program."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from git_hybrid.app.override import moved_over
from git_hybrid.cli.common import common_of
from git_hybrid.cli.filled import FILE, STDOUT
from git_hybrid.cli.output import Output
from git_hybrid.cli.streams import apart_from
from git_hybrid.cli.wiring import Session
from git_hybrid.core.audit import Record
from git_hybrid.core.audit_query import OVERRIDE_COLUMNS, before_renewals, override_row
from git_hybrid.core.governance import Governed
from git_hybrid.core.override import Override, phase, why_closed
from git_hybrid.core.standing import doubted, forbidden, regained
from git_hybrid.store.outputfile import refuse_own, write_output
from git_hybrid.view.export import FORMATS, Format, Table

format_option = click.option(
    "--format", "form", type=click.Choice(FORMATS), metavar="FORMAT", help="csv, json, md or html."
)
output_option = click.option(
    "-o",
    "--output",
    "file",
    type=FILE,
    metavar="FILE",
    callback=lambda _context, _option, file: None if file == STDOUT else file,
    help="Write to FILE; - is stdout.",
)


def format_of(context: click.Context, form: Format | None, file: Path | None) -> Format:
    """Return the format of a table: the one that was given, else JSON with ``--json``, else CSV.

    Raises:
        click.UsageError: ``--json`` is for stdout, and so is a table in another format.
    """
    json = common_of(context).json
    if json and file is None and form not in (None, "json"):
        context.fail(f"--json writes json: name a file for the table, such as -o table.{form}")
    return form or ("json" if json else "csv")


def overrides_table(session: Session, found: Governed, log: Iterable[Record], shown: Iterable[Override]) -> Table:
    """Return those overrides of *found* that are *shown* as a table; *log* has the records of the audit log."""
    shown = tuple(shown)
    earlier = before_renewals(log, {item.id: item for item in shown})
    rows = [
        override_row(
            item,
            phase(item, found.clock),
            moved_over(session.runtime, item),
            why_closed(item, found.trail),
            earlier[item.id],
            doubted(item, found),
            forbidden(item, found),
        )
        for item in shown
    ]
    return Table(title="Overrides", columns=OVERRIDE_COLUMNS, rows=rows)


def every_override(found: Governed) -> tuple[Override, ...]:
    """Return the overrides of *found* in order of their ids; what their file has lost, as the audit log tells of it."""
    kept = found.overrides.records
    if kept.keys() >= found.trail.latest.keys():
        return tuple(kept.values())
    # Imported here: a file seldom loses a record.
    from git_hybrid.store.restoring import lost_records

    return tuple(sorted((*kept.values(), *lost_records(found.overrides, found.trail)), key=lambda item: item.id))


def tell_unrecorded(output: Output, found: Governed, shown: Iterable[Override]) -> None:
    """Say to stderr which of the overrides that are *shown* the audit log does not bear out, or their file has lost."""
    told = {
        item.id: f"{item.id} of {item.source} is an override {what}" for item in shown if (what := doubted(item, found))
    }
    for line in told.values():
        output.talk(f"note: {line}")
    lost = " ".join(sorted(told.keys() - found.overrides.records.keys()))
    if told:
        output.hint("override", regained(lost, found) if lost else "git hybrid check overrides")


def write_export(session: Session, output: Output, text: str, file: Path | None, *, command: str) -> None:
    """Write *text* to *file*, or to stdout; with ``--json`` a document tells where the file of *command* is.

    Raises:
        BadArgument: the file is the workspace's own.
        LocalIo: the file cannot be written.
    """
    if file is None:
        output.content(text.rstrip("\n") + "\n")
        return
    path = output.common.folder / file
    refuse_own(session.layout, path, option="-o", shown=str(file))
    write_output(path, text.encode("utf-8"))
    if output.common.json:
        with apart_from(path):
            output.document({"command": command, "file": str(path)})
    else:
        output.talk(f"wrote {file}")
