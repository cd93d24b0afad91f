"""``git hybrid check``: what the pre-commit hooks check, for people and for CI."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache

import click

from git_hybrid.app.clone_proof import prove_clones
from git_hybrid.cli.checking import gather, run_checks, run_staged, with_seen_clones, with_settings
from git_hybrid.cli.common import common_of
from git_hybrid.cli.options import common_options
from git_hybrid.cli.output import Output, opened
from git_hybrid.cli.wiring import Session
from git_hybrid.core.check_table import CHECKS
from git_hybrid.core.checks import Violation, exit_code_of, failures
from git_hybrid.core.errors import BadArgument
from git_hybrid.core.value import replace
from git_hybrid.core.words import counted
from git_hybrid.store.steady import steady
from git_hybrid.view.findings import check_document, violation_lines

_SOURCES = "sources"


@click.command("check")
@click.argument("what", nargs=-1, type=click.Choice(CHECKS), metavar="[CHECK]...")
@click.option("--staged", is_flag=True, help="Check what is about to be committed, as the hooks do.")
@click.option("--content", is_flag=True, help="With sources: read every file and compare it with the pinned commit.")
@common_options
@click.pass_context
def command(context: click.Context, *, what: tuple[str, ...], staged: bool, content: bool) -> int:
    """Check the files of the workspace, without a network and without names all that there is to check.

    The checks are metadata, overrides, scans, mirrors, audit, sources and open-issues. Exit 1 if one fails, 2 if a
    file cannot be read, 74 if a clone cannot. Warnings are told and fail nothing.
    """
    if content and what and _SOURCES not in what:
        raise BadArgument(
            what="--content",
            value=", ".join(what),
            reason="reads the files of clones, and has no part in this check",
            hint="git hybrid check sources --content",
        )
    common_of(context).judges = True
    with opened(context, reads=True) as (session, output):
        names = [name for name in CHECKS if not what or name in what]
        results = _results(session, names, staged=staged)
        if _SOURCES in names and (content or not staged):
            results = with_seen_clones(results, prove_clones(session.runtime, session.prover, content=content))
        code = exit_code_of(results)
        placed = cache(output.common.placed)
        results = {
            name: tuple(replace(item, mend=placed(item.mend)) for item in found) for name, found in results.items()
        }
        if output.common.json:
            output.document(check_document(results, exit_code=code))
        else:
            _tell(results, output, staged=staged)
        return code


def _results(session: Session, names: Collection[str], *, staged: bool) -> Mapping[str, tuple[Violation, ...]]:
    runner, layout, now = session.runner, session.layout, session.runtime.info.now
    if staged:
        return run_staged(runner, layout, names, now=now, settings=session.settings)
    patience = session.settings.lock_timeout
    facts = steady(layout, lambda: gather(runner, layout, names, now=now), patience=patience)
    return run_checks(with_settings(facts, session.settings), names)


def _tell(results: Mapping[str, tuple[Violation, ...]], output: Output, *, staged: bool) -> None:
    for name, found in results.items():
        told = [item for item in found if item.level == "fail" or not output.common.quiet]
        each = "" if output.common.verbose else f"git hybrid check{' --staged' if staged else ''} {name} -v"
        output.data(*violation_lines(told, color=output.color, each=output.common.placed(each)))
        word = "ok" if not failures({name: found}) else "failed"
        output.talk(f"check {name}: {word}")
    failed = sum(failures({name: found}) > 0 for name, found in results.items())
    more = "" if not failed else f": {len(results) - failed} ok, {failed} failed"
    output.talk(f"ran {counted(len(results), 'check')} in {output.taken}{more}")
