"""A folder of bare repositories that any server can serve, also one that knows nothing of git.

A repository is changed in this order: new packs, the list of packs, refs, the list of refs. So whoever reads at any
moment finds every object of the refs that it sees. Nothing is ever removed but refs that upstream has no more.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

from git_hybrid.core.errors import BadArgument, GitFailed, Interrupted, MalformedObjects, SymlinkRefused, reported
from git_hybrid.core.ids import Oid, RefName, RunId, SourceName, parse_oid
from git_hybrid.core.mirror_refs import without_place
from git_hybrid.core.pattern import pattern
from git_hybrid.core.ports import Stage
from git_hybrid.core.ports_mirror import Change, Holding
from git_hybrid.core.value import Struct, field, replace
from git_hybrid.git import packs
from git_hybrid.git.classify import last_words
from git_hybrid.git.environment import as_options
from git_hybrid.git.filling import object_format
from git_hybrid.git.fsck import fsck
from git_hybrid.git.kept import UPSTREAM, fetched_refs, upstream_ref
from git_hybrid.git.local import failure, must
from git_hybrid.git.manyrefs import pack_new
from git_hybrid.git.mirror_aside import missed, put_in_place
from git_hybrid.git.mirror_links import refuse_links_in, refuse_links_to
from git_hybrid.git.mirror_lists import SERVING, clear_lists, is_filled, is_listed, is_partial, lists
from git_hybrid.git.openable import refuse_closed
from git_hybrid.git.plainfiles import read_plain
from git_hybrid.git.quarantine import Disk, GitQuarantine
from git_hybrid.git.raw import Unsure
from git_hybrid.git.receiving import held
from git_hybrid.git.reflist import known_ref
from git_hybrid.git.run import Runner
from git_hybrid.git.skeleton import borrow_from, can_lend, write_skeleton
from git_hybrid.git.stale import sweep

PINS = "refs/hybrid/pins/"
_LFS_DONE = "lfs/hybrid"
_NEWER = pattern(r"unknown repository (?:extension|format)|expected git repo version", re.IGNORECASE)
# For so many milliseconds a ref that another git holds is tried again: whoever serves the folder may work in it.
_PATIENT = as_options(("core.filesRefLockTimeout=2000", "core.packedRefsTimeout=5000"))


class GitMirrorFolder(Struct):
    """The mirror folder of :mod:`git_hybrid.core.ports_mirror`; *run* names what is set aside.

    ``ended`` returns the number of a signal once the run that has the lock of the folder is over, else 0.
    """

    runner: Runner
    disk: Disk
    folder: Path
    quarantine: GitQuarantine
    run: RunId
    ended: Callable[[], int] = lambda: 0
    _locks: dict[str, threading.Lock] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _count: int = 0

    def announce(self) -> str:
        """Show in the folder that this run works on it; return the folder."""
        self.quarantine.claim()
        return str(self.folder)

    @contextmanager
    def exclusive(self, path: str) -> Iterator[Sequence[str]]:
        """Keep other threads from the repository at *path*: two sources may be one repository.

        Yields what was taken away first, in words, of what a killed git had left there, and what was not put back.

        Raises:
            SymlinkRefused: there is a symbolic link in it, or on the way to it.
            LocalIo: the file system refused.
            Interrupted: the run that has the lock of the folder is over.
        """
        with self._guard:
            lock = self._locks.setdefault(path, threading.Lock())
        with lock:
            target = self.place(path)
            refuse_links_in(target)
            self._refuse_ended()
            yield [*sweep(self.disk, target, target, self.folder), *missed(self.folder, target, path)]

    def place(self, path: str) -> Path:
        """Return where the repository at *path* is; a server decodes what is percent-encoded in a URL.

        Raises:
            BadArgument: it would stand inside another repository.
            SymlinkRefused: it, or a folder on the way to it, is a symbolic link.
        """
        parts = unquote(path, errors="surrogateescape").split("/")
        if any(part.endswith(".git") for part in parts[:-1]):
            raise BadArgument(what="the URL path", value=path, reason="would stand inside another mirrored repository")
        return refuse_links_to(self.folder, parts)

    def holding(self, path: str) -> Holding | None:
        """Return what the repository at *path* holds, or None if there is none that git can read.

        One that rests on another repository, or has only a part of its history or objects, is none.

        Raises:
            SymlinkRefused: there is a symbolic link in it, or on the way to it.
            LocalIo: the machine does not let it be read.
            GitFailed: it is of a format that this git does not know.
        """
        target = self.place(path)
        refuse_links_in(target)
        if not (target / "HEAD").is_file() or is_partial(target):
            return None
        listed = self.runner.git(["for-each-ref", "--format=%(objectname) %(refname)"], git_dir=target)
        if listed.status != 0:
            refuse_closed(target)
            if _NEWER.search(listed.stderr):
                words = last_words(listed.stderr)
                raise GitFailed(command="git for-each-ref", status=listed.status, stderr=words)
            return None
        lines = [line.partition(" ") for line in listed.stdout.decode("utf-8", "surrogateescape").split("\n")]
        refs = {ref: parse_oid(oid) for oid, _, ref in lines if ref.startswith(("refs/heads/", "refs/tags/"))}
        pins = {parse_oid(oid) for oid, _, ref in lines if ref.startswith(PINS)}
        return Holding(
            refs=refs,
            head=_head(read_plain(target / "HEAD")),
            pins=frozenset(self._held(target, pins)),
            lfs=frozenset(oid for oid in pins if (target / _LFS_DONE / oid).exists()),
            listed=is_listed(target, {(oid, ref) for oid, _, ref in lines if ref}),
            is_filled=bool(pins) or is_filled(target),
        )

    def list_again(self, name: SourceName, path: str) -> bool:
        """Write the lists of packs and refs of the repository at *path*; return whether they told something else.

        Raises:
            GitFailed: git could not write them.
        """
        target = self.place(path)
        before = lists(target)
        self._serve(name, target)
        return lists(target) != before

    def _held(self, target: Path, pins: Iterable[Oid]) -> list[Oid]:
        """Return those of *pins* that the repository at *target* has."""
        try:
            return [parse_oid(oid) for oid in held(target, pins)]
        except Unsure:
            return [oid for oid in pins if self.runner.git(["cat-file", "-e", oid], git_dir=target).status == 0]

    def stage(self, name: SourceName, path: str, *, borrow: bool, oid_length: int) -> Stage:
        """Return a new stage for the repository at *path*."""
        with self._guard:
            self._count += 1
            label = SourceName(f"{self._count}-{name}")
        stage = self.quarantine.stage(label, borrow=False, oid_length=oid_length)
        target = self.place(path)
        borrows = borrow and can_lend(target, oid_length=oid_length)
        if borrows:
            with reported(stage.path, "create"):
                borrow_from(Path(stage.git_dir), target)
        return Stage(name=name, path=stage.path, borrows=borrows)

    def look(self, name: SourceName, path: str) -> Stage:
        """Return the repository at *path* itself, to be read and no more: a stage that borrows from it takes longer."""
        target = str(self.place(path))
        return Stage(name=name, path=target, apart=target)

    def install(self, stage: Stage, path: str, change: Change) -> str | None:
        """Check *stage* with fsck, then bring its packs and refs into the repository at *path*.

        Returns where in the folder the one that stood there was set aside, if it was.

        Raises:
            MalformedObjects: fsck refused what would be served.
            SymlinkRefused: there is a symbolic link in the repository, or on the way to it.
            LocalIo: the file system refused, or another git holds a ref; what was served before still is.
            Interrupted: the run that has the lock of the folder is over: it may be another's by now.
        """
        giver, target = Path(stage.git_dir), self.place(path)
        refuse_links_in(target)
        checked = fsck(self.runner, giver, waived=change.waived)
        if checked.status != 0:
            raise MalformedObjects(name=stage.name, message=last_words(checked.stderr))
        if stage.borrows:
            self._refuse_ended()
            self._change(stage, giver, target, change, is_served=True)
            return None
        made = Path(f"{stage.path}.bare")
        with reported(made, "make"):
            write_skeleton(made, object_format=object_format(giver), bare=True, more=SERVING)
        self._change(stage, giver, made, change, is_served=False)
        self._refuse_ended()
        self.disk.make_folder(target.parent)
        # That takes long, and until it is done what was served before is.
        self.disk.sync_everything()
        if target.exists():
            name = f"{path.replace('/', '+')}-{self.run}"
            return put_in_place(self.disk, self.folder, made, target, name)
        self.disk.rename_path(made, target)
        return None

    def _refuse_ended(self) -> None:
        if number := self.ended():
            raise Interrupted(signal=number)

    def is_sound(self, path: str, waived: Sequence[Oid]) -> bool:
        """Tell whether fsck finds the repository at *path* whole, and its LFS objects are what their names say.

        Raises:
            LocalIo: the machine does not let it be read.
        """
        target = self.place(path)
        objects = target / "lfs/objects"
        files = [file for file in objects.rglob("*") if file.is_file()] if objects.is_dir() else []
        if fsck(self.runner, target, waived=waived).status != 0:
            refuse_closed(target)
            return False
        with reported(objects, "read"):
            return all(_sha256(file) == file.name for file in files)

    def _change(self, stage: Stage, giver: Path, taker: Path, change: Change, *, is_served: bool) -> None:
        # In one that is made anew nothing stands yet that could stay.
        fetched, kept = fetched_refs(giver), change.kept if is_served else ()
        packs.move(self.disk, giver, taker)
        if change.lfs:
            self._move_lfs(giver, taker, change.pin)
        if is_served:
            self._serve(stage.name, taker)
        new = {
            upstream_ref(ref): oid
            for ref, oid in sorted(fetched.items())
            if ref.startswith((f"{UPSTREAM}heads/", f"{UPSTREAM}tags/")) and upstream_ref(ref) not in kept
        }
        if change.pin is not None:
            new[f"{PINS}{change.pin}"] = change.pin
        self._update(stage, taker, change.gone, new)
        if change.head is not None and change.head != _head(read_plain(taker / "HEAD")):
            self.disk.write_file(taker / "HEAD", f"ref: {change.head}\n".encode("utf-8", "surrogateescape"))
        self._serve(stage.name, taker)

    @property
    def _steady(self) -> Runner:
        """What brings to its end what is begun: refs without their list would count as current ever after."""
        return replace(self.runner, cancelled=lambda: 0)

    def _update(self, stage: Stage, taker: Path, gone: Sequence[str], new: Mapping[str, str]) -> None:
        # git takes nothing away in the same step as what stands in its place; the rest goes all at once, or not at all.
        first = without_place(gone, new)
        self._refs(stage, taker, [f"delete {ref}" for ref in sorted(first)])
        lines = [f"delete {ref}" for ref in gone if ref not in first]
        packed = pack_new(self._steady, self.disk, taker, new)
        lines += [f"update {ref} {oid}" for ref, oid in new.items() if ref not in packed]
        self._refs(stage, taker, lines)

    def _refs(self, stage: Stage, taker: Path, lines: list[str]) -> None:
        if lines:
            data = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
            done = self._steady.git([*_PATIENT, "update-ref", "--stdin"], git_dir=taker, stdin=data)
            if done.status != 0:
                raise failure(stage.name, "update-ref", done)

    def _serve(self, name: SourceName, taker: Path) -> None:
        """Write the lists of packs and refs that a server without git needs (git-update-server-info(1))."""
        clear_lists(taker)
        must(self._steady, name, taker, ["update-server-info"])

    def _move_lfs(self, giver: Path, taker: Path, pin: Oid | None) -> None:
        source = giver / "lfs/objects"
        for path in sorted(source.rglob("*")) if source.is_dir() else ():
            target = refuse_links_to(taker, ["lfs", "objects", *path.relative_to(source).parts])
            if path.is_file() and not target.exists():
                self.disk.make_folder(target.parent)
                self.disk.rename_path(path, target)
        self.disk.make_folder(taker / _LFS_DONE)
        self.disk.write_file(taker / _LFS_DONE / str(pin), b"")

    def has(self, path: str) -> bool:
        """Tell whether there is a repository at *path*, which may be anything that stands in a listing."""
        try:
            return (self.place(path) / "HEAD").is_file()
        except (BadArgument, SymlinkRefused, ValueError):
            return False


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _head(data: bytes | None) -> RefName | None:
    """Return the branch that *data*, which stands in ``HEAD``, names; None if it names none."""
    text = (data or b"").decode("utf-8", "surrogateescape").rstrip()
    return known_ref(text.removeprefix("ref: ")) if text.startswith("ref: ") else None
