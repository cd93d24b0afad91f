"""Fetch one ref from a folder of this machine: upload-pack on one side, index-pack on the other, no git in between.

``git clone`` starts the same two, behind a shell and a process of its own that passes the pack on, makes a repository
and looks for what is missing in it; ``git fetch`` starts eight. What comes passes the same checks here: git's fsck, and
that nothing is missing. The one pack of a first fetch has to be whole by itself
(``--check-self-contained-and-connected``). Of a later one everything that its objects name has to be there, in it or in
what was there before (``--strict``), which was whole. Whatever is not as plain as that is left to git, whose words and
decisions stand: another protocol, a shallow server, a refusal of any kind.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager, suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from git_hybrid.core.errors import LocalIo
from git_hybrid.core.ids import InvalidText
from git_hybrid.core.manifest import Defaults
from git_hybrid.core.ports import FetchRequest, Stage
from git_hybrid.core.value import Struct
from git_hybrid.git.cloning import is_empty, keep_ref, only_ref
from git_hybrid.git.environment import FSCK_WARNINGS
from git_hybrid.git.kept import fetched_refs
from git_hybrid.git.pktline import (
    NOTHING_SHARED,
    Lines,
    advertised,
    answer_of,
    pieces_of_pack,
    question_of,
    require_version_2,
    wanted,
    wanted_beyond,
)
from git_hybrid.git.raw import Unsure, opened
from git_hybrid.git.wire import NotUnderstood

if TYPE_CHECKING:
    from collections.abc import Callable

    from git_hybrid.git.cage import Child
    from git_hybrid.git.child import Talker
    from git_hybrid.git.run import Runner

HAVES = "refs/hybrid/have/"
"""What a store of the object cache has, as a stage that got its packs is told: complete, each with its history."""
_POLL = 100
_MOMENT = 0.001
_PACK_HEAD = 12
"""PACK, a version, the number of objects (gitformat-pack(5))."""
# So many are named to a server; it would take many more in a pipe before it reads them.
_MOST_HAVES = 256
_STRICT = "--strict=" + ",".join(f"{message}=warn" for message in FSCK_WARNINGS)
# With these git would ask another place, in another way, or check otherwise.
_TELLING = ("url.", "protocol.version", "fetch.fsck.", "remote.git-hybrid.")
# git gives settings of its command line to no program that it starts for a local repository.
_INHERITED = ("GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT")


class Nearby(Struct, frozen=True):
    """Fetches from folders of this machine, or says that git has to."""

    runner: Runner

    def fetch(self, stage: Stage, url: str, request: FetchRequest, defaults: Defaults, kept: str) -> bool:
        """Bring the one ref of *request* into *stage*, as the ref *kept*; False leaves it to git, the stage as it was.

        A stage that has what a store of the object cache has, or borrows from a clone, gets what is new since then.

        Raises:
            DeadlineExceeded: it took too long.
            Interrupted: the program was asked to stop.
        """
        ref, git_dir = only_ref(request), Path(stage.path) / ".git"
        if ref is None or request.waived or not self._is_plain(url):
            return False
        end = time.monotonic() + defaults.deadline.total_seconds()
        path, before = url.removeprefix("file://"), _packs(git_dir)
        try:
            known = _known(git_dir)
            if not known and not is_empty(git_dir):
                return False
            oid = self._grown(path, ref, git_dir, end, known) if known else self._fetched(path, ref, git_dir, end)
            if oid is not None and _holds(git_dir, oid):
                keep_ref(git_dir, kept, oid)
                return True
        except (NotUnderstood, Unsure, OSError, LocalIo, InvalidText, ValueError):
            pass  # Whatever it is, git meets it too, and has words for it.
        _clean(git_dir, before)
        return False

    def _is_plain(self, url: str) -> bool:
        environ = self.runner.environ
        allowed = environ.get("GIT_ALLOW_PROTOCOL")
        if not url.startswith("file:///") or "%" in url or (allowed is not None and "file" not in allowed.split(":")):
            return False
        return not any(name in environ for name in _INHERITED) and not any(
            key.startswith(_TELLING) for key in self.runner.chosen
        )

    def _fetched(self, path: str, ref: str, git_dir: Path, end: float) -> str | None:
        """Receive upstream's *ref* with all its history; return its id, or None if that has not worked.

        In version 0 of the protocol a pack comes as it is, if nobody asks for a side band: index-pack can read it
        from the server itself.
        """
        with self.runner.working() as threads, self._server(path, (*threads, *_of_one_pack(path)), version=0) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            check = partial(self.runner.check, end)
            lines = Lines(_reader(server.stdout.fileno(), check))
            oid = advertised(lines, ref)
            if oid is None:
                return None
            os.write(server.stdin.fileno(), wanted(oid))
            server.stdin.close()
            # Not a byte more than that: the pack begins behind it.
            if _exactly(server.stdout.fileno(), check, len(NOTHING_SHARED)) != NOTHING_SHARED:
                return None
            arguments = ["index-pack", "--stdin", _STRICT, "--check-self-contained-and-connected"]
            with self.runner.talking(arguments, settings=threads, git_dir=git_dir, stdin=server.stdout) as indexer:
                # Only the two of them hold the pipe now: each ends when the other does.
                server.stdout.close()
                whole = _is_indexed(indexer, check)
            return oid if whole and _status(server, check) == 0 else None

    def _grown(self, path: str, ref: str, git_dir: Path, end: float, known: Collection[str]) -> str | None:
        """Receive what upstream's *ref* has beyond the history of those *known*; return its id, or None as above."""
        with self.runner.working() as threads, self._server(path, threads, version=2) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            check = partial(self.runner.check, end)
            lines = Lines(_reader(server.stdout.fileno(), check))
            require_version_2(lines)
            os.write(server.stdin.fileno(), question_of(ref))
            oid = answer_of(lines, ref)
            is_new = oid is not None and oid not in known
            if oid is not None and is_new:
                os.write(server.stdin.fileno(), wanted_beyond(oid, sorted(known)[:_MOST_HAVES]))
            # There are no more questions, and so it ends by itself.
            server.stdin.close()
            if is_new:
                pieces = pieces_of_pack(lines)
                first = b""
                while len(first) < _PACK_HEAD and (piece := next(pieces, b"")):
                    first += piece
                # To one that has all of it an empty pack is sent.
                is_empty_pack = first[8:_PACK_HEAD] == bytes(4)
                if not is_empty_pack and not self._is_added(chain([first], pieces), threads, git_dir, check):
                    return None
            return oid if _status(server, check) == 0 else None

    def _is_added(
        self, pieces: Iterable[bytes], threads: Iterable[str], git_dir: Path, check: Callable[[], None]
    ) -> bool:
        """Tell whether index-pack took the pack that comes in *pieces*, all of it and nothing missing."""
        arguments = ["index-pack", "--stdin", "--fix-thin", _STRICT]
        with self.runner.talking(arguments, settings=threads, git_dir=git_dir) as indexer:
            assert indexer.stdin is not None
            write = _writer(indexer.stdin.fileno(), check)
            for piece in pieces:
                write(piece)
            indexer.stdin.close()
            return _is_indexed(indexer, check)

    def _server(self, path: str, settings: Iterable[str], *, version: int) -> AbstractContextManager[Talker]:
        return self.runner.talking(["upload-pack", path], settings=settings, version=version)


def _of_one_pack(path: str) -> tuple[str, ...]:
    """Return the settings for a repository that is one pack: git would look in vain for deltas that it does not have.

    What has a delta in that pack keeps it, and for the rest git does not try again (try_delta in pack-objects.c): it
    only goes through all of it once more.
    """
    for objects in (f"{path}/objects", f"{path}/.git/objects"):
        with suppress(OSError):
            packs = [name for name in os.listdir(f"{objects}/pack") if name.endswith(".pack")]
            # Neither loose objects nor those of another repository.
            whole = {*os.listdir(objects)} <= {"info", "pack"} and not os.path.lexists(f"{objects}/info/alternates")
            return ("pack.window=0",) if whole and len(packs) == 1 else ()
    return ()


def _known(git_dir: Path) -> frozenset[str]:
    """Return the tips whose whole history the stage was given out of the object cache, or borrows from a clone."""
    with suppress(FileNotFoundError):
        lines = (git_dir / "packed-refs").read_text(encoding="utf-8").splitlines()
        return frozenset(line[:40] for line in lines if line[41:].startswith(HAVES))
    with suppress(FileNotFoundError):
        (objects,) = (git_dir / "objects" / "info" / "alternates").read_text(encoding="utf-8").splitlines()
        return frozenset(fetched_refs(Path(objects).parent).values())
    return frozenset()


def _holds(git_dir: Path, oid: str) -> bool:
    with opened(git_dir) as raw:
        return raw.holds(oid)


def _clean(git_dir: Path, before: frozenset[str]) -> None:
    """Take away what a fetch that has failed left beside the packs that were there *before*."""
    for name in _packs(git_dir) - before:
        os.unlink(git_dir / "objects" / "pack" / name)


def _packs(git_dir: Path) -> frozenset[str]:
    with suppress(FileNotFoundError):
        return frozenset(os.listdir(git_dir / "objects" / "pack"))
    return frozenset()


def _reader(descriptor: int, check: Callable[[], None], *, most: int = 1 << 16) -> Callable[[], bytes]:
    """Return a function that reads what comes next, nothing at the end; *check* may raise while it waits."""
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)

    def read() -> bytes:
        check()
        while not waiting.poll(_POLL):
            check()
        return os.read(descriptor, most)

    return read


def _exactly(descriptor: int, check: Callable[[], None], count: int) -> bytes:
    """Return the next *count* bytes and read none after them; fewer if that is the end."""
    data = b""
    while len(data) < count and (piece := _reader(descriptor, check, most=count - len(data))()):
        data += piece
    return data


def _writer(descriptor: int, check: Callable[[], None]) -> Callable[[bytes], None]:
    """Return a function that writes all that it is given; *check* may raise while it waits."""
    os.set_blocking(descriptor, False)
    waiting = select.poll()
    waiting.register(descriptor, select.POLLOUT)

    def write(data: bytes) -> None:
        left = memoryview(data)
        while left:
            check()
            if waiting.poll(_POLL):
                left = left[os.write(descriptor, left) :]

    return write


def _is_indexed(indexer: Talker, check: Callable[[], None]) -> bool:
    assert indexer.stdout is not None
    told = b"".join(iter(_reader(indexer.stdout.fileno(), check), b""))
    return told.startswith(b"pack\t") and _status(indexer, check) == 0


def _status(child: Child, check: Callable[[], None]) -> int:
    """Return the exit status of a child that has written its last."""
    while (status := child.poll()) is None:
        check()
        time.sleep(_MOMENT)
    return status
