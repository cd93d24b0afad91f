"""Small upstream repositories whose object ids depend only on the calls that built them."""

from __future__ import annotations

import hashlib
import itertools
import re
import subprocess
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Protocol, TypeAlias

from support.gitenv import EPOCH, IDENTITY, dated_env
from support.objects import Tree, changed, is_plain, written

_FULL = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_FEW = 50
"""Files of a commit of which git, too, would make single objects and no pack (fastimport.unpackLimit)."""


@dataclass(frozen=True, slots=True)
class Exec:
    """The content of an executable file."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link; `target` may point anywhere."""

    target: str


@dataclass(frozen=True, slots=True)
class Gitlink:
    """A submodule entry that names `commit`."""

    commit: str


Entry: TypeAlias = str | bytes | Exec | Link | Gitlink | None


def _ticks() -> Iterator[int]:
    return itertools.count(EPOCH, 60)


@dataclass(frozen=True, slots=True)
class Upstream:
    """A bare repository, written by plumbing with a fixed identity and a clock of its own.

    Each commit and annotated tag is one minute later than the one before, so that a
    repeated commit or tag is a new object.
    """

    path: Path
    object_format: str = "sha1"
    _clock: Iterator[int] = field(default_factory=_ticks, repr=False, compare=False)
    _trees: dict[str, Tree] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        object_format: str = "sha1",
        any_sha: bool = True,
        filters: bool = True,
    ) -> Upstream:
        """Make an empty bare repository at `path` with the default branch `main`.

        `any_sha` and `filters` set `uploadpack.allowAnySHA1InWant` and
        `uploadpack.allowFilter`. Protocol v2 serves any object whatever the first says.

        Raises:
            RuntimeError: git failed.
        """
        upstream = cls(path=path, object_format=object_format)
        _make_bare(path, object_format)
        settings = f"\tallowAnySHA1InWant = {str(any_sha).lower()}\n\tallowFilter = {str(filters).lower()}\n"
        with (path / "config").open("a") as config:
            config.write(f"[uploadpack]\n{settings}")
        return upstream

    @property
    def url(self) -> str:
        """The `file://` URL."""
        return self.path.absolute().as_uri()

    def git(self, *args: str, stdin: bytes = b"") -> bytes:
        """Run git on this repository and return its standard output.

        Raises:
            RuntimeError: git failed; the message holds its standard error.
        """
        return self._git_at(EPOCH, *args, stdin=stdin)

    def commit(
        self,
        files: Mapping[str, Entry],
        message: str = "A change",
        *,
        branch: str = "main",
        parents: Sequence[str] | None = None,
    ) -> str:
        """Commit `files` over the tree of the first parent, move `branch` there, return the id.

        The only parent is the tip of `branch` unless `parents` (any revisions) says
        otherwise; an empty `parents` makes a root commit with nothing but `files`. None
        deletes a path.

        Raises:
            RuntimeError: git refused a path or a parent.
        """
        when = next(self._clock)
        ref = f"refs/heads/{branch}"
        if parents is None:
            tip = self._find(ref)
            oids = [] if tip is None else [tip]
        else:
            oids = [self._commit_of(parent) for parent in parents]
        tree = self._trees.get(oids[0]) if oids else {}
        if tree is not None and len(files) < _FEW and all(map(is_plain, files)) and self._may_write(ref):
            tree = changed(tree, {path: self._stored(entry) for path, entry in files.items()})
            oid = self.raw_commit(written(tree, self._write), oids, message, when=when)
            self._trees[oid] = tree
            self._point(ref, oid)
            return oid
        stream = [
            f"commit {ref}\nmark :1\n".encode(),
            f"author {IDENTITY} {when} +0000\ncommitter {IDENTITY} {when} +0000\n".encode(),
            _data(message.rstrip("\n").encode() + b"\n"),
            *(f"{'merge' if n else 'from'} {oid}\n".encode() for n, oid in enumerate(oids)),
            *(_change(path, entry) for path, entry in files.items()),
            b"get-mark :1\ndone\n",
        ]
        out = self.git("fast-import", "--quiet", "--done", "--force", stdin=b"".join(stream))
        return out.decode().strip()

    def tag(self, name: str, rev: str = "main", *, annotated: bool = True, force: bool = False) -> str:
        """Tag `rev`; return the id of the tag object, or of the commit for a light tag.

        Raises:
            RuntimeError: the tag is there and `force` is false, or `rev` is unknown.
        """
        when = next(self._clock) if annotated else EPOCH
        ref = f"refs/tags/{name}"
        oid = self._known(rev)
        if oid is not None and self._may_write(ref) and (force or not (self.path / ref).exists()):
            if annotated:
                head = f"object {oid}\ntype commit\ntag {name}\ntagger {IDENTITY} {when} +0000\n\n"
                oid = self._write("tag", f"{head}Release {name}\n".encode())
            self._point(ref, oid)
            return oid
        flags = ["-f"] if force else []
        flags += ["-a", "-m", f"Release {name}"] if annotated else []
        self._git_at(when, "tag", *flags, "--", name, rev)
        return self._loose(ref) or self.rev(ref)

    def branch(self, name: str, rev: str = "main") -> str:
        """Make a new branch at `rev` and return its commit.

        Raises:
            RuntimeError: the branch is there, or `rev` is unknown.
        """
        ref = f"refs/heads/{name}"
        oid = self._commit_of(rev)
        if self._known(oid) and self._may_write(ref) and not (self.path / ref).exists():
            self._point(ref, oid)
        else:
            self.git("update-ref", ref, oid, "0" * len(oid))
        return oid

    def reset(self, branch: str, rev: str) -> str:
        """Move `branch` to `rev` as a force-push does, and return the commit.

        Raises:
            RuntimeError: `rev` is unknown.
        """
        oid = self._commit_of(rev)
        self.update_ref(f"refs/heads/{branch}", oid)
        return oid

    def delete_ref(self, ref: str) -> None:
        """Delete the full ref name `ref`.

        Raises:
            RuntimeError: there is no such ref.
        """
        self.git("update-ref", "-d", ref, self.rev(ref))

    def set_head(self, branch: str) -> None:
        """Make `branch` the default branch; it may be unborn."""
        self.git("symbolic-ref", "HEAD", f"refs/heads/{branch}")

    def rev(self, rev: str) -> str:
        """Return the object id that `rev` names.

        Raises:
            RuntimeError: it names nothing.
        """
        if _FULL.fullmatch(rev):
            return rev
        # As git looks for it, where all refs are loose: a process each is half of what small upstreams cost.
        if not (self.path / "packed-refs").exists() and not (self.path / rev).exists():
            found = [self._loose(f"{place}{rev}") for place in ("refs/", "refs/tags/", "refs/heads/")]
            if any(found):
                return next(oid for oid in found if oid)
        return self.git("rev-parse", "--verify", "--end-of-options", rev).decode().strip()

    def blob(self, data: bytes) -> str:
        """Store a blob and return its id."""
        return self._write("blob", data)

    def raw_tree(self, entries: Sequence[tuple[str, str, bytes]]) -> str:
        """Store `(mode, oid, name)` entries as they stand: no sorting, no checks."""
        rows = (mode.encode() + b" " + name + b"\0" + bytes.fromhex(oid) for mode, oid, name in entries)
        return self._write("tree", b"".join(rows))

    def raw_commit(
        self,
        tree: str,
        parents: Sequence[str] = (),
        message: str = "A raw commit",
        *,
        identity: str = IDENTITY,
        when: int | None = None,
    ) -> str:
        """Store a commit without looking at its parts; `when` is Unix seconds. No ref moves."""
        stamp = f"{identity} {next(self._clock) if when is None else when} +0000"
        head = [f"tree {tree}", *(f"parent {oid}" for oid in parents)]
        lines = [*head, f"author {stamp}", f"committer {stamp}", "", message.rstrip("\n"), ""]
        return self._write("commit", "\n".join(lines).encode())

    def update_ref(self, ref: str, oid: str) -> None:
        """Point the full ref name `ref` at `oid`, an id or a revision, whatever it named before.

        Raises:
            RuntimeError: the object is missing, or is no commit below `refs/heads/`.
        """
        if (known := self._known(oid)) and self._may_write(ref):
            self._point(ref, known)
        else:
            self.git("update-ref", ref, oid)

    def _known(self, rev: str) -> str | None:
        """Return the commit that *rev* names, an id or a branch, if it was made without git and lies there."""
        tagged = (self.path / "refs" / "tags" / rev).exists()
        oid = rev if rev in self._trees else None if tagged else self._loose(f"refs/heads/{rev}")
        return oid if oid in self._trees and self._object(oid).exists() else None

    def _commit_of(self, rev: str) -> str:
        return self._known(rev) or self.rev(f"{rev}^{{commit}}")

    def _stored(self, entry: Entry) -> tuple[str, str] | None:
        match entry:
            case None:
                return None
            case Gitlink(commit):
                return "160000", commit
            case Exec(data):
                return "100755", self.blob(data)
            case Link(target):
                return "120000", self.blob(target.encode())
            case str():
                return "100644", self.blob(entry.encode())
            case bytes():
                return "100644", self.blob(entry)

    def _may_write(self, ref: str) -> bool:
        """Tell whether *ref* can be a file of its own in a folder that is there, as git would make it."""
        path = self.path / ref
        loose = is_plain(ref) and path.parent.is_dir() and not path.is_dir()
        return loose and not path.with_name(f"{path.name}.lock").exists() and not (self.path / "packed-refs").exists()

    def _point(self, ref: str, oid: str) -> None:
        path = self.path / ref
        lock = path.with_name(f"{path.name}.lock")
        lock.write_text(f"{oid}\n")
        lock.replace(path)

    def _find(self, ref: str) -> str | None:
        loose = self._loose(ref)
        if loose or not (self.path / "packed-refs").exists():
            return loose
        out = self.git("for-each-ref", "--format=%(refname) %(objectname)", ref).decode()
        rows = (line.split(" ") for line in out.splitlines())
        return next((oid for name, oid in rows if name == ref), None)

    def _loose(self, ref: str) -> str | None:
        path = self.path / ref
        text = path.read_text().strip() if path.is_file() else ""
        return text if _FULL.fullmatch(text) else None

    def _git_at(self, when: int, *args: str, stdin: bytes = b"") -> bytes:
        return _run([f"--git-dir={self.path}", *args], when=when, stdin=stdin)

    def _object(self, oid: str) -> Path:
        return self.path / "objects" / oid[:2] / oid[2:]

    def _write(self, kind: str, body: bytes) -> str:
        # git's own writers check and sort; a hostile object has to bypass them.
        raw = f"{kind} {len(body)}\0".encode() + body
        oid = hashlib.new(self.object_format, raw).hexdigest()
        path = self._object(oid)
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(zlib.compress(raw))
        return oid


class UpstreamFactory(Protocol):
    """The `upstream_factory` fixture: makes `<name>.git`; a name may hold slashes."""

    def __call__(
        self,
        name: str = "tool",
        *,
        object_format: str = "sha1",
        any_sha: bool = True,
        filters: bool = True,
    ) -> Upstream: ...


@cache
def _empty(object_format: str) -> tuple[tuple[str, bytes | None], ...]:
    """Return what git makes of an empty bare repository: each path, and what is in it if it is a file."""
    with tempfile.TemporaryDirectory() as folder:
        init = ("init", "-q", "--bare", "--template=", "-b", "main")
        _run([*init, f"--object-format={object_format}", "--", folder], when=EPOCH)
        found = sorted(Path(folder).rglob("*"))
        return tuple((str(path.relative_to(folder)), path.read_bytes() if path.is_file() else None) for path in found)


def _make_bare(path: Path, object_format: str) -> None:
    path.mkdir(parents=True, exist_ok=True)
    for name, content in _empty(object_format):
        if content is None:
            (path / name).mkdir(exist_ok=True)
        else:
            (path / name).write_bytes(content)


def _run(args: Sequence[str], *, when: int, stdin: bytes = b"") -> bytes:
    done = subprocess.run(["git", *args], input=stdin, capture_output=True, check=False, env=dated_env(when))
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise RuntimeError(f"git {' '.join(args)} exited {done.returncode}: {said}")
    return done.stdout


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)


def _quoted(path: str) -> bytes:
    raw = path.encode(errors="surrogateescape")
    return b'"' + b"".join(b"\\%03o" % byte for byte in raw) + b'"'


def _change(path: str, entry: Entry) -> bytes:
    name = _quoted(path)
    match entry:
        case None:
            return b"D " + name + b"\n"
        case Gitlink(commit):
            return f"M 160000 {commit} ".encode() + name + b"\n"
        case Exec(data):
            return b"M 100755 inline " + name + b"\n" + _data(data)
        case Link(target):
            return b"M 120000 inline " + name + b"\n" + _data(target.encode())
        case str():
            return b"M 100644 inline " + name + b"\n" + _data(entry.encode())
        case bytes():
            return b"M 100644 inline " + name + b"\n" + _data(entry)
