"""SHA-256 of what every start reads: records of the log, sets of rules, sources as the manifest has them.

``hashlib`` loads OpenSSL, which takes 3 ms, a twentieth of a hook. Python has a SHA-256 of its own that is there at
once and takes 3 ns a byte, where OpenSSL takes less than one. So the first bytes go to the one and all that come after
to the other: for a long log the start of OpenSSL pays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

_MODULES = ("_sha2", "_sha256")
"""Where Python has its own: since 3.12, and before."""
_FIRST = 1 << 20
"""How many bytes are given to it, which then has taken as long as the start of OpenSSL."""


class Sha256:
    """Computes digests, of the *first* bytes by Python's own SHA-256, which is looked for in *modules*."""

    def __init__(self, first: int = _FIRST, modules: Iterable[str] = _MODULES) -> None:
        """Begin with nothing computed."""
        self._left = first
        self._new = _own(modules)

    def hex(self, data: bytes) -> str:
        """Return the SHA-256 of *data*: 64 hex digits."""
        if self._left > 0:
            self._left -= len(data)
            if self._left <= 0:
                self._new = _by_hashlib
        digest: str = self._new(data).hexdigest()
        return digest


def _own(modules: Iterable[str]) -> Callable[[bytes], Any]:
    for name in modules:
        try:
            found: Callable[[bytes], Any] = import_module(name).sha256
        except ImportError:
            # Python may be built without it (configure --with-builtin-hashlib-hashes).
            continue
        return found
    return _by_hashlib


def _by_hashlib(data: bytes) -> Any:
    import hashlib

    return hashlib.sha256(data)


def sha256_of(pieces: Iterable[bytes]) -> str:
    """Return the SHA-256 of *pieces* one after the other, which are many: 64 hex digits."""
    digest = _by_hashlib(b"")
    for piece in pieces:
        digest.update(piece)
    found: str = digest.hexdigest()
    return found


sha256_hex = Sha256().hex
