"""What an error code becomes for a user."""

from __future__ import annotations

from git_hybrid.core.value import Struct


class Remedy(Struct, frozen=True):
    """What one error code becomes. Texts are format strings over the facts of the error.

    Each of ``hints`` is a command, or ends with one after words that say when it is the one to type; a test types
    those of ``git hybrid``. What else there is to do stands in ``cause``.
    """

    exit: int
    title: str
    cause: str = ""
    hints: tuple[str, ...] = ()
