"""Hash the blobs of a tree by way of libgit2: of many small ones that is faster than to have git write them out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from git_hybrid.core.digest import sha256_hex
from git_hybrid.core.ids import SourceName
from git_hybrid.core.tree import GITLINK, TreeEntry
from git_hybrid.git.libgit2 import damage, open_repository, released
from git_hybrid.git.listing import missing_blob

if TYPE_CHECKING:
    from git_hybrid.git.libgit2 import Repository

_SMALL = 1 << 20


def small_hashes(git_dir: Path, entries: Sequence[TreeEntry], *, name: SourceName) -> Iterator[str] | None:
    """Return the hashes of the blobs by way of libgit2, which holds each in memory; None where one is too large.

    Raises:
        WrongContent: by the iterator, where a blob is missing or not what its id says.
    """
    if any(entry.size > _SMALL for entry in entries) or (repository := open_repository(git_dir)) is None:
        return None
    return _hashes(repository, [entry.oid for entry in entries if entry.mode != GITLINK], name)


def _hashes(repository: Repository, oids: Sequence[str], name: SourceName) -> Iterator[str]:
    with released(repository):
        for oid in oids:
            yield _small_hash(repository, oid, name)


def _small_hash(repository: Repository, oid: str, name: SourceName) -> str:
    try:
        return sha256_hex(repository.odb.read(oid)[1])
    except (KeyError, ValueError, damage()) as error:
        raise missing_blob(name, oid) from error
