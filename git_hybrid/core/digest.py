"""SHA-1 and SHA-256 of a little data, without OpenSSL: hashlib loads it, which takes longer than most runs hash for.

The functions are those of Python itself, that hashlib falls back to where there is no OpenSSL. They take several times
as long for each byte, so who may have much to hash takes what :func:`sha256_for` returns.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable
    from hashlib import _Hash as Hash
    from hashlib import sha1, sha256
else:
    try:
        # These names are Python's own affair: another release may have others, and a build none.
        from _sha1 import sha1

        try:
            from _sha2 import sha256
        except ImportError:
            from _sha256 import sha256
    except ImportError:
        from hashlib import sha1, sha256

__all__ = ["MUCH", "sha1", "sha256", "sha256_for"]
MUCH = 1 << 20
"""From so many bytes on OpenSSL is loaded."""


def sha256_for(size: int) -> Callable[[bytes], Hash]:
    """Return what hashes *size* bytes, all in all, in the least time, the time to load it counted."""
    return sha256 if size < MUCH else cast("Callable[[bytes], Hash]", import_module("hashlib").sha256)
