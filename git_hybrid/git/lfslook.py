"""What is changed in a clone with content of Git LFS: git asks git-lfs, which would commit some files otherwise.

Such are in many repositories: a file that was committed as it is, though an attribute hands it to Git LFS, and pointers
in the spelling of another version. git takes them for changed whenever it compares content, and not times.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp

from git_hybrid.core.clone_proof import FileSeen, is_lfs_content
from git_hybrid.core.errors import WrongContent
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.pointers import parse_pointer
from git_hybrid.core.tree import show_path
from git_hybrid.git.changes import entries_of, told
from git_hybrid.git.index import IndexEntry
from git_hybrid.git.largefiles import LISTED, refuse_pointers, small_blobs
from git_hybrid.git.local import must
from git_hybrid.git.quarantine import Disk
from git_hybrid.git.run import Completed, Runner
from git_hybrid.git.trees import ALGORITHMS
from git_hybrid.git.worktree import look
from git_hybrid.turn import TURN

Asked = Callable[[Sequence[str], dict[str, str], bytes | None], bytes]
"""Runs git in an environment, with what it reads, and returns what it tells."""
_STAGED = ("diff-index", "--cached", "--name-only", "--no-renames", "--ignore-submodules=none", "-z", "HEAD", "--")
_COMPARED = ("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=no", "--ignore-submodules=all")
# The clock of file systems may be as much behind.
_TICK = 0.02


def differing(
    runner: Runner, path: Path, index: Iterable[IndexEntry], dirty: Collection[bytes], *, thorough: bool = False
) -> list[bytes]:
    """Return those of the *dirty* files in the clone at *path* that are not as their commit has them, byte for byte.

    *index* has the entries of its index. What is staged stays. With *thorough* every file is read: those that are
    changed and not among the *dirty* are found too.

    Raises:
        OSError: git or the system cannot read something.
    """
    asked = {entry.path: entry for entry in index if entry.merged and _is_file(entry.mode)}
    if not thorough:
        asked = {file: asked[file] for file in dirty if file in asked}
    found = as_committed(runner, path, {file: entry.oid for file, entry in asked.items()})
    same = {file for file, mode in found.items() if file not in dirty or mode == asked[file].mode}
    if not same.isdisjoint(dirty):
        same -= {*told(runner, path, *_STAGED).split(b"\0")}
    return sorted({*dirty, *(asked if thorough else ())} - same)


def _is_file(mode: str) -> bool:
    return mode.startswith("100")


def as_committed(runner: Runner, path: Path, wanted: Mapping[bytes, str]) -> dict[bytes, str]:
    """Return the modes of those files below *path* that are what the blobs *wanted* there are, or point to.

    Raises:
        OSError: one cannot be read.
    """
    found, others = dict[bytes, str](), dict[bytes, FileSeen]()
    for file, oid in wanted.items():
        seen = look(path, file, algorithm=ALGORITHMS[len(oid)])
        if seen is not None and _is_file(seen.mode):
            if seen.blob == oid:
                found[file] = seen.mode
            else:
                others[file] = seen
    blobs = small_blobs(runner, path / ".git", {wanted[file] for file in others})
    contents = {file: seen.mode for file, seen in others.items() if is_lfs_content(seen, blobs.get(wanted[file]))}
    return found | contents


def require_content(runner: Runner, path: Path, *, name: SourceName) -> None:
    """Raise if a file at *path* that is handed to git-lfs is its pointer still, or else what the commit has not.

    git-lfs looks at the beginning of each file, however long that is, and takes some for pointers that are none.

    Raises:
        OSError: a file cannot be read.
        WrongContent: there is such a file.
    """
    listed = must(runner, name, path / ".git", LISTED, work_tree=path).stdout
    refuse_pointers(path, listed, name=name)
    lines = (line.partition(b"\t") for line in listed.split(b"\0") if line)
    heads = {file: head.decode("ascii").split() for head, _, file in lines}
    # Links and submodules may have such a name too.
    wanted = {file: oid for file, (mode, oid, _) in heads.items() if _is_file(mode)}
    blobs = small_blobs(runner, path / ".git", {*wanted.values()})
    plain = {file: oid for file, oid in wanted.items() if parse_pointer(blobs.get(oid, b"")) is None}
    if others := plain.keys() - as_committed(runner, path, plain).keys():
        what = f"content of {show_path(min(others))}"
        raise WrongContent(name=name, what=what, expected="what the commit has", found="what git-lfs put there")


def take_as_committed(runner: Runner, path: Path, head: str, done: Asked, environment: dict[str, str]) -> None:
    """Put what the commit *head* has into the index of *environment*, in the place of what is no change.

    Raises:
        GitFailed, LocalIo, OSError: git or the system refused.
    """
    options = ["--cached", "-z", "--name-only", "--no-renames", "--ignore-submodules=none"]
    changed = {*done(["diff-index", *options, head, "--"], environment, None).split(b"\0")}
    listed = (
        line.partition(b"\t") for line in done(["ls-tree", "-r", "-z", head], environment, None).split(b"\0")[:-1]
    )
    known = {file: info.decode("ascii").split() for info, _, file in listed if file in changed}
    files = {file: words for file, words in known.items() if _is_file(words[0])}
    found = as_committed(runner, path, {file: words[2] for file, words in files.items()})
    lines = [
        f"{mode} {files[file][2]}\t".encode() + file + b"\0" for file, mode in found.items() if mode == files[file][0]
    ]
    done(["update-index", "-z", "--index-info"], environment, b"".join(lines))


def settle(runner: Runner, path: Path, is_clean: Callable[[], bool]) -> None:
    """Let git believe the times of the files in the clone at *path*, if *is_clean* tells that nothing is changed in it.

    A file that has the time of the index may have been changed since, so git compares its content. Once a second has
    passed no file can get that time any more, and what is as committed by then is so as long as its times are the same.

    Raises:
        OSError: git or the system cannot read something.
    """
    if not told(runner, path, *_COMPARED):
        return
    with TURN.waiting():
        time.sleep(1 - time.time() % 1 + _TICK)
    if is_clean():
        os.utime(path / ".git/index")


def checked_out(disk: Disk, runner: Runner, path: Path, commit: Oid, check_out: Callable[[], Completed]) -> Completed:
    """Return what *check_out* did, which brings the clone at *path* to *commit*.

    It refuses to write over what git takes for changed, so what is as committed is out of its way meanwhile; it comes
    back where nothing was checked out.

    Raises:
        OSError: git or the system cannot read something.
        LocalIo: the file system refused.
    """
    wanted = _in_the_way(runner, path, commit)
    if not wanted:
        return check_out()
    folder = Path(mkdtemp(prefix="hybrid-aside-", dir=path / ".git"))
    moved = {file: folder / str(number) for number, file in enumerate(wanted)}
    try:
        for file, place in moved.items():
            disk.rename_path(path / os.fsdecode(file), place)
        # Until then somebody may have written there.
        there = {os.fsencode(place.relative_to(path)): wanted[file] for file, place in moved.items()}
        is_same = as_committed(runner, path, there).keys() == there.keys()
        done = check_out() if is_same else None
    except BaseException:
        _give_back(disk, path, moved, folder)
        raise
    if done is None or done.status != 0:
        _give_back(disk, path, moved, folder)
    else:
        disk.remove_tree(folder)
    return check_out() if done is None else done


def _in_the_way(runner: Runner, path: Path, commit: Oid) -> dict[bytes, str]:
    """Return the blob of each file that git takes for changed, that is as committed, and that *commit* changes."""
    dirty = [line[3:] for line in told(runner, path, *_COMPARED).split(b"\0") if line.startswith(b" M ")]
    if not dirty:
        return {}
    names = told(runner, path, "diff-tree", "-r", "-z", "--name-only", "--no-renames", "HEAD", commit, "--").split(
        b"\0"
    )
    index = entries_of(runner, path / ".git", oid_length=len(commit))
    left = {*differing(runner, path, index, dirty)}
    return {entry.path: entry.oid for entry in index if entry.path in {*dirty} & {*names} - left}


def _give_back(disk: Disk, path: Path, moved: Mapping[bytes, Path], folder: Path) -> None:
    for file, place in moved.items():
        target = path / os.fsdecode(file)
        if place.exists() and not os.path.lexists(target):
            disk.make_folder(target.parent)
            disk.rename_path(place, target)
    # Where somebody has written another file meanwhile, both are kept.
    with suppress(OSError):
        folder.rmdir()
