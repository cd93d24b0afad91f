"""The files of a workspace, as paths from its root. Imports nothing: a start needs some before all else."""

from __future__ import annotations

MANIFEST = "sources.toml"
LOCK = "state/sources.lock"
STATE = "state/sources.json"
OVERRIDES = "state/sources-overrides.json"
MIRRORS = "state/sources-mirrors.json"
FILES = (MANIFEST, LOCK, STATE, OVERRIDES, MIRRORS)
"""Those that are written as a whole."""
LOG = "state/sources-audit.jsonl"
LOG_LIMIT = 2**30
"""How many bytes the log may have, which only grows: it has to be read even to be rotated."""
MARKER = "state/resume.json"
"""There while a run is unfinished, and of one machine alone."""
