from __future__ import annotations

import pytest

from git_hybrid.core.check_open_issues import check_open_issues, section
from git_hybrid.core.check_sources import check_abandoned, check_sources
from git_hybrid.core.checks import Facts
from git_hybrid.core.lock import Lock
from git_hybrid.core.manifest import Manifest, OpenIssues
from git_hybrid.core.named import Names
from git_hybrid.core.state import State
from git_hybrid.core.value import replace
from git_hybrid.core.words import pinning_head
from support.values import NOW, a_pin, a_source, a_state_entry, oid

SPEC, DOC, ASSESSED = "specs/tool/spec.md", "docs/remediations.md", "docs/assessments"
POINTED = f"# Tool\n\n## Open Issues\n\nSee `{DOC}`.\n\n## More\n"
RULE = OpenIssues(spec=SPEC, remediations=DOC, assessments=(ASSESSED, "*.audit.md"))


def facts(
    *, documents: dict[str, str], paths: set[str] | None = None, rule: OpenIssues | None = None, changed: str = ""
) -> Facts:
    return Facts(
        manifest=Manifest(open_issues=() if rule is None else (rule,)),
        clock=NOW,
        documents=documents,
        paths=frozenset({DOC} if paths is None else paths),
        changed=frozenset(changed.split()),
    )


def test_a_section_ends_at_the_next_heading_and_is_not_in_a_code_block() -> None:
    assert section(POINTED) == f"\nSee `{DOC}`.\n"
    assert section("```\n## Open Issues\n```\n") is None
    assert section("## open issues  \n### part\nx") == "### part\nx"


@pytest.mark.parametrize(
    ("before", "heading", "there"),
    [
        ("```sync``` is no fence", "##  Open  Issues ##", True),
        ("~~~\n```\n~~~", "   ## Open Issues #", True),
        ("````\n```\n````", "##\tOpen Issues", True),
        ("```\n~~~\n``` x", "## Open Issues", False),
        ("    ```", "    ## Open Issues", False),
        ("##", "##Open Issues", False),
        ("", "## Open Issues#", False),
        ("", "# Open Issues", False),
    ],
)
def test_fences_and_headings_are_those_of_commonmark(before: str, heading: str, there: bool) -> None:
    assert section(f"{before}\n{heading}\nbody\n##") == ("body" if there else None)


@pytest.mark.parametrize(
    ("path", "body", "is_named"),
    [
        (DOC, f"See {DOC}. It", True),
        (DOC, f"See {DOC}.old", False),
        (DOC, f"See x{DOC}", False),
        (DOC, f"See /{DOC}", True),
        (DOC, f"See https://example.org/{DOC}", False),
        ("docs/the plan (2026).md", "[it](<../../docs/the plan (2026).md>)", True),
        ("docs/maßnahmen.md", "docs/maßnahmen.md", True),
        ("docs/the plan.md", "[it](../../docs/the%20plan.md)", True),
        ("docs/the plan.md", "100 %", False),
        ("docs/the plan.md", "the plan.md", False),
    ],
)
def test_a_name_is_one_also_with_what_few_have_in_it(path: str, body: str, is_named: bool) -> None:
    for rule in (None, replace(RULE, remediations=path)):
        found = check_open_issues(facts(documents={SPEC: f"## Open Issues\n{body}"}, paths={path}, rule=rule))
        assert (found == ()) == is_named


@pytest.mark.parametrize(
    ("path", "body", "is_named"),
    [
        ("a b/(c) d.md", "See ../../a b/(c) d.md.", True),
        ("a b/(c) d.md", "See ../a b/(c) d.md", False),
        ("(a) b.md", "[it](../../(a) b.md)", True),
        ("(a) b.md", "x(a) b.md", False),
        ("the plan (2026)", "../../the plan (2026). More", True),
        ("the plan (2026)", "the plan (2026)s, the plan (2026)...x", False),
        ("specs/tool/(a) b.md", "- (a) b.md", True),
        ("specs/tool/a b.md", "- a b.md", True),
        ("specs/a b.md", "../a b.mdx, ../../../a b.md, ../ a b.md ...", False),
        (f"specs/a {'b' * 5000}.md", f"../a {'b' * 5000}.md", False),
    ],
)
def test_a_name_with_a_space_may_be_relative_too(path: str, body: str, is_named: bool) -> None:
    found = check_open_issues(facts(documents={SPEC: f"## Open Issues\n{body}"}, paths={path, "x y.md"}))
    assert (found == ()) == is_named


def test_of_names_that_begin_with_one_another_each_is_found() -> None:
    names = ("a b", "a b (c", "a b (c) d")
    assert Names(names).named_in("a b, a b (c, a b (c) d; a b (c) d, a b (c", "spec.md") == {*names}


@pytest.mark.timeout(10)
def test_neither_many_files_nor_a_long_text_makes_it_slow() -> None:
    paths = {f"a {number:04}.md" for number in range(3000)}
    body = "".join(f"{path}x\n" for path in sorted(paths)) * 3
    rules = tuple(replace(RULE, remediations=path, assessments=()) for path in sorted(paths))
    for manifest, count in ((Manifest(), 1), (Manifest(open_issues=rules), 3000)):
        all_facts = replace(facts(documents={SPEC: f"## Open Issues\n{body}"}, paths=paths), manifest=manifest)
        assert len(check_open_issues(all_facts)) == count


@pytest.mark.parametrize(
    ("text", "word"), [(POINTED, ""), ("# Tool\n", "has no ## Open Issues"), ("## Open Issues\nnone.md", "names no")]
)
def test_without_rules_each_specification_points_to_a_document(text: str, word: str) -> None:
    found = check_open_issues(facts(documents={SPEC: text, "docs/spec.md": "# not looked at"}))
    assert [word in item.what for item in found] == ([True] if word else [])


def test_a_path_may_be_relative_to_the_specification() -> None:
    assert check_open_issues(facts(documents={SPEC: "## Open Issues\n../../docs/remediations.md"})) == ()
    relative = {SPEC: "## Open Issues\n(../../docs/remediations.md)"}
    assert check_open_issues(facts(documents=relative, rule=RULE)) == ()


@pytest.mark.parametrize(
    ("documents", "paths", "words"),
    [
        ({SPEC: POINTED}, {DOC}, []),
        ({}, {DOC}, ["is not there"]),
        ({SPEC: POINTED}, set(), ["is not there"]),
        ({SPEC: "# Tool"}, {DOC}, ["has no ## Open Issues"]),
        ({SPEC: "## Open Issues\n"}, {DOC}, ["does not name"]),
    ],
)
def test_a_rule_names_specification_and_document(documents: dict[str, str], paths: set[str], words: list[str]) -> None:
    found = check_open_issues(facts(documents=documents, paths=paths, rule=RULE))
    assert len(found) == len(words)
    assert all(word in item.what for word, item in zip(words, found, strict=True))


@pytest.mark.parametrize(
    ("changed", "left"),
    [
        (f"{ASSESSED}/a.md", f"{DOC} and {SPEC}"),
        (f"x.audit.md {SPEC}", DOC),
        (f"{ASSESSED}/a.md {SPEC} {DOC}", ""),
        (f"docs/assess {ASSESSED} docs/b x.audit.md/y", f"{DOC} and {SPEC}"),
        (f"docs/assess {ASSESSED}s/x docs/b", ""),
        ("README.md", ""),
    ],
)
def test_an_assessment_does_not_change_alone(changed: str, left: str) -> None:
    found = check_open_issues(facts(documents={SPEC: POINTED}, rule=RULE, changed=changed))
    assert [item.what for item in found] == ([f"changes without {left}"] if left else [])
    few = replace(RULE, assessments=("docs/*", "x"))
    assert len(check_open_issues(facts(documents={SPEC: POINTED}, rule=few, changed=f"{DOC} docs/zz"))) == 1


def test_what_is_committed_below_sources_is_told_in_short() -> None:
    links = tuple(f"sources/{name}" for name in "abcdef")
    tracked = ("sources/.gitignore", *links)
    found = check_sources(Facts(manifest=Manifest(), clock=NOW, tracked=tracked, links=frozenset(links)))
    assert [item.file for item in found] == [*links[:5], "sources"]
    assert all("belongs to another repository" in item.what for item in found[:5])
    assert found[-1].what.startswith("1 more")
    assert found[-1].mend == "git rm -r -f --cached --ignore-unmatch -- sources ':!sources/.gitignore'"
    (found,) = check_sources(Facts(manifest=Manifest(), clock=NOW, tracked=("sources/.lock",)))
    assert "of this machine alone" in found.what
    assert check_sources(Facts(manifest=Manifest(), clock=NOW, tracked=tracked[:1])) == ()
    (found,) = check_sources(
        Facts(manifest=Manifest(), clock=NOW, abandoned={"old/sources": ("old/sources/a", "old/b")})
    )
    assert (found.file, found.mend) == ("old/sources", "git rm -r -f --cached -- old/sources/a old/b")
    own = {"sources": ("sources",)}
    assert check_sources(Facts(manifest=Manifest(), clock=NOW, abandoned=own)) == ()
    assert [item.mend for item in check_abandoned(own)] == ["git rm -r -f --cached -- sources"]


def test_files_that_are_committed_below_sources_are_moved_out_before_they_go() -> None:
    tracked = ("sources/.clang-format", "sources/lib/x", "sources/lib/y", "sources/main.c")
    found = check_sources(Facts(manifest=Manifest(), clock=NOW, tracked=tracked))
    assert [item.file for item in found] == ["sources/.clang-format", "sources/lib", "sources/main.c"]
    assert not any("another" in item.what for item in found)
    untracked = "git rm -r -f --cached --ignore-unmatch -- sources/lib"
    assert found[1].mend == f"to keep it, move it out: git mv sources/lib NEW; a copy of a clone goes by: {untracked}"
    links = tuple(f"sources/{name}" for name in "abcdef")
    found = check_sources(Facts(manifest=Manifest(), clock=NOW, tracked=(*links, "sources/z"), links=frozenset(links)))
    assert "git rm" not in found[-1].mend
    # By such names many keep an empty folder in git.
    kept = ("sources/.gitignore", "sources/.gitkeep", "sources/.keep")
    assert check_sources(Facts(manifest=Manifest(), clock=NOW, tracked=kept)) == ()
    link = kept[1]
    (found_link,) = check_sources(Facts(manifest=Manifest(), clock=NOW, tracked=kept, links=frozenset({link})))
    assert found_link.file == link


def test_what_is_committed_of_a_run_is_told_by_its_kind() -> None:
    journals = ("state/journal/a.jsonl", "state/journal/a/tool.sarif", "state/journal", "State/Journal/b.jsonl")
    left = ("state/sources.json.tmp", "state/scans/x.tmp", "sources.toml.tmp")
    found = check_sources(Facts(manifest=Manifest(), clock=NOW, tracked=("state/resume.json", *journals, *left)))
    names = ["State/Journal", "sources.toml.tmp", "state/*.tmp", "state/journal", "state/resume.json"]
    assert [item.file for item in found] == names
    assert found[-1].mend == "git rm -r --cached --ignore-unmatch -- state/resume.json"
    inside = ("state/sources.json.TMP/x", "state/sources.json.TMP/y.tmp/z", "sources.toml.tmp/a/b")
    found = check_sources(Facts(manifest=Manifest(), clock=NOW, tracked=inside))
    assert [item.file for item in found] == ["sources.toml.tmp", "state/sources.json.TMP"]


def test_clones_that_are_there_stand_at_their_pins() -> None:
    pin = a_pin(a_source())
    lock = Lock(pins={pin.source: pin})
    for heads, word in (
        ({}, ""),
        ({"tool": pin.commit}, ""),
        ({"tool": oid(9)}, oid(9)[:12]),
        ({"tool": ""}, "no commit"),
    ):
        found = check_sources(Facts(manifest=Manifest(), clock=NOW, lock=lock, heads=heads))
        assert [word in item.what for item in found] == ([True] if word else [])


def test_a_clone_elsewhere_is_mended_by_what_does_not_stop_at_it() -> None:
    pin = a_pin(a_source())
    facts = Facts(manifest=Manifest(), clock=NOW, lock=Lock(pins={pin.source: pin}), heads={"tool": oid(9)})
    state = State(sources={pin.source: a_state_entry(commit=oid(9))})
    for known in (replace(facts, installed={"tool": oid(9)}), replace(facts, state=state)):
        assert [item.mend for item in check_sources(known)] == ["git hybrid sync tool"]
    back = "git hybrid diff tool, then git hybrid reset tool"
    wanted = f"{back}; or, {pinning_head('tool', oid(9))}"
    unread = replace(facts, installed={"tool": ""}, heads={"tool": ""})
    for unknown, mend in ((facts, wanted), (unread, back)):
        assert [item.mend for item in check_sources(unknown)] == [mend]


def test_a_clone_at_a_pin_that_is_not_committed_yet_is_no_fault_of_a_commit() -> None:
    pin = a_pin(a_source())
    facts = Facts(manifest=Manifest(), clock=NOW, lock=Lock(pins={pin.source: pin}), heads={"tool": oid(9)})
    for tried, level in (({}, "fail"), ({"tool": oid(8)}, "fail"), ({"tool": oid(9)}, "warn")):
        assert [item.level for item in check_sources(replace(facts, tried=tried))] == [level]
    (unread,) = check_sources(replace(facts, heads={"tool": ""}, tried={"tool": ""}))
    assert unread.level == "fail"


def test_clones_that_git_does_not_ignore_are_told() -> None:
    exposed = tuple(f"sources/{name}" for name in "abcdef")
    for there, mend in ((False, "git hybrid sync"), (True, "git hybrid check sources")):
        (found,) = check_sources(Facts(manifest=Manifest(), clock=NOW, exposed=exposed, ignore_file=there))
        assert (found.level, found.file) == ("warn", "sources/.gitignore")
        assert found.mend.endswith(mend)
        assert found.what.endswith("sources/e, …")
