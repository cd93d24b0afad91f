"""Every error has words, an exit status of the list, and hints that can be typed."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

import git_hybrid
from git_hybrid.cli.browsed import instead_of, page_instead
from git_hybrid.cli.common import Common
from git_hybrid.cli.remedies import REMEDIES
from git_hybrid.cli.remedies_adding import ADDING, CLONES, IMPORTING, LISTED
from git_hybrid.cli.remedies_mirror import BEHIND
from git_hybrid.cli.remedies_strays import STRAYS
from git_hybrid.cli.telling import _COMMANDS, explain, tell
from git_hybrid.cli.tree import group
from git_hybrid.core.audit_archives import AGAIN, RESTORE
from git_hybrid.core.errors import (
    DivergedSource,
    HostileTree,
    HybridError,
    Interrupted,
    InTheWay,
    InvalidFile,
    LocalWork,
    NestedRepository,
    Problem,
    RefMissing,
    RepositoryNotFound,
    TooYoung,
    UnknownSource,
    Unreachable,
    WrongContent,
)
from git_hybrid.core.ids import parse_url
from git_hybrid.core.tree import TreeLimits
from git_hybrid.core.words import as_typed
from git_hybrid.store import lockfile, manifest, statefile
from git_hybrid.store.mended import from_git

PACKAGE = Path(git_hybrid.__file__).parent
EXITS = {1, 2, 3, 4, 5, 6, 7, 70, 74, 75, 130}
COMMAND = re.compile(r"(?<![\w-])git hybrid (?P<rest>[a-z].*)")
SAMPLES: dict[str, Any] = {
    "str": "tool",
    "int": 2,
    "bool": False,
    "float | None": 3.0,
    "tuple[str, ...]": ("tool", "other"),
    "tuple[Problem, ...]": (Problem("line 3", "is wrong"),),
}
PROGRAMS = (
    "cd",
    "git",
    "git-hybrid",
    "pip",
    "ls",
    "rm",
    "chmod",
    "export",
    "ssh",
    "ssh-keygen",
    "ssh-keyscan",
    "sha256sum",
    "dask",
)
MENDED = ("InvalidFile", "mended")
NAMED = {"command": "override renew", "take": "git hybrid add https://host/x"}


def _classes(root: type[HybridError] = HybridError) -> Iterator[type[HybridError]]:
    for child in root.__subclasses__():
        if child.__module__ == HybridError.__module__:
            yield child
            yield from _classes(child)


CODED = [kind for kind in _classes() if "code" in vars(kind)]


def _kinds(kind: type[HybridError]) -> dict[str, str]:
    """Return the declared type of each fact of *kind*, as it is written."""
    bases = [base for base in reversed(kind.__mro__) if issubclass(base, HybridError)]
    told = {name: str(found) for base in bases for name, found in inspect.get_annotations(base).items()}
    return {name: told[name] for name in kind.fact_names()}


def _sample(kind: type[HybridError]) -> HybridError:
    facts = {name: NAMED.get(name, SAMPLES[found]) for name, found in _kinds(kind).items()}
    # A mirror that may have been asked was not.
    return kind(**{name: fact for name, fact in facts.items() if name != "mirror" or not hasattr(kind, name)})


def _type(command: str) -> None:
    """Resolve *command* in our own click tree, as it would be typed, without running it."""
    words = shlex.split(command.split("  #", maxsplit=1)[0])
    context = group.make_context("git hybrid", words, obj=Common())
    with context:
        rest = [*context._protected_args, *context.args] if hasattr(context, "_protected_args") else context.args
        name, found, arguments = group.resolve_command(context, rest)
        assert found is not None
        try:
            found.make_context(name, arguments, parent=context)
        except click.exceptions.Exit:
            return


def _typed(hint: str) -> Iterator[str]:
    found = COMMAND.search(hint)
    if found is not None:
        yield found["rest"]


def test_every_code_has_one_remedy_and_every_remedy_a_code():
    codes = [kind.code for kind in CODED]
    assert sorted(codes) == sorted(set(codes))
    assert set(codes) == set(REMEDIES)


def test_every_class_that_is_raised_has_a_code():
    parents = {kind.__bases__[0] for kind in _classes()}
    assert [kind for kind in _classes() if kind not in CODED and kind not in parents] == []


@pytest.mark.parametrize("kind", CODED, ids=lambda kind: kind.code)
def test_remedy(kind):
    error = _sample(kind)
    told = tell(error)
    remedy = REMEDIES[kind.code]
    assert remedy.exit in EXITS
    assert told.exit in EXITS
    assert told.title
    assert "{" not in "".join((told.title, *told.cause, *told.hints))
    assert not told.title.endswith(".")
    assert not remedy.title[0].isupper()
    assert "\n" not in "".join((told.title, *told.cause, *told.hints))
    assert explain(error)["code"] == kind.code
    for hint in told.hints:
        for command in _typed(hint):
            _type(command)


@pytest.mark.parametrize("kind", CODED, ids=lambda kind: kind.code)
def test_every_hint_ends_with_a_command(kind):
    for hint in REMEDIES[kind.code].hints:
        command = hint.rpartition(": ")[2]
        assert command.startswith("{") or command.split()[0] in PROGRAMS, hint


@pytest.mark.parametrize("kind", CODED, ids=lambda kind: kind.code)
def test_braces_in_facts_are_only_text(kind):
    kinds = SAMPLES | {"str": "{x}{0}%s\n{", "tuple[str, ...]": ("{a}", "b\nc")}
    error = kind(**{name: kinds[found] for name, found in _kinds(kind).items()})
    told = tell(error)
    assert told.title


@pytest.mark.parametrize("how", ["found", "mirrored", "added", "imported", "stray"])
@pytest.mark.parametrize("kind", CODED, ids=lambda kind: kind.code)
def test_a_fact_stays_one_word_of_a_command(kind, how):
    """Manifests, upstreams and folders have names of others: typed word for word, a hint must not run a part of one."""
    bad = "x/a b'c;d&"
    kinds = SAMPLES | {"str": bad, "tuple[str, ...]": (bad,)}
    facts = {name: "mend it" if name in _COMMANDS else kinds[found] for name, found in _kinds(kind).items()}
    error = kind(**{name: fact for name, fact in facts.items() if name != "mirror" or not hasattr(kind, name)})
    if how == "mirrored":
        error.from_mirror(f"m{bad}", bad)
    elif how == "stray" and kind.code in STRAYS:
        error.about_a_stray()
    elif how != "found":
        error.while_adding(bad if how == "imported" else "")
    for hint in tell(error).hints:
        command = hint.rpartition(": ")[2]
        assert bad not in command
        if "a b" in command and command.split()[0] in PROGRAMS:
            assert any(word.endswith((bad, f"{bad},direct")) for word in shlex.split(command)), hint


@pytest.mark.parametrize("kind", CODED, ids=lambda kind: kind.code)
def test_every_error_hints_at_what_to_do(kind):
    assert REMEDIES[kind.code].hints


def test_a_url_with_a_password_is_not_repeated_wherever_it_was_typed():
    url = "https://me:c4n4ry@host.example/x"
    told = explain(UnknownSource(names=(url,), nearest=(), instead=f"git hybrid add {url}"))
    assert (told["message"], told["hints"][0]) == (
        "no such source: https://***@host.example/x",
        "git hybrid add https://***@host.example/x",
    )


@pytest.mark.parametrize(
    ("argv", "hint", "whole"),
    [
        ("pin up lib -g x --to v1.1.0 -j3 -qn --scan", "wait: git hybrid pin up", "pin up --to v1.1.0 -n --scan"),
        ("-Ca pin -C 'b c' up --to v1", "git hybrid pin up --to 12", "-C a -C 'b c' pin up --to 12"),
        (
            "pin up --to v1 --force --waive a",
            "git hybrid pin up --waive b",
            "pin up --waive b --to v1 --force --waive a",
        ),
        ("pin up --reason https://me:c4n4ry@h/x", "git hybrid pin up", "pin up --reason 'https://***@h/x'"),
        ("add u lib --tag v1 --name x -g 'a b'", "git hybrid add --name lib u", "add --name lib u --tag v1 -g 'a b'"),
        ("add u --branch v1 --history full", "git hybrid add u --tag v1", "add u --tag v1 --history full"),
        ("bundle apply f --allowed-signers=s", "git hybrid bundle apply /f", "bundle apply /f --allowed-signers s"),
        ("init d --import f", "then: git hybrid init", "init d --import f"),
        ("init --import=f -- -d", "git hybrid init", "init --import f -- -d"),
        ("outdated a --executor dask://h", "git hybrid outdated -v", "outdated -v a"),
        ("sync --prune", "git hybrid pin up", "pin up"),
        ("sync --prune --offline", "move it away, then: git hybrid sync up", "sync up --offline"),
        ("sync --prune", "git hybrid sync", "sync --prune"),
        ("", "git hybrid pin up", "pin up"),
    ],
)
def test_a_command_is_hinted_at_with_what_else_was_typed_of_it(argv, hint, whole):
    told = Common(shlex.split(argv)).placed(hint + as_typed())
    assert told == hint.replace(hint.partition("git hybrid ")[2], whole)
    _type(whole[whole.rindex("'") + 2 :] if whole.startswith("-C") else whole)


def test_what_was_typed_is_of_the_current_folder_and_the_rest_of_a_hint_of_the_workspace(tmp_path, monkeypatch):
    (tmp_path / "sources.toml").touch()
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path / "docs")
    common = Common(["pin", "up", "--to", "sources/v1"])
    common.root = tmp_path
    hint = "change the ref in sources.toml: git hybrid pin up" + as_typed()
    assert common.placed(hint) == "change the ref in ../sources.toml: git hybrid pin up --to sources/v1"


def test_a_command_of_another_wish_is_hinted_at_with_the_demands_alone():
    common = Common(["-C", "w", "pin", "up", "--to", "v1", "--scan"])
    assert common.placed("git hybrid pin up" + as_typed("scan")) == "git hybrid -C w pin up --scan"
    wide = Common(["outdated", "up", "--exit-code"]).placed("git hybrid outdated -v" + as_typed("names"))
    assert wide == "git hybrid outdated -v up"
    young = TooYoung(name="up", commit="1", ref="r", first_seen="a", allowed_from="b", bundle="f")
    common = Common(["bundle", "apply", "f", "--allowed-signers", "s"])
    assert tell(young, placed=common.placed).hints[0].endswith(": git hybrid bundle apply f --allowed-signers s")
    assert tell(young).hints[0].endswith(": git hybrid bundle apply f")


def test_several_facts_are_counted():
    one = InvalidFile(path="f", problems=(Problem("a", "b"),))
    two = InvalidFile(path="f", problems=(Problem("a", "b"), Problem("c", "d")))
    assert "1 entry is" in tell(one).title
    assert "2 entries are" in tell(two).title
    assert tell(two).cause == ("a: b", "c: d")


def test_signals_have_their_own_status():
    assert tell(Interrupted(signal=2)).exit == 130
    assert tell(Interrupted(signal=15)).exit == 143


def test_an_interrupt_promises_nothing_to_resume():
    # What a run left is hinted at by its report.
    assert "git hybrid resume" not in " ".join(tell(Interrupted(signal=2)).hints)


@pytest.mark.parametrize("code", sorted(ADDING))
def test_what_was_not_added_is_named_to_no_command(code):
    (kind,) = (kind for kind in CODED if kind.code == code)
    told = tell(_sample(kind).while_adding())
    assert told.hints
    for hint in told.hints:
        assert hint.rpartition(": ")[2].split()[0] in PROGRAMS
        for command in _typed(hint):
            assert command.startswith("add URL")
            _type(command)
    assert "{" not in "".join(told.hints)


@pytest.mark.parametrize("listed", [False, True, None])
@pytest.mark.parametrize("code", sorted(ADDING))
def test_what_was_not_imported_is_told_no_options_of_add(code, listed):
    assert set(IMPORTING) == set(LISTED) == set(CLONES) == set(ADDING)
    (kind,) = (kind for kind in CODED if kind.code == code)
    file = {True: "west.yml", False: "old/.gitmodules", None: "src/"}[listed]
    told = tell(_sample(kind).while_adding(file, listed=listed is not False))
    assert listed is False or "submodule" not in "".join(told.hints)
    assert told.hints
    assert [command for hint in told.hints for command in _typed(hint)] == []
    assert "--" not in "".join(told.hints)
    assert "{" not in "".join(told.hints)


@pytest.mark.parametrize("code", sorted(STRAYS))
def test_a_stray_is_named_to_no_command_that_knows_sources_alone(code):
    (kind,) = (kind for kind in CODED if kind.code == code)
    told = tell(_sample(kind).about_a_stray())
    assert told.exit == REMEDIES[code].exit
    assert "{" not in "".join((told.title, *told.cause, *told.hints))
    for hint in told.hints:
        assert hint.rpartition(": ")[2].split()[0] in PROGRAMS
        for command in _typed(hint):
            assert command in ("sync --prune", "add https://host/x")
            _type(command)


_HEAD = "the default branch there is main"


@pytest.mark.parametrize(
    ("asked", "near", "words", "taking"),
    [
        ("refs/heads/master", [], _HEAD, "branch main"),
        ("refs/heads/master", ["refs/heads/raster"], f"did you mean raster?|{_HEAD}", "branch raster"),
        ("refs/tags/main", ["refs/heads/main"], "main is a branch there", "branch main"),
        ("refs/heads/v1", ["refs/tags/v1"], "v1 is a tag there", "tag v1"),
        ("refs/heads/mian", ["refs/heads/main"], "did you mean main?", "branch main"),
        ("refs/heads/mian", ['refs/heads/"main"'], 'did you mean "main"?', 'branch "main"'),
        ("refs/heads/v1.1", ["refs/heads/v1", "refs/tags/v1.0"], "did you mean v1, the tag v1.0?", None),
    ],
)
def test_a_ref_that_is_not_there_is_told_with_what_is(asked, near, words, taking):
    default = "refs/heads/main" if _HEAD in words or "refs/heads/main" in near else ""
    error = RefMissing(name="tool", ref=asked, url="https://host/x", nearest=tuple(near), default=default)
    told = tell(error)
    assert told.cause == ("asked at https://host/x", *words.split("|"))
    adding = tell(error.while_adding()).hints
    if taking is None:
        assert adding[0] == told.hints[0] == "git ls-remote https://host/x"
    else:
        kind, name = taking.split()
        assert adding[0] == f"git hybrid add https://host/x --{kind} {shlex.quote(name)}"
        assert told.hints[0] == f"where that is meant: git hybrid pin tool --{kind} {shlex.quote(name)}"
        _type(adding[0].removeprefix("git hybrid "))


@pytest.mark.parametrize(
    ("page", "command"),
    [
        ("a/b/tree/main/src", "a/b --branch main"),
        ("a/b/blob/v1.0/README.md", "a/b --branch v1.0"),
        (f"a/b/tree/{'1' * 40}", f"a/b --commit {'1' * 40}"),
        (f"a/b/commit/{'1' * 40}", f"a/b --commit {'1' * 40}"),
        ("a/b/commit/1234567", "a/b"),
        ("a/b/pull/3", "a/b"),
        ("a/b/releases/tag/v1.0", "a/b --tag v1.0"),
        ("a/b/src/branch/dev/x", "a/b --branch dev"),
        ("a/b/src/tag/v1", "a/b --tag v1"),
        ("g/h/b/-/tree/main", "g/h/b --branch main"),
        ("g/h/b/-/merge_requests/3", "g/h/b"),
        ("a/b?tab=readme#top", "a/b"),
        ("a/b/tree/main?x=1", "a/b --branch main"),
        ("a/b", None),
        ("g/h/tools/tree/main", None),
        ("a b?x", None),
        ("a%40b/c?x", None),
    ],
)
def test_a_page_of_a_repository_is_told_with_the_command_that_adds_it(page, command):
    url = f"https://host/{page}"
    whole = command and f"git hybrid add https://host/{command}"
    assert instead_of(url) == (f"{whole}{as_typed()}" if whole else "")
    error = RepositoryNotFound(url=url, message="").while_adding()
    assert (tell(error).hints[0] == whole) is (whole is not None)
    assert instead_of(url.replace("https:", "file:")) == ""


@pytest.mark.parametrize(
    ("page", "command"),
    [
        ("https://github.com/a/b/tree/main/modules/x", "https://github.com/a/b --branch main"),
        ("https://github.com/a/b/releases/tag/v1.2.0", "https://github.com/a/b --tag v1.2.0"),
        ("https://bitbucket.org/a/b/src/main/", "https://bitbucket.org/a/b --branch main"),
        ("https://gitlab.com/g/h/b/-/tree/main", "https://gitlab.com/g/h/b --branch main"),
        # A group in a group may be called so, and on another host anything.
        ("https://gitlab.com/g/b/tree/main", None),
        ("https://git.corp/a/b/tree/main", None),
        ("https://github.com/a/tree", None),
        ("ssh://git@github.com/a/b/tree/main", None),
    ],
)
def test_a_page_is_told_before_anybody_is_asked_where_no_repository_can_be(page, command):
    assert page_instead(page, parse_url(page)) == (f"git hybrid add {command}{as_typed()}" if command else "")


@pytest.mark.parametrize(
    ("written", "command"),
    [
        ("git::https://github.com/a/b.git?ref=v1.1.0", "https://github.com/a/b.git --tag v1.1.0"),
        ("git@github.com:a/b.git?ref=v1", "ssh://git@github.com/a/b.git --tag v1"),
        ("git::git@host:a/b.git//modules/x?ref=main", "ssh://git@host/a/b.git --branch main"),
        ("git@host:a/b.git@v1", "ssh://git@host/a/b.git --tag v1"),
        ("git@host:22:a?ref=v1", None),
        ("me@host:a?ref=v1", None),
        ("https://host/a/b/compare/v1...v2", "https://host/a/b"),
        ("git::ssh://git@host/a/b.git?depth=1&ref=main", "ssh://git@host/a/b.git --branch main"),
        ("https://host/a/b//modules/x?ref=dev%2Fy", "https://host/a/b --branch dev/y"),
        (f"https://host/a/b#{'1' * 40}", f"https://host/a/b --commit {'1' * 40}"),
        ("https://host/a/b#v1.1", "https://host/a/b --tag v1.1"),
        ("https://host/a/b#readme", "https://host/a/b"),
        ("git+https://host/a/b.git@1.0", "https://host/a/b.git --tag 1.0"),
        ("https://host/a/b?ref=$(x)", "https://host/a/b"),
        ("github.com/a/b", "https://github.com/a/b"),
        ("http://host/a/b", "https://host/a/b"),
        ("file:///srv/b.git?ref=v2", "file:///srv/b.git --tag v2"),
        ("https://user:secret@host/a/b?ref=v1", None),
        ("other/a/b", None),
    ],
)
def test_what_other_tools_write_around_a_url_is_told_as_options(written, command):
    assert instead_of(written) == (f"git hybrid add {command}{as_typed()}" if command else "")


def test_wrong_content_is_told_of_who_sent_it():
    facts = {"name": "tool", "what": "LFS content", "expected": "1" * 64, "found": "2" * 64, "url": "https://h/x"}
    told = tell(WrongContent(**facts))
    behind = tell(WrongContent(**facts).from_mirror("https://m", "https://m/x", ("https://m",)))
    assert told.title == "tool: https://h/x sent wrong LFS content"
    assert behind.title == "tool: the mirror https://m sent wrong LFS content"
    assert told.exit == behind.exit == tell(WrongContent(**{**facts, "url": ""})).exit == 5
    # Neither diff nor reset mends what a server sends.
    assert told.hints == ("once it sends what is pinned: git hybrid sync tool",)
    assert "git hybrid mirror update" in behind.hints[0]
    assert "https://m/x" in "".join(behind.cause)


def test_a_lock_that_was_edited_is_restored():
    facts = {"name": "tool", "what": "content_sha256", "expected": "1" * 64, "found": "2" * 64}
    told, edited = tell(WrongContent(**facts)), tell(WrongContent(**facts, edited=True))
    assert edited.exit == told.exit
    assert told.hints == ("git hybrid diff tool", "git hybrid reset tool")
    assert edited.hints[0] == "git checkout HEAD -- state/sources.lock"
    assert "1" * 64 in "".join(edited.cause)
    assert "{" not in "".join((edited.title, *edited.cause, *edited.hints))


def test_a_tree_that_is_only_too_large_is_not_called_hostile():
    limits = TreeLimits(max_entries=1, max_bytes=1)
    for findings, title in (
        ((limits.too_many(),), "is larger than policy allows"),
        ((limits.too_large(),), "is larger than policy allows"),
        ((limits.too_large(), "bad-name: .git: x"), "must not be checked out"),
    ):
        told = tell(HostileTree(name="tool", commit="1" * 40, findings=findings))
        assert (told.exit, title in told.title) == (5, True)
        for hint in told.hints:
            assert hint.rpartition(": ")[2].startswith("git hybrid ")
            for command in _typed(hint):
                _type(command)


def test_what_keeps_a_folder_from_being_removed_is_said_of_strays_too():
    assert set(STRAYS) == {
        kind.code
        for kind in CODED
        if issubclass(kind, LocalWork) and kind not in (DivergedSource, InTheWay, NestedRepository)
    }


@pytest.mark.parametrize("adding", [False, True])
@pytest.mark.parametrize("code", sorted(BEHIND))
def test_what_a_mirror_said_is_no_word_of_upstream(code, adding):
    (kind,) = (kind for kind in CODED if kind.code == code)
    error = _sample(kind).from_mirror("file:///srv/mirror", "file:///srv/mirror/host/x.git")
    told = tell(error.while_adding() if adding else error)
    assert told.exit == REMEDIES[code].exit
    words = "".join((told.title, *told.cause, *told.hints))
    assert "file:///srv/mirror" in told.title + "".join(told.cause)
    assert "upstream itself was not" in words
    assert "{" not in words
    assert "--force" not in words
    for hint in told.hints:
        for command in _typed(hint):
            _type(command)


@pytest.mark.parametrize("base", ["file:///b/{name}.bundle", "file:///b/x.bundle"])
def test_a_mirror_that_is_called_as_a_bundle_is_none(base):
    error = RefMissing(name="tool", ref="refs/heads/main", url="https://host/x")
    told = tell(error.from_mirror(base, "file:///b/tool.bundle/host/x.git"))
    assert f"export GIT_HYBRID_MIRRORS={shlex.quote(f'{base},direct')}" in "".join(told.hints)


def test_of_a_bundle_no_mirror_is_told_to_be_filled():
    bundle = "file:///b/tool.bundle"
    told = tell(RefMissing(name="tool", ref="refs/heads/main", url="https://host/x").from_mirror(bundle, bundle))
    assert told.hints == ("what is asked, and why: git hybrid config --show-origin",)


def _hints_in_code() -> Iterator[str]:
    for path in sorted((PACKAGE / "cli").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "hint":
                yield from (_text(part) for part in node.args[1:])


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.IfExp):
        return _text(node.body)
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "tool" for part in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else ""


@pytest.mark.parametrize("hint", sorted({text for text in _hints_in_code() if text}))
def test_hints_of_commands_can_be_typed(hint):
    for command in _typed(hint):
        _type(command)


def _mends_in_code() -> Iterator[str]:
    """Yield what is told to mend a file: by an error, or by what is put around all that reads the file."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = {
            node.targets[0].id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MENDED:
                parts = (
                    node.args
                    if node.func.id == "mended"
                    else [item.value for item in node.keywords if item.arg == "mend"]
                )
                for part in parts:
                    yield _text(named.get(part.id, part) if isinstance(part, ast.Name) else part)


@pytest.mark.parametrize("mend", sorted({text for text in _mends_in_code() if text} | {from_git("x"), AGAIN, RESTORE}))
def test_what_mends_a_file_ends_with_a_command(mend):
    assert mend.rpartition(": ")[2].split()[0] in PROGRAMS
    for command in _typed(mend):
        _type(command)


def test_the_table_of_codes_is_in_the_module_text():
    text = (PACKAGE / "core/errors.py").read_text(encoding="utf-8").split('"""')[1]
    named = set(re.findall(r"[A-Z]\w+", text))
    assert {kind.__name__ for kind in CODED} <= named
    assert manifest.VERSION == lockfile.VERSION == statefile.VERSION == 1


def test_a_commit_in_no_history_is_not_upstreams_fault_where_the_lock_was_edited():
    error = Unreachable(name="tool", commit="1" * 40, ref="refs/heads/main")
    accusing, mild = tell(error), tell(error.of_edited_lock())
    assert (mild.exit, error.code) == (accusing.exit, "unreachable")
    assert "upstream" in accusing.title
    assert "upstream" not in "".join((mild.title, *mild.cause, *mild.hints))
    assert mild.hints[0] == "git checkout HEAD -- state/sources.lock"
