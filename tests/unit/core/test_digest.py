"""The digests are those of hashlib, whatever this build of Python has."""

from __future__ import annotations

import hashlib
import runpy
import sys

import pytest

from git_hybrid.core import digest

MUCH = digest.MUCH


@pytest.mark.parametrize("data", [b"", b"abc", bytes(range(256)) * 99])
def test_they_are_those_of_hashlib(data: bytes) -> None:
    assert digest.sha1(data, usedforsecurity=False).digest() == hashlib.sha1(data, usedforsecurity=False).digest()
    for sha256 in (digest.sha256, digest.sha256_for(0), digest.sha256_for(MUCH)):
        assert sha256(data).hexdigest() == hashlib.sha256(data).hexdigest()


def test_much_is_hashed_by_hashlib() -> None:
    assert digest.sha256_for(MUCH - 1) is digest.sha256
    assert digest.sha256_for(MUCH) is hashlib.sha256


@pytest.mark.parametrize("lacking", [("_sha1",), ("_sha2", "_sha256")])
def test_a_build_without_them_has_hashlib(monkeypatch: pytest.MonkeyPatch, lacking: tuple[str, ...]) -> None:
    for name in lacking:
        monkeypatch.setitem(sys.modules, name, None)
    found = runpy.run_path(str(digest.__file__))
    assert (found["sha1"], found["sha256"]) == (hashlib.sha1, hashlib.sha256)
