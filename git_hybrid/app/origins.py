"""What is said of a clone whose ``origin`` is set anew."""

from __future__ import annotations

from git_hybrid.core.manifest import Source
from git_hybrid.core.plan import Clone, Looked
from git_hybrid.core.planner import has_other_origin
from git_hybrid.core.redact import redact_place


def origin_notes(source: Source, seen: Looked) -> tuple[str, ...]:
    """Return what is said where the clone gets another ``origin`` than it has: somebody may have set that."""
    if not isinstance(seen, Clone) or not has_other_origin(source, seen):
        return ()
    return (f"its origin is {source.url} now; it was {redact_place(seen.origin or '')}",)
