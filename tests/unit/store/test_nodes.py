from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from git_hybrid.core.errors import BadArgument, InvalidFile, LibraryMissing, LocalIo
from git_hybrid.core.nodes import Node
from git_hybrid.store.nodes import read_listing, xml_in, yaml_in


@pytest.fixture(params=["in C", "in Python"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML may be installed without the parser in C: the other one is as strict."""
    if request.param == "in Python":
        monkeypatch.delattr(yaml, "CSafeLoader")


def plain(node: Node) -> Any:
    if isinstance(node.value, dict):
        return {key: plain(item) for key, item in node.value.items()}
    return [plain(item) for item in node.value] if isinstance(node.value, list) else node.value


def problem(text: str, read: Any = yaml_in) -> tuple[str, str]:
    with pytest.raises(InvalidFile) as caught:
        read(text, "f")
    (found,) = caught.value.problems
    return found.place, found.reason


def test_values_are_as_they_are_written_and_know_their_line() -> None:
    root = yaml_in('---\na:\n  - b: 1.10\n    c: ~\n    "d": "null"\n  - 0123\n  - *x\n...\n'.replace("*x", "yes"), "f")
    assert plain(root) == {"a": [{"b": "1.10", "c": None, "d": "null"}, "0123", "yes"]}
    assert root.value["a"].line == 2
    assert [item.line for item in root.value["a"].value] == [3, 6, 7]
    assert plain(yaml_in("", "f")) is None


BOMB = "a: &a [x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{f'*{chr(97 + n)},' * 9}]\n" for n in range(9))


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        (BOMB, "line 2", "has an alias (*)"),
        ("a: &a\n  b: *a\n", "line 2", "has an alias (*)"),
        ("a: !!python/object/apply:os.system [id]\n", "line 1", "has a tag (tag:yaml.org,2002:python/object/apply:"),
        ("a: !x y\n", "line 1", "has a tag (!x)"),
        ("[" * 100_000, "line 1", "is nested too deeply"),
        ("a: 1\nb: 2\na: 3\n", "line 3", "has a again, as line 1 has it"),
        ("a: 1\n--- \nb: 2\n", "line 3", "begins a second document"),
        ("? [a]\n: b\n", "line 1", "has a key that is no text"),
        ("a: b: c\n", "line 1", "is not valid YAML: "),
        ("a:\n\tb: c\n", "line 2", "is not valid YAML: "),
        ('a: "\\0"\n', "line 1", "has a control character"),
        ("%YAML 9.9\n---\na: b\n", "line 1", "is not valid YAML: "),
        ("a: \ufffe\n", "file", "is not valid YAML: "),
    ],
)
def test_yaml_that_does_more_than_say_values_is_refused(text: str, place: str, reason: str) -> None:
    found = problem(text)
    assert found[0] == place
    assert found[1].startswith(reason)


def test_a_deep_file_of_short_lines_is_refused() -> None:
    assert problem("".join(f"{' ' * n}a:\n" for n in range(500)))[1] == "is nested too deeply"


def test_what_reads_yaml_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(LibraryMissing, match="library='PyYAML'"):
        yaml_in("a: b", "f")


def test_elements_know_their_line() -> None:
    root = xml_in('<?xml version="1.0"?>\n<manifest>\n <!-- x --><a b="c &amp; d"/>\n <e><f/></e>text</manifest>', "f")
    assert (root.tag, root.line) == ("manifest", 2)
    assert [(item.tag, item.line, item.attributes, len(item.inside)) for item in root.inside] == [
        ("a", 3, {"b": "c & d"}, 0),
        ("e", 4, {}, 1),
    ]


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        (
            '<?xml version="1.0"?>\n<!DOCTYPE m [<!ENTITY a "x"><!ENTITY b "&a;&a;">]>\n<m>&b;</m>',
            "line 2",
            "has a DOCTYPE",
        ),
        ('<!DOCTYPE m SYSTEM "file:///etc/passwd"><m/>', "line 1", "has a DOCTYPE"),
        ('<!DOCTYPE m [<!ENTITY % x SYSTEM "http://h/x"> %x;]><m/>', "line 1", "has a DOCTYPE"),
        ("<m>\n&x;</m>", "line 2", "is not valid XML: undefined entity"),
        ("<m>\n&#0;</m>", "line 2", "is not valid XML: "),
        ("<a>" * 100_000, "line 1", "is nested too deeply"),
        ("<m>\n<a></m>", "line 2", "is not valid XML: mismatched tag"),
        ("<m a='1' a='2'/>", "line 1", "is not valid XML: duplicate attribute"),
        ("", "line 1", "is not valid XML: no element found"),
    ],
)
def test_xml_that_does_more_than_say_values_is_refused(text: str, place: str, reason: str) -> None:
    found = problem(text, xml_in)
    assert found[0] == place
    assert found[1].startswith(reason)


@pytest.mark.parametrize(
    ("data", "place", "reason"),
    [
        (b"a\n\x00", "line 2", "has a control character"),
        (b"a\n\n\x1b[2J", "line 3", "has a control character"),
        (b"\xff", "line 1", "is not UTF-8 (byte 0xff)"),
        (b"\xef\xbb\xbfa", "line 1", "starts with a byte order mark: save it as UTF-8 without one"),
        (b"#" * ((4 << 20) + 1), "file", "is larger than 4 MiB"),
    ],
)
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, data: bytes, place: str, reason: str) -> None:
    (tmp_path / "f").write_bytes(data)
    with pytest.raises(InvalidFile) as caught:
        read_listing(tmp_path / "f")
    assert [(found.place, found.reason) for found in caught.value.problems] == [(place, reason)]


def test_a_file_may_be_behind_a_link_and_has_to_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f").write_text("a\r\n\tb\n")
    (tmp_path / "link").symlink_to("f")
    assert read_listing(tmp_path / "link") == "a\r\n\tb\n"
    with pytest.raises(BadArgument, match="no such file"):
        read_listing(tmp_path / "none")

    def fail(*_: object) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("git_hybrid.store.nodes.content", fail)
    with pytest.raises(LocalIo):
        read_listing(tmp_path / "f")
