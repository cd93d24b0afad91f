"""Type what hints say."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from support.cli import Hybrid, executable

_KEEPING = ("BRANCH", " push ", " list", " show ", " fetch ", "move it away")


def followed(told: str, ws: Path) -> bool:
    """Run in *ws* what the hints of *told* say lets work go, in their order; return whether there was any.

    Raises:
        AssertionError: one does not work.
    """
    hints = [line for line in told.splitlines() if line.startswith("hint: ")]
    typed = [hint.rpartition(": ")[2] for hint in hints if not any(word in hint for word in _KEEPING)]
    for hint in typed:
        words = shlex.split(hint)
        words = [str(executable()), *words[2:]] if words[:2] == ["git", "hybrid"] else words
        done = subprocess.run(words, cwd=ws, capture_output=True, check=False)
        assert done.returncode == 0, (hint, done.stderr)
    return bool(typed)


def gone_by_hints(hybrid: Hybrid, ws: Path, *command: str) -> None:
    """Run *command*, which removes a clone, and whatever it hints at, until it has removed it."""
    done = hybrid(*command, check=3)
    for _ in range(4):
        assert followed(done.err, ws), done.err
        done = hybrid(*command, check=None)
        if done.code == 0:
            return
    raise AssertionError(done.err)
