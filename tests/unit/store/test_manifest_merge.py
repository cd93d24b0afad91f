"""Two versions of the manifest are put together key by key, and what takes a person is told in words."""

from __future__ import annotations

import pytest

from git_hybrid.core.files import MANIFEST
from git_hybrid.core.stages import BASE, OURS, THEIRS
from git_hybrid.core.stages import LEFT as JOINED
from git_hybrid.store.layout import Layout
from git_hybrid.store.manifest import decode_manifest
from git_hybrid.store.manifest_merge import merge_manifest
from git_hybrid.store.merging import merge_files, unreadable

TEXT = """\
schema_version = 1

[defaults]
jobs = 4 # of the small machine

[policy]
hosts = ["example.org"]
scan_max_age = "7d"

# c is Cem's
[source.c]
url = "https://example.org/c"
branch = "main"

# d is Dan's
[source.d]
url = "https://example.org/d"
tag = "v1" # not beyond
"""
C, D = '"https://example.org/c"', '"https://example.org/d"'
E = '\n[source.e]\nurl = "https://example.org/e"\nbranch = "main"\n'
Edit = tuple[str, str]


def put(text: str, *edits: Edit) -> str:
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def merged(ours: str, theirs: str, base: str = TEXT):
    texts = {BASE: base, OURS: ours, THEIRS: theirs}
    return merge_manifest({stage: text.encode() for stage, text in texts.items()})


TAKEN = {
    "keys of one source": [
        (C, f'{C}\ngroups = ["x"]'),
        ('branch = "main"', 'branch = "next"'),
    ],
    "keys of the policy": [('scan_max_age = "7d"', 'scan_max_age = "3d"'), ('["example.org"]', '["example.org", "a"]')],
    "policy and defaults": [('scan_max_age = "7d"\n', ""), ("jobs = 4", "jobs = 2")],
    "a key is taken out": [('"7d"', '"7d"\nmax_entries = 9'), ('hosts = ["example.org"]\n', "")],
    "another kind of track": [('branch = "main"', 'commit = "' + "a" * 40 + '"'), (C, f"{C}\nsubmodules = true")],
    "a table in a table": [
        ("jobs = 4", "retry = { attempts = 2 }\njobs = 4"),
        ('"7d"', '"7d"\nmin_release_age = "1d"'),
    ],
    "both alike": [('scan_max_age = "7d"', 'scan_max_age = "3d"')] * 2,
}


@pytest.mark.parametrize("case", TAKEN)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_both_changed_in_different_keys_is_taken_from_both(case, end):
    ours, theirs = (tuple(part.replace("\n", end) for part in edit) for edit in TAKEN[case])
    base = TEXT.replace("\n", end)
    both = base
    for edit in {ours, theirs}:
        both = put(both, edit)
    for pair in ((ours, theirs), (theirs, ours)):
        found = merged(*(put(base, edit) for edit in pair), base)
        assert found.why == ()
        assert decode_manifest(found.text.encode()) == decode_manifest(both.encode())
        assert found.text.count("\n") == found.text.count(end)
        for comment in ("# of the small machine", "# c is Cem's", "# d is Dan's", "# not beyond"):
            assert comment in found.text


def test_a_new_table_and_one_that_is_taken_out_go_with_their_comments():
    theirs = put(TEXT, (TEXT[TEXT.index("\n# d is") :], '\n[[scanner]]\nname = "bandit"\npreset = "bandit"\n'))
    ours = put(TEXT, ("[policy]", "# ask Eve\n[policy]"), ("[defaults]\njobs = 4 # of the small machine\n", "")) + E
    found = merged(ours, theirs)
    assert found.why == ()
    assert "Dan's" not in found.text
    assert "# ask Eve\n[policy]" in found.text
    manifest = decode_manifest(found.text.encode())
    assert [*manifest.sources] == ["c", "e"]
    assert [scanner.name for scanner in manifest.scanners] == ["bandit"]
    back = merged(theirs, ours)
    assert decode_manifest(back.text.encode()) == manifest
    gone = put(TEXT, (TEXT[TEXT.index("[defaults]") : TEXT.index("# c is")], ""))
    ages = merged(gone, put(TEXT, ('"7d"', '"7d"\nmax_entries = 9')))
    assert ages.text == gone + "\n[policy]\nmax_entries = 9\n"


LEFT = {
    "policy": (('"7d"', '"3d"'), ('"7d"', '"5d"'), '[policy] scan_max_age: ours "3d", theirs "5d"'),
    "taken out": (
        ('scan_max_age = "7d"\n', ""),
        ('"7d"', '"5d"'),
        '[policy] scan_max_age: ours takes it out, theirs "5d"',
    ),
    "hosts": (
        ('["example.org"]', "[]"),
        ('["example.org"]', '["a", "b"]'),
        '[policy] hosts: ours [], theirs ["a","b"]',
    ),
    "track": (
        ('branch = "main"', 'branch = "next"'),
        ('branch = "main"', 'tag = "v1"'),
        '[source.c]: ours branch = "next", theirs tag = "v1"',
    ),
    "table": (
        (TEXT[TEXT.index("\n# d is") :], ""),
        (D, f'{D}\ngroups = ["x"]'),
        '[source.d]: ours takes it out, theirs groups = ["x"]',
    ),
    "both new": (
        (TEXT, TEXT + E),
        (TEXT, TEXT + E.replace("org/e", "org/other")),
        '[source.e] url: ours "https://example.org/e", theirs "https://example.org/other"',
    ),
    "scanners": (
        (TEXT, TEXT + '[[scanner]]\nname = "a"\npreset = "bandit"\n'),
        (TEXT, TEXT + '[[scanner]]\nname = "b"\npreset = "bandit"\n'),
        "both changed [[scanner]]",
    ),
    "together invalid": (
        (TEXT, TEXT + E),
        (TEXT, TEXT + E.replace("source.e", "source.E")),
        "source.e differs from 'E' only in case",
    ),
}


@pytest.mark.parametrize("case", LEFT)
def test_what_both_changed_each_in_its_way_is_left_with_both_values(case):
    ours, theirs, words = LEFT[case]
    found = merged(put(TEXT, ours), put(TEXT, theirs))
    assert found.text is None
    assert found.why == (words,)


def test_every_key_that_is_to_be_decided_is_told():
    ours = put(TEXT, ('"7d"', '"3d"'), ('"main"', '"next"'), ("jobs = 4", "jobs = 2"))
    theirs = put(TEXT, ('"7d"', '"5d"'), ('"main"', '"old"'), ("jobs = 4", "jobs = 2"))
    assert merged(ours, theirs).why == (
        '[policy] scan_max_age: ours "3d", theirs "5d"',
        '[source.c]: ours branch = "next", theirs branch = "old"',
    )


def test_a_comment_of_ours_is_not_lost_and_one_that_theirs_took_out_is_no_loss():
    theirs = put(TEXT, ('tag = "v1" # not beyond\n', 'branch = "main"\n'))
    assert merged(TEXT, theirs).why == ()
    assert merged(put(TEXT, ("not beyond", "not yet")), theirs).why == ("a comment would be lost: # not yet",)


def test_a_source_keeps_the_history_that_its_side_meant():
    shallow = put(TEXT, ("jobs = 4", 'history = "shallow"\njobs = 4'))
    for ours, theirs in ((shallow, TEXT + E), (TEXT + E, shallow)):
        sources = decode_manifest(merged(ours, theirs).text.encode()).sources
        assert {name: source.history for name, source in sources.items()} == {
            "c": "shallow",
            "d": "shallow",
            "e": "full",
        }


def test_a_version_that_is_missing_or_cannot_be_read_takes_a_person():
    assert merge_manifest({OURS: TEXT.encode(), THEIRS: TEXT.encode()}).why == ("the base's version is missing",)
    assert merged(TEXT, "nonsense").why == ("their version cannot be read",)


def test_a_source_in_dotted_keys_is_merged_too():
    dotted = put(TEXT, ("[source.c]\n", "[source]\nc."), ('branch = "main"', 'c.branch = "main"'))
    found = merged(dotted, put(TEXT, (C, f'{C}\ngroups = ["x"]')))
    assert decode_manifest(found.text.encode()) == decode_manifest(put(TEXT, (C, f'{C}\ngroups = ["x"]')).encode())


def test_tables_that_stand_apart_are_merged_too():
    policy = TEXT[TEXT.index("[policy]") : TEXT.index("# c is")]
    apart = put(TEXT, (policy, ""), ("# d is", f"{policy}# d is"))
    shallow = put(apart, ("jobs = 4", 'history = "shallow"\njobs = 4'))
    found = merged(TEXT + E, shallow)
    assert found.why == ()
    assert decode_manifest(found.text.encode()).sources["e"].history == "full"
    back = merged(shallow, TEXT + E)
    assert decode_manifest(back.text.encode()) == decode_manifest(found.text.encode())


def test_what_cannot_be_edited_takes_a_person(monkeypatch):
    def refuse(_text):
        raise IndexError

    monkeypatch.setattr("tomlkit.parse", refuse)
    assert merged(TEXT, put(TEXT, ("jobs = 4", "jobs = 2"))).why == (
        "source is written in a way that this program cannot edit; change defaults in it",
    )


def test_a_source_that_git_has_joined_twice_is_merged_as_a_conflict_is(tmp_path):
    base, new = TEXT[: TEXT.index("# d is Dan's")], '[source.e]\nurl = "https://example.org/e"\nbranch = "{}"\n'
    path = tmp_path / MANIFEST
    for branch in ("main", "next"):
        ours = put(base, ("# c is", new.format("main") + "\n# c is"))
        theirs = base + new.format(branch)
        texts = {BASE: base, OURS: ours, THEIRS: theirs, JOINED: ours + new.format(branch)}
        sides = {MANIFEST: {stage: text.encode() for stage, text in texts.items()}}
        path.write_text(texts[JOINED] + "# mended\n")
        assert unreadable(Layout(tmp_path), sides) == {}
        path.write_text(texts[JOINED])
        conflicts = unreadable(Layout(tmp_path), sides)
        told = merge_files(Layout(tmp_path), conflicts, {}, is_made=False)
        if branch == "main":
            assert (told.left, path.read_text()) == ((), ours)
            assert unreadable(Layout(tmp_path), sides) == {}
        else:
            assert (told.left, path.read_text()) == ((MANIFEST,), texts[JOINED])
            assert told.why == ('sources.toml: [source.e]: ours branch = "main", theirs branch = "next"',)
    newer = {MANIFEST: dict.fromkeys((JOINED, OURS, THEIRS), b"schema_version = 9\n")}
    path.write_bytes(newer[MANIFEST][JOINED])
    assert unreadable(Layout(tmp_path), newer) == {}
