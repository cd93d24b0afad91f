"""``git hybrid install-man``: put the manual pages where man finds them, for installers that do not."""

from __future__ import annotations

import os
from pathlib import Path

import click

from git_hybrid.cli.common import common_of
from git_hybrid.cli.filled import FILE
from git_hybrid.cli.manual import manual_pages
from git_hybrid.cli.options import common_options
from git_hybrid.cli.output import Output
from git_hybrid.core.errors import SymlinkRefused
from git_hybrid.core.words import counted, typed
from git_hybrid.store.durable import make_folder
from git_hybrid.store.outputfile import write_output
from git_hybrid.view.term import safe


@click.command("install-man")
@click.argument("folder", required=False, type=FILE, metavar="[DIR]")
@common_options
@click.pass_context
def command(context: click.Context, *, folder: Path | None) -> int:
    """Put the manual pages below DIR (default: ~/.local/share/man), so that man and --help find them.

    uv tool install leaves them where man does not look; pip and pipx do not.
    """
    output = Output(common_of(context))
    place = _default() if folder is None else output.common.folder / folder
    written = []
    for page in manual_pages():
        target = place / f"man{page.suffix[1:]}" / page.name
        make_folder(target.parent)
        if target.is_symlink():
            raise SymlinkRefused(path=str(target))
        write_output(target, page.read_bytes())
        written.append(str(target))
    if output.common.json:
        output.document({"command": "install-man", "installed": written})
    else:
        output.done(*map(safe, written))
        path = typed(f"{place}:")
        output.talk(f"{counted(len(written), 'page')}; where man does not find them: export MANPATH={path}")
    return 0


def _default() -> Path:
    # A relative path here is to be ignored (XDG Base Directory Specification).
    data = os.environ.get("XDG_DATA_HOME", "")
    return (Path(data) if data.startswith("/") else Path("~/.local/share").expanduser()) / "man"
