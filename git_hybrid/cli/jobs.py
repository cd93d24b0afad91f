"""How many sources are worked on at a time, as text says it. Imports nothing: a start reads it before all else."""

from __future__ import annotations

MOST_JOBS = 256


def read_jobs(text: str) -> int | None:
    """Return the number of jobs that *text* says, wherever it is said; None if it says none that may be."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= MOST_JOBS else None
