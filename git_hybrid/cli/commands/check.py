"""``git hybrid check``: what the pre-commit hooks check, for people and for CI."""

from __future__ import annotations

import click

from git_hybrid.cli.options import common_options
from git_hybrid.cli.output import Output, opened
from git_hybrid.cli.wiring import Session
from git_hybrid.core.audit_verify import Witnesses
from git_hybrid.core.check_table import CHECKS
from git_hybrid.core.checks import Facts, Violation, failures
from git_hybrid.git.committed import head_witness
from git_hybrid.store.facts import read_facts
from git_hybrid.store.layout import archives
from git_hybrid.store.parsing import read_bytes
from git_hybrid.view.findings import check_document, violation_lines


@click.command("check")
@click.argument("what", nargs=-1, type=click.Choice(list(CHECKS)), metavar="[CHECK]...")
@common_options
@click.pass_context
def command(context: click.Context, *, what: tuple[str, ...]) -> int:
    """Check the files of the workspace, without a network: metadata, overrides, audit; without names all of them.

    Exit 1 if a check fails, 2 if a file cannot be read. Warnings are told and fail nothing.
    """
    with opened(context) as (session, output):
        facts = facts_of(session)
        names = [name for name in CHECKS if not what or name in what]
        results = {name: CHECKS[name](facts) for name in names}
        code = int(failures(results) > 0)
        if output.common.json:
            output.document(check_document(results, exit_code=code))
        else:
            _tell(results, output)
        return code


def facts_of(session: Session, witnesses: Witnesses | None = None) -> Facts:
    """Return the facts of the workspace of *session*, as its files are on disk; by default HEAD is the witness.

    Raises:
        InvalidFile, NewerSchema, LocalIo: a file cannot be read.
    """
    layout = session.layout
    return read_facts(
        lambda name: read_bytes(layout.root / name, name),
        now=session.runtime.info.now,
        archives=archives(layout),
        git=witnesses or head_witness(session.runner, layout.root),
    )


def _tell(results: dict[str, tuple[Violation, ...]], output: Output) -> None:
    for name, found in results.items():
        output.data(*violation_lines(found, color=output.color))
        word = "ok" if not failures({name: found}) else "failed"
        output.talk(f"check {name}: {word}")
