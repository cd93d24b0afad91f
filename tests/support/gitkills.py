"""Kill one git child of a run at one of its system calls, while the tool lives: a ``git`` in front of the real one does it.

strace counts the calls of each process by itself, so an injection into the whole tree always meets the tool first.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from support.cli import Result, run_hybrid
from support.points import CALLS

_SHIM = """#!/bin/sh
# Several may be started at once, in any order: each command counts by itself.
name=
for word; do
    case "$word" in -* | *=* | */*) ;; *) name=$word && break ;; esac
done
exec 9>"{folder}/lock"
flock 9
echo >>"{folder}/count.$name"
number=$name.$(wc -l <"{folder}/count.$name")
exec 9>&-
if [ -f "{folder}/recording" ]; then
    exec strace -f -qq -y --seccomp-bpf -o "{folder}/log.$number" -e "trace={calls}" "{git}" "$@"
fi
if [ "$number" = "$(cat "{folder}/victim")" ]; then
    exec strace -f -qq -o "{folder}/hit" $(cat "{folder}/rule") "{git}" "$@"
fi
exec "{git}" "$@"
"""
_LINE = re.compile(r"(?P<pid>\d+) +(?P<call>[a-z_0-9]+)\((?P<rest>.*)")


@dataclass(frozen=True, slots=True)
class GitCall:
    """The call number *when* of *call* in the git child *child* (``index-pack.1``) of a run; *path* is what it touched."""

    child: str
    call: str
    when: int
    path: str


@dataclass(frozen=True, slots=True)
class GitKiller:
    """The ``git`` in *folder* that runs the real one, recorded or killed."""

    folder: Path

    @classmethod
    def create(cls, folder: Path) -> GitKiller:
        """Write the shim into the new *folder*."""
        folder.mkdir()
        shim = folder / "git"
        shim.write_text(_SHIM.format(folder=folder, git=shutil.which("git"), calls=",".join(CALLS)))
        shim.chmod(0o755)
        return cls(folder)

    def _run(self, words: Sequence[str], cwd: Path, check: int | None) -> Result:
        for count in self.folder.glob("count.*"):
            count.unlink()
        env = {"PATH": f"{self.folder}{os.pathsep}{os.environ['PATH']}"}
        return run_hybrid(*words, cwd=cwd, env=env, check=check)

    def record(self, words: Sequence[str], *, cwd: Path) -> tuple[GitCall, ...]:
        """Run ``git-hybrid`` to its end and return where its git children touched the workspace *cwd*."""
        (self.folder / "recording").touch()
        self._run(words, cwd, 0)
        (self.folder / "recording").unlink()
        inside = re.compile(r"[\"<]" + re.escape(str(cwd)) + r"/([^\">]*)")
        found: dict[tuple[str, str, int], str] = {}
        for log in sorted(self.folder.glob("log.*")):
            counts: Counter[tuple[str, str]] = Counter()
            for match in filter(None, map(_LINE.match, log.read_text(errors="replace").splitlines())):
                counts[match["pid"], match["call"]] += 1
                place = inside.search(match["rest"].partition(") = ")[0])
                if place is not None:
                    key = (log.name.removeprefix("log."), match["call"], counts[match["pid"], match["call"]])
                    found.setdefault(key, place[1])
        return tuple(GitCall(child, call, when, path) for (child, call, when), path in found.items())

    def kill(self, point: GitCall, words: Sequence[str], *, cwd: Path) -> tuple[Result, bool]:
        """Run ``git-hybrid`` with a kill at *point*; return how it ended, and whether the place was reached."""
        (self.folder / "victim").write_text(point.child)
        rule = f"-e trace={point.call} -e inject={point.call}:signal=KILL:when={point.when}"
        (self.folder / "rule").write_text(rule)
        hit = self.folder / "hit"
        hit.unlink(missing_ok=True)
        result = self._run(words, cwd, None)
        return result, hit.exists() and "killed by SIGKILL" in hit.read_text(errors="replace")
