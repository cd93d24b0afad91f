"""``git hybrid override``: the approved exceptions, shown, renewed, revoked, exported."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import click

from git_hybrid.app.force import Forced
from git_hybrid.app.override import find, listed, moved_over, renew, revoke
from git_hybrid.app.select import refuse_unknown
from git_hybrid.cli.approving import signature_option, signing_by
from git_hybrid.cli.arguments import moment, text, texts
from git_hybrid.cli.commands.override_request import request_command
from git_hybrid.cli.common import common_of
from git_hybrid.cli.filled import FILE, TEXT
from git_hybrid.cli.options import Commands, common_options, complete_overrides, names_argument, shows_help
from git_hybrid.cli.output import Output, apart_from, opened
from git_hybrid.cli.wiring import Session
from git_hybrid.core.audit_query import OVERRIDE_COLUMNS, before_renewals, override_row
from git_hybrid.core.check_overrides import PRUNE
from git_hybrid.core.errors import HybridError, MissingOptions
from git_hybrid.core.files import OVERRIDES
from git_hybrid.core.governance import ended
from git_hybrid.core.override import Override, phase, plain, why_closed
from git_hybrid.core.plan import Snapshot
from git_hybrid.store.outputfile import refuse_own, write_output
from git_hybrid.store.reading import records
from git_hybrid.store.restoring import restore_overrides
from git_hybrid.view.export import FORMATS, Format, Table, export
from git_hybrid.view.overrides import override_details, override_lines

format_option = click.option(
    "--format", "form", type=click.Choice(FORMATS), metavar="FORMAT", help="csv, json, md or html."
)
output_option = click.option("-o", "--output", "file", type=FILE, metavar="FILE", help="Write to FILE.")


@click.group("override", cls=Commands, invoke_without_command=True)
@common_options
@click.pass_context
def command(context: click.Context) -> int:
    """Show and change overrides: approved exceptions, recorded for good, that end by themselves.

    git hybrid pin NAME --to REV --force makes one.
    """
    return shows_help(context)


@command.command("list")
@names_argument
@click.option("--active", is_flag=True, help="Only those in force, the expiring ones among them.")
@click.option("--expiring", is_flag=True, help="Only those that end within seven days.")
@click.option("--expired", is_flag=True, help="Only those whose time is over.")
@common_options
@click.pass_context
def list_command(context: click.Context, *, names: tuple[str, ...], active: bool, expiring: bool, expired: bool) -> int:
    """List overrides, those that need attention first; without options all of them, also the closed ones."""
    words = {"expired"} if expired else set()
    words |= {"expiring"} if expiring else set()
    words |= {"active", "expiring"} if active else set()
    with opened(context, reads=True) as (session, output):
        snapshot = session.runtime.ledger.snapshot()
        _refuse_unknown(session, snapshot, names)
        found = [item for item in listed(snapshot, frozenset(words)) if not names or item.source in names]
        order = ("expired", "expiring", "active", "revoked", "superseded")
        found.sort(key=lambda item: (order.index(phase(item, snapshot.clock)), item.id))
        if output.common.json:
            rows = [{**plain(item), "state": phase(item, snapshot.clock)} for item in found]
            output.document({"command": "override list", "overrides": rows})
        else:
            output.data(*override_lines(found, snapshot.clock, output.look, snapshot.trail, snapshot.lock.pins))
            output.talk("" if found else "no overrides")
        return 0


def _refuse_unknown(session: Session, snapshot: Snapshot, names: Sequence[str]) -> None:
    """Refuse a name that is no source now, and none that an override or the audit log knows.

    Raises:
        UnknownSource: there is no such source, and there was none.
    """
    known: set[str] = {*snapshot.manifest.sources, *(item.source for item in snapshot.overrides.records.values())}
    if not known.issuperset(names):
        known.update(str(record["source"]) for record in records(session.layout) if "source" in record)
    refuse_unknown("source", names, known)


@command.command("show")
@click.argument("identity", metavar="ID", shell_complete=complete_overrides)
@common_options
@click.pass_context
def show_command(context: click.Context, *, identity: str) -> int:
    """Show one override: who asked, who approved, why, until when, what it lifts, what it moved over."""
    with opened(context, reads=True) as (session, output):
        snapshot = session.runtime.ledger.snapshot()
        found = find(snapshot, identity)
        word, commits = phase(found, snapshot.clock), moved_over(session.runtime, found)
        if output.common.json:
            told = {**plain(found), "state": word, "commits": commits}
            output.document({"command": "override show", "override": told})
        else:
            earlier = before_renewals(records(session.layout), {found.id: found})[found.id]
            because = why_closed(found, snapshot.trail)
            output.data(*override_details(override_row(found, word, commits, because, earlier)))
        return 0


@command.command("renew")
@click.argument("identity", metavar="ID", shell_complete=complete_overrides)
@click.option("--expires", type=TEXT, metavar="WHEN", help="When it ends now: a date, a time, or 14d from now.")
@click.option(
    "--approver", "approvers", multiple=True, type=TEXT, metavar="WHO", help="Who approved the renewal; repeatable."
)
@click.option("--reason", type=TEXT, metavar="TEXT", help="Why it has to go on.")
@click.option("--request", type=TEXT, metavar="ID", help="The governance request of the renewal, if it is another one.")
@signature_option
@common_options
@click.pass_context
def renew_command(
    context: click.Context,
    *,
    identity: str,
    expires: str | None,
    approvers: tuple[str, ...],
    reason: str | None,
    request: str | None,
    signatures: tuple[Path, ...],
) -> int:
    """Let an override go on, with an approval of its own. An expired one is in force again."""
    request, reason, approvers = text("--request", request), text("--reason", reason), texts("--approver", approvers)
    given = {"--expires": expires, "--approver": approvers, "--reason": reason}
    if absent := tuple(key for key, value in given.items() if not value):
        raise MissingOptions(command="override renew", options=absent)
    with opened(context) as (session, output):
        forced = Forced(
            request_id=request,
            approvers=approvers,
            reason=reason,
            expires_at=moment("--expires", expires or "", now=session.runtime.info.now),
            signing=signing_by(session.runner, [output.common.folder / path for path in signatures]),
        )
        return _changed(session, output, "override renew", renew(session.runtime, identity, forced))


@command.command("revoke")
@click.argument("identity", metavar="ID", shell_complete=complete_overrides)
@click.option("--reason", type=TEXT, metavar="TEXT", help="Why it ends.")
@common_options
@click.pass_context
def revoke_command(context: click.Context, *, identity: str, reason: str | None) -> int:
    """End an override now. Its record stays; a pin that rests on it is refused until it is moved."""
    if not (reason := text("--reason", reason)):
        raise MissingOptions(command="override revoke", options=("--reason",))
    with opened(context) as (session, output):
        found = revoke(session.runtime, identity, reason=reason)
        code = _changed(session, output, "override revoke", found)
        snapshot = session.runtime.ledger.snapshot()
        pin = snapshot.lock.pins.get(found.source)
        if pin is not None and pin.override == found.id:
            left = ended(pin, found, snapshot.approvals)
            if found.source not in snapshot.manifest.sources:
                output.hint("pin", PRUNE)
            elif left is not None:
                output.hint("pin", left.way or left.hint)
        return code


@command.command("restore")
@click.argument("identities", nargs=-1, metavar="[ID]...")
@common_options
@click.pass_context
def restore_command(context: click.Context, *, identities: tuple[str, ...]) -> int:
    """Write records that a merge, a revert or an edit has lost as the audit log tells of them; without ids all.

    Nothing is decided anew: what was closed stays closed, and what the log does not know is not made.
    """
    with opened(context) as (session, output):
        runtime = session.runtime
        with runtime.ledger.writer(runtime.info):
            found = restore_overrides(session.layout, identities)
        snapshot = runtime.ledger.snapshot()
        clock = snapshot.clock
        if output.common.json:
            rows = [{**plain(item), "state": phase(item, clock)} for item in found]
            output.document({"command": "override restore", "command_id": runtime.info.run, "overrides": rows})
        else:
            output.done(*override_lines(found, clock, output.look, snapshot.trail))
            output.talk("" if found else "every override is recorded as the audit log tells")
            for name in _unstaged(session):
                output.hint("restored", f"git add -- {name}")
        return 0


def _unstaged(session: Session) -> tuple[str, ...]:
    """Return the file of overrides, where git has the workspace, but not what stands in it."""
    from git_hybrid.git.repository import around
    from git_hybrid.git.staged import Staged

    root = session.layout.root
    with suppress(HybridError):
        return Staged(around(session.runner, root), root).unstaged((OVERRIDES,))
    return ()


def _changed(session: Session, output: Output, name: str, override: Override) -> int:
    snapshot = session.runtime.ledger.snapshot()
    clock = snapshot.clock
    word = phase(override, clock)
    if output.common.json:
        told = {**plain(override), "state": word}
        output.document({"command": name, "command_id": session.runtime.info.run, "override": told})
    else:
        output.done(*override_lines([override], clock, output.look, snapshot.trail))
    return 0


@command.command("export")
@format_option
@output_option
@common_options
@click.pass_context
def export_command(context: click.Context, *, form: Format | None, file: Path | None) -> int:
    """Write every override as a table that can be read without this tool: approvals, expiry, incidents, revocation."""
    with opened(context) as (session, output):
        form = format_of(context, form, file)
        told = export({"overrides": overrides_table(session)}, form, heading="Overrides")
        write_export(session, output, told, file, command="override export")
        return 0


def format_of(context: click.Context, form: Format | None, file: Path | None) -> Format:
    """Return the format of a table: the one that was given, else JSON with ``--json``, else CSV.

    Raises:
        click.UsageError: ``--json`` is for stdout, and so is a table in another format.
    """
    json = common_of(context).json
    if json and file is None and form not in (None, "json"):
        context.fail(f"--json writes json: name a file for the table, such as -o table.{form}")
    return form or ("json" if json else "csv")


def overrides_table(session: Session) -> Table:
    """Return all overrides of a workspace as a table."""
    snapshot = session.runtime.ledger.snapshot()
    earlier = before_renewals(records(session.layout), snapshot.overrides.records)
    rows = [
        override_row(
            item,
            phase(item, snapshot.clock),
            moved_over(session.runtime, item),
            why_closed(item, snapshot.trail),
            earlier[item.id],
        )
        for item in snapshot.overrides.records.values()
    ]
    return Table(title="Overrides", columns=OVERRIDE_COLUMNS, rows=rows)


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


command.add_command(request_command)
