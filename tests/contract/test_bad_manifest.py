"""Whatever is wrong with sources.toml: exit 2, the place is named, nothing is written."""

from __future__ import annotations

import time

import pytest

from support.samples import MANIFEST, URL

BAD_URLS = (
    "http://example.org/x",
    "git://example.org/x",
    "HTTPS://example.org/x",
    "ext::sh -c id",
    "-oProxyCommand=id",
    "git@example.org:x",
    "https://example.org",
    "https:///x",
    "https://user@example.org/x",
    "https://user:pass@example.org/x",
    "ssh://git:pass@example.org/x",
    "ssh://-oProxyCommand=id/x",
    "ssh://-x@example.org/y",
    "https://example.org/a/../b",
    "https://example.org/a/%2e%2e/b",
    "https://example.org/a%2fb",
    "https://example.org/a%00b",
    "https://example.org/a?token=x",
    "https://example.org/a#b",
    "https://example.org/a b",
    "https://example.org/$HOME",
    "https://example.org\\\\@evil.org/a",
    "https://example.org/a\\nb",
    "https://example.org/\\u202eb",
    "https://exämple.org/a",
    "https://example.org:0/a",
    "https://example.org:99999/a",
    "file://host/a",
    "file:relative",
    "/absolute/path",
    "https://example.org/" + "a" * 5000,
)

DEFAULTS = (
    'jobs = "8"',
    "jobs = 0",
    "jobs = 257",
    "jobs = 8.0",
    "jobs = true",
    "jobs = 99999999999999999999999999",
    'history = "deep"',
    'history = ""',
    "history = 1",
    'retry = "often"',
    "retry = { attempts = 0 }",
    "retry = { attempts = 101 }",
    'retry = { initial = "" }',
    'retry = { initial = "1" }',
    'retry = { maximum = "1 s" }',
    "retry = { maximum = 30 }",
    "retry = { unknown = 1 }",
    "stall = 30",
    'stall = ""',
    'stall = "-1s"',
    'deadline = "0.5h"',
    'deadline = "999999999w"',
    "unknown = 1",
)

POLICY = (
    'hosts = "github.com"',
    "hosts = [1]",
    'hosts = [""]',
    'hosts = ["https://github.com"]',
    'hosts = ["GitHub.com"]',
    'hosts = ["github.com:443"]',
    'scan_max_age = "7 d"',
    "override_max_age = 30",
    'mirror_max_staleness = ""',
    'min_release_age = "1y"',
    "override_min_approvers = 0",
    'override_min_approvers = "1"',
    "override_min_approvers = true",
    "request_pattern = 1",
    'request_pattern = "("',
    'scan_block_on = "critical"',
    "max_entries = 0",
    "max_entries = 1.5",
    "max_bytes = -1",
    'max_bytes = "1GiB"',
    "min_realease_age = 1",
)

SOURCE = (
    "url = 1",
    'url = ""',
    "tag = 1",
    'tag = ""',
    'tag = "-x"',
    'tag = "a..b"',
    'branch = "a b"',
    'branch = "x.lock"',
    'branch = "@"',
    'version = "latest"',
    'version = ""',
    'commit = "abc"',
    'commit = "0123456789ABCDEF0123456789ABCDEF01234567"',
    'groups = "plugins"',
    "groups = [1]",
    'groups = [""]',
    'groups = ["a b"]',
    'history = "deep"',
    'submodules = "no"',
    "submodules = 1",
    'lfs = "smudge"',
    "unknown = 1",
    'taag = "v1"',
)

SCANNER = (
    ("name = 1", "name = 1\npreset = 'x'"),
    ('name = ""', "name = ''\npreset = 'x'"),
    ("name", "preset = 'x'"),
    ("neither", "name = 'a'"),
    ("both", "name = 'a'\npreset = 'x'\ncommand = ['y']"),
    ("command", "name = 'a'\ncommand = 'y'"),
    ("command", "name = 'a'\ncommand = []"),
    ("command", "name = 'a'\ncommand = [1]"),
    ("ok_codes", "name = 'a'\npreset = 'x'\nok_codes = '0'"),
    ("finding_codes", "name = 'a'\npreset = 'x'\nfinding_codes = ['1']"),
    ("timeout", "name = 'a'\npreset = 'x'\ntimeout = '10'"),
    ("env", "name = 'a'\npreset = 'x'\nenv = 'HOME'"),
    ("unknown", "name = 'a'\npreset = 'x'\nunknown = 1"),
)

NAMES = ("a b", ".a", "-a", "_a", "a..b", "a.git", "a.GIT", "a.lock", "a.", "con", "NUL.txt", "com1", "a" * 101)
NAMES += ("ä", "a/b", "", "a\\\\b", "a\\nb", "\\u202ea")

FILES = (
    ("empty", b"", "schema_version"),
    ("blank", b"\n \n", "schema_version"),
    ("no version", b"[source]\n", "schema_version"),
    ("version text", b'schema_version = "1"\n', "schema_version"),
    ("version true", b"schema_version = true\n", "schema_version"),
    ("version float", b"schema_version = 1.0\n", "schema_version"),
    ("version zero", b"schema_version = 0\n", "schema_version"),
    ("version negative", b"schema_version = -1\n", "schema_version"),
    ("version nan", b"schema_version = nan\n", "schema_version"),
    ("key twice", b"schema_version = 1\nschema_version = 1\n", "line 2"),
    ("table twice", (MANIFEST + '[source.tool]\nurl = "x"\n').encode(), "line 6"),
    ("unclosed", b"schema_version = 1\n[source", "end of document"),
    ("unclosed text", b'schema_version = 1\na = "', "end of document"),
    ("no value", b"schema_version = 1\na =\n", "line 2"),
    ("nul", b"schema_version = 1\n# \0\n", "line 2"),
    ("bare cr", b"schema_version = 1\rjobs = 1\n", "line 1"),
    ("utf-16", MANIFEST.encode("utf-16"), "line 1"),
    ("utf-16 without mark", MANIFEST.encode("utf-16-le"), "line 1"),
    ("latin-1", b"schema_version = 1\n# caf\xe9\n", "line 2"),
    ("mark", b"\xef\xbb\xbf" + MANIFEST.encode(), "line 1"),
    ("surrogate", b'schema_version = 1\na = "\\ud800"\n', "line 2"),
    ("surrogate bytes", b"schema_version = 1\n# \xed\xa0\x80\n", "line 2"),
    ("brackets", b"schema_version = 1\na = " + b"[" * 100_000, "nested too deeply"),
    ("braces", b"schema_version = 1\na = " + b"{a=" * 100_000, "nested too deeply"),
    ("long number", b"schema_version = 1\na = " + b"9" * 100_000, "file"),
    ("long version", b"schema_version = " + b"9" * 5_000, "file"),
    ("unknown table", MANIFEST.encode() + b"[polcy]\n", "line 6: polcy"),
    ("source is text", b'schema_version = 1\nsource = "x"\n', "line 2: source"),
    ("source is list", b"schema_version = 1\n[[source]]\n", "source"),
    ("entry is text", b'schema_version = 1\n[source]\ntool = "x"\n', "line 3: source.tool"),
    ("entry is nested", b'schema_version = 1\n[source.a.b]\nurl = "x"\n', "source.a"),
    ("defaults is text", b'schema_version = 1\ndefaults = "x"\n', "line 2: defaults"),
    ("policy is list", b"schema_version = 1\npolicy = []\n", "line 2: policy"),
    ("scanner is table", b"schema_version = 1\n[scanner]\n", "scanner"),
    ("scanner is text", b"schema_version = 1\nscanner = ['x']\n", "scanner"),
    ("entry empty", b"schema_version = 1\n[source.a]\n", "line 2: source.a"),
)


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
    assert "pass" not in err


@pytest.mark.parametrize("name", NAMES)
def test_name(files, refused, name):
    files.write("sources.toml", f'schema_version = 1\n[source."{name}"]\nurl = "{URL}"\nbranch = "main"\n')
    assert "source." in refused(file="sources.toml")


@pytest.mark.parametrize(("key", "table"), SCANNER)
def test_scanner(files, refused, key, table):
    files.write("sources.toml", f"{MANIFEST}\n[[scanner]]\n{table}\n")
    assert "scanner[0]" in refused(file="sources.toml"), key


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
