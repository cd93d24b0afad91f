"""``git hybrid init``."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain, count, islice
from pathlib import Path

import click

from git_hybrid.app.acquire import NOT_FETCHED
from git_hybrid.app.edit import BEGINNING, Wanted, add
from git_hybrid.cli.common import common_of
from git_hybrid.cli.filled import FILE, PLACE
from git_hybrid.cli.options import common_options
from git_hybrid.cli.output import Output, opened
from git_hybrid.cli.placing import place_of
from git_hybrid.cli.wiring import Session
from git_hybrid.core.errors import BadArgument, InvalidFile, NoWorkspace, WorkspaceExists
from git_hybrid.core.files import LOCK, LOG
from git_hybrid.core.ids import InvalidText, SourceName, normalize_url, parse_name, shown_url
from git_hybrid.core.manifest import Branch, Source
from git_hybrid.core.report import Report
from git_hybrid.core.value import replace
from git_hybrid.core.words import as_typed, plural, typed
from git_hybrid.git.ignored import ignored
from git_hybrid.git.importing import HERE, Gitmodules, Submodule, read_gitmodules
from git_hybrid.git.place import top_of
from git_hybrid.git.plainfiles import read_plain
from git_hybrid.git.repository import around
from git_hybrid.git.run import Runner
from git_hybrid.git.takenout import refuse_taken_out
from git_hybrid.store.layout import find_root
from git_hybrid.store.scaffold import Scaffold, create, has_no_sources, refuse_inside, undo
from git_hybrid.view.term import safe

_SHOWN = 5
_OTHER = re.compile(r"[^A-Za-z0-9._-]+")


@click.command("init")
@click.argument("place", required=False, type=PLACE, metavar="[DIR]")
@click.option(
    "--import",
    "imported",
    type=FILE,
    metavar="FILE",
    help="Take over a .gitmodules, with the exact commits that its repository pins.",
)
@common_options
@click.pass_context
def command(context: click.Context, *, place: str | None, imported: Path | None) -> int:
    """Make a folder a workspace: sources.toml, state/, sources/. A .gitattributes or .gitignore there is added to."""
    common = common_of(context)
    folder = None if place is None else _folder(place, common.folder)
    file = None if imported is None else Path(os.path.realpath(common.folder / imported.parent), imported.name)
    if folder is not None and folder.name == ".gitmodules" and _has_submodules(common.folder / folder):
        hint = f"git hybrid init --import {typed(str(folder))}{as_typed('imported')}"
        raise BadArgument(what="DIR", value=str(folder), reason="is a file: it can be imported", hint=hint)
    if imported is not None and (common.folder / imported).is_dir():
        inside = imported / ".gitmodules"
        hint = f"git hybrid init --import {typed(str(inside))}{as_typed('imported')}"
        hint = hint if _has_submodules(common.folder / inside) else ""
        raise BadArgument(what="--import", value=str(imported), reason="is a folder, not a .gitmodules", hint=hint)
    refuse_inside((common.folder / (folder or ".")).resolve(), str(folder or "."))
    made: list[Path] = []
    if folder is not None:
        made = _make_folder(common.folder / folder)
        common.folders.append(str(folder))
    root, scaffold = common.folder, Scaffold()
    code = None
    try:
        refuse_taken_out(Runner(environ=dict(os.environ)), root.resolve())
        is_new = file is None or not has_no_sources(root)
        scaffold = create(root) if is_new else scaffold
        with opened(context) as (session, output):
            code = _import(session, output, file, is_new) if file else _begin(session, output, scaffold)
            if code == 0 and not common.json:
                _tell_ignored(session, output)
    except WorkspaceExists:
        common.root = root
        raise
    finally:
        # Also where Ctrl-C ended it.
        if code != 0:
            undo(root, scaffold.created)
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


def _has_submodules(file: Path) -> bool:
    """Tell whether *file* looks like a .gitmodules with a submodule in it: one whose last was removed stays, empty."""
    return b"[submodule" in (read_plain(file) or b"")


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
        if _has_submodules(root / ".gitmodules"):
            output.hint("import", "take the submodules over: git hybrid init --import .gitmodules")
        output.hint("empty", "git hybrid add https://host/path/repository")
    return 0


def _tell_ignored(session: Session, output: Output) -> None:
    """Say that git would not take up what is decided here, as where the repository ignores every ``state/``."""
    root = output.common.root = session.layout.root
    if ignored(around(session.runner, root), root, (LOCK,)):
        output.hint("ignored", f"git ignores {LOCK}, which is to be committed; by its rule: git check-ignore -v {LOCK}")


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
    wanted = [_wanted(module, name, modules.branch) for module, name in zip(modules.listed, names, strict=True)]
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


def _wanted(module: Submodule, name: SourceName, here: str) -> Wanted:
    """Return what is added for *module*, whose repository is on the branch *here*."""
    notes = [] if module.path == name else [f"its path was {module.path}"]
    if module.left_out:
        notes.append("git left it out (update = none), and sync makes its clone")
    track, hoped = Branch(module.branch) if module.branch else None, None
    if module.branch == HERE:
        notes.append("it followed the branch of its repository (branch = .), and sources.toml names one branch")
        track, hoped = None, Branch(here) if here else None
    source = Source(name=name, url=module.url, track=track or Branch("HEAD"), groups=("imported",))
    return Wanted(
        source=source,
        track=track,
        history="shallow" if module.shallow else None,
        commit=module.commit,
        hoped=hoped,
        notes=tuple(notes),
        detail={} if module.path == name else {"path": module.path},
    )


def _names(modules: tuple[Submodule, ...]) -> list[SourceName]:
    """Return a name for each submodule: the last part of its path, or all of it where that is taken.

    What no name may have becomes a hyphen; where that is no name either it is that of the submodule, or ``module-`` and
    the first number, from its place in the list on, that is free.
    """
    names: list[SourceName] = []
    taken: set[str] = set()
    for place, module in enumerate(modules, 1):
        texts = [module.path.rsplit("/", 1)[-1], module.path.replace("/", "-")]
        texts += [_OTHER.sub("-", text).strip("-.") for text in (*texts, module.name)]
        numbered = (f"module-{number}" for number in count(place))
        name = next(name for name in map(_allowed, chain(texts, numbered)) if name and name.casefold() not in taken)
        taken.add(name.casefold())
        names.append(name)
    return names


def _allowed(text: str) -> SourceName | None:
    try:
        return parse_name(text)
    except InvalidText:
        return None
