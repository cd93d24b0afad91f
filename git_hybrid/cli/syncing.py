"""What ``git hybrid sync`` does, whoever read its command line."""

from __future__ import annotations

from git_hybrid.app.sync import SyncRequest, sync
from git_hybrid.cli.common import Common
from git_hybrid.cli.output import Output, opened_for
from git_hybrid.cli.wiring import Session
from git_hybrid.core.report import Report


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
        code = output.report(report)
        _tell_what_is_to_commit(session, output, report)
        return code


def _tell_what_is_to_commit(session: Session, output: Output, report: Report) -> None:
    """Say what becomes of the files that git now calls changed: a pull or a checkout stops at them."""
    did = any(row.error is None and row.outcome != "unchanged" for row in report.rows)
    if not did or report.dry_run or report.pending or report.run is None:
        return
    from git_hybrid.cli.uncommitted import Alone, alone

    if (how := alone(session, report.run)) is not None:
        if how is Alone.NEW or any(row.outcome == "removed" for row in report.rows):
            # No clone comes back with the files.
            output.hint("recorded", "it is recorded in state/, which is to be committed: git add -- state")
            return
        output.hint("recorded", "it is recorded in state/: commit that, or take it back: git checkout -- state")
