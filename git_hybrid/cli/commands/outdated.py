"""``git hybrid outdated``."""

from __future__ import annotations

from collections.abc import Sequence

import click

from git_hybrid.app.upstream import outdated
from git_hybrid.cli.options import common_options, executor_option, group_option, jobs_option, names_argument
from git_hybrid.cli.output import Output, opened_with
from git_hybrid.core.errors import TooYoung
from git_hybrid.core.ids import short_ref
from git_hybrid.core.report import Report, Row
from git_hybrid.core.value import replace
from git_hybrid.core.words import as_typed, typed

_CHOSEN = as_typed("names", "groups")
_HINTED = 3
"""Of more sources than these not each gets a hint of its own."""


@click.command("outdated")
@names_argument
@group_option
@jobs_option
@executor_option
@click.option("--exit-code", is_flag=True, help="Exit 1 if a source is outdated or has no pin.")
@common_options
@click.pass_context
def command(
    context: click.Context,
    *,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    jobs: int | None,
    executor: str,
    exit_code: bool,
) -> int:
    """Ask every upstream whether it has something newer that the manifest allows. Fetches nothing, writes nothing."""
    with opened_with(context, executor, jobs=jobs) as (session, output):
        report = outdated(session.runtime, names, groups)
        if output.common.verbose or output.common.json:
            report = replace(report, rows=tuple(map(_told_if_no_version, report.rows)))
        code = output.report(report, differs=exit_code and any(row.outcome != "current" for row in report.rows))
        if not report.rows:
            output.no_sources()
        behind = [row for row in report.rows if row.outcome == "outdated" and _is_for_pin(row)]
        _tell_how_to_move(output, behind, [*names, *(word for group in groups for word in ("-g", group))])
        _tell_of_releases(output, report)
        return code


def _is_for_pin(row: Row) -> bool:
    """Tell whether pin is what to type: it moves there, or begins the time after which it does."""
    why = row.detail.get("refused")
    return why is None or (why == TooYoung.code and "allowed_from" not in row.detail)


def _told_if_no_version(row: Row) -> Row:
    """Return *row*; of a tag that is no version it says that it cannot be known which other one is newer."""
    from git_hybrid.core.versions import release_order

    ref = row.ref or ""
    if row.outcome != "current" or not ref.startswith("refs/tags/") or release_order(tag := short_ref(ref)) is not None:
        return row
    return replace(row, notes=(*row.notes, f"{tag} is no version: of newer tags nothing is told"))


def _tell_how_to_move(output: Output, behind: Sequence[Row], chosen: Sequence[str]) -> None:
    """Hint at what moves the pins of those that are *behind*, and of no source that was not *chosen*; empty is all."""
    branches = [row.name for row in behind if (row.ref or "").startswith("refs/heads/")]
    few = len(behind) <= _HINTED
    if branches:
        # Of a branch only the tip is known: it may have gone back, or been rewritten, which pin refuses.
        shown = " ".join(branches) if few else typed(*chosen)
        output.hint("outdated", f"how the branch moved: git hybrid diff --upstream {shown}".rstrip())
    if not few:
        output.hint("outdated", f"git hybrid pin {typed(*chosen) or '--all'}")
        return
    for row in behind:
        unless = "if it only went on: " if row.name in branches else ""
        instead = "in place of its override: " if "override" in row.detail else unless
        output.hint("outdated", f"{instead}git hybrid pin {row.name}")


def _tell_of_releases(output: Output, report: Report) -> None:
    """Tell how many sources have a release that the manifest does not allow, where the rows do not show it."""
    number = sum("newer_release" in row.detail for row in report.rows)
    if number and not output.common.verbose:
        have = "source has a newer release" if number == 1 else "sources have newer releases"
        output.hint("release", f"{number:,} {have} than the manifest allows: git hybrid outdated -v {_CHOSEN}")
