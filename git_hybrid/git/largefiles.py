"""Content of Git LFS: that it stands in place of its pointers, whatever the tree and the user's settings say."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from git_hybrid.core.errors import HostileTree, WrongContent
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.pointers import LFS_LIMIT, parse_pointer
from git_hybrid.core.ports import Stage
from git_hybrid.core.tree import GITLINK, LINK, TreeEntry, TreeLimits, show_path
from git_hybrid.git.local import must
from git_hybrid.git.plainfiles import file_at
from git_hybrid.git.rehashed import Unproved, read_objects, reading
from git_hybrid.git.run import Runner
from git_hybrid.git.trees import object_id

LISTED = ("ls-files", "--stage", "-z", "--", ":(top,attr:filter=lfs)")
"""The git command that lists the files whose content LFS has."""
_SETTINGS = ".lfsconfig"
_EXTENDED = "is a Git LFS pointer that names an extension, which git-lfs would start as a program"
_AT_ONCE, _SHOWN = 1000, 10


def refuse_pointers(path: Path, listed: bytes, *, name: SourceName) -> None:
    """Raise if a file in the working tree at *path*, of what :data:`LISTED` has *listed*, is still its pointer.

    Raises:
        WrongContent: one is.
    """
    for file in pointers(path, listed):
        what = f"LFS content of {show_path(file)}"
        raise WrongContent(name=name, what=what, expected="what its pointer names", found="the pointer itself")


def pointers(path: Path, listed: bytes) -> Iterator[bytes]:
    """Yield the files in the working tree at *path* that are still pointers, of what :data:`LISTED` has *listed*."""
    for head, _, file in (line.partition(b"\t") for line in listed.split(b"\0") if line):
        if _is_pointer(os.path.join(os.fsencode(path), file), head.split()[1].decode("ascii")):
            yield file


def _is_pointer(file: bytes, blob: str) -> bool:
    """Tell whether the *file* is the pointer that *blob* is, and not content that looks like one."""
    try:
        with file_at(file) as pointer:
            data = pointer.read(LFS_LIMIT + 1) or b""
    except OSError:
        return False
    return parse_pointer(data) is not None and object_id("blob", data, len(blob)) == blob


def judge_lfs(runner: Runner, stage: Stage, oid: Oid, entries: Sequence[TreeEntry], limits: TreeLimits) -> None:
    """Raise unless git-lfs may fetch the content that the *entries*, the tree of *oid*, name.

    Raises:
        HostileTree: with that content the files are larger than policy allows; or a pointer names an extension, which
            git-lfs would start, and nobody here is to; or git-lfs may not read the ``.lfsconfig``: it has more settings
            than any, or is a link, behind which any file would be read.
        WrongContent: a small file is missing or not what its id says.
    """
    from git_hybrid.git.listed import settings_in

    config = next((entry for entry in entries if entry.path == _SETTINGS.encode()), None)
    if config is not None:
        if config.mode == LINK:
            raise HostileTree(name=stage.name, commit=oid, findings=(f"{_SETTINGS}: is a symbolic link",))
        settings_in(runner, stage, oid, _SETTINGS)
    size, extended = sum(entry.size for entry in entries), set[str]()
    # git-lfs looks at each small file.
    for small, blob in _blobs(runner, stage, (entry.oid for entry in entries if _may_point(entry.mode, entry.size))):
        if (pointer := parse_pointer(blob)) is not None:
            size += pointer.size
            if pointer.extended:
                extended.add(small)
    findings = [f"{show_path(entry.path)}: {_EXTENDED}" for entry in entries if entry.oid in extended][:_SHOWN]
    if size > limits.max_bytes:
        findings.append(limits.too_large(" with their Git LFS content"))
    if findings:
        raise HostileTree(name=stage.name, commit=oid, findings=tuple(findings))


def content_of(runner: Runner, stage: Stage, oid: Oid) -> Mapping[str, Collection[int]]:
    """Return what the pointers in the tree of the commit *oid* name: the sizes told of each content by its SHA-256.

    Raises:
        GitFailed: git cannot list the tree.
        WrongContent: a small file is missing or not what its id says.
    """
    arguments = ["ls-tree", "-r", "-l", "-z", "--full-tree", "--end-of-options", oid]
    listed = must(runner, stage.name, Path(stage.git_dir), arguments).stdout.decode("ascii", "replace")
    lines = (line.partition("\t")[0].split() for line in listed.split("\0")[:-1])
    small = (blob for mode, _, blob, size in lines if size.isdigit() and _may_point(mode, int(size)))
    sizes = dict[str, set[int]]()
    for _, blob in _blobs(runner, stage, small):
        if (pointer := parse_pointer(blob)) is not None and pointer.size:
            sizes.setdefault(pointer.sha256, set()).add(pointer.size)
    return sizes


def _may_point(mode: str, size: int) -> bool:
    return mode not in (LINK, GITLINK) and 0 < size < LFS_LIMIT


def _blobs(runner: Runner, stage: Stage, oids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Yield id and content of each of *oids*, as often as it is among them."""
    left = iter(oids)
    try:
        with reading(runner, Path(stage.git_dir)) as found:
            while some := tuple(islice(left, _AT_ONCE)):
                blobs = found.objects(dict.fromkeys(some, "blob"))
                yield from ((oid, blobs[oid]) for oid in some)
    except Unproved as error:
        what = "file content"
        raise WrongContent(name=stage.name, what=what, expected="what the tree names", found=str(error)) from error


def small_blobs(runner: Runner, git_dir: Path, oids: Iterable[str]) -> dict[str, bytes]:
    """Return the content of those of *oids* that are small enough to be pointers, if all are what their ids say."""
    asked = "".join(f"{oid}\n" for oid in oids).encode("ascii")
    if not asked:
        return {}
    sizes = runner.git(["cat-file", "--batch-check"], git_dir=git_dir, stdin=asked)
    heads = [line.split() for line in sizes.stdout.decode("ascii", "replace").split("\n")]
    small = {head[0] for head in heads if len(head) == 3 and head[1] == "blob" and int(head[2]) < LFS_LIMIT}
    try:
        return read_objects(runner, git_dir, dict.fromkeys(sorted(small), "blob"))
    except Unproved:
        return {}
