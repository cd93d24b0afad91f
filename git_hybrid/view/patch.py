"""A patch as it is shown on a terminal: no byte of upstream's steers that, and lines are coloured as git does it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from git_hybrid.view.term import Style, paint, safe

_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_HEADERS = ("diff --git ", "index ", "--- ", "+++ ", "old mode ", "new mode ", "new file ", "deleted file ")
_MARKS: Mapping[str, Style] = {"+": "good", "-": "bad"}
_LONGEST = 1 << 16
"""A longer line is shown in pieces; each but the first begins with ``_ON``, as no line of a patch does."""
_ON = "~"


class Shown:
    """The pieces of a patch, turned into lines that may be shown."""

    def __init__(self, *, color: bool) -> None:
        """Begin with nothing; *color*: the lines are coloured."""
        self._color = color
        self._rest = b""
        self._old = self._new = 0
        self._is_cut = False
        self._drawn: Style | None = None

    def lines(self, data: bytes) -> Iterator[str]:
        """Yield the lines that end with the next piece, *data*."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            yield self._line(line)
            self._is_cut = False
        if len(self._rest) > _LONGEST:
            yield from self.close()
            self._is_cut = True

    def close(self) -> Iterator[str]:
        """Yield what is left, a line without an end."""
        if self._rest:
            yield self._line(self._rest)
        self._rest = b""

    def _line(self, line: bytes) -> str:
        text = line.decode("utf-8", "surrogateescape")
        if self._is_cut:
            text = _ON + text
        else:
            self._drawn = self._style(text)
        # A tab is in every other source.
        return paint("\t".join(map(safe, text.split("\t"))), self._drawn, color=self._color)

    def _style(self, text: str) -> Style | None:
        """Return how *text* is drawn; the lines of a hunk are counted, since any may look like the head of another."""
        if self._old > 0 or self._new > 0:
            mark = text[:1]
            self._old -= mark in " -"
            self._new -= mark in " +"
            return _MARKS.get(mark)
        if hunk := _HUNK.match(text):
            self._old, self._new = (1 if count is None else int(count) for count in hunk.groups())
            return "warn"
        return "bold" if text.startswith(_HEADERS) else None
