"""The files of a workspace that decide what its scanners find, as they are about to be committed or on the disk."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from git_hybrid.core.checks import Facts
from git_hybrid.core.manifest import Scanner
from git_hybrid.core.scanners import own_files, spec_of
from git_hybrid.core.value import replace
from git_hybrid.git.repository import FILE, around, is_below
from git_hybrid.git.rulefiles import checked_out, converted, counting, gone
from git_hybrid.git.staged import Staged

_MANY = 5


def files_of(index: Staged, scanners: Sequence[Scanner]) -> tuple[str, ...]:
    """Return the files that git has of those that decide about a scanner."""
    paths = _paths(scanners, index.root)
    return index.below(paths) if paths and index.in_git else ()


def to_add(index: Staged, scanners: Sequence[Scanner]) -> tuple[str, ...]:
    """Return those of the files that are on the disk alone, or gone from it, or another there than git has them.

    In place of many of one folder it is that folder.

    Raises:
        GitRefused: git does not answer.
    """
    paths, known = _paths(scanners, index.root), files_of(index, scanners)
    other = [name for name in known if index.differs(name)]
    changed = {*other} - checked_out(index, other, paths) | gone(index, known, paths)
    found = {*changed, *_new(index, paths, known)}
    for path in paths:
        below = {name for name in found if name.startswith(f"{path}/")}
        if len(below) > _MANY or path in found:
            found = {*(found - below), path}
    return tuple(sorted(found))


def _paths(scanners: Sequence[Scanner], root: Path) -> frozenset[str]:
    return frozenset(path for paths in _named(scanners, root).values() for path in paths)


def _new(index: Staged, paths: Collection[str], known: Collection[str]) -> Iterable[str]:
    """Yield the files that git does not have in folders of which it has some."""
    for path in paths:
        if any(name.startswith(f"{path}/") for name in known):
            there = (
                str(one.relative_to(index.root))
                for one in counting(index.repository.runner, index.root, index.root / path)
            )
            yield from (name for name in there if name not in known)


def with_unadded(facts: Facts, index: Staged) -> Facts:
    """Return *facts*, which are of a commit, with what of the files it may have been made without.

    Raises:
        GitRefused: git does not answer.
    """
    now = Staged(around(index.repository.runner, index.root), index.root)
    return replace(facts, unadded=to_add(now, facts.manifest.scanners))


def scanner_files(index: Staged, scanners: Sequence[Scanner], *, staged: bool) -> Mapping[str, tuple[str, ...]]:
    """Return the SHA-256 of each of the files, or folders of files, that decide about a scanner, by its name.

    A scanner is left out about which others decide too, one with a file that cannot be read, and one with a file that
    git does not have: that may be another on each machine. What is named and is nowhere is no file.
    """
    named, known = _named(scanners, index.root), files_of(index, scanners)
    contents = _contents(index, known, {path for paths in named.values() for path in paths}) if staged else {}
    own = {scanner.name for scanner in scanners if not scanner.preset}
    found: dict[str, tuple[str, ...]] = {}
    for name, paths in named.items():
        digests = [_digest(index, path, contents if staged else None) for path in paths]
        # The first is that of the program, where it is a file of the workspace.
        if None not in digests and (digests[0] if name in own else any(digests)):
            found[name] = tuple(digest for digest in digests if digest)
    return found


def _named(scanners: Iterable[Scanner], root: Path) -> Mapping[str, tuple[str, ...]]:
    named = {scanner.name: own_files(spec_of(scanner), str(root)) for scanner in scanners}
    return {name: paths for name, paths in named.items() if paths}


def _contents(index: Staged, known: Collection[str], paths: Collection[str]) -> Mapping[str, bytes | None]:
    """Return what a scanner would read of the files that git has: of some it has others than it writes to the disk.

    What git writes is known of what stands there; None is what nobody can tell.
    """
    index.prefetch(known)
    found = {name: index.read(name) for name in known}
    other = [name for name in known if index.differs(name)]
    written = checked_out(index, other, paths)
    found |= {name: _read(index.root / name) for name in written}
    if index.repository.revision:
        found |= dict.fromkeys(converted(index, {*other} - written))
    return found


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _digest(index: Staged, path: str, contents: Mapping[str, bytes | None] | None) -> str | None:
    """Return the digest of *path*, nothing if there is no such file, None if nobody can tell.

    It is that of *contents*, the files that git has, or of those that are on the disk.
    """
    from git_hybrid.scan.rulefiles import digest_of

    place = index.root / path
    modes = {name: mode for name, (mode, _) in index.entries.items() if is_below(f"{name}/", {f"{path}/"})}
    if not place.exists() and (contents is None or not modes):
        return ""
    # A link or a submodule leads to what is not here, or not in each clone.
    is_ours = bool(modes) and all(mode.startswith(FILE) for mode in modes.values())
    if index.in_git and not is_ours:
        return None
    try:
        if contents is None or not index.in_git:
            return digest_of(place, counting(index.repository.runner, index.root, place))
        mine = {index.root / name: contents[name] for name in modes}
        told = {file: data for file, data in mine.items() if data is not None}
        return digest_of(place, mine, told) if len(told) == len(mine) else None
    except OSError:
        return None
