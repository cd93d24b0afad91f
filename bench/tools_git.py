"""The rivals that come with git: `xargs -P git`, and submodules."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.measure import Step
from bench.tools import Pin, Steps, Tool

_CLONE = 'git clone -q --no-checkout "$1" "sources/$0" && git -C "sources/$0" checkout -q --detach "$2"'
_UPDATE = (
    'test "$(git -C "sources/$0" rev-parse HEAD)" = "$2" || { git -C "sources/$0" fetch -q --no-tags origin "$2" && '
    'git -C "sources/$0" checkout -q --detach "$2"; }'
)


class Xargs(Tool):
    """Plain git under `xargs -P`: the strongest rival."""

    name = "xargs"
    note = "noop is status with the branch line: one process tells HEAD and dirt"

    def prepare(self, ws: Path, pins: Sequence[Pin]) -> None:
        (ws / "sources").mkdir(parents=True)
        self.repin(ws, pins, pins)

    def repin(self, ws: Path, pins: Sequence[Pin], moved: Sequence[Pin]) -> None:
        (ws / "pins").write_text("".join(f"{pin.name} {pin.url} {pin.commit}\n" for pin in pins), encoding="ascii")
        (ws / "names").write_text("".join(f"sources/{pin.name}\n" for pin in pins), encoding="ascii")

    def cold(self, ws: Path) -> Steps:
        return [Step(("xargs", "-P", self.jobs, "-n", "3", "-a", "pins", "sh", "-c", _CLONE), ws)]

    def noop(self, ws: Path) -> Steps:
        return self._each(ws, "status", "--porcelain=v2", "--branch")

    def status(self, ws: Path) -> Steps:
        return self._each(ws, "status", "--porcelain")

    def update(self, ws: Path) -> Steps:
        return [Step(("xargs", "-P", self.jobs, "-n", "3", "-a", "pins", "sh", "-c", _UPDATE), ws)]

    def outdated(self, ws: Path) -> Steps:
        return self._each(ws, "fetch", "-q", "--no-tags", "--no-auto-maintenance", "--no-write-fetch-head", "origin")

    def _each(self, ws: Path, *args: str) -> Steps:
        return [Step(("xargs", "-P", self.jobs, "-I{}", "-a", "names", "git", "-C", "{}", *args), ws)]


class Submodule(Tool):
    """`git submodule`: a superproject with a gitlink for each source."""

    name = "submodule"
    note = "noop is `git submodule update` and `git submodule status`; status is `git status` of the superproject"

    def prepare(self, ws: Path, pins: Sequence[Pin]) -> None:
        (ws / "sources").mkdir(parents=True)
        self.git("init", "-q", cwd=ws)
        modules = [f'[submodule "{p.name}"]\n\tpath = sources/{p.name}\n\turl = {p.url}\n' for p in pins]
        (ws / ".gitmodules").write_text("".join(modules), encoding="ascii")
        self.git("add", ".gitmodules", cwd=ws)
        self.repin(ws, pins, pins)
        self.git("submodule", "-q", "init", cwd=ws)
        hub = ws.with_name(f"{ws.name}.hub")
        self.git("clone", "-q", "--bare", str(ws), str(hub), cwd=ws)
        self.git("remote", "add", "origin", hub.as_uri(), cwd=ws)
        self.git("fetch", "-q", "origin", cwd=ws)

    def repin(self, ws: Path, pins: Sequence[Pin], moved: Sequence[Pin]) -> None:
        entries = "".join(f"160000 {pin.commit}\tsources/{pin.name}\n" for pin in moved)
        self.git("update-index", "--add", "--index-info", cwd=ws, stdin=entries)
        self.git("commit", "-q", "-m", "Pins", cwd=ws)

    def cold(self, ws: Path) -> Steps:
        return [Step(("git", "submodule", "-q", "update", "--jobs", self.jobs), ws)]

    def noop(self, ws: Path) -> Steps:
        return [*self.cold(ws), Step(("git", "submodule", "status"), ws)]

    def status(self, ws: Path) -> Steps:
        return [Step(("git", "status", "--porcelain"), ws)]

    def update(self, ws: Path) -> Steps:
        return self.cold(ws)

    def outdated(self, ws: Path) -> Steps:
        return [Step(("git", "fetch", "-q", "--no-tags", "--recurse-submodules=yes", "--jobs", self.jobs), ws)]
