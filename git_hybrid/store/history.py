"""What the audit log says of earlier pins and scans."""

from __future__ import annotations

from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.scan_trail import told_together
from git_hybrid.core.state import ScanStatus
from git_hybrid.core.value import Struct
from git_hybrid.store.layout import Layout
from git_hybrid.store.told import told_by_whole_log


class AuditHistory(Struct, frozen=True):
    """The history of :mod:`git_hybrid.core.ports_scan`."""

    layout: Layout

    def previous_pin(self, name: SourceName, commit: Oid) -> Oid | None:
        """Return the commit that was pinned before *commit*, by the last record of the move."""
        found = told_by_whole_log(self.layout).before.get((name, commit))
        return Oid(found) if found and found != commit else None

    def known_scan(self, commit: Oid, tree: Oid | None = None) -> ScanStatus | None:
        """Return what scans of *commit*, or of any commit with its *tree*, came to; counts and names only.

        That is the last one, and what it takes back nothing of.
        """
        scans = told_by_whole_log(self.layout).scans
        found = dict([*scans.get(("after", commit), ()), *scans.get(("tree", tree or ""), ())])
        return told_together((found[place] for place in sorted(found)), commit)
