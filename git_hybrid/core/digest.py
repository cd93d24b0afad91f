"""SHA-256 and SHA-1 of what every start reads: records of the log, sources as the manifest has them, a few objects.

``hashlib`` loads OpenSSL, which takes 3 ms, a twentieth of a hook. Python has both of its own, which are there at
once and take 3 ns a byte, where OpenSSL takes less than one. So the first bytes go to the one and all that come after
to the other: for a long log, or for many objects, the start of OpenSSL pays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from typing import Any

_OWN = {"sha1": ("_sha1",), "sha256": ("_sha2", "_sha256")}
"""Where Python has its own: of SHA-256 since 3.12, and before."""
_FIRST = 1 << 20
"""How many bytes are given to it, which then has taken as long as the start of OpenSSL."""
_SHORT = 1 << 18
"""How many bytes in pieces are put together first, since only then it is known how many there are."""


class Digests:
    """Computes digests by *algorithm*, of the *first* bytes by Python's own, which is looked for in *modules*."""

    def __init__(self, algorithm: str, first: int = _FIRST, modules: Iterable[str] | None = None) -> None:
        """Begin with nothing computed, and nothing loaded: few starts need both."""
        self._left = first
        self._algorithm = algorithm
        self._modules = _OWN[algorithm] if modules is None else modules
        self._new: Callable[[bytes | memoryview], Any] | None = None

    def hex(self, data: bytes | memoryview, head: bytes = b"") -> str:
        """Return the digest of *data*, with *head* before it, as hex digits."""
        if self._left > 0:
            self._left -= len(data)
            if self._left <= 0:
                self._new = self._by_hashlib()
        if self._new is None:
            self._new = self._own()
        digest = self._new(head or data)
        if head:
            digest.update(data)
        found: str = digest.hexdigest()
        return found

    def hex_of(self, pieces: Iterable[bytes]) -> str:
        """Return the digest of *pieces* one after the other, which are many, as hex digits."""
        rest, short, size = iter(pieces), list[bytes](), 0
        for piece in rest:
            short.append(piece)
            size += len(piece)
            if size > _SHORT:
                break
        else:
            return self.hex(b"".join(short))
        digest = self._by_hashlib()(b"".join(short))
        for piece in rest:
            digest.update(piece)
        found: str = digest.hexdigest()
        return found

    def _own(self) -> Callable[[bytes | memoryview], Any]:
        for name in self._modules:
            try:
                found: Callable[[bytes | memoryview], Any] = getattr(import_module(name), self._algorithm)
            except ImportError:
                # Python may be built without it (configure --with-builtin-hashlib-hashes).
                continue
            return found
        return self._by_hashlib()

    def _by_hashlib(self) -> Callable[[bytes | memoryview], Any]:
        import hashlib

        return partial(getattr(hashlib, self._algorithm), usedforsecurity=False)


_SHA1, _SHA256 = Digests("sha1"), Digests("sha256")
sha1_hex, sha256_hex, sha256_of = _SHA1.hex, _SHA256.hex, _SHA256.hex_of
