"""What ssh says of a host key that it does not accept: which host it has there, and in which file. Pure."""

from __future__ import annotations

import re

from git_hybrid.core.errors import HostKeyFailure
from git_hybrid.core.pattern import pattern

_WORDS = ("host key verification failed", "remote host identification has changed")
# As it stands in known_hosts: "host", or "[host]:port".
_HOST = pattern(r"host key (?:is known )?for (?P<host>\S+) (?:has changed|was revoked|and you have)", re.IGNORECASE)
_FILE = pattern(r"^Offending \S+ key in (?P<file>/.+):\d+\s*$", re.MULTILINE)


def unaccepted(stderr: str, text: str, *, url: str, message: str) -> HostKeyFailure | None:
    """Return the failure that it is where ssh did not accept a key; *text* is *stderr* in lower case."""
    if not any(words in text for words in _WORDS):
        return None
    host, file = _HOST.search(stderr), _FILE.search(stderr)
    return HostKeyFailure(
        url=url, message=message, host=host["host"] if host else "", file=file["file"] if file else ""
    )
