"""Run the installed `git-hybrid` under strace and tell what it and its children started, created and changed."""

from __future__ import annotations

import codecs
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from support.cli import executable, merged_env

_CALLS = (
    "execve,openat,open,creat,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,link,linkat,symlink"
    ",symlinkat,truncate,chmod,fchmodat,mknod,mknodat,utimensat,chdir,fchdir,clone,clone3,fork,vfork"
)
_BIRTH = re.compile(rb"^(\d+) .*(?:clone3?|v?fork)\b.* = (\d+)$")
_LINE = re.compile(rb"^(?P<pid>\d+) +(?:<\.\.\. )?(?P<call>\w+)(?:\((?P<rest>.*)| resumed>(?P<more>.*))$")
_DESCRIPTOR = re.compile(rb"\d+<([^>]*)>")
_TEXT = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_BASE = re.compile(rb"(?:AT_FDCWD|\d+)<([^>]*)>, \"((?:[^\"\\]|\\.)*)\"")
_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Trace:
    """How the command ended, the argument lists of every program that was started, and the paths that were written."""

    code: int
    out: str
    err: str
    programs: tuple[tuple[str, ...], ...]
    written: tuple[str, ...]


def trace(*arguments: str | Path, cwd: Path, log: Path, env: Mapping[str, str | None] | None = None) -> Trace:
    """Run `git-hybrid` under strace.

    Raises:
        subprocess.TimeoutExpired: it took longer than `_SECONDS`.
    """
    command = ["strace", "-f", "-qq", "-y", "-s", "4096", "--seccomp-bpf", "-o", log, "-e", f"trace={_CALLS}"]
    done = subprocess.run(
        [*map(str, command), str(executable()), *map(str, arguments)],
        cwd=cwd,
        env=merged_env(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_SECONDS,
        check=False,
    )
    lines = log.read_bytes().splitlines()
    births = {found[2]: found[1] for found in map(_BIRTH.match, lines) if found}
    folders: dict[bytes, Path] = {}
    programs: list[tuple[str, ...]] = []
    written: list[str] = []
    for line in lines:
        found = _LINE.match(line)
        if found is None or found["rest"] is None or b" = -1 E" in line:
            continue
        # A child begins in the folder of its parent, whose birth of it may be told after its first calls.
        here = folders.setdefault(found["pid"], folders.get(births.get(found["pid"], b""), cwd))
        if found["call"] == b"execve":
            words = [_text(word) for word in _TEXT.findall(found["rest"].rpartition(b", 0x")[0])]
            programs.append((words[0], *words[2:]))
        elif found["call"] in (b"chdir", b"fchdir"):
            named = _TEXT.search(found["rest"])
            descriptor = _DESCRIPTOR.match(found["rest"])
            target = _text(named[1]) if named else _text(descriptor[1]) if descriptor else "."
            folders[found["pid"]] = Path(here, target)
        elif found["call"] not in (b"openat", b"open") or re.search(rb"O_WRONLY|O_RDWR|O_CREAT", found["rest"]):
            paths = _paths(found["rest"], here)
            written += paths[-1:] if found["call"].startswith(b"symlink") else paths
    return Trace(
        code=done.returncode,
        out=done.stdout.decode(errors="replace"),
        err=done.stderr.decode(errors="replace"),
        programs=tuple(programs),
        written=tuple(dict.fromkeys(written)),
    )


def _paths(rest: bytes, cwd: Path) -> list[str]:
    based = [str(Path(_text(base), _text(name))) for base, name in _BASE.findall(rest)]
    return based or [str(Path(cwd, _text(name))) for name in _TEXT.findall(rest)[:2]]


def _text(raw: bytes) -> str:
    return codecs.escape_decode(raw)[0].decode("utf-8", "surrogateescape")
