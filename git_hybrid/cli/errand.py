"""What a worker does with an errand: it wires a run in a folder of its own, and leaves nothing behind.

The folder is a workspace that knows the policy and nothing else, so that adapters, hardening and gates are the same
as at home. Nothing is recorded in it.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from socket import gethostname
from typing import Any, TypeVar

from git_hybrid import __version__
from git_hybrid.app.runtime import Runtime
from git_hybrid.cli.mirroring import staged
from git_hybrid.cli.signals import Cancel
from git_hybrid.cli.wiring import Choices, Session, session
from git_hybrid.core.errors import BadArgument, ClusterMismatch, HybridError, Interrupted, ToolTooOld, WorkerLost
from git_hybrid.core.ports_scan import ScanTools
from git_hybrid.core.ports_spread import Errand
from git_hybrid.core.value import Struct, replace
from git_hybrid.git.alive import is_alive
from git_hybrid.git.mirror_folder import GitMirrorFolder
from git_hybrid.scan.external import ExternalScanners
from git_hybrid.store.passing import passing_workspace
from git_hybrid.view.lines import quiet

R = TypeVar("R")
_LOOK = 0.5
"""Seconds between two looks whether an errand is still wanted."""
_ENDING = frozenset(("closing", "closed", "failed"))
"""What becomes of a worker whose scheduler is gone."""


class Unfit(Struct, frozen=True):
    """Why ``worker`` cannot do what it was handed; nothing as its address where that is not known."""

    worker: str
    error: HybridError


def carry_out(work: Callable[[Runtime, Errand], R], errand: Errand) -> R | Unfit:
    """Return ``work(runtime, errand)``, done on this machine with its own git, credentials and scanners.

    *work* has an answer for each source; what is raised here is of the machine: it may be done on another one.
    """
    cancel = _Unwanted(partial(_is_wanted, errand, _awaiting()))
    try:
        with _wired(errand, cancel) as runtime:
            found = work(runtime, errand)
            if not cancel():
                return found
    except Interrupted:
        pass
    except HybridError as error:
        return _unfit(error)
    # Nobody is to take what was stopped for what was found.
    where = _address()
    return Unfit(where, WorkerLost(name="", why=f"on the worker {where}: nobody waited for it any more"))


class _Unwanted(Cancel):
    """Asks an errand to stop as soon as nobody waits for it any more: no signal comes here."""

    def __init__(self, is_wanted: Callable[[], bool]) -> None:
        super().__init__()
        self._is_wanted, self._next = is_wanted, 0.0

    def __call__(self) -> int:
        """Return the number of a signal once nobody does, else 0; it is looked at now and then."""
        return super().__call__() if time.monotonic() < self._next else self.now()

    def now(self) -> int:
        """Return it by what is so at this moment."""
        if not self._number and not self._is_wanted():
            self._number = signal.SIGTERM
        self._next = time.monotonic() + _LOOK
        return super().__call__()


def _is_wanted(errand: Errand, is_awaited: Callable[[], bool]) -> bool:
    return is_awaited() and (not errand.folder or is_alive(_home(errand)))


def _home(errand: Errand) -> Path:
    """Return the folder that the run of *errand* has in the mirror folder, and locks, for as long as it is at work."""
    return Path(errand.folder) / ".incoming" / errand.run


def _awaiting() -> Callable[[], bool]:
    """Return what tells whether the cluster still waits for the task of this thread; where nobody knows it does."""
    distributed = sys.modules.get("distributed")
    with suppress(ValueError, KeyError, AttributeError):
        if distributed is not None:
            worker = distributed.get_worker()
            return partial(_is_awaited, worker, worker.get_current_task())
    return lambda: True


def _is_awaited(worker: Any, key: Any) -> bool:
    with suppress(AttributeError, KeyError):
        return worker.status.name not in _ENDING and worker.state.tasks[key].state != "cancelled"
    return True


def _unfit(error: HybridError) -> Unfit:
    from git_hybrid.cli.telling import tell

    worker = _address()
    words = error.what if isinstance(error, ClusterMismatch) else tell(error).title
    why = f"on the worker {worker}: {words}"
    if isinstance(error, ClusterMismatch | ToolTooOld | BadArgument):
        return Unfit(worker, ClusterMismatch(what=why))
    return Unfit(worker, WorkerLost(name="", why=why))


def _address() -> str:
    """Return by what address the cluster knows this worker, or how the machine is called."""
    distributed = sys.modules.get("distributed")
    with suppress(ValueError):
        if distributed is not None:
            return str(distributed.get_worker().address)
    return gethostname()


@contextmanager
def _wired(errand: Errand, cancel: _Unwanted) -> Iterator[Runtime]:
    """Yield a run for *errand* on this machine.

    Raises:
        ClusterMismatch: this machine has another version of the program, or another mirror folder.
        ToolTooOld: it has no git, or an old one.
        BadArgument: an environment variable or a git setting is outside its grammar.
        LocalIo: there is no room.
    """
    if errand.version != __version__:
        raise ClusterMismatch(what=f"git hybrid {__version__}, and {errand.version} here")
    if errand.folder and not is_alive(_home(errand)):
        what = f"{errand.folder} is not the folder that is updated, or its lock is not seen"
        raise ClusterMismatch(what=f"{what}: it has to be shared, with its locks (flock)")
    with passing_workspace(errand.manifest.policy) as folder:
        choices = Choices(folder=folder, command="git hybrid", offline=bool(errand.offline))
        with session(choices, progress=quiet, cancel=cancel) as wired, _mirror(wired, errand, cancel) as mirror:
            rt = wired.runtime
            tools, scanners = rt.scans, rt.scans.scanners
            assert isinstance(scanners, ExternalScanners)
            yield replace(
                rt,
                info=replace(rt.info, now=errand.now),
                mirrors=errand.mirrors,
                offline=errand.offline,
                waived=errand.waived,
                jobs=None,
                mirror=mirror,
                scans=ScanTools(
                    exporter=tools.exporter,
                    scanners=replace(scanners, root=Path(errand.root)),
                    reports=tools.reports,
                    history=tools.history,
                ),
            )


@contextmanager
def _mirror(wired: Session, errand: Errand, cancel: _Unwanted) -> Iterator[GitMirrorFolder | None]:
    """Yield the mirror folder of *errand*, whose one writer is the machine that sent it."""
    if not errand.folder:
        yield None
        return
    with staged(wired, Path(errand.folder), ended=cancel.now) as mirror:
        # Before anything else: whoever has the lock next waits for those that it sees at work.
        mirror.announce()
        yield mirror
