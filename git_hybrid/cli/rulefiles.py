"""The files of a workspace that decide what its scanners find, as they are about to be committed or on the disk."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from git_hybrid.core.manifest import Scanner
from git_hybrid.core.scanners import own_files, spec_of
from git_hybrid.git.staged import Staged


def files_of(index: Staged, scanners: Sequence[Scanner]) -> tuple[str, ...]:
    """Return those of the files that git has, by path from the root."""
    paths = {path for paths in _named(scanners, index.root).values() for path in paths}
    return index.below(paths) if paths and index.in_git else ()


def scanner_files(index: Staged, scanners: Sequence[Scanner], *, staged: bool) -> Mapping[str, tuple[str, ...]]:
    """Return the SHA-256 of each of the files, or folders of files, that decide about a scanner, by its name.

    A scanner is left out about which others decide too, one with a file that cannot be read, and one with a file that
    git does not have: that may be another on each machine. What is named and is nowhere is no file.
    """
    named, known = _named(scanners, index.root), files_of(index, scanners)
    if staged:
        index.prefetch(known)
    own = {scanner.name for scanner in scanners if not scanner.preset}
    found: dict[str, tuple[str, ...]] = {}
    for name, paths in named.items():
        digests = [_digest(index, path, known, staged=staged) for path in paths]
        # The first is that of the program, where it is a file of the workspace.
        if None not in digests and (digests[0] if name in own else any(digests)):
            found[name] = tuple(digest for digest in digests if digest)
    return found


def _named(scanners: Iterable[Scanner], root: Path) -> Mapping[str, tuple[str, ...]]:
    named = {scanner.name: own_files(spec_of(scanner), str(root)) for scanner in scanners}
    return {name: paths for name, paths in named.items() if paths}


def _digest(index: Staged, path: str, known: Collection[str], *, staged: bool) -> str | None:
    """Return the digest of *path*, nothing if there is no such file, None if nobody can tell."""
    from git_hybrid.scan.rulefiles import digest_of

    place = index.root / path
    mine = [name for name in known if f"{name}/".startswith(f"{path}/")]
    if not mine and not place.exists():
        return ""
    if not mine and index.in_git:
        return None
    contents = {index.root / name: index.read(name) or b"" for name in mine} if staged else {}
    try:
        return digest_of(place, contents)
    except OSError:
        return None
