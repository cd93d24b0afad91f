"""The public Python API: what the commands do, without printing.

Each function works in the workspace that *root* is in (default: the current folder), returns the same report as the
command, and raises :class:`git_hybrid.core.errors.HybridError` for what stops the whole run. What stops one source is
the ``error`` of its row; :func:`exit_code` tells what the command would have exited with.

Signals are not touched: a caller that wants to stop a run passes *cancelled*, which returns 0 or a signal's number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from git_hybrid.app.pin import PinRequest
from git_hybrid.app.pin import pin as pin_sources
from git_hybrid.app.scan import ScanRequest
from git_hybrid.app.scan import scan as scan_sources
from git_hybrid.app.status import status as read_status
from git_hybrid.app.sync import SyncRequest, sync
from git_hybrid.cli.signals import Cancel
from git_hybrid.cli.telling import exit_of
from git_hybrid.cli.wiring import Choices, Session, session
from git_hybrid.core.errors import BadArgument
from git_hybrid.core.ports import Progress
from git_hybrid.core.report import Report, Status
from git_hybrid.core.scan_report import ScanReport
from git_hybrid.view.lines import quiet


def sync_repos(
    names: Sequence[str] = (),
    *,
    root: Path | str = ".",
    groups: Sequence[str] = (),
    jobs: int | None = None,
    offline: bool = False,
    dry_run: bool = False,
    prune: bool = False,
    progress: Progress = quiet,
    cancelled: Callable[[], int] | None = None,
) -> Report:
    """Bring the selected sources (default: all) to their pins, as ``git hybrid sync`` does.

    Raises:
        NoWorkspace: *root* is in no workspace.
        UnknownSource: a name or group is not in the manifest.
        UnfinishedRun: an earlier run has sources left that the selection does not cover.
        LockBusy, InvalidFile, NewerSchema: nothing was done.
    """
    request = SyncRequest(names=tuple(names), groups=tuple(groups), dry_run=dry_run, prune=prune)
    with _opened("sync", root, jobs=jobs, offline=offline, progress=progress, cancelled=cancelled) as wired:
        return sync(wired.runtime, request)


def status(
    names: Sequence[str] = (), *, root: Path | str = ".", groups: Sequence[str] = (), jobs: int | None = None
) -> Status:
    """Return what the selected sources (default: all) are like, worst first, as ``git hybrid status`` does.

    Raises:
        NoWorkspace: *root* is in no workspace.
        UnknownSource: a name or group is not in the manifest.
        InvalidFile, NewerSchema: a file cannot be read.
    """
    with _opened("status", root, jobs=jobs) as wired:
        return read_status(wired.runtime, tuple(names), tuple(groups))


def pin(
    names: Sequence[str] = (),
    *,
    root: Path | str = ".",
    groups: Sequence[str] = (),
    everything: bool = False,
    to: str | None = None,
    dry_run: bool = False,
    jobs: int | None = None,
    progress: Progress = quiet,
    cancelled: Callable[[], int] | None = None,
) -> Report:
    """Pin what has no valid pin, or move the named pins (with *everything* all), as ``git hybrid pin`` does.

    Raises:
        BadArgument: *to* is given for anything else than one name.
        NoWorkspace: *root* is in no workspace.
        UnknownSource: a name or group is not in the manifest.
        UnfinishedRun: an interrupted sync has to be finished first.
        LockBusy, InvalidFile, NewerSchema: nothing was done.
    """
    if to is not None and (len(names) != 1 or groups or everything):
        raise BadArgument(what="to", value=to, reason="needs exactly one source")
    request = PinRequest(names=tuple(names), groups=tuple(groups), everything=everything, to=to, dry_run=dry_run)
    with _opened("pin", root, jobs=jobs, progress=progress, cancelled=cancelled) as wired:
        return pin_sources(wired.runtime, request)


def scan(
    names: Sequence[str] = (),
    *,
    root: Path | str = ".",
    groups: Sequence[str] = (),
    stale: bool = False,
    diff: bool = False,
    jobs: int | None = None,
    progress: Progress = quiet,
    cancelled: Callable[[], int] | None = None,
) -> ScanReport:
    """Run the scanners on the selected pins (default: all) and record what they say, as ``git hybrid scan`` does.

    Raises:
        NoWorkspace: *root* is in no workspace.
        NoScanner: the manifest has no scanner.
        UnknownSource: a name or group is not in the manifest.
        UnfinishedRun: an interrupted sync has to be finished first.
        LockBusy, InvalidFile, NewerSchema: nothing was recorded.
    """
    request = ScanRequest(names=tuple(names), groups=tuple(groups), stale=stale, diff=diff)
    with _opened("scan", root, jobs=jobs, progress=progress, cancelled=cancelled) as wired:
        return scan_sources(wired.runtime, request)


def exit_code(report: Report) -> int:
    """Return the exit status that the command would have ended with: 0 if every source is as it should be."""
    return exit_of(report)


class _Caller(Cancel):
    """Asks the caller of the API, instead of signals, whether to stop."""

    def __init__(self, cancelled: Callable[[], int] | None) -> None:
        super().__init__()
        self._asked = cancelled

    def __call__(self) -> int:
        return self._asked() if self._asked is not None else 0


def _opened(
    command: str,
    root: Path | str,
    *,
    jobs: int | None = None,
    offline: bool = False,
    progress: Progress = quiet,
    cancelled: Callable[[], int] | None = None,
) -> AbstractContextManager[Session]:
    choices = Choices(folder=Path(root).resolve(), command=f"api {command}", jobs=jobs, offline=offline)
    return session(choices, progress=progress, cancel=_Caller(cancelled))
