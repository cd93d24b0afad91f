"""``git hybrid init``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import click

from git_hybrid.app.edit import BEGINNING
from git_hybrid.cli.common import common_of
from git_hybrid.cli.filled import FILE, PLACE
from git_hybrid.cli.importing import importable, is_importable, take_over
from git_hybrid.cli.options import common_options
from git_hybrid.cli.output import Output, opened
from git_hybrid.cli.placing import place_of
from git_hybrid.cli.wiring import Session
from git_hybrid.core.errors import BadArgument, Interrupted, NoWorkspace, WorkspaceExists
from git_hybrid.core.files import LOCK, LOG
from git_hybrid.core.ids import InvalidText, normalize_url, shown_url
from git_hybrid.core.words import as_typed, some, typed
from git_hybrid.git.ignored import ignored
from git_hybrid.git.occupied import refuse_tracked
from git_hybrid.git.place import top_of
from git_hybrid.git.repository import around
from git_hybrid.git.run import Runner
from git_hybrid.git.takenout import refuse_taken_out
from git_hybrid.store.layout import find_root
from git_hybrid.store.scaffold import Scaffold, create, has_no_sources, refuse_inside, undo
from git_hybrid.view.term import safe


@click.command("init")
@click.argument("place", required=False, type=PLACE, metavar="[DIR]")
@click.option(
    "--import",
    "imported",
    type=FILE,
    metavar="FILE",
    help="Take over what .gitmodules, .repos, west.yml, a repo manifest or vendir.yml pins, or a folder's clones.",
)
@common_options
@click.pass_context
def command(context: click.Context, *, place: str | None, imported: Path | None) -> int:
    """Make a folder a workspace: sources.toml, state/, sources/. A .gitattributes or .gitignore there is added to."""
    common = common_of(context)
    folder = None if place is None else _folder(place, common.folder)
    file = None if imported is None else Path(os.path.realpath(common.folder / imported.parent), imported.name)
    if folder is not None and is_importable(common.folder / folder):
        hint = f"git hybrid init --import {typed(str(folder))}{as_typed('imported')}"
        raise BadArgument(what="DIR", value=str(folder), reason="is a file: it can be imported", hint=hint)
    if imported is not None and (inside := importable(common.folder / imported)):
        hint = f"git hybrid init --import {typed(str(imported / inside[0]))}{as_typed('imported')}"
        raise BadArgument(what="--import", value=str(imported), reason="is a folder: name the file in it", hint=hint)
    refuse_inside((common.folder / (folder or ".")).resolve(), str(folder or "."))
    made: list[Path] = []
    if folder is not None:
        made = _make_folder(common.folder / folder)
        common.folders.append(str(folder))
    root, scaffold = common.folder, Scaffold()
    code = None
    try:
        runner = Runner(environ=dict(os.environ))
        refuse_taken_out(runner, root.resolve())
        refuse_tracked(runner, root.resolve())
        is_new = file is None or not has_no_sources(root)
        scaffold = create(root) if is_new else scaffold
        with opened(context) as (session, output):
            # One that was killed before its first record left the files.
            begins = is_new or not session.layout.audit.exists()
            code = take_over(session, output, file, begins=begins) if file else _begin(session, output, scaffold)
            if code == 0 and not common.json:
                _tell_ignored(session, output)
    except WorkspaceExists:
        common.root = root
        raise
    except Interrupted as error:
        raise error.while_adding(str(imported)) from None
    finally:
        # Also where Ctrl-C ended it.
        if code != 0:
            undo(root, scaffold)
            _remove_folders(made)
    return code


def _folder(text: str, start: Path) -> Path:
    """Return the folder that *text* names.

    Raises:
        BadArgument: it is a URL, and no folder that is there.
    """
    if not os.path.exists(start / text):
        hint = ""
        with suppress(InvalidText):
            normalize_url(text)
            hint = f"once there is a workspace (git hybrid init makes it here): git hybrid add {typed(text)}"
        if hint or "://" in text or (":" in text and "@" in text):
            reason = "is a URL, not a folder; a workspace that is kept there comes by git clone"
            raise BadArgument(what="DIR", value=text if hint else shown_url(text), reason=reason, hint=hint)
    return Path(text)


def _make_folder(path: Path) -> list[Path]:
    """Make the folder, and return what had to be made for it, the innermost first."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    return missing


def _remove_folders(folders: Sequence[Path]) -> None:
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _begin(session: Session, output: Output, scaffold: Scaffold) -> int:
    """Start the audit log."""
    ledger, info, root = session.runtime.ledger, session.runtime.info, session.layout.root
    with session.runtime.writing():
        if not session.layout.audit.exists():
            scaffold = scaffold._replace(created=tuple(sorted((*scaffold.created, LOG))))
        ledger.record(info, BEGINNING, ())
    if output.common.json:
        files = {"created": list(scaffold.created), "extended": list(scaffold.extended)}
        output.document({"command": "init", "command_id": info.run, "root": str(root), **files})
    else:
        output.done(*(safe(f"created {place_of(root).path(path)}") for path in scaffold.created))
        output.done(*(safe(f"added lines to {place_of(root).path(path)}") for path in scaffold.extended))
        with suppress(NoWorkspace):
            outer = find_root(root.parent).root
            # What is in a repository of its own git takes for no part of the other.
            if top_of(str(root), os.environ) == top_of(str(outer), os.environ):
                output.talk(f"note: {outer} is a workspace too: a command is for the nearest one")
        for name in importable(root):
            what = "the submodules" if name == ".gitmodules" else f"what {name} lists"
            output.hint("import", f"take {what} over: git hybrid init --import {name}")
        output.hint("empty", "git hybrid add https://host/path/repository")
    return 0


def _tell_ignored(session: Session, output: Output) -> None:
    """Say that git would not take up what is decided here, as where the repository ignores every ``state/``.

    Nor what was begun in ``sources/`` and is not committed yet.
    """
    root = output.common.root = session.layout.root
    loose = sorted(entry.name for entry in os.scandir(session.layout.sources_folder) if _is_loose(entry))
    if loose:
        output.talk(f"note: sources/ is for clones, and git shows nothing else there from now on: {some(loose)}")
    if ignored(around(session.runner, root), root, (LOCK,)):
        output.hint("ignored", f"git ignores {LOCK}, which is to be committed; by its rule: git check-ignore -v {LOCK}")


def _is_loose(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".") and not os.path.lexists(f"{entry.path}/.git")
