"""The words of what is wrong with a file."""

from __future__ import annotations

from git_hybrid.core.errors import MOST_PROBLEMS, InvalidFile
from git_hybrid.core.words import counted, plural


def words_of_problems(error: InvalidFile) -> dict[str, str]:
    """Return what the words of *error* are made of."""
    count = len(error.problems)
    told = f"{counted(count, 'entry')} {plural(count, 'is')}"
    return {
        "count": told if count <= MOST_PROBLEMS else f"more than {counted(MOST_PROBLEMS, 'entry')} are",
        "problems": "\n".join(problem_lines(error)),
        "mend": error.mend or f"mend {error.path}, then: git hybrid diag",
    }


def problem_lines(error: InvalidFile) -> list[str]:
    """Return what is wrong, one line each, up to what anybody reads.

    A line break in one of them, such as in a key of a file, begins no other.
    """
    lines = [f"{problem.place}: {problem.reason}".replace("\n", "\\x0a") for problem in error.problems[:MOST_PROBLEMS]]
    return lines if len(error.problems) <= MOST_PROBLEMS else [*lines, "… and more"]
