"""The checks by name, in the order in which they run and are told."""

from __future__ import annotations

from collections.abc import Mapping

from git_hybrid.core.check_audit import check_audit
from git_hybrid.core.check_metadata import check_metadata
from git_hybrid.core.check_mirrors import check_mirrors
from git_hybrid.core.check_open_issues import check_open_issues
from git_hybrid.core.check_overrides import check_overrides
from git_hybrid.core.check_placed import check_sources
from git_hybrid.core.check_scans import check_scans
from git_hybrid.core.checks import Check

CHECKS: Mapping[str, Check] = {
    "metadata": check_metadata,
    "overrides": check_overrides,
    "scans": check_scans,
    "mirrors": check_mirrors,
    "audit": check_audit,
    "sources": check_sources,
    "open-issues": check_open_issues,
}
