"""``git hybrid foreach``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from git_hybrid.app.foreach import Command, Ran, foreach
from git_hybrid.cli.options import common_options, complete_names, group_option, jobs_option
from git_hybrid.cli.output import Output, opened
from git_hybrid.cli.wiring import Session
from git_hybrid.core.errors import BadArgument, ToolTooOld
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Source
from git_hybrid.git.environment import user_environment
from git_hybrid.view.term import safe


@click.command("foreach", context_settings={"allow_interspersed_args": False})
@group_option
@click.option(
    "-s",
    "--source",
    "names",
    multiple=True,
    metavar="NAME",
    help="Only this source; repeatable.",
    shell_complete=complete_names,
)
@jobs_option
@click.argument("arguments", nargs=-1, required=True, metavar="-- CMD...")
@common_options
@click.pass_context
def command(
    context: click.Context,
    *,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    jobs: int | None,
    arguments: tuple[str, ...],
) -> int:
    """Run a command in each clone, in name order; exit 1 if it failed in one.

    One argument is given to the shell, several are run as they are. GIT_HYBRID_NAME, _PATH, _URL, _COMMIT and _REF
    tell the command where it is.
    """
    with opened(context, jobs=jobs) as (session, output):
        results = foreach(session.runtime, _runner(session, arguments), names, groups)
        if output.common.json:
            output.document(
                {"command": "foreach", "exit_code": _code(results), "sources": [_plain(ran) for ran in results]}
            )
        else:
            _print(results, output)
            if not results:
                output.no_sources()
        return _code(results)


def _runner(session: Session, arguments: Sequence[str]) -> Command:
    argv = ["sh", "-c", arguments[0]] if len(arguments) == 1 else list(arguments)

    def run(source: Source, pin: Pin | None) -> tuple[int, bytes, str]:
        path = session.layout.clone(source.name)
        facts = {
            "GIT_HYBRID_NAME": source.name,
            "GIT_HYBRID_PATH": str(path),
            "GIT_HYBRID_URL": str(source.url),
            "GIT_HYBRID_COMMIT": pin.commit if pin else "",
            "GIT_HYBRID_REF": pin.ref if pin else "",
        }
        try:
            done = session.runner.run(argv, env=user_environment(os.environ) | facts, cwd=path, guarded=False)
        except ToolTooOld as error:
            raise BadArgument(what="the command", value=argv[0], reason="is not installed") from error
        return done.status, done.stdout, done.stderr

    return run


def _print(results: Sequence[Ran], output: Output) -> None:
    for ran in results:
        if ran.status is None:
            output.talk(f"{safe(ran.name)}: no clone, skipped")
            continue
        output.talk(f"==> {safe(ran.name)}")
        sys.stdout.flush()
        sys.stdout.buffer.write(ran.stdout)
        sys.stdout.buffer.flush()
        sys.stderr.write(ran.stderr)
        if ran.status:
            output.talk(f"error: the command failed in {safe(ran.name)} with status {ran.status}")


def _plain(ran: Ran) -> dict[str, object]:
    text = ran.stdout.decode("utf-8", "replace")
    return {"name": ran.name, "status": ran.status, "stdout": text, "stderr": ran.stderr}


def _code(results: Sequence[Ran]) -> int:
    return int(any(ran.status for ran in results))
