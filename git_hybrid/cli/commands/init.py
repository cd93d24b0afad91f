"""``git hybrid init``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from git_hybrid.app.edit import Editor, Wanted, add
from git_hybrid.cli.common import common_of
from git_hybrid.cli.filled import FILE
from git_hybrid.cli.options import common_options
from git_hybrid.cli.output import Output, opened
from git_hybrid.cli.wiring import Session
from git_hybrid.core.audit import Event
from git_hybrid.core.errors import HybridError
from git_hybrid.core.ids import InvalidText, SourceName, parse_name
from git_hybrid.core.manifest import Branch, Source
from git_hybrid.core.reducer import Decision
from git_hybrid.git.importing import Submodule, read_gitmodules
from git_hybrid.git.run import Runner
from git_hybrid.git.takenout import refuse_taken_out
from git_hybrid.store.manifest_edit import add_sources, remove_sources
from git_hybrid.store.scaffold import create, has_no_sources, undo


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
    file = None if imported is None else common.folder / imported
    if folder is not None:
        (common.folder / folder).mkdir(parents=True, exist_ok=True)
        common.folders.append(str(folder))
    refuse_taken_out(Runner(environ=dict(os.environ)), common.folder.resolve())
    created = () if file is not None and has_no_sources(common.folder) else create(common.folder)
    try:
        with opened(context) as (session, output):
            code = _import(session, output, file) if file else _begin(session, output, created)
    except HybridError:
        undo(common.folder, created)
        raise
    if code:
        undo(common.folder, created)
    return code


def _begin(session: Session, output: Output, created: tuple[str, ...]) -> int:
    """Start the audit log: its first record says who made the workspace, and gives the log its random id."""
    ledger, info = session.runtime.ledger, session.runtime.info
    with session.runtime.writing():
        ledger.record(info, Decision(events=[Event(event="init")]), ())
    if output.common.json:
        document = {"command": "init", "command_id": info.run, "exit_code": 0, "root": str(session.layout.root)}
        output.document({**document, "created": list(created), "sources": []})
    else:
        output.done(*(f"created {path}" for path in created))
        if (session.layout.root / ".gitmodules").is_file():
            output.hint("import", "take the submodules over: git hybrid init --import .gitmodules")
        output.hint("empty", "git hybrid add https://host/path/repository")
    return 0


def _import(session: Session, output: Output, file: Path) -> int:
    modules = read_gitmodules(session.runner, file)
    names = _names(modules)
    wanted = [_wanted(module, name) for module, name in zip(modules, names, strict=True)]
    report = add(session.runtime, Editor(add=add_sources, remove=remove_sources), wanted, command="init")
    code = output.report(report)
    if code == 0:
        output.hint("import", "the submodules themselves were left as they are; git rm them when the clones are there")
    output.hint("pinned", "git hybrid sync" if code == 0 else "git hybrid init --import FILE")
    return code


def _wanted(module: Submodule, name: SourceName) -> Wanted:
    track = Branch(module.branch) if module.branch else None
    source = Source(name=name, url=module.url, track=track or Branch("HEAD"), groups=("imported",))
    return Wanted(source=source, track=track, commit=module.commit)


def _names(modules: tuple[Submodule, ...]) -> list[SourceName]:
    """Return a name for each submodule: the last part of its path, or all of it where that is taken or not allowed."""
    names: list[SourceName] = []
    for module in modules:
        last, whole = module.path.rsplit("/", 1)[-1], module.path.replace("/", "-")
        for text in (last, whole, f"module-{len(names) + 1}"):
            try:
                name = parse_name(text)
            except InvalidText:
                continue
            if name.casefold() not in {other.casefold() for other in names}:
                names.append(name)
                break
    return names
