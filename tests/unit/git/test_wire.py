"""The list of refs of protocol version 2: what is asked, and that nothing but a whole answer is believed."""

from __future__ import annotations

import pytest

from git_hybrid.git.wire import NotUnderstood, ls_refs, parse_ls_refs

A, B = "a" * 40, "b" * 40


def _lines(*texts: str, end: bytes = b"0000") -> bytes:
    return b"".join(b"%04x%s\n" % (len(text.encode()) + 5, text.encode()) for text in texts) + end


def test_the_request_asks_for_branches_tags_and_the_default_branch_alone():
    assert ls_refs() == (
        b"0014command=ls-refs\n00010009peel\n000csymrefs\n0014ref-prefix HEAD\n"
        b"001bref-prefix refs/heads/\n001aref-prefix refs/tags/\n0000"
    )


def test_an_answer():
    refs = parse_ls_refs(
        _lines(
            f"{A} HEAD symref-target:refs/heads/main",
            f"{A} refs/heads/main",
            f"{B} refs/tags/v1 peeled:{A}",
            f"{B} refs/pull/1/head",
        )
    )
    assert refs.tips == {"refs/heads/main": A, "refs/tags/v1": B}
    assert refs.peeled == {"refs/tags/v1": A}
    assert refs.head == "refs/heads/main"
    assert parse_ls_refs(b"0000").tips == {}
    assert parse_ls_refs(_lines(f"{A} HEAD")).head is None


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"000",
        b"00000000",
        b"zzzz",
        b"-001",
        b"0001",
        b"0002",
        _lines(f"{A} refs/heads/main", end=b""),
        _lines(f"{A} refs/heads/main", end=b"0000x"),
        _lines(f"{A} refs/heads/main", end=b"00010000"),
        b"0100" + A.encode() + b" refs/heads/main\n0000",
        _lines("ERR access denied"),
        _lines("nonsense"),
        _lines("unborn refs/heads/main"),
        _lines(f"{A} refs/tags/v1 peeled:{A[:-1]}"),
        b"001e# service=git-upload-pack\n0000",
    ],
)
def test_anything_else_is_left_to_git(answer: bytes):
    with pytest.raises(NotUnderstood):
        parse_ls_refs(answer)
