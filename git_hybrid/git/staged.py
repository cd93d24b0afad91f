"""What is about to be committed: the files of a workspace as the index has them, and what changed since HEAD."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from git_hybrid.core.value import Struct, field
from git_hybrid.git.ahead import LISTED, STAGED, of_commit, staged_question
from git_hybrid.git.environment import child_environment
from git_hybrid.git.run import Runner


class Staged(Struct):
    """Reads files as they are about to be committed: of a workspace that git knows a file of, nothing else counts.

    Where git knows none of them, the files are read from the disk. ``root`` is the root of the workspace, which may be
    a folder inside of the repository.
    """

    runner: Runner
    root: Path
    _known: dict[str, bytes | None] = field(default_factory=dict)
    _in_git: bool = False

    def prefetch(self, names: Iterable[str]) -> None:
        """Read *names* with one process."""
        wanted = [name for name in names if name not in self._known]
        if not wanted:
            return
        question = staged_question(wanted)
        output = self.runner.asked(STAGED, self.root, question)
        if output is None:
            output = self._git(*STAGED[1:], stdin=question)
        found = [] if output is None else blobs(output)
        self._in_git = self._in_git or any(item is not None for item in found)
        staged = iter(found[::2])
        for name in wanted:
            self._known[name] = next(staged, None) if self._in_git else self._on_disk(name)

    def read(self, name: str) -> bytes | None:
        """Return the content of a file by its path from the root, or None if it will not be there."""
        self.prefetch((name,))
        return self._known[name]

    def unstaged(self) -> tuple[str, ...]:
        """Return which of the files that were read are another on the disk."""
        return tuple(name for name, content in self._known.items() if self._on_disk(name) not in (None, content))

    def left_out(self) -> tuple[str, ...]:
        """Return which of the files that were read are on the disk alone."""
        return tuple(name for name, content in self._known.items() if content is None and (self.root / name).is_file())

    def _on_disk(self, name: str) -> bytes | None:
        path = self.root / name
        return path.read_bytes() if path.is_file() else None

    def tracked(self, *patterns: str) -> tuple[str, ...]:
        """Return the paths that match *patterns* (gitglossary, pathspec) and will be in the commit."""
        output = self.runner.asked((*LISTED, *patterns), self.root)
        return _paths(self._git(*LISTED[1:], *patterns) if output is None else output)

    def changed(self) -> frozenset[str]:
        """Return the paths from the root that the commit changes, below the root."""
        options = ("--cached", "--name-only", "--no-renames", "--relative", "-z")
        return frozenset(_paths(self._git("diff", *options)))

    def _git(self, *arguments: str, stdin: bytes | None = None) -> bytes | None:
        env = child_environment(self.runner.environ, network=True) | of_commit(self.runner.environ)
        done = self.runner.run(["git", *arguments], env=env, cwd=self.root, stdin=stdin)
        return done.stdout if done.status == 0 else None


def _paths(output: bytes | None) -> tuple[str, ...]:
    return tuple(item.decode("utf-8", "surrogateescape") for item in (output or b"").split(b"\0") if item)


def blobs(output: bytes) -> list[bytes | None]:
    """Return the objects in the output of ``git cat-file --batch``, None for each that is missing or no file."""
    found: list[bytes | None] = []
    at = 0
    while at < len(output):
        end = output.index(b"\n", at)
        words = output[at:end].rsplit(b" ", 2)
        if len(words) == 3 and words[2].isdigit():
            size = int(words[2])
            found.append(output[end + 1 : end + 1 + size] if words[1] == b"blob" else None)
            at = end + size + 2
        else:
            found.append(None)
            at = end + 1
    return found


def heads(root: Path, names: Sequence[str]) -> Mapping[str, str]:
    """Return the commit at HEAD of each clone below ``sources/`` that is there, read without a process.

    A HEAD that cannot be read this way (a branch in a packed or another kind of ref store) is an empty text.
    """
    found: dict[str, str] = {}
    folder = f"{root}/sources"
    for name in names:
        git_dir = f"{folder}/{name}/.git"
        try:
            text = _line(f"{git_dir}/HEAD")
            ref = text.removeprefix("ref: ")
            found[name] = text if ref == text else _line(f"{git_dir}/{ref}")
        except FileNotFoundError:
            if os.path.isdir(git_dir):
                found[name] = ""
        except (OSError, UnicodeDecodeError):
            found[name] = ""
    return found


def _line(path: str) -> str:
    with open(path, "rb", buffering=0) as file:
        return file.read().decode("ascii").strip()
