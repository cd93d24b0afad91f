"""Record what one run of the program does to its state files, by strace: the log that a power cut is replayed from."""

from __future__ import annotations

import codecs
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from support.cli import executable, merged_env

Kind = Literal["open", "write", "fsync", "rename", "unlink", "mkdir", "sync"]
_CALLS = (
    "openat,write,pwrite64,writev,fsync,fdatasync,sync,syncfs,rename,renameat,renameat2,unlink,unlinkat"
    ",mkdir,mkdirat,rmdir,link,linkat,symlink,symlinkat,ftruncate,truncate,copy_file_range,sendfile"
)
_LINE = re.compile(rb"^(?P<pid>\d+) +(?P<call>\w+)\((?P<rest>.*)$", re.DOTALL)
_RESUMED = re.compile(rb"^(?P<pid>\d+) +<\.\.\. \w+ resumed>(?P<rest>.*)$", re.DOTALL)
_UNFINISHED = b" <unfinished ...>"
_ENDED_WELL = re.compile(rb"\) += (?P<result>\d+)")
_TEXT = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_DESCRIPTOR = re.compile(rb"^(?:\d+|AT_FDCWD)<([^>]*)>")
_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Op:
    """One thing done to a file of the workspace; paths are relative to it. `to` is the new name of a rename."""

    kind: Kind
    path: str = "."
    data: bytes = b""
    to: str = ""
    truncates: bool = False


def record(arguments: Sequence[str], *, workspace: Path, log: Path) -> tuple[int, list[Op]]:
    """Run `git-hybrid` under strace; return its exit status, and what it did to state/ and sources.toml in order.

    Raises:
        AssertionError: it did something there that the replay does not know.
    """
    command = ["strace", "-f", "-qq", "-y", "-s", "4000000", "--seccomp-bpf", "-o", str(log), "-e", f"trace={_CALLS}"]
    done = subprocess.run(
        [*command, str(executable()), *arguments],
        cwd=workspace,
        env=merged_env(None),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_SECONDS,
        check=False,
    )
    return done.returncode, [op for call, rest in _calls(log) for op in _ops(call, rest, workspace)]


def _calls(log: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield the successful calls with their arguments, in the order in which they ended."""
    begun: dict[bytes, bytes] = {}
    with log.open("rb") as file:
        for raw in file:
            line = raw.rstrip(b"\n")
            resumed = _RESUMED.match(line)
            if resumed is not None:
                line = begun.pop(resumed["pid"]) + resumed["rest"]
            found = _LINE.match(line)
            if found is None:
                continue
            if line.endswith(_UNFINISHED):
                begun[found["pid"]] = line.removesuffix(_UNFINISHED)
            elif _ENDED_WELL.search(found["rest"]):
                yield found["call"], found["rest"]


def _ops(call: bytes, rest: bytes, workspace: Path) -> list[Op]:
    if call in (b"sync", b"syncfs"):
        return [Op("sync")]
    texts = [codecs.escape_decode(text)[0] for text in _TEXT.findall(rest)]
    descriptor = _DESCRIPTOR.match(rest)
    base = Path(descriptor[1].decode()) if descriptor else Path()
    if call in (
        b"fsync",
        b"fdatasync",
        b"write",
        b"ftruncate",
        b"pwrite64",
        b"writev",
        b"sendfile",
        b"copy_file_range",
    ):
        path = _inside(base, workspace)
        if path is None:
            return []
        if call == b"write":
            return [Op("write", path, _written(texts[0], rest))]
        assert call in (b"fsync", b"fdatasync"), (call, rest)
        return [Op("fsync", path)]
    paths = [_inside(base / text.decode("utf-8", "surrogateescape"), workspace) for text in texts]
    if not any(paths):
        return []
    assert all(paths), ("a name moves in or out of the state folder", call, rest)
    return _named(call, rest, [path for path in paths if path is not None])


def _named(call: bytes, rest: bytes, paths: list[str]) -> list[Op]:
    if call == b"openat":
        writes = re.search(rb"O_WRONLY|O_RDWR", rest) is not None
        return [Op("open", paths[0], truncates=b"O_TRUNC" in rest)] if writes else []
    if call.startswith(b"rename"):
        return [Op("rename", paths[0], to=paths[1])]
    if call.startswith(b"mkdir"):
        return [Op("mkdir", paths[0])]
    assert call in (b"unlink", b"unlinkat", b"rmdir"), (call, rest)
    return [Op("unlink", paths[0])]


def _written(data: bytes, rest: bytes) -> bytes:
    ended = _ENDED_WELL.search(rest, rest.rindex(b'"'))
    assert ended is not None
    return data[: int(ended["result"])]


def _inside(path: Path, workspace: Path) -> str | None:
    """Return the path below the workspace if it belongs to the state, else None."""
    if not path.is_relative_to(workspace):
        return None
    relative = path.relative_to(workspace)
    if relative == Path() or relative.parts[0] == "state" or relative.name.startswith("sources.toml"):
        return str(relative)
    return None
