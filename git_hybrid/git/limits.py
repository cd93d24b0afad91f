"""How long a child may take."""

from __future__ import annotations

import time
from datetime import timedelta

from git_hybrid.core.value import Struct


class Limits(Struct, frozen=True):
    """How long a network step may take: without progress, and in all."""

    stall: timedelta
    deadline: timedelta


class DeadlineExceeded(Exception):
    """A child was killed because its time was over."""


class Stalled(Exception):
    """Fewer bytes came than the limit asks for: 1000 a second, as git is told."""


class Unconnectable(Stalled):
    """No connection came about in that time."""


class TalksOn(Exception):
    """A child was killed because it wrote more to stderr than anybody would read."""


def end_of(deadline: timedelta | None) -> float | None:
    """Return the time of the monotonic clock at which *deadline* is over, None if there is none."""
    return None if deadline is None else time.monotonic() + deadline.total_seconds()
