"""What an incomplete scan keeps of what earlier ones found in the same files. Pure; whoever makes or reads one asks."""

from __future__ import annotations

from git_hybrid.core.scans import KEPT_FINDINGS, SEVERITIES
from git_hybrid.core.state import FindingRef, ScanStatus, Severity
from git_hybrid.core.value import replace


def kept(made: ScanStatus, known: ScanStatus | None) -> ScanStatus:
    """Return *made* with what it takes back nothing of: all that *known*, an earlier scan of the same files, found.

    A whole scan stands for itself. In an incomplete one that does each scanner which came to its end; whatever else was
    found stays, also by a scanner that has another name now, and what was counted and not named.
    """
    if made.state != "error" or known is None:
        return made
    done = {item.name for item in made.scanners if item.state != "error"}
    here = {item.id for item in made.findings}
    unclean = {item.name for item in known.scanners if item.state != "clean"}
    left = [item for item in known.findings if item.id not in here and not _is_by(item, done, unclean)]
    found = sorted((*made.findings, *left), key=lambda item: SEVERITIES.index(item.level))
    return replace(
        made,
        counts={level: _counted(level, made, known, left) for level in SEVERITIES},
        findings=tuple(found[:KEPT_FINDINGS]),
    )


def _is_by(item: FindingRef, done: set[str], unclean: set[str]) -> bool:
    """Tell whether one of the scanners that are *done* found *item*: where that is not told, any *unclean* one may."""
    by = {item.scanner} if item.scanner else unclean
    return bool(by) and by <= done


def _counted(level: Severity, made: ScanStatus, known: ScanStatus, left: list[FindingRef]) -> int:
    # A status that tells of findings without counts has one that nobody knows.
    unknown = {"high": 1} if known.state == "findings" else {}
    named = sum(item.level == level for item in known.findings)
    staying = sum(item.level == level for item in left)
    now, before = (made.counts or {}).get(level, 0), max((known.counts or unknown).get(level, 0), named)
    # Nobody told who found what was not named: as many of it as are found now are those.
    return now + before - max(named - staying, min(now, before - staying))
