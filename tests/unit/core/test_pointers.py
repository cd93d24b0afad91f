"""Pointers of Git LFS are read as git-lfs reads them, whatever the specification says."""

from __future__ import annotations

import pytest

from git_hybrid.core.pointers import LFS_LIMIT, Pointer, parse_pointer

VERSION, OID = "version https://git-lfs.github.com/spec/v1", "a1" * 32
PLAIN = f"{VERSION}\noid sha256:{OID}\nsize 4\n"


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.rstrip(),
        f"\n {PLAIN}\u00a0\n",
        PLAIN.replace("\n", "\n\n"),
        PLAIN.replace("git-lfs", "hawser"),
        PLAIN.replace("https://git-lfs.github.com/spec/v1", "http://git-media.io/v/2"),
        PLAIN.replace("size 4", "size +04"),
    ],
)
def test_a_pointer_names_content(text: str) -> None:
    assert parse_pointer(text.encode()) == Pointer(sha256=OID, size=4)


def test_an_extension_is_told() -> None:
    extended = PLAIN.replace("oid", f"ext-0-a sha256:{OID}\noid", 1)
    assert parse_pointer(extended.encode()) == Pointer(sha256=OID, size=4, extended=True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        PLAIN + " " * LFS_LIMIT,
        PLAIN.replace("spec/v1", "spec/v2"),
        PLAIN.replace("oid", "key value\noid"),
        PLAIN.replace("oid sha256", "oid"),
        PLAIN.replace(OID, OID.upper()),
        PLAIN.replace(OID, f"{OID}/.."),
        PLAIN.replace("size 4", "size -4"),
        PLAIN.replace("size 4", "size"),
        PLAIN + "more of it\n",
        PLAIN + f"ext-0-a sha256:{OID}\n",
        f"{VERSION}\noid sha256:{OID}\n",
        "\x1c" + PLAIN,
    ],
)
def test_anything_else_is_none(text: str) -> None:
    assert parse_pointer(text.encode()) is None


def test_bytes_that_are_no_text_are_no_pointer() -> None:
    assert parse_pointer(b"\xff" + PLAIN.encode()) is None
