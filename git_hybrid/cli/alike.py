"""Failures that many sources meet alike, of one server or by the same rules: a few are told, the others counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from git_hybrid.core.errors import (
    AccessDenied,
    HostKeyFailure,
    HybridError,
    NetworkFailure,
    RepositoryNotFound,
    ScanBlocked,
    ScanFindings,
    TlsFailure,
)
from git_hybrid.core.value import Struct
from git_hybrid.core.words import some

_MANY, _TOLD = 10, 3
_LEAVE_OUT = "what is not used here can be left out in the scanner's settings, then: git hybrid scan"


class _Failure(Struct, frozen=True):
    """What is alike: ``where`` is a server, a folder, or the rules of scanners."""

    where: str
    code: str
    kind: str = ""
    differs: bool = False


def without_crowds(errors: Iterable[HybridError]) -> tuple[list[HybridError], list[tuple[str, str, str]]]:
    """Return those of *errors* to tell in full, in their order, and what is told of the others of each crowd.

    That is a line which counts them, their code, and a hint that is for all of them, or nothing.
    """
    pairs = [(error, _alike(error)) for error in errors]
    counts = Counter(failure for _, failure in pairs if failure is not None)
    left, kept = dict[_Failure, list[HybridError]](), list[HybridError]()
    told = Counter[_Failure]()
    for error, failure in pairs:
        if failure is not None and counts[failure] > _MANY:
            told[failure] += 1
            if told[failure] > _TOLD:
                left.setdefault(failure, []).append(error)
                continue
        kept.append(error)
    return kept, [_crowd(failure, others) for failure, others in left.items()]


def _crowd(failure: _Failure, others: list[HybridError]) -> tuple[str, str, str]:
    what = ": ".join(filter(None, (failure.code, failure.kind)))
    if isinstance(others[0], ScanBlocked | ScanFindings):
        names = some([str(error.facts()["name"]) for error in others])
        line = f"{len(others)} other sources have findings by the same rules ({what}: {some(others[0].rules)}): {names}"
        hint = "" if isinstance(others[0], ScanBlocked) and not others[0].again else _LEAVE_OUT
        return f"{line}; -v tells of each", failure.code, hint
    line = f"{len(others)} other sources failed at {failure.where} in the same way ({what})"
    return f"{line}; -v tells of each", failure.code, ""


def _alike(error: HybridError) -> _Failure | None:
    """Return how a server or folder failed, whatever was asked of it, or which rules found something.

    None for what is of one repository, or of this machine.
    """
    if isinstance(error, ScanBlocked | ScanFindings):
        is_open = isinstance(error, ScanBlocked) or bool(error.accept or error.move)
        return _Failure(", ".join(error.rules), error.code, differs=is_open) if error.rules else None
    if not isinstance(error, AccessDenied | HostKeyFailure | NetworkFailure | RepositoryNotFound | TlsFailure):
        return None
    parts = urlsplit(error.url)
    where = parts.netloc.rpartition("@")[2]
    if isinstance(error, AccessDenied | NetworkFailure) and error.elsewhere:
        where = error.elsewhere
    if parts.scheme == "file":
        where = unquote(parts.path).rstrip("/").rpartition("/")[0]
    kind = error.kind if isinstance(error, NetworkFailure) else ""
    by_proxy = isinstance(error, AccessDenied) and error.by_proxy
    return _Failure(where, error.code, kind, by_proxy) if where else None
