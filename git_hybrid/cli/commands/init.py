"""``git hybrid init``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain, count, islice
from pathlib import Path

import click

from git_hybrid.app.acquire import NOT_FETCHED
from git_hybrid.app.edit import BEGINNING, Wanted, add
from git_hybrid.cli.common import common_of
from git_hybrid.cli.filled import FILE
from git_hybrid.cli.options import common_options
from git_hybrid.cli.output import Output, opened
from git_hybrid.cli.placing import place_of
from git_hybrid.cli.wiring import Session
from git_hybrid.core.errors import BadArgument, InvalidFile, NoWorkspace, WorkspaceExists
from git_hybrid.core.files import LOG
from git_hybrid.core.ids import InvalidText, SourceName, parse_name
from git_hybrid.core.manifest import Branch, Source
from git_hybrid.core.report import Report
from git_hybrid.core.value import replace
from git_hybrid.core.words import as_typed, plural, typed
from git_hybrid.git.importing import Gitmodules, Submodule, read_gitmodules
from git_hybrid.git.run import Runner
from git_hybrid.git.takenout import refuse_taken_out
from git_hybrid.store.layout import find_root
from git_hybrid.store.scaffold import create, has_no_sources, refuse_inside, undo
from git_hybrid.view.term import safe

_SHOWN = 5


@click.command("init")
@click.argument("folder", required=False, type=FILE, metavar="[DIR]")
@click.option(
    "--import",
    "imported",
    type=FILE,
    metavar="FILE",
    help="Take over a .gitmodules, with the exact commits that its repository pins.",
)
@common_options
@click.pass_context
def command(context: click.Context, *, folder: Path | None, imported: Path | None) -> int:
    """Make a folder a workspace: sources.toml, state/, sources/. Files that are there stay as they are."""
    common = common_of(context)
    file = None if imported is None else Path(os.path.realpath(common.folder / imported.parent), imported.name)
    if folder is not None and folder.name == ".gitmodules" and (common.folder / folder).is_file():
        hint = f"git hybrid init --import {typed(str(folder))}{as_typed('imported')}"
        raise BadArgument(what="DIR", value=str(folder), reason="is a file: it can be imported", hint=hint)
    refuse_inside((common.folder / (folder or ".")).resolve(), str(folder or "."))
    made: list[Path] = []
    if folder is not None:
        made = _make_folder(common.folder / folder)
        common.folders.append(str(folder))
    root, created = common.folder, tuple[str, ...]()
    code = None
    try:
        refuse_taken_out(Runner(environ=dict(os.environ)), root.resolve())
        is_new = file is None or not has_no_sources(root)
        created = create(root) if is_new else ()
        with opened(context) as (session, output):
            code = _import(session, output, file, is_new) if file else _begin(session, output, created)
    except WorkspaceExists:
        common.root = root
        raise
    finally:
        # Also where Ctrl-C ended it.
        if code != 0:
            undo(root, created)
            _remove_folders(made)
    return code


def _make_folder(path: Path) -> list[Path]:
    """Make the folder, and return what had to be made for it, the innermost first."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    return missing


def _remove_folders(folders: Sequence[Path]) -> None:
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _begin(session: Session, output: Output, created: tuple[str, ...]) -> int:
    """Start the audit log."""
    ledger, info, root = session.runtime.ledger, session.runtime.info, session.layout.root
    with session.runtime.writing():
        if not session.layout.audit.exists():
            created = tuple(sorted((*created, LOG)))
        ledger.record(info, BEGINNING, ())
    if output.common.json:
        output.document({"command": "init", "command_id": info.run, "root": str(root), "created": list(created)})
    else:
        output.done(*(safe(f"created {place_of(root).path(path)}") for path in created))
        with suppress(NoWorkspace):
            outer = find_root(root.parent).root
            output.talk(f"note: {outer} is a workspace too: a command is for the nearest one")
        if (root / ".gitmodules").is_file():
            output.hint("import", "take the submodules over: git hybrid init --import .gitmodules")
        output.hint("empty", "git hybrid add https://host/path/repository")
    return 0


def _import(session: Session, output: Output, file: Path, is_new: bool) -> int:
    # What fails leaves no workspace, and is typed again where it was typed.
    output.common.root = None
    again = f"git hybrid init{as_typed()}"
    try:
        modules = read_gitmodules(session.runner, file)
    except InvalidFile as error:
        error.mend = f"mend {file}, then: {again}"
        raise
    names = _names(modules.listed)
    wanted = [_wanted(module, name) for module, name in zip(modules.listed, names, strict=True)]
    report = add(session.runtime, session.editor, wanted, imported=str(file), begins=is_new)
    code = output.report(replace(report, notes=(*report.notes, *_left_out(modules))))
    if code != 0:
        output.hint("pinned", again)
        return code
    _tell_next(modules, report, output, session.layout.root)
    return code


def _left_out(modules: Gitmodules) -> tuple[str, ...]:
    if not modules.unlisted:
        return ()
    return (f"not taken over, as .gitmodules does not list what the index has: {_some([*modules.unlisted])}",)


def _tell_next(modules: Gitmodules, report: Report, output: Output, root: Path) -> None:
    """Say what is to be done once the submodules are taken over, in the order in which that works."""
    paths = [module.path for module in modules.listed]
    in_the_way = [path for path in paths if (modules.top / path).is_relative_to(root / "sources")]
    _tell_removal(modules, in_the_way, output, "the clones go where these submodules are, so take them out first: ")
    output.common.root = root
    for path, commit in islice(modules.unlisted.items(), _SHOWN):
        output.hint("import", f"to take {path} over: git hybrid add URL --commit {commit or 'COMMIT'}")
    if outer := [row.name for row in report.rows if any(note.endswith(NOT_FETCHED) for note in row.notes)]:
        text = f"for the submodules of {_some(outer)} put submodules = true below [source.NAME] in sources.toml"
        output.hint("import", f"{text}, then: git hybrid pin")
    output.hint("pinned", "git hybrid sync")
    # The submodules are of a repository of their own.
    output.common.root = None
    others = [path for path in paths if path not in in_the_way]
    _tell_removal(modules, others, output, "the submodules stay as they are; when the clones are there: ")


def _tell_removal(modules: Gitmodules, paths: Sequence[str], output: Output, words: str) -> None:
    below = place_of(modules.top).below
    git = "git" if below == "." else f"git -C {typed(below)}"
    if paths:
        output.hint("import", f"{words}{git} rm -- {typed(*paths[:_SHOWN])}")
    if len(paths) > _SHOWN:
        left, listing = len(paths) - _SHOWN, f"{git} config --file .gitmodules --get-regexp path"
        output.hint("import", f"{left} more {plural(left, 'is')} listed by: {listing}")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _wanted(module: Submodule, name: SourceName) -> Wanted:
    track = Branch(module.branch) if module.branch else None
    source = Source(name=name, url=module.url, track=track or Branch("HEAD"), groups=("imported",))
    return Wanted(source=source, track=track, commit=module.commit)


def _names(modules: tuple[Submodule, ...]) -> list[SourceName]:
    """Return a name for each submodule: the last part of its path, or all of it where that is taken or not allowed.

    Where that is neither it is ``module-`` and the first number, from its place in the list on, that is free.
    """
    names: list[SourceName] = []
    taken: set[str] = set()
    for place, module in enumerate(modules, 1):
        whole = module.path.replace("/", "-")
        texts = chain((module.path.rsplit("/", 1)[-1], whole), (f"module-{number}" for number in count(place)))
        name = next(name for name in map(_allowed, texts) if name and name.casefold() not in taken)
        taken.add(name.casefold())
        names.append(name)
    return names


def _allowed(text: str) -> SourceName | None:
    try:
        return parse_name(text)
    except InvalidText:
        return None
