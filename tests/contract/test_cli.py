"""The command line itself: help, common options, exit codes, how errors are told."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
from typing import Any

import click
import pytest

from git_hybrid.cli.common import Common, wants_color
from git_hybrid.cli.lost import LOOKING
from git_hybrid.cli.main import main
from git_hybrid.cli.output import Output
from git_hybrid.cli.telling import exit_of
from git_hybrid.cli.tree import COMMANDS, group
from git_hybrid.core import errors
from git_hybrid.core.ids import SourceName
from git_hybrid.core.report import Report, Row
from support.cli import Result, executable

NAMES = sorted(name for section in COMMANDS.values() for name in section)
COMMON = ("-C", "-q", "--quiet", "-v", "--verbose", "--json", "--color", "--no-color", "--progress", "--no-progress")
ROWS = {
    1: errors.NoPin(name="a", stale=False, mend="git hybrid pin a"),
    3: errors.DirtySource(name="a", path="p", files=("x",), count=1),
    4: errors.NetworkFailure(url="u", message="m", kind="dns"),
    5: errors.MovedTag(name="a", tag="t", old="o", new="n", old_commit="c", new_commit="d"),
    6: errors.HostNotAllowed(name="a", host="h"),
}
WORST = (5, 6, 3, 4, 1)
BUG = "tokenless"


def _report(*codes: int) -> Report:
    rows = [Row(name=SourceName("ok"), outcome="unchanged")]
    return Report(command="sync", rows=(*rows, *(Row(name=SourceName("a"), outcome="x", error=ROWS[c]) for c in codes)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_has_help(capsys, name, option):
    assert main([name, option]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"Usage: git hybrid {name}")
    assert err == ""
    assert all(word in out for word in COMMON)


def test_what_only_looks_is_a_command():
    names = set(NAMES)
    for name in NAMES:
        found = group.get_command(click.Context(group), name)
        if isinstance(found, click.Group):
            names |= {f"{name} {inner}" for inner in found.list_commands(click.Context(found))}
    assert names >= LOOKING
    assert not {"sync", "pin", "add", "remove", "reset", "resume", "init", "scan", "foreach"} & LOOKING


def test_help_lists_every_command(capsys):
    assert main(["-h"]) == 0
    out = capsys.readouterr().out
    for section, commands in COMMANDS.items():
        assert section in out
        assert all(f"  {name} " in out for name in commands)


def test_no_command_is_wrong_usage(capsys):
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Usage: git hybrid" in err


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("git-hybrid version ")


def _started(argv: list[str], *, stdout: Any) -> Result:
    with subprocess.Popen(argv, stdout=stdout, stderr=subprocess.PIPE, text=True) as child:
        out, err = child.communicate(timeout=60)
    return Result(code=child.returncode, out=out or "", err=err)


def test_help_imports_no_library_of_the_work():
    code = (
        "import sys; from git_hybrid.cli.main import main; code = main(['-h']);"
        "bad = [m for m in sys.modules if m.split('.')[0] in ('pygit2', 'msgspec', 'tomlkit', 'tenacity', 'filelock')"
        " or m.startswith(('git_hybrid.git', 'git_hybrid.app', 'git_hybrid.store', 'git_hybrid.cli.commands.'))];"
        "print(bad, file=sys.stderr); sys.exit(code)"
    )
    done = _started([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert (done.code, done.err.strip()) == (0, "[]")


@pytest.mark.parametrize("name", ["override", "audit", "hooks", "mirror", "bundle", "cache"])
def test_a_group_alone_lacks_a_command_and_its_help_has_every_sentence_whole(name):
    done = _started([str(executable()), name], stdout=subprocess.PIPE)
    assert (done.code, done.out) == (2, "")
    error, hint = done.err.splitlines()
    assert hint == f"hint: git hybrid {name} -h"
    told = _started([str(executable()), name, "-h"], stdout=subprocess.PIPE)
    assert told.code == 0
    commands = told.out.partition("Commands:\n")[2]
    assert "..." not in commands
    names = re.findall(r"^  (\S+)", commands, flags=re.MULTILINE)
    assert error == f"error: missing command, one of: {', '.join(names)}"
    assert _started([str(executable()), name, "-q"], stdout=subprocess.PIPE).err == f"{error}\n"


def test_choices_are_named_on_one_line():
    done = _started([str(executable()), "completion"], stdout=subprocess.PIPE)
    assert done.code == 2
    assert done.err.splitlines()[0] == "error: missing argument 'bash|zsh|fish'. Choose from: bash, zsh, fish"


GROUPS = {"override": ["list"], "audit": ["log"], "hooks": ["install"], "mirror": ["list"], "bundle": ["verify", "x"]}


def _common(name: str, before: list[str], after: list[str]) -> Common:
    common = Common()
    context = group.make_context("git hybrid", [*before, name, *after], obj=common, resilient_parsing=False)
    with context:
        found, command, rest = group.resolve_command(context, [*context._protected_args, *context.args])
        assert command is not None
        own = {"add": ["https://example.org/x"], "foreach": ["--", "true"], "completion": ["bash"]}
        needed = {**own, **GROUPS}.get(name, [])
        needed = ["a"] if name in ("remove", "reset") else needed
        command.make_context(found, [*rest, *needed], parent=context)
    return common


@pytest.mark.parametrize("name", [name for name in NAMES if name != "demo"])
def test_common_options_before_and_after(name):
    options = ["-C", "a", "-q", "-v", "--json", "--color", "always", "--progress"]
    want = Common(folders=["a"], quiet=True, verbose=1, json=True, color="always", progress=True)
    assert vars(_common(name, options, [])) == vars(want)
    assert vars(_common(name, [], options)) == vars(want)
    both = _common(name, ["-C", "a", "-v", "--color", "never"], ["-C", "b", "-v", "--color", "always"])
    assert vars(both) == vars(Common(folders=["a", "b"], verbose=2, color="always"))


def test_folders_add_up(files, capsys):
    (files.root / "sub").mkdir()
    assert main(["-C", str(files.root), "status", "-C", "sub", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sources"][0]["name"] == "tool"


@pytest.mark.parametrize("codes", [c for n in range(1, 6) for c in itertools.combinations(ROWS, n)])
def test_mixed_results(codes):
    want = next(code for code in WORST if code in codes)
    assert exit_of(_report(*codes)) == exit_of(_report(*reversed(codes))) == want


def test_no_row_and_good_rows_are_0():
    assert exit_of(Report(command="sync")) == exit_of(_report()) == 0


def test_what_many_sources_failed_of_in_the_same_words_is_told_once(capsys):
    errors_of = [errors.LocalIo(path="log", operation="append to", reason=why) for why in ("full", "full", "slow")]
    rows = tuple(Row(name=SourceName(f"s{n}"), outcome="failed", error=e) for n, e in enumerate(errors_of))
    assert Output(Common()).report(Report(command="sync", rows=rows, error=errors_of[0])) == 74
    out, err = capsys.readouterr()
    assert out.count("failed") == 3
    told = [line for line in err.splitlines() if line.startswith("error:")]
    assert told == ["error: cannot append to log: full", "error: cannot append to log: slow"]


@pytest.mark.parametrize(("common", "full"), [({}, 3), ({"verbose": 1}, 11), ({"quiet": True}, 11)])
def test_a_server_that_fails_many_sources_is_told_of_a_few_and_all_else_of_each(capsys, common, full):
    dead = [
        errors.NetworkFailure(name=f"s{n}", url=f"https://a.example/{n}", message="", kind="dns") for n in range(11)
    ]
    few = [errors.NetworkFailure(name=f"t{n}", url="https://b.example/", message="", kind="dns") for n in range(10)]
    own = [errors.RefMissing(name=f"r{n}", ref=f"v{n}", url="https://a.example/r") for n in range(11)]
    rows = [Row(name=SourceName(e.name), outcome="failed", error=e) for e in (*dead, *few, *own)]
    assert Output(Common(**common)).report(Report(command="sync", rows=tuple(rows), run="r")) == 5
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    counted = "error: 8 other sources failed at a.example in the same way (network: dns); -v tells of each"
    assert (len(told), told[-1] == counted) == (full + len(few) + len(own) + (full == 3), full == 3)


def _blocked(number: int, rules: tuple[str, ...] = ("R1",), again: str = "git hybrid scan") -> errors.ScanBlocked:
    told = {"commit": "c", "level": "high", "counted": "1", "findings": (), "ids": (), "accept": "", "move": ""}
    return errors.ScanBlocked(name=f"s{number}", rules=rules, again=again, **told)


ALIKE = {
    "a share": lambda n: errors.RepositoryNotFound(name=f"s{n}", url=f"file:///mnt/a%20b/{n}.git", message="m"),
    "blocked": _blocked,
    "blocked, no scanner": lambda n: _blocked(n, again=""),
    "found": lambda n: errors.ScanFindings(name=f"s{n}", commit="c", counted="1", findings=(), rules=("R1", "R2")),
    "many rules": lambda n: _blocked(n, rules=tuple(f"R{rule:02}" for rule in range(300))),
}
COUNTED = {
    "a share": "error: 8 other sources failed at /mnt/a b in the same way (repository-not-found)",
    "found": "error: 8 other sources have findings by the same rules (scan-findings: R1, R2): s11, s12, s13",
    "many rules": "error: 8 other sources have findings by the same rules (scan-blocked: "
    "R00, R01, R02, R03, R04, R05, R06, R07, R08, R09 and 290 others): s11, s12",
}


@pytest.mark.parametrize("what", ALIKE)
def test_what_many_sources_have_in_common_is_told_of_three(capsys, what):
    failures = [ALIKE[what](number) for number in (*range(8, 19),)]
    rows = [Row(name=SourceName(e.name), outcome="failed", error=e) for e in failures]
    Output(Common()).report(Report(command="sync", rows=tuple(rows), run="r"))
    lines = capsys.readouterr().err.splitlines()
    told = [line for line in lines if line.startswith("error:")]
    start = COUNTED.get(what, "error: 8 other sources have findings by the same rules (scan-blocked: R1): s11, s12")
    assert (len(told), told[-1].startswith(start)) == (4, True)
    hints = lines.count("hint: what is not used here can be left out in the scanner's settings, then: git hybrid scan")
    assert hints == (what in ("blocked", "found", "many rules"))


def test_findings_whose_rules_are_not_known_or_differ_are_told_each(capsys):
    few, unknown = [_blocked(n, rules=(f"R{n % 2}",)) for n in range(20)], [_blocked(n, rules=()) for n in range(20)]
    rows = [Row(name=SourceName(e.name), outcome="failed", error=e) for e in (*few, *unknown)]
    Output(Common(verbose=0)).report(Report(command="sync", rows=tuple(rows), run="r"))
    told = {line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")}
    assert len(told) == 20


@pytest.mark.parametrize("number", [2, 15])
def test_a_signal_is_the_status_of_an_interrupted_report(number):
    assert exit_of(Report(command="sync", interrupted=number)) == 128 + number


def test_json_of_an_error(tmp_path, capsys):
    for arguments in (["--json", "status"], ["status", "--json"]):
        assert main(["-C", str(tmp_path), *arguments]) == 2
        out, err = capsys.readouterr()
        document = json.loads(out)
        assert document["schema_version"] == 1
        assert document["exit_code"] == 2
        assert document["error"]["code"] == "no-workspace"
        assert document["error"]["exit_code"] == 2
        assert document["error"]["hints"]
        assert "error: no sources.toml" in err


@pytest.mark.parametrize("words", [[], *([name] for name in (*GROUPS, "cache"))])
def test_json_without_a_command(capsys, words):
    assert main([*words, "--json"]) == 2
    out, err = capsys.readouterr()
    error = json.loads(out)["error"]
    assert (error["code"], error["message"].partition(",")[0]) == ("usage", "missing command")
    assert err.splitlines()[-1] == f"hint: {' '.join(['git hybrid', *words])} -h"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["bog\udcff"], r"error: no such command 'bog\xff'"),
        (["help", "x\udcff"], r"error: no such command, topic or error: 'x\xff'"),
        (["check", "\udc80"], r"error: invalid value for CHECK: '\x80' is not one of"),
        (["dashboard", "x\udcff"], r"error: got unexpected extra argument (x\xff)"),
    ],
)
def test_a_byte_that_is_no_text_is_told_as_one(capsys, words, told):
    assert main(words) == 2
    assert capsys.readouterr().err.startswith(told)


def test_json_of_wrong_usage(capsys):
    assert main(["status", "--json", "--bogus"]) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["schema_version"] == 1
    assert document["error"]


def test_json_of_an_error_in_a_source(files, cli):
    done = cli("sync", "--json")
    document = json.loads(done.out)
    assert done.code == document["exit_code"] == 1
    assert document["sources"][0]["name"] == "tool"
    assert document["sources"][0]["exit_code"] == 1
    assert document["sources"][0]["error"]["code"] == "no-pin"


def test_a_word_of_another_command_is_no_option(tmp_path, capsys):
    assert main(["-C", str(tmp_path), "foreach", "--", "tool", "--json"]) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("option", "variable", "config", "tty", "want"),
    [
        ("always", "1", {"color.hybrid": "never"}, False, True),
        ("never", "", {"color.hybrid": "always"}, True, False),
        ("auto", "1", {}, True, True),
        ("auto", "", {"color.hybrid": "always"}, False, False),
        (None, "1", {"color.hybrid": "always"}, True, False),
        (None, "", {"color.hybrid": "always", "color.ui": "never"}, False, True),
        (None, "", {"color.hybrid": "never", "color.ui": "always"}, True, False),
        (None, "", {"color.ui": "always"}, False, True),
        (None, "", {"color.ui": "false"}, True, False),
        (None, "", {"color.ui": "true"}, False, False),
        (None, "", {}, True, True),
        (None, "", {}, False, False),
    ],
)
def test_colour(monkeypatch, option, variable, config, tty, want):
    monkeypatch.setenv("NO_COLOR", variable)
    monkeypatch.setenv("TERM", "xterm")
    assert wants_color(Common(color=option, config=config), tty=tty) is want
    monkeypatch.delenv("TERM")
    assert wants_color(Common(color=option, config=config), tty=tty) is wants_color(
        Common(color=option, config=config), tty=False
    )


def test_a_source_is_named_by_the_path_of_its_folder(files, cli, tmp_path, capsys, monkeypatch):
    inner = files.root / "sources/tool/src"
    inner.mkdir(parents=True)
    monkeypatch.chdir(files.root)
    for path in ("sources/tool", "sources/tool/", "./sources/../sources/tool", str(inner.parent)):
        assert json.loads(cli("status", path, "--json").out)["sources"][0]["name"] == "tool"
    assert cli("status", "--porcelain", "--json").code == 2
    # -C counts, also behind the path.
    for words in (["-C", str(inner.parent), "status", "."], ["status", "..", "-C", str(inner)]):
        assert main([*words, "--porcelain"]) == 0
        assert "tool" in capsys.readouterr().out
    assert "no such source: sources/tool/src\ncause: did you mean tool?" in cli("reset", "sources/tool/src").err
    assert "no records" in cli("audit", "log", "sources/tool").err
    assert "no such source: ..\n" in cli("remove", "..").err
    assert "no such source: x/y\n" in cli("sync", "x/y").err
    monkeypatch.chdir(tmp_path)
    assert main(["status", "x/y"]) == 2
    assert "error: no sources.toml" in capsys.readouterr().err


def test_the_current_folder_is_gone(files, tmp_path, capsys, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    for words in (["status"], ["diag"], ["-C", "sub", "sync"]):
        assert main(words) == 74
        told = capsys.readouterr().err
        assert told.startswith("error: the current folder is gone: it was moved or deleted\n")
        assert told.endswith("hint: else, to your home: cd\n")
    assert main(["-C", str(files.root), "-C", ".", "status", "--porcelain"]) == 0
    assert capsys.readouterr().out
    # The entry points look at the folder before all else.
    there = [executable(), "-q", "-C", files.root, "status"]
    for words, code, told in (
        (there, 0, b""),
        ([executable("git-hybrid-hook-check")], 2, b"the current folder is gone"),
    ):
        done = subprocess.run(words, capture_output=True, check=False)
        assert (done.returncode, b"Traceback" in done.stderr) == (code, False)
        assert told in done.stdout


def _config(text: str) -> None:
    with open(os.environ["GIT_CONFIG_GLOBAL"], "a", encoding="utf-8") as file:
        file.write(text)


def test_colour_reaches_the_output(files, cli, monkeypatch):
    assert "\033[" not in cli("status").out
    assert "\033[" in cli("status", "--color", "always").out
    _config("[color]\n\thybrid = always\n")
    assert "\033[" in cli("status").out
    assert "\033[" not in cli("status", "--no-color").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\033[" not in cli("status").out


def test_colour_reaches_errors_that_end_the_command(files, cli):
    _config("[color]\n\thybrid = always\n")
    assert "\033[31merror:" in cli("status", "unknown").err


def test_advice_can_be_switched_off(files, cli, monkeypatch):
    assert "hint:" in cli("status", "unknown").err
    monkeypatch.setenv("GIT_ADVICE", "0")
    assert "hint:" not in cli("status", "unknown").err
    assert "hint:" not in cli("sync").err


@pytest.mark.parametrize("words", [["sync", "--bogus"], ["frobnicate"], ["check", "nosuch"], ["add", "garbage"]])
def test_advice_can_be_switched_off_where_no_workspace_is_needed(capsys, monkeypatch, words):
    def told(*more: str) -> str:
        assert main([*words[:1], *more, *words[1:]]) == 2
        return capsys.readouterr().err

    assert "hint:" in told()
    assert "hint:" not in told("-q")
    monkeypatch.setenv("GIT_ADVICE", "0")
    assert "hint:" not in told()
    monkeypatch.delenv("GIT_ADVICE")
    _config("[advice]\n\thybrid = false\n")
    assert "hint:" not in told()


@pytest.mark.parametrize("key", ["hybrid", "hybridUnknownSource"])
def test_advice_can_be_switched_off_by_configuration(cli, key):
    _config(f"[advice]\n\t{key} = false\n")
    done = cli("status", "unknown")
    assert "error: no such source: unknown" in done.err
    assert "hint:" not in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["schema", "x"], "invalid value for NAME: 'x' is not one of "),
        (["check", "x"], "invalid value for CHECK: 'x' is not one of "),
        (["check", "audit", "--content"], "--content: 'audit': reads the files of clones"),
        (["status", "-j", "300"], "'--jobs': 300 must be 1 to 256\n"),
        *((["status", "-j", text], f"'--jobs': {text!r} is no whole number\n") for text in (" 4", "+4", "٤", "1_0")),
        (["audit", "log", "--max-count", "0"], "'--max-count': 0 must be 1 or more\n"),
        (["audit", "log", "--max-count", " 4"], "'--max-count': ' 4' is no whole number\n"),
        (["status", "--watch=4_0"], "'--watch': '4_0' is no whole number\n"),
        (
            ["add", "https://h/x", "lib", "--tag", "v1"],
            "; a name is given by --name\nhint: git hybrid add --name lib https://h/x --tag v1\n",
        ),
        (["add", "x", "https://h/y"], "a name is given by --name\nhint: git hybrid add --name x https://h/y\n"),
        (["add", "x", "https://me:key@h/y"], "a name is given by --name\nhint: git hybrid add -h\n"),
        (["add", "https://h/x", "https://h/y"], "'https://h/y': is one argument too many\nhint: git hybrid add -h\n"),
        (["add", "https://h/x", "a", "b"], "\nhint: git hybrid add -h\n"),
    ],
)
def test_wrong_usage_is_told_in_words(capsys, arguments, said):
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--bogus"], ["status", "--bogus"], ["add"], ["sync", "-j", "0"], ["sync", "-j", "x"], ["nothing"]]
)
def test_wrong_usage(capsys, arguments):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert "\nhint: git hybrid " in err


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("snyc", "sync"),
        ("stauts", "status"),
        ("ad", "add"),
        ("pim", "pin"),
        ("clone", "add"),
        ("remvoe", "remove"),
        ("revoke", "'override revoke'"),
        ("move", "help remove"),
        ("force", "pin --force"),
    ],
)
def test_an_unknown_command_gets_its_neighbour(capsys, typed, meant):
    assert main([typed]) == 2
    assert meant in capsys.readouterr().err


@pytest.mark.parametrize(("typed", "meant"), [("--init", ""), ("--ofline", "'--offline'?"), ("--pro", "'--progress'?")])
def test_an_unknown_option_gets_a_neighbour_that_is_near(capsys, typed, meant):
    assert main(["sync", typed]) == 2
    told = capsys.readouterr().err
    assert meant in told
    assert bool(meant) is ("Did you mean" in told)


def test_an_unknown_source_gets_its_neighbour(cli):
    done = cli("status", "tol")
    assert done.code == 2
    assert "did you mean tool?" in done.err
    told = cli("sync", "-g", "").err
    assert "no such group: ''\n" in told
    assert "hint: no source is in a group; how one gets into one: git hybrid " in told


@pytest.fixture
def broken(monkeypatch, tmp_path):
    """Two commands that are bugs, status (plain) and diff (click's); returns the folder in which traces land."""
    traces = tmp_path / "traces"
    traces.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(traces))

    def show_status(*arguments: object, **settings: object) -> int:
        raise RuntimeError(BUG)

    @click.command("diff", context_settings={"ignore_unknown_options": True})
    @click.argument("rest", nargs=-1)
    def command(rest: tuple[str, ...]) -> int:
        raise RuntimeError(BUG)

    monkeypatch.setattr("git_hybrid.cli.showing.show_status", show_status)
    monkeypatch.setattr("git_hybrid.cli.commands.status.show_status", show_status)
    monkeypatch.setattr("git_hybrid.cli.commands.diff.command", command)
    return traces


@pytest.mark.parametrize("name", ["status", "diff"])
def test_a_bug(broken, capsys, name):
    assert main([name]) == 70
    out, err = capsys.readouterr()
    (trace,) = broken.iterdir()
    assert "Traceback" in trace.read_text()
    assert "Traceback" not in err
    assert str(trace) in err
    assert BUG in err
    assert out == ""


@pytest.mark.parametrize("name", ["status", "diff"])
def test_a_trace_holds_no_secret_and_is_private(broken, name):
    assert main([name, "https://user:hunter2@example.org/x"]) == 70
    (trace,) = broken.iterdir()
    assert "hunter2" not in trace.read_text()
    assert trace.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["status", "diff"])
def test_json_of_a_bug(broken, capsys, name):
    assert main([name, "--json"]) == 70
    assert json.loads(capsys.readouterr().out)["exit_code"] == 70


@pytest.mark.parametrize("arguments", [["-h"], ["status"], ["status", "--json"], ["status", "-h"]])
def test_a_closed_pipe_is_quiet(files, arguments):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        argv = [str(executable()), "-C", str(files.root), *arguments]
        done = _started(argv, stdout=closed)
    assert done.err.count("rror") == done.err.count("Traceback") == 0
    assert done.code in (0, 141)


def test_the_other_executables_are_the_same_commands():
    for name in ("sync", "pin", "resume"):
        argv = [str(executable(f"git-hybrid-{name}")), "-h"]
        assert _started(argv, stdout=subprocess.PIPE).out.startswith(f"Usage: git hybrid {name}")
