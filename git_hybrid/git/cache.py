"""The object cache: what one workspace fetched, the next one links.

Whatever goes wrong here is told and not raised: the worst that the cache may do is not to help. What it lends passes
the same gates as what a server sends.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from git_hybrid.core.cache_record import StoreRecord, answers, folder_name
from git_hybrid.core.errors import LocalIo, NetworkFailure
from git_hybrid.core.ids import RefName, SourceName, Url
from git_hybrid.core.lock import Pin
from git_hybrid.core.ports import Stage
from git_hybrid.core.ports_cache import Filling, KeptTree, Question, TreeKeeper
from git_hybrid.core.tree import TreeEntry
from git_hybrid.core.value import Struct, field
from git_hybrid.git.filling import NotFilled, StoreFilling, linked, object_format, reason, set_aside
from git_hybrid.git.kept import kept_ref
from git_hybrid.git.quarantine import Disk
from git_hybrid.git.run import Runner
from git_hybrid.git.store import OF_WORKSPACE, WORK, Broken, Store, why_unsafe, write_refs
from git_hybrid.git.storelock import Busy, Unusable
from git_hybrid.turn import TURN

if TYPE_CHECKING:
    from git_hybrid.git.hands import Hands

_OID = 40
_TAG = b"Signature: 8a477f597d28d172789f06886806bc55\n# git hybrid can fetch all of this again: bford.info/cachedir\n"


class GitObjectCache(Struct):
    """The cache of :mod:`git_hybrid.core.ports_cache` in the folder *root*.

    ``patience`` is how long (s) a store that somebody else fills is waited for; ``tell`` takes a name and a note.
    Trees of up to ``most_tree_bytes`` are kept unpacked, and written by ``hands``. ``is_taken`` tells of folders that
    are there for something else.
    """

    runner: Runner
    disk: Disk
    root: Path
    now: datetime
    tell: Callable[[str, str], None]
    hands: Hands
    patience: float = 10.0
    cancelled: Callable[[], int] = lambda: 0
    most_tree_bytes: int = 0
    is_taken: Callable[[Path], bool] = lambda _folder: False
    _refused: str | None = None
    _is_swept: bool = False
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _stores: dict[Url, Store] = field(default_factory=dict)

    def holds(self, url: Url) -> bool:
        """Tell whether there is a store for *url* that can be used."""
        return self.edition(url) is not None

    def edition(self, url: Url) -> object:
        """Return which record the store of *url* has: each is a file of its own, renamed into its place."""
        try:
            store = self._store(url)
            return None if store is None else store.edition()
        except OSError:
            return None

    def lend(self, stage: Stage, url: Url, question: Question) -> str | None:
        """Link what the store has into *stage*, with the refs in question; return who served that."""
        git_dir = Path(stage.git_dir)
        with self._told(stage.name):
            store = self._store(url)
            record = None if store is None else store.read()
            while store is not None and record is not None:
                by = answers(record, question)
                if by is None or record.object_format != object_format(git_dir):
                    return None
                if store.link(record, git_dir)[0] == "same":
                    refs = {kept_ref(ref): record.refs[RefName(ref)].oid for ref in question.refs}
                    with TURN:
                        write_refs(git_dir, refs)
                    store.used()
                    return by
                before, record = record, self._looked_at(store, record, git_dir, stage)
                if record == before:
                    return None
        return None

    def _looked_at(self, store: Store, record: StoreRecord, git_dir: Path, stage: Stage) -> StoreRecord | None:
        """Return the record that holds now, after a closer look at a store some pack of which is not as it was."""
        with store.locked(patience=self.patience, cancelled=self.cancelled):
            now = store.read()
            if now is None or now.files != record.files:
                # Somebody packed it anew meanwhile.
                return now
            try:
                return linked(self.runner, store, now, git_dir)
            except Broken as error:
                set_aside(store, str(error), self._teller(stage.name))
                return None

    def distrust(self, name: SourceName, url: Url, why: str) -> None:
        """Set the store of *url* aside."""
        with self._told(name):
            store = self._store(url)
            if store is not None:
                with store.locked(patience=self.patience, cancelled=self.cancelled):
                    set_aside(store, why, self._teller(name))

    @contextmanager
    def filling(self, stage: Stage, url: Url) -> Iterator[Filling]:
        """Hold the store of *url* for the block, in which *stage* is fetched into."""
        with ExitStack() as stack:
            filling: Filling = NotFilled()
            with self._told(stage.name):
                store = self._store(url, make=True)
                if store is not None:
                    failures = store.failures
                    stack.enter_context(store.locked(patience=self.patience, cancelled=self.cancelled))
                    if store.failures == failures:
                        stack.enter_context(_counted(store))
                        filling = begun = self._filling(store, stage, url)
                        begun.begin()
                    else:
                        # All that waited ask at once then: one after the other would each wait out its own retries.
                        stack.close()
            yield filling

    def found(self, stage: Stage, url: Url, ref: RefName, served_by: str) -> None:
        """Make the store of *url*, if there is none, of *stage*; whoever holds its lock is about to fill it."""
        with self._told(stage.name):
            store = self._store(url, make=True)
            if store is not None and store.edition() is None:
                with suppress(Busy), store.locked(patience=0, cancelled=self.cancelled):
                    if store.edition() is None:
                        self._filling(store, stage, url).make(ref, served_by)

    def _filling(self, store: Store, stage: Stage, url: Url) -> StoreFilling:
        return StoreFilling(
            runner=self.runner,
            store=store,
            url=url,
            git_dir=Path(stage.git_dir),
            now=self.now,
            tell=self._teller(stage.name),
        )

    def tree(self, name: SourceName, url: Url, pin: Pin) -> KeptTree | None:
        """Return the pinned tree if it is kept and not damaged."""
        if not self.most_tree_bytes or len(pin.tree) != _OID:
            return None
        from git_hybrid.git.treekeeping import lent

        with self._told(name):
            store = self._store(url)
            if store is not None:
                return lent(store, pin, hands=self.hands, disk=self.disk, tell=self._teller(name))
        return None

    @contextmanager
    def keeping(
        self, name: SourceName, url: Url, pin: Pin, entries: Sequence[TreeEntry]
    ) -> Iterator[TreeKeeper | None]:
        """Yield what keeps the pinned tree as the newest of the few of its store."""
        from git_hybrid.git.treekeeping import StoreKeeper
        from git_hybrid.git.unpacked import is_worth_it

        keeper: StoreKeeper | None = None
        if is_worth_it(entries, most_bytes=self.most_tree_bytes):
            with self._told(name):
                store = self._store(url)
                if store is not None and store.edition() is not None:
                    self._sweep()
                    keeper = StoreKeeper(store, pin.tree, entries, self._teller(name))
        try:
            yield keeper
        finally:
            if keeper is not None:
                keeper.close()

    def _sweep(self) -> None:
        """Remove, once, the trees that killed runs had begun to keep."""
        from git_hybrid.git.unpacked import swept

        with self._guard:
            if not self._is_swept:
                self._is_swept = True
                swept(self.root / WORK)

    def _teller(self, name: SourceName) -> Callable[[str], None]:
        return lambda text: self.tell(name, f"object cache: {text}")

    @contextmanager
    def _told(self, name: SourceName) -> Iterator[None]:
        """Tell what goes wrong in the block, and go on without the cache."""
        try:
            yield
        except (Unusable, LocalIo, OSError) as error:
            self._teller(name)(reason(error))

    def _store(self, url: Url, *, make: bool = False) -> Store | None:
        """Return where the store of *url* is, or None where there is no cache yet or it is refused."""
        with self._guard:
            if self._refused is None:
                try:
                    self._refused = self._why_refused(make=make)
                except (LocalIo, OSError) as error:
                    self._refused = f"{self.root} is not used: {reason(error)}"
                if self._refused:
                    self.tell("cache", self._refused)
            if self._refused != "":
                return None
            if url not in self._stores:
                self._stores[url] = Store(self.disk, self.root, folder_name(url))
            return self._stores[url]

    def _why_refused(self, *, make: bool) -> str | None:
        """Return why the cache must not be used, nothing if it may, None if it is not there yet."""
        if self.is_taken(self.root):
            return f"{self.root} is not used: {OF_WORKSPACE}"
        tag, is_new = self.root / "CACHEDIR.TAG", not self.root.is_dir()
        if is_new:
            if not make:
                return None
            self.disk.make_folder(self.root.parent)
            self.root.mkdir(mode=0o700, exist_ok=True)
        why = why_unsafe(self.root)
        # Who was stopped while it was made leaves the tag half written.
        if not why and (is_new or os.path.lexists(f"{tag}.tmp")):
            with suppress(LocalIo):
                # Two that make the cache at once get in each other's way here; one of them has written it.
                self.disk.write_file(tag, _TAG)
        return why and f"{self.root} is not used: {why}"


@contextmanager
def _counted(store: Store) -> Iterator[None]:
    """Count where no server was reached for *store* in the block."""
    try:
        yield
    except NetworkFailure:
        store.failures += 1
        raise
