"""Which files of a folder of rules count, and which stand on the disk as git makes them of what it has."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from git_hybrid.git.environment import as_options
from git_hybrid.git.repository import around
from git_hybrid.git.run import Runner, items
from git_hybrid.git.staged import Staged

_LIST = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--")
_CONVERTING = ("filter", "eol", "working-tree-encoding", "ident")
_OF_REPOSITORY = frozenset({"local", "worktree"})
_PLAIN = frozenset({"unspecified", "unset", "lf"})


def counting(runner: Runner, root: Path, path: Path) -> tuple[Path, ...]:
    """Return what of the folder *path* of the workspace at *root* counts: what git has there, or would take.

    Those are files that are on the disk, and folders of other repositories. It is *path* itself where git knows of
    nothing there, or does not answer, as outside of a repository.
    """
    # git takes a way up for the folder that it leads to.
    repository = around(runner, root)
    is_below = path.is_relative_to(root) and ".." not in path.parts
    if repository.top is None or not is_below or not path.is_dir():
        return (path,)
    done = repository.run([*_LIST, f":(literal){path.relative_to(root)}"], cwd=root)
    told = {root / one for one in items(done.stdout)} if done.status == 0 else set[Path]()
    # A link to a folder is not followed, which may lead anywhere.
    found = [one for one in told if one.is_file() or (one.is_dir() and not one.is_symlink())]
    return tuple(sorted(found)) or (path,)


def checked_out(index: Staged, names: Collection[str], paths: Collection[str]) -> frozenset[str]:
    """Return which of *names* are on the disk as git writes them, maybe changed on the way, from what it has.

    They are at or below *paths*, of which there are fewer than a command line may have.

    Raises:
        GitRefused: git does not answer.
    """
    if not names or (plain := _without_filters(index)) is None:
        return frozenset()
    revision, at = index.repository.revision, [f":(literal){path}" for path in sorted(paths)]
    compared = ["diff-index", revision] if revision else ["diff-files"]
    argv = ["git", *plain, compared[0], "--name-only", "--relative", "-z", *compared[1:], "--", *at]
    other = {*items(index.repository.ask(argv, cwd=index.root))}
    # Of a file that git was told to take as unchanged it says nothing: H is the tag of all others.
    tagged = items(index.repository.ask(["git", "ls-files", "-v", "-z", "--", *at], cwd=index.root))
    other.update(line[2:] for line in tagged if not line.startswith("H "))
    return frozenset(name for name in names if name not in other and (index.root / name).is_file())


def _without_filters(index: Staged) -> list[str] | None:
    """Return the options with which git starts none of the filters that the repository itself has settings for.

    Where the numbers leave a doubt it compares through one, and whoever packed a workspace wrote its settings too.
    Those of the user are as at home. None where one cannot be named on a command line.
    """
    asked = ["git", "config", "--null", "--show-scope", "--name-only", "--get-regexp", r"^filter\."]
    told = items(index.repository.run(asked).stdout)
    keys = {key for scope, key in zip(told[::2], told[1::2], strict=False) if scope in _OF_REPOSITORY}
    off = [f"{key}={'false' if key.endswith('.required') else ''}" for key in sorted(keys)]
    return None if any("=" in key for key in keys) else as_options(off)


def gone(index: Staged, names: Collection[str], paths: Collection[str]) -> frozenset[str]:
    """Return which of *names*, at or below *paths*, were taken off the disk, and not out of what git has.

    Raises:
        GitRefused: git does not answer.
    """
    if all((index.root / name).exists() for name in names):
        return frozenset()
    # What a sparse checkout leaves out is not told.
    argv = ["git", "ls-files", "--deleted", "-z", "--", *(f":(literal){path}" for path in sorted(paths))]
    return frozenset(names) & {*items(index.repository.ask(argv, cwd=index.root))}


def converted(index: Staged, names: Collection[str]) -> frozenset[str]:
    """Return which of *names* git writes in another way than it has them, by their attributes: Git LFS, line ends.

    Raises:
        GitRefused: git does not answer.
    """
    if not names:
        return frozenset()
    stdin = "".join(f"{name}\0" for name in names).encode("utf-8", "surrogateescape")
    argv = ["git", "check-attr", "-z", "--stdin", *_CONVERTING]
    told = index.repository.ask(argv, stdin=stdin, cwd=index.root).decode("utf-8", "surrogateescape").split("\0")[:-1]
    return frozenset(path for path, value in zip(told[::3], told[2::3], strict=True) if value not in _PLAIN)
