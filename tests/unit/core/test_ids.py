from __future__ import annotations

import pytest

from git_hybrid.core.ids import (
    NAME_LIMIT,
    InvalidText,
    branch_ref,
    is_full_ref,
    is_oid_prefix,
    make_run_id,
    parse_full_ref,
    parse_name,
    parse_oid,
    parse_ref_part,
    parse_run_id,
    short_ref,
    tag_ref,
)

BAD_NAMES = {
    "empty": "",
    "parent": "..",
    "dot": ".",
    "climbs": "../x",
    "slash": "a/b",
    "backslash": "a\\b",
    "git-folder": ".git",
    "hidden": ".hidden",
    "git-suffix": "tool.git",
    "git-suffix-upper": "tool.GIT",
    "lock-suffix": "tool.lock",
    "lock-suffix-mixed": "tool.Lock",
    "double-dot": "a..b",
    "trailing-dot": "a.",
    "trailing-space": "a ",
    "inner-space": "a b",
    "option": "-rf",
    "underscore-first": "_x",
    "device": "CON",
    "device-lower": "nul",
    "device-extension": "aux.txt",
    "device-two-extensions": "prn.tar.gz",
    "serial-port": "COM1",
    "printer-port": "lpt9",
    "nul-byte": "a\x00b",
    "newline-end": "a\n",
    "escape": "a\x1b[31m",
    "bidi": "a\u202eb",
    "zero-width": "a\u200db",
    "full-width": "\uff41\uff42",
    "accent": "caf\u00e9",
    "combining": "cafe\u0301",
    "arabic-digit": "\u0661x",
    "lone-surrogate": "a\ud800",
    "colon-stream": "a:b",
    "tilde": "git~1",
    "wildcard": "a*",
    "dollar": "$HOME",
    "percent": "a%2e",
    "200-chars": "a" * 200,
    "one-too-long": "a" * (NAME_LIMIT + 1),
}
GOOD_NAMES = (
    *("a", "0", "Foo", "foo-bar", "foo_bar", "packer-plugin-proxmox", "v1.2.3", "a.b.c"),
    *("git", "gitlab", "lock", "com", "com0", "com10", "console", "auxiliary", "my-nul", "a" * NAME_LIMIT),
)


@pytest.mark.parametrize("text", BAD_NAMES.values(), ids=BAD_NAMES)
def test_a_hostile_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidText):
        parse_name(text)


@pytest.mark.parametrize("text", GOOD_NAMES)
def test_an_ordinary_name_is_kept_as_it_is(text: str) -> None:
    assert parse_name(text) == text


@pytest.mark.parametrize(
    ("text", "word"),
    [("a" * 101, "100"), ("a b", "letters"), ("a..b", "'..'"), ("a.lock", "'.lock'"), ("con", "Windows")],
    ids=["length", "characters", "dots", "suffix", "device"],
)
def test_the_reason_names_the_rule_and_not_the_text(text: str, word: str) -> None:
    with pytest.raises(InvalidText) as caught:
        parse_name(text)
    assert word in str(caught.value)
    assert text not in str(caught.value)


@pytest.mark.parametrize("length", [40, 64], ids=["sha1", "sha256"])
def test_a_full_object_id_is_accepted(length: int) -> None:
    text = "0123456789abcdef" * 4
    assert parse_oid(text[:length]) == text[:length]


@pytest.mark.parametrize(
    "text",
    ["", "a" * 39, "a" * 41, "a" * 63, "a" * 65, "A" * 40, "g" * 40, "a" * 40 + "\n", " " + "a" * 39, "\u0661" * 40],
    ids=["empty", "39", "41", "63", "65", "upper", "not-hex", "newline", "space", "unicode-digits"],
)
def test_anything_but_a_full_object_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidText):
        parse_oid(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("abc123", False), ("abc1234", True), ("a" * 63, True), ("a" * 64, False), ("ABC1234", False), ("abcdefg", False)],
    ids=["too-short", "shortest", "longest", "full", "upper", "not-hex"],
)
def test_a_shortened_object_id_is_recognised(text: str, *, expected: bool) -> None:
    assert is_oid_prefix(text) is expected


BAD_REFS = {
    "empty": "",
    "too-long": "a" * 201,
    "option": "--upload-pack=x",
    "leading-dot": ".a",
    "leading-slash": "/a",
    "trailing-dot": "a.",
    "trailing-slash": "a/",
    "at": "@",
    "at-brace": "a@{1}",
    "double-dot": "a..b",
    "climb": "../../config",
    "double-slash": "a//b",
    "hidden-part": "a/.b",
    "lock": "a.lock",
    "lock-inside": "a.lock/b",
    "space": "a b",
    "tilde": "a~1",
    "caret": "a^{}",
    "colon": "a:b",
    "question": "a?",
    "star": "a*",
    "bracket": "a[b",
    "backslash": "a\\b",
    "newline": "a\n",
    "nul": "a\x00",
    "delete": "a\x7f",
}


@pytest.mark.parametrize("text", BAD_REFS.values(), ids=BAD_REFS)
def test_a_ref_name_that_git_refuses_is_refused(text: str) -> None:
    with pytest.raises(InvalidText):
        parse_ref_part(text)


@pytest.mark.parametrize(
    "text", ["main", "v1.2.3", "feature/x", "a@b", "release-1.x", "FETCH_HEAD", "a.lockx", "a{b}", "a" * 200]
)
def test_a_valid_ref_name_is_kept(text: str) -> None:
    assert parse_ref_part(text) == text


@pytest.mark.parametrize("text", ["refs/heads/main", "refs/tags/v1", "refs/heads/a/b"])
def test_a_full_branch_or_tag_is_accepted(text: str) -> None:
    assert parse_full_ref(text) == text
    assert is_full_ref(text)


@pytest.mark.parametrize(
    "text",
    [
        "main",
        "HEAD",
        "refs/pull/1/head",
        "refs/replace/x",
        "refs/heads/",
        "refs/heads/../../config",
        "refs/tags/a b",
        "refs/heads/caf\udce9",
    ],
)
def test_a_full_ref_outside_heads_and_tags_is_refused(text: str) -> None:
    with pytest.raises(InvalidText):
        parse_full_ref(text)
    assert not is_full_ref(text)


def test_short_and_full_names_of_refs_belong_together() -> None:
    assert (branch_ref("main"), tag_ref("v1")) == ("refs/heads/main", "refs/tags/v1")
    assert (short_ref("refs/heads/a/b"), short_ref("refs/tags/v1"), short_ref("main")) == ("a/b", "v1", "main")


def test_a_run_id_is_the_ulid_of_its_time_and_randomness() -> None:
    # The example of https://github.com/ulid/spec: the time part of 1469918176385 is 01ARYZ6S41.
    made = make_run_id(milliseconds=1469918176385, random=bytes(10))
    assert made == "01ARYZ6S41" + "0" * 16
    assert make_run_id(milliseconds=0, random=b"\xff" * 10) == "0" * 10 + "Z" * 16
    assert parse_run_id(made) == made


def test_run_ids_sort_by_time() -> None:
    earlier = make_run_id(milliseconds=1000, random=b"\xff" * 10)
    later = make_run_id(milliseconds=1001, random=bytes(10))
    assert earlier < later


@pytest.mark.parametrize(
    "text",
    ["", "0" * 25, "0" * 27, "0" * 25 + "I", "0" * 25 + "a", "0" * 25 + "/", "../" + "0" * 23, "0" * 26 + "\n"],
    ids=["empty", "25", "27", "letter-i", "lower", "slash", "climbs", "newline"],
)
def test_anything_but_a_ulid_is_refused_as_run_id(text: str) -> None:
    with pytest.raises(InvalidText):
        parse_run_id(text)
