"""``git hybrid completion``: the script that makes a shell complete ``git hybrid s<TAB>``."""

from __future__ import annotations

from importlib.resources import files

import click

from git_hybrid.cli.common import common_of
from git_hybrid.cli.options import common_options

SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS), metavar="bash|zsh|fish")
@common_options
@click.pass_context
def command(context: click.Context, *, shell: str) -> int:
    """Print the completion script of a shell: commands, options, names of sources and groups, also for git hybrid.

    \b
    bash: mkdir -p ~/.local/share/bash-completion/completions &&
    git hybrid completion bash > ~/.local/share/bash-completion/completions/git-hybrid

    \b
    zsh: mkdir -p ~/.zfunc && git hybrid completion zsh > ~/.zfunc/_git-hybrid
    with fpath=(~/.zfunc $fpath) before compinit in ~/.zshrc

    \b
    fish: mkdir -p ~/.config/fish/conf.d &&
    git hybrid completion fish > ~/.config/fish/conf.d/git-hybrid.fish
    """  # noqa: D301 (click leaves the lines below such a mark as they are)
    text = (files("git_hybrid") / "completion" / f"git-hybrid.{shell}").read_text(encoding="utf-8")
    if (common := common_of(context)).json:
        # Imported here: the script for a shell imports next to nothing.
        from git_hybrid.cli.output import Output

        Output(common).document({"command": "completion", "shell": shell, "script": text})
    else:
        click.echo(text, nl=False)
    return 0
