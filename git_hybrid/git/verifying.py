"""Signatures, checked when somebody asks: where policy names no key, nothing of that is imported."""

from __future__ import annotations

from functools import cache

from git_hybrid.core.approval import Verify
from git_hybrid.git.run import Runner


def verifier(runner: Runner) -> Verify:
    """Return what tells whether an approval was signed; the same signature is looked at once."""

    @cache
    def verify(text: bytes, key: str, armour: str) -> bool:
        from git_hybrid.git.signing import is_signed

        return is_signed(runner, text, key, armour)

    return verify
