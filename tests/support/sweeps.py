"""How much of a sweep is run: an even sample that ends in minutes, or all of it with SWEEP=all in the environment."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def sampled(items: Sequence[T], most: int) -> list[T]:
    """Return *items*, or *most* of them spread evenly, the first one among them."""
    if os.environ.get("SWEEP") == "all" or len(items) <= most:
        return list(items)
    return [items[number * len(items) // most] for number in range(most)]
