"""Where a run touches its workspace, from a recorded run, and what one fault at each of these places leads to."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from support.cli import Result, executable, merged_env
from support.injection import audit, readable
from support.kit import lock, state

CALLS = ("openat", "write", "fsync", "rename", "mkdir", "unlink", "unlinkat", "rmdir", "link", "ftruncate")
_FULL = ("EIO", "ENOSPC", "EDQUOT")
_NAMES = ("EIO", "EACCES", "EROFS")
ERRORS: Mapping[str, tuple[str, ...]] = {
    "openat": (*_FULL, "EACCES", "EROFS", "EMFILE"),
    "write": _FULL,
    "fsync": _FULL,
    "ftruncate": ("EIO",),
    "rename": (*_FULL, "EACCES", "EROFS"),
    "mkdir": (*_FULL, "EACCES", "EROFS"),
    "link": (*_FULL, "EACCES", "EROFS"),
    "unlink": _NAMES,
    "unlinkat": _NAMES,
    "rmdir": _NAMES,
}
_LINE = re.compile(r"(?P<pid>\d+) +(?P<call>[a-z_0-9]+)\((?P<rest>.*)")
_RUN = re.compile(r"[0-9A-Z]{26}")
_TIMEOUT = 120


@dataclass(frozen=True, slots=True)
class Point:
    """The call number *when* of *call*; *paths* is what it touched below the workspace.

    Where *only* is a path, spelt as in the call, just the calls on that path count; with *main* just those of the
    tool's own main thread, else those of each process and thread by itself.
    """

    call: str
    when: int
    paths: tuple[str, ...]
    only: str
    main: bool


@dataclass(frozen=True, slots=True)
class View:
    """What the files of a workspace say, without times and ids."""

    manifest: str
    pins: Mapping[str, str]
    installed: Mapping[str, str]


def view(workspace: Path) -> View:
    """Return what stands in *workspace*; fail if a file of state is not whole."""
    readable(workspace)
    has_state = (workspace / "state/sources.json").exists()
    return View(
        manifest=(workspace / "sources.toml").read_text(),
        pins={name: pin["commit"] for name, pin in lock(workspace).items()},
        installed={name: entry["commit_sha"] for name, entry in state(workspace).items()} if has_state else {},
    )


def strace(
    options: Sequence[str], arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None
) -> Result:
    """Run ``git-hybrid`` under strace; a traceback fails the test."""
    done = subprocess.run(
        ["strace", "-qq", *quicker(options), str(executable()), *arguments],
        cwd=cwd,
        env=merged_env(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_TIMEOUT,
        check=False,
    )
    out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    assert "Traceback" not in out + err, err
    return Result(code=done.returncode, out=out, err=err)


def quicker(options: Sequence[str]) -> list[str]:
    """Return *options* of strace so that no other calls are stopped at, where that can be: strace 6.1 kills nobody then."""
    kills = any("signal=" in option for option in options)
    return [*(["--seccomp-bpf"] if "-f" in options and not kills else []), *options]


def recorded(arguments: Sequence[str], *, cwd: Path, log: Path) -> tuple[Result, tuple[Point, ...]]:
    """Run ``git-hybrid`` undisturbed and return where it touched the workspace *cwd*, each place once."""
    done = strace(["-f", "-y", "-o", str(log), "-e", f"trace={','.join(CALLS)}"], arguments, cwd=cwd)
    counts: Counter[tuple[str, str, str]] = Counter()
    points: dict[tuple[str, int, str, bool], list[str]] = {}
    inside = re.compile(r"[\"<]" + re.escape(str(cwd)) + r"/([^\">]*)")
    lines = [match for line in log.read_text(errors="replace").splitlines() if (match := _LINE.match(line))]
    for match in lines:
        call, place = match["call"], inside.search(match["rest"].partition(") = ")[0])
        # How many files a process opens before it looks at the workspace differs: so these are counted by path.
        only = place[1] if call == "openat" and place is not None else ""
        counts[match["pid"], call, only] += 1
        if place is not None and not _RUN.search(only):
            key = (call, counts[match["pid"], call, only], only, match["pid"] == lines[0]["pid"])
            points.setdefault(key, []).append(place[1])
    return done, tuple(
        Point(call, when, tuple(paths), f"{cwd}/{only}" if only else "", main)
        for (call, when, only, main), paths in points.items()
    )


def injected(point: Point, what: str, arguments: Sequence[str], *, cwd: Path, log: Path) -> tuple[Result, bool]:
    """Run ``git-hybrid`` with *what* done at *point*; return how it ended, and whether the place was reached."""
    rule = ["-o", str(log), "-e", f"trace={point.call}", "-e", f"inject={point.call}:{what}:when={point.when}"]
    only = ["-P", point.only] if point.only else []
    done = strace([*([] if point.main else ["-f"]), *rule, *only], arguments, cwd=cwd)
    text = log.read_text(errors="replace")
    return done, "(INJECTED)" in text or "killed by SIGKILL" in text


def stopped_at(name: str, arguments: Sequence[str], *, cwd: Path) -> Result:
    """Run ``git-hybrid`` in the workspace *cwd*, of which it cannot write the file *name*, and fail unless it says so."""
    options = ["-f", "-o", "/dev/null", "-P", f"{cwd}/{name}.tmp", "-e", "trace=openat"]
    done = strace([*options, "-e", "inject=openat:error=EIO"], arguments, cwd=cwd)
    assert done.code == 74, done.err
    return done


def clear_error(result: Result, *, at_most: int = 2) -> None:
    """Fail unless *result* is one clear refusal: an exit status that is no bug and no signal, and an error in words."""
    assert 1 <= result.code < 128, result
    assert result.code != 70, result.err
    errors = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert 1 <= len(errors) <= at_most, result.err


def old_or_new(workspace: Path, old: View, new: View, before: bytes) -> None:
    """Fail unless each file is the old or the new one whole and the audit log still begins with *before*."""
    now = view(workspace)
    assert now.manifest in (old.manifest, new.manifest), now
    assert now.pins in (old.pins, new.pins), now
    # A source that failed ends itself, not the run: the others may be installed.
    for name in old.installed.keys() | new.installed.keys() | now.installed.keys():
        assert now.installed.get(name) in (old.installed.get(name), new.installed.get(name)), (name, now)
    audit(workspace)
    assert log_bytes(workspace).startswith(before)


def log_bytes(workspace: Path) -> bytes:
    """Return the audit log."""
    path = workspace / "state/sources-audit.jsonl"
    return path.read_bytes() if path.exists() else b""


def named(points: Sequence[Point], call: str, part: str, nth: int = -1) -> Point:
    """Return the last (or *nth*) point of *call* on a path that has *part* in it."""
    found = [point for point in points if point.call == call and any(part in path for path in point.paths)]
    assert found, (call, part, [point.paths for point in points if point.call == call])
    return found[nth]
