"""``git hybrid override request``: what an approver signs, and the command that the signature is for."""

from __future__ import annotations

import click

from git_hybrid.app.accept import chosen_findings, known_findings
from git_hybrid.app.bases import as_logged, commit_before
from git_hybrid.app.force import Forced, asked_for, require_askable
from git_hybrid.app.override import asked_again, find, require_open
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.select import select
from git_hybrid.cli.approving import accepts_findings, finding_option, object_ids, refuse_beside_findings
from git_hybrid.cli.arguments import line, moment, text
from git_hybrid.cli.common import common_of
from git_hybrid.cli.filled import TEXT
from git_hybrid.cli.named import by_path
from git_hybrid.cli.options import common_options, complete_names_and_overrides
from git_hybrid.cli.output import opened
from git_hybrid.core.approval import Asked, payload
from git_hybrid.core.asking import use_line
from git_hybrid.core.errors import BadArgument, MissingOptions
from git_hybrid.core.ids import Oid, is_oid
from git_hybrid.core.lock import no_pin
from git_hybrid.core.override import Kind
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.value import replace
from git_hybrid.core.words import typed

_SIGN = "save this line to a file, then: ssh-keygen -Y sign -n git-hybrid-override -f KEY FILE"


@click.command("request")
@click.argument("identity", metavar="NAME|ID", shell_complete=complete_names_and_overrides)
@click.option("--to", type=TEXT, metavar="COMMIT", help="The full id of the commit to be pinned; not for a renewal.")
@click.option(
    "--kind",
    type=click.Choice(("pin", "scan")),
    metavar="KIND",
    help="What is asked for: pin (the default), or scan: accept findings on the pinned commit.",
)
@finding_option
@click.option("--request", type=TEXT, metavar="ID", help="The governance request id.")
@click.option("--reason", type=TEXT, metavar="TEXT", help="Why it is needed.")
@click.option("--expires", type=TEXT, metavar="WHEN", help="When it ends: a date, a time, or 14d from now.")
@click.option(
    "--waive", "waived", multiple=True, type=TEXT, metavar="OID", help="An object that git's fsck may let pass."
)
@common_options
@click.pass_context
def request_command(
    context: click.Context,
    *,
    identity: str,
    to: str | None,
    kind: Kind | None,
    findings: tuple[str, ...],
    request: str | None,
    reason: str | None,
    expires: str | None,
    waived: tuple[str, ...],
) -> int:
    """Print what an approver signs with ssh-keygen -Y sign, where policy names SSH keys."""
    accepts = accepts_findings(kind, findings)
    (identity,) = by_path(common_of(context), (identity,))
    with opened(context) as (session, output):
        snapshot = session.runtime.ledger.snapshot()
        is_id = identity.startswith("ovr-") and identity not in set[str](snapshot.manifest.sources)
        renewed = find(snapshot, identity) if is_id else None
        if renewed is not None:
            require_open(snapshot, renewed)
        request, reason = line("--request", request), text("--reason", reason)
        what = renewed or accepts or to
        given = {"--request": request or renewed, "--reason": reason, "--expires": expires, "--to": what}
        if absent := tuple(key for key, value in given.items() if not value):
            raise MissingOptions(command="override request", options=absent)
        if accepts:
            refuse_beside_findings(waived)
        until = moment("--expires", expires or "", now=session.runtime.info.now)
        forced = Forced(request_id=request, approvers=(), reason=reason, expires_at=until, waived=object_ids(waived))
        if renewed is not None:
            _refuse_given(kind, to, findings, waived)
            asked = asked_again(snapshot, renewed, replace(forced, request_id=request or renewed.request_id))
        else:
            asked = _asked(session.runtime, snapshot, identity, forced, to=to, accepts=accepts, findings=findings)
        require_askable(session.runtime, snapshot, asked)
        output.data(payload(asked).decode("ascii").rstrip("\n"))
        if not common_of(context).quiet:
            output.hint("sign", _SIGN)
            output.hint("sign", f"then: {use_line(asked, renews=renewed.id if renewed else '')}")
        return 0


def _refuse_given(kind: Kind | None, to: str | None, findings: tuple[str, ...], waived: tuple[str, ...]) -> None:
    """Raise if the request of a renewal says what is allowed by it.

    Raises:
        BadArgument: it does.
    """
    given = {"--to": to, "--kind": kind if kind == "scan" else "", "--finding": findings, "--waive": waived}
    for option, value in given.items():
        if value:
            shown = value if isinstance(value, str) else value[0]
            raise BadArgument(what=option, value=shown, reason="a renewal is of what was approved, and of nothing else")


def _asked(
    rt: Runtime,
    snapshot: Snapshot,
    identity: str,
    forced: Forced,
    *,
    to: str | None,
    accepts: bool,
    findings: tuple[str, ...],
) -> Asked:
    """Return what is asked for a source: to pin it to a commit by force, or to accept findings on its pinned one.

    Raises:
        UnknownSource: there is no such source.
        BadArgument: there is no such commit or finding.
        NoPin: there is nothing yet that a scan could have found.
        OverrideUnnecessary: policy blocks on nothing.
    """
    (name,) = select(snapshot.manifest, (identity,))
    source = snapshot.manifest.sources[name]
    pin = snapshot.lock.pins.get(source.name)
    if accepts:
        if pin is None:
            raise no_pin(source, None, lost=source.name in snapshot.state.sources)
        chosen = chosen_findings(snapshot, pin, to=to, findings=findings)
        return asked_for(source, pin.commit, pin.commit, forced, kind="scan", findings=chosen)
    if not is_oid(to or ""):
        reason = "is not the full id of a commit, and that is what an approver signs"
        hint = f"git hybrid pin {source.name} --to {typed(to or '')} -n"
        raise BadArgument(what="--to", value=to or "", reason=reason, hint=hint)
    named = tuple(sorted(set(findings))) or known_findings(rt, snapshot, source.name, Oid(to or ""))
    before = commit_before(rt, as_logged(rt, snapshot, [source.name], to), source)
    return asked_for(source, before, to or "", forced, findings=named)
