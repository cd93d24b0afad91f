"""``git hybrid pin``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from git_hybrid.app.accept import accept
from git_hybrid.app.following import Follow
from git_hybrid.app.force import Forced
from git_hybrid.app.pin import PinRequest, pin
from git_hybrid.cli.approving import (
    accepts_findings,
    finding_option,
    object_ids,
    refuse_beside_findings,
    signature_option,
    signing_by,
)
from git_hybrid.cli.arguments import line, moment, text, texts
from git_hybrid.cli.filled import TEXT
from git_hybrid.cli.options import common_options, group_option, jobs_option, names_argument
from git_hybrid.cli.output import Output, opened
from git_hybrid.cli.tracks import chosen_track, track_options
from git_hybrid.cli.wiring import Session
from git_hybrid.core.errors import BadArgument, MissingOptions
from git_hybrid.core.manifest import Track, track_field
from git_hybrid.core.override import Kind
from git_hybrid.core.value import replace
from git_hybrid.core.words import typed

_NAMED = 5
"""So many sources a hint names; of more it asks for all."""


@click.command("pin")
@names_argument
@group_option
@jobs_option
@click.option("--all", "everything", is_flag=True, help="Move every pin to the newest commit that the manifest allows.")
@click.option("--to", type=TEXT, metavar="REV", help="Pin this tag, branch tip or commit of the declared ref.")
@track_options
@click.option("-n", "--dry-run", is_flag=True, help="Show the move (commits, files), and write nothing.")
@click.option("--scan", is_flag=True, help="Scan the new commit before the pin is written.")
@click.option("--force", is_flag=True, help="Pin what policy refuses, as an override: approved, recorded, and it ends.")
@click.option(
    "--kind",
    type=click.Choice(("pin", "scan")),
    metavar="KIND",
    help="With --force: pin (the default), or scan: accept findings on the pinned commit.",
)
@finding_option
@click.option("--request", type=TEXT, metavar="ID", help="With --force: the governance request that asks for it.")
@click.option(
    "--approver", "approvers", multiple=True, type=TEXT, metavar="WHO", help="With --force: who approved; repeatable."
)
@click.option("--reason", type=TEXT, metavar="TEXT", help="With --force: why it is needed.")
@click.option(
    "--expires", type=TEXT, metavar="WHEN", help="With --force: when it ends: a date, a time, or 14d from now."
)
@click.option(
    "--incident", "incidents", multiple=True, type=TEXT, metavar="ID", help="With --force: a related incident."
)
@signature_option
@click.option(
    "--waive",
    "waived",
    multiple=True,
    type=TEXT,
    metavar="OID",
    help="With --force: an object that git's fsck may let pass.",
)
@common_options
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    jobs: int | None,
    everything: bool,
    to: str | None,
    dry_run: bool,
    scan: bool,
    force: bool,
    kind: Kind | None,
    findings: tuple[str, ...],
    request: str | None,
    approvers: tuple[str, ...],
    reason: str | None,
    expires: str | None,
    incidents: tuple[str, ...],
    signatures: tuple[Path, ...],
    waived: tuple[str, ...],
    **refs: str | None,
) -> int:
    """Pin what has no valid pin yet; with names or --all move pins to the newest commit that the manifest allows.

    With --tag, --branch, --version or --commit the entry of one source follows that from now on, and is pinned by it.
    Beside it add, remove, sync --prune, merge and bundle apply write the lock. What policy refuses (a rollback, a
    commit off the declared ref, a moved tag) takes --force with a request, approvers, a reason and an expiry.
    """
    found = chosen_track(context, refs)
    request, reason, approvers = line("--request", request), text("--reason", reason), texts("--approver", approvers)
    incidents, expires = texts("--incident", incidents), text("--expires", expires)
    given = {"--request": request, "--approver": approvers, "--reason": reason, "--expires": expires}
    accepts = accepts_findings(kind, findings)
    _refuse_not_one(to, found, names, groups, accepts=accepts)
    asked_for = given | {"--incident": incidents, "--signature": signatures, "--waive": waived, "--finding": findings}
    is_override = force or accepts or any(asked_for.values())
    _refuse_together(names, groups, everything=everything, is_override=is_override)
    if is_override:
        refuse_beside_findings(waived if accepts else (), scan=accepts and scan)
        wanted = {"--force": force, "a source": len(names) == 1, "--to": (to or "").strip() or accepts, **given}
        _refuse_incomplete(wanted, {**asked_for, "--kind": kind})
    with opened(context, jobs=jobs) as (session, output):
        forced = None
        if is_override:
            forced = Forced(
                request_id=request,
                approvers=approvers,
                reason=reason,
                expires_at=moment("--expires", expires, now=session.runtime.info.now),
                incidents=incidents,
                waived=object_ids(waived),
                findings=() if accepts else tuple(sorted(set(findings))),
                signing=signing_by(session.runner, [output.common.folder / path for path in signatures]),
            )
        if forced is not None and accepts:
            return output.report(accept(session.runtime, names[0], forced, to=to, findings=findings, dry_run=dry_run))
        follow = None if found is None else Follow(found[1], session.editor.follow)
        asked = PinRequest(names=names, groups=groups, everything=everything, to=to, dry_run=dry_run, scan=scan)
        return _told(session, output, replace(asked, forced=forced, follow=follow))


def _told(session: Session, output: Output, asked: PinRequest) -> int:
    report = pin(session.runtime, asked)
    if not report.rows and not session.runtime.ledger.snapshot().manifest.sources:
        output.no_sources()
        return output.report(report)
    code = output.report(report)
    if code == 0 and not report.dry_run and any(row.outcome == "pinned" for row in report.rows):
        output.hint("pinned", "git hybrid sync")
    moves = [row.name for row in report.rows if row.outcome == "would-pin" and row.before not in (None, row.after)]
    # What the manifest does not say yet, diff --upstream does not know.
    if moves and asked.to is None and asked.follow is None and not output.common.json:
        names = moves if len(moves) <= _NAMED else ()
        output.hint("patch", " ".join(("what would change: git hybrid diff --upstream --patch", *names)))
    if not report.rows and not output.common.json:
        output.talk("every source has a valid pin; name sources, or give --all, to move pins")
    return code


def _refuse_not_one(
    to: str | None, found: tuple[str, Track] | None, names: Sequence[str], groups: Sequence[str], *, accepts: bool
) -> None:
    """Raise if what one source is to be pinned to, or what was *found* that it is to follow, is given for others.

    Raises:
        BadArgument: it is, or nothing is pinned since findings are accepted.
    """
    if to is not None and (len(names) != 1 or groups):
        raise BadArgument(what="--to", value=to, reason="needs exactly one source: git hybrid pin NAME --to REV")
    if found is None:
        return
    option, value = found[0], track_field(found[1])[1]
    if accepts:
        raise BadArgument(what=option, value=value, reason="does not go with findings to accept: that moves no pin")
    if len(names) != 1 or groups:
        reason = f"needs exactly one source: git hybrid pin NAME {option} {typed(value)}"
        raise BadArgument(what=option, value=value, reason=reason)


def _refuse_incomplete(wanted: Mapping[str, object], given: Mapping[str, object]) -> None:
    """Raise if an override lacks something that is *wanted* of it; *given* are the options that ask for one.

    Raises:
        MissingOptions, BadArgument: it does.
    """
    absent = tuple(key for key, value in wanted.items() if not value)
    if "--force" in absent:
        what, value = next((key, value) for key, value in given.items() if value)
        shown = str(value[0] if isinstance(value, tuple) else value)
        raise BadArgument(what=what, value=shown, reason=f"is for an override, which needs {', '.join(absent)}")
    if absent:
        raise MissingOptions(command="pin --force", options=absent)


def _refuse_together(names: Sequence[str], groups: Sequence[str], *, everything: bool, is_override: bool) -> None:
    """Raise if more sources are chosen than an override is for, or if all are and yet some are named.

    Raises:
        BadArgument: they are.
    """
    if not is_override:
        if everything and (chosen := names or groups):
            reason = "moves every pin: give names or groups, or --all alone"
            raise BadArgument(what="--all", value=", ".join(chosen), reason=reason)
        return
    for option, value in (("--group", ", ".join(groups)), ("--all", "all" if everything else "")):
        if value:
            reason = "an override is for one source, and its approvers see which: give one for each"
            raise BadArgument(what=option, value=value, reason=reason)
