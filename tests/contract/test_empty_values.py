"""An option with an empty value, as a variable of the shell that is not set leaves it, is refused by every command."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from git_hybrid.cli.tree import group
from git_hybrid.core.errors import BadArgument

ADD = ["add", "https://localhost:1/group/new"]
JUDGED_LATER = {
    "add --branch": [*ADD],
    "add --commit": [*ADD],
    "add --group": [*ADD],
    "add --name": [*ADD],
    "add --tag": [*ADD],
    "add --version": [*ADD],
    "audit export --commit": ["audit", "export"],
    "audit export --since": ["audit", "export"],
    "audit export --until": ["audit", "export"],
    "audit log --commit": ["audit", "log"],
    "audit log --event": ["audit", "log"],
    "audit log --since": ["audit", "log"],
    "audit log --until": ["audit", "log"],
    "audit verify --since": ["audit", "verify"],
    "cache prune --max-size": ["cache", "prune"],
    "cache prune --older-than": ["cache", "prune"],
    "diff --group": ["diff"],
    "diff --since": ["diff"],
    "diff --until": ["diff", "--since", "HEAD"],
    "foreach --group": ["foreach"],
    "foreach --source": ["foreach"],
    "mirror add --owner": ["mirror", "add", "near", "file:///srv/mirror"],
    "mirror update --executor": ["mirror", "update", "/srv/mirror"],
    "outdated --executor": ["outdated"],
    "outdated --group": ["outdated"],
    "pin --branch": ["pin", "tool"],
    "pin --commit": ["pin", "tool"],
    "pin --group": ["pin"],
    "pin --tag": ["pin", "tool"],
    "pin --version": ["pin", "tool"],
    "reset --group": ["reset"],
    "sbom --group": ["sbom"],
    "scan --executor": ["scan"],
    "scan --group": ["scan"],
    "status --group": ["status"],
    "sync --group": ["sync"],
}
"""What is refused by the command itself; ``-C`` alone takes an empty value, as git's does, and stays where it is."""


def _options(command: click.Command, name: str = "") -> Iterator[tuple[str, click.Option]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found is not None
            yield from _options(found, f"{name} {inner}".strip())
        return
    for option in command.params:
        if isinstance(option, click.Option) and not option.is_flag and not option.count:
            yield f"{name} {max(option.opts, key=len)}", option


VALUED = {name: option for name, option in _options(group) if not name.endswith(" -C")}


def _refuses(option: click.Option, value: str) -> bool:
    try:
        option.type.convert(value, option, None)
    except (BadArgument, click.BadParameter):
        return True
    return False


def test_every_other_option_refuses_it_as_it_is_read():
    assert {name for name, option in VALUED.items() if not _refuses(option, "")} == set(JUDGED_LATER)


@pytest.mark.parametrize("name", sorted(JUDGED_LATER))
def test_these_refuse_it_when_they_are_run(files, cli, name):
    before = files.files()
    words, more = JUDGED_LATER[name], ["--", "true"] if name.startswith("foreach ") else []
    assert cli(*words, f"--{name.partition(' --')[2]}=", *more).code == 2
    assert files.files() == before


@pytest.mark.parametrize("value", ["", " "])
@pytest.mark.parametrize("option", ["--to", "--request", "--approver", "--reason", "--expires", "--incident"])
def test_pin_moves_nothing(files, cli, option, value):
    before = files.files()
    done = cli("pin", "tool", option, value)
    assert done.code == 2
    assert f"error: {option}: {value!r}: is empty" in done.err
    assert files.files() == before


@pytest.mark.parametrize(
    "words",
    [
        ["init", ""],
        ["add", ""],
        ["init", "--import", ""],
        ["demo", ""],
        ["install-man", ""],
        ["dashboard", "-o", ""],
        ["diag", "--bundle", ""],
        ["bundle", "create", "-o", ""],
        ["bundle", "verify", ""],
        ["mirror", "update", ""],
        ["audit", "export", "-o", ""],
        ["audit", "log", "--operator", ""],
        ["override", "export", "-o", ""],
    ],
    ids=" ".join,
)
def test_an_empty_path_or_filter_is_not_taken_for_none(files, cli, words):
    before = files.files()
    done = cli(*words)
    assert done.code == 2
    assert "'': is empty" in done.err
    assert files.files() == before
