from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from git_hybrid.core import tree
from git_hybrid.core.canonical import canonical_json
from git_hybrid.core.endpoints import endpoints, parse_mirrors
from git_hybrid.core.ids import (
    InvalidText,
    SourceName,
    make_run_id,
    name_from_url,
    normalize_url,
    parse_full_ref,
    parse_name,
    parse_oid,
    parse_ref_part,
    parse_run_id,
    parse_url,
)
from git_hybrid.core.tree import TreeLimits, scan_tree
from git_hybrid.core.values import format_time, parse_duration, parse_time
from git_hybrid.core.versions import check_range, in_range
from support.values import an_entry

thorough = settings(max_examples=200, deadline=None, database=None)
usual = settings(max_examples=60, deadline=None, database=None)

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
URL_LIKE = st.lists(
    st.sampled_from(
        [
            *(
                "https://",
                "ssh://",
                "file://",
                "http://",
                "ext::",
                "git",
                "@",
                ":",
                "/",
                "//",
                "..",
                ".",
                "-",
                "%2e",
                "%0a",
            ),
            *(
                "host",
                "Host.Example",
                "[::1]",
                "22",
                "0",
                "a",
                "b.git",
                "~",
                "?x",
                "#y",
                "\\",
                "\n",
                "$",
                "%",
                "%20",
                " ",
            ),
        ]
    ),
    max_size=12,
).map("".join)
GOOD_URL = st.builds(
    "{}{}/{}".format,
    st.sampled_from(["https://", "ssh://", "ssh://git@"]),
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9-]{0,8}[a-z](\.[a-z]{2,5}){0,2}(:[1-9][0-9]{0,3})?", fullmatch=True),
    st.from_regex(r"[A-Za-z0-9_~][A-Za-z0-9_]{0,9}(/[A-Za-z0-9_-]{1,9}){0,3}(\.git)?", fullmatch=True),
)
NAME = st.from_regex(r"[a-z][a-z0-9_-]{0,9}x", fullmatch=True)


@pytest.mark.parametrize(
    "parse",
    [
        *(parse_url, normalize_url, parse_name, parse_ref_part, parse_full_ref, parse_oid, parse_run_id),
        *(parse_duration, parse_time, parse_mirrors, check_range),
    ],
)
@thorough
@given(text=ANY_TEXT | URL_LIKE)
def test_text_from_outside_is_taken_or_refused_and_never_breaks_anything(parse: Any, text: str) -> None:
    try:
        parse(text)
    except InvalidText as error:
        if not str(error):
            pytest.fail("refused without a reason")


@thorough
@given(text=URL_LIKE | GOOD_URL)
def test_a_url_is_a_fixed_point_of_its_grammar(text: str) -> None:
    try:
        url = parse_url(text)
    except InvalidText:
        return
    assert parse_url(str(url)) == url
    assert str(parse_url(str(url))) == str(url)
    assert str(url).isascii()
    assert str(url).isprintable()
    assert not {".", ".."} & set(url.path.split("/"))


@thorough
@given(text=GOOD_URL)
def test_an_ordinary_url_is_accepted_and_gives_a_name_without_slash(text: str) -> None:
    url = parse_url(text)
    assert str(url).casefold() == text.casefold()
    assert "/" not in name_from_url(url)
    assert not str(url).endswith(f"/{name_from_url(url)}.git.git")


@thorough
@given(text=ANY_TEXT | NAME | st.from_regex(r"[A-Za-z0-9._-]{1,12}", fullmatch=True))
def test_an_accepted_name_is_one_plain_folder(text: str) -> None:
    try:
        name = parse_name(text)
    except InvalidText:
        return
    assert name == text
    assert name.isascii()
    assert not set(name) & set('/\\:*?"<>| \t\n\x00')
    assert scan_tree([an_entry(name)], limits=TreeLimits(max_entries=1, max_bytes=10), read_link=bytes)[1] == ()


@usual
@given(
    text=GOOD_URL, name=NAME, base=st.sampled_from(["https://m/g", "https://m/{host}/{path}", "https://m/{name}.git"])
)
def test_a_mirror_url_is_inside_the_grammar_and_ends_with_git_once(text: str, name: str, base: str) -> None:
    (endpoint,) = endpoints(parse_url(text), SourceName(name), parse_mirrors(base))
    assert str(parse_url(endpoint.url)) == endpoint.url
    assert endpoint.url.endswith(".git")
    assert not endpoint.url.endswith(".git.git")
    assert "@" not in endpoint.url


@usual
@given(number=st.integers(0, 10**9 - 1), unit=st.sampled_from(["ms", "s", "m", "h", "d", "w"]))
def test_a_duration_means_its_number_of_units(number: int, unit: str) -> None:
    milliseconds = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}[unit] * number
    if milliseconds <= 36500 * 86_400_000:
        assert parse_duration(f"{number}{unit}") == timedelta(milliseconds=milliseconds)
    else:
        with pytest.raises(InvalidText):
            parse_duration(f"{number}{unit}")


@usual
@given(moment=st.datetimes(datetime(1970, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_written_time_is_read_back_to_the_second(moment: datetime) -> None:
    text = format_time(moment)
    assert parse_time(text) == moment.replace(microsecond=0)
    assert format_time(parse_time(text)) == text


@usual
@given(milliseconds=st.integers(0, 2**48 - 1), random=st.binary(min_size=10, max_size=10))
def test_a_made_run_id_is_read_back(milliseconds: int, random: bytes) -> None:
    text = make_run_id(milliseconds=milliseconds, random=random)
    assert parse_run_id(text) == text


@usual
@given(spec=st.from_regex(r"(>=|<=|<|>|==|!=|~=|===)?[0-9a-z.!+*-]{0,8}", fullmatch=True), tag=ANY_TEXT)
def test_a_range_that_was_accepted_can_be_asked_about_any_tag(spec: str, tag: str) -> None:
    try:
        check_range(spec)
    except InvalidText:
        return
    assert in_range(spec, tag) in {True, False}


PLAIN = st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=()), max_size=8)
JSON = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
)


@usual
@given(value=JSON)
def test_canonical_json_is_ascii_sorted_and_says_the_same(value: Any) -> None:
    data = canonical_json(value)
    assert data.isascii()
    assert b"\n" not in data
    assert json.loads(data) == value
    assert canonical_json(json.loads(data)) == data
    assert data == json.dumps(json.loads(data), sort_keys=True, separators=(",", ":")).encode()


@usual
@given(value=JSON, number=st.floats(), path=st.lists(st.booleans(), max_size=4))
def test_canonical_json_refuses_a_float_at_any_depth(value: Any, number: float, path: list[bool]) -> None:
    holder: Any = number
    for in_list in path:
        holder = [value, holder] if in_list else {"a": value, "b": holder}
    with pytest.raises(TypeError):
        canonical_json(holder)


PART = st.from_regex(r"[a-z0-9_][a-z0-9_ .-]{0,6}[a-z0-9]", fullmatch=True)
ORDINARY = st.lists(st.lists(PART, min_size=1, max_size=4).map("/".join), max_size=8, unique=True)
HOSTILE = {
    "git-alias": [".git/config", "x/.GIT", "git~1", ".git. ", "a/../b", ".g\u200cit"],
    "control-bytes": ["a\nb", "x/\x1b[2J", "\x7f"],
    "backslash": ["..\\x"],
    "name-twins": ["QQ/TWIN", "qq/twin"],
    "embedded-repository": ["zz/zz/HEAD", "zz/zz/refs/x", "zz/zz/objects/x"],
    "too-deep": ["a/" * 300 + "b"],
    "absolute-link": ["zz/root"],
    "escaping-link": ["zz/out"],
    "link-into-git": ["zz/hook"],
}
TARGETS = {"zz/root": b"/etc", "zz/out": b"../..", "zz/hook": b"../.git/hooks"}
WIDE = TreeLimits(max_entries=1000, max_bytes=10**6)


def rules_of(paths: Sequence[str]) -> set[str]:
    entries = [an_entry(path, mode="120000" if path in TARGETS else "100644", blob=path) for path in paths]
    _, found = scan_tree(entries, limits=WIDE, read_link=TARGETS.__getitem__)
    return {finding.split(":", 1)[0] for finding in found}


@usual
@given(paths=ORDINARY)
def test_an_ordinary_tree_is_accepted(paths: list[str]) -> None:
    assume(not any("git~" in path for path in paths))
    assert rules_of(paths) == set()


@pytest.mark.parametrize("kind", HOSTILE)
@usual
@given(paths=ORDINARY, data=st.data())
def test_one_hostile_entry_is_found_in_any_tree(kind: str, paths: list[str], data: st.DataObject) -> None:
    together = kind in {"name-twins", "embedded-repository"}
    bad = HOSTILE[kind] if together else [data.draw(st.sampled_from(HOSTILE[kind]))]
    mixed = data.draw(st.permutations([*paths, *bad]))
    assert kind in rules_of(mixed)


@usual
@given(path=st.binary(min_size=1, max_size=40), target=st.binary(max_size=40))
def test_any_bytes_are_judged_without_breaking_and_told_in_printable_text(path: bytes, target: bytes) -> None:
    entry = an_entry(path, mode="120000")
    _, found = scan_tree([entry], limits=WIDE, read_link=lambda _: target)
    assert all(finding.isprintable() for finding in found)


_PIECE = st.sampled_from(
    [
        *("a", "A", "b.txt", ".git", ".GIT", ".git.", ".gitignore", ".github", "git~1", "..", ".", "HEAD", "head"),
        *("objects", "refs", "commondir", "con", "é", "E\u0301", "\\", "a:b", " ", ".git ", "-x", "~", "a.", "\x7f"),
    ]
)


@thorough
@given(st.lists(st.lists(_PIECE, min_size=1, max_size=4).map("/".join), min_size=1, max_size=8))
def test_where_all_names_are_seen_at_once_each_would_have_passed(paths: list[str]) -> None:
    entries = [an_entry(path) for path in paths]
    quick = scan_tree(entries, limits=WIDE, read_link=TARGETS.__getitem__)
    with mock.patch.object(tree, "_has_harmless_names", return_value=False):
        assert scan_tree(entries, limits=WIDE, read_link=TARGETS.__getitem__) == quick


@pytest.mark.parametrize("paths", [["a", "b/c", ".gitignore", ".github/x", "b/.gitattributes"], ["x" * 150]])
def test_nearly_all_trees_have_names_that_are_seen_at_once(paths: list[str]) -> None:
    assert tree._has_harmless_names([path.encode() for path in paths])
