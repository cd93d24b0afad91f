"""The power goes: a recorded run of system calls, replayed into the disk states that POSIX allows after a cut.

What was fsynced stays. Data of a file that was not may be absent, torn, zeros or whole; names created, renamed or removed
in a folder that was not fsynced last in their order, up to any of them. `sync` makes everything last. Only the files below
`state/` and `sources.toml` are looked at.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from support.syscalls import Op

Tree: TypeAlias = Mapping[str, bytes | None]
"""Paths below the workspace with their bytes; None is a folder."""
_TEARS = 24


@dataclass(eq=False, slots=True)
class File:
    """The bytes of a file that last, and those that readers see."""

    lasting: bytes = b""
    seen: bytes = b""

    def options(self) -> list[bytes]:
        """Return what the file may hold after a cut: the old bytes, the new ones torn at some places, or all of them."""
        if self.lasting == self.seen:
            return [self.seen]
        kept = len(self.lasting) if self.seen.startswith(self.lasting) else 0
        added = len(self.seen) - kept
        places = sorted({1, *(added * part // _TEARS for part in range(1, _TEARS)), added - 1} - {0})
        torn = [self.seen[: kept + place] for place in places if place < added]
        # Some file systems write the new length before the data.
        holes = [self.seen[: kept + place] + bytes(added - place) for place in (0, added // 2)]
        return list(dict.fromkeys([self.lasting, self.seen[:kept], *torn, *holes, self.seen]))


@dataclass(frozen=True, slots=True)
class Change:
    """`name` is taken out of a folder; with `node` it comes to stand for that."""

    name: str
    node: File | Folder | None
    gone: str | None = None


@dataclass(eq=False, slots=True)
class Folder:
    """The names of a folder that last, and the changes since."""

    lasting: dict[str, File | Folder] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)

    def names(self, upto: int | None = None) -> dict[str, File | Folder]:
        """Return what stands in the folder after the first `upto` changes, or all."""
        names = dict(self.lasting)
        for change in self.changes[:upto]:
            if change.gone is not None:
                names.pop(change.gone, None)
            if change.node is None:
                names.pop(change.name, None)
            else:
                names[change.name] = change.node
        return names

    def settle(self) -> None:
        """Make the names last."""
        self.lasting, self.changes = self.names(), []


@dataclass(frozen=True, slots=True)
class State:
    """A disk after a cut: what stands there, whether the run's `sync` came before, whether the run had ended."""

    tree: Tree
    synced: bool
    ended: bool

    @property
    def key(self) -> frozenset[tuple[str, bytes | None] | bool]:
        """What tells states apart."""
        return frozenset([*self.tree.items(), self.synced, self.ended])


class Disk:
    """A disk that starts with `tree` safe on it, and is told what a program does."""

    def __init__(self, tree: Tree) -> None:
        self.root = Folder()
        for path, data in sorted(tree.items()):
            folder = self._folder(str(Path(path).parent))
            folder.lasting[Path(path).name] = Folder() if data is None else File(data, data)

    def apply(self, op: Op) -> None:
        """Do what `op` says."""
        folder, name = self._folder(str(Path(op.path).parent)), Path(op.path).name
        node = folder.names().get(name)
        match op.kind:
            case "open":
                if node is None:
                    folder.changes.append(Change(name, File()))
                elif op.truncates and isinstance(node, File):
                    node.seen = b""
            case "write":
                assert isinstance(node, File), op
                node.seen += op.data
            case "fsync":
                _fsync(self.root if op.path == "." else node)
            case "rename":
                assert Path(op.to).parent == Path(op.path).parent, op
                folder.changes.append(Change(Path(op.to).name, node, gone=name))
            case "unlink":
                folder.changes.append(Change(name, None))
            case "mkdir":
                folder.changes.append(Change(name, Folder()))
            case "sync":
                self._settle(self.root)

    def _folder(self, path: str) -> Folder:
        found: File | Folder = self.root
        for part in Path(path).parts:
            assert isinstance(found, Folder)
            found = found.names()[part]
        assert isinstance(found, Folder)
        return found

    def _settle(self, node: File | Folder) -> None:
        if isinstance(node, File):
            node.lasting = node.seen
            return
        node.settle()
        for child in node.lasting.values():
            self._settle(child)

    def trees(self, dice: random.Random, limit: int) -> Iterator[Tree]:
        """Yield what may be found after a cut now: all of it, or `limit` picked by `dice`."""
        folders, files = self._nodes()
        axes: list[Sequence[int]] = [range(len(folder.changes) + 1) for folder in folders]
        options = {file: file.options() for file in files}
        axes += [range(len(choices)) for choices in options.values()]
        count = 1
        for axis in axes:
            count *= len(axis)
        picks = itertools.product(*axes) if count <= limit else (tuple(map(dice.choice, axes)) for _ in range(limit))
        for pick in picks:
            upto = dict(zip(folders, pick, strict=False))
            bytes_of = {file: options[file][at] for file, at in zip(files, pick[len(folders) :], strict=True)}
            tree: dict[str, bytes | None] = {}
            _write(self.root, "", upto, bytes_of, tree)
            yield tree

    def _nodes(self) -> tuple[list[Folder], list[File]]:
        """Return every node that may stand somewhere after a cut."""
        folders: dict[Folder, None] = {}
        files: dict[File, None] = {}

        def visit(node: File | Folder) -> None:
            if isinstance(node, File):
                files[node] = None
                return
            if node not in folders:
                folders[node] = None
                for child in (*node.lasting.values(), *(change.node for change in node.changes)):
                    if child is not None:
                        visit(child)

        visit(self.root)
        return list(folders), list(files)


def _fsync(node: File | Folder | None) -> None:
    if isinstance(node, File):
        node.lasting = node.seen
    elif node is not None:
        node.settle()


def _write(
    folder: Folder, prefix: str, upto: Mapping[Folder, int], data: Mapping[File, bytes], tree: dict[str, bytes | None]
) -> None:
    for name, node in folder.names(upto[folder]).items():
        path = prefix + name
        if isinstance(node, File):
            tree[path] = data[node]
        else:
            tree[path] = None
            _write(node, f"{path}/", upto, data, tree)


def crash_states(before: Tree, ops: Sequence[Op], *, limit: int = 40) -> Iterator[State]:
    """Yield every different disk state that a cut during or after `ops` may leave, `limit` a moment at most."""
    disk, dice, seen, synced = Disk(before), random.Random(len(ops)), set(), False
    for number, op in enumerate([None, *ops]):
        if op is not None:
            disk.apply(op)
            synced = synced or op.kind == "sync"
        for ended in (False, True) if number == len(ops) else (False,):
            for tree in disk.trees(dice, limit):
                state = State(tree, synced, ended)
                if state.key not in seen:
                    seen.add(state.key)
                    yield state


def safe_tree(workspace: Path) -> Tree:
    """Return what stands in `state/` and `sources.toml` of a workspace."""
    paths = [workspace / "sources.toml", workspace / "state", *sorted((workspace / "state").rglob("*"))]
    return {str(path.relative_to(workspace)): None if path.is_dir() else path.read_bytes() for path in paths}


def materialise(tree: Tree, workspace: Path) -> None:
    """Write `tree` into a workspace in which none of it stands yet."""
    for path, data in sorted(tree.items()):
        if data is None:
            (workspace / path).mkdir()
        else:
            (workspace / path).write_bytes(data)
