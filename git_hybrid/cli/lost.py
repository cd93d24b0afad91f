"""What becomes of a command whose report could not be written to standard output."""

from __future__ import annotations

from git_hybrid.cli.common import Common
from git_hybrid.core.errors import ReportLost

LOOKING = frozenset(
    (
        *("status", "diff", "outdated", "check", "diag", "dashboard"),
        *("config", "audit export", "audit log", "audit verify", "bundle verify", "cache show", "mirror list"),
        *("override export", "sbom", "override list", "override request", "override show"),
    )
)
"""The commands that change nothing: their report is all that they were run for.

What is only a text, such as help, ends where it cannot be written (:class:`git_hybrid.cli.streams.Unsaid`).
"""


def report_lost(common: Common, code: int) -> ReportLost:
    """Return the error for the command of *common*, which ended with *code* and could not say so."""
    # Imported here: it is the whole tree of commands, and most of what is said is heard.
    from git_hybrid.cli.tree import named

    words = " ".join(named(common.argv))
    is_done = code == 0 and bool(words) and words not in LOOKING and not common.is_dry
    return ReportLost(reason=common.lost, is_done=is_done, is_failed=code != 0)
