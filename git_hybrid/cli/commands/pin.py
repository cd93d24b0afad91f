"""``git hybrid pin``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import click

from git_hybrid.app.accept import accept
from git_hybrid.app.force import Forced
from git_hybrid.app.pin import PinRequest, pin
from git_hybrid.cli.arguments import moment, parsed, text, texts
from git_hybrid.cli.filled import FILE, TEXT
from git_hybrid.cli.options import common_options, group_option, jobs_option, names_argument
from git_hybrid.cli.output import Output, opened
from git_hybrid.cli.wiring import Session
from git_hybrid.core.errors import BadArgument, HybridError, MissingOptions
from git_hybrid.core.ids import Oid, parse_oid
from git_hybrid.core.override import Kind
from git_hybrid.core.report import Report
from git_hybrid.git.signing import is_signed
from git_hybrid.store.parsing import decode_text, read_bytes
from git_hybrid.store.wire import SIGNATURE_LIMIT

signature_option = click.option(
    "--signature",
    "signatures",
    multiple=True,
    type=FILE,
    metavar="FILE",
    help="The SSH signature of an approver, where policy names a key; repeatable.",
)

kind_option = click.option(
    "--kind",
    type=click.Choice(("pin", "scan")),
    metavar="KIND",
    help="With --force: pin (the default), or scan: accept findings on the pinned commit.",
)
finding_option = click.option(
    "--finding",
    "findings",
    multiple=True,
    type=TEXT,
    metavar="ID",
    help="A finding to accept: on the pinned commit, or with --kind pin on the one that is forced; repeatable.",
)


@click.command("pin")
@names_argument
@group_option
@jobs_option
@click.option("--all", "everything", is_flag=True, help="Move every pin to the newest commit that the manifest allows.")
@click.option("--to", type=TEXT, metavar="REV", help="Pin this tag, branch tip or commit of the declared ref.")
@click.option("-n", "--dry-run", is_flag=True, help="Show the move (commits, files), and write nothing.")
@click.option("--scan", is_flag=True, help="Scan the new commit before the pin is written.")
@click.option("--force", is_flag=True, help="Pin what policy refuses, as an override: approved, recorded, and it ends.")
@kind_option
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
) -> int:
    """Pin what has no valid pin yet; with names or --all move pins to the newest commit that the manifest allows.

    Beside it add, remove, sync --prune, merge and bundle apply write the lock. What policy refuses (a rollback, a
    commit off the declared ref, a moved tag) takes --force with a request, approvers, a reason and an expiry.
    """
    if to is not None and len(names) != 1:
        raise BadArgument(what="--to", value=to, reason="needs exactly one source: git hybrid pin NAME --to REV")
    request, reason, approvers = text("--request", request), text("--reason", reason), texts("--approver", approvers)
    incidents, expires = texts("--incident", incidents), text("--expires", expires)
    given = {"--request": request, "--approver": approvers, "--reason": reason, "--expires": expires}
    accepts = accepts_findings(kind, findings)
    is_override = force or accepts or any(given.values()) or bool(incidents or signatures or waived or findings)
    _refuse_together(names, groups, everything=everything, is_override=is_override)
    if is_override:
        refuse_waived(waived if accepts else ())
        wanted = {"--force": force, "a source": len(names) == 1, "--to": (to or "").strip() or accepts, **given}
        if absent := tuple(key for key, value in wanted.items() if not value):
            raise MissingOptions(command="pin --force", options=absent)
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
                signatures=tuple(read_signature(path) for path in signatures),
                signed_texts=tuple(map(signed_text, signatures)),
                verify=partial(is_signed, session.runner),
            )
        if forced is not None and accepts:
            return output.report(accept(session.runtime, names[0], forced, to=to, findings=findings))
        asked = PinRequest(
            names=names, groups=groups, everything=everything, to=to, forced=forced, dry_run=dry_run, scan=scan
        )
        return _told(session, output, pin(session.runtime, asked))


def _told(session: Session, output: Output, report: Report) -> int:
    if not report.rows and not session.runtime.ledger.snapshot().manifest.sources:
        output.no_sources()
        return output.report(report)
    code = output.report(report)
    if code == 0 and not report.dry_run and any(row.outcome == "pinned" for row in report.rows):
        output.hint("pinned", "git hybrid sync")
    if not report.rows and not output.common.json:
        output.talk("every source has a valid pin; name sources, or give --all, to move pins")
    return code


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


def accepts_findings(kind: Kind | None, findings: Sequence[str]) -> bool:
    """Tell whether what is asked for is to accept findings on the pinned commit, and no move."""
    return kind == "scan" or (kind is None and bool(findings))


def refuse_waived(waived: tuple[str, ...]) -> None:
    """Raise if findings are to be accepted and objects let pass by one approval.

    Raises:
        BadArgument: they are.
    """
    if waived:
        raise BadArgument(what="--waive", value=waived[0], reason="is for a pin that is forced, not for findings")


def object_ids(waived: tuple[str, ...]) -> tuple[Oid, ...]:
    """Return the ids that *waived* names, in the order in which an approver signs them.

    Raises:
        BadArgument: one of them is none.
    """
    return tuple(sorted({parsed(parse_oid, "--waive", text) for text in waived}))


def read_signature(path: Path) -> str:
    """Return the signature in the file at *path*.

    Raises:
        BadArgument: there is no such file.
        InvalidFile, LocalIo: it cannot be read.
    """
    data = read_bytes(path, str(path))
    if data is None:
        raise BadArgument(what="--signature", value=str(path), reason="no such file")
    if len(data) > SIGNATURE_LIMIT:
        raise BadArgument(what="--signature", value=str(path), reason="is no signature that ssh-keygen makes")
    return decode_text(data, str(path))


def signed_text(path: Path) -> bytes:
    """Return the text that lies beside the signature at *path* and that it may be of; nothing if there is none."""
    if path.suffix != ".sig":
        return b""
    with suppress(HybridError):
        return read_bytes(path.with_suffix(""), str(path)) or b""
    return b""
