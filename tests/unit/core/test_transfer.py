"""git's progress as numbers: exactly what git writes, and nothing that somebody else does."""

from __future__ import annotations

import pytest

from git_hybrid.core.transfer import Transfer, parse_transfer

MIB = 1 << 20


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("remote: Enumerating objects: 2385, done.        ", Transfer(phase="server counts", done=2385)),
        ("remote: Counting objects:  50% (5/10)        ", Transfer(phase="server counts", done=5, total=10)),
        ("remote: Compressing objects: 100% (7/7), done.", Transfer(phase="server compresses", done=7, total=7)),
        ("Receiving objects:   0% (1/1000)", Transfer(phase="receiving", done=1, total=1000)),
        (
            "Receiving objects:  45% (450/1000), 12.30 MiB | 3.20 MiB/s",
            Transfer(phase="receiving", done=450, total=1000, size=int(12.3 * MIB), rate=int(3.2 * MIB)),
        ),
        (
            "Receiving objects: 100% (9/9), 1 byte | 1023 bytes/s, done.",
            Transfer(phase="receiving", done=9, total=9, size=1, rate=1023),
        ),
        (
            "Receiving objects: 100% (9/9), 2.00 GiB | 1.00 KiB/s, done.",
            Transfer(phase="receiving", done=9, total=9, size=2048 * MIB, rate=1024),
        ),
        ("Resolving deltas:  99% (1700/1717)", Transfer(phase="resolving", done=1700, total=1717)),
        ("Checking connectivity: 123, done.", Transfer(phase="checking history", done=123)),
        ("Checking objects:   3% (3/100)", Transfer(phase="checking objects", done=3, total=100)),
    ],
)
def test_what_git_writes(line, told):
    assert parse_transfer(line) == told


@pytest.mark.parametrize(
    "line",
    [
        "",
        "fatal: early EOF",
        "remote: Receiving objects:  45% (450/1000)",
        "remote: Total 2385 (delta 1717), reused 2385 (delta 1717), pack-reused 0",
        "Counting objects:  50% (5/10)",
        "Receiving objects:  45% (450/1000), 12.30 MiB | 3.20 MiB/s\x1b[2J",
        "Receiving objects:  45% (450/1000)\nfatal: x",
        "Receiving objects:  45% (1/9999999999999)",
        "Receiving objects:  45% (\u0664/\u0669)",
        "Receiving objects:  45% (450/1000), 123456789.00 GiB | 1.00 MiB/s",
        " Receiving objects:  45% (450/1000)",
        "Receiving objects:  45% (450/1000)" + " " * 200,
        "warning: redirecting to https://example.org/",
    ],
)
def test_what_git_does_not_write(line):
    assert parse_transfer(line) is None
