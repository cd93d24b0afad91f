"""Fetch one ref from a folder of this machine: upload-pack on one side, index-pack on the other, nobody in between.

``git clone`` starts the same two, behind a shell and a process of its own that passes the pack on, makes a repository
and looks for what is missing in it. What comes passes the same checks here: git's fsck, and that nothing is missing in
the one pack that it comes in (``--check-self-contained-and-connected``). Whatever is not as plain as that is left to
git, whose words and decisions stand: another protocol, a shallow server, a refusal of any kind.
"""

from __future__ import annotations

import os
import select
import struct
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from git_hybrid.core.errors import LocalIo
from git_hybrid.core.ids import InvalidText
from git_hybrid.core.manifest import Defaults
from git_hybrid.core.ports import FetchRequest, Stage
from git_hybrid.core.value import Struct
from git_hybrid.git.cloning import is_empty, keep_ref, only_ref
from git_hybrid.git.environment import FSCK_WARNINGS
from git_hybrid.git.pktline import (
    NOTHING_SHARED,
    Lines,
    advertised,
    answer_of,
    question_of,
    require_version_2,
    wanted,
)
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
_INDEX = b"\377tOc\0\0\0\2"
_FANOUT = len(_INDEX)
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

        A stage that has what a store of the object cache has gets nothing new: it is looked whether that is upstream's
        tip.

        Raises:
            DeadlineExceeded: it took too long.
            Interrupted: the program was asked to stop.
        """
        ref, git_dir = only_ref(request), Path(stage.path) / ".git"
        if ref is None or request.waived or not self._is_plain(url):
            return False
        empty, known = is_empty(git_dir), _known(git_dir)
        if not empty and not known:
            return False
        end = time.monotonic() + defaults.deadline.total_seconds()
        path = url.removeprefix("file://")
        try:
            oid = self._fetched(path, ref, git_dir, end) if empty else self._confirmed(path, ref, end, known)
            if oid is not None and (not empty or _is_in_pack(git_dir, oid)):
                keep_ref(git_dir, kept, oid)
                return True
        except (NotUnderstood, OSError, LocalIo, InvalidText, ValueError):
            pass  # Whatever it is, git meets it too, and has words for it.
        if empty:
            _clean(git_dir)
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
        with self.runner.working() as threads, self._server(path, threads, version=0) as server:
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
            if Lines(_reader(server.stdout.fileno(), check, most=1)).exactly(len(NOTHING_SHARED)) != NOTHING_SHARED:
                return None
            arguments = ["index-pack", "--stdin", _STRICT, "--check-self-contained-and-connected"]
            with self.runner.talking(arguments, settings=threads, git_dir=git_dir, stdin=server.stdout) as indexer:
                assert indexer.stdout is not None
                # Only the two of them hold the pipe now: each ends when the other does.
                server.stdout.close()
                told = b"".join(iter(_reader(indexer.stdout.fileno(), check), b""))
                whole = told.startswith(b"pack\t") and _status(indexer, check) == 0
            return oid if whole and _status(server, check) == 0 else None

    def _confirmed(self, path: str, ref: str, end: float, known: frozenset[str]) -> str | None:
        """Return the id of upstream's *ref* if it is one of those *known*, None if it is another."""
        with self._server(path, (), version=2) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            lines = Lines(_reader(server.stdout.fileno(), partial(self.runner.check, end)))
            require_version_2(lines)
            os.write(server.stdin.fileno(), question_of(ref))
            oid = answer_of(lines, ref)
            return oid if oid in known else None

    def _server(self, path: str, settings: Iterable[str], *, version: int) -> AbstractContextManager[Talker]:
        # It only reads, and ends by itself when nobody listens any more: it needs no guard.
        return self.runner.talking(["upload-pack", path], settings=settings, version=version, guarded=False)


def _known(git_dir: Path) -> frozenset[str]:
    """Return the tips whose whole history the stage was given out of the object cache."""
    try:
        lines = (git_dir / "packed-refs").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return frozenset()
    return frozenset(line[:40] for line in lines if line[41:].startswith(HAVES))


def _is_in_pack(git_dir: Path, oid: str) -> bool:
    """Tell whether the one pack of *git_dir* has the object, by its index (gitformat-pack(5), version 2)."""
    folder = f"{git_dir}/objects/pack"
    (name,) = (name for name in os.listdir(folder) if name.endswith(".idx"))
    wanted = bytes.fromhex(oid)
    with open(f"{folder}/{name}", "rb", buffering=0) as file:
        head = file.read(_FANOUT + 256 * 4)
        if not head.startswith(_INDEX) or len(head) < _FANOUT + 256 * 4:
            raise NotUnderstood
        ends = (0, *struct.unpack_from(">256I", head, _FANOUT))
        first, end = ends[wanted[0]], ends[wanted[0] + 1]
        names = os.pread(file.fileno(), (end - first) * 20, _FANOUT + 256 * 4 + first * 20)
    return any(names[at : at + 20] == wanted for at in range(0, len(names), 20))


def _clean(git_dir: Path) -> None:
    folder = git_dir / "objects" / "pack"
    for name in os.listdir(folder) if folder.is_dir() else ():
        os.unlink(folder / name)


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


def _status(child: Child, check: Callable[[], None]) -> int:
    """Return the exit status of a child that has written its last."""
    while (status := child.poll()) is None:
        check()
        time.sleep(_MOMENT)
    return status
