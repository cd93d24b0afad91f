"""Tell what goes on: a line for what matters, or nothing."""

from __future__ import annotations

import sys
from typing import TextIO

from git_hybrid.core.ports import ProgressKind
from git_hybrid.view.term import safe


def quiet(kind: ProgressKind, name: str, text: str) -> None:
    """Show nothing."""


class Lines:
    """Tells retries and notes as lines on stderr: what ``-v`` shows, and the part of it that always matters."""

    def __init__(self, *, verbose: bool = False, stream: TextIO | None = None) -> None:
        self.verbose = verbose
        self.stream = sys.stderr if stream is None else stream

    def __call__(self, kind: ProgressKind, name: str, text: str) -> None:
        """Print one event if it is worth a line."""
        if kind in ("retry", "note") or (self.verbose and kind != "begin"):
            # One write a line: threads tell their events at the same time.
            self.stream.write(f"{safe(name)}: {safe(text)}\n")
