"""What the tests of a module begin with: made by the first of them, and put back as it was made for each other one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class Begun(Protocol):
    """The `begun` fixture: `support.kit.started`, once for all tests of a module that ask the same of the same.

    What was copied has other times and inodes than git's index says. Tests of what is seen in a clone sync themselves.
    """

    def __call__(self, *urls_and_options: str, sync: bool = True) -> None: ...


@dataclass(frozen=True, slots=True)
class Beginning:
    """The upstreams and the workspace lie in `place` for all tests of a module: what names their paths stays true."""

    place: Path
    _kept: dict[Hashable, Path] = field(default_factory=dict)

    def __call__(self, folder: Path, make: Callable[[], object], *, of: Hashable = None) -> None:
        """Let `make` fill the empty `folder` in `place`; it is called once, and what it made is copied for later tests.

        What else `make` needs in `place` is there each time, and the same: upstreams made by the same calls are. `of`
        is what one and the same `make` depends on otherwise.
        """
        key = make.__qualname__, of
        kept = self._kept.get(key)
        if kept is None:
            make()
            kept = self.place.with_name(f"kept-{len(self._kept)}")
            shutil.copytree(folder, kept, symlinks=True)
            self._kept[key] = kept
        else:
            shutil.rmtree(folder)
            shutil.copytree(kept, folder, symlinks=True)


def surroundings(upstreams: Path) -> Hashable:
    """Return what a command finds around an empty workspace: all refs of upstreams, and the user's settings of git."""
    settings = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("GIT_")}
    config = Path(settings.pop("GIT_CONFIG_GLOBAL")).read_text()
    files = (path for path in upstreams.rglob("*") if "objects" not in path.parts and path.is_file())
    return config, frozenset(settings.items()), frozenset((str(path), path.read_bytes()) for path in files)
