"""``git hybrid mirror``: the inventory of mirrors, what they hold, and folders of mirrored repositories."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import click

from git_hybrid.app.mirror_update import update_mirror
from git_hybrid.app.mirror_verify import verify_mirrors
from git_hybrid.app.mirrors import add_mirror, remove_mirrors
from git_hybrid.cli.arguments import line, parsed
from git_hybrid.cli.filled import TEXT
from git_hybrid.cli.mirroring import Claimant, compared_at, described, filled, mirror_folder, own_bases
from git_hybrid.cli.options import (
    Commands,
    common_options,
    complete_mirrors,
    executor_option,
    jobs_option,
    shows_help,
)
from git_hybrid.cli.output import Output, opened, opened_with
from git_hybrid.cli.wiring import Session
from git_hybrid.core.endpoints import check_base
from git_hybrid.core.errors import BadArgument, MirrorGone
from git_hybrid.core.ids import SourceName, parse_name, shown_url
from git_hybrid.core.mirror_refs import claims_of
from git_hybrid.core.mirrors import Inventory, Mirror, MirrorKind, age
from git_hybrid.core.report import Row
from git_hybrid.core.value import replace
from git_hybrid.core.values import format_age
from git_hybrid.core.words import plural
from git_hybrid.store import reading
from git_hybrid.store.chain import last_seen, log_id
from git_hybrid.store.mirrorfile import encode_mirror
from git_hybrid.store.mirrorlisting import write_listing
from git_hybrid.view.term import fit, safe, width


@click.group("mirror", cls=Commands, invoke_without_command=True)
@common_options
@click.pass_context
def command(context: click.Context) -> int:
    """Keep the inventory of mirrors, check what they serve, and fill folders that can be served."""
    return shows_help(context)


@command.command("list")
@common_options
@click.pass_context
def list_command(context: click.Context) -> int:
    """Show the mirrors that are recorded."""
    with opened(context, reads=True) as (session, output):
        snapshot = session.runtime.ledger.steady()
        found = session.runtime.ledger.believed(snapshot.mirrors)
        for name in [name for name, entry in found.mirrors.items() if entry != snapshot.mirrors.mirrors[name]]:
            output.talk(f"note: the entry of {name} is not what the audit log tells: nothing tells how fresh it is")
            output.hint("mirror", f"git hybrid mirror verify {name}")
        if output.common.json:
            output.document(_document("mirror list", found))
            return 0
        limit, now = snapshot.manifest.policy.mirror_max_staleness, session.runtime.info.now
        heads = [_head(mirror, now) for mirror in found.mirrors.values()]
        widths = [max(map(width, cells)) for cells in zip(*heads, strict=True)]
        for cells, mirror in zip(heads, found.mirrors.values(), strict=True):
            head = "  ".join(map(fit, cells, widths))
            output.data(*_lines(head, mirror, limit, now, verbose=bool(output.common.verbose)))
        for entry in found.incomplete:
            output.data(f"{safe(entry.place)}: lacks {', '.join(entry.lacking)}")
        if not found.mirrors and not found.incomplete:
            output.talk("no mirrors are recorded")
            output.hint("mirror", "git hybrid mirror add NAME BASE_URL --owner WHO")
        return 0


def _head(mirror: Mirror, now: datetime) -> tuple[str, ...]:
    kind = "" if mirror.kind == "mirror" else f" ({mirror.kind})"
    when = "never verified" if mirror.verified_at is None else f"verified {format_age(now - mirror.verified_at)} ago"
    return f"{mirror.name}{kind}", safe(mirror.base_url), safe(mirror.owner), when


def _lines(head: str, mirror: Mirror, limit: timedelta, now: datetime, *, verbose: bool) -> list[str]:
    words = {
        name: "not well" if not held.ok else "stale" if age(mirror, name, now) > limit else "ok"
        for name, held in mirror.sources.items()
    }
    for wrong in ("not well", "stale"):
        if bad := [name for name, word in words.items() if word == wrong]:
            head += f"  {wrong}: {', '.join(bad)}"
    lines = [head.rstrip()]
    if verbose:
        for name, held in mirror.sources.items():
            lines.append(f"    {name}  {held.commit[:10]}  {words[name]}, {format_age(now - held.checked_at)} old")
    return lines


def _document(name: str, found: Inventory) -> dict[str, Any]:
    mirrors = [encode_mirror(entry) for entry in found.mirrors.values()]
    mirrors += [dict(entry.plain) for entry in found.incomplete]
    return {"command": name, "mirrors": mirrors}


@command.command("add")
@click.argument("name", metavar="NAME")
@click.argument("base_url", metavar="BASE_URL")
@click.option("--owner", required=True, metavar="WHO", help="Who answers for the mirror.")
@click.option(
    "--kind",
    type=click.Choice(["mirror", "bundle"]),
    default="mirror",
    help="A mirror serves repositories; bundle is a folder of bundles.",
)
@common_options
@click.pass_context
def add_command(context: click.Context, *, name: str, base_url: str, owner: str, kind: MirrorKind) -> int:
    """Record a mirror: where it is, and who answers for it. It is not asked for anything."""
    known = parsed(parse_name, "NAME", name)
    base = parsed(check_base, "BASE_URL", base_url, shown=shown_url)
    if kind == "mirror" and "," in base:
        reason = "has a comma, at which GIT_HYBRID_MIRRORS is split: nothing could name it"
        raise BadArgument(what="BASE_URL", value=base, reason=reason)
    if kind == "bundle" and not base.startswith("file://"):
        reason = "is no folder (file:///…), and bundles are read from one alone"
        raise BadArgument(what="BASE_URL", value=base, reason=reason)
    if not (who := line("--owner", owner)):
        raise BadArgument(what="--owner", value=owner, reason="must say who answers for the mirror")
    with opened(context) as (session, output):
        entry = add_mirror(session.runtime, name=known, base_url=base, owner=who, kind=kind)
        _tell(session, output, "mirror add", f"recorded mirror {entry.name}: {safe(entry.base_url)}")
        output.hint("mirror", f"git hybrid mirror verify {entry.name}")
        return 0


def _tell(session: Session, output: Output, name: str, line: str) -> None:
    if output.common.json:
        document = _document(name, session.runtime.ledger.snapshot().mirrors)
        output.document({**document, "command_id": session.runtime.info.run})
    else:
        output.talk(line)


@command.command("remove")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=complete_mirrors)
@common_options
@click.pass_context
def remove_command(context: click.Context, *, names: tuple[str, ...]) -> int:
    """Take mirrors out of the inventory. What they serve is not touched."""
    names = tuple(dict.fromkeys(names))
    with opened(context) as (session, output):
        remove_mirrors(session.runtime, names)
        line = f"removed {plural(len(names), 'mirror')} {', '.join(safe(name) for name in names)} from the inventory"
        _tell(session, output, "mirror remove", line)
        return 0


@command.command("verify")
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_mirrors)
@jobs_option
@common_options
@click.pass_context
def verify_command(context: click.Context, *, names: tuple[str, ...], jobs: int | None) -> int:
    """Ask each mirror for each source: its pin, its content, whether it is behind, LFS and submodules.

    Exit 5 if a mirror serves something else, 4 if it cannot be reached, 1 if it lacks something or is behind.
    """
    with opened(context, jobs=jobs) as (session, output):
        layout = session.layout
        report = verify_mirrors(
            session.runtime, names, last_seen=lambda: last_seen(reading.records(layout)), filled=compared_at
        )
        if not report.rows and not output.common.json:
            known = session.runtime.ledger.snapshot().mirrors.mirrors
            output.talk(f"nothing to verify: {'sources.toml has no source' if known else 'no mirror is recorded'}")
        if not output.common.json:
            report = replace(report, rows=tuple(_labelled(row) for row in report.rows))
        return output.report(report)


def _labelled(row: Row) -> Row:
    return replace(row, name=SourceName(f"{row.detail['mirror']}/{row.name}"))


@command.command("update")
@click.argument("target", type=TEXT, metavar="NAME|DIR", shell_complete=complete_mirrors)
@jobs_option
@executor_option
@common_options
@click.pass_context
def update_command(context: click.Context, *, target: str, jobs: int | None, executor: str) -> int:
    """Fill or refresh a folder of bare repositories that any static or smart server can serve.

    NAME is a recorded mirror whose base URL is a folder (file://), DIR a folder. What did not change upstream is left
    as it is, nothing that a lock named is ever removed, and each repository changes at once or not at all.
    """
    with opened_with(context, executor, jobs=jobs) as (session, output):
        snapshot = session.runtime.ledger.snapshot()
        claims = claims_of(snapshot.manifest, snapshot.lock)
        claimant = Claimant(log=log_id(reading.records(session.layout)), claims=claims)
        folder = mirror_folder(target, snapshot.mirrors, output.common.folder, session.layout)
        with filled(session, folder) as (mirror, lock):
            own = own_bases(folder, session.runtime.mirrors)
            report, found = update_mirror(session.runtime, mirror, own, claimant.others(folder))
            if lock.is_in_place():
                failed = [row.name for row in report.rows if row.error is not None]
                now = session.runtime.info.now
                write_listing(folder, *described(folder, mirror, found, now, claimant, failed))
            else:
                report = replace(report, error=MirrorGone(path=str(folder)))
        code = output.report(report, wrote=True)
        if not report.rows:
            output.no_sources()
        return code
