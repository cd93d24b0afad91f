"""Failures of one server that many sources meet alike: a few are told in full, the others are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from urllib.parse import urlsplit

from git_hybrid.core.errors import AccessDenied, HostKeyFailure, HybridError, NetworkFailure, TlsFailure
from git_hybrid.core.value import Struct

_MANY, _TOLD = 10, 3


class _Failure(Struct, frozen=True):
    server: str
    code: str
    kind: str = ""
    by_proxy: bool = False


def without_crowds(errors: Iterable[HybridError]) -> tuple[list[HybridError], list[str]]:
    """Return those of *errors* to tell in full, in their order, and for each crowd a line that counts the others."""
    pairs = [(error, _of_server(error)) for error in errors]
    counts = Counter(failure for _, failure in pairs if failure is not None)
    told, kept = Counter[_Failure](), list[HybridError]()
    for error, failure in pairs:
        if failure is not None and counts[failure] > _MANY:
            told[failure] += 1
            if told[failure] > _TOLD:
                continue
        kept.append(error)
    lines = [
        f"{counts[failure] - _TOLD} other sources failed at {failure.server} in the same way"
        f" ({': '.join(filter(None, (failure.code, failure.kind)))}); -v tells of each"
        for failure in told
    ]
    return kept, lines


def _of_server(error: HybridError) -> _Failure | None:
    """Return how a server failed, whatever was asked of it; None for what is of one repository, or of this machine."""
    if not isinstance(error, AccessDenied | HostKeyFailure | NetworkFailure | TlsFailure):
        return None
    server = urlsplit(error.url).netloc.rpartition("@")[2]
    kind = error.kind if isinstance(error, NetworkFailure) else ""
    by_proxy = isinstance(error, AccessDenied) and error.by_proxy
    return _Failure(server, error.code, kind, by_proxy) if server else None
