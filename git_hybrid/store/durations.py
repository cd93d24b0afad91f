"""How long work on each source took last time, in ``sources/.durations``: a hint of this machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from git_hybrid.core.errors import LocalIo
from git_hybrid.core.ids import InvalidText, SourceName, parse_name
from git_hybrid.core.value import Struct
from git_hybrid.store.durable import write_file

_LARGEST = 1 << 24


class FileDurations(Struct, frozen=True):
    """The durations of :mod:`git_hybrid.core.ports`, in the file *path*: seconds by source by kind of work."""

    path: Path

    def known(self, kind: str) -> dict[SourceName, float]:
        """Return the seconds that work of this *kind* took, by source; what cannot be read is not known."""
        found = self._read().get(kind)
        named: dict[SourceName, float] = {}
        for name, seconds in found.items() if isinstance(found, dict) else ():
            with suppress(InvalidText, OverflowError):
                if isinstance(seconds, int | float):
                    named[parse_name(name)] = float(seconds)
        return named

    def keep(self, kind: str, took: Mapping[SourceName, float]) -> None:
        """Keep how long work of this *kind* *took*; a failure changes nothing."""
        kept = self._read()
        kept[kind] = self.known(kind) | {name: round(seconds, 2) for name, seconds in took.items()}
        with suppress(LocalIo, OSError):
            write_file(self.path, json.dumps(kept, sort_keys=True).encode("utf-8"))

    def _read(self) -> dict[str, object]:
        try:
            if self.path.is_symlink() or self.path.stat().st_size > _LARGEST:
                return {}
            found = json.loads(self.path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}
