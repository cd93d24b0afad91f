"""``git hybrid diag``: everything that can be wrong, looked at, each with what mends it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import click

from git_hybrid.cli.common import common_of
from git_hybrid.cli.diagnosing import Diagnosis, diagnose
from git_hybrid.cli.filled import WRITTEN
from git_hybrid.cli.machine import told_settings
from git_hybrid.cli.options import common_options
from git_hybrid.cli.output import Output
from git_hybrid.cli.signals import Cancel, handled
from git_hybrid.cli.streams import apart_from
from git_hybrid.cli.support_archive import FOLDER, archive_files, tar_gz
from git_hybrid.core.diagnosis import cadence_words, has_failed
from git_hybrid.core.value import replace
from git_hybrid.core.values import format_age
from git_hybrid.git.run import Runner
from git_hybrid.store.layout import Layout
from git_hybrid.store.outputfile import refuse_own, write_output
from git_hybrid.view.diagnosis import diag_document, finding_lines, finding_summary


@click.command("diag")
@click.option("--bundle", type=WRITTEN, metavar="FILE", help="Also write an archive for support, redacted.")
@common_options
@click.pass_context
def command(context: click.Context, *, bundle: Path | None) -> int:
    """Look at everything that can be wrong, worst first, each with what mends it. Exit 1 if something fails.

    It changes nothing and asks no server. Outside of a workspace it looks at the machine alone.
    """
    common, cancel = common_of(context), Cancel(reads=bundle is None)
    output = Output(common)
    with handled(cancel):
        found = diagnose(common.folder, cancel)
        code = int(has_failed(found.findings))
        common.root = found.root
        placed = cache(common.placed)
        found.findings = tuple(replace(item, remedy=placed(item.remedy)) for item in found.findings)
        document = diag_document(found.findings, exit_code=code, scans=_scans(found))
        members = _write(bundle, common.folder, found, document, cancel) if bundle is not None else {}
    with apart_from(common.folder / bundle) if bundle is not None else nullcontext():
        return _tell(output, found, document, bundle, members)


def _tell(
    output: Output, found: Diagnosis, document: dict[str, Any], bundle: Path | None, members: Mapping[str, int]
) -> int:
    common, code = output.common, int(document["exit_code"])
    if common.json:
        output.document(document | ({"bundle": members} if bundle is not None else {}))
        return code
    shown = [item for item in found.findings if item.level != "ok" or not common.quiet]
    output.data(*finding_lines(shown, color=output.color, verbose=bool(common.verbose)))
    if bundle is not None:
        output.data("", f"{bundle} holds:", *(f"{size:>9}  {name}" for name, size in members.items()))
        output.data(f"scans: {cadence_words(found.cadence) if found.cadence else 'could not be read'}")
    output.talk(finding_summary(found.findings))
    return code


def _scans(found: Diagnosis) -> dict[str, Any] | None:
    cadence = found.cadence
    if cadence is None:
        return None
    return {
        "scanners": list(cadence.scanners),
        "pinned": cadence.pinned,
        "scanned": cadence.scanned,
        "stale": cadence.stale,
        "with_findings_or_errors": cadence.bad,
        "newest": cadence.newest or None,
        "oldest": cadence.oldest or None,
        "scan_max_age": format_age(cadence.max_age),
    }


def _write(bundle: Path, folder: Path, found: Diagnosis, document: dict[str, Any], cancel: Cancel) -> dict[str, int]:
    if found.root is not None:
        refuse_own(Layout(found.root), folder / bundle, option="--bundle", shown=str(bundle))
    runner = Runner(environ=dict(os.environ), cancelled=cancel)
    settings = told_settings(runner, folder if found.root is None else found.root, home=os.path.expanduser("~"))
    files = archive_files(found.root, diag=document, status=found.status, versions=found.versions, settings=settings)
    write_output(folder / bundle, tar_gz(files))
    return {f"{FOLDER}/{name}": len(data) for name, data in sorted(files.items())}
