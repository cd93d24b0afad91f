"""What the tests of a module begin with: made by the first of them, and put back as it was made for each other one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Beginning:
    """The upstreams and the workspace lie in `place` for all tests of a module: what names their paths stays true."""

    place: Path
    _kept: dict[str, Path] = field(default_factory=dict)

    def __call__(self, folder: Path, make: Callable[[], object]) -> None:
        """Let `make` fill the empty `folder` in `place`; it is called once, and what it made is copied for later tests.

        What else `make` needs in `place` is there each time, and the same: upstreams made by the same calls are.
        """
        kept = self._kept.get(make.__qualname__)
        if kept is None:
            make()
            kept = self.place.with_name(f"kept-{len(self._kept)}")
            shutil.copytree(folder, kept, symlinks=True)
            self._kept[make.__qualname__] = kept
        else:
            shutil.rmtree(folder)
            shutil.copytree(kept, folder, symlinks=True)
