from __future__ import annotations

import hashlib
import subprocess
import sys

import pytest

from git_hybrid.core.digest import Sha256, sha256_hex, sha256_of


@pytest.mark.parametrize("first", [0, 1, 10, 1 << 20])
@pytest.mark.parametrize("modules", [("_sha2", "_sha256"), ("no_such_module",), ()])
def test_whoever_computes_it_the_digest_is_the_same(first: int, modules: tuple[str, ...]) -> None:
    digests = Sha256(first, modules)
    for data in (b"", b"a", b"\0" * 9, b"\xff" * 5000, b"a"):
        assert digests.hex(data) == hashlib.sha256(data).hexdigest()


def test_pieces_are_one_content() -> None:
    pieces = [b"ab", b"", b"c" * 1000]
    assert sha256_of(pieces) == sha256_of([b"".join(pieces)]) == sha256_hex(b"ab" + b"c" * 1000)
    assert sha256_of([]) == sha256_hex(b"")


PROGRAM = """
import sys
from git_hybrid.core.digest import sha256_hex
loaded = []
for size in (10, 1 << 19, 1 << 18, 1 << 19):
    sha256_hex(bytes(size))
    loaded.append("_hashlib" in sys.modules)
print(*loaded)
"""


def test_openssl_is_loaded_once_there_is_much_to_hash() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "False", "True"]
