"""Make a folder a workspace, and take that back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from git_hybrid.core.errors import BadArgument, FolderTaken, WorkspaceExists
from git_hybrid.core.files import LOG, MANIFEST
from git_hybrid.core.words import counted, typed
from git_hybrid.store.content import regular
from git_hybrid.store.durable import make_folder, remove_file, write_file
from git_hybrid.store.inplace import as_group
from git_hybrid.store.layout import Layout, refuse_linked, refuse_links
from git_hybrid.store.leftovers import IGNORES, taken_names
from git_hybrid.store.manifest import decode_manifest
from git_hybrid.store.manifest_edit import NEW_MANIFEST

_ATTRIBUTES = ".gitattributes"
_LINES = ("/state/** -text", f"/{LOG} merge=union")
"""Files of state stay byte for byte, also where a team or a machine has line endings converted; branches that both
wrote audit records merge, for the log is a set of lines that name each other."""
AWAITED = (
    "# Stands until a bundle is taken over, whose manifest comes in its place: git hybrid bundle apply FILE\n"
    "schema_version = 1\n"
)
"""The manifest of a folder that ``bundle apply`` makes a workspace: whoever finds it as it is takes the bundle's."""


class Scaffold(NamedTuple):
    """The names of the files that :func:`create` made, and of git's that were there and got lines.

    ``before`` has of each of these what it was, and what it became.
    """

    created: tuple[str, ...] = ()
    extended: tuple[str, ...] = ()
    before: Sequence[tuple[bytes, bytes]] = ()


def create(root: Path, manifest: str = NEW_MANIFEST) -> Scaffold:
    """Write the files of a new workspace at *root*; those of git that are there are added to.

    In a folder of a user's, ask :func:`git_hybrid.git.takenout.refuse_taken_out` first.

    Raises:
        WorkspaceExists: ``sources.toml`` is there already; it says what ``.gitattributes`` lacks.
        SymlinkRefused: ``state/``, ``sources/``, ``.gitattributes`` or a ``.gitignore`` is a symbolic link.
        InvalidFile: ``state`` or ``sources`` is a file.
        FolderTaken: ``state/`` has files by names of ours, and no audit log.
        OSError: what stands there cannot be read.
    """
    layout = Layout(root)
    refuse_linked(layout, [root / _ATTRIBUTES])
    if layout.manifest.exists() or layout.manifest.is_symlink():
        raise _exists(root)
    refuse_links(layout)
    if not layout.has_log():
        _refuse_taken(layout)
    texts = {_ATTRIBUTES: "".join(f"{line}\n" for line in _missing(root / _ATTRIBUTES, _LINES))}
    with as_group(root):
        for name, text in IGNORES.items():
            make_folder((root / name).parent)
            # As a whole, since of two rules the later one counts.
            texts[name] = text if _missing(root / name, _rules(text)) else ""
        # The manifest comes last: it is what makes the folder a workspace.
        texts[MANIFEST] = manifest
        former = {name: _append(root / name, text) for name, text in texts.items() if text}
    extended = {name: was for name, was in sorted(former.items()) if was is not None}
    return Scaffold(tuple(sorted(former.keys() - extended)), tuple(extended), tuple(extended.values()))


def _refuse_taken(layout: Layout) -> None:
    if found := taken_names(layout):
        mend = f"or move them, then try again: mkdir NEW && {typed('mv', *map(str, found), 'NEW')}"
        why = "a workspace that left them has its audit log there too; a command would go on from them, or remove them"
        files = tuple(map(layout.relative, found))
        raise FolderTaken(path=str(layout.root), folder="state/", files=files, why=why, mend=mend)


def refuse_inside(folder: Path, shown: str) -> None:
    """Refuse to begin a workspace in *folder*, given as *shown*, where nobody would look for one.

    Raises:
        BadArgument: it is in ``sources/`` or ``state/`` of another workspace, in ``.git/`` of a repository or in a bare
            one, or it is a file or in one.
    """
    if ".git" in folder.parts:
        raise BadArgument(what="DIR", value=shown, reason="is in the .git of a repository, which git keeps for itself")
    for outer in (folder, *folder.parents):
        if os.path.lexists(outer / ".git"):
            break
        if os.path.exists(outer) and not os.path.isdir(outer):
            raise BadArgument(what="DIR", value=shown, reason=f"{outer} is a file: a workspace is a folder")
        if all(map(os.path.exists, (outer / "HEAD", outer / "objects", outer / "refs"))):
            reason = f"is in the bare repository {outer}, which git keeps for itself: take a folder in a clone of it"
            raise BadArgument(what="DIR", value=shown, reason=reason)
    for outer in folder.parents:
        for name, what in (("sources", "a clone"), ("state", "a record")) if (outer / MANIFEST).exists() else ():
            if folder.is_relative_to(outer / name):
                reason = f"is in {name}/ of the workspace {outer}: what lies there is {what}, and no workspace"
                hint = f"git hybrid -C {typed(str(outer))} status"
                raise BadArgument(what="DIR", value=shown, reason=reason, hint=hint)


def has_no_sources(root: Path) -> bool:
    """Tell whether a workspace is at *root* already and its manifest has no source yet.

    Raises:
        InvalidFile, NewerSchema: the manifest cannot be read.
    """
    layout = Layout(root)
    return layout.manifest.is_file() and not decode_manifest(regular(layout.manifest)).sources


def _exists(root: Path) -> WorkspaceExists:
    lines = _missing(root / _ATTRIBUTES, _LINES)
    if not lines:
        return WorkspaceExists(path=str(root))
    words = " ".join(f"'{line}'" for line in lines)
    lacks = f".gitattributes lacks {counted(len(lines), 'line')} that a new workspace gets"
    return WorkspaceExists(path=str(root), lacks=lacks, mend=f"printf '%s\\n' {words} >> .gitattributes")


def _rules(text: str) -> Sequence[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


def _missing(path: Path, lines: Sequence[str]) -> list[str]:
    present = regular(path).decode("utf-8", "replace").splitlines() if path.exists() else []
    return [line for line in lines if line not in present]


def _append(path: Path, text: str) -> tuple[bytes, bytes] | None:
    """Put *text* to the end, since of two lines that contradict each other the later one counts for git.

    Return what the file was, and what it became; None where it is new.
    """
    is_new = not path.exists()
    before = b"" if is_new else regular(path)
    between = b"\n" if before and not before.endswith(b"\n") else b""
    after = before + between + text.encode("utf-8")
    write_file(path, after)
    return None if is_new else (before, after)


def undo(root: Path, scaffold: Scaffold) -> None:
    """Take back what :func:`create` did, so that it can be tried again; a workspace in which a run began stays.

    A file of git's that somebody wrote since keeps its lines.
    """
    layout, created = Layout(root), scaffold.created
    if not created or layout.marker.exists() or layout.journals.exists() or layout.audit.exists():
        return
    for name in created:
        remove_file(root / name)
    for name, (before, after) in zip(scaffold.extended, scaffold.before, strict=True):
        if (root / name).exists() and regular(root / name) == after:
            write_file(root / name, before)
    if "sources/.gitignore" in created:
        remove_file(layout.writer_lock)
    for folder in (layout.sources_folder, layout.state_folder):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
