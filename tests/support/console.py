"""Runs the ``console`` blocks of a document: what stands after ``$`` is typed, what follows must appear.

A comment ``<!-- console`` … ``-->`` holds commands that are typed too, and that the reader need not see; they must
succeed.

Hashes, ids, times, ages and the folder differ from run to run, and count as equal. `python tests/support/console.py
FILE…` writes what appears into the documents, to look at before it is committed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SHOWN_FOLDER = "/home/ada/tutorial"
_BLOCK = re.compile(r"^(?P<open>```|<!-- )console\n(?P<text>.*?)^(?:```|-->)$", re.DOTALL | re.MULTILINE)
_SAME = (
    (re.compile(r"\b[0-9a-f]{10,64}\b"), "HASH"),
    (re.compile(r"\b01[0-9A-HJKMNP-TV-Z]{24}\b"), "ID"),
    (re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:Z| UTC)?)?"), "TIME"),
    (re.compile(r"\b\d+(?:\.\d+)? (?:s|min|h|d)\b"), "AGE"),
    (re.compile(r"\b\d+ KiB\b"), "SIZE"),
    (re.compile(r" +"), " "),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One command and what the document says that it prints."""

    command: str
    expected: str
    hidden: bool = False


def steps(text: str) -> list[Step]:
    """Return every command of the blocks of a document, in order."""
    found: list[Step] = []
    for block in _BLOCK.finditer(text):
        for part in re.split(r"^\$ ", block["text"], flags=re.MULTILINE)[1:]:
            lines = part.split("\n")
            end = next(index for index, line in enumerate(lines) if not line.endswith("\\"))
            command = "\n".join(lines[: end + 1])
            hidden = block["open"] != "```"
            found.append(Step(command, "\n".join(lines[end + 1 :]).rstrip("\n"), hidden))
    return found


def play(found: list[Step], folder: Path, env: Mapping[str, str]) -> list[str]:
    """Run the commands of *found* one after the other, beginning in *folder*; return what each printed.

    Raises:
        AssertionError: one that the reader does not see failed.
    """
    place, state, printed = str(folder), folder.parent / "state", []
    for step in found:
        # A command may change the folder for those after it.
        script = f'{step.command}\ncode=$?\npwd > "$STATE"\nexit $code\n'
        done = subprocess.run(
            ["bash", "--norc", "-c", script],
            cwd=place,
            env={**env, "STATE": str(state)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert not (step.hidden and done.returncode), f"$ {step.command}\n{done.stdout.decode()}"
        place = state.read_text().strip()
        text = done.stdout.decode().rstrip("\n").replace(str(folder), SHOWN_FOLDER)
        printed.append("\n".join(line.rstrip() for line in text.split("\n")))
    return printed


def same(one: str, other: str) -> bool:
    """Tell whether two outputs say the same but for what differs from run to run."""
    return _plain(one) == _plain(other)


def _plain(text: str) -> str:
    for pattern, word in _SAME:
        text = pattern.sub(word, text)
    return text


def updated(text: str, printed: list[str]) -> str:
    """Return the document with what was printed below each command; what is the same stays as it stands."""
    results = iter(zip(steps(text), printed, strict=True))

    def block(match: re.Match[str]) -> str:
        lines = []
        for _ in steps(match[0]):
            step, now = next(results)
            shown = step.expected if step.hidden or same(step.expected, now) else now
            lines += [f"$ {step.command}", *([shown] if shown else [])]
        close = "```" if match["open"] == "```" else "-->"
        return f"{match['open']}console\n" + "\n".join(lines) + f"\n{close}"

    return _BLOCK.sub(block, text)


def environment(home: Path) -> dict[str, str]:
    """Return the environment of Ada, whose commits always have the same id."""
    config = home / ".gitconfig"
    config.write_text("[user]\n\tname = Ada\n\temail = ada@example.org\n")
    date = "2026-07-16T11:03:04Z"
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "XDG_"))}
    mine = {"HOME": str(home), "GIT_CONFIG_GLOBAL": str(config), "GIT_CONFIG_NOSYSTEM": "1", "COLUMNS": "80"}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return {**kept, **mine, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date, "PATH": path}


def told(text: str, home: Path) -> list[str]:
    """Return what the commands of a document print in a new folder below *home*."""
    folder = home / "tutorial"
    folder.mkdir()
    return play(steps(text), folder, environment(home))


if __name__ == "__main__":
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as place:
            document = Path(name)
            text = document.read_text()
            document.write_text(updated(text, told(text, Path(place))))
