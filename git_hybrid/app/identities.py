"""Which scanners this machine has: what a recorded scan is held against."""

from __future__ import annotations

from contextlib import suppress

from git_hybrid.app.runtime import Runtime
from git_hybrid.core.errors import BadArgument, LocalIo
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.ports_scan import Unusable
from git_hybrid.core.scanners import spec_of
from git_hybrid.core.scans import Identity


def identities(rt: Runtime, snapshot: Snapshot) -> dict[str, Identity]:
    """Return the scanners of the manifest that this machine has, as far as they can be asked."""
    found: dict[str, Identity] = {}
    for scanner in snapshot.manifest.scanners:
        # Without room for temporary files none can be run: the scan itself says so.
        with suppress(BadArgument, LocalIo):
            identity = rt.scans.scanners.identify(spec_of(scanner))
            if not isinstance(identity, Unusable):
                found[scanner.name] = identity
    return found
