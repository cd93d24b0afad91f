"""Imports that leave out what a library takes only because it happens to be installed."""

from __future__ import annotations

import sys
from _thread import _count
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast


@contextmanager
def without(module: str) -> Iterator[None]:
    """Let imports in the block find no *module*, as where it is not installed; one that is imported already stays.

    So it does where another thread is at work, as in a worker of Dask: what that imports may need it.
    """
    modules = cast("dict[str, Any]", sys.modules)
    if module in modules or _count():
        yield
        return
    # So Python says itself that there is none (importlib, "sys.modules").
    modules[module] = None
    try:
        yield
    finally:
        del modules[module]
