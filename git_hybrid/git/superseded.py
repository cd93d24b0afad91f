"""Take out of a clone whose history is not full what only earlier pins needed: each move brings a whole tree.

git keeps an old commit as long as a ref or a reflog names it, and its packs for ever where nobody runs ``git gc``. What
this tool itself wrote for an earlier pin goes. Where anything is there that it has not written, all stays as it is:
nobody has to find out what that rests on.
"""

from __future__ import annotations

import os
from pathlib import Path

from git_hybrid.core.cache_record import PACK_FILE
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.plan import PIN_REF
from git_hybrid.git.glance import MARK
from git_hybrid.git.kept import UPSTREAM, fetched_refs, packed_refs
from git_hybrid.git.local import must
from git_hybrid.git.packs import Came
from git_hybrid.git.plainfiles import bytes_at, oids_in
from git_hybrid.git.quarantine import Disk
from git_hybrid.git.run import Runner
from git_hybrid.git.unsaved import MOVES, loose_refs

_LOG = "logs/HEAD"
_OURS = frozenset(
    {
        *("HEAD", "config", "index", "info", "logs", "objects", "refs", "packed-refs", "shallow", "lfs"),
        *("hybrid", MARK),
    }
)
_PROMISED = ".promisor"


def drop_former(runner: Runner, disk: Disk, git_dir: Path, commit: Oid, came: Came, *, name: SourceName) -> None:
    """Leave in the clone at *git_dir* nothing but *came*, which brought all of *commit*, at which it stands now.

    Nothing is done where not all else is surely this tool's own.

    Raises:
        GitFailed: git could not delete a ref.
        LocalIo, OSError: the file system refused.
    """
    packs = git_dir / "objects/pack"
    there = os.listdir(packs)
    if not came.packs.issubset(there) or not _is_ours(git_dir, commit, there):
        return
    gone = sorted(ref for ref in fetched_refs(git_dir) if ref not in came.refs)
    if gone:
        # First: a ref never names what is not there.
        must(runner, name, git_dir, ["update-ref", "--stdin"], stdin=_deleting(gone))
    (git_dir / _LOG).unlink(missing_ok=True)
    if (cuts := [oid for oid in oids_in(git_dir / "shallow") if oid in came.cuts]) != oids_in(git_dir / "shallow"):
        lines = "".join(f"{oid}\n" for oid in cuts).encode("ascii")
        disk.write_file(git_dir / "shallow", lines) if cuts else disk.remove_file(git_dir / "shallow")
    # A pack without its index is none to git, and one that has lost its promise would be taken for damaged.
    for file in sorted((item for item in there if item not in came.packs), key=lambda item: not item.endswith(".idx")):
        os.unlink(packs / file)


def _deleting(refs: list[str]) -> bytes:
    return os.fsencode("".join(f"delete {ref}\n" for ref in refs))


def _is_ours(git_dir: Path, commit: Oid, packs: list[str]) -> bool:
    """Tell whether the clone stands at *commit*, detached, and nobody but this tool has written into its repository."""
    if not _OURS.issuperset(os.listdir(git_dir)) or bytes_at(git_dir / "HEAD") != f"{commit}\n".encode("ascii"):
        return False
    # Loose objects are somebody's: what this tool brings is in packs.
    if {*os.listdir(git_dir / "objects")} != {"pack", "info"} or os.listdir(git_dir / "objects/info"):
        return False
    if not all(PACK_FILE.fullmatch(item.replace(_PROMISED, ".pack")) for item in packs):
        return False
    refs = {*packed_refs(git_dir), *loose_refs(git_dir)}
    return all(ref == PIN_REF or ref.startswith(UPSTREAM) for ref in refs) and _is_log_ours(git_dir)


def _is_log_ours(git_dir: Path) -> bool:
    """Tell whether no reflog has a line of somebody else's."""
    logs = [*loose_refs(git_dir, "logs")]
    if logs in ([], [_LOG]):
        lines = bytes_at(git_dir / _LOG).decode("utf-8", "replace").split("\n") if logs else []
        return all(MOVES.fullmatch(line.partition("\t")[2]) for line in lines if line)
    return False
