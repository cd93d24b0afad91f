"""``git hybrid bundle``: one file that carries sources across an air gap."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click

from git_hybrid.app.bundle_apply import apply_bundle
from git_hybrid.app.bundle_create import pack_sources
from git_hybrid.app.bundle_taking import Applying
from git_hybrid.app.bundle_verify import verify_bundle
from git_hybrid.cli.bundling import (
    histories_of,
    inventory_of,
    is_workspace,
    keep_reports,
    opened_bundle,
    records_in,
    refuse_unsound,
    reports_in,
    temporary_workspace,
)
from git_hybrid.cli.common import common_of
from git_hybrid.cli.filled import FILE, WRITTEN
from git_hybrid.cli.options import Commands, common_options, jobs_option, shows_help
from git_hybrid.cli.output import Output, opened
from git_hybrid.cli.streams import apart_from
from git_hybrid.cli.telling import exit_of
from git_hybrid.cli.wiring import Session
from git_hybrid.core.bundles import Receipt
from git_hybrid.core.digest import sha256_hex
from git_hybrid.core.errors import BadArgument, LocalIo, NotCarried
from git_hybrid.core.ids import SourceName
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.removals import begun_here
from git_hybrid.core.report import Report
from git_hybrid.core.value import replace
from git_hybrid.core.words import as_typed, typed
from git_hybrid.git.bundling import GitBundles, sign
from git_hybrid.git.occupied import refuse_tracked
from git_hybrid.git.run import Runner
from git_hybrid.git.signing import is_signed
from git_hybrid.git.takenout import refuse_taken_out
from git_hybrid.store import bundlefile, reading, scaffold
from git_hybrid.store.begun import begun
from git_hybrid.store.chain import last_applied
from git_hybrid.store.outputfile import refuse_own, refuse_read, write_output
from git_hybrid.store.parsing import read_bytes
from git_hybrid.store.receiptfile import decode_receipt, encode_receipt, may_be_written
from git_hybrid.store.steady import steady


@click.group("bundle", cls=Commands, invoke_without_command=True)
@common_options
@click.pass_context
def command(context: click.Context) -> int:
    """Carry sources across an air gap in one file: pinned commits, lock, manifest, scans, overrides, audit log."""
    return shows_help(context)


@command.command("create")
@click.option("-o", "--output", "target", type=WRITTEN, required=True, metavar="FILE", help="Write the bundle to FILE.")
@click.option("--since", type=FILE, metavar="RECEIPT", help="Leave out what this receipt says is there already.")
@click.option("--sign", "key", type=FILE, metavar="KEY", help="Sign with this ssh key (ssh-keygen -Y sign).")
@jobs_option
@common_options
@click.pass_context
def create_command(
    context: click.Context, *, target: Path, since: Path | None, key: Path | None, jobs: int | None
) -> int:
    """Write one file with every pinned source. The same workspace gives the same bytes; nothing else is written."""
    with opened(context, jobs=jobs) as (session, output):
        folder = output.common.folder
        path = folder / target
        refuse_own(session.layout, path, option="-o", shown=str(target))
        signing = None if key is None else folder / key
        refuse_read(path, None if since is None else folder / since, signing, option="-o", shown=str(target))
        receipt, digest = (Receipt(), None) if since is None else _receipt(folder / since)
        tool = GitBundles(runner=session.runner, quarantine=session.runtime.quarantine, watch=session.watch)
        # Whoever moves a pin meanwhile does not change what is packed, nor what is told of it.
        snapshot, records = steady(session.layout, partial(_read, session), patience=session.settings.lock_timeout)
        refuse_unsound(records, snapshot)
        report, packed = pack_sources(session.runtime, tool, snapshot, receipt)
        more: dict[str, Any] = {"file": None, "sha256": None}
        said = ""
        if exit_of(report) == 0:
            members: dict[str, Path | bytes] = {**records, **histories_of(packed)}
            inventory = inventory_of(members, packed, digest)
            signature = None if signing is None else sign(session.runner, inventory, signing)
            written = bundlefile.write_bundle(path, inventory, signature, members)
            more = {"file": str(path), "sha256": written}
            said = f"{written}  {target}"
        with apart_from(path):
            code = output.report(report, more=more, said=said, wrote=True)
            if not report.rows:
                output.no_sources()
            return code


def _read(session: Session) -> tuple[Snapshot, dict[str, bytes]]:
    snapshot = session.runtime.ledger.snapshot()
    return snapshot, records_in(session.layout, snapshot.manifest.sources)


def _receipt(path: Path) -> tuple[Receipt, str]:
    data = read_bytes(path, str(path))
    if data is None:
        raise BadArgument(what="--since", value=str(path), reason="no such file")
    return decode_receipt(data, str(path)), sha256_hex(data)


@command.command("verify")
@click.argument("file", type=FILE)
@click.option("--allowed-signers", type=FILE, metavar="SIGNERS", help="Demand a signature by one of these.")
@jobs_option
@common_options
@click.pass_context
def verify_command(context: click.Context, *, file: Path, allowed_signers: Path | None, jobs: int | None) -> int:
    """Prove that a bundle is whole: every byte, the signature, and each source down to its pinned content.

    Works outside of a workspace too. Nothing is changed. Exit 5 if anything is wrong.
    """
    path, allowed = _resolved(context, file, allowed_signers)
    with _somewhere(context) as is_lasting, opened(context, jobs=jobs) as (session, output):
        if not is_lasting:
            # Nothing can be typed there.
            output.common.root = None
        bundle, unpacked = opened_bundle(path, session.runtime.quarantine, session.runner, allowed)
        tool = GitBundles(runner=session.runner, quarantine=session.runtime.quarantine)
        report = verify_bundle(session.runtime, tool, bundle, bundle.content.manifest).report
        signed = unpacked.signature is not None
        more = {"file": str(path), "sha256": unpacked.sha256, "signed": signed, "signed_by": bundle.content.signer}
        if signed and allowed is None:
            report = replace(report, notes=("it is signed; --allowed-signers would check by whom",))
        return output.report(report, more=more)


def _resolved(context: click.Context, file: Path, allowed: Path | None) -> tuple[Path, Path | None]:
    """Return both paths without the ``..`` that the user typed: what is told of them is read by people."""
    folder = common_of(context).folder
    path = folder / file
    return Path(os.path.realpath(path.parent)) / path.name, None if allowed is None else folder / allowed


@contextmanager
def _somewhere(context: click.Context) -> Iterator[bool]:
    """Work in an empty workspace that goes away again, where the current folder is in none; yield whether it lasts."""
    common = common_of(context)
    if is_workspace(common.folder):
        yield True
        return
    with temporary_workspace() as folder:
        common.folders.append(str(folder))
        try:
            yield False
        finally:
            common.root = None


@command.command("apply")
@click.argument("file", type=FILE)
@click.option("--allowed-signers", type=FILE, metavar="SIGNERS", help="Demand a signature by one of these.")
@click.option("--receipt", type=WRITTEN, metavar="RECEIPT", help="Write the receipt here; default: FILE.receipt.json.")
@jobs_option
@common_options
@click.pass_context
def apply_command(
    context: click.Context, *, file: Path, allowed_signers: Path | None, receipt: Path | None, jobs: int | None
) -> int:
    """Verify a bundle, take over its pins, bring the clones to them without any network, and write a receipt.

    A folder that is in no workspace becomes one, with the bundle's manifest. In a workspace, policy stays as it is, and
    entries of the bundle replace those of the same name and URL.
    """
    path, allowed = _resolved(context, file, allowed_signers)
    folder = common_of(context).folder
    target = path.with_name(f"{path.name}.receipt.json") if receipt is None else folder / receipt
    with begun(folder, is_there=partial(is_workspace, folder), make=partial(_made, folder)) as keep:
        refuse_read(target, path, allowed, option="--receipt", shown=str(receipt or target))
        with opened(context, jobs=jobs, offline=True) as (session, output):
            if receipt is not None:
                refuse_own(session.layout, target, option="--receipt", shown=str(receipt))
            report, more, data = _apply(session, path, allowed)
            if exit_of(report) == 0:
                keep()
                more["receipt"] = _write_receipt(session, target, data, output, asked=receipt is not None)
            elsewhere = {row.name for row in report.rows if isinstance(row.error, NotCarried)}
            again = f"git hybrid bundle apply {typed(str(path))}{as_typed()}" if set(report.pending) - elsewhere else ""
            code = output.report(report, more=more, again=again)
    return code


def _made(folder: Path) -> scaffold.Scaffold:
    scaffold.refuse_inside(folder, ".")
    runner = Runner(environ=dict(os.environ))
    refuse_taken_out(runner, folder)
    refuse_tracked(runner, folder)
    return scaffold.create(folder, scaffold.AWAITED)


def _apply(session: Session, path: Path, allowed: Path | None) -> tuple[Report, dict[str, Any], bytes]:
    """Return the report, what a document says besides, and the receipt."""
    rt = session.runtime
    bundle, unpacked = opened_bundle(path, rt.quarantine, session.runner, allowed)
    how = Applying(
        tool=GitBundles(runner=session.runner, quarantine=rt.quarantine),
        verify=partial(is_signed, session.runner),
        editor=session.editor,
        applied=lambda end: last_applied(reading.records(session.layout), end),
        awaited=scaffold.AWAITED,
        begun_here=lambda: begun_here(reading.records(session.layout)),
    )
    # The members are in quarantine, which is gone once the writer lock is.
    reports = reports_in(unpacked, bundle.content.lock.pins)
    done = apply_bundle(rt, bundle, how)
    kept = {name: data for name, data in reports.items() if done.reports.get(SourceName(name)) == sha256_hex(data)}
    keep_reports(session.layout, kept)
    more = {"file": str(path), "sha256": unpacked.sha256, "signed_by": bundle.content.signer, "receipt": None}
    return done.report, more, encode_receipt(done.receipt, bundle=unpacked.sha256)


def _write_receipt(session: Session, target: Path, data: bytes, output: Output, *, asked: bool) -> str | None:
    """Write the receipt; beside a bundle where that cannot be, or something else stands, it is told that none was."""
    reason = "" if asked else _hindrance(session, target)
    try:
        if not reason:
            write_output(target, data)
    except LocalIo:
        if asked:
            raise
        reason = f"{target.parent} cannot be written to"
    if reason:
        output.talk(f"note: no receipt was written, {reason}: use --receipt FILE")
        return None
    output.talk(f"receipt for the next bundle: {target}")
    return str(target)


def _hindrance(session: Session, target: Path) -> str:
    """Return why no receipt comes to *target*, which nobody named; nothing if it may."""
    if not may_be_written(target):
        return f"{target} is no receipt, and stays"
    try:
        refuse_own(session.layout, target, option="--receipt", shown=str(target))
    except BadArgument:
        return f"{target} belongs to the workspace"
    return ""
