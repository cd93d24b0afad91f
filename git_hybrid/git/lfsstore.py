"""Content of Git LFS as a repository keeps it, by its SHA-256: git-lfs takes what is there by its size alone.

What a clone has was written by whoever packed the workspace, or a disk has let it rot: each object is hashed before it
counts. Nothing is written, or moved, through a symbolic link.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from git_hybrid.core.errors import HybridError, LfsMissing, WrongContent, reported
from git_hybrid.core.ids import Oid
from git_hybrid.core.pattern import pattern
from git_hybrid.core.pointers import parse_pointer
from git_hybrid.core.ports import Stage
from git_hybrid.core.words import counted
from git_hybrid.git.largefiles import content_of, small_blobs
from git_hybrid.git.mirror_links import refuse_links_to
from git_hybrid.git.plainfiles import file_at
from git_hybrid.git.quarantine import Disk
from git_hybrid.git.run import Runner
from git_hybrid.git.standing import free_place

_OBJECTS, _BAD = ("lfs", "objects"), "lfs/bad"
_SHA256 = pattern(r"[0-9a-f]{64}")
_SHOWN = 3
Carried = Callable[[str], AbstractContextManager[str | None]]
"""Opens what a bundle has as the content with this SHA-256, and yields its path; None where no bundle has any."""
_OURS = 2
"""How many names a file has that is in a stage, and in no other, beside where it was taken from."""


def damaged(runner: Runner, git_dir: Path, oids: Iterable[str]) -> tuple[str, ...]:
    """Return the ids of the objects that pointers among the blobs *oids* name, and that are there as something else.

    Raises:
        OSError: one cannot be read.
    """
    pointers = filter(None, map(parse_pointer, small_blobs(runner, git_dir, oids).values()))
    wanted = sorted({pointer.sha256 for pointer in pointers})
    return tuple(sha256 for sha256 in wanted if _found(git_dir, sha256) not in (sha256, None))


def has_all(runner: Runner, stage: Stage, oid: Oid) -> bool:
    """Tell whether something stands in the place of each object that the commit *oid* names.

    Raises:
        GitFailed, WrongContent: git cannot tell which these are.
    """
    return all(os.path.lexists(_place(Path(stage.git_dir), sha256)) for sha256 in content_of(runner, stage, oid))


def lacked(runner: Runner, stage: Stage, oid: Oid, url: str) -> HybridError | None:
    """Return the error where content of the commit *oid*, of which *url* was asked for all, is not in *stage*.

    Raises:
        LocalIo: an object cannot be read.
    """
    git_dir, missing = Path(stage.git_dir), list[str]()
    with reported(git_dir, "read"):
        for sha256, sizes in content_of(runner, stage, oid).items():
            found = _found(git_dir, sha256)
            if found is None:
                missing.append(sha256)
            elif found != sha256:
                # By its size git-lfs would take it for what the next server is asked for.
                _place(git_dir, sha256).unlink()
                return WrongContent(name="", what="LFS content", expected=sha256, found=found, url=url)
            elif others := {*sizes} - {_place(git_dir, sha256).stat().st_size}:
                # git-lfs throws away what has another size than a pointer tells, and asks for it once more.
                missing.append(f"{sha256} of {counted(min(others), 'byte')}")
    if not missing:
        return None
    more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    return LfsMissing(url=url, message=f"it has no object {', '.join(missing[:_SHOWN])}{more}")


def lend(runner: Runner, disk: Disk, clone: Stage, stage: Stage, oid: Oid) -> None:
    """Give *stage* what the *clone* has of the content of the commit *oid*.

    What is not what its id says is moved to where ``git lfs fsck`` moves such, so that it is fetched again.

    Raises:
        LocalIo: the file system refused.
        SymlinkRefused: a folder of the clone's is a link.
    """
    giver, taker = Path(clone.git_dir), Path(stage.git_dir)
    for sha256 in content_of(runner, clone, oid):
        path, found = _place(giver, sha256), _lent(giver, taker, sha256)
        if found not in (None, sha256):
            aside = free_place(refuse_links_to(giver, _BAD.split("/")), sha256)
            disk.make_folder(aside.parent)
            disk.rename_path(path, aside)


def lend_kept(runner: Runner, kept: Stage, stage: Stage, oid: Oid) -> bool:
    """Give *stage* what *kept* has of the content of the commit *oid*; tell whether nothing else is in its place there.

    Raises:
        LocalIo: the file system refused.
        SymlinkRefused: a folder there is a link.
    """
    giver, taker = Path(kept.git_dir), Path(stage.git_dir)
    found = [(sha256, _lent(giver, taker, sha256)) for sha256 in content_of(runner, stage, oid)]
    return all(what in (sha256, None) for sha256, what in found)


def stands(stage: Stage, sha256: str, sizes: Collection[int]) -> bool:
    """Tell whether *stage* has the content *sha256*, of the one size that its pointers tell.

    Raises:
        LocalIo: it cannot be read.
        SymlinkRefused: a folder there is a link.
    """
    git_dir = Path(stage.git_dir)
    with reported(git_dir, "read"):
        return _found(git_dir, sha256) == sha256 and {*sizes} == {_place(git_dir, sha256).stat().st_size}


def place_in(stage: Stage, sha256: str) -> str:
    """Return where *stage* has the content *sha256*, if it has it.

    Raises:
        SymlinkRefused: a folder there is a link.
    """
    return str(_place(Path(stage.git_dir), sha256))


def take(runner: Runner, stage: Stage, oid: Oid, carried: Carried) -> bool:
    """Give *stage* what is *carried* of the content of the commit *oid* that it lacks; tell whether it has all then.

    Each object is hashed before it counts.

    Raises:
        GitFailed, WrongContent: git cannot tell what the commit names.
        ToolTooOld: git-lfs is not installed, or too old.
        LocalIo: the file system refused.
    """
    from git_hybrid.git.lfsterms import require_lfs

    git_dir, has_all_of_it = Path(stage.git_dir), True
    contents = content_of(runner, stage, oid)
    if contents:
        # It puts the content in the place of the pointers.
        require_lfs(runner, git_dir)
    for sha256, sizes in contents.items():
        target = _place(git_dir, sha256)
        if os.path.lexists(target):
            # Hashed before it was put there, but a pointer may tell another size.
            has_all_of_it = has_all_of_it and {*sizes} == {target.lstat().st_size}
            continue
        with carried(sha256) as file:
            if file is not None:
                _link(Path(file), target)
        if not stands(stage, sha256, sizes):
            target.unlink(missing_ok=True)
            has_all_of_it = False
        elif target.stat().st_nlink > _OURS:
            # Another source has it too: whoever writes into one file would write into both.
            _copy_apart(target)
    return has_all_of_it


def _lent(giver: Path, taker: Path, sha256: str) -> str | None:
    """Return the SHA-256 of what *giver* has as the content *sha256*, which *taker* gets if it is that."""
    path = _place(giver, sha256)
    with reported(path, "read"):
        found = _found(giver, sha256)
    if found == sha256:
        _link(path, _place(taker, sha256))
    return found


def pour(disk: Disk, stage: Stage, clone: Stage) -> None:
    """Move the content that *stage* has, and the *clone* has not, into the clone.

    Raises:
        LocalIo: the file system refused.
        SymlinkRefused: a folder of the clone's is a link.
    """
    giver, taker = Path(stage.git_dir), Path(clone.git_dir)
    for sha256 in kept(giver):
        target = _place(taker, sha256)
        if not os.path.lexists(target) and _found(giver, sha256) == sha256:
            disk.make_folder(target.parent)
            disk.rename_path(_place(giver, sha256), target)


def take_apart(git_dir: Path, lent: Collection[str]) -> None:
    """Give each object that is not *lent* a file of its own: git-lfs links what it finds in a folder of this machine.

    Raises:
        LocalIo: the file system refused.
        SymlinkRefused: a folder on the way is a link.
    """
    for sha256 in kept(git_dir):
        path = _place(git_dir, sha256)
        if sha256 not in lent and path.lstat().st_nlink > 1:
            _copy_apart(path)


def _copy_apart(path: Path) -> None:
    half = path.with_name(f"{path.name}.tmp")
    with reported(path, "write"):
        with file_at(path) as file, open(half, "wb") as copy:
            shutil.copyfileobj(file, copy)
        half.replace(path)


def kept(git_dir: Path) -> Iterator[str]:
    """Yield the ids of what git-lfs has put into the repository."""
    for path in sorted(git_dir.joinpath(*_OBJECTS).glob("??/??/*")):
        if _SHA256.fullmatch(path.name) and path == _place(git_dir, path.name):
            yield path.name


def _place(git_dir: Path, sha256: str) -> Path:
    """Return where the object is kept; no folder on the way is a link."""
    return refuse_links_to(git_dir, [*_OBJECTS, sha256[:2], sha256[2:4]]) / sha256


def _found(git_dir: Path, sha256: str) -> str | None:
    """Return the SHA-256 of what stands in the place of the object, None if nothing does; of a link it is nothing's."""
    path = _place(git_dir, sha256)
    if not os.path.lexists(path):
        return None
    if not stat.S_ISREG(path.lstat().st_mode):
        return "no file"
    with file_at(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _link(path: Path, target: Path) -> None:
    """Let *target* be the file at *path*; a copy where the file system gives no file two names."""
    with reported(target, "write"):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, target, follow_symlinks=False)
        except OSError:
            with file_at(path) as file, open(target, "wb") as copy:
                shutil.copyfileobj(file, copy)
