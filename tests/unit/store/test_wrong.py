"""Everything that is wrong with a table of the manifest is told at once, each with its line."""

from __future__ import annotations

import pytest

from git_hybrid.core.errors import MOST_PROBLEMS, InvalidFile, Problem
from git_hybrid.store.manifest import decode_manifest
from git_hybrid.store.wire import DefaultsShape, SourceShape

SCHEMES = "only https://, ssh:// and file:/// URLs are allowed"
NO_NAME = "is no name of a source: it holds only letters, digits, '.', '_' and '-'"
WRONG = """\
schema_version = 1
[defaults]
jobs = "x"
histry = "full"
retry = { attempts = "a", inital = "1s" }
[policy]
hosts = 3
approvers = [3]
[source.a]
ur = "x"
tag = 3
groups = ["a", 2]
"""


def test_every_wrong_key_of_a_table_is_told():
    with pytest.raises(InvalidFile) as caught:
        decode_manifest(WRONG.encode())
    assert caught.value.problems == (
        Problem("line 3: defaults.jobs", "must be a whole number"),
        Problem("line 4: defaults.histry", "unknown key 'histry' (did you mean 'history'?)"),
        Problem("line 5: defaults.retry.attempts", "must be a whole number"),
        Problem("line 5: defaults.retry.inital", "unknown key 'inital' (did you mean 'initial'?)"),
        Problem("line 7: policy.hosts", "must be a list"),
        Problem("line 8: policy.approvers[0]", 'must be text or a table of keys and values: write "3"'),
        Problem("line 9: source.a", "is missing the key url"),
        Problem("line 10: source.a.ur", "unknown key 'ur' (did you mean 'url'?)"),
        Problem("line 11: source.a.tag", 'must be text: write "3"'),
        Problem("line 12: source.a.groups[1]", 'must be text: write "2"'),
    )


BOTH = """\
schema_version = 1
[defaults]
jobs = 0
stall = "x"
retry = { attempts = "a", initial = "9h", maximum = "x" }
[policy]
max_entries = 0
hosts = ["GitHub.com"]
[[scanner]]
name = "s"
command = 3
timeout = "0s"
[[scanner]]
name = "t"
preset = "x"
env = 1
[source.a]
url = "http://x/y"
branch = 3
[source.b]
url = "https://x/y"
branch = ".."
lfs = 1
"""


def test_a_wrong_key_hides_none_of_the_others():
    with pytest.raises(InvalidFile) as caught:
        decode_manifest(BOTH.encode())
    places = [problem.place.split(": ")[1] for problem in caught.value.problems]
    assert places == [
        *("defaults.jobs", "defaults.stall", "defaults.retry.attempts", "defaults.retry.maximum"),
        *("policy.max_entries", "policy.hosts", "scanner[0].command", "scanner[0].timeout"),
        *("scanner[1].preset", "scanner[1].env"),
        *("source.a.url", "source.a.branch", "source.b.branch", "source.b.lfs"),
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("source.a.version = 1.10", "must be text: write it in quotes"),
        ("source.a.tag = true", 'must be text: write "true"'),
        ("source.a.tag = 2026-01-02", 'must be text: write "2026-01-02"'),
        ("source.a.tag = []", "must be text, in quotes"),
        ('source.a.tag = ""', "must not be empty"),
        (f'source.a.tag = "{"x" * 5000}"', "must have at most 4,096 characters"),
        ('source.a.groups = "plugins"', 'must be a list: write ["plugins"]'),
        ('source.a.groups = "https://u:secret@h"', "must be a list"),
        ('source.a.submodules = "true"', "must be true or false, without quotes"),
        ('source.a.submodules = "True"', "must be true or false: write true, without quotes"),
        (
            'source.a.history = "shalow"',
            "must be one of full, shallow, treeless, and is 'shalow' (did you mean 'shallow'?)",
        ),
        ("source.a.lfs = 1", "must be one of pointer, fetch, and is '1'"),
        ('policy.scan_block_on = "critical"', "must be one of high, medium, low, none, and is 'critical'"),
        ('defaults.jobs = "8"', "must be a whole number, without quotes"),
        ("defaults.jobs = 8.5", "must be a whole number"),
        ("defaults.jobs = 0", "must be a whole number, 1 or more"),
        ("defaults.jobs = 257", "must be a whole number, 256 or less"),
        ('defaults.retry = "often"', "must be a table of keys and values"),
        ("policy.approvers = [{id = 'a', kee = 'b'}]", "unknown key 'kee' (did you mean 'key'?)"),
        ("scanner = [{name = 'a', command = []}]", "must not be empty"),
        (
            'source.a.url = "git@github.com:team/repo.git"',
            f"'git@github.com:team/repo.git': {SCHEMES}: write ssh://git@github.com/team/repo.git",
        ),
        (
            'source.a.url = "secret@github.com:team/repo.git"',
            f"'(hidden)': {SCHEMES}: user@host:path is written ssh://user@host/path",
        ),
        ("[source.a]\n[source.a]", "is not valid TOML: [source.a] stands there twice, first in line 2"),
        ('[source."a b"]\n[source."a b"]', 'is not valid TOML: [source."a b"] stands there twice, first in line 2'),
        ("[source.a]\n[source.a/b]", f"is not valid TOML: 'a/b' {NO_NAME}"),
        ("[source.a b]", f"is not valid TOML: 'a b' {NO_NAME}"),
        (
            "source.a = {url = 'https://h/a', revision = 1}",
            "unknown key 'revision': write tag, branch, version or commit",
        ),
        ("source.a = {url = 'https://h/a', depth = 1}", "unknown key 'depth': write history = \"shallow\""),
        (
            "source.a = {url = 'https://h/a', path = 1}",
            "unknown key 'path': its clone is sources/NAME, by the name of the table",
        ),
        ("defaults.path = 1", f"unknown key 'path': the keys are {', '.join(DefaultsShape.__struct_fields__)}"),
        ("source.a.tag = 'a'\nsource.a.tag = 'b'", "is not valid TOML: a key or table of this name is there already"),
        ("schema_version = [", "is not valid TOML: Invalid value"),
        ("policy.scan_max_age = 7", 'must be text with its unit, such as "30s" or "7d"'),
        ("source.a.lfs = true", "must be one of pointer, fetch, and is 'true'"),
        ("[source.jquery.js]\nurl = 'x'", 'a name with a dot stands in quotes: write [source."jquery.js"]'),
        ("[source.a.b.c]\nurl = 'x'", 'a name with a dot stands in quotes: write [source."a.b.c"]'),
        ("[source.a.b.c]\nx = 'x'", f"unknown key 'b': the keys are {', '.join(SourceShape.__struct_fields__)}"),
        ("[[source.x]]", "must be a table of keys and values: write its name in one pair of brackets, not in two"),
        ("x.url = https://u:secret@h/a", 'is not valid TOML: a text stands in quotes: write x.url = "…"'),
        ("source.a.submodules = True", "is not valid TOML: must be true or false, in small letters"),
        ("defaults.retry = {attempts = four}", "is not valid TOML: must be a whole number, in digits"),
        ('"\u00e9" = four', 'is not valid TOML: a text stands in quotes: write "\u00e9" = "…"'),
        ("x = \u201ca\u201d", 'is not valid TOML: the quotes are not those of TOML: write x = "…"'),
        ('x = "a\ny = "b"', "is not valid TOML: the quote at the end of the text is missing"),
    ],
)
def test_what_to_write_instead_is_told(line, told):
    with pytest.raises(InvalidFile) as caught:
        decode_manifest(f"schema_version = 1\n{line}\n".encode())
    assert caught.value.problems[0].reason == told


@pytest.mark.parametrize("header", ["[[sources]]", "[[defaults]]", "[[source.y]]"])
def test_the_line_of_a_list_of_tables_is_told(header):
    with pytest.raises(InvalidFile) as caught:
        decode_manifest(f"schema_version = 1\n[source.x]\nurl = 'https://h/x'\ntag = 'v1'\n{header}\na = 1\n".encode())
    assert {item.place.partition(":")[0] for item in caught.value.problems} == {"line 5"}


def test_a_version_that_stands_in_a_table_is_told_with_the_rest():
    with pytest.raises(InvalidFile) as caught:
        decode_manifest(b"[source.x]\nurl = 'https://h/x'\nschema_version = 1\n")
    assert caught.value.problems == (
        Problem("schema_version", "is missing: the file must say schema_version = 1, before its first table"),
        Problem("line 3: source.x.schema_version", "must stand before the first table"),
    )


def test_the_version_of_a_file_is_named():
    with pytest.raises(InvalidFile) as caught:
        decode_manifest(b'schema_version = "1"\n')
    assert caught.value.problems == (Problem("line 1: schema_version", "must be the number 1"),)


def test_a_table_of_nothing_but_wrong_keys_is_told_in_part():
    keys = "".join(f"key-{number} = 1\n" for number in range(1000))
    with pytest.raises(InvalidFile) as caught:
        decode_manifest(f"schema_version = 1\n[policy]\n{keys}".encode())
    assert len(caught.value.problems) == MOST_PROBLEMS + 1


KEYS = """\
schema_version = 1
[policy]
approvers = [
    "ada",
    "bea",
    { id = "cid", key = "ssh-ed25519 AAAA" },
    { id = "dora", key = "ssh-ed25519 BBBB" },
    { id = "eve", key = "ssh-ed25519 AAAA= of cid" },
]
"""


def test_a_key_is_of_one_approver():
    with pytest.raises(InvalidFile) as caught:
        decode_manifest(KEYS.encode())
    (problem,) = caught.value.problems
    assert problem.reason == "is the key of 'cid' too, so that one signature would count as two"
    assert problem.place.endswith("policy.approvers[4].key")
    assert decode_manifest(KEYS.replace("AAAA=", "CCCC").encode()).policy.approvers


@pytest.mark.parametrize("retry", ['maximum = "500ms"', 'initial = "31s"', 'initial = "2s", maximum = "2s"'])
def test_one_delay_alone_is_not_held_against_the_default_of_the_other(retry):
    manifest = decode_manifest(f"schema_version = 1\n[defaults]\nretry = {{ {retry} }}\n".encode())
    assert manifest.defaults.retry.attempts == 5


def test_sources_in_a_list_beside_tables_are_told_how_they_are_written():
    with pytest.raises(InvalidFile) as caught:
        decode_manifest(b'schema_version = 1\n[source.a]\nurl = "file:///x"\n[[source]]\nurl = "file:///y"\n')
    (problem,) = caught.value.problems
    assert problem.reason == "is not valid TOML: a source is a table of its own: write [source.NAME]"
    assert caught.value.mend == ""
