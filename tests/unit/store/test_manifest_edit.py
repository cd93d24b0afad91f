"""The manifest is edited in every form in which TOML lets people write it."""

from __future__ import annotations

import pytest
from tomlkit.exceptions import TOMLKitError

from git_hybrid.core.errors import InvalidFile
from git_hybrid.core.ids import parse_oid
from git_hybrid.core.manifest import Branch, Commit, Tag, Version
from git_hybrid.core.value import replace
from git_hybrid.store.manifest import decode_manifest
from git_hybrid.store.manifest_edit import add_sources, follow_instead, remove_sources
from support.samples import MANIFEST, source

_SCANNER = "[[scanner]]\nname = 's'\npreset = 'zizmor'\n"
_C, _D = 'url = "https://example.org/c"', 'url = "https://example.org/d"'
FORMS = {
    "inline": f'source = {{ c = {{ {_C}, tag = "v1" }} }} # all\n[policy]\nscan_max_age = "7d"\n',
    "empty": "source = {}\n",
    "values": f'source.c = {{ {_C}, tag = "v1" }} # c\nsource.d = {{ {_D}, tag = "v1" }} # d\n',
    "one value": f'source.c = {{ {_C}, tag = "v1" }} # c\n[policy]\n',
    "dotted": f'source.c.{_C} # c\nsource.c.tag = "v1" # c1\nsource.d.{_D}\nsource.d.tag = "v1"\n[defaults]\njobs = 2\n',
    "within": f'[source]\nc = {{ {_C}, tag = "v1" }}\nd.{_D}\nd.tag = "v1"\n[policy]\n',
    "tables apart": f'[source.c]\n{_C}\ntag = "v1"\n[policy]\n[source.d]\n{_D}\ntag = "v1"\n[defaults]\njobs = 2\n',
    "quoted": '["source"."c"]\n"url" = "https://example.org/c"\n\'tag\' = "v1"',
    "defaults": f'defaults = {{ history = "shallow" }}\nsource = {{ c = {{ {_C}, tag = "v1" }} }}\n',
    "more keys": f'source = {{ c = {{ {_C}, tag = "v1", groups = ["g"], lfs = "fetch" }} }}\n',
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_manifest_is_edited_in_every_form_that_toml_has(form, end):
    text = f"# top{end}schema_version = 1{end}" + FORMS[form].replace("\n", end)
    before = decode_manifest(text.encode())
    new = [source("new"), source("a.b")]
    grown = add_sources(text, new)
    assert decode_manifest(grown.encode()) == replace(
        before, sources={**before.sources, **{item.name: item for item in new}}
    )
    assert grown.count("\n") == grown.count(end)
    assert [line for line in text.splitlines() if "#" in line and "source = {" not in line] == [
        line for line in grown.splitlines() if "#" in line and "source = {" not in line
    ]
    smaller = remove_sources(grown, [item.name for item in new])
    assert decode_manifest(smaller.encode()) == before
    gone = remove_sources(grown, list(before.sources))
    assert set(decode_manifest(gone.encode()).sources) == {"new", "a.b"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("track", [Tag("v2"), Branch('odd"name'), Version(">=1,<2"), Commit(parse_oid("1" * 40))])
def test_an_entry_follows_another_ref_in_every_form_that_toml_has(form, end, track):
    text = f"# top{end}schema_version = 1{end}" + FORMS[form].replace("\n", end)
    before = decode_manifest(text.encode())
    for name, old in before.sources.items():
        made = follow_instead(text, old, track) or ""
        changed = {**before.sources, name: replace(old, track=track)}
        assert decode_manifest(made.encode()) == replace(before, sources=changed)
        assert made.count("\n") == made.count(end)
        assert made.count("#") == text.count("#")


@pytest.mark.parametrize(
    ("written", "track", "then"),
    [
        ('tag = "v1"', Tag("v2"), 'tag = "v2"'),
        ("  tag='v1'   # as reviewed", Tag("v2"), '  tag="v2"   # as reviewed'),
        ('"tag" = "v1"', Branch("main"), 'branch = "main"'),
        ('tag = """v1"""', Version(">=2"), 'version = ">=2"'),
    ],
)
def test_the_line_of_what_is_followed_is_written_anew_where_it_stands(written, track, then):
    url = 'url = "https://example.org/b"\n'
    text = TABLES.replace(f'{url}tag = "v1"', f"{written}\n{url}")
    old = decode_manifest(text.encode()).sources[source("b").name]
    assert follow_instead(text, old, track) == text.replace(f"{written}\n{url}", f"{then}\n{url}")
    # A table at the end, without the end of its last line.
    last = text[: text.index("\n\n  # c is")]
    assert follow_instead(last, old, track) == last.replace(f"{written}\n{url[:-1]}", f"{then}\n{url[:-1]}")


def test_an_entry_that_was_edited_meanwhile_is_not_overwritten():
    old = decode_manifest(MANIFEST.encode()).sources[source("tool").name]
    assert follow_instead(MANIFEST, old, Tag("v2"))
    for other in (replace(old, track=Tag("v9")), replace(old, groups=("g",)), source("gone")):
        assert follow_instead(MANIFEST, other, Tag("v2")) is None


def test_what_cannot_be_edited_is_told_with_what_is_to_be_written(monkeypatch):
    def refuse(_text):
        raise TOMLKitError

    monkeypatch.setattr("tomlkit.parse", refuse)
    text = "schema_version = 1\nsource = {}\n"
    with pytest.raises(InvalidFile) as caught:
        add_sources(text, [source("new"), source("u.p")])
    lines = [problem.reason.partition("add to it: ")[2] for problem in caught.value.problems]
    made = "".join(f"source.{line}\n" for line in lines)
    assert decode_manifest(f"schema_version = 1\n{made}".encode()).sources == {
        "new": source("new"),
        "u.p": source("u.p"),
    }
    with pytest.raises(InvalidFile, match="take tool out of it"):
        remove_sources(MANIFEST, [source("tool").name])
    with pytest.raises(InvalidFile, match='write tag = "v2" for branch of tool'):
        follow_instead(MANIFEST, decode_manifest(MANIFEST.encode()).sources[source("tool").name], Tag("v2"))


TABLES = """\
schema_version = 1

# a is Ada's
[source.a]
url = "https://example.org/a"
tag = "v1"
# not beyond v1

# The team of Eve.

# b is
# Bea's
[source.b]
# pinned by hand
url = "https://example.org/b"
tag = "v1"

  # c is Cem's
[ "source" . c ] # as well
url = "https://example.org/c"
groups = [
    "x", # why
]
tag = "v1"
# Rules.
[policy]
scan_max_age = "3d"

# d is Dan's
[source.d]
url = "https://example.org/d"
tag = "v1"
# only here

# The end.
"""
TAKEN = {
    "a": TABLES[TABLES.index("# a is") : TABLES.index("# The team")],
    "b": TABLES[TABLES.index("# b is") : TABLES.index("  # c is")],
    "c": TABLES[TABLES.index("  # c is") : TABLES.index("# Rules")],
    "d": TABLES[TABLES.index("# d is") : TABLES.index("# The end")],
}


@pytest.mark.parametrize("name", TAKEN)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_goes_with_its_own_comments_and_with_no_other(name, end):
    gone = remove_sources(TABLES.replace("\n", end), [source(name).name])
    assert gone == TABLES.replace(TAKEN[name], "").replace("\n", end)


def test_a_comment_directly_above_the_table_that_follows_stays():
    close = TABLES.replace("\n\n", "\n")
    gone = remove_sources(close, [source("c").name])
    assert gone == close.replace(TAKEN["c"].replace("\n\n", "\n"), "")
    assert remove_sources(close, [source("d").name]).endswith('scan_max_age = "3d"\n')


def test_a_table_is_found_beside_one_that_is_written_otherwise_and_one_that_only_looks_like_it():
    text = TABLES.replace("[policy]", f"[source]\ne = {{ {_C}, tag = 'v1' }} # e\n[policy]")
    kept = remove_sources(text, [source("a").name, source("e").name])
    assert "\n\n# The team of Eve.\n\n# b is" in kept
    policy = "[policy]\nrequest_pattern = '''\n[source.a]\n'''\n"
    text = TABLES.replace('[policy]\nscan_max_age = "3d"\n', "").replace("# a is", f"{policy}\n# a is")
    for end in ("\n", "\r\n"):
        kept = remove_sources(text.replace("\n", end), [source("a").name])
        assert kept == text.replace(TAKEN["a"], "").replace("\n", end)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (TABLES[: TABLES.index("\n# The end.")], "\n# The end.\n"),
        (TABLES[: TABLES.index("\n# The end.")].replace("# Rules.", f"{_SCANNER}# Rules."), ""),
        (f'schema_version = 1\n[source.c]\n{_C}\ntag = "v1"\n', "\n# Rules.\n[policy]\nscan_max_age = '3d'\n"),
        (f'schema_version = 1\n[source.c]\n{_C}\ntag = "v1" # last\n', "[defaults]\njobs = 2\n"),
        ("schema_version = 1\n[policy]\nrequest_pattern = '''\n[source.a]\n'''\n", ""),
    ],
)
def test_a_table_is_put_behind_the_last_one_and_nothing_else_is_touched(before, after, end):
    new = '\n[source.new]\nurl = "https://example.org/d"\ntag = "v1"\n'
    gap = "" if after.startswith("\n") or not after else "\n"
    added = decode_manifest(f"schema_version = 1\n{new}".encode()).sources["new"]
    text = (before + after).replace("\n", end)
    grown = add_sources(text, [added])
    assert grown == (before + new + gap + after).replace("\n", end)
    assert remove_sources(grown, [added.name]) == (before + gap + after).replace("\n", end)
