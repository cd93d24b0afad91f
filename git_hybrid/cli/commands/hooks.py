"""``git hybrid hooks``: the checks as plain git hooks, for those who do not use the pre-commit framework."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from git_hybrid.cli.options import common_options
from git_hybrid.cli.output import Output, opened
from git_hybrid.cli.wiring import Session
from git_hybrid.core.errors import BadArgument, HookTaken
from git_hybrid.git.environment import child_environment
from git_hybrid.store.durable import make_folder, remove_file, write_file

_MARK = "# Written by git hybrid hooks install."
_PROGRAM = "git-hybrid-hook-check"


@click.group("hooks")
@common_options
def command() -> None:
    """Run the checks on every commit or push, as plain git hooks.

    With the pre-commit framework use the ids of .pre-commit-hooks.yaml instead.
    """


def _stages(pre_commit: bool, pre_push: bool) -> list[str]:
    chosen = [name for name, wanted in (("pre-commit", pre_commit), ("pre-push", pre_push)) if wanted]
    return chosen or ["pre-commit"]


@command.command("install")
@click.option("--pre-commit", is_flag=True, help="Check before each commit (this is the default).")
@click.option("--pre-push", is_flag=True, help="Check before each push.")
@common_options
@click.pass_context
def install_command(context: click.Context, *, pre_commit: bool, pre_push: bool) -> int:
    """Write git hooks that run the checks, where git looks for hooks (core.hooksPath). A hook of yours is kept."""
    with opened(context) as (session, output):
        folder = _folder(session)
        stages = _stages(pre_commit, pre_push)
        taken = [name for name in stages if _is_taken(folder / name)]
        if taken:
            raise HookTaken(path=str(folder / taken[0]), line=f"{_PROGRAM} || exit 1")
        make_folder(folder)
        for name in stages:
            write_file(folder / name, _script().encode())
            (folder / name).chmod(0o755)
        return _told(output, "installed", [folder / name for name in stages])


@command.command("uninstall")
@click.option("--pre-commit", is_flag=True, help="Only the one before each commit.")
@click.option("--pre-push", is_flag=True, help="Only the one before each push.")
@common_options
@click.pass_context
def uninstall_command(context: click.Context, *, pre_commit: bool, pre_push: bool) -> int:
    """Remove the git hooks that install wrote, and no others."""
    with opened(context) as (session, output):
        folder = _folder(session)
        stages = _stages(pre_commit, pre_push) if pre_commit or pre_push else ["pre-commit", "pre-push"]
        ours = [folder / name for name in stages if (folder / name).is_file() and not _is_taken(folder / name)]
        for path in ours:
            remove_file(path)
        return _told(output, "removed", ours)


def _folder(session: Session) -> Path:
    """Return the folder in which git looks for hooks.

    Raises:
        BadArgument: the workspace is in no git repository.
    """
    env = child_environment(session.runner.environ, network=True)
    done = session.runner.run(["git", "rev-parse", "--git-path", "hooks"], env=env, cwd=session.layout.root)
    if done.status:
        root = str(session.layout.root)
        raise BadArgument(what="hooks", value=root, reason="is in no git repository: git init makes it one")
    return session.layout.root / done.stdout.decode("utf-8", "surrogateescape").rstrip("\n")


def _is_taken(path: Path) -> bool:
    return path.is_symlink() or (path.exists() and _MARK not in path.read_text(encoding="utf-8", errors="replace"))


def _script() -> str:
    """Return the hook: the program where it is now, else where the PATH of the day has it."""
    here = shlex.quote(str(Path(sys.executable).with_name(_PROGRAM)))
    lines = [
        "#!/bin/sh",
        _MARK,
        f"hook={here}",
        f'[ -x "$hook" ] || hook=$(command -v {_PROGRAM}) || {{',
        '    echo "error: git hybrid is not installed" >&2',
        "    exit 1",
        "}",
        'exec "$hook"',
    ]
    return "\n".join(lines) + "\n"


def _told(output: Output, word: str, paths: list[Path]) -> int:
    if output.common.json:
        files = [str(path) for path in paths]
        output.document({"command": "hooks", "exit_code": 0, word: files, "sources": []})
    else:
        output.data(*(f"{word} {path}" for path in paths))
        output.talk("" if paths else "no hooks of git hybrid here")
    return 0
