"""The files of a workspace that are in conflict: what stands in them, and what is to be written there."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import PurePosixPath
from typing import TypeVar

from git_hybrid.core.digest import sha256_hex
from git_hybrid.core.errors import InvalidFile, NewerSchema
from git_hybrid.core.files import LOG
from git_hybrid.core.markers import marker_lines
from git_hybrid.core.stages import BASE, FIRST, LEFT, OTHER, OURS, THEIRS
from git_hybrid.core.value import Struct, field
from git_hybrid.store.durable import remove_file, write_file
from git_hybrid.store.layout import Layout, archives
from git_hybrid.store.log_merge import RECORDED
from git_hybrid.store.meanwhile import Watch
from git_hybrid.store.parsing import read_bytes

T = TypeVar("T")
Versions = Mapping[int, bytes]
_REPORTS = "state/scans"
_NAMED = re.compile(rb'"audit_hash": *"([0-9a-f]{64})"')


class Torn(Struct, kw_only=True):
    """The files in conflict, and by path the ``texts`` to be written, None where one goes; those ``settled`` are right.

    Nothing is written before all is put together. ``watch`` is of when they were read.
    """

    layout: Layout
    conflicts: Mapping[str, Versions]
    watch: Watch = field(default_factory=Watch)
    texts: dict[str, bytes | None] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)

    def read(self, path: str) -> bytes | None:
        """Return what is to be in the file at *path*, or stands there; None if nothing does."""
        return self.texts[path] if path in self.texts else read_bytes(self.layout.root / path, path)

    def has_markers(self, path: str) -> bool:
        """Tell whether a conflict still stands in the file at *path*."""
        return bool(self.markers(path))

    def markers(self, path: str) -> list[int]:
        """Return the numbers of the lines in the file at *path* that are markers of a conflict."""
        return marker_lines(self.read(path) or b"")

    def is_open(self, path: str) -> bool:
        """Tell whether the file at *path* is in conflict, and nobody has decided yet what is to stand in it.

        That holds too for one that both sides have, and that is gone: to take it out nobody needs to remove it here.
        Of one that names records that are nowhere git remembered what came of another merge (git-rerere(1)).
        """
        versions = self.conflicts.get(path, {})
        if self.read(path) is None:
            return {OURS, THEIRS} <= versions.keys()
        is_left = LEFT in versions and self.read(path) == versions[LEFT]
        return bool(versions) and (self.has_markers(path) or is_left or self.is_astray(path))

    def is_astray(self, path: str) -> bool:
        """Tell whether the file at *path* names audit records that neither the log has nor a side of the conflict."""
        named = set(_NAMED.findall(self.read(path) or b""))
        for version in self.conflicts.get(path, {}).values():
            named.difference_update(_NAMED.findall(version))
        if named:
            logs = (self.read(name) or b"" for name in (LOG, *archives(self.layout)))
            for log in (*logs, *self.conflicts.get(LOG, {}).values()):
                named.difference_update(RECORDED.findall(log))
        return bool(named)

    def sides(self, path: str, decode: Callable[[bytes], T], none: T) -> tuple[list[T], T, T] | None:
        """Return the bases, ours and theirs; None where nothing is to be merged, one is gone or cannot be read."""
        versions = self.conflicts.get(path, {})
        if not {OURS, THEIRS} <= versions.keys():
            return None
        with suppress(InvalidFile, NewerSchema):
            bases = [decode(versions[stage]) for stage in (BASE, OTHER, FIRST) if stage in versions]
            return bases or [none], decode(versions[OURS]), decode(versions[THEIRS])
        return None

    def put(self, path: str, text: bytes) -> bool:
        """Take *text* for the file at *path* if it is open; tell whether it is what will stand there, or does already.

        If not, somebody has decided otherwise. An earlier call that was ended may have written it without a word.
        """
        if self.is_open(path):
            self.texts[path] = text
        return self.read(path) == text

    def put_reports(self, wanted: Mapping[str, str | None]) -> None:
        """Take for each report in conflict the version with the digest that *wanted* has by source, if one side has it.

        None stands for a source without one; the report of a source that is not there goes.
        """
        for path, versions in self.conflicts.items():
            place = PurePosixPath(path)
            if str(place.parent) != _REPORTS or place.suffix != ".sarif":
                continue
            if place.stem not in wanted:
                found = None
            else:
                stands = self.read(path)
                known = [*([] if stands is None else [stands]), *versions.values()]
                texts = [text for text in known if sha256_hex(text) == wanted[place.stem]]
                if not texts:
                    continue
                found = texts[0]
            self.settled.add(path)
            if found != self.read(path):
                self.texts[path] = found

    def write(self) -> None:
        """Write what is to be written.

        Raises:
            LocalIo: a file cannot be written; what was written stays so, and the next call writes the rest.
            Changed: somebody else has written one since it was read; the same holds.
        """
        for path, text in self.texts.items():
            if text is None:
                self.watch.require()
                remove_file(self.layout.root / path)
                self.watch.removed(self.layout.root / path)
            else:
                write_file(self.layout.root / path, text, watch=self.watch)
