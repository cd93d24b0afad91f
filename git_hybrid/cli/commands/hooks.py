"""``git hybrid hooks``: the checks as plain git hooks, for those who do not use the pre-commit framework."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import click

from git_hybrid.cli.options import Commands, common_options, shows_help
from git_hybrid.cli.output import Output, opened
from git_hybrid.cli.wiring import Session
from git_hybrid.core.errors import BadArgument, HookTaken
from git_hybrid.git.repository import around
from git_hybrid.store.durable import make_folder, remove_file, write_file

_MARK = "# Written by git hybrid hooks install."
_PROGRAM = "git-hybrid-hook-check"
_STAGES = {"pre-commit": "commit", "pre-merge-commit": "commit of a merge that git makes", "pre-push": "push"}
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
        for name, when in reversed(_STAGES.items()):
            function = click.option(f"--{name}", is_flag=True, help=begin.format(when))(function)
        return function

    return decorate


def _chosen(wanted: Mapping[str, bool]) -> list[str]:
    return [name for name in _STAGES if wanted[name.replace("-", "_")]]


@command.command("install")
@_stage_options("Check before each {}.")
@common_options
@click.pass_context
def install_command(context: click.Context, /, **wanted: bool) -> int:
    """Write git hooks that run the checks, where git looks for hooks (core.hooksPath). A hook of yours is kept.

    Without options it is the hook before each commit.
    """
    with opened(context) as (session, output):
        folder = _folder(session)
        if folder.exists() and not folder.is_dir():
            # As core.hooksPath=/dev/null, by which git is told to run none.
            hint = "git config --show-origin core.hooksPath"
            reason = "git looks for hooks there (core.hooksPath), and it is no folder"
            raise BadArgument(what="hooks", value=str(folder), reason=reason, hint=hint)
        stages = _chosen(wanted) or ["pre-commit"]
        taken = [name for name in stages if _is_taken(folder / name)]
        if taken:
            raise HookTaken(path=str(folder / taken[0]), line=f"{_command(taken[0])} || exit 1")
        make_folder(folder)
        before = [name for name in stages if _is_written(folder / name)]
        for name in stages:
            if name not in before:
                write_file(folder / name, _script(name).encode())
                (folder / name).chmod(0o755)
        written = {"installed": [folder / name for name in stages if name not in before]}
        return _told(output, written | {"unchanged": [folder / name for name in before]})


@command.command("uninstall")
@_stage_options("Only the one before each {}.")
@common_options
@click.pass_context
def uninstall_command(context: click.Context, /, **wanted: bool) -> int:
    """Remove the git hooks that install wrote, and no others."""
    with opened(context) as (session, output):
        folder = _folder(session)
        paths = [folder / name for name in _chosen(wanted) or _STAGES]
        ours = [path for path in paths if path.is_file() and not _is_taken(path)]
        for path in ours:
            remove_file(path)
        return _told(output, {"removed": ours})


def _folder(session: Session) -> Path:
    """Return the folder in which git looks for hooks.

    Raises:
        BadArgument: the workspace is in no git repository.
        GitRefused: git does not answer about it.
    """
    root = session.layout.root
    repository = around(session.runner, root)
    if repository.top is None:
        raise BadArgument(what="hooks", value=str(root), reason="is in no git repository: git init makes it one")
    told = repository.ask(["git", "rev-parse", "--git-path", "hooks"], cwd=root)
    return Path(os.path.normpath(root / told.decode("utf-8", "surrogateescape").rstrip("\n")))


def _is_taken(path: Path) -> bool:
    return path.is_symlink() or (path.exists() and _MARK not in path.read_text(encoding="utf-8", errors="replace"))


def _is_written(path: Path) -> bool:
    return path.is_file() and path.read_bytes() == _script(path.name).encode() and os.access(path, os.X_OK)


def _command(name: str) -> str:
    return f"{_PROGRAM} --pre-push" if name == "pre-push" else _PROGRAM


def _script(name: str) -> str:
    """Return the hook *name*: the program where it is now, else where the PATH of the day has it."""
    here = shlex.quote(str(Path(sys.executable).with_name(_PROGRAM)))
    lines = [
        "#!/bin/sh",
        _MARK,
        f"hook={here}",
        f'[ -x "$hook" ] || hook=$(command -v {_PROGRAM}) || {{',
        '    echo "error: git hybrid is not installed" >&2',
        "    exit 1",
        "}",
        _command(name).replace(_PROGRAM, 'exec "$hook"'),
    ]
    return "\n".join(lines) + "\n"


def _told(output: Output, done: Mapping[str, Sequence[Path]]) -> int:
    if output.common.json:
        files = {word: [str(path) for path in paths] for word, paths in done.items()}
        output.document({"command": "hooks", "exit_code": 0, **files, "sources": []})
    else:
        output.done(*(f"{word} {path}" for word, paths in done.items() for path in paths))
        output.talk("" if any(done.values()) else "no hooks of git hybrid here")
    return 0
