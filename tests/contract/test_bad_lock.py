"""Whatever is wrong with state/sources.lock: exit 2, the place is named, nothing is written."""

from __future__ import annotations

import re

import pytest

from git_hybrid.store.lockfile import decode_lock
from support.samples import LOCK, OID, TREE, URL

SHOWN = "state/sources.lock"
REQUIRED = ("url", "ref", "commit", "tree", "reachable_from", "content_sha256", "commit_time", "first_seen")
REQUIRED += ("config_digest",)

FIELDS = (
    "url = 1",
    'url = ""',
    'url = "http://example.org/x"',
    'url = "https://user:pass@example.org/x"',
    "ref = 1",
    'ref = ""',
    'ref = "main"',
    'ref = "refs/pull/1/head"',
    'ref = "refs/heads/a..b"',
    'ref = "refs/heads/"',
    "commit = 1",
    'commit = ""',
    'commit = "abc"',
    f'commit = "{OID.upper()}"',
    f'commit = "{OID}00"',
    f'commit = " {OID}"',
    'commit = "refs/heads/main"',
    "tree = 1",
    f'tree = "{TREE[:-1]}"',
    'tag_object = ""',
    'tag_object = "v1"',
    'reachable_from = "HEAD"',
    'reachable_from = ""',
    'root_commits = "x"',
    'root_commits = [""]',
    "root_commits = [1]",
    f'root_commits = ["{OID}", "x"]',
    'content_sha256 = ""',
    'content_sha256 = "55"',
    f'content_sha256 = "{"A" * 64}"',
    "content_sha256 = 5",
    "commit_time = 1784199784",
    'commit_time = "yesterday"',
    'commit_time = "2026-07-16T11:03:04Z"',
    "commit_time = 2026-07-16T13:03:04+02:00",
    'first_seen = "2026-07-16T11:03:04Z"',
    "first_seen = 2026-07-16T13:03:04+02:00",
    "commit_time = 2026-07-16",
    "commit_time = 2026-07-16T11:03:04",
    "commit_time = 0001-01-01T00:00:00+01:00",
    "commit_time = 9999-12-31T23:59:59-01:00",
    "first_seen = 12:00:00",
    "first_seen = 2026-07-16T11:03:04",
    "first_seen = nan",
    'config_digest = ""',
    f'config_digest = "{"a" * 64}"',
    f'config_digest = "md5:{"a" * 64}"',
    "override = 1",
    'override = ""',
    "override = []",
    "unknown = 1",
    'comit = "x"',
)

FILES = (
    ("empty", b"", "lock_version"),
    ("no version", LOCK.replace("lock_version = 1\n", "").encode(), "lock_version"),
    ("schema_version", LOCK.replace("lock_version", "schema_version").encode(), "lock_version"),
    ("version text", LOCK.replace("lock_version = 1", 'lock_version = "1"').encode(), "lock_version"),
    ("version true", LOCK.replace("lock_version = 1", "lock_version = true").encode(), "lock_version"),
    ("version zero", LOCK.replace("lock_version = 1", "lock_version = 0").encode(), "lock_version"),
    ("unknown key", b"lock_version = 1\nunknown = 1\n", "unknown"),
    ("key twice", LOCK.replace("tree =", "ref =").encode(), "line 8"),
    ("table twice", (LOCK + "[source.tool]\n").encode(), "line 19"),
    ("source is text", b'lock_version = 1\nsource = "x"\n', "source"),
    ("source is list", b"lock_version = 1\n[[source]]\n", "source"),
    ("entry is text", b'lock_version = 1\n[source]\ntool = "x"\n', "source.tool"),
    ("bad name", LOCK.replace("source.tool", 'source."a/../b"').encode(), "source.a/../b"),
    ("nul", LOCK.encode() + b"# \0\n", "line 19"),
    ("utf-16", LOCK.encode("utf-16"), "line 1"),
    ("latin-1", LOCK.encode() + b"# \xe9\n", "line 19"),
    ("mark", b"\xef\xbb\xbf" + LOCK.encode(), "line 1"),
    ("brackets", b"lock_version = 1\na = " + b"[" * 100_000, "nested too deeply"),
    ("long number", b"lock_version = " + b"9" * 5_000, "file"),
    ("conflict", b"<<<<<<< HEAD\n" + LOCK.encode() + b"=======\n>>>>>>> other\n", "line 1"),
)


def _with(line: str) -> tuple[str, int]:
    """Return the valid lock with *line* in the place of the key that it sets, and the number of that line."""
    key = line.split(maxsplit=1)[0]
    whole = re.compile(rf"^{key} = (?:\[\n.*?\n\]|.*?)$", re.MULTILINE | re.DOTALL)
    text, count = whole.subn(lambda _: line, LOCK)
    text = text if count else text + line + "\n"
    return text, text[: text.index(line + "\n")].count("\n") + 1


def test_the_valid_lock_is_valid(files, cli):
    assert set(decode_lock(LOCK.encode()).pins) == {"tool"}
    assert cli("status").code == 0


@pytest.mark.parametrize("line", FIELDS)
def test_field(files, refused, line):
    text, number = _with(line)
    files.write(SHOWN, text)
    err = refused(file=SHOWN)
    assert f"line {number}: source.tool" in err
    assert line.split()[0] in err
    assert "pass@" not in err


@pytest.mark.parametrize("key", REQUIRED)
def test_required_field(files, refused, key):
    files.write(SHOWN, re.sub(rf"^{key} = .*\n", "", LOCK, flags=re.MULTILINE))
    err = refused(file=SHOWN)
    assert "line 4: source.tool" in err
    assert key in err


@pytest.mark.parametrize(("data", "place"), [case[1:] for case in FILES], ids=[case[0] for case in FILES])
@pytest.mark.parametrize("command", ["status", "sync"])
def test_file(files, refused, data, place, command):
    files.write(SHOWN, data)
    err = refused(command, file=SHOWN)
    assert place in err
    mends = (" checkout HEAD -- state/sources.lock", "/state/sources.lock, then: git hybrid -C ", " merge\n")
    assert any(mend in err for mend in mends)


@pytest.mark.parametrize("command", ["status", "sync", "pin", "resume", "outdated"])
def test_newer_version_is_refused_untouched(files, cli, command):
    files.write(SHOWN, LOCK.replace("lock_version = 1", "lock_version = 2\nshape = 'new'"))
    before = files.files()
    done = cli(command)
    assert done.code == 2
    assert f"{SHOWN} was written by a newer git hybrid" in done.err
    assert files.files() == before


def test_every_bad_entry_in_one_run(files, refused):
    body = LOCK.split("[source.tool]\n")[1]
    text = "lock_version = 1\n"
    text += "[source.a]\n" + body.replace(f'commit = "{OID}"', 'commit = "x"').replace('ref = "refs/', 'ref = "', 1)
    text += "[source.b]\n" + body.replace(URL, "http://x/y")
    text += "[source.c]\nunknown = 1\n"
    text += "[source.d]\n" + body
    files.write(SHOWN, text)
    err = refused(file=SHOWN)
    for place in ("source.a.commit", "source.a.ref", "source.b.url", "source.c"):
        assert f": {place}" in err
    assert "source.d" not in err
