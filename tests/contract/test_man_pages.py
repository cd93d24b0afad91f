"""The manual pages against the program: every command, option, error, variable and example."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import shlex
import shutil
import subprocess
from functools import cache
from pathlib import Path

import click
import msgspec
import pytest

from git_hybrid import core
from git_hybrid.cli.common import Common
from git_hybrid.cli.remedies import REMEDIES
from git_hybrid.cli.settings import TWINS
from git_hybrid.cli.tree import COMMANDS, group
from git_hybrid.core.errors import HybridError
from git_hybrid.store.wire import DefaultsShape, OpenIssuesShape, PolicyShape, ScannerShape, SourceShape

ROOT = Path(__file__).resolve().parents[2]
MAN = ROOT / "man"
SOURCE = ROOT / "git_hybrid"
NAMES = sorted(name for section in COMMANDS.values() for name in section)
PAGES = sorted([*MAN.glob("*.1"), *MAN.glob("*.7")])
COMMAND_PAGES = ["git-hybrid.1", *(f"git-hybrid-{name}.1" for name in NAMES)]
SECTIONS = (
    "NAME",
    "SYNOPSIS",
    "DESCRIPTION",
    "OPTIONS",
    "EXAMPLES",
    "EXIT STATUS",
    "ENVIRONMENT",
    "CONFIGURATION",
    "FILES",
    "SEE ALSO",
)
# What lexgrog(1) reads from NAME, and so what apropos(1) finds.
NAME_LINE = re.compile(r"git-hybrid(?:-[a-z]+)* - \S.*[^.]")
OPTION = re.compile(r"(?<![\w/-])--?[A-Za-z][A-Za-z-]*")
REFERENCE = re.compile(r"(git-hybrid(?:-[a-z]+)*)\(([1-9])\)")
VARIABLE = re.compile(r"GIT_HYBRID_[A-Z_]+[A-Z]")
BASE_CLASSES = {"error"}
UNRAISED = {"usage": "2", "bug": "70"}
"""The codes of what is told and is no error of ours."""


def mandoc(page: str, *options: str) -> subprocess.CompletedProcess[bytes]:
    """Run mandoc(1) with *options* on *page*."""
    found = shutil.which("mandoc")
    if found is None:
        pytest.fail("mandoc is not installed: install the Debian package mandoc", pytrace=False)
    return subprocess.run([found, *options, MAN / page], capture_output=True, check=False)


@cache
def rendered(page: str) -> str:
    """Return *page* as a reader sees it, its lines unbroken."""
    done = mandoc(page, "-T", "utf8", "-O", "width=1000")
    assert done.returncode < 3, done.stderr.decode()
    text = re.sub(".\b", "", done.stdout.decode())
    return text.replace("\N{HYPHEN}", "-").replace("\N{MINUS SIGN}", "-")


def sections(page: str) -> dict[str, list[str]]:
    """Return the lines of each section of *page*, without empty ones."""
    found: dict[str, list[str]] = {}
    lines = rendered(page).splitlines()[1:-1]
    for line in lines:
        if line and not line.startswith(" "):
            found[line.strip()] = []
        elif line.strip():
            found[next(reversed(found))].append(line)
    return found


def click_options(command: click.Command) -> set[str]:
    """Return every spelling of every option of *command*."""
    parent = click.Context(group, **group.context_settings)
    context = click.Context(command, info_name=command.name, parent=parent)
    options = [item for item in command.get_params(context) if isinstance(item, click.Option)]
    inner = command.commands.values() if isinstance(command, click.Group) and command is not group else ()
    words = {word for item in options for word in (*item.opts, *item.secondary_opts)}
    return words.union(*(click_options(item) for item in inner))


def command_of(page: str) -> click.Command:
    """Return the click command that *page* is about."""
    name = page.removesuffix(".1").removeprefix("git-hybrid").removeprefix("-")
    found = group.get_command(click.Context(group), name) if name else group
    assert found is not None
    return found


def error_codes() -> set[str]:
    """Return the code of every error class that is no mere base."""
    modules = [item.name for item in pkgutil.iter_modules(core.__path__) if item.name.startswith("errors")]
    codes = set()
    for name in modules:
        module = importlib.import_module(f"git_hybrid.core.{name}")
        classes = [item for _, item in inspect.getmembers(module, inspect.isclass) if issubclass(item, HybridError)]
        codes |= {item.code for item in classes}
    return codes - BASE_CLASSES


def variables() -> tuple[set[str], set[str]]:
    """Return the GIT_HYBRID_* variables that the program names, and the keys of git's configuration that it reads."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py"))
    names = set(VARIABLE.findall(text)) | {f"GIT_HYBRID_{variable}" for variable, _, _ in TWINS}
    keys = {f"hybrid.{key.lower()}" for _, key, _ in TWINS} | set(re.findall(r'config\.get\("(hybrid\.[a-z]+)"', text))
    return names, keys


def examples(page: str) -> list[str]:
    """Return the ``git hybrid`` command lines in the examples of *page*."""
    lines = (line.strip().removeprefix("$ ") for line in sections(page).get("EXAMPLES", []))
    return [line for line in lines if line.startswith(("git hybrid ", "git-hybrid"))]


def parse(line: str) -> None:
    """Parse the command *line* with our click tree without running it."""
    words = shlex.split(line, comments=True)
    words = words[: min(words.index(end) if end in words else len(words) for end in ("|", ">"))]
    arguments = words[2:] if words[0] == "git" else [*words[0].removeprefix("git-hybrid").split("-")[1:], *words[1:]]
    try:
        with group.make_context("git hybrid", arguments, obj=Common()) as context:
            rest = [*context._protected_args, *context.args]
            name, command, left = group.resolve_command(context, rest)
            assert command is not None
            assert name is not None
            with command.make_context(name, left, parent=context):
                return
    except click.exceptions.Exit:
        return


def test_every_command_has_a_page() -> None:
    missing = [page for page in COMMAND_PAGES if not (MAN / page).is_file()]
    assert not missing
    known = {*COMMAND_PAGES, "git-hybrid-files.7", "git-hybrid-design.7"}
    assert {path.name for path in MAN.iterdir()} == known


@pytest.mark.parametrize("page", COMMAND_PAGES)
def test_a_command_page_has_the_sections_in_order(page: str) -> None:
    assert [name for name in sections(page) if name in SECTIONS] == list(SECTIONS)


@pytest.mark.parametrize("page", COMMAND_PAGES)
def test_the_options_are_those_of_the_command(page: str) -> None:
    told = {word.rstrip("-") for line in sections(page)["OPTIONS"] for word in OPTION.findall(line)}
    there = click_options(command_of(page))
    assert sorted(there - told) == [], "options that the page does not tell"
    assert sorted(told - there) == [], "options that the command does not have"


@pytest.mark.parametrize("page", COMMAND_PAGES)
def test_each_option_has_an_entry_of_its_own(page: str) -> None:
    source = (MAN / page).read_text(encoding="utf-8")
    tags = re.findall(r"^\.TP\n(.*)$", source, re.MULTILINE)
    entries = {word for tag in tags for word in OPTION.findall(tag.replace("\\-", "-"))}
    assert sorted(click_options(command_of(page)) - entries) == []


def test_every_command_is_in_the_overview() -> None:
    told = {name for line in sections("git-hybrid.1")["COMMANDS"] for name, _ in REFERENCE.findall(line)}
    assert {f"git-hybrid-{name}" for name in NAMES} <= told


def test_every_error_code_is_in_the_overview() -> None:
    source = (MAN / "git-hybrid.1").read_text(encoding="utf-8")
    body = source.split(".SH ERRORS\n")[1].split("\n.SH ")[0].replace("\\-", "-")
    told = re.findall(r"^\.TP\n\.BR? ([a-z-]+)", body, re.MULTILINE)
    assert len(told) == len(set(told))
    assert set(told) == error_codes() | UNRAISED.keys()


def test_every_exit_status_of_an_error_is_the_one_told() -> None:
    tags = [line.strip() for line in sections("git-hybrid.1")["ERRORS"]]
    told = dict(match.groups() for tag in tags if (match := re.fullmatch(r"([a-z-]+) \((\d+)(?:, \d+)*\)", tag)))
    assert told == {code: str(remedy.exit) for code, remedy in REMEDIES.items()} | UNRAISED


@pytest.mark.parametrize("page", COMMAND_PAGES)
def test_what_a_cluster_ends_with_is_told_where_one_can_be_asked(page: str) -> None:
    told = " ".join(" ".join(sections(page)["EXIT STATUS"]).split())
    is_told = "no scheduler or worker answers" in told
    assert is_told == (page != "git-hybrid.1" and "--executor" in click_options(command_of(page)))


def test_every_variable_and_its_twin_are_in_the_overview() -> None:
    page = rendered("git-hybrid.1")
    names, keys = variables()
    assert sorted(name for name in names if not re.search(rf"{name}\b", page)) == []
    assert sorted(key for key in keys if key not in page.lower()) == []
    assert sorted(set(VARIABLE.findall(page)) - names) == [], "variables that the program does not read"


def test_every_key_of_the_manifest_has_an_entry() -> None:
    page = (MAN / "git-hybrid-files.7").read_text().split(".SH SOURCES.TOML\n")[1].split("\n.SH ")[0]
    tags = " ".join(re.findall(r"^\.TP\n(.*)$", page, re.MULTILINE)).replace("\\-", "-")
    shapes = (DefaultsShape, PolicyShape, ScannerShape, OpenIssuesShape, SourceShape)
    fields = {field.encode_name for shape in shapes for field in msgspec.structs.fields(shape)}
    assert sorted(fields - set(re.findall(r"\w+", tags))) == []


@pytest.mark.parametrize("page", [path.name for path in PAGES])
def test_the_examples_parse(page: str) -> None:
    wrong = []
    for line in examples(page):
        try:
            parse(line.partition(" > ")[0])
        except click.UsageError as error:
            wrong.append(f"{line}: {error.format_message()}")
    assert not wrong


@pytest.mark.parametrize(
    "path", [*(MAN.parent / "docs").glob("*.md"), MAN.parent / "README.md"], ids=lambda path: path.name
)
def test_the_commands_of_the_documents_parse(path: Path) -> None:
    """What no test runs, such as the steps of a CI job, is typed right all the same."""
    wrong = []
    for block in re.findall(r"^```(?:sh|yaml|cron)\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE):
        for line in re.findall(r"(?:^\s*(?:- (?:run: )?)?|[;{&] )(git hybrid [^;|&}\n]*)", block, re.MULTILINE):
            try:
                parse(line)
            except click.UsageError as error:
                wrong.append(f"{line}: {error.format_message()}")
    assert not wrong


@pytest.mark.parametrize("page", COMMAND_PAGES)
def test_a_command_page_has_an_example_of_its_command(page: str) -> None:
    words = page.removesuffix(".1").replace("-", " ", 2)
    assert any(line.startswith(words) for line in examples(page))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_mandoc_finds_nothing_wrong(path: Path) -> None:
    done = mandoc(path.name, "-T", "lint", "-W", "warning")
    assert (done.returncode, (done.stdout + done.stderr).decode()) == (0, "")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_title_and_name_line_say_which_page_it_is(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0].replace("\\-", "-")
    name, section = path.stem, path.suffix.removeprefix(".")
    assert re.match(rf'\.TH "?{name.upper()}"? {section} \d{{4}}-\d\d-\d\d ', first)
    (line,) = sections(path.name)["NAME"]
    assert NAME_LINE.fullmatch(line.strip())
    assert line.strip().startswith(f"{name} - ")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_pages_referred_to_exist(path: Path) -> None:
    names = {item.name for item in PAGES}
    told = REFERENCE.findall(rendered(path.name).split("\n", 1)[1])
    assert not [f"{name}({section})" for name, section in told if f"{name}.{section}" not in names]
    assert any("(" in line for line in sections(path.name)["SEE ALSO"])
