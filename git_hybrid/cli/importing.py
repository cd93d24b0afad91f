"""Take over what another tool keeps: what a file of it lists becomes sources, and what is told of that."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain, count, islice
from pathlib import Path

from git_hybrid.app.acquire import NOT_FETCHED
from git_hybrid.app.edit import Wanted, add
from git_hybrid.cli.output import Output
from git_hybrid.cli.placing import place_of
from git_hybrid.cli.wiring import Session
from git_hybrid.core.errors import InvalidFile
from git_hybrid.core.ids import InvalidText, SourceName, parse_name
from git_hybrid.core.manifest import Branch, Source
from git_hybrid.core.nodes import Node
from git_hybrid.core.report import Report
from git_hybrid.core.taking import Listed, Taken, is_shortened, slug
from git_hybrid.core.taking_repo import listed_by_repo
from git_hybrid.core.taking_yaml import LOCK, is_vendir, listed_in
from git_hybrid.core.value import replace
from git_hybrid.core.words import as_typed, plural, typed
from git_hybrid.git.importing import HERE, Gitmodules, Submodule, read_gitmodules, resolver
from git_hybrid.git.plainfiles import read_plain
from git_hybrid.store.nodes import read_listing, xml_in, yaml_in

_GITMODULES = ".gitmodules"
_SHOWN = 5
_YAML = (".repos", ".yml", ".yaml")
_XML = ".xml"
_LIKE_YAML = re.compile(r"^(?:repositories|manifest|apiVersion)\s*:", re.MULTILINE)


def importable(folder: Path) -> tuple[str, ...]:
    """Return the files in *folder* that can be imported, by the names that they usually have."""
    found = [name for name in ("vendir.yml", "west.yml") if (folder / name).is_file()]
    return (*([_GITMODULES] if has_submodules(folder / _GITMODULES) else []), *found)


def is_importable(file: Path) -> bool:
    """Tell whether *file* is one that can be imported, by its name."""
    return has_submodules(file) if file.name == _GITMODULES else file.suffix in (*_YAML, _XML) and file.is_file()


def has_submodules(file: Path) -> bool:
    """Tell whether *file* looks like a .gitmodules with a submodule in it: one whose last was removed stays, empty."""
    return b"[submodule" in (read_plain(file) or b"")


def take_over(session: Session, output: Output, file: Path, *, begins: bool) -> int:
    """Make sources of what *file* lists, all or none, and say what is to be done next; return the exit status.

    Where it is a folder they are made of the clones in it.

    Raises:
        BadArgument: it is none of the files that are known, or lists nothing.
        InvalidFile: something is wrong with it; every such entry is named.
        LibraryMissing: what reads YAML is not installed.
    """
    # What fails leaves no workspace, and is typed again where it was typed.
    output.common.root = None
    again = f"git hybrid init{as_typed()}"
    is_folder = file.is_dir()
    try:
        found = _listed(session, file) or read_gitmodules(session.runner, file)
    except InvalidFile as error:
        what = "these clones" if is_folder else error.path
        error.mend = f"mend {what}, then: {again}"
        raise
    listed, wanted = isinstance(found, Listed), _wishes(found)
    imported = f"{str(file).rstrip('/')}/" if is_folder else str(file)
    report = add(session.runtime, session.editor, wanted, imported=imported, listed=listed, begins=begins)
    left = () if listed and any(row.error for row in report.rows) else _left_out(found, wanted)
    code = output.report(replace(report, notes=(*report.notes, *left)))
    if code != 0:
        if isinstance(found, Listed) and any(is_shortened(row.error) for row in report.rows):
            output.hint("import", f"to have the whole ids in it: {found.exact}")
        output.hint("pinned", again)
    elif isinstance(found, Listed):
        output.common.root = session.layout.root
        _tell_sync(report, output)
    else:
        _tell_next(found, report, output, session.layout.root)
    return code


def _listed(session: Session, file: Path) -> Listed | None:
    """Return what *file* lists, None where it can be no file but a ``.gitmodules``."""
    if file.is_dir():
        from git_hybrid.git.clonefolder import read_clones

        return read_clones(session.runner, file, place_of(file).below)
    if file.name == _GITMODULES or (file.suffix not in (*_YAML, _XML) and has_submodules(file)):
        return None
    text, path = read_listing(file), str(file)
    if file.suffix == _XML or text.lstrip().startswith("<"):
        return listed_by_repo(path, xml_in(text, path), resolver(session.runner, file))
    if file.suffix not in _YAML and not _LIKE_YAML.search(text):
        return None
    root, lock = yaml_in(text, path), file.with_name(LOCK)
    return listed_in(path, root, _lock(lock) if is_vendir(root) else None)


def _lock(file: Path) -> Node | None:
    return yaml_in(read_listing(file), str(file)) if file.is_file() else None


def _wishes(found: Gitmodules | Listed) -> list[Wanted]:
    if isinstance(found, Listed):
        names = _names([(item.path, item.title, item.title) for item in found.taken])
        return [_taken(item, name) for item, name in zip(found.taken, names, strict=True)]
    names = _names([(item.path, item.name, "") for item in found.listed])
    return [_wanted(item, name, found.branch) for item, name in zip(found.listed, names, strict=True)]


def _left_out(found: Gitmodules | Listed, wanted: Sequence[Wanted]) -> tuple[str, ...]:
    """Return what is told of all that could not be taken over as it was."""
    if isinstance(found, Gitmodules):
        if not found.unlisted:
            return ()
        return (f"not taken over, as .gitmodules does not list what the index has: {_some([*found.unlisted])}",)
    moving = [item.source.name for item in wanted if item.commit is None]
    if not moving:
        return found.left
    told = f"without a commit in it, so pinned at what upstream has now: {_some(moving)}"
    return (*found.left, f"{told}; {found.exact} would name the commits")


def _tell_next(modules: Gitmodules, report: Report, output: Output, root: Path) -> None:
    """Say what is to be done once the submodules are taken over, in the order in which that works."""
    paths = [module.path for module in modules.listed]
    in_the_way = [path for path in paths if (modules.top / path).is_relative_to(root / "sources")]
    _tell_removal(modules, in_the_way, output, "the clones go where these submodules are, so take them out first: ")
    output.common.root = root
    for path, commit in islice(modules.unlisted.items(), _SHOWN):
        output.hint("import", f"to take {path} over: git hybrid add URL --commit {commit or 'COMMIT'}")
    _tell_sync(report, output)
    # The submodules are of a repository of their own.
    output.common.root = None
    others = [path for path in paths if path not in in_the_way]
    if modules.is_kept and not in_the_way and len(others) < _SHOWN:
        # git leaves it with nothing in it, and does not remove it once that is staged.
        others.append(_GITMODULES)
    _tell_removal(modules, others, output, "the submodules stay as they are; when the clones are there: ")


def _tell_sync(report: Report, output: Output) -> None:
    if outer := [row.name for row in report.rows if any(note.endswith(NOT_FETCHED) for note in row.notes)]:
        text = f"for the submodules of {_some(outer)} put submodules = true below [source.NAME] in sources.toml"
        output.hint("import", f"{text}, then: git hybrid pin")
    output.hint("pinned", "git hybrid sync")


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


def _taken(item: Taken, name: SourceName) -> Wanted:
    source = Source(
        name=name,
        url=item.url,
        track=item.at.track or Branch("HEAD"),
        groups=tuple(sorted({*item.groups, "imported"})),
        submodules=item.submodules,
    )
    wanted = Wanted(source=source, track=item.at.track, commit=item.at.commit, hoped=item.at.hoped, notes=item.notes)
    return _placed(wanted, item.path, name, shallow=item.shallow)


def _wanted(module: Submodule, name: SourceName, here: str) -> Wanted:
    """Return what is added for *module*, whose repository is on the branch *here*."""
    notes, hoped = list[str](), tuple[Branch, ...]()
    if module.left_out:
        notes.append("git left it out (update = none), and sync makes its clone")
    track = Branch(module.branch) if module.branch else None
    if module.branch == HERE:
        notes.append("it followed the branch of its repository (branch = .), and sources.toml names one branch")
        track, hoped = None, (Branch(here),) if here else ()
    source = Source(name=name, url=module.url, track=track or Branch("HEAD"), groups=("imported",))
    wanted = Wanted(source=source, track=track, commit=module.commit, hoped=hoped, notes=tuple(notes))
    return _placed(wanted, module.path, name, shallow=module.shallow)


def _placed(wanted: Wanted, path: str, name: SourceName, *, shallow: bool) -> Wanted:
    """Return *wanted*, which tells the *path* that it had, unless that is its *name*."""
    notes, detail = ((), {}) if path == name else ((f"its path was {path}",), {"path": path})
    return replace(wanted, notes=(*notes, *wanted.notes), detail=detail, history="shallow" if shallow else None)


def _names(items: Sequence[tuple[str, str, str]]) -> list[SourceName]:
    """Return a name for each of *items*, of which each is its path, its title, and again that if it comes first.

    It is the last part of the path, or all of it where that is taken. What no name may have becomes a hyphen, or goes
    (``.git``); where that is no name either it is the title, or ``module-`` and the first number, from its place in the
    list on, that is free.
    """
    names: list[SourceName] = []
    taken: set[str] = set()
    for place, (path, title, first) in enumerate(items, 1):
        texts = [first, path.rsplit("/", 1)[-1], path.replace("/", "-")]
        texts += [slug(text).removesuffix(".git") for text in (*texts, title)]
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
