"""Which commits are being pushed: what git tells a ``pre-push`` hook (githooks(5))."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from git_hybrid.git.repository import Repository

_LOOK = ("git", "cat-file", "--batch-check=%(objectname) %(objecttype)")


def pushed_names(told: bytes) -> Sequence[str]:
    """Return the ids in the lines *told* by git: local ref, local id, remote ref, remote id."""
    lines = [line.split(" ") for line in told.decode("utf-8", "surrogateescape").split("\n")]
    # What is deleted has an id of zeros.
    return [words[-3] for words in lines if len(words) >= 4 and words[-3].strip("0")]


def commits(repository: Repository, names: Iterable[str]) -> Sequence[str]:
    """Return the commits that *names* name, each once; a tag of something else has no files.

    Raises:
        GitRefused: git does not answer.
    """
    question = "".join(f"{name}^{{commit}}\n" for name in names if "\n" not in name).encode("utf-8", "surrogateescape")
    told = repository.ask(_LOOK, stdin=question).decode("utf-8", "replace") if question else ""
    found = [line.split(" ") for line in told.split("\n")]
    return list(dict.fromkeys(words[0] for words in found if len(words) == 2 and words[1] == "commit"))
