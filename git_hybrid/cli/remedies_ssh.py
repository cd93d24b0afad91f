"""What to type next where ssh does not know the key of a host, or knows another one."""

from __future__ import annotations

from urllib.parse import urlsplit

from git_hybrid.core.words import typed

_CHANGED = "has changed"
"""What ssh says of a key that is another one than it knows; of one that it does not know it says that none is known."""


def hints_for_host(url: str, message: str) -> tuple[str, ...]:
    """Return the commands for the host of *url*, of which ssh says *message*: the old key goes, the new one comes."""
    parts = urlsplit(url)
    host, port = parts.hostname or "HOST", parts.port if parts.scheme == "ssh" else None
    known = host if port is None else f"[{host}]:{port}"
    scan = typed("ssh-keyscan", *(() if port is None else ("-p", str(port))), host)
    hints = (f"once its fingerprint is the one that the host publishes: {scan} >> ~/.ssh/known_hosts",)
    if _CHANGED not in message.lower():
        return hints
    ask = "ask those who run the host whether they changed it, since somebody may be in between; if so"
    return (f"{ask}: {typed('ssh-keygen', '-R', known)}", *hints)
