"""What every measured tool has in common: the commands that it takes for each workload, its own fastest way."""

from __future__ import annotations

import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.measure import Step

Steps = Sequence[Step]


class Pin(NamedTuple):
    """The commit at which one clone is to stand."""

    name: str
    url: str
    commit: str


class Setting(NamedTuple):
    """What the tools of one run share."""

    jobs: int
    env: Mapping[str, str]
    scratch: Path
    repo_tool: str = ""
    """Where a clone of git-repo is, for the tool repo."""


class Tool(ABC):
    """A tool and its commands; a workload that it does not have returns None. `prepare` and `repin` are never timed."""

    name = ""
    pins = True
    """Whether it can be told a commit to stand at."""
    note = ""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.jobs = str(setting.jobs)

    def missing(self) -> str:
        """Return why the tool cannot run here, or "" if it can."""
        return ""

    def begin(self, pins: Sequence[Pin]) -> None:
        """Make what all workspaces of the tool share."""

    def advance(self, pins: Sequence[Pin], moved: Sequence[Pin]) -> None:
        """Do what a colleague does who moves the pins; called once before the workspaces are told by `repin`."""

    @abstractmethod
    def prepare(self, ws: Path, pins: Sequence[Pin]) -> None:
        """Make the workspace `ws` (a folder that is not there yet), without a clone in it."""

    @abstractmethod
    def repin(self, ws: Path, pins: Sequence[Pin], moved: Sequence[Pin]) -> None:
        """Tell the workspace the new pins."""

    def adopt(self, ws: Path) -> None:
        """Take over the clones that git made for a tool that makes none."""

    def clones(self, ws: Path) -> Path:
        """Return the folder that holds the clones by name."""
        return ws / "sources"

    def cold(self, ws: Path) -> Steps | None:
        """From nothing to every clone at its pin."""
        return None

    def cached(self, ws: Path) -> Steps | None:
        """The same, with the objects in a cache that an earlier workspace of the user filled."""
        return None

    def noop(self, ws: Path) -> Steps | None:
        """Bring every clone to its pin, where it stands already, and look whether it is dirty."""
        return None

    def status(self, ws: Path) -> Steps | None:
        """Show which clones have local changes."""
        return None

    def update(self, ws: Path) -> Steps | None:
        """Bring the clones to the pins that moved."""
        return None

    def outdated(self, ws: Path) -> Steps | None:
        """Ask every upstream whether it has something newer."""
        return None

    def evidence(self, ws: Path, pins: Sequence[Pin]) -> list[str]:
        """Return what is wrong with what the tool itself recorded, beside the clones."""
        return []

    def git(self, *args: str, cwd: Path, stdin: str | None = None) -> str:
        """Run git for preparations.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        done = subprocess.run(
            ["git", *args], cwd=cwd, env=dict(self.setting.env), check=True, capture_output=True, text=True, input=stdin
        )
        return done.stdout

    def call(self, ws: Path, *argv: str) -> None:
        """Run a preparing command of the tool itself.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        subprocess.run(argv, cwd=ws, env=dict(self.setting.env), check=True, capture_output=True, text=True)
