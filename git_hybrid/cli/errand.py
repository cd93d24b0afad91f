"""What a worker does with an errand: it wires a run in a folder of its own, and leaves nothing behind.

The folder is a workspace that knows the policy and nothing else, so that adapters, hardening and gates are the same
as at home. Nothing is recorded in it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import gethostname
from typing import TypeVar

from git_hybrid import __version__
from git_hybrid.app.runtime import Runtime
from git_hybrid.cli.mirroring import staged
from git_hybrid.cli.signals import Cancel
from git_hybrid.cli.wiring import Choices, Session, session
from git_hybrid.core.errors import BadArgument, ClusterMismatch, HybridError, ToolTooOld, WorkerLost
from git_hybrid.core.ports_scan import ScanTools
from git_hybrid.core.ports_spread import Errand
from git_hybrid.core.value import Struct, replace
from git_hybrid.git.mirror_folder import GitMirrorFolder
from git_hybrid.scan.external import ExternalScanners
from git_hybrid.store.passing import passing_workspace
from git_hybrid.view.lines import quiet

R = TypeVar("R")


class Unfit(Struct, frozen=True):
    """Why ``worker`` cannot do what it was handed; nothing as its address where that is not known."""

    worker: str
    error: HybridError


def carry_out(work: Callable[[Runtime, Errand], R], errand: Errand) -> R | Unfit:
    """Return ``work(runtime, errand)``, done on this machine with its own git, credentials and scanners.

    *work* has an answer for each source; what is raised here is of the machine: it may be done on another one.
    """
    try:
        with _wired(errand) as runtime:
            return work(runtime, errand)
    except HybridError as error:
        return _unfit(error)


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
def _wired(errand: Errand) -> Iterator[Runtime]:
    """Yield a run for *errand* on this machine.

    Raises:
        ClusterMismatch: this machine has another version of the program, or another mirror folder.
        ToolTooOld: it has no git, or an old one.
        BadArgument: an environment variable or a git setting is outside its grammar.
        LocalIo: there is no room.
    """
    if errand.version != __version__:
        raise ClusterMismatch(what=f"git hybrid {__version__}, and {errand.version} here")
    with passing_workspace(errand.manifest.policy) as folder:
        choices = Choices(folder=folder, command="git hybrid", offline=bool(errand.offline))
        with session(choices, progress=quiet, cancel=Cancel()) as wired, _mirror(wired, errand) as mirror:
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
def _mirror(wired: Session, errand: Errand) -> Iterator[GitMirrorFolder | None]:
    """Yield the mirror folder of *errand*, whose one writer is the machine that sent it."""
    if not errand.folder:
        yield None
        return
    folder = Path(errand.folder)
    if not (folder / ".incoming" / errand.run).is_dir():
        raise ClusterMismatch(what=f"{folder} is not the folder that is updated: it has to be shared")
    with staged(wired, folder) as mirror:
        yield mirror
