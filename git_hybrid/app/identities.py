"""Which scanners this machine has: what a recorded scan is held against."""

from __future__ import annotations

from git_hybrid.app.runtime import Runtime
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.ports_scan import Unusable
from git_hybrid.core.scanners import spec_of
from git_hybrid.core.scans import Identity


def identities(rt: Runtime, snapshot: Snapshot) -> dict[str, Identity]:
    """Return the scanners of the manifest that this machine has."""
    found = {scanner.name: rt.scans.scanners.identify(spec_of(scanner)) for scanner in snapshot.manifest.scanners}
    return {name: identity for name, identity in found.items() if not isinstance(identity, Unusable)}
