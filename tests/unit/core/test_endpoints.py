from __future__ import annotations

import pytest

from git_hybrid.core.endpoints import Endpoint, Mirrors, endpoints, mirror_url, parse_mirrors, same_repository
from git_hybrid.core.ids import InvalidText, SourceName, parse_url

TOOL = SourceName("tool")
OWN = "https://github.com/team/tool"
M1, M2 = "https://m1.example/git", "file:///srv/mirror"


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("", ("direct",)),
        ("direct", ("direct",)),
        ("off", ()),
        (M1, (M1,)),
        (f"{M1},{M2}", (M1, M2)),
        (f" {M1} , direct ", (M1, "direct")),
        (f"direct,{M1}", ("direct", M1)),
        (f"{M1},off", (M1,)),
        (f"{M1},off,direct,{M2}", (M1,)),
        ("off,not a url", ()),
    ],
    ids=[
        *("empty", "direct", "off", "one", "two", "spaces", "direct-first", "then-off", "after-off"),
        "junk-after-off",
    ],
)
def test_the_list_of_mirrors_is_read_like_goproxy(text: str, entries: tuple[str, ...]) -> None:
    assert parse_mirrors(text) == Mirrors(entries)


@pytest.mark.parametrize(
    "base",
    [
        "https://m.example",
        "https://m.example/",
        "https://m.example:8443/a/b",
        "ssh://git@m.example/srv",
        "file:///srv/mirror",
        "https://{host}/{path}",
        "https://m.example/{host}/{path}.git",
        "https://m.example/{name}.git",
        "file:///srv/{name}",
    ],
)
def test_a_base_url_inside_the_grammar_is_accepted(base: str) -> None:
    assert parse_mirrors(base).entries == (base,)


@pytest.mark.parametrize("text", [",", " , ,", " "])
def test_a_list_with_text_that_names_nobody_is_refused(text: str) -> None:
    with pytest.raises(InvalidText, match="names no server"):
        parse_mirrors(text)


@pytest.mark.parametrize(
    "base",
    [
        *("http://m.example", "ext::sh -c x", "git@m.example:x", "/srv/mirror", "mirror", "-x", "DIRECT", "Off"),
        *("https://user:secret@m.example", "https://m.example/../x", "https://m.example/?a=b", "file://host/x"),
        *("https://m.example/{owner}", "https://m.example/{host", "https://m.example/host}", "https://m.example/{}"),
        *("https://m.example/$HOME/{path}", "https://m.example/{path}#x", "https://{host}", "https://m.example/%2e%2e"),
    ],
)
def test_a_base_url_outside_the_grammar_is_refused(base: str) -> None:
    with pytest.raises(InvalidText) as caught:
        parse_mirrors(f"{M1},{base}")
    assert "/x" not in str(caught.value).replace("m.example/x", "") or base == "git@m.example:x"


def test_sources_are_asked_for_in_the_order_of_the_list() -> None:
    found = endpoints(parse_url(OWN), TOOL, parse_mirrors(f"{M1},direct,{M2}"))
    assert found == (
        Endpoint("https://m1.example/git/github.com/team/tool.git", M1),
        Endpoint(OWN, None),
        Endpoint("file:///srv/mirror/github.com/team/tool.git", M2),
    )


def test_what_was_passed_is_not_asked_again() -> None:
    mirrors = parse_mirrors("https://a,https://b,direct").after("https://a")
    assert (mirrors.left, mirrors.entries[0]) == (("https://b", "direct"), "https://a")
    assert [endpoint.base for endpoint in endpoints(parse_url(OWN), TOOL, mirrors.after("https://b"))] == [None]


def test_without_a_list_the_own_url_is_asked() -> None:
    assert endpoints(parse_url(OWN), TOOL, Mirrors()) == (Endpoint(OWN, None),)


def test_without_direct_there_is_no_way_back_to_the_internet() -> None:
    found = endpoints(parse_url(OWN), TOOL, parse_mirrors(f"{M1},{M2}"))
    assert [endpoint.base for endpoint in found] == [M1, M2]


def test_off_forbids_the_network() -> None:
    assert endpoints(parse_url(OWN), TOOL, parse_mirrors("off")) == ()


@pytest.mark.parametrize(
    ("base", "url", "expected"),
    [
        ("https://m/g", "https://github.com/a/b", "https://m/g/github.com/a/b.git"),
        ("https://m/g/", "https://github.com/a/b.git", "https://m/g/github.com/a/b.git"),
        ("https://m/g", "https://github.com/a/b/", "https://m/g/github.com/a/b.git"),
        ("https://m/g", "https://host:8443/a", "https://m/g/host_8443/a.git"),
        ("https://m/g", "ssh://git@host:22/a", "https://m/g/host_22/a.git"),
        ("https://m/g", "file:///srv/a.git", "https://m/g/localhost/srv/a.git"),
        ("https://m/{host}/x/{path}", "https://host/a/b.git", "https://m/host/x/a/b.git"),
        ("https://m/{path}.git", "https://host/a/b.git", "https://m/a/b.git"),
        ("https://m/{name}.git/", "https://host/a/b", "https://m/tool.git"),
        ("https://m/{name}", "https://host/a/b", "https://m/tool"),
        ("https://m/{name}/", "https://host/a/b.git", "https://m/tool"),
        ("https://m/{path}/bare", "https://host/a/b.git", "https://m/a/b/bare"),
        ("https://m/x-{path}/", "https://host/a", "https://m/x-a.git"),
        ("https://{host}/{path}", "https://host/a", "https://host/a.git"),
    ],
    ids=[
        *("plain", "one-git-suffix", "slash-at-end", "port", "no-user", "file", "host-and-path", "suffix-in-base"),
        *("name", "as-written", "slash-behind-a-name", "path-inside", "path-at-the-end", "host-as-host"),
    ],
)
def test_a_mirror_serves_a_source_at_a_known_place(base: str, url: str, expected: str) -> None:
    assert mirror_url(base, parse_url(url), TOOL) == expected


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ("https://host/a/b", True),
        ("https://HOST/a/b.git/", True),
        ("ssh://git@host/a/b", True),
        ("https://host/a/c", False),
        ("https://host:8443/a/b", False),
        ("https://host:22/a/b", False),
        ("ssh://git@host:443/a/b", False),
        ("https://host:443/a/b", True),
        ("ssh://git@host:22/a/b", True),
        ("https://host//a///b//", True),
        ("https://host/%61/b", True),
        ("https://host/a/b%20", False),
        ("https://host/A/B.GIT", True),
        ("https://host/a/b/.git", True),
    ],
)
def test_a_repository_is_the_same_however_its_url_is_written(other: str, expected: bool) -> None:
    assert same_repository(parse_url("https://host/a/b"), parse_url(other)) is expected


def test_letter_case_tells_the_folders_of_this_machine_apart() -> None:
    assert not same_repository(parse_url("file:///srv/b"), parse_url("file:///srv/B"))
    assert same_repository(parse_url("file:///srv/B"), parse_url("ssh://localhost/srv/B"))
