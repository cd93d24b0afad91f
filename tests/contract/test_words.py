"""The words that people read: a number and its noun agree, and one thing has one name everywhere."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from git_hybrid.cli.placing import PLACED, Place
from git_hybrid.cli.tree import COMMANDS

ROOT = Path(__file__).parents[2]
# What is counted is counted by core/words.py, which knows the plural.
_NOUNS = [
    "bundle",
    "check",
    "clone",
    "commit",
    "copy",
    "entry",
    "file",
    "finding",
    "line",
    "mirror",
    "object",
    "override",
    "page",
    "pin",
    "record",
    "scan",
    "source",
    "store",
    "submodule",
    "tag",
    "thing",
    "warning",
]
_PLURALS = "|".join(f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s" for noun in _NOUNS)
_COUNTED = re.compile(rf"^ (?:{_PLURALS})\b")
_ONE = re.compile(rf"(?<![\d.,])1 (?:{_PLURALS})\b")
# Left: what is never said; right: what is said in its place.
_BANNED = {
    r"lock[- ]?file": "lock",
    r"dependenc(?:y|ies)": "source",
    r"(?<!\.)repos": "repositories",
    r"director(?:y|ies)": "folder",
    r"working copy": "clone",
    r"(?:white|black)list": "allowed, refused",
    r"(?:un)?successful(?:ly)?": "what was done",
    r"can't|unable to|failed to": "cannot, could not",
    r"delet(?:e|es|ed|ing) (?:the )?(?:source|clone)": "remove",
    r"sorry|oops": "",
    r"colors?(?![:=.-])": "colour",
}
_NOT_OURS = re.compile(r"Checking object directories|git hybrid cache|fatal: unable to access")
_SKIPPED = {"classify.py", "disallowed.py", "export.py", "machine.py", "serverwords.py", "sshwords.py", "unusable.py"}
"""Words of git's and of CSS."""

_COMMAND = re.compile(r"(?<![\w./-])git ([a-z][a-z-]*)")
_ELSEWHERE = {
    "am": "what a clone is in the middle of",
    "cat-file": "what failed",
    "clone": "what has no workspace yet",
    "credential": "what git asks",
    "fast-import": "what failed",
    "for-each-ref": "what failed",
    "fsck": "where upstream is, or with the folder",
    "grep": "for foreach",
    "index-pack": "what failed",
    "ls-remote": "of a URL",
    "pack-objects": "what failed",
    "repack": "what failed",
    "version": "of the machine",
}
"""Commands of git that are named and that no hint has for the workspace's repository, and what they are of."""


def _strings() -> Iterator[tuple[str, ast.expr]]:
    """Yield each text that is no docstring, and each call of `typed`, with where it stands."""
    for path in sorted((ROOT / "git_hybrid").rglob("*.py")):
        if path.name in _SKIPPED:
            continue
        tree = ast.parse(path.read_text())
        texts = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            is_typed = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "typed"
            if is_typed or (isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in texts):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def _uncounted(node: ast.expr) -> list[str]:
    if not isinstance(node, ast.JoinedStr):
        return []
    found = []
    for value, following in zip(node.values, node.values[1:], strict=False):
        if isinstance(value, ast.FormattedValue) and isinstance(following, ast.Constant):
            found += _COUNTED.findall(str(following.value))
    return found


def test_who_counts_asks_for_the_plural() -> None:
    assert [(place, words) for place, node in _strings() if (words := _uncounted(node))] == []


def test_the_test_of_the_plural_sees_one() -> None:
    assert _uncounted(ast.parse("f'{n} records, whole'", mode="eval").body) == [" records"]
    assert _uncounted(ast.parse("f'{n} is whole'", mode="eval").body) == []
    assert _ONE.search("audit log: 1 records, whole")
    assert not _ONE.search("11 records, 2.1 files, 1 record")


def test_one_thing_has_one_name() -> None:
    found = []
    for place, node in _strings():
        text = str(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
        if " " not in text or _NOT_OURS.search(text):
            continue
        found += [
            (place, text, said)
            for banned, said in _BANNED.items()
            if re.search(rf"\b(?:{banned})\b", text, re.IGNORECASE)
        ]
    assert found == []


def _words_of(node: ast.expr) -> str:
    """Return a text, or the texts that `typed` makes one of."""
    if isinstance(node, ast.Call):
        return " ".join(map(_words_of, node.args))
    return str(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def test_each_command_of_git_that_is_named_is_placed_or_is_of_no_workspace() -> None:
    commands = frozenset(subprocess.run(["git", "--list-cmds=main"], capture_output=True, check=True).stdout.split())
    named: dict[str, list[str]] = {}
    for where, node in _strings():
        text = _words_of(node)
        for found in _COMMAND.findall(text):
            if found.encode() in commands:
                named.setdefault(found, []).append(f"{where}: {text}")
    placed = {words.split(" ")[0] for words in PLACED}
    assert {name: texts for name, texts in named.items() if name not in placed | _ELSEWHERE.keys()} == {}
    assert (placed | _ELSEWHERE.keys()) - named.keys() == set()
    place = Place("w", is_found=False)
    for words in PLACED:
        assert place.command(f"mend it: git {words} x, then y") == f"mend it: git -C w {words} x, then y"
    for name in (name for group in COMMANDS.values() for name in group):
        assert place.command(f"mend it: git hybrid {name} x") == f"mend it: git hybrid -C w {name} x"


def test_no_page_says_one_of_many() -> None:
    pages = [
        ROOT / "README.md",
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "docs").glob("*.svg"),
        *(ROOT / "man").iterdir(),
    ]
    assert [(page.name, words) for page in pages if (words := _ONE.findall(page.read_text()))] == []
