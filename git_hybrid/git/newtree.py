"""The working tree of a new clone: written from its packs by a process of ours where that is sooner, else by git."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from git_hybrid.core.lock import Pin
from git_hybrid.core.ports import Stage
from git_hybrid.core.ports_cache import TreeKeeper
from git_hybrid.core.tree import GITLINK, TreeEntry, content_digest
from git_hybrid.core.value import Struct
from git_hybrid.git import ondisk, packs, seen, sums
from git_hybrid.git.hands import Hands
from git_hybrid.git.packfiles import pack_paths
from git_hybrid.git.quarantine import Disk
from git_hybrid.git.recorded import Doubt
from git_hybrid.git.treekeeping import clear
from git_hybrid.git.unpacked import pack_order
from git_hybrid.git.unpacking import Unfit
from git_hybrid.turn import TURN

_INDEX = ".idx"


class NewTree(Struct, frozen=True):
    """The *entries* of the pinned tree, which are to stand in *stage*; *keeper* takes their content, if any."""

    stage: Stage
    pin: Pin
    entries: Sequence[TreeEntry]
    keeper: TreeKeeper | None

    def write(self, hands: Hands, disk: Disk, check_out: Callable[[], None]) -> str:
        """Write them by *hands* or by *check_out*, which is git; return the digest of what was written.

        Raises:
            GitFailed: git could not check it out.
            LocalIo: the disk is full or refuses.
        """
        hashes = self._poured(hands, disk)
        if hashes is None:
            if self.keeper is not None:
                self.keeper.restart()
            check_out()
            return self._read_back()
        if self.keeper is not None:
            self.keeper.know(hashes)
        with suppress(Doubt, OSError), TURN:
            packs.mark(self.stage.git_dir)
        return content_digest(self.entries, iter(hashes))

    def _poured(self, hands: Hands, disk: Disk) -> list[str] | None:
        """Return the SHA-256 of each file, taken on its way from the packs to the disk; None leaves it to git."""
        path, keep = self.stage.path, "" if self.keeper is None else self.keeper.place
        try:
            packs_there = pack_paths(self.stage.git_dir)
            names = tuple(name.removesuffix(_INDEX) for name in packs_there if name.endswith(_INDEX))
            order = pack_order(path, names, self.entries, self.pin.commit, self.pin.tree, keep)
            return None if order is None else hands.pour(order)
        except (Unfit, OSError):
            # git may know better, or has words for it.
            clear(disk, Path(path))
            return None

    def _read_back(self) -> str:
        """Return the digest of the files that stand there (:func:`git_hybrid.git.ondisk.read_back`)."""
        path, keeper = self.stage.path, self.keeper
        take = () if keeper is None else (keeper.take,)
        sha256, taken, hashes = ondisk.read_back(path, self.entries, *take)
        if keeper is not None:
            keeper.know(hashes)
        if not any(entry.mode == GITLINK for entry in self.entries):
            with suppress(Doubt, OSError):
                packs.mark(self.stage.git_dir)
                sums.write(path, self.entries, hashes)
                seen.keep_tree(path, taken.stamps(self.pin.commit, self.pin.tree))
        return sha256
