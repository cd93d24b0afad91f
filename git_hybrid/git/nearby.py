"""Fetch one ref from a folder of this machine: pack-objects on one side, index-pack on the other, no git in between.

Where git is needed to tell what upstream has, it is upload-pack that starts pack-objects. ``git clone`` starts these
behind a shell and a process of its own that passes the pack on, makes a repository and looks for what is missing in it;
``git fetch`` starts eight. What comes passes the same checks here
(:mod:`git_hybrid.git.receiving`). Whatever is not as plain as that is left to git, whose words and decisions stand:
another protocol, a shallow server, a refusal of any kind.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import AbstractContextManager, suppress
from functools import partial
from typing import TYPE_CHECKING

from git_hybrid.core.ids import Oid
from git_hybrid.core.value import Struct
from git_hybrid.git.limits import end_of
from git_hybrid.git.localrefs import serving, tip
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
from git_hybrid.git.receiving import (
    Fetch,
    Wanted,
    add_pack,
    bring,
    held,
    indexing,
    is_directed,
    is_indexed,
    reader,
    status_of,
    undone,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from git_hybrid.git.child import Talker
    from git_hybrid.git.run import Runner

# With these set by the user, upload-pack serves other refs, or by another program.
_SERVING = {"transfer.hiderefs", "uploadpack.hiderefs", "uploadpack.packobjectshook"}
# git gives settings of its command line to no program that it starts for a local repository.
_INHERITED = ("GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT")


class Nearby(Struct, frozen=True):
    """Fetches from folders of this machine, or says that git has to."""

    runner: Runner

    def fetch(self, fetch: Fetch) -> bool:
        """Do *fetch*; False leaves it to git, the stage as it was.

        A stage that has what a store of the object cache has, or borrows from a clone, gets what is new since then.

        Raises:
            DeadlineExceeded: it took too long.
            Interrupted: the program was asked to stop.
        """
        if not self._is_plain(fetch.url):
            return False
        end = end_of(fetch.defaults.deadline)
        path = fetch.url.removeprefix("file://")

        def receive(wants: Wanted) -> str | None:
            oid = fetch.request.glimpsed.get((fetch.url, wants.ref)) or self.glimpse(fetch.url, wants.ref)
            if oid in wants.known:
                return oid
            # Upstream may have gone back to what is here: then it may have nothing to send.
            if oid is not None and not (wants.known and held(wants.git_dir, [oid])):
                with undone(wants.git_dir) as done:
                    if self._packed(path, oid, wants, end):
                        done.append(oid)
                        return oid
            return self._grown(path, wants, end) if wants.known else self._fetched(path, wants, end)

        return bring(self.runner, fetch, receive)

    def glimpse(self, url: str, ref: str) -> Oid | None:
        """Return what *ref* is in the repository at *url*, where git would surely tell the same."""
        runner = self.runner
        if not self._is_plain(url) or is_directed(runner) or _SERVING & (runner.chosen | runner.conditional):
            return None
        found = tip(url.removeprefix("file://"), ref)
        return None if found is None else Oid(found)

    def _is_plain(self, url: str) -> bool:
        environ = self.runner.environ
        allowed = environ.get("GIT_ALLOW_PROTOCOL")
        if not url.startswith("file:///") or "%" in url or (allowed is not None and "file" not in allowed.split(":")):
            return False
        return not any(name in environ for name in _INHERITED)

    def _packed(self, path: str, oid: Oid, wants: Wanted, end: float) -> bool:
        """Receive *oid*, which is upstream's ref, from the program that ``upload-pack`` would start to make the pack.

        It gets the same orders (create_pack_file in git's upload-pack.c). What upload-pack is asked before, which refs
        there are and what both sides have, is read from its files, and known from what it gave before. False if that
        has not worked: it may have taken something of that away since.
        """
        # Not in a folder of somebody else's making: git is found, and begins, where this program is.
        arguments = [f"--git-dir={serving(path)}", "pack-objects", "--revs", "--stdout", "-q", "--delta-base-offset"]
        arguments += ["--thin"] if wants.known else []
        with self.runner.working() as threads:
            settings = (*threads, *(() if wants.known else _of_one_pack(path)))
            with self.runner.talking(arguments, settings=settings) as packer:
                assert packer.stdin is not None
                assert packer.stdout is not None
                check = partial(self.runner.check, end)
                order = "".join(f"{line}\n" for line in (oid, "--not", *wants.haves))
                # One that has ended already says so by its status.
                with suppress(BrokenPipeError):
                    os.write(packer.stdin.fileno(), order.encode())
                packer.stdin.close()
                return self._indexed(packer, wants, threads, check)

    def _indexed(self, server: Talker, wants: Wanted, threads: Iterable[str], check: Callable[[], None]) -> bool:
        """Tell whether the pack that the *server* writes was taken, and the server ended well."""
        assert server.stdout is not None
        with indexing(self.runner, wants, threads, stdin=server.stdout) as indexer:
            # Only the two of them hold the pipe now: each ends when the other does.
            server.stdout.close()
            whole = is_indexed(indexer, check)
        return whole and status_of(server, check) == 0

    def _fetched(self, path: str, wants: Wanted, end: float) -> str | None:
        """Receive upstream's ref with all its history; return its id, or None if that has not worked.

        In version 0 of the protocol a pack comes as it is, if nobody asks for a side band: index-pack can read it
        from the server itself.
        """
        with self.runner.working() as threads, self._server(path, (*threads, *_of_one_pack(path)), version=0) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            check = partial(self.runner.check, end)
            lines = Lines(reader(server.stdout.fileno(), check))
            oid = advertised(lines, wants.ref)
            if oid is None:
                return None
            os.write(server.stdin.fileno(), wanted(oid))
            server.stdin.close()
            # Not a byte more than that: the pack begins behind it.
            if _exactly(server.stdout.fileno(), check, len(NOTHING_SHARED)) != NOTHING_SHARED:
                return None
            return oid if self._indexed(server, wants, threads, check) else None

    def _grown(self, path: str, wants: Wanted, end: float) -> str | None:
        """Receive what upstream's ref has beyond what is known; return its id, or None as above."""
        with self.runner.working() as threads, self._server(path, threads, version=2) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            check = partial(self.runner.check, end)
            lines = Lines(reader(server.stdout.fileno(), check))
            require_version_2(lines)
            os.write(server.stdin.fileno(), question_of(wants.ref))
            oid = answer_of(lines, wants.ref)
            is_new = oid is not None and oid not in wants.known
            if oid is not None and is_new:
                os.write(server.stdin.fileno(), wanted_beyond(oid, wants.haves))
            # There are no more questions, and so it ends by itself.
            server.stdin.close()
            if is_new and not add_pack(self.runner, pieces_of_pack(lines), wants, threads, check):
                return None
            return oid if status_of(server, check) == 0 else None

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


def _exactly(descriptor: int, check: Callable[[], None], count: int) -> bytes:
    """Return the next *count* bytes and read none after them; fewer if that is the end."""
    data = b""
    while len(data) < count and (piece := reader(descriptor, check, most=count - len(data))()):
        data += piece
    return data
