"""The peers that are programs of their own, each with the fastest options that its own manual has."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from bench.measure import Step
from bench.tools import Pin, Steps, Tool


class Peer(Tool):
    """A program that may be missing."""

    program = ""
    hint = "see requirements.txt"

    def missing(self) -> str:
        found = shutil.which(self.program, path=self.setting.env["PATH"])
        return "" if found else f"{self.program} is not installed ({self.hint})"

    def commit_all(self, repo: Path) -> None:
        """Commit everything in *repo*, which is made if it is not there."""
        if not (repo / ".git").exists():
            self.git("init", "-q", cwd=repo)
        self.git("add", "-A", cwd=repo)
        self.git("commit", "-q", "-m", "Pins", cwd=repo)

    def step(self, ws: Path, *args: str) -> Steps:
        """Return the one command of the program."""
        return [Step((self.program, *args), ws)]


class Repo(Peer):
    """Google's repo. Pinned to commits it has no command that asks every upstream."""

    name = "repo"
    program = "repo"
    hint = "Debian's contrib has the launcher; or give --repo-tool a clone of git-repo"
    note = "noop and update without the fetch of the manifest, which `repo init` has done, not timed"

    def missing(self) -> str:
        if self.setting.repo_tool:
            return "" if (Path(self.setting.repo_tool) / "repo").exists() else f"no repo in {self.setting.repo_tool}"
        return super().missing()

    def prepare(self, ws: Path, pins: Sequence[Pin]) -> None:
        ws.mkdir(parents=True)
        self._manifest(ws).mkdir()
        self.repin(ws, pins, pins)

    def repin(self, ws: Path, pins: Sequence[Pin], moved: Sequence[Pin]) -> None:
        base = pins[0].url.rpartition("/")[0]
        lines = [
            '<?xml version="1.0"?>',
            "<manifest>",
            f'<remote name="up" fetch="{base}/"/>',
            '<default remote="up"/>',
        ]
        for pin in pins:
            place = f'name="{pin.name}.git" path="sources/{pin.name}"'
            lines.append(f'<project {place} revision="{pin.commit}" upstream="main"/>')
        (self._manifest(ws) / "default.xml").write_text("\n".join([*lines, "</manifest>\n"]), encoding="ascii")
        self.commit_all(self._manifest(ws))
        tool = self.setting.repo_tool
        source: tuple[str, ...] = ()
        if tool:
            branch = self.git("symbolic-ref", "--short", "HEAD", cwd=Path(tool)).strip()
            source = (f"--repo-url={Path(tool).as_uri()}", f"--repo-rev={branch}")
        self.call(
            ws, self._repo(), "init", "-q", "-u", self._manifest(ws).as_uri(), "-b", "main", "--no-repo-verify", *source
        )

    def cold(self, ws: Path) -> Steps:
        options = ("-c", "--no-tags", "--no-clone-bundle", "--optimized-fetch", "--no-manifest-update")
        return [Step((self._repo(), "sync", "-q", f"-j{self.jobs}", *options), ws)]

    def noop(self, ws: Path) -> Steps:
        return self.cold(ws)

    def status(self, ws: Path) -> Steps:
        return [Step((self._repo(), "status", f"-j{self.jobs}"), ws)]

    def update(self, ws: Path) -> Steps:
        return self.cold(ws)

    def _repo(self) -> str:
        return str(Path(self.setting.repo_tool) / "repo") if self.setting.repo_tool else self.program

    @staticmethod
    def _manifest(ws: Path) -> Path:
        return ws.with_name(f"{ws.name}.manifest")


class West(Peer):
    """Zephyr's west, which does one repository after the other."""

    name = "west"
    program = "west"
    note = "has no parallelism; --narrow fetches the pinned commits alone"

    def prepare(self, ws: Path, pins: Sequence[Pin]) -> None:
        (ws / "manifest").mkdir(parents=True)
        self.repin(ws, pins, pins)
        self.call(ws, "west", "init", "-l", "manifest")

    def repin(self, ws: Path, pins: Sequence[Pin], moved: Sequence[Pin]) -> None:
        projects = [
            {"name": p.name, "url": p.url, "revision": p.commit, "path": f"sources/{p.name}"} for p in pins
        ]  # JSON is YAML
        manifest = json.dumps({"manifest": {"projects": projects}})
        (ws / "manifest" / "west.yml").write_text(manifest, encoding="ascii")
        self.commit_all(ws / "manifest")

    def cold(self, ws: Path) -> Steps:
        return self.step(ws, "update", "--fetch", "smart", "--narrow")

    def noop(self, ws: Path) -> Steps:
        return self.cold(ws)

    def status(self, ws: Path) -> Steps:
        return self.step(ws, "status")

    def update(self, ws: Path) -> Steps:
        return self.cold(ws)

    def outdated(self, ws: Path) -> Steps:
        return self.step(ws, "update", "--fetch", "always", "--narrow")


class Tsrc(Peer):
    """tsrc, whose `sync` always asks every upstream."""

    name = "tsrc"
    program = "tsrc"
    note = "sync always asks every upstream, so its noop does more than the others'"

    def prepare(self, ws: Path, pins: Sequence[Pin]) -> None:
        ws.mkdir(parents=True)
        self._manifest(ws).mkdir()
        self.repin(ws, pins, pins)

    def repin(self, ws: Path, pins: Sequence[Pin], moved: Sequence[Pin]) -> None:
        repos = [{"dest": f"sources/{p.name}", "url": p.url, "branch": "main", "sha1": p.commit} for p in pins]
        (self._manifest(ws) / "manifest.yml").write_text(json.dumps({"repos": repos}), encoding="ascii")
        self.commit_all(self._manifest(ws))

    def cold(self, ws: Path) -> Steps:
        return self.step(ws, "--color=never", "init", "--branch", "main", "-j", self.jobs, self._manifest(ws).as_uri())

    def noop(self, ws: Path) -> Steps:
        return self.step(ws, "--color=never", "sync", "-j", self.jobs)

    def status(self, ws: Path) -> Steps:
        return self.step(ws, "--color=never", "status", "-j", self.jobs)

    def update(self, ws: Path) -> Steps:
        return self.noop(ws)

    def outdated(self, ws: Path) -> Steps:
        return self.noop(ws)

    @staticmethod
    def _manifest(ws: Path) -> Path:
        return ws.with_name(f"{ws.name}.manifest")


class Vcs2l(Peer):
    """vcs2l, the successor of vcstool, whose `import` always asks every upstream."""

    name = "vcs2l"
    program = "vcs"
    note = "import always asks every upstream, so its noop does more than the others'"

    def prepare(self, ws: Path, pins: Sequence[Pin]) -> None:
        (ws / "sources").mkdir(parents=True)
        self.repin(ws, pins, pins)

    def repin(self, ws: Path, pins: Sequence[Pin], moved: Sequence[Pin]) -> None:
        repositories = {pin.name: {"type": "git", "url": pin.url, "version": pin.commit} for pin in pins}
        (ws / "pins.repos").write_text(json.dumps({"repositories": repositories}), encoding="ascii")

    def cold(self, ws: Path) -> Steps:
        return self.step(ws, "import", "-w", self.jobs, "--input", "pins.repos", "sources")

    def noop(self, ws: Path) -> Steps:
        return self.cold(ws)

    def status(self, ws: Path) -> Steps:
        return self.step(ws, "status", "-w", self.jobs, "-s", "sources")

    def update(self, ws: Path) -> Steps:
        return self.cold(ws)

    def outdated(self, ws: Path) -> Steps:
        return self.step(ws, "custom", "-w", self.jobs, "sources", "--git", "--args", "fetch", "-q")


class MyRepos(Peer):
    """myrepos, with the shell commands of the `xargs` row as its own."""

    name = "myrepos"
    program = "mr"
    hint = "Debian package myrepos"
    note = "noop looks for HEAD alone, not for dirt"

    def prepare(self, ws: Path, pins: Sequence[Pin]) -> None:
        (ws / "sources").mkdir(parents=True)
        self.repin(ws, pins, pins)

    def repin(self, ws: Path, pins: Sequence[Pin], moved: Sequence[Pin]) -> None:
        parts = []
        for pin in pins:
            clone = f"git clone -q --no-checkout '{pin.url}' {pin.name}"
            fetch = f"{{ git fetch -q --no-tags origin {pin.commit} && git checkout -q --detach {pin.commit}; }}"
            parts.append(
                f"[sources/{pin.name}]\n"
                f"checkout = {clone} && git -C {pin.name} checkout -q --detach {pin.commit}\n"
                f'update = test "$(git rev-parse HEAD)" = {pin.commit} || {fetch}\n'
            )
        (ws / ".mrconfig").write_text("\n".join(parts), encoding="ascii")

    def cold(self, ws: Path) -> Steps:
        return self._mr(ws, "checkout")

    def noop(self, ws: Path) -> Steps:
        return self._mr(ws, "update")

    def status(self, ws: Path) -> Steps:
        return self._mr(ws, "status")

    def update(self, ws: Path) -> Steps:
        return self._mr(ws, "update")

    def outdated(self, ws: Path) -> Steps:
        return self._mr(ws, "fetch", "-q")

    def _mr(self, ws: Path, *action: str) -> Steps:
        return self.step(ws, "-t", "-c", str(ws / ".mrconfig"), "-j", self.jobs, "-m", *action)


class Gita(Peer):
    """gita, which knows no pins: it looks at clones that others made."""

    name = "gita"
    program = "gita"
    pins = False
    note = "knows no pins: status and outdated alone, on clones that git made"

    def prepare(self, ws: Path, pins: Sequence[Pin]) -> None:
        (ws / "sources").mkdir(parents=True)
        self._names = [pin.name for pin in pins]

    def repin(self, ws: Path, pins: Sequence[Pin], moved: Sequence[Pin]) -> None:
        pass

    def adopt(self, ws: Path) -> None:
        self.call(ws, "gita", "add", *(f"sources/{name}" for name in self._names))

    def status(self, ws: Path) -> Steps:
        return self.step(ws, "st")

    def outdated(self, ws: Path) -> Steps:
        return self.step(ws, "fetch")
