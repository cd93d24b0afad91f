"""What stands inside a clone besides its own files: submodules, and the content of Git LFS."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from git_hybrid.core.errors import GitFailed, LocalIo, SymlinkRefused, WrongContent, reported
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.plan import Broken, Clone
from git_hybrid.core.planner import source_path
from git_hybrid.core.tree import show_path
from git_hybrid.git.attributes import set_attributes
from git_hybrid.git.clones import GitClones
from git_hybrid.git.kept import UPSTREAM
from git_hybrid.git.local import must
from git_hybrid.git.programs import LFS_FILTER
from git_hybrid.git.quarantine import ATTRIBUTES, ATTRIBUTES_LFS, Disk, GitQuarantine, uses_lfs
from git_hybrid.git.run import Runner
from git_hybrid.git.standing import free_place, is_there
from git_hybrid.git.unseen import files_left

# A name may have 255 bytes, and a letter four of them.
_SHORT = 40


def copy_submodule(runner: Runner, giver: Path, taker: Path, url: str, oid: Oid) -> bool:
    """Copy objects and fetched refs from the repository *giver* to *taker*; tell whether that was done.

    It is only if *giver* is a repository of *url* that has the commit *oid*, and lacks nothing of what it fetched.
    """
    if not giver.is_dir() or not _is_of(runner, giver, url):
        return False
    if runner.git(["cat-file", "-e", f"{oid}^{{commit}}"], git_dir=giver).status != 0:
        return False
    arguments = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", str(giver), f"+{UPSTREAM}*:{UPSTREAM}*"]
    # From one folder of ours to the other, which is no network.
    return runner.git(arguments, git_dir=taker, environment={"GIT_ALLOW_PROTOCOL": "file"}).status == 0


def place_submodule(disk: Disk, stage: Path, parent: Path, path: str) -> None:
    """Move the repository at *stage* to *path* in the working tree of *parent*, where git left a folder without a file.

    Raises:
        OSError, LocalIo: a file stands there.
    """
    target = parent / path
    # It could lead out of the working tree, though the scan of the tree refuses such links already.
    if _is_by_link(parent, target):
        raise SymlinkRefused(path=str(target))
    disk.make_folder(target)
    for folder, _, _ in os.walk(target, topdown=False):
        os.rmdir(folder)
    disk.rename_path(stage, target)


def _is_by_link(parent: Path, path: Path) -> bool:
    """Tell whether there is a symbolic link at *path*, or on the way to it from *parent*."""
    return os.path.realpath(path) != f"{os.path.realpath(parent)}/{path.relative_to(parent)}"


def submodules_of(clones: GitClones, clone: Path) -> list[str]:
    """Return the paths of the submodules that :func:`clear_submodules` takes out of the clone."""
    return clones.submodules(clone) if is_there(f"{clone}/.gitmodules") else []


def clear_submodules(
    disk: Disk,
    quarantine: GitQuarantine,
    clones: GitClones,
    name: SourceName,
    wanted: Mapping[str, tuple[Oid, str] | None],
) -> tuple[tuple[str, ...], frozenset[str]]:
    """Take the submodules out of the clone, but for those that stand as they are *wanted*: a commit and a URL by path.

    One that holds work of its own, or files that git ignores, is set aside; one that git itself has checked out stays:
    where the commit has another, the checkout is refused. Returns where, in words, and the paths of those left.

    Raises:
        LocalIo: the file system refused; or one that stood is changed by now, and nothing was done.
    """
    clone = clones.folder / name
    for path, facts in wanted.items():
        if facts is not None and not is_standing(clones, clone / path, *facts):
            raise LocalIo(path=f"{source_path(name)}/{path}", operation="keep", reason="it was changed meanwhile")
    notes, kept = [], {path for path in wanted if wanted[path] is not None or (clone / path / ".git").is_file()}
    for path in submodules_of(clones, clone):
        if path in kept:
            continue
        folder = clone / path
        holds_work = clones.holds_work(folder)
        if holds_work or _holds_ignored(clones, folder):
            target = _free(clones, name, path, quarantine.run)
            move_aside(clones.runner, disk, folder, target)
            what = "the work" if holds_work else "what git ignores"
            notes.append(f"{what} in its submodule {path} is kept at sources/.set-aside/{target.name}")
        else:
            quarantine.trash(folder, name)
        folder.mkdir()
    return tuple(notes), frozenset(kept)


def is_standing(clones: GitClones, folder: Path, oid: Oid, url: str) -> bool:
    """Tell whether the submodule at *folder* stands as :func:`_stands` says, with no work in it or in its own."""
    # One that is reached by a link stands elsewhere, and a checkout may put a folder in place of the link.
    if _is_by_link(clones.folder, folder) or not (folder / ".git").is_dir():
        return False
    return not clones.holds_work(folder) and _stands(clones, folder, oid, url)


def _stands(clones: GitClones, folder: Path, oid: Oid, url: str) -> bool:
    """Tell whether the submodule at *folder* is a clone of *url* at *oid*, and all that it has in turn is there."""
    seen = clones.inspect_path(folder, None)
    if not isinstance(seen, Clone) or seen.head != oid:
        return False
    if url and not _is_of(clones.runner, folder / ".git", url):
        return False
    # By what they are recorded at: their URLs are relative to this one's, and this commit names them.
    nested = clones.gitlinks(folder)
    return all((folder / path / ".git").is_dir() and _stands(clones, folder / path, at, "") for path, at in nested)


def _is_of(runner: Runner, git_dir: Path, url: str) -> bool:
    said = runner.git(["config", "remote.origin.url"], git_dir=git_dir).stdout
    return said.decode("utf-8", "surrogateescape").rstrip("\n") == url


def _holds_ignored(clones: GitClones, path: Path) -> bool:
    """Tell whether the submodule at *path*, or one of its own, has ignored files: in a clone these stay on disk."""
    options = ["--others", "--ignored", "--exclude-standard", "--directory", "-z"]
    done = clones.runner.git(["ls-files", *options], git_dir=path / ".git", work_tree=path)
    if done.status != 0 or done.stdout:
        return True
    links = [place for place, _ in clones.gitlinks(path)]
    if files_left(path, {os.fsencode(place) for place in links}):
        return True
    return any(_holds_ignored(clones, path / place) for place in links if (path / place / ".git").exists())


def set_aside_unsaveable(
    disk: Disk, clones: GitClones, name: SourceName, run: str, paths: Iterable[bytes]
) -> tuple[str, ...]:
    """Move what git cannot store to ``sources/.set-aside/``; return where, in words.

    Raises:
        LocalIo: the file system refused.
    """
    notes = []
    for path in paths:
        shown = show_path(path)
        target = _free(clones, name, shown, run)
        disk.make_folder(target.parent)
        disk.rename_path(clones.folder / name / os.fsdecode(path), target)
        notes.append(f"{shown}, which git cannot store, is kept at sources/.set-aside/{target.name}")
    return tuple(notes)


def _free(clones: GitClones, name: SourceName, path: str, run: str) -> Path:
    """Return where *path* is set aside to: ``a/b`` and ``a-b`` have one name, but no source has a plus in its own."""
    return free_place(clones.folder / ".set-aside", f"{name}+{path.replace('/', '-')[-_SHORT:]}-{run}")


def move_aside(runner: Runner, disk: Disk, path: Path, target: Path) -> None:
    """Move the repository at *path* to *target*, and tell the worktrees that are linked to it, where git can.

    Raises:
        LocalIo: the file system refused.
    """
    disk.make_folder(target.parent)
    disk.rename_path(path, target)
    if (target / ".git/worktrees").is_dir():
        with suppress(GitFailed, LocalIo):
            runner.git(["worktree", "repair"], git_dir=target / ".git", work_tree=target)


def require_content(runner: Runner, path: Path, *, name: SourceName) -> None:
    """Raise if the clone at *path* asks for LFS content, and git-lfs did not put in its place what the commit has.

    Raises:
        LocalIo: a file cannot be read.
        WrongContent: it did not.
    """
    if uses_lfs(path / ".git"):
        from git_hybrid.git import lfslook

        with reported(path, "read"):
            lfslook.require_content(runner, path, name=name)


def verify(clones: GitClones, path: Path, oid: Oid, *, name: SourceName) -> None:
    """Raise unless the clone at *path* stands at *oid*, with nothing changed in it.

    Raises:
        LocalIo: it cannot be read.
        WrongContent: it does not.
    """
    found = clones.inspect_path(path, oid)
    if not isinstance(found, Clone):
        why = found.why if isinstance(found, Broken) else "no clone is there"
        raise LocalIo(path=source_path(name), operation="read back", reason=why)
    if found.head != oid:
        raise WrongContent(name=name, what="HEAD after the checkout", expected=oid, found=found.head)
    if found.dirty_count:
        others = f"others: {', '.join(found.dirty)}"
        raise WrongContent(name=name, what="files after the checkout", expected="the commit's", found=others)
    if uses_lfs(path / ".git"):
        from git_hybrid.git.lfslook import settle

        with reported(path, "read"):
            settle(clones.runner, path, lambda: clones.inspect_path(path, oid) == found)


def prepare_lfs(runner: Runner, disk: Disk, git_dir: Path, *, name: SourceName, fetch: bool) -> None:
    """Set the repository up for LFS content or for pointers; save work before.

    A change from one to the other drops the index: what git takes for the same is not the same on disk, so every file
    must be written again, and a clone in which that was cut short must not pass for a clean one.
    """
    if fetch:
        for key, value in LFS_FILTER.items():
            must(runner, name, git_dir, ["config", f"filter.lfs.{key}", value])
    else:
        _take_back(runner, disk, git_dir)
    if uses_lfs(git_dir) != fetch:
        disk.remove_file(git_dir / "index")
    set_attributes(disk, git_dir, ATTRIBUTES_LFS if fetch else ATTRIBUTES)


def _take_back(runner: Runner, disk: Disk, git_dir: Path) -> None:
    """Take out the settings and hooks that content of LFS needs: ours and those of git-lfs, nothing of others."""
    from git_hybrid.git.oddities import hooks_of_lfs, odd_settings

    if any(key.startswith("filter.lfs.") for key in odd_settings(runner, git_dir)):
        for key, value in LFS_FILTER.items():
            # 5: it is not there, or has another value.
            runner.git(["config", "--fixed-value", "--unset-all", f"filter.lfs.{key}", value], git_dir=git_dir)
    for hook in hooks_of_lfs(git_dir):
        disk.remove_file(git_dir / "hooks" / hook)
