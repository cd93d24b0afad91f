"""``git hybrid foreach``."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Iterable, Iterator, Sequence

import click

from git_hybrid.app.foreach import Command, Ran, foreach
from git_hybrid.cli.options import common_options, complete_names, group_option, jobs_option
from git_hybrid.cli.output import Output, opened
from git_hybrid.cli.spool import Kept, Spool, spool
from git_hybrid.cli.streams import reporting, stop_if_unheard
from git_hybrid.cli.wiring import Session
from git_hybrid.core.errors import BadArgument, ToolTooOld
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Source
from git_hybrid.git.environment import user_environment
from git_hybrid.git.watched import Into
from git_hybrid.view.term import safe

_IO = 74
"""Where the machine refused (sysexits.h)."""


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
    with opened(context, jobs=jobs) as (session, output), spool() as kept:
        results = foreach(session.runtime, _runner(session, arguments, kept), names, groups)
        if output.common.json:
            output.document(
                {"command": "foreach", "exit_code": _code(results), "sources": [_plain(ran) for ran in results]}
            )
        else:
            _print(results, output)
            if not results:
                output.no_sources()
        return _code(results)


def _runner(session: Session, arguments: Sequence[str], place: Spool) -> Command:
    argv = ["sh", "-c", arguments[0]] if len(arguments) == 1 else list(arguments)

    def run(source: Source, pin: Pin | None) -> tuple[int, Kept, Kept]:
        path = session.layout.clone(source.name)
        facts = {
            "GIT_HYBRID_NAME": source.name,
            "GIT_HYBRID_PATH": str(path),
            "GIT_HYBRID_URL": str(source.url),
            "GIT_HYBRID_COMMIT": pin.commit if pin else "",
            "GIT_HYBRID_REF": pin.ref if pin else "",
        }
        out, err = Kept(place), Kept(place)
        watch = Into(out=out.add, err=err.add, check=stop_if_unheard)
        try:
            done = session.runner.run(
                argv, env=user_environment(os.environ) | facts, cwd=path, guarded=False, watch=watch
            )
        except ToolTooOld as error:
            raise BadArgument(what="the command", value=argv[0], reason="is not installed") from error
        return done.status, out, err

    return run


def _print(results: Sequence[Ran], output: Output) -> None:
    for ran in results:
        if ran.status is None:
            output.talk(f"{safe(ran.name)}: no clone, skipped")
            continue
        output.talk(f"==> {safe(ran.name)}")
        if ran.error is not None:
            output.error(ran.error)
            continue
        with reporting(output.common):
            sys.stdout.flush()
            for piece in ran.stdout:
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        sys.stderr.writelines(_words(ran.stderr))
        if ran.status:
            output.talk(f"error: the command failed in {safe(ran.name)} with status {ran.status}")


def _plain(ran: Ran) -> dict[str, object]:
    texts = {"stdout": "".join(_words(ran.stdout)), "stderr": "".join(_words(ran.stderr))}
    return {"name": ran.name, "status": ran.status, **texts}


def _words(pieces: Iterable[bytes]) -> Iterator[str]:
    return codecs.iterdecode(pieces, "utf-8", "replace")


def _code(results: Sequence[Ran]) -> int:
    if any(ran.error is not None for ran in results):
        return _IO
    return int(any(ran.status for ran in results))
