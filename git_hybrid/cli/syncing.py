"""What ``git hybrid sync`` does, whoever read its command line."""

from __future__ import annotations

from git_hybrid.app.sync import SyncRequest, sync
from git_hybrid.cli.common import Common
from git_hybrid.cli.output import opened_for


def sync_clones(
    common: Common,
    *,
    names: tuple[str, ...] = (),
    groups: tuple[str, ...] = (),
    jobs: int | None = None,
    dry_run: bool = False,
    offline: bool = False,
    prune: bool = False,
) -> int:
    """Bring the clones to their pins, report what became of each, and return the exit status."""
    with opened_for(common, jobs=jobs, offline=offline) as (session, output):
        report = sync(session.runtime, SyncRequest(names=names, groups=groups, dry_run=dry_run, prune=prune))
        if not report.rows:
            output.no_sources()
        return output.report(report)
