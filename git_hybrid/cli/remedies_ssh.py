"""What to type next where ssh does not know the key of a host, or knows another one."""

from __future__ import annotations

from urllib.parse import urlsplit

from git_hybrid.core.errors import HostKeyFailure
from git_hybrid.core.words import typed

_CHANGED = "has changed"
"""What ssh says of a key that is another one than it knows; of one that it does not know it says that none is known."""
_COMPARED = "once its fingerprint is the one that the host publishes"
_FILE = "~/.ssh/known_hosts"


def hints_for_host(error: HostKeyFailure) -> tuple[str, ...]:
    """Return the commands for the host whose key ssh did not accept: the old key goes, the new one comes.

    The host of the URL may be an alias in the configuration of ssh, which has another name, port or file for it; what
    ssh itself says of these counts.
    """
    host, port = _of_url(error.url)
    known = error.host or (f"[{host}]:{port}" if port else host)
    file = typed(error.file) if error.file else _FILE
    scan = f"{typed('ssh-keyscan', *_asked(known))} >> {file}"
    if _CHANGED in error.message.lower():
        ask = "ask those who run the host whether they changed it, since somebody may be in between; if so"
        forget = typed("ssh-keygen", *(("-f", error.file) if error.file else ()), "-R", known)
        return f"{ask}: {forget}", f"{_COMPARED}: {scan}"
    if error.host:
        return (f"{_COMPARED}: {scan}",)
    user = urlsplit(error.url).username
    # With a user an address with colons looks like a password (git_hybrid.core.redact).
    login = f"{user}@{host}" if user and ":" not in host else host
    answer = f"{_COMPARED}, say yes to it: {typed('ssh', *(('-p', port) if port else ()), login)}"
    # A name without a domain is an alias, or one that ssh finds by itself.
    return (answer, f"or where nobody can answer: {scan}") if "." in host or ":" in host else (answer,)


def _of_url(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.hostname or "HOST", str(parts.port) if parts.scheme == "ssh" and parts.port else ""


def _asked(known: str) -> tuple[str, ...]:
    """Return what ssh-keyscan is given for a host as known_hosts has it."""
    host, mark, port = known.removeprefix("[").rpartition("]:")
    return ("-p", port, host) if mark else (known,)
