"""Objects that are made when they are first used: what a command never asks need not be imported for it."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any, TypeVar, cast

T = TypeVar("T")


class _Late:
    def __init__(self, make: Callable[[], Any]) -> None:
        self._make, self._lock, self._made = make, Lock(), False

    def __getattr__(self, name: str) -> Any:
        if not self._made:
            with self._lock:
                if not self._made:
                    self._object, self._made = self._make(), True
        return getattr(self._object, name)


def late(make: Callable[[], T]) -> T:
    """Return what can be used as the object that *make* returns, which is called once, when it is first used."""
    return cast("T", _Late(make))
