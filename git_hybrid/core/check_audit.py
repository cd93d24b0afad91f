"""``check audit``: the audit log is whole, and holds all that the other files and git say must be in it. Pure."""

from __future__ import annotations

from git_hybrid.core.audit_archives import Breach
from git_hybrid.core.audit_verify import verify
from git_hybrid.core.checks import Facts, Violation


def check_audit(facts: Facts) -> tuple[Violation, ...]:
    """Return every breach of the log, the first bad line first."""
    return tuple(_violation(breach) for breach in verify(facts.log, facts.witnesses, now=facts.now))


def _violation(breach: Breach) -> Violation:
    entry = f"line {breach.line}" if breach.line else "log"
    return Violation(file=breach.file, entry=entry, what=breach.what, why=breach.proves, mend=breach.mend)
