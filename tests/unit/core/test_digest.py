from __future__ import annotations

import hashlib
import subprocess
import sys

import pytest

from git_hybrid.core.digest import Digests, sha1_hex, sha256_hex, sha256_of


@pytest.mark.parametrize("first", [0, 1, 10, 1 << 20])
@pytest.mark.parametrize("modules", [None, ("no_such_module",), ()])
@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_whoever_computes_it_the_digest_is_the_same(
    first: int, modules: tuple[str, ...] | None, algorithm: str
) -> None:
    digests = Digests(algorithm, first, modules)
    for data in (b"", b"a", b"\0" * 9, memoryview(b"\xff" * 5000), b"a"):
        assert digests.hex(data) == hashlib.new(algorithm, data).hexdigest()
        assert digests.hex(data, b"head ") == hashlib.new(algorithm, b"head " + data).hexdigest()


def test_python_has_both_of_its_own() -> None:
    program = "import sys; import git_hybrid.core.digest as d; d.sha1_hex(b''); d.sha256_of([b'']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"hashlib", "_hashlib"} & set(done.stdout.split())


def test_of_sha1_nothing_is_loaded_where_nobody_asks() -> None:
    program = "import sys; import git_hybrid.core.digest as d; d.sha256_hex(b''); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "_sha1" not in done.stdout.split()


@pytest.mark.parametrize("many", [1, 1 << 18, 1 << 20])
def test_pieces_are_one_content(many: int) -> None:
    pieces = [b"ab", b"", b"c" * many, b"d", b"", b"e" * 1000]
    assert sha256_of(pieces) == sha256_of([b"".join(pieces)]) == hashlib.sha256(b"".join(pieces)).hexdigest()
    assert sha256_of([]) == sha256_hex(b"")


def test_an_object_of_git_s_is_hashed_with_its_head() -> None:
    assert sha1_hex(b"", b"blob 0\0") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


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
