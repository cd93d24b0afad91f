"""Fill a store of the object cache from a stage that was fetched into, under the store's lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

from git_hybrid.core.cache_record import PACK_LIMIT, Seen, StoreRecord, as_brought, refreshed
from git_hybrid.core.errors import LocalIo
from git_hybrid.core.ids import InvalidText, RefName, Url, parse_full_ref, parse_oid
from git_hybrid.core.value import Struct, replace
from git_hybrid.git.cloning import loose_folders
from git_hybrid.git.complete import is_complete
from git_hybrid.git.kept import fetched_refs, packed_refs, upstream_ref
from git_hybrid.git.packfiles import pack_files
from git_hybrid.git.receiving import HAVES
from git_hybrid.git.run import Runner
from git_hybrid.git.store import Broken, Store, write_packed_refs
from git_hybrid.git.storelock import Unusable

_YOUNG = timedelta(minutes=1)


class NotFilled:
    """What stands for a store that cannot be filled."""

    def keep(self, patterns: Sequence[str], served_by: str) -> str:
        """Keep nothing."""
        del patterns
        return served_by


class StoreFilling(Struct):
    """The filling of :mod:`git_hybrid.core.ports_cache`; ``tell`` takes what goes wrong, in words."""

    runner: Runner
    store: Store
    url: Url
    git_dir: Path
    now: datetime
    tell: Callable[[str], None]
    _record: StoreRecord | None = None
    _begun: bool = False

    def begin(self) -> None:
        """Give the stage what the store has, so that the server sends only the rest."""
        try:
            self._record = self._given()
            self._begun = True
        except (Unusable, LocalIo, OSError) as error:
            self.tell(reason(error))

    def _given(self) -> StoreRecord | None:
        try:
            record = self.store.read()
            if record is None or record.object_format != object_format(self.git_dir):
                return None
            record = linked(self.runner, self.store, record, self.git_dir)
        except (Unusable, Broken) as error:
            set_aside(self.store, str(error), self.tell)
            packs = self.git_dir / "objects/pack"
            for name in pack_files(packs):
                os.unlink(packs / name)
            return None
        oids = sorted({seen.oid for seen in record.refs.values()})
        write_packed_refs(None, self.git_dir, {f"{HAVES}{number}": oid for number, oid in enumerate(oids)})
        return record

    def keep(self, patterns: Sequence[str], served_by: str) -> str:
        """Keep what was fetched into the stage: packs first, the record that names them last."""
        seen: dict[RefName, Seen] = {}
        with self._told():
            _drop_haves(self.git_dir)
            known = {} if self._record is None else self._record.refs
            seen = as_brought(known, self._seen(served_by))
            if self._begun and _is_whole(self.git_dir):
                self._keep(patterns, seen)
        return next((seen[RefName(ref)].origin for ref in patterns if ref in seen), served_by)

    def make(self, ref: RefName, served_by: str) -> None:
        """Make the store, which has no record, of what *served_by* sent into the stage: of *ref* it had that."""
        with self._told():
            found = self._seen(served_by).get(ref)
            if found is not None and _is_whole(self.git_dir):
                self._keep((ref,), {ref: found})

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell what goes wrong in the block, and take away what is half filled: it takes room and serves nobody."""
        try:
            yield
        except (Unusable, Broken, LocalIo, OSError) as error:
            self.tell(reason(error))
            with suppress(LocalIo):
                self.store.drop_unfinished()

    def _keep(self, patterns: Sequence[str], seen: dict[RefName, Seen]) -> None:
        old, store = self._record, self.store
        if old is None:
            if store.path.exists() and not store.drop_unfinished():
                store.set_aside()
            old = StoreRecord(url=str(self.url), object_format=object_format(self.git_dir), fetched_at=self.now)
        folder = self.git_dir / "objects/pack"
        new = {name: folder / name for name in pack_files(folder) if name not in old.files}
        taken = store.take(new, old.files, old.object_format) if new or self._record is None else {}
        refs = refreshed(old.refs, patterns, seen)
        same = self._record is not None and not new and refs.keys() == old.refs.keys()
        if same and all(_is_young(old.refs.get(ref), found) for ref, found in seen.items()):
            store.used()
            return
        record = replace(old, files={**old.files, **taken}, refs=refs, fetched_at=self.now)
        store.write(record, before=self._record)
        store.used()
        if record.packs > PACK_LIMIT:
            from git_hybrid.git.cache_care import consolidated

            consolidated(self.runner, store, record)

    def _seen(self, served_by: str) -> dict[RefName, Seen]:
        found: dict[RefName, Seen] = {}
        for ref, oid in fetched_refs(self.git_dir).items():
            with suppress(InvalidText):
                found[parse_full_ref(upstream_ref(ref))] = Seen(oid=parse_oid(oid), served_by=served_by, at=self.now)
        return found


def _is_young(known: Seen | None, found: Seen) -> bool:
    """Tell whether the record has *found* already, as of a moment ago: it need not be written once more."""
    same = known is not None and (known.oid, known.served_by) == (found.oid, found.served_by)
    return same and known is not None and timedelta(0) <= found.at - known.at < _YOUNG


def linked(runner: Runner, store: Store, record: StoreRecord, git_dir: Path) -> StoreRecord:
    """Link the packs of *record* into *git_dir* under the store's lock; return the record that then holds.

    Raises:
        Broken: a pack is not what it was.
        OSError, LocalIo: the file system refused.
    """
    found, name = store.link(record, git_dir)
    if found == "touched":
        # A copy of the cache may have got other times. Whether more than that happened is worth one look.
        from git_hybrid.git.cache_care import checked

        record = checked(runner, store, record)
        store.write(record)
    elif found != "same":
        raise Broken(f"{name} is {found}")
    return record


def set_aside(store: Store, why: str, tell: Callable[[str], None]) -> None:
    """Set *store* aside under its lock, and say so.

    Raises:
        LocalIo: the file system refused.
    """
    tell(f"{store.name} is damaged and was set aside: {why}")
    if os.path.lexists(store.path):
        store.set_aside()


def reason(error: Exception) -> str:
    """Return in words what went wrong with the file system or the store."""
    if isinstance(error, LocalIo):
        return f"cannot {error.operation} {error.path}: {error.reason}"
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
    return str(error)


def object_format(git_dir: Path) -> str:
    """Return the object format of a repository that we made.

    Raises:
        OSError: its configuration cannot be read.
    """
    return "sha256" if b"objectformat = sha256" in (git_dir / "config").read_bytes() else "sha1"


def _drop_haves(git_dir: Path) -> None:
    """Take away the refs that told the server what is here: they say nothing of what upstream has."""
    if refs := packed_refs(git_dir):
        write_packed_refs(None, git_dir, {ref: oid for ref, oid in refs.items() if not ref.startswith(HAVES)})


def _is_whole(git_dir: Path) -> bool:
    """Tell whether the packs of the stage hold all history of its refs: what else there is could not be shared."""
    return is_complete(git_dir) and not loose_folders(git_dir) and bool(pack_files(git_dir / "objects/pack"))
