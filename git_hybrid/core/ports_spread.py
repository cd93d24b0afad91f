"""What handing work to other machines needs: the work as plain values, and who takes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from git_hybrid.core.endpoints import Mirrors
from git_hybrid.core.errors import HybridError
from git_hybrid.core.ids import Oid, RunId, SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Manifest
from git_hybrid.core.mirrors import Inventory
from git_hybrid.core.ports_mirror import Claim
from git_hybrid.core.value import Struct, field

R = TypeVar("R")


class Errand(Struct, frozen=True, kw_only=True):
    """Some sources and all that is to be known of them; a machine that has no workspace can work on it.

    ``manifest`` has these sources alone; ``version`` is that of the program which sends it; ``root`` the workspace's
    folder, whose files the manifest's scanners may name, ``folder`` a mirror folder that every machine sees there;
    ``bases`` are what a pin that was forced is judged against; ``inventory`` tells how old what a mirror serves is;
    ``claims`` what other pins need of what the folder has, by path; ``thorough``: all that it has is to be read.
    """

    version: str
    run: RunId
    now: datetime
    root: str
    manifest: Manifest
    pins: Mapping[SourceName, Pin]
    mirrors: Mirrors
    offline: str = ""
    folder: str = ""
    waived: Mapping[SourceName, Sequence[Oid]] = field(default_factory=dict)
    bases: Mapping[SourceName, Sequence[Pin]] = field(default_factory=dict)
    inventory: Inventory = field(default_factory=Inventory)
    claims: Mapping[str, Sequence[Claim]] = field(default_factory=dict)
    thorough: bool = False

    @property
    def names(self) -> tuple[SourceName, ...]:
        """The sources."""
        return tuple(self.manifest.sources)


class Spread(Protocol):
    """Hands errands to workers; what comes back is recorded here, by the one writer."""

    @property
    def version(self) -> str:
        """The version of this program, which workers must have too."""
        ...

    @property
    def root(self) -> str:
        """The folder of the workspace."""
        ...

    def run(
        self, work: Callable[..., R], errands: Sequence[Errand], *, cancelled: Callable[[], int]
    ) -> tuple[R | HybridError | None, ...]:
        """Return what ``work(runtime, errand)`` returned for each errand, or why not; None for what a signal stopped.

        *work* is a function of a module, found by its name on the other machine.
        """
        ...
