"""git hybrid, as it is installed: no option and no setting that turns a check, a sync to disk or a record off."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.measure import Step
from bench.tools import Pin, Setting, Steps, Tool

_LOG = "state/sources-audit.jsonl"
_SHARED = ("sources.toml", "state/sources.lock", _LOG, "state/.gitignore", "sources/.gitignore", ".gitattributes")


class Hybrid(Tool):
    """git hybrid. Pins are moved in another workspace, a colleague's, and come as the lock file that is checked in."""

    name = "hybrid"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.colleague = setting.scratch / "colleague"
        self.shared_cache = setting.scratch / "hybrid-cache"

    def begin(self, pins: Sequence[Pin]) -> None:
        shutil.rmtree(self.colleague, ignore_errors=True)
        self.colleague.mkdir(parents=True)
        self.git("init", "-q", cwd=self.colleague)
        self._hybrid("init")
        manifest = self.colleague / "sources.toml"
        entries = "".join(f'\n[source.{p.name}]\nurl = "{p.url}"\nbranch = "main"\n' for p in pins)
        manifest.write_text(manifest.read_text(encoding="utf-8") + entries, encoding="utf-8")
        self._hybrid("pin", "-j", self.jobs)

    def advance(self, pins: Sequence[Pin], moved: Sequence[Pin]) -> None:
        self._hybrid("pin", "-j", self.jobs, *(pin.name for pin in moved))

    def prepare(self, ws: Path, pins: Sequence[Pin]) -> None:
        ws.mkdir(parents=True)
        self.git("init", "-q", cwd=ws)
        for name in _SHARED:
            if (self.colleague / name).exists():
                (ws / name).parent.mkdir(exist_ok=True)
                shutil.copyfile(self.colleague / name, ws / name)
        self._commit(ws)

    def repin(self, ws: Path, pins: Sequence[Pin], moved: Sequence[Pin]) -> None:
        shutil.copyfile(self.colleague / "state/sources.lock", ws / "state/sources.lock")
        # What git does with the two logs: .gitattributes says merge=union.
        own = (ws / _LOG).read_text(encoding="utf-8").splitlines(keepends=True)
        theirs = (self.colleague / _LOG).read_text(encoding="utf-8").splitlines(keepends=True)
        (ws / _LOG).write_text("".join(dict.fromkeys([*own, *theirs])), encoding="utf-8")
        self._commit(ws)

    def cold(self, ws: Path) -> Steps:
        return self._steps(ws, "sync", "-j", self.jobs)

    def cached(self, ws: Path) -> Steps | None:
        if not self.has_cache():
            return None
        return [Step(("git", "hybrid", "sync", "-j", self.jobs), ws, self._cache(self.shared_cache))]

    def has_cache(self) -> bool:
        """Tell whether this git hybrid has an object cache."""
        asked = ["git", "hybrid", "cache", "-h"]
        done = subprocess.run(asked, env=dict(self.setting.env), capture_output=True, check=False)
        return done.returncode == 0

    def noop(self, ws: Path) -> Steps:
        return self.cold(ws)

    def status(self, ws: Path) -> Steps:
        return self._steps(ws, "status")

    def update(self, ws: Path) -> Steps:
        return self.cold(ws)

    def outdated(self, ws: Path) -> Steps:
        return self._steps(ws, "outdated")

    def evidence(self, ws: Path, pins: Sequence[Pin]) -> list[str]:
        """Return what the workspace lacks of state, audit and an ended run."""
        wrong = []
        state = json.loads((ws / "state/sources.json").read_text(encoding="utf-8"))
        recorded = {entry["name"]: entry["commit_sha"] for entry in state["sources"]}
        if recorded != {pin.name: pin.commit for pin in pins}:
            wrong.append("state/sources.json does not hold the pins")
        audited = (ws / _LOG).read_text(encoding="utf-8").count('"source"')
        # One record came with the pin, one is made by the sync.
        if audited < 2 * len(pins):
            wrong.append(f"only {audited} audit records name a source")
        if (ws / "state/resume.json").exists():
            wrong.append("the run is not finished")
        return wrong

    def _steps(self, ws: Path, *args: str) -> Steps:
        # A cache of its own for each workspace: a cold sync is not helped by what another one fetched.
        return [Step(("git", "hybrid", *args), ws, self._cache(ws.with_name(f"{ws.name}.cache")))]

    @staticmethod
    def _cache(folder: Path) -> Mapping[str, str]:
        return {"GIT_HYBRID_CACHE_DIR": str(folder)}

    def _commit(self, ws: Path) -> None:
        self.git("add", "-A", cwd=ws)
        self.git("commit", "-q", "-m", "Pins", "--allow-empty", cwd=ws)

    def _hybrid(self, *args: str) -> None:
        env = {**self.setting.env, **self._cache(self.setting.scratch / "colleague.cache")}
        subprocess.run(["git", "hybrid", "-q", *args], cwd=self.colleague, env=env, check=True)
