"""``git hybrid hooks``: the checks as plain git hooks, for those who do not use the pre-commit framework."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import click

from git_hybrid.cli.common import common_of
from git_hybrid.cli.hookfiles import MARK, STAGES, hooks_folder, is_by_framework, is_shared, is_taken, place_of
from git_hybrid.cli.options import Commands, common_options, shows_help
from git_hybrid.cli.output import Output, opened
from git_hybrid.core.errors import BadArgument, HookTaken
from git_hybrid.git.run import Runner
from git_hybrid.store.durable import make_folder, remove_file
from git_hybrid.store.outputfile import write_output
from git_hybrid.view.term import safe

_PROGRAM = "git-hybrid-hook-check"
_BY_FRAMEWORK = "pre-commit made it: better list the id hybrid-check-installed in .pre-commit-config.yaml"
_ONE_REF = "pre-commit made it, and checks one ref of a push alone; it runs a hook that was there before it as well"
_BELOW = "put this line below its first, since its end may never be reached: {} || exit 1"
_HUSKY = (".husky", "_")
_ANEW = "git looks for hooks there (core.hooksPath), but husky makes it anew, and runs what stands above it"
_ABOVE = "put this line first into .husky/{}, which is committed: {} || exit 1"
_BEFORE = (
    "pre-commit uninstall -t pre-push, then git hybrid hooks install --pre-push, then pre-commit install -t pre-push"
)
Wanted = TypeVar("Wanted", bound=Callable[..., object])


@click.group("hooks", cls=Commands, invoke_without_command=True)
@common_options
@click.pass_context
def command(context: click.Context) -> int:
    """Run the checks on every commit or push, as plain git hooks.

    With the pre-commit framework use the ids of .pre-commit-hooks.yaml instead.
    """
    return shows_help(context)


def _stage_options(begin: str) -> Callable[[Wanted], Wanted]:
    """Return what adds an option for each hook; *begin* is put before what the hook does."""

    def decorate(function: Wanted) -> Wanted:
        for name, when in reversed(STAGES.items()):
            function = click.option(f"--{name}", is_flag=True, help=begin.format(when))(function)
        return function

    return decorate


def _chosen(wanted: Mapping[str, bool]) -> list[str]:
    return [name for name in STAGES if wanted[name.replace("-", "_")]]


@command.command("install")
@_stage_options("Check before each {}.")
@common_options
@click.pass_context
def install_command(context: click.Context, /, **wanted: bool) -> int:
    """Write git hooks that run the checks, where git looks for hooks (core.hooksPath). A hook of yours is kept.

    Without options it is the hook before each commit.
    """
    with opened(context) as (session, output):
        folder = _folder(session.runner, session.layout.root)
        if folder.exists() and not folder.is_dir():
            # As core.hooksPath=/dev/null, by which git is told to run none.
            hint = "git config --show-origin core.hooksPath"
            reason = "git looks for hooks there (core.hooksPath), and it is no folder"
            raise BadArgument(what="hooks", value=str(folder), reason=reason, hint=hint)
        stages = _chosen(wanted) or ["pre-commit"]
        if folder.parts[-2:] == _HUSKY:
            # Each clone has that line, wherever the program is there.
            hint = _ABOVE.format(stages[0], _command(stages[0], _PROGRAM))
            raise BadArgument(what="hooks", value=str(folder), reason=_ANEW, hint=hint)
        paths = {place_of(folder, name): _script(name) for name in stages}
        if taken := [path for path in paths if is_taken(path)]:
            raise _taken(taken[0])
        make_folder(folder)
        before = [path for path, script in paths.items() if _is_written(path, script)]
        installed = [path for path in paths if path not in before]
        for path in installed:
            # It may be run from its first moment on: git goes on without one that may not.
            write_output(path, paths[path], mode=0o755)
        code = _told(output, {"installed": installed, "unchanged": before})
        if is_shared(folder, session.runner, session.layout.root):
            what = "is not of this repository alone, and git runs the hook in others too; what says so"
            note = f"note: {folder} {what}: git config --show-origin core.hooksPath"
            output.talk(output.common.placed_note(note))
        return code


@command.command("uninstall")
@_stage_options("Only the one before each {}.")
@common_options
@click.pass_context
def uninstall_command(context: click.Context, /, **wanted: bool) -> int:
    """Remove the git hooks that install wrote, and no others. It needs a git repository, and no workspace in it."""
    common = common_of(context)
    folder = _folder(Runner(environ=dict(os.environ)), common.folder.resolve())
    chosen = _chosen(wanted)
    paths = [place_of(folder, name) for name in chosen or STAGES]
    ours = [path for path in paths if path.is_file() and not is_taken(path)]
    for path in ours:
        remove_file(path)
    none = f"no {' or '.join(chosen)} hook" if chosen else "no hooks"
    return _told(Output(common), {"removed": ours}, f"{none} of git hybrid here")


def _folder(runner: Runner, root: Path) -> Path:
    """Return the folder in which git looks for hooks around *root*.

    Raises:
        BadArgument: it is in no git repository.
        GitRefused: git does not answer about it.
    """
    if (folder := hooks_folder(runner, root)) is None:
        raise BadArgument(what="hooks", value=str(root), reason="is in no git repository: git init makes it one")
    return folder


def _taken(path: Path) -> HookTaken:
    is_push, below = path.name == "pre-push", _BELOW.format(_command(path.name, _program()))
    if not is_by_framework(path):
        return HookTaken(path=str(path), hint=below)
    # Whoever reads the standard input first leaves the other nothing of it.
    return HookTaken(path=str(path), hint=_BEFORE if is_push else below, instead=_ONE_REF if is_push else _BY_FRAMEWORK)


def _is_written(path: Path, script: bytes) -> bool:
    return path.is_file() and path.read_bytes() == script and os.access(path, os.X_OK)


def _program() -> str:
    """Return the program as it is typed where no PATH has it: git runs hooks from any shell."""
    return shlex.quote(str(Path(sys.executable).with_name(_PROGRAM)))


def _command(name: str, program: str) -> str:
    return f"{program} --pre-push" if name == "pre-push" else program


def _script(name: str) -> bytes:
    """Return the hook *name*: the program where it is now, else where the PATH of the day has it."""
    lines = [
        "#!/bin/sh",
        MARK,
        f"hook={_program()}",
        f'[ -x "$hook" ] || hook=$(command -v {_PROGRAM}) || {{',
        '    echo "error: git hybrid is not installed" >&2',
        r"""    here=$(cd "${0%/*}" && pwd | sed "s/'/'\\\\''/g")""",
        """    echo "hint: to go on without its checks: rm '$here/${0##*/}'" >&2""",
        "    exit 1",
        "}",
        _command(name, 'exec "$hook"'),
    ]
    return os.fsencode("\n".join(lines) + "\n")


def _told(output: Output, done: Mapping[str, Sequence[Path]], nothing: str = "") -> int:
    """Tell what was *done*, or that there was *nothing*."""
    if output.common.json:
        files = {word: [str(path) for path in paths] for word, paths in done.items()}
        output.document({"command": "hooks", **files})
    else:
        output.done(*(safe(f"{word} {path}") for word, paths in done.items() for path in paths))
        output.talk("" if any(done.values()) else nothing)
    return 0
