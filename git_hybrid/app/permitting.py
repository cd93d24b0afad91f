"""Refuse to ask a host that policy does not have."""

from __future__ import annotations

from git_hybrid.core.errors import HostNotAllowed
from git_hybrid.core.ids import Url
from git_hybrid.core.manifest import Policy, Source, allows_host


def require_host(policy: Policy, source: Source, url: Url | None = None) -> None:
    """Raise unless *policy* lets *url* be asked for *source*, else the source's own URL.

    Raises:
        HostNotAllowed: policy does not have its host.
    """
    asked = source.url if url is None else url
    if not allows_host(policy, asked):
        raise HostNotAllowed(name=source.name, host=asked.host)
