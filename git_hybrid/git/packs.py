"""Move objects between repositories of ours: packs first, then what names them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from git_hybrid.core.cache_record import PACK_LIMIT
from git_hybrid.core.errors import GitFailed, LocalIo
from git_hybrid.core.ids import SourceName
from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import Struct
from git_hybrid.git.complete import ALTERNATES
from git_hybrid.git.environment import as_options
from git_hybrid.git.glance import MARK, is_marked, packs_of
from git_hybrid.git.hint import write_hint
from git_hybrid.git.kept import broken_refs, fetched_refs
from git_hybrid.git.libgit2 import holds, links, open_repository, released
from git_hybrid.git.local import failure, must
from git_hybrid.git.packfiles import in_order
from git_hybrid.git.plainfiles import expects_more, file_at, oids_in
from git_hybrid.git.quarantine import Disk
from git_hybrid.git.recorded import Doubt
from git_hybrid.git.run import Completed, Runner, items

if TYPE_CHECKING:
    from git_hybrid.git.libgit2 import Repository

_READABLE = pattern(rb"ref:|[0-9a-f]{40}")
_MARKS = r"^(remote\..*\.(promisor|partialclonefilter)|extensions\.partialclone)$"


class Came(Struct, frozen=True):
    """What was poured: the names of refs and of pack files, and the commits at which history was cut."""

    refs: frozenset[str] = frozenset()
    packs: frozenset[str] = frozenset()
    cuts: frozenset[str] = frozenset()

    def __or__(self, other: Came) -> Came:
        """Return what came both times."""
        return Came(self.refs | other.refs, self.packs | other.packs, self.cuts | other.cuts)


def pour(
    runner: Runner, disk: Disk, giver: Path, taker: Path, *, name: SourceName, boundaries: bool, cut: bool = False
) -> Came:
    """Move the packs of the repository *giver* into *taker*, then its refs: refs never name what is not there.

    With *boundaries* what *giver* knows of cut history goes along, and stays with *cut* also where more of it is in
    *taker*. Where the packs of *taker* are ours alone the small ones are packed together when they are many.

    Raises:
        LocalIo: the file system refused, or *taker* is gone.
    """
    if not (taker / "HEAD").is_file():
        raise LocalIo(path=str(taker.parent), operation="bring objects to", reason="no repository is there any more")
    whole = is_marked(str(taker))
    cuts = oids_in(giver / "shallow") if boundaries else []
    found = move(disk, giver, taker)
    if boundaries:
        _merge_shallow(runner, disk, cuts, taker, name=name, cut=cut)
    refs = _pour_refs(runner, giver, taker, name=name)
    if whole:
        # What was there is there still.
        with suppress(Doubt, OSError):
            roll_up_many(runner, taker)
            mark(str(taker))
    return Came(frozenset(refs), frozenset(found), frozenset(cuts))


def _pour_refs(runner: Runner, giver: Path, taker: Path, *, name: SourceName) -> dict[str, str]:
    refs = fetched_refs(giver)
    orders = "".join(
        f"update {ref} {oid}\n" for ref, oid in sorted(refs.items()) if not _rewritten(f"{taker}/{ref}", oid)
    )
    if not orders:
        return refs
    for broken in broken_refs(taker):
        os.unlink(f"{taker}/{broken}")
    if gone := "".join(f"delete {ref}\n" for ref in in_the_way(fetched_refs(taker), refs)):
        # Not with the others: a ref cannot be made below the name of one that is deleted at the same time.
        must(runner, name, taker, ["update-ref", "--stdin"], stdin=os.fsencode(gone))
    must(runner, name, taker, ["update-ref", "--stdin"], stdin=os.fsencode(orders))
    return refs


def in_the_way(there: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Return those of the refs *there* next to which git cannot make *wanted*: the name of one is a folder of another.

    Upstream has turned the branch ``release`` into ``release/1``, or the other way round.
    """
    wanted = frozenset(wanted)
    folders = {folder for ref in wanted for folder in _folders(ref)}
    return sorted(ref for ref in there if ref in folders or not wanted.isdisjoint(_folders(ref)))


def _folders(ref: str) -> list[str]:
    return [ref[:at] for at, char in enumerate(ref) if char == "/"]


def _rewritten(path: str, oid: str) -> bool:
    """Tell whether the loose ref at *path* names *oid* now: written as git writes one, by way of its lock.

    One that is not there already is left to git, which knows what else may have the name, and so is one that is locked.
    One that is damaged is not: git changes none that it cannot read.
    """
    line = f"{oid}\n".encode("ascii")
    try:
        with file_at(path) as file:
            before = file.read() or b""
        if before == line or (len(before) != len(line) and _READABLE.match(before)):
            return before == line
        lock = os.open(f"{path}.lock", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError:
        return False
    try:
        with open(lock, "wb", buffering=0) as file:
            file.write(line)
            os.fsync(lock)
        os.rename(f"{path}.lock", path)
    except OSError:
        os.unlink(f"{path}.lock")
        raise
    return True


def move(disk: Disk, giver: Path, taker: Path) -> list[str]:
    """Move the packs of *giver* into *taker*, and return the names of their files.

    Raises:
        LocalIo: the file system refused.
    """
    source, target = f"{giver}/objects/pack", f"{taker}/objects/pack"
    found = in_order(os.listdir(source)) if os.path.isdir(source) else []
    os.makedirs(target, exist_ok=True)
    for name in found:
        os.rename(f"{source}/{name}", f"{target}/{name}")
    disk.sync_folder(Path(target))
    return found


def _merge_shallow(runner: Runner, disk: Disk, cuts: list[str], taker: Path, *, name: SourceName, cut: bool) -> None:
    lines = {*cuts, *oids_in(taker / "shallow")}
    if not lines:
        return
    if not cut:
        # A boundary whose parents have come since is none any more.
        lines = _still_cut(runner, taker, lines, name=name)
    if lines:
        disk.write_file(taker / "shallow", "".join(f"{line}\n" for line in sorted(lines)).encode("ascii"))
    else:
        disk.remove_file(taker / "shallow")


def _still_cut(runner: Runner, git_dir: Path, lines: set[str], *, name: SourceName) -> set[str]:
    with released(open_repository(git_dir)) as repository:
        if repository is None:
            return _cut_off(runner, git_dir, sorted(lines), name=name)
        return {line for line in lines if any(not holds(repository, oid) for oid in _parents(repository, line))}


def _parents(repository: Repository, oid: str) -> list[str]:
    found = links(repository, oid)
    return [oid] if found is None else list(found[1])


def _cut_off(runner: Runner, git_dir: Path, commits: list[str], *, name: SourceName) -> set[str]:
    """Return those of *commits* of which a parent is missing, or they are, where libgit2 cannot look."""
    from git_hybrid.git.repository import blobs
    from git_hybrid.git.trees import links_of

    def told(how: str, oids: Iterable[str]) -> bytes:
        asked = "".join(f"{oid}\n" for oid in oids).encode("ascii")
        return must(runner, name, git_dir, ["cat-file", how], stdin=asked).stdout

    # From the bytes: to git a commit at which history is cut off has no parents.
    read = (links_of(data or b"") for data in blobs(told("--batch", commits), b"commit"))
    parents = {oid: found[1] if found else (oid,) for oid, found in zip(commits, read, strict=True)}
    checked = told("--batch-check", (parent for each in parents.values() for parent in each)).split(b"\n")
    missing = {line.removesuffix(b" missing").decode("ascii") for line in checked if line.endswith(b" missing")}
    return {oid for oid in commits if not missing.isdisjoint(parents[oid])}


def roll_up(runner: Runner, git_dir: Path) -> Completed:
    """Pack the small packs of the repository at *git_dir* together; all that was in them stays, reachable or not.

    Large ones are left as they are (``--geometric``), so the work stays in proportion to what came since.
    """
    with runner.working() as threads:
        return runner.git([*as_options(threads), "repack", "-d", "-n", "--quiet", "--geometric=2"], git_dir=git_dir)


def roll_up_many(runner: Runner, git_dir: Path) -> None:
    """Do so where packs are many: each update brings one, and git looks for an object in one after the other.

    What cannot be done now is left for the next update: nothing depends on it.

    Raises:
        Interrupted: the program was asked to stop.
        OSError: the folder cannot be read.
    """
    names = os.listdir(git_dir / "objects/pack")
    # A pack with such a file is left alone.
    if sum(name.endswith(".pack") for name in names) - sum(name.endswith(".keep") for name in names) > PACK_LIMIT:
        with suppress(GitFailed, LocalIo):
            roll_up(runner, git_dir)


def mark(git_dir: str) -> bool:
    """Keep, as a hint, which packs are at *git_dir* now that all objects of its pin are there; tell if that was new.

    Raises:
        Doubt: objects are borrowed, or missing by design.
        OSError: the file system refused.
    """
    if is_marked(git_dir):
        return False
    write_hint(f"{git_dir}/{MARK}", packs_of(git_dir))
    return True


def make_complete(runner: Runner, disk: Disk, git_dir: Path, *, name: SourceName) -> None:
    """Take away the marks of a partial clone, once all history has been poured in.

    Raises:
        LocalIo: the file system refused.
    """
    packs = git_dir / "objects/pack"
    marks = sorted(found for found in os.listdir(packs) if found.endswith(".promisor"))
    for found in marks:
        disk.remove_file(packs / found)
    if marks or expects_more(git_dir):
        listed = runner.git(["config", "--local", "--null", "--name-only", "--get-regexp", _MARKS], git_dir=git_dir)
        for key in sorted(set(items(listed.stdout))):
            must(runner, name, git_dir, ["config", "--local", "--unset-all", key])


def own_objects(runner: Runner, disk: Disk, git_dir: Path, *, name: SourceName) -> str:
    """Copy what the repository borrows from others, as ``git clone --dissociate`` does, and return a note about it.

    Raises:
        GitFailed: not all that its refs and reflogs need is there.
        LocalIo: the file system refused.
    """
    # What nothing refers to is kept too: it may be somebody's work.
    with runner.working() as threads:
        done = runner.git([*as_options(threads), "repack", "-A", "-d", "-q"], git_dir=git_dir)
    if done.status != 0:
        raise failure(name, "repack", done)
    disk.remove_file(git_dir / ALTERNATES)
    return "its objects are its own now; some of them were borrowed from another repository"
