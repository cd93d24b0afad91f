"""``git hybrid override``: the approved exceptions, shown, renewed, revoked, exported."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import click

from git_hybrid.app.force import Forced
from git_hybrid.app.override import find, moved_over, renew, revoke
from git_hybrid.app.select import refuse_unknown
from git_hybrid.cli.approving import signature_option, signing_by
from git_hybrid.cli.arguments import line, moment, text, texts
from git_hybrid.cli.commands.override_request import request_command
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
from git_hybrid.cli.options import Commands, common_options, complete_overrides, names_argument, shows_help
from git_hybrid.cli.output import Output, opened
from git_hybrid.cli.wiring import Session
from git_hybrid.core.audit import Record
from git_hybrid.core.canonical import Json
from git_hybrid.core.errors import HybridError, MissingOptions
from git_hybrid.core.files import OVERRIDES
from git_hybrid.core.governance import Governed, ended
from git_hybrid.core.override import Override, phase, plain
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.standing import doubted, forbidden
from git_hybrid.core.words import PRUNE
from git_hybrid.store.reading import records
from git_hybrid.store.restoring import restore_overrides
from git_hybrid.store.steady import steady
from git_hybrid.view.export import Format, export
from git_hybrid.view.overrides import override_details, override_lines


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
        snapshot = session.runtime.ledger.steady()
        _refuse_unknown(session, snapshot, names)
        listed = (item for item in every_override(snapshot) if not words or phase(item, snapshot.clock) in words)
        found = [item for item in listed if not names or item.source in names]
        order = ("expired", "expiring", "active", "revoked", "superseded")
        found.sort(key=lambda item: (order.index(phase(item, snapshot.clock)), item.id))
        if output.common.json:
            output.document({"command": "override list", "overrides": [_plain(item, snapshot) for item in found]})
            tell_unrecorded(output, snapshot, found)
        else:
            output.data(*override_lines(found, snapshot, output.look, snapshot.lock.pins, placed=output.common.placed))
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
        snapshot, log = _read(session)
        lost = {item.id: item for item in every_override(snapshot) if item.id not in snapshot.overrides.records}
        found = lost.get(identity) or find(snapshot, identity)
        if output.common.json:
            told = {**_plain(found, snapshot), "commits": moved_over(session.runtime, found)}
            output.document({"command": "override show", "override": told})
        else:
            (row,) = overrides_table(session, snapshot, log, (found,)).rows
            output.data(*override_details(row))
        tell_unrecorded(output, snapshot, (found,))
        return 0


def _plain(item: Override, found: Governed) -> dict[str, Json]:
    """Return *item* as a document has it: as it stands in its file, how it stands now, and what the log says of it."""
    doubt = {"unrecorded": what} if (what := doubted(item, found)) else {}
    doubt |= {"unmet": what} if (what := forbidden(item, found)) else {}
    return {**plain(item), "state": phase(item, found.clock), **doubt}


def _read(session: Session) -> tuple[Snapshot, tuple[Record, ...]]:
    """Return what the files say, and the records of the audit log, when no run is half way through them.

    Raises:
        UnfinishedRun, LockBusy, InvalidFile: as :func:`steady`.
    """

    def read() -> tuple[Snapshot, tuple[Record, ...]]:
        return session.runtime.ledger.snapshot(), records(session.layout)

    return steady(session.layout, read, patience=session.settings.lock_timeout)


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
    request, reason, approvers = line("--request", request), text("--reason", reason), texts("--approver", approvers)
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
@click.argument("identities", nargs=-1, metavar="[ID]...", shell_complete=complete_overrides)
@common_options
@click.pass_context
def restore_command(context: click.Context, *, identities: tuple[str, ...]) -> int:
    """Write records that a merge, a revert or an edit has lost as the audit log tells of them; without ids all.

    Nothing is decided anew: what was closed stays closed, and what the log does not know is not made.
    """
    with opened(context) as (session, output):
        runtime = session.runtime
        # An earlier run comes to no end while the file cannot be read.
        with runtime.ledger.writer(runtime.info, settles=False):
            found = restore_overrides(session.layout, identities)
        snapshot = runtime.ledger.snapshot()
        if output.common.json:
            rows = [_plain(item, snapshot) for item in found]
            output.document({"command": "override restore", "command_id": runtime.info.run, "overrides": rows})
        else:
            output.done(*override_lines(found, snapshot, output.look, placed=output.common.placed))
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
    if output.common.json:
        told = _plain(override, snapshot)
        output.document({"command": name, "command_id": session.runtime.info.run, "override": told})
    else:
        output.done(*override_lines([override], snapshot, output.look, placed=output.common.placed))
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
        snapshot, log = _read(session)
        every = every_override(snapshot)
        told = export({"overrides": overrides_table(session, snapshot, log, every)}, form, heading="Overrides")
        write_export(session, output, told, file, command="override export")
        tell_unrecorded(output, snapshot, every)
        return 0


command.add_command(request_command)
