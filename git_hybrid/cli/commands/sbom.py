"""``git hybrid sbom``: what is vendored, as an inventory that other programs read."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext, redirect_stdout
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import click

from git_hybrid import __version__
from git_hybrid.app.select import select
from git_hybrid.cli.common import common_of
from git_hybrid.cli.exporting import output_option, write_export
from git_hybrid.cli.options import common_options, group_option, names_argument
from git_hybrid.cli.output import opened
from git_hybrid.core.components import Component, component
from git_hybrid.core.errors import BadArgument, LibraryMissing, NoPin
from git_hybrid.core.ids import SourceName
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.report import Report, failed
from git_hybrid.store.steady import steady

_EPOCH = "SOURCE_DATE_EPOCH"


@click.command("sbom")
@names_argument
@group_option
@output_option
@common_options
@click.pass_context
def command(context: click.Context, *, names: tuple[str, ...], groups: tuple[str, ...], file: Path | None) -> int:
    """Write an SBOM of the pinned sources (CycloneDX 1.6, JSON): each with its commit, package URL, override and scan.

    It says what the lock says, whatever the clones are like, and asks nobody. A source without a pin fails it (1).
    """
    if common_of(context).json and file is None:
        context.fail("--json tells where the SBOM is, which is JSON itself: name a file, such as -o sbom.json")
    now = _made_at(datetime.now(UTC))
    try:
        view = import_module("git_hybrid.view.sbom")
    except ModuleNotFoundError as error:
        # Any other pip would put it where this program does not look.
        python, module = sys.executable or "python3", error.name or "cyclonedx"
        raise LibraryMissing(what="sbom", module=module, library="cyclonedx-python-lib", python=python) from error
    with opened(context) as (session, output):
        ledger = session.runtime.ledger
        snapshot = steady(session.layout, ledger.snapshot, patience=session.settings.lock_timeout)
        found = _components(snapshot, names, groups, session.runtime.info.now)
        if rows := tuple(failed(name, item) for name, item in found.items() if isinstance(item, NoPin)):
            notes = ("no SBOM was written: it has every source or none",)
            # Stdout is for the SBOM.
            with nullcontext() if output.common.json else redirect_stdout(sys.stderr):
                return output.report(Report(command="sbom", rows=rows, notes=notes))
        listed = [item for item in found.values() if isinstance(item, Component)]
        text = view.sbom(listed, workspace=session.layout.root.name or "workspace", version=__version__, now=now)
        write_export(session, output, text, file, command="sbom")
        if not listed:
            output.no_sources()
        return 0


def _components(
    snapshot: Snapshot, names: tuple[str, ...], groups: tuple[str, ...], now: datetime
) -> dict[SourceName, Component | NoPin]:
    selected = select(snapshot.manifest, names, groups)
    return {name: component(snapshot, snapshot.manifest.sources[name], now) for name in selected}


def _made_at(now: datetime) -> datetime:
    """Return the time that the document tells of itself: https://reproducible-builds.org/specs/source-date-epoch/.

    Raises:
        BadArgument: the variable is no number of seconds.
    """
    text = os.environ.get(_EPOCH, "")
    if not text:
        return now.replace(microsecond=0)
    try:
        return datetime.fromtimestamp(int(text), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise BadArgument(what=_EPOCH, value=text, reason="is no number of seconds since 1970") from error
