"""Hand the work on sources to other machines, and take back what they found. What is recorded is recorded here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from types import MappingProxyType
from typing import TypeVar

from git_hybrid.app.runtime import Runtime
from git_hybrid.core.errors import HybridError, Interrupted
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.mirrors import NO_MIRRORS, Inventory
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.ports_spread import Errand, Spread
from git_hybrid.core.value import replace

R = TypeVar("R")


def errands_of(
    rt: Runtime,
    spread: Spread,
    snapshot: Snapshot,
    groups: Iterable[Sequence[SourceName]],
    *,
    waived: Mapping[SourceName, Sequence[Oid]] = MappingProxyType({}),
    bases: Mapping[SourceName, Sequence[Pin]] = MappingProxyType({}),
    folder: str = "",
    inventory: Inventory = NO_MIRRORS,
) -> tuple[Errand, ...]:
    """Return one errand for each group of sources, with no more of the workspace than these need."""
    pins = snapshot.lock.pins
    return tuple(
        Errand(
            version=spread.version,
            run=rt.info.run,
            now=rt.info.now,
            root=spread.root,
            manifest=replace(snapshot.manifest, sources={name: snapshot.manifest.sources[name] for name in names}),
            pins={name: pins[name] for name in names if name in pins},
            mirrors=rt.mirrors,
            offline=rt.offline,
            folder=folder,
            waived={name: waived[name] for name in names if name in waived},
            bases={name: bases[name] for name in names if name in bases},
            inventory=inventory,
        )
        for names in groups
    )


def batches(names: Sequence[SourceName], size: int) -> tuple[Sequence[SourceName], ...]:
    """Return *names* in groups of at most *size*."""
    return tuple(names[start : start + size] for start in range(0, len(names), size))


def carried_out(
    rt: Runtime,
    spread: Spread,
    work: Callable[[Runtime, Errand], Mapping[SourceName, R | HybridError]],
    errands: Sequence[Errand],
) -> dict[SourceName, R | HybridError]:
    """Return what *work* found for each source of *errands*, or the error that kept it from being done."""
    for errand in errands:
        for name in errand.names:
            rt.progress("step", name, "handed to the cluster")
    found: dict[SourceName, R | HybridError] = {}
    for errand, result in zip(errands, spread.run(work, errands, cancelled=rt.cancelled), strict=True):
        if result is None or isinstance(result, HybridError):
            error = Interrupted(signal=rt.cancelled(), begun=False) if result is None else result
            found |= {name: copy(error).about(name) for name in errand.names}
        else:
            found |= result
    return found
