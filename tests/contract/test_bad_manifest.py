"""Whatever is wrong with sources.toml: exit 2, the place is named, nothing is written."""

from __future__ import annotations

import time

import pytest

from support.bad_manifests import BAD_URLS, DEFAULTS, FILES, NAMES, POLICY, SCANNER, SOURCE
from support.samples import MANIFEST, URL


@pytest.mark.parametrize("line", DEFAULTS)
def test_defaults(files, refused, line):
    files.write("sources.toml", f"{MANIFEST}\n[defaults]\n{line}\n")
    err = refused(file="sources.toml")
    assert "line 8: defaults" in err
    assert line.split()[0] in err


@pytest.mark.parametrize("line", POLICY)
def test_policy(files, refused, line):
    files.write("sources.toml", f"{MANIFEST}\n[policy]\n{line}\n")
    err = refused(file="sources.toml")
    assert "line 8: policy" in err
    assert line.split()[0] in err
    assert "hidden" not in err


def test_a_pattern_that_is_refused_is_shown(files, refused):
    files.write("sources.toml", f"{MANIFEST}\n[policy]\nrequest_pattern = '(?=x)'\n")
    assert "policy.request_pattern: '(?=x)': not an expression" in refused(file="sources.toml")


def test_a_key_with_a_line_break_makes_up_no_line(files, refused):
    files.write("sources.toml", 'schema_version = 1\n"x\\nline 7: source.a.url: is missing" = 1\n')
    assert "line 2: x\\x0aline 7: source.a.url: is missing: unknown table" in refused(file="sources.toml")


def test_a_ref_is_shown_unless_it_may_be_a_url_with_a_secret(files, refused):
    refs = 'branch = "a@{b"\n[source."c@d"]\nurl = "https://h/x"\ntag = "https://u:secret@h/x^"\n'
    files.write("sources.toml", f'schema_version = 1\n[source.tool]\nurl = "{URL}"\n{refs}')
    err = refused(file="sources.toml")
    assert "source.tool.branch: 'a@{b': is not a valid" in err
    assert "source.c@d: 'c@d': must start" in err
    assert "source.c@d.tag: '(hidden)'" in err


@pytest.mark.parametrize("line", SOURCE)
def test_source(files, refused, line):
    key = line.split()[0]
    url = "" if key == "url" else f'url = "{URL}"\n'
    ref = "" if key in ("tag", "branch", "version", "commit") else 'branch = "main"\n'
    files.write("sources.toml", f"schema_version = 1\n[source.tool]\n{line}\n{url}{ref}")
    err = refused(file="sources.toml")
    assert "line 3: source.tool" in err
    assert key in err


@pytest.mark.parametrize("url", BAD_URLS)
def test_url(files, refused, url):
    files.write("sources.toml", f'schema_version = 1\n[source.tool]\nurl = "{url}"\nbranch = "main"\n')
    err = refused(file="sources.toml")
    assert "line 3: source.tool.url" in err
    assert ":pass" not in err


@pytest.mark.parametrize("name", NAMES)
def test_name(files, refused, name):
    files.write("sources.toml", f'schema_version = 1\n[source."{name}"]\nurl = "{URL}"\nbranch = "main"\n')
    assert "line 2: source." in refused(file="sources.toml")


@pytest.mark.parametrize("name", ["a b", "a" * 101, "a]", "a#b", "c.git", "a=b"])
@pytest.mark.parametrize("quote", ['"', "'"])
def test_the_line_of_a_name_that_has_to_be_quoted(files, refused, name, quote):
    entry = f'url = "{URL}"\nbranch = "main"\n'
    header = f"[ source . {quote}{name}{quote} ]\n"
    text = f"{MANIFEST}[source.other] # ]\n{entry}{header}bogus = 1\n{entry}"
    line = text.partition(header)[0].count("\n") + 1
    files.write("sources.toml", text)
    err = refused(file="sources.toml")
    assert f"cause: line {line}: source.{name[:79]}" in err
    assert f"cause: line {line + 1}: source.{name[:79]}" in err


def test_names_that_are_shown_alike_have_no_line(files, refused):
    entry = f'url = "{URL}"\nbranch = "main"\n'
    names = ("a" * 101, "a" * 102)
    files.write("sources.toml", MANIFEST + "".join(f"[source.{name}]\n{entry}" for name in names))
    err = refused(file="sources.toml")
    assert err.count("cause: source.aaa") == len(names)


@pytest.mark.parametrize(("key", "table"), SCANNER)
def test_scanner(files, refused, key, table):
    files.write("sources.toml", f"{MANIFEST}\n[[scanner]]\n{table}\n")
    assert "scanner[0]" in refused(file="sources.toml"), key


def test_an_unknown_preset_is_told_its_nearest_and_the_line(files, refused):
    files.write("sources.toml", f"{MANIFEST}\n[[scanner]]\nname = 'a'\npreset = 'zizmur'\n")
    err = refused(file="sources.toml")
    assert "line 9: scanner[0].preset" in err
    assert "did you mean 'zizmor'?" in err
    files.write("sources.toml", f"{MANIFEST}\n[[scanner]]\nname = 'a'\npreset = 'nothing-like-it'\n")
    assert "betterleaks" in refused(file="sources.toml")


def test_two_scanners_of_one_name(files, refused):
    table = "[[scanner]]\nname = '{}'\npreset = 'zizmor'\n"
    files.write("sources.toml", f"{MANIFEST}\n{table.format('a')}{table.format('A')}")
    assert "is taken by another scanner" in refused(file="sources.toml")


@pytest.mark.parametrize(("data", "place"), [case[1:] for case in FILES], ids=[case[0] for case in FILES])
def test_file(files, refused, data, place):
    files.write("sources.toml", data)
    assert place in refused(file="sources.toml")


@pytest.mark.parametrize("command", ["sync", "pin", "resume", "reset tool", "diff", "outdated", "remove tool"])
def test_every_command_refuses(files, refused, command):
    files.write("sources.toml", "schema_version = 1\n[source.tool]\n")
    assert "line 2: source.tool" in refused(*command.split(), file="sources.toml")


def test_two_kinds_of_ref(files, refused):
    for pair in ("tag branch", "branch version", "version commit", "tag commit"):
        values = {"tag": "v1", "branch": "main", "version": ">=1", "commit": "0" * 40}
        lines = "\n".join(f'{key} = "{values[key]}"' for key in pair.split())
        files.write("sources.toml", f'schema_version = 1\n[source.tool]\nurl = "{URL}"\n{lines}\n')
        err = refused(file="sources.toml")
        assert "line 2: source.tool" in err
        assert "exactly one of" in err


def test_names_that_differ_in_case(files, refused):
    entry = f'url = "{URL}"\nbranch = "main"\n'
    files.write("sources.toml", f"schema_version = 1\n[source.Tool]\n{entry}[source.tool]\n{entry}")
    err = refused(file="sources.toml")
    assert "only in case" in err
    assert "line 5: source.tool" in err


def test_every_bad_entry_in_one_run(files, refused):
    text = (
        'schema_version = 1\nunknown = 1\n[defaults]\njobs = 0\n[policy]\nmax_bytes = 0\n[[scanner]]\nname = "a"\n'
        f'[source.a]\nurl = "http://x/y"\nbranch = "main"\n[source.b]\nurl = "{URL}"\n'
        f'[source."c.git"]\nurl = "{URL}"\ntag = "v1"\n[source.d]\nurl = "{URL}"\ntag = "v1"\nbranch = "m"\n'
        f'[source.e]\nurl = "bad"\ntag = "a b"\n'
    )
    files.write("sources.toml", text)
    err = refused(file="sources.toml")
    for place in ("unknown", "defaults.jobs", "policy.max_bytes", "scanner[0]"):
        assert f": {place}" in err
    for place in ("source.a.url", "source.b", "source.c.git", "source.d", "source.e.url", "source.e.tag"):
        assert f": {place}" in err
    assert err.count("cause:") >= 10


PEOPLE = "".join(f"'{number}@a.b', " for number in range(3000))
SOURCES = "".join(f'[source.x{number}]\nurl = "http:///a"\nbrunch = "m"\n' for number in range(3000))


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "entries", [f"approvers = [{PEOPLE}]\n{SOURCES}", "".join(f"key{number} = 1\n" for number in range(300))]
)
def test_of_many_bad_entries_no_more_are_told_than_anybody_reads(files, refused, entries):
    files.write("sources.toml", f"schema_version = 1\n[policy]\n{entries}")
    err = refused(file="sources.toml")
    assert "more than 100 entries are invalid" in err
    assert (err.count("cause:"), err.count("cause: … and more")) == (101, 1)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("\nschema_version = 0\n", "line 2: schema_version"),
        ("schema_version = 1\na.b.c = 1\n", "line 2: a"),
    ],
)
def test_the_line_is_told(files, refused, text, place):
    files.write("sources.toml", text)
    assert f"cause: {place}: " in refused(file="sources.toml")


def test_newer_version_is_refused_untouched(files, cli):
    files.write("sources.toml", "schema_version = 2\nsomething_new = 1\n")
    before = files.files()
    for command in ("status", "sync", "pin"):
        done = cli(command)
        assert done.code == 2
        assert "sources.toml was written by a newer git hybrid" in done.err
        assert files.files() == before


def test_a_mistyped_key_gets_its_neighbour(files, refused):
    files.write("sources.toml", MANIFEST.replace("branch", "brnch"))
    assert "did you mean 'branch'?" in refused(file="sources.toml")


def test_no_secret_of_a_bad_url_is_shown(files, refused):
    files.write("sources.toml", MANIFEST.replace("https://", "https://user:hunter2@"))
    assert "hunter2" not in refused(file="sources.toml")


def test_only_a_newline_ends_a_line(files, refused):
    files.write("sources.toml", "# a\u2028b\u0085c\nschema_version = 1\n[source.tool]\n")
    assert "line 3: source.tool" in refused(file="sources.toml")


def test_a_huge_file_is_refused(files, refused):
    files.write("sources.toml", MANIFEST.encode() + b"#" * (64 * 2**20))
    assert "MiB" in refused(file="sources.toml")


def test_a_huge_name_makes_no_huge_message(files, refused):
    name = "a" * 1_000_000
    files.write("sources.toml", f'schema_version = 1\n[source.{name}]\nurl = "{URL}"\nbranch = "main"\n')
    assert len(refused(file="sources.toml")) < 10_000


@pytest.mark.timeout(20)
def test_long_lines_cost_no_time(files, refused):
    spaces = " " * 2_000
    files.write("sources.toml", f"schema_version = 1\n[source.tool]\nurl = '''\n[{spaces}\n'''\n")
    start = time.monotonic()
    refused(file="sources.toml")
    assert time.monotonic() - start < 2


def test_line_ends_of_windows_are_fine(files, cli):
    files.write("sources.toml", MANIFEST.replace("\n", "\r\n"))
    assert cli("status").code == 0


def test_what_is_not_a_file_is_refused(files, cli):
    (files.root / "state/sources.json").unlink()
    (files.root / "state/sources.json").mkdir()
    done = cli("status")
    assert done.code == 2
    assert "not a regular file" in done.err
