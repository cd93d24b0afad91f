"""Write a difference as git does, in a repository of its own that has the objects of others.

Nothing of a clone's or the user's settings is in it, so no setting names a program or a driver; and no attribute of the
tree, which is upstream's, calls a file binary so that its change is not shown.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from git_hybrid.core.clone_proof import is_lfs_content
from git_hybrid.core.difference import Difference
from git_hybrid.core.errors import GitFailed, reported
from git_hybrid.core.ids import SourceName
from git_hybrid.core.pointers import LFS_LIMIT
from git_hybrid.git.classify import last_words
from git_hybrid.git.environment import configured
from git_hybrid.git.listing import batch, pieces, size_of_blob
from git_hybrid.git.local import must
from git_hybrid.git.run import Runner
from git_hybrid.git.skeleton import borrow_from, write_skeleton
from git_hybrid.git.trees import ALGORITHMS
from git_hybrid.git.watched import Into
from git_hybrid.git.worktree import look
from git_hybrid.temporary import temporary_folder

_ATTRIBUTES = "* !diff -filter -text -eol -ident -working-tree-encoding\n"
_PLAIN = ("--no-color", "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty")
LARGEST = 16 << 20
"""A larger file is compared as a whole: by lines git takes more than a hundred times as much memory for one of many."""
# What git says in the place of lines, in a patch or beside the name of the file.
_NO_LINES = b"Bin"
_Changed = list[tuple[list[bytes], bytes]]


def write_difference(
    runner: Runner, root: Path, found: Difference, options: Sequence[str], take: Callable[[bytes], object]
) -> list[str]:
    """Give *take* what ``git diff`` with *options* says of *found*, in pieces; paths are those below *root*.

    The paths that are returned are those of files of which no lines are told, since they are larger than LARGEST.

    Raises:
        GitFailed: git could not read one of the sides.
        LocalIo: there is no room for the repository.
    """
    with TemporaryDirectory(prefix="git-hybrid-diff-", dir=temporary_folder()) as folder:
        git_dir, said = Path(folder, ".git"), bytearray()
        last, lacks_lines = b"", False

        def hear(data: bytes) -> None:
            nonlocal last, lacks_lines
            seen = last + data
            lacks_lines = lacks_lines or _NO_LINES in seen
            last = seen[1 - len(_NO_LINES) :]
            take(data)

        trees = _made(git_dir, found)
        if found.new is None:
            _take_index(runner, found, git_dir)
            if found.lfs:
                _take_content(runner, found.name, git_dir, root)
        words = ["diff", *_PLAIN, *options, *trees, "--"]
        into = Into(out=hear, err=said.extend, check=lambda: None)
        bound = configured({"core.bigFileThreshold": str(LARGEST)})
        done = runner.git(words, git_dir=git_dir, work_tree=root, environment=bound, watch=into)
        if done.status != 0:
            reason = last_words(said.decode("utf-8", "replace"))
            raise GitFailed(command="git diff", status=done.status, stderr=reason, name=found.name)
        return _large(runner, found.name, git_dir, root, trees) if lacks_lines else []


def _made(git_dir: Path, found: Difference) -> list[str]:
    """Make the repository at *git_dir* and return the trees in it that have both sides, or the old one alone.

    Raises:
        LocalIo: the file system refused.
    """
    sides = [side for side in (found.old, found.new) if side is not None]
    with reported(git_dir, "create"):
        write_skeleton(git_dir, object_format=ALGORITHMS[len(found.old.tree)], attributes=_ATTRIBUTES)
        borrow_from(git_dir, *(side.git_dir for side in sides))
        return [_below(git_dir, side.tree, found.name, "sources") for side in sides]


def _take_index(runner: Runner, found: Difference, git_dir: Path) -> None:
    """Let git look at the files that the index of the clone has: a commit there, or ``git add``, may have added one."""
    told = must(runner, found.name, Path(found.old.git_dir), ["ls-files", "--stage", "-z"]).stdout
    entries = [entry.partition(b"\t") for entry in told.split(b"\0")[:-1]]
    below = b"sources/%s/" % found.name.encode("ascii")
    # Of a conflict one entry will do.
    lines = [b"%s 0\t%s%s\0" % (head.rpartition(b" ")[0], below, path) for head, _, path in entries]
    must(runner, found.name, git_dir, ["update-index", "-z", "--index-info"], stdin=b"".join(lines))


def _take_content(runner: Runner, name: SourceName, git_dir: Path, root: Path) -> None:
    """Let git take content of Git LFS that stands in the place of its pointer for unchanged."""
    changed = _changed(runner, name, git_dir, root)
    sizes = _sizes(runner, name, git_dir, [words[2] for words, _ in changed])
    small = [
        (words[2].decode("ascii"), path)
        for (words, path), size in zip(changed, sizes, strict=True)
        if words[0].startswith(b":100") and 0 <= size <= LFS_LIMIT
    ]
    taken = list[bytes]()
    with batch(runner, git_dir, [oid for oid, _ in small], folder=str(git_dir)) as out:
        for oid, path in small:
            pointer = b"".join(pieces(out, size_of_blob(out, oid) or 0))
            seen = look(root, path, algorithm=ALGORITHMS[len(oid)])
            if seen is not None and is_lfs_content(seen, pointer):
                taken.append(path + b"\0")
    unchanged = ["update-index", "-z", "--assume-unchanged", "--stdin"]
    must(runner, name, git_dir, unchanged, work_tree=root, stdin=b"".join(taken))


def _changed(runner: Runner, name: SourceName, git_dir: Path, root: Path, trees: Sequence[str] = ()) -> _Changed:
    """Return the words of git's raw format for each path that differs, and the path."""
    options = ("--raw", "-z", "--no-renames", "--no-abbrev", *_PLAIN)
    told = must(runner, name, git_dir, ["diff", *options, *trees], work_tree=root).stdout.split(b"\0")[:-1]
    return [(head.split(b" "), path) for head, path in zip(told[::2], told[1::2], strict=True)]


def _sizes(runner: Runner, name: SourceName, git_dir: Path, oids: Sequence[bytes]) -> list[int]:
    """Return how large each of the objects *oids* is, -1 for what is not there."""
    asked = b"".join(b"%s\n" % oid for oid in oids)
    told = must(runner, name, git_dir, ["cat-file", "--batch-check=%(objectsize)"], stdin=asked).stdout.splitlines()
    return [int(size) if size.isdigit() else -1 for size in told]


def _large(runner: Runner, name: SourceName, git_dir: Path, root: Path, trees: Sequence[str]) -> list[str]:
    """Return the paths of files that differ and are larger than git compares by lines, before or now."""
    changed = _changed(runner, name, git_dir, root, trees)
    paths = [path for _, path in changed]
    old, new = (_sizes(runner, name, git_dir, [words[at] for words, _ in changed]) for at in (2, 3))
    if len(trees) == 1:
        # What is on the disk has no id yet.
        new = [_size(os.path.join(os.fsencode(root), path)) for path in paths]
    sizes = map(max, old, new)
    return [os.fsdecode(path) for path, size in zip(paths, sizes, strict=True) if size > LARGEST]


def _size(path: bytes) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return -1


def _below(git_dir: Path, tree: str, *names: str) -> str:
    """Return a tree of the repository at *git_dir* that has *tree* below *names*, the innermost first."""
    for name in names:
        body = b"40000 " + name.encode("ascii") + b"\0" + bytes.fromhex(tree)
        data = b"tree %d\0" % len(body) + body
        tree = hashlib.new(ALGORITHMS[len(tree)], data).hexdigest()
        path = git_dir / "objects" / tree[:2] / tree[2:]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(zlib.compress(data))
    return tree
