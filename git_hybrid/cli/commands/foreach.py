"""``git hybrid foreach``."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterable, Iterator, Sequence
from errno import EACCES, ENOEXEC
from functools import partial

import click

from git_hybrid.app.foreach import NOT_STARTED, Command, Ran, foreach
from git_hybrid.cli.common import common_of
from git_hybrid.cli.inturn import InTurn
from git_hybrid.cli.options import common_options, complete_names, group_option, jobs_option, takes_paths
from git_hybrid.cli.output import opened
from git_hybrid.cli.spool import Kept, Spool, spool
from git_hybrid.cli.streams import stop_if_unheard
from git_hybrid.cli.wiring import Session
from git_hybrid.core.errors import BadArgument, HybridError, LocalIo, ToolTooOld
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Source
from git_hybrid.core.words import typed
from git_hybrid.git.environment import user_environment
from git_hybrid.git.watched import Into

_IO = 74
"""Where the machine refused (sysexits.h)."""
_NO_PROGRAM = (EACCES, ENOEXEC)
"""How the system says that a file is none that can be run."""
_MISSING = 127
"""The status of a shell that finds no such command."""
_MOST = 1 << 30
"""How much a document may tell of what the commands write, in bytes: it is made in memory."""


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
@takes_paths
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
    if not arguments[0]:
        raise BadArgument(what="the command", value="", reason="is empty")
    most = _MOST if common_of(context).json else None
    with opened(context, jobs=jobs) as (session, output), spool(most=most) as place:
        if output.common.json:
            results = foreach(session.runtime, _kept(session, arguments, place), names, groups)
            output.document(
                {"command": "foreach", "exit_code": _code(results), "sources": [_plain(ran) for ran in results]}
            )
        else:
            shown = InTurn(output, place, partial(_check, session))
            results = foreach(session.runtime, _shown(session, arguments, shown), names, groups, audience=shown)
            if not results:
                output.no_sources()
        return _code(results)


def _kept(session: Session, arguments: Sequence[str], place: Spool) -> Command:
    """Return the command, all that it writes kept."""

    def run(source: Source, pin: Pin | None) -> tuple[int, Kept, Kept]:
        out, err = Kept(place), Kept(place)
        watch = Into(out=out.add, err=err.add, check=stop_if_unheard)
        return _run(session, arguments, source, pin, watch), out, err

    return run


def _shown(session: Session, arguments: Sequence[str], shown: InTurn) -> Command:
    """Return the command, what it writes shown when its turn comes."""

    def run(source: Source, pin: Pin | None) -> tuple[int, tuple[()], tuple[()]]:
        return _run(session, arguments, source, pin, shown.watch(source.name)), (), ()

    return run


def _check(session: Session) -> None:
    session.runner.check(None)
    stop_if_unheard()


def _run(session: Session, arguments: Sequence[str], source: Source, pin: Pin | None, watch: Into) -> int:
    argv = ["/bin/sh", "-c", arguments[0]] if len(arguments) == 1 else list(arguments)
    path = session.layout.clone(source.name)
    facts = {
        "GIT_HYBRID_NAME": source.name,
        "GIT_HYBRID_PATH": str(path),
        "GIT_HYBRID_URL": str(source.url),
        "GIT_HYBRID_COMMIT": pin.commit if pin else "",
        "GIT_HYBRID_REF": pin.ref if pin else "",
    }
    env = user_environment(os.environ) | facts
    try:
        return session.runner.run(argv, env=env, cwd=path, guarded=False, watch=watch).status
    except ToolTooOld as error:
        reason = "is not there" if os.path.dirname(argv[0]) else "is not installed"
        return _unstarted(argv[0], reason, _MISSING, watch, error, _meant(session, arguments))
    except LocalIo as error:
        # Nothing is wrong with the machine.
        if error.operation == "start" and getattr(error.__cause__, "errno", None) in _NO_PROGRAM:
            return _unstarted(argv[0], f"cannot be run: {error.reason}", NOT_STARTED, watch, error)
        raise


def _meant(session: Session, arguments: Sequence[str]) -> str:
    """Return how the command is typed for the sources that *arguments* begin with; nothing if they do not."""
    from git_hybrid.cli.gestures import of_source

    words = of_source([*session.runtime.ledger.steady().manifest.sources], arguments)
    return typed("git", "hybrid", "foreach", *words) if words else ""


def _unstarted(program: str, reason: str, status: int, watch: Into, error: HybridError, hint: str = "") -> int:
    """Say that *program* cannot be run in one clone, as a shell does, and return *status*.

    Raises:
        BadArgument: it is the same file everywhere.
    """
    if os.path.isabs(program) or not os.path.dirname(program):
        raise BadArgument(what="the command", value=program, reason=reason, hint=hint) from error
    watch.err(os.fsencode(f"{program} {reason}\n"))
    return status


def _plain(ran: Ran) -> dict[str, object]:
    texts = {"stdout": "".join(_words(ran.stdout)), "stderr": "".join(_words(ran.stderr))}
    return {"name": ran.name, "status": ran.status, **texts}


def _words(pieces: Iterable[bytes]) -> Iterator[str]:
    return codecs.iterdecode(pieces, "utf-8", "backslashreplace")


def _code(results: Sequence[Ran]) -> int:
    if any(ran.error is not None for ran in results):
        return _IO
    return int(any(ran.status for ran in results))
