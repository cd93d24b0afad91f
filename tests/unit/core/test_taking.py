from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from git_hybrid.core.errors import BadArgument, InvalidFile, RefMissing
from git_hybrid.core.ids import InvalidText, Url, parse_url
from git_hybrid.core.manifest import Branch, Tag, Version
from git_hybrid.core.nodes import Element, Node
from git_hybrid.core.relative_url import resolve_url
from git_hybrid.core.taking import (
    Followed,
    Listed,
    followed,
    groups_of,
    is_shortened,
    plain_path,
    told_missing,
    whole_url,
)
from git_hybrid.core.taking_repo import listed_by_repo
from git_hybrid.core.taking_yaml import is_vendir, listed_in

A, B = "a" * 40, "b" * 40
BASE = parse_url("https://android.example/platform/manifest")


def node(value: Any, line: int = 1) -> Node:
    """Return *value* as a file has it whose every mapping begins a line further down."""
    if isinstance(value, dict):
        return Node(line, {key: node(item, line + number) for number, (key, item) in enumerate(value.items(), 1)})
    if isinstance(value, list):
        return Node(line, [node(item, line + number) for number, item in enumerate(value, 1)])
    return Node(line, value)


def listed(value: Any, lock: Any = None) -> Listed:
    return listed_in("f", node(value), None if lock is None else node(lock))


def problems(value: Any, lock: Any = None) -> list[tuple[str, str]]:
    with pytest.raises(InvalidFile) as caught:
        listed(value, lock)
    return [(problem.place, problem.reason) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("revision", "ref", "found"),
    [
        (A.upper(), "", Followed(commit=A)),
        ("a" * 64, "refs/heads/x", Followed((Branch("x"),), None, "a" * 64)),
        (A, B, Followed(commit=A)),
        (A, "v1", Followed((Tag("v1"), Branch("v1")), None, A)),
        ("v1", "main", Followed((Tag("v1"),), Branch("v1"))),
        ("refs/tags/v1", "", Followed((), Tag("v1"))),
        ("tags/v1", "", Followed((), Tag("v1"))),
        ("heads/x/y", "", Followed((), Branch("x/y"))),
        ("", "", Followed()),
        ("HEAD", "", Followed()),
    ],
)
def test_a_revision_is_a_commit_or_a_tag_or_a_branch(revision: str, ref: str, found: Followed) -> None:
    assert followed(revision, ref) == found


@pytest.mark.parametrize("ref", ["--upload-pack=x", "a b", "a\x00", "refs/heads/..", "x" * 201])
def test_a_ref_that_git_would_refuse_is_refused(ref: str) -> None:
    with pytest.raises(InvalidText):
        followed(ref)


@pytest.mark.parametrize("path", ["", ".", "../x", "a/../../x", "/etc", "a\nb", "a\x1b[2J"])
def test_a_path_stays_below_the_folder(path: str) -> None:
    with pytest.raises(InvalidText, match="path"):
        plain_path(path)
    assert plain_path("./a//b/") == "a/b"


@pytest.mark.parametrize("url", ["../x", "./x", "http://h/x", "git://h/x", "https://me:secret@h/x", "", "ext::sh -c x"])
def test_a_url_is_whole_and_of_a_scheme_that_is_asked(url: str) -> None:
    with pytest.raises(InvalidText) as caught:
        whole_url(url)
    assert "secret" not in str(caught.value)
    assert str(whole_url("git@h:a/b.git")) == "ssh://git@h/a/b.git"
    assert str(whole_url("/srv/x")) == "file:///srv/x"


def test_groups_are_names() -> None:
    assert groups_of(["hal", "a b", "_x", "--", "hal"]) == ("a-b", "hal", "x")


def test_a_repos_file_lists_paths() -> None:
    found = listed(
        {
            "repositories": {
                "src/a": {"type": "git", "url": "https://h/a.git", "version": A},
                "b": {"type": "git", "url": "git@h:b"},
                "c": {"type": "svn", "url": "http://h/c"},
            }
        }
    )
    assert [(item.path, str(item.url), item.at) for item in found.taken] == [
        ("src/a", "https://h/a.git", Followed(commit=A)),
        ("b", "ssh://git@h/b", Followed()),
    ]
    assert found.left == ("not taken over: c, no git repository but svn (line 5)",)


def test_all_that_is_wrong_with_a_repos_file_is_told_with_its_place() -> None:
    whole = {"type": "git", "url": "https://h/x"}
    repositories = {"../x": whole, "b": {"type": "git"}, "c": None, "d": "x", "e": {**whole, "version": ["x"]}}
    assert problems({"repositories": {**repositories, "f/": whole, "./f": whole}}) == [
        ("line 3 (../x)", "its path ../x is not below the folder of the others"),
        ("line 4 (b)", "has no url"),
        ("line 5 (c)", "has no type"),
        ("line 6 (d)", "it is no mapping"),
        ("line 7 (e)", "version is no text"),
        ("line 9 (./f)", "its path f is that of line 8 too"),
    ]
    assert problems({"repositories": ["x"]}) == [("line 2", "repositories is no mapping")]


@pytest.mark.parametrize("value", [None, "text", ["x"], {"packages": {}}, {"repositories": None}, {"manifest": None}])
def test_what_lists_no_repository_is_refused(value: Any) -> None:
    with pytest.raises(BadArgument) as caught:
        listed(value)
    is_known = isinstance(value, dict) and "packages" not in value
    assert ("lists no git repository" in caught.value.reason) == is_known
    assert ("none of what can be imported: .gitmodules, " in caught.value.reason) != is_known


def west(projects: Sequence[Any], **more: Any) -> dict[str, Any]:
    remotes = [{"name": "up", "url-base": "https://h/org/"}, {"name": "me", "url-base": "git@h:me"}]
    return {"manifest": {"remotes": remotes, "projects": projects, **more}}


def test_a_west_manifest_lists_projects() -> None:
    projects = [
        {
            "name": "hal",
            "path": "modules/hal",
            "revision": A,
            "groups": ["hal"],
            "submodules": True,
            "clone-depth": "1",
        },
        {"name": "fw", "repo-path": "firmware", "remote": "me", "submodules": [{"path": "x"}], "import": "false"},
        {"name": "z", "url": "https://h/z", "revision": "v1", "submodules": "false", "import": "true"},
    ]
    projects[0]["submodules"] = "true"
    more = {"defaults": {"remote": "up", "revision": "main"}, "self": {"import": "x"}, "group-filter": ["-hal"]}
    found = listed(west(projects, **more))
    assert [(item.title, item.path, str(item.url), item.submodules) for item in found.taken] == [
        ("hal", "modules/hal", "https://h/org/hal", True),
        ("fw", "fw", "ssh://git@h/me/firmware", True),
        ("z", "z", "https://h/z", False),
    ]
    assert [item.notes for item in found.taken] == [
        (),
        ("west took of its submodules x, and submodules = true takes all",),
        (),
    ]
    assert [item.at.track or item.at.commit for item in found.taken] == [A, Branch("main"), Branch("v1")]
    assert [(item.groups, item.shallow) for item in found.taken] == [(("hal",), True), ((), False), ((), False)]
    assert [note.partition(" (line")[0] for note in found.left] == [
        "not taken over: what z imports",
        "not taken over: self, the repository of the manifest",
        "not taken over: group-filter",
    ]
    assert "--freeze" in found.left[0]
    assert "--freeze" in found.left[1]


def test_what_west_left_out_of_a_manifest_is_as_west_has_it() -> None:
    found = listed({"manifest": {"projects": [{"name": "a", "url": "https://h/a"}], "self": {"path": "z"}}})
    assert found.taken[0].at.track == Branch("master")
    assert [note.partition(" (line")[2] for note in found.left] == [" 4)"]


def test_all_that_is_wrong_with_a_west_manifest_is_told_with_its_place() -> None:
    projects = [{"name": "a"}, {"name": "b", "remote": "x"}, {"path": "c"}, "d", {"name": "e", "url": "http://h/e"}]
    found = problems(west([*projects, {"name": "f", "url": "https://h/f", "groups": "x"}, {"name": ["x"]}]))
    assert [place for place, _ in found] == [
        *("line 5 (a)", "line 6 (b)", "line 7", "line 8", "line 9 (e)", "line 10 (f)", "line 11"),
    ]
    assert [reason.partition(":")[0] for _, reason in found] == [
        "has no url and no remote",
        "its remote 'x' is not in remotes",
        "has no name",
        "it is no mapping",
        "only https",
        "groups is no list",
        "name is no text",
    ]
    assert problems({"manifest": {"remotes": [{"name": "x"}]}}) == [("line 4", "has no url-base")]
    assert problems({"manifest": {"projects": {}}}) == [("line 2", "projects is no list")]


def vendir(*contents: Any, **more: Any) -> dict[str, Any]:
    return {"apiVersion": "vendir.k14s.io/v1alpha1", "directories": [{"path": "v", "contents": [*contents]}], **more}


def test_a_vendir_file_lists_contents_with_the_commits_of_its_lock() -> None:
    url = "https://h/x"
    contents = [
        {"path": "a", "git": {"url": url, "ref": "origin/main", "depth": "1"}, "includePaths": ["x"]},
        {"path": "b/.", "git": {"url": url, "refSelection": {"semver": {}}}},
        {"path": "c", "git": {"url": url, "ref": B}},
        {"path": "d", "helmChart": {"name": "x"}},
        {"path": "e"},
    ]
    pinned = [
        {"path": "./a", "git": {"sha": A, "tags": []}},
        {"path": "b", "git": {"sha": A, "tags": ["v1", "v2"]}},
        {"path": "c", "git": {"sha": B}},
        {"path": "d", "helmChart": {"version": "1"}},
    ]
    found = listed(vendir(*contents), {"directories": [{"path": "v", "contents": pinned}]})
    assert [(item.path, item.at, item.shallow) for item in found.taken] == [
        ("v/a", Followed((Tag("main"), Branch("main")), None, A), True),
        ("v/b", Followed((Tag("v1"), Branch("v1")), None, A), False),
        ("v/c", Followed(commit=B), False),
    ]
    assert found.taken[0].notes == ("vendir took a part of it (includePaths), and sync makes its clone",)
    assert [note.rpartition(": ")[2] for note in found.taken[1].notes] == ["git hybrid pin NAME --version RANGE"]
    assert found.left == (
        "not taken over: v/d, no git repository but helmChart (line 10)",
        "not taken over: v/e, no git repository but nothing (line 11)",
    )


@pytest.mark.parametrize(
    ("constraints", "spec"),
    [
        (">=1.0.0 <2.0.0", ">=1.0.0,<2.0.0"),
        ("> v1.0.0 !=1.4.0 !1.5.0", ">1.0.0,!=1.4.0,!=1.5.0"),
        ("1.2.3", "==1.2.3"),
        ("= 1.2.3", "==1.2.3"),
        ("<1.0.0 || >=2.0.0", ""),
        ("1.x", ""),
        (">=1.0.0-rc.1", ""),
        ("", ""),
    ],
)
def test_the_versions_that_vendir_chooses_among_are_followed_where_they_are_the_same(
    constraints: str, spec: str
) -> None:
    pinned = {"directories": [{"path": "v", "contents": [{"path": "a", "git": {"sha": A, "tags": ["v1"]}}]}]}
    semver = {"constraints": constraints}
    git = {"url": "https://h/x", "refSelection": {"semver": semver}}
    (taken,) = listed(vendir({"path": "a", "git": git}), pinned).taken
    assert taken.at.hoped == ((Version(spec),) if spec else (Tag("v1"), Branch("v1")))
    assert len(taken.notes) == (not spec)
    semver["prereleases"] = {}  # type: ignore[assignment]
    assert listed(vendir({"path": "a", "git": git}), pinned).taken[0].at.hoped[0] == Tag("v1")


def test_a_vendir_file_without_a_lock_has_what_its_refs_say() -> None:
    git = {"url": "https://h/x", "ref": "v1"}
    found = listed(vendir({"path": "a", "git": git}))
    assert found.taken[0].at == Followed((Tag("v1"),), Branch("v1"))
    assert found.left == ("there is no vendir.lock.yml beside it, which would name the commits",)
    chosen = {"path": "b", "git": {"url": "https://h/x", "refSelection": {}}}
    assert "names a commit for it: run vendir sync" in problems(vendir(chosen))[0][1]


def test_all_that_is_wrong_with_a_vendir_file_is_told_with_its_place() -> None:
    lock = {"directories": [{"path": "v", "contents": [{"path": "b", "git": {"sha": "v1"}}]}]}
    contents = [{"path": name, "git": {"url": "https://h/x"}} for name in ("a", "b", "..")]
    assert [place for place, _ in problems(vendir(*contents, {"git": {}}), lock)] == [
        *("line 7 (v/a)", "line 8 (v/b)", "line 9 (v/..)", "line 10 (v/)"),
    ]
    assert problems({**vendir(), "directories": [{}]}) == [("line 4", "has no path")]
    assert problems({**vendir(), "directories": "x"}) == [("line 1", "directories is no list")]
    with pytest.raises(InvalidFile, match=r"a/b/vendir\.lock\.yml"):
        listed_in("a/b/vendir.yml", node(vendir()), node({"directories": [{"path": "v", "contents": "x"}]}))
    with pytest.raises(BadArgument, match="name the vendir"):
        listed(vendir(kind="LockConfig"))


def test_what_has_a_lock_beside_it_is_known() -> None:
    assert is_vendir(node(vendir()))
    assert not is_vendir(node({"apiVersion": "v1"}))
    assert not is_vendir(node({"apiVersion": ["vendir.x"]}))
    assert not is_vendir(node("x"))


def element(tag: str, *inside: Element, line: int = 1, **attributes: str) -> Element:
    return Element(line, tag, {name.replace("_", "-"): value for name, value in attributes.items()}, [*inside])


def relative(text: str) -> Url:
    return resolve_url(text, BASE)


def repo(*inside: Element) -> Listed:
    return listed_by_repo("f", element("manifest", *inside), relative)


def wrong(*inside: Element) -> list[tuple[str, str]]:
    with pytest.raises(InvalidFile) as caught:
        repo(*inside)
    return [(problem.place, problem.reason) for problem in caught.value.problems]


UP = element("remote", name="up", fetch="https://h/org/")
MAIN = element("default", remote="up", revision="main", upstream="dev")


def test_a_manifest_of_repo_lists_projects() -> None:
    copied = element("copyfile", src="a", dest="b")
    submodule = element("project", line=7, name="in")
    found = repo(
        UP,
        element("remote", name="aosp", fetch="..", revision="refs/tags/v1"),
        MAIN,
        element("notice"),
        element("project", copied, submodule, name="a", path="x/a", revision=A, groups="pdk,name:a path:x/a"),
        element("project", name="b", revision=A, upstream="refs/heads/rel", clone_depth="1", sync_s="true"),
        element("project", name="platform/c", remote="aosp", groups="notdefault,default"),
        element("project", name="d"),
    )
    assert [(item.path, str(item.url), item.at) for item in found.taken] == [
        ("x/a", "https://h/org/a", Followed((Branch("dev"),), None, A)),
        ("b", "https://h/org/b", Followed((Branch("rel"),), None, A)),
        ("platform/c", "https://android.example/platform/c", Followed((), Tag("v1"))),
        ("d", "https://h/org/d", Followed((), Branch("main"))),
    ]
    assert [(item.groups, item.shallow, item.submodules) for item in found.taken[:2]] == [
        (("pdk",), False, False),
        ((), True, True),
    ]
    assert [item.notes for item in found.taken[::2]] == [
        ("repo put files of it elsewhere (copyfile)",),
        ("repo left it out (notdefault), and sync makes its clone",),
    ]
    assert found.left == ("not taken over: in, a submodule of a (line 7)",)


@pytest.mark.parametrize("tag", ["include", "remove-project", "extend-project", "submanifest"])
def test_what_changes_a_manifest_elsewhere_is_refused(tag: str) -> None:
    found = wrong(UP, MAIN, element(tag, line=3, name="x"), element("project", name="b"))
    assert [(place, "repo manifest -r -o FILE" in reason) for place, reason in found] == [("line 3", True)]


def test_all_that_is_wrong_with_a_manifest_of_repo_is_told_with_its_place() -> None:
    assert wrong(
        UP, element("project", name="up", remote="up"), element("project"), element("project", name="../d")
    ) == [
        ("line 1", "has no path"),
        ("line 1 (../d)", "its path ../d is not below the folder of the others"),
    ]
    assert wrong(UP, element("project", name="a", remote="x"), element("project", name="b")) == [
        ("line 1 (a)", "its remote 'x' is no <remote>"),
        ("line 1 (b)", "has no remote, and there is no default"),
    ]


def test_a_remote_of_repo_that_no_url_can_be_made_of_is_told_once_and_only_if_a_project_has_it() -> None:
    fetches = {"up": "http://h", "path": "/srv", "none": "", "far": "../../.."}
    remotes = [
        element("remote", name=name, fetch=fetch, line=line) for line, (name, fetch) in enumerate(fetches.items(), 2)
    ]
    projects = [element("project", name=name, remote=name) for name in ("path", "none", "far")]
    assert wrong(*remotes, MAIN, *projects, element("project", name="a"), element("project", name="b")) == [
        ("line 2 (up)", "only https://, ssh:// and file:/// URLs are allowed"),
        ("line 3 (path)", "its fetch is a path: write file:// before it"),
        ("line 4 (none)", "has no fetch"),
        ("line 5 (far)", "leads out of the server that the repository is on"),
    ]
    assert [item.path for item in repo(UP, *remotes[1:], MAIN, element("project", name="a")).taken] == ["a"]


def test_a_ref_that_is_neither_branch_nor_tag_is_refused_and_beside_a_commit_it_does_not_count() -> None:
    changes = element("project", name="a", revision="refs/changes/1/2/3", line=4)
    assert wrong(UP, MAIN, changes) == [
        ("line 4 (a)", "refs/changes/1/2/3 is neither a branch nor a tag, and no other ref can be followed")
    ]
    pinned = element("project", name="a", revision=A, upstream="refs/changes/1/2/3")
    assert repo(UP, MAIN, pinned).taken[0].at == Followed(commit=A)


def test_another_xml_file_is_refused() -> None:
    with pytest.raises(BadArgument, match="none of what can be imported"):
        listed_by_repo("f", element("project"), relative)
    with pytest.raises(BadArgument, match="lists no git repository"):
        repo(UP)


@pytest.mark.parametrize("ref", ["refs/heads/20240102", "refs/tags/ABCDEF0"])
def test_what_may_be_a_shortened_commit_is_told_as_that(ref: str) -> None:
    error = told_missing(RefMissing(name="a", ref=ref, url="https://h/a", default="refs/heads/main"))
    assert is_shortened(error)
    assert ref.rpartition("/")[2] in str(error)
    assert not is_shortened(told_missing(RefMissing(name="a", ref="refs/heads/abc", url="https://h/a")))
    assert not is_shortened(told_missing(BadArgument(what="x", value="x", reason="x")))
    assert not is_shortened(None)
