from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from git_hybrid.core.manifest import Policy
from git_hybrid.core.tree import TreeEntry, TreeLimits, content_line, name_of, scan_tree, show_path
from support.values import an_entry

LIMITS = TreeLimits(max_entries=1000, max_bytes=10_000)


def no_links(blob: str) -> bytes:
    pytest.fail(f"{blob} is no link")


def findings(*paths: bytes | str) -> tuple[str, ...]:
    return scan_tree([an_entry(path) for path in paths], limits=LIMITS, read_link=no_links)[1]


def rules(*paths: bytes | str) -> list[str]:
    return [finding.split(":", 1)[0] for finding in findings(*paths)]


def test_an_ordinary_tree_is_accepted_with_all_its_entries() -> None:
    paths = (".gitattributes", ".github/workflows/ci.yml", ".gitignore", ".gitmodules", "src/a.c", "src/git/b.c")
    entries = [an_entry(path) for path in paths] + [an_entry("vendor/x", mode="160000", size=0)]
    assert scan_tree(entries, limits=LIMITS, read_link=no_links) == (entries, ())


GIT_ALIASES = {
    "plain": ".git",
    "upper": ".GIT",
    "file-inside": ".git/config",
    "deep": "a/.Git/hooks/post-checkout",
    "short-name": "git~1",
    "short-name-upper": "GIT~1/config",
    "trailing-dot": ".git.",
    "trailing-space": ".git ",
    "trailing-mix": ".git. . ",
    "stream": ".git::$INDEX_ALLOCATION/config",
    "short-stream": "git~1:x",
    "hfs-joiner": ".g\u200cit",
    "hfs-mark": "\u200e.git",
    "hfs-bom": ".git\ufeff/config",
    "parent": "..",
    "parent-inside": "a/../b",
    "dot": "./a",
    "empty-part": "a//b",
    "only-dots": "...",
    "only-ignorable": "\u200d",
}


@pytest.mark.parametrize("path", GIT_ALIASES.values(), ids=GIT_ALIASES)
def test_what_some_file_system_reads_as_git_is_refused(path: str) -> None:
    assert "git-alias" in rules(path)


@pytest.mark.parametrize(
    "path",
    [".gita", "a.git", "git", ".gitx/y", "git~2", "agit~1", ".g it", "dot.git.d", ".gitkeep", "..a", "a..", "a.b"],
)
def test_what_is_only_like_git_is_accepted(path: str) -> None:
    assert rules(path) == []


@pytest.mark.parametrize("byte", [0x01, 0x07, 0x09, 0x0A, 0x0D, 0x1B, 0x1F, 0x7F], ids=hex)
def test_a_control_byte_in_a_name_is_refused(byte: int) -> None:
    assert rules(b"a" + bytes([byte]) + b"b") == ["control-bytes"]


def test_a_backslash_in_a_name_is_refused() -> None:
    assert rules("..\\a") == ["backslash"]


@pytest.mark.parametrize(
    "paths",
    [
        ("README", "readme"),
        ("a/x", "A/y"),
        ("config", "Config/x"),
        ("d/caf\u00e9", "d/cafe\u0301"),
        ("stra\u00dfe", "STRASSE"),
        ("a/b/c/X", "a/b/c/x"),
    ],
    ids=["case", "folders", "file-and-folder", "unicode-form", "sharp-s", "deep"],
)
def test_two_names_for_one_file_are_refused(paths: tuple[str, str]) -> None:
    assert rules(*paths) == ["name-twins"]


@pytest.mark.parametrize(
    "paths", [("a/x", "b/X"), ("a", "b"), ("a/x", "a/y"), (b"\xff", b"\xfe")], ids=["folders", "two", "same", "bytes"]
)
def test_names_that_differ_everywhere_are_accepted(paths: tuple[str, str]) -> None:
    assert rules(*paths) == []


def test_both_twins_are_told() -> None:
    (finding,) = findings("d/README", "d/readme")
    assert "d/readme" in finding
    assert "README" in finding


EMBEDDED = {
    "usual": ("x/HEAD", "x/objects/pack", "x/refs/heads/main", "x/config"),
    "files-for-folders": ("x/HEAD", "x/objects", "x/refs", "x/config"),
    "deep": ("a/b/x.git/HEAD", "a/b/x.git/objects/0", "a/b/x.git/refs/0"),
    "other-case": ("x/head", "x/Objects/0", "x/REFS/0"),
    "common-folder": ("x/HEAD", "x/commondir", "y/objects/0", "y/refs/0", "y/config"),
}


@pytest.mark.parametrize("paths", EMBEDDED.values(), ids=EMBEDDED)
def test_a_folder_that_git_takes_for_a_repository_is_refused(paths: tuple[str, ...]) -> None:
    assert rules(*paths) == ["embedded-repository"]


@pytest.mark.parametrize(
    "paths",
    [("x/objects/0", "x/refs/0"), ("x/HEAD", "x/objects/0"), ("HEAD", "objects/0", "refs/0"), ("x/commondir",)],
    ids=["no-head", "no-refs", "root-has-its-own-git", "no-head-but-commondir"],
)
def test_a_folder_that_git_does_not_take_for_a_repository_is_accepted(paths: tuple[str, ...]) -> None:
    assert rules(*paths) == []


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        ("a/" * 199 + "a", False),
        ("a/" * 200 + "a", True),
        (("a" * 255 + "/") * 15 + "a" * 256, False),
        (("a" * 255 + "/") * 16 + "a", True),
    ],
    ids=["200-parts", "201-parts", "4096-bytes", "4097-bytes"],
)
def test_a_path_that_is_too_deep_or_long_is_refused(path: str, *, refused: bool) -> None:
    assert ("too-deep" in rules(path)) is refused


@pytest.mark.parametrize(("folder", "longest"), [("", 4096), ("/r" * 1950, 132)], ids=["anywhere", "deep-root"])
@pytest.mark.parametrize("more", [0, 1])
def test_a_path_may_be_as_long_as_leaves_room_for_its_folder(folder: str, longest: int, more: int) -> None:
    path = (("a" * 49 + "/") * 90)[: longest + more - 1] + "b"
    limits = TreeLimits.of(Policy(), root=folder)
    found = scan_tree([an_entry(path)], limits=limits, read_link=no_links)[1]
    assert [finding.split(":", 1)[0] for finding in found] == ["too-deep"] * more


@pytest.mark.parametrize("path", ["a" * 256, "d/" + "é" * 128, "n" * 256 + "/x"], ids=["name", "bytes", "folder"])
def test_a_name_that_no_file_system_takes_is_refused(path: str) -> None:
    assert rules(path) == ["long-name"]
    assert rules(path.replace("n" * 256, "n" * 255).replace("a" * 256, "a" * 255).replace("é", "e")) == []


@pytest.mark.parametrize("mode", ["140000", "60000", "040000", "100664"])
def test_a_mode_of_none_of_the_kinds_of_git_is_refused(mode: str) -> None:
    entries = [an_entry("a"), an_entry("b", mode=mode), an_entry("c", mode=mode)]
    found = scan_tree(entries, limits=LIMITS, read_link=no_links)[1]
    assert found == tuple(f"odd-mode: {name}: mode {mode} is of no file, folder, link or submodule" for name in "bc")


def test_too_many_entries_are_refused_without_reading_on() -> None:
    def endless() -> Iterator[TreeEntry]:
        number = 0
        while True:
            number += 1
            assert number <= 1001, "read past the limit"
            yield an_entry(f"f{number}", size=0)

    kept, found = scan_tree(endless(), limits=LIMITS, read_link=no_links)
    assert kept == []
    assert found == ("too-many-entries: the tree has more than 1,000 entries ([policy] max_entries)",)


@pytest.mark.parametrize(
    ("entries", "size", "finding"),
    [
        (1000, 10_000, ""),
        (1001, 0, "too-many-entries: the submodules have more than 1,000 entries"),
        (0, 10_001, "too-many-bytes: the files of the submodules are larger than 10,000 bytes"),
    ],
)
def test_submodules_count_together(entries: int, size: int, finding: str) -> None:
    limits = TreeLimits.of(Policy(max_entries=1000, max_bytes=10_000))
    assert limits.of_submodules(entries, size).partition(" together")[0] == finding


def test_too_many_bytes_are_refused_without_reading_on() -> None:
    def huge() -> Iterator[TreeEntry]:
        yield an_entry("a", size=9_000)
        yield an_entry("b", size=1_001)
        pytest.fail("read past the limit")

    kept, found = scan_tree(huge(), limits=LIMITS, read_link=no_links)
    assert kept == []
    assert found == ("too-many-bytes: the files are larger than 10,000 bytes together ([policy] max_bytes)",)


def test_a_tree_exactly_at_the_limits_is_accepted() -> None:
    entries = [an_entry(f"f{number}", size=10) for number in range(1000)]
    assert scan_tree(entries, limits=LIMITS, read_link=no_links) == (entries, ())


@pytest.mark.parametrize(("count", "shown"), [(10, 10), (11, 11), (50, 11)])
def test_of_many_findings_ten_and_a_count_are_told(count: int, shown: int) -> None:
    found = findings(*[f"{number}\\x" for number in range(count)])
    assert len(found) == shown
    assert (found[-1] == f"and {count - 10} more") is (count > 10)


def test_a_finding_shows_its_path_without_control_bytes() -> None:
    (finding,) = findings(b"a\x1b[31m\x07")
    assert finding.startswith(r"control-bytes: a\x1b[31m\x07: ")


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (b"a/b c.txt", "a/b c.txt"),
        ("caf\u00e9".encode(), "caf\u00e9"),
        (b"a\x1bb\n", r"a\x1bb\x0a"),
        (b"\xff\x80", r"\xff\x80"),
        ("a\u009bb".encode(), r"a\x9bb"),
        ("a\u202eb".encode(), r"a\u202eb"),
        ("a\U000e0001b".encode(), r"a\U000e0001b"),
    ],
    ids=["plain", "letters", "escape", "no-utf8", "c1", "bidi", "tag-character"],
)
def test_a_path_is_shown_safely(path: bytes, shown: str) -> None:
    assert show_path(path) == shown
    # Where it is not printed it is the name itself.
    assert name_of(path) == (shown if b"\xff" in path else path.decode())


def test_the_content_digest_is_made_of_mode_hash_and_path() -> None:
    empty = hashlib.sha256(b"").hexdigest()
    assert content_line("160000", empty, b"vendor/\xff") == b"160000 " + empty.encode() + b" vendor/\xff\x00"


@pytest.mark.parametrize("char", ["\u202e", "\u2066", "\u2028", "\x85", "\x9b"])
def test_a_character_that_steers_a_terminal_or_a_reader_is_refused(char: str) -> None:
    assert rules(f"a{char}b") == ["control-bytes"]


@pytest.mark.parametrize("name", ["caf\u00e9", "\U0001f469\u200d\U0001f4bb.md", "\u05d0\u05d1", b"\x93\x94"])
def test_names_of_all_languages_are_accepted(name: str | bytes) -> None:
    assert rules(name) == []
