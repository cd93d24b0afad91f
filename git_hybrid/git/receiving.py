"""Take in a pack that a server sends: what the stage has of its history is told, and what comes passes git's checks.

git's fsck, and that nothing is missing. The pack of a first fetch has to be whole by itself
(``--check-self-contained-and-connected``). Of a later one everything that its objects name has to be there, in it or in
what was there before (``--strict``), which was whole.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from git_hybrid.core.errors import LocalIo
from git_hybrid.core.ids import InvalidText
from git_hybrid.core.manifest import Defaults
from git_hybrid.core.ports import FetchRequest, Stage
from git_hybrid.core.value import Struct
from git_hybrid.git.cloning import is_empty, keep_ref, only_ref
from git_hybrid.git.fsck import FSCK_WARNINGS
from git_hybrid.git.kept import fetched_refs, kept_ref, packed_refs
from git_hybrid.git.pktline import NotUnderstood
from git_hybrid.git.raw import Unsure, opened
from git_hybrid.git.watched import Listener, Watch
from git_hybrid.turn import TURN

if TYPE_CHECKING:
    from collections.abc import Callable

    from git_hybrid.git.cage import Child
    from git_hybrid.git.child import Source, Talker
    from git_hybrid.git.run import Runner

HAVES = "refs/hybrid/have/"
"""What a store of the object cache has, as a stage that got its packs is told: complete, each with its history."""
_POLL = 100
_STRICT = "--strict=" + ",".join(f"{message}=warn" for message in FSCK_WARNINGS)
_MOMENT = 0.001
_PACK_HEAD = 12
"""PACK, a version, the number of objects (gitformat-pack(5))."""
# So many are named to a server; it would take many more in a pipe before it reads them.
_MOST_HAVES = 256
_TELLING = ("url.", "protocol.version", "fetch.fsck.", "remote.git-hybrid.")


class Wanted(Struct, frozen=True):
    """One ref with all its history, wanted in the repository at ``git_dir``.

    ``known`` are tips whose whole history is there, or borrowed. ``watch`` is told how far it is.
    """

    ref: str
    git_dir: Path
    known: frozenset[str]
    watch: Watch | None = None

    @property
    def haves(self) -> list[str]:
        """What a server is told of that."""
        return sorted(self.known)[:_MOST_HAVES]


class Fetch(Struct, frozen=True, kw_only=True):
    """A fetch of one ref from ``url`` into ``stage``; ``watch`` is told how far it is."""

    stage: Stage
    url: str
    request: FetchRequest
    defaults: Defaults
    watch: Watch | None = None


def bring(runner: Runner, fetch: Fetch, receive: Callable[[Wanted], str | None]) -> bool:
    """Do *fetch* by means of *receive*; False leaves it to git, the stage as it was.

    *receive* brings what is wanted and returns the id of the ref, or None if that has not worked.

    Raises:
        what *receive* raises, but where git meets the same and has words for it.
    """
    ref, git_dir = only_ref(fetch.request), Path(fetch.stage.git_dir)
    if ref is None or fetch.request.waived:
        return False
    if is_directed(runner):
        return False
    with suppress(NotUnderstood, Unsure, OSError, LocalIo, InvalidText, ValueError), undone(git_dir) as done:
        known = _known(git_dir)
        if known or is_empty(git_dir):
            oid = receive(Wanted(ref, git_dir, known, fetch.watch))
            if oid is not None and held(git_dir, [oid]) and _is_whole(runner, git_dir, oid, known):
                keep_ref(git_dir, kept_ref(ref), oid)
                done.append(oid)
                return True
    return False


def _is_whole(runner: Runner, git_dir: Path, oid: str, known: frozenset[str]) -> bool:
    """Tell whether nothing that *oid* reaches is missing, where index-pack has not seen to that.

    It wants everything to be there that its objects name. In a clone that is borrowed from there may be more than what
    is reached from the tips, and less than all of that: what is left of something that was pruned.
    """
    if oid in known or not known or not os.path.exists(f"{git_dir}/objects/info/alternates"):
        return True
    lines = "".join(f"{line}\n" for line in (oid, *(f"^{tip}" for tip in known)))
    walk = ["rev-list", "--objects", "--quiet", "--stdin"]
    return runner.git(walk, git_dir=git_dir, stdin=lines.encode("ascii")).status == 0


def is_directed(runner: Runner) -> bool:
    """Tell whether settings of the user's may let git ask another place, in another way, or check otherwise."""
    return any(key.startswith(_TELLING) for key in (*runner.chosen, *runner.conditional))


@contextmanager
def undone(git_dir: Path) -> Iterator[list[str]]:
    """Take away what came beside the packs that are there, unless the list that is yielded gets something."""
    before, done = _packs(git_dir), list[str]()
    try:
        yield done
    finally:
        if not done:
            for name in _packs(git_dir) - before:
                with suppress(FileNotFoundError):
                    os.unlink(git_dir / "objects/pack" / name)


def add_pack(
    runner: Runner,
    pieces: Iterator[bytes],
    wanted: Wanted,
    threads: Iterable[str],
    check: Callable[[], None],
    listener: Listener | None = None,
) -> bool:
    """Tell whether index-pack took the pack that comes in *pieces*, all of it and nothing missing.

    If not, *listener* has what it said.
    """
    first = b""
    while len(first) < _PACK_HEAD and (piece := next(pieces, b"")):
        first += piece
    if first[8:_PACK_HEAD] == bytes(4) and wanted.known:
        # To one that has all of it an empty pack is sent: nothing in it is worth more than a look at its end.
        for _piece in pieces:
            pass
        return True
    with indexing(runner, wanted, threads, listener=listener) as indexer:
        assert indexer.stdin is not None
        write = writer(indexer.stdin.fileno(), check)
        with suppress(BrokenPipeError):
            # It ends as soon as it meets what it does not take.
            for piece in chain([first], pieces):
                write(piece)
        indexer.stdin.close()
        return is_indexed(indexer, check)


@contextmanager
def indexing(
    runner: Runner,
    wanted: Wanted,
    threads: Iterable[str],
    *,
    stdin: Source = "pipe",
    listener: Listener | None = None,
) -> Iterator[Talker]:
    """Run the index-pack that takes in what is *wanted*; leaving the block ends it. *listener* gets its words."""
    complete = "--fix-thin" if wanted.known else "--check-self-contained-and-connected"
    arguments, watch = ["index-pack", "--stdin", _STRICT, complete], wanted.watch
    with ExitStack() as stack:
        # Its pipes are closed only when it has ended, and then nobody listens any more.
        listener = Listener(watch) if listener is None and watch is not None else listener
        arguments += [] if watch is None else ["-v"]
        stderr: Source = "nothing" if listener is None else "pipe"
        if listener is not None:
            stack.enter_context(listener)
        talking = runner.talking(arguments, settings=threads, git_dir=wanted.git_dir, stdin=stdin, stderr=stderr)
        indexer = stack.enter_context(talking)
        if listener is not None and indexer.stderr is not None:
            listener.listen(indexer.stderr)
        yield indexer


def is_indexed(indexer: Talker, check: Callable[[], None]) -> bool:
    """Tell whether index-pack took its pack, when it has ended; *check* may raise while it is waited for."""
    assert indexer.stdout is not None
    told = b"".join(iter(reader(indexer.stdout.fileno(), check), b""))
    return told.startswith(b"pack\t") and status_of(indexer, check) == 0


def status_of(child: Child, check: Callable[[], None]) -> int:
    """Return the exit status of a child that has written its last."""
    while (status := child.poll()) is None:
        check()
        with TURN.waiting():
            time.sleep(_MOMENT)
    return status


def reader(descriptor: int, check: Callable[[], None], *, most: int = 1 << 16) -> Callable[[], bytes]:
    """Return a function that reads what comes next, nothing at the end; *check* may raise while it waits."""
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)

    def read() -> bytes:
        check()
        if not waiting.poll(0):
            with TURN.waiting():
                while not waiting.poll(_POLL):
                    check()
        return os.read(descriptor, most)

    return read


def writer(descriptor: int, check: Callable[[], None]) -> Callable[[bytes], None]:
    """Return a function that writes all that it is given; *check* may raise while it waits."""
    os.set_blocking(descriptor, False)
    waiting = select.poll()
    waiting.register(descriptor, select.POLLOUT)

    def write(data: bytes) -> None:
        left = memoryview(data)
        while left:
            check()
            if not waiting.poll(0):
                with TURN.waiting():
                    waiting.poll(_POLL)
                continue
            left = left[os.write(descriptor, left) :]

    return write


def _known(git_dir: Path) -> frozenset[str]:
    """Return the tips whose whole history the stage was given out of the object cache, or borrows from a clone."""
    if refs := packed_refs(git_dir):
        return frozenset(oid for ref, oid in refs.items() if ref.startswith(HAVES))
    with suppress(FileNotFoundError):
        (objects,) = os.fsdecode((git_dir / "objects/info/alternates").read_bytes()).split("\n")[:-1]
        return frozenset(fetched_refs(Path(objects).parent).values())
    return frozenset()


def held(git_dir: Path, oids: Iterable[str]) -> list[str]:
    """Return those of the objects *oids* that are in the repository at *git_dir*.

    Raises:
        Unsure: that is for git to say.
    """
    with opened(git_dir) as raw:
        return [oid for oid in oids if raw.holds(oid)]


def _packs(git_dir: Path) -> frozenset[str]:
    with suppress(FileNotFoundError):
        return frozenset(os.listdir(f"{git_dir}/objects/pack"))
    return frozenset()
