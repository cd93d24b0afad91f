"""Which workspace a run is in, and what git has of it that few runs ask about."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from git_hybrid.core.errors import NoWorkspace
from git_hybrid.core.files import LOCK, LOG
from git_hybrid.git.trust import require_trusted
from git_hybrid.store.layout import Layout, find_root, refuse_links

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from git_hybrid.core.brought import Brought, Installed
    from git_hybrid.core.ids import SourceName
    from git_hybrid.core.lock import Pin
    from git_hybrid.core.ports_ledger import Head
    from git_hybrid.git.run import Runner


def root_of(folder: Path, runner: Runner) -> Layout:
    """Return the workspace that *folder* is in; git is asked where there is none.

    Raises:
        ForeignWorkspace: another user made it, and no repository is around it that git would judge.
        NoWorkspace: there is none; it names those that are below, or the branch that has one.
        NotCheckedOut: git has left out its manifest.
        WorkspaceTakenOut: its manifest is missing, and git has it, or had it until lately.
    """
    try:
        layout = find_root(folder)
    except NoWorkspace as error:
        from git_hybrid.git.bare import refuse_bare
        from git_hybrid.git.elsewhere import tell_of_branch
        from git_hybrid.git.leftout import refuse_left_out_above, tell_below
        from git_hybrid.git.takenout import refuse_taken_out_above, refuse_taken_out_lately

        refuse_bare(runner, folder)
        refuse_left_out_above(runner, folder)
        refuse_taken_out_above(runner, folder)
        tell_below(runner, folder, error)
        refuse_taken_out_lately(runner, folder)
        tell_of_branch(runner, folder, error)
        raise
    require_trusted(runner, layout.root)
    return layout


def found(folder: Path, runner: Runner, *, judges: bool = False) -> Layout:
    """Return the workspace that *folder* is in. git is asked only where a file is not there that most have.

    Who *judges* the log tells by itself that it is not there.

    Raises:
        NoWorkspace: there is none.
        ForeignWorkspace: another user made it, and no repository is around it that git would judge.
        SymlinkRefused: one of its files is a symbolic link.
        NotCheckedOut: git has left out files of it.
        WorkspaceTakenOut: its manifest is missing, or its audit log is missing or empty, and git has it.
    """
    layout = root_of(folder, runner)
    refuse_links(layout)
    if not (judges or layout.has_log()):
        from git_hybrid.git.takenout import refuse_taken_out

        refuse_taken_out(runner, layout.root)
    elif not (layout.lock.exists() and layout.has_log()):
        from git_hybrid.git.leftout import refuse_left_out
        from git_hybrid.git.repository import around

        refuse_left_out(around(runner, layout.root), layout.root)
    return layout


def head_of(layout: Layout, runner: Runner) -> Head | None:
    """Return what HEAD has in the workspace of *layout*; None where nothing of its log is committed there.

    It is asked for the audit log and the lock: a merge that is under way brings more into the files. A lock that cannot
    be read has no pins, and the log beside it counts as ever.

    Raises:
        GitRefused: git does not answer, or cannot read HEAD or the log that it has.
    """
    # Imported here: only where branches both moved a pin somebody asks.
    from git_hybrid.core.errors import InvalidFile, NewerSchema
    from git_hybrid.core.ports_ledger import Head
    from git_hybrid.git.committed import require_none
    from git_hybrid.git.repository import around
    from git_hybrid.store.layout import archives
    from git_hybrid.store.lockfile import decode_lock

    repository = around(runner, layout.root)
    if repository.top is None:
        return None
    prefix = repository.prefix(layout.root)
    lock, log, *closed = repository.blobs(f"HEAD:{prefix}{name}" for name in (LOCK, LOG, *archives(layout)))
    if log is None:
        require_none(repository, prefix + LOG)
        return None
    pins: Mapping[SourceName, Pin] = {}
    with suppress(InvalidFile, NewerSchema):
        pins = {} if lock is None else decode_lock(lock).pins
    return Head(b"\n".join(item for item in (log, *closed) if item is not None), pins)


def met_of(layout: Layout, runner: Runner, hashes: Collection[str]) -> Head | None:
    """Return a log of any branch, in whatever folder, that has all records of these *hashes*; None if there is none.

    HEAD may be on a branch without the workspace, or on one that has no commit yet, and the workspace may just have
    been moved: what was decided is decided all the same.

    Raises:
        GitRefused: git does not answer, or a partial clone lacks such a log.
    """
    from git_hybrid.core.ports_ledger import Head
    from git_hybrid.git.appended import logs_anywhere
    from git_hybrid.git.repository import around

    wanted = [f'"hash":"{digest}"'.encode("ascii") for digest in hashes]
    logs = logs_anywhere(around(runner, layout.root))
    return next((Head(log, {}) for log in logs if all(item in log for item in wanted)), None)


def brought_of(layout: Layout, runner: Runner, pins: Mapping[SourceName, Pin], installed: Installed) -> Brought:
    """Return the last records of *pins* that only came along with a picked commit, as :func:`brought.brought` does.

    None where git does not answer, or a partial clone lacks some of history: then each counts.
    """
    # Imported here: only where lock and log disagree somebody asks.
    from git_hybrid.core.brought import History, brought
    from git_hybrid.core.errors import GitRefused
    from git_hybrid.git.committed import history_witness
    from git_hybrid.git.pushed import pushed_tips, replaced
    from git_hybrid.git.repository import around
    from git_hybrid.store.facts import decoded, read_log
    from git_hybrid.store.layout import archives
    from git_hybrid.store.parsing import read_bytes

    repository, names = around(runner, layout.root), (*archives(layout), LOG)
    with suppress(GitRefused):
        told = history_witness(repository, layout.root, names[:-1])
        past = None if told.past is None or told.is_partial else told.past()
        if past is None:
            return {}
        pushed = replaced(repository, pushed_tips(repository), (repository.prefix(layout.root),))
        segments = read_log(lambda name: read_bytes(layout.root / name, name), names)
        lines = [line for segment in segments for line in segment.lines if line.record is not None and line.whole]
        history = History(
            past=past,
            pushed=[text for text, _ in pushed.values()],
            lines={str((line.record or {})["hash"]): line.sha256 for line in lines},
            decode=decoded,
        )
        return brought([line.record for line in lines if line.record is not None], pins, installed, history)
    return {}


def pins_on_disk(root: Path) -> Mapping[str, str]:
    """Return the commits of the lock that the workspace at *root* has now; none where it cannot be read."""
    from git_hybrid.core.errors import HybridError
    from git_hybrid.store.lockfile import decode_lock
    from git_hybrid.store.parsing import read_bytes

    with suppress(HybridError):
        text = read_bytes(root / LOCK, LOCK)
        return {} if text is None else {name: pin.commit for name, pin in decode_lock(text).pins.items()}
    return {}


def runs_in_git(layout: Layout, runner: Runner) -> tuple[str, ...]:
    """Return the paths of markers and journals that git has in the workspace of *layout*.

    Raises:
        GitRefused: git does not answer.
    """
    # Imported here: only where a run was interrupted somebody asks.
    from git_hybrid.git.repository import around
    from git_hybrid.git.staged import Staged

    return Staged(around(runner, layout.root), layout.root).runs()
