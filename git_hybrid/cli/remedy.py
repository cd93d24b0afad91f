"""What an error code becomes for a user."""

from __future__ import annotations

from git_hybrid.core.value import Struct


class Remedy(Struct, frozen=True):
    """What one error code becomes. Texts are format strings over the facts of the error.

    ``hints`` that start with ``git hybrid`` are commands; a test types each of them.
    """

    exit: int
    title: str
    cause: str = ""
    hints: tuple[str, ...] = ()
