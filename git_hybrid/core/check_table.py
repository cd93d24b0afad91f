"""The checks by name, in the order in which they run and are told. A hook imports no other than its own."""

from __future__ import annotations

from git_hybrid.core.checks import Check

CHECKS = ("metadata", "overrides", "scans", "mirrors", "audit", "sources", "open-issues")


def find_check(name: str) -> Check:
    """Return the check that is called *name*, one of :data:`CHECKS`."""
    found: Check
    match name:
        case "metadata":
            from git_hybrid.core.check_metadata import check_metadata as found
        case "overrides":
            from git_hybrid.core.check_overrides import check_overrides as found
        case "scans":
            from git_hybrid.core.check_scans import check_scans as found
        case "mirrors":
            from git_hybrid.core.check_mirrors import check_mirrors as found
        case "audit":
            from git_hybrid.core.check_audit import check_audit as found
        case "sources":
            from git_hybrid.core.check_sources import check_sources as found
        case "open-issues":
            from git_hybrid.core.check_open_issues import check_open_issues as found
        case _:
            raise KeyError(name)
    return found
