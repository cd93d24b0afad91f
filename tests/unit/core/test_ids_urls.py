from __future__ import annotations

import pytest

from git_hybrid.core.ids import (
    URL_LIMIT,
    InvalidText,
    Url,
    name_from_url,
    normalize_url,
    parse_url,
    shown_text,
    shown_url,
)
from git_hybrid.core.relative_url import resolve_url

BAD_URLS = {
    "empty": "",
    "ext-helper": "ext::sh -c touch% /tmp/x",
    "fd-helper": "fd::17",
    "ext-scheme": "ext://sh/x",
    "proxy-option": "-oProxyCommand=touch x",
    "upload-pack-option": "--upload-pack=touch x",
    "ssh-host-option": "ssh://-oProxyCommand=touch/x",
    "ssh-user-option": "ssh://-oProxyCommand=x@host/x",
    "host-option": "https://-x/y",
    "http": "http://host/x",
    "git": "git://host/x",
    "ftp": "ftp://host/x",
    "upper-scheme": "HTTPS://host/x",
    "mixed-scheme": "Ssh://host/x",
    "plus-scheme": "git+ssh://host/x",
    "scp": "git@host:team/x",
    "plain-path": "/srv/x",
    "relative-path": "../x",
    "https-user": "https://user@host/x",
    "https-password": "https://user:token@host/x",
    "https-empty-user": "https://@host/x",
    "ssh-password": "ssh://git:secret@host/x",
    "ssh-password-in-the-path": "ssh://oauth2/secret@host/x",
    "two-users": "ssh://a@b@host/x",
    "newline": "https://host/x\n",
    "newline-inside": "https://host/x\ny",
    "carriage-return": "https://host/x\ry",
    "nul": "https://host/x\x00",
    "escape": "https://host/\x1b[2J",
    "space": "https://host/a b",
    "percent-newline": "https://host/x%0a",
    "percent-return": "https://host/x%0Dy",
    "percent-nul": "https://host/x%00",
    "percent-delete": "https://host/x%7F",
    "percent-dots": "https://host/%2e%2E/x",
    "percent-slash": "https://host/a%2fb",
    "percent-backslash": "https://host/a%5Cb",
    "percent-cut": "https://host/a%4",
    "percent-not-hex": "https://host/a%zz",
    "climbs": "https://host/a/../b",
    "climbs-at-end": "https://host/a/..",
    "dot-segment": "https://host/./a",
    "file-climbs": "file:///srv/../etc",
    "file-host": "file://host/share",
    "file-relative": "file://./x",
    "file-root": "file:///",
    "backslash": "https://host/a\\b",
    "backslash-host": "https://host\\@evil/x",
    "query": "https://host/x?token=1",
    "fragment": "https://host/x#y",
    "dollar": "https://host/$HOME",
    "dollar-brace": "https://host/${HOME}",
    "backtick": "https://host/`id`",
    "pipe": "https://host/a|b",
    "no-host": "https:///x",
    "no-path": "https://host",
    "root-path": "https://host//",
    "host-dot-end": "https://host./x",
    "host-hyphen-end": "https://host-/x",
    "host-underscore": "https://ho_st/x",
    "host-percent": "https://h%6fst/x",
    "host-unicode": "https://h\u00f6st/x",
    "path-unicode": "https://host/caf\u00e9",
    "path-bidi": "https://host/a\u202eb",
    "port-zero": "https://host:0/x",
    "port-too-high": "https://host:65536/x",
    "port-empty": "https://host:/x",
    "port-text": "https://host:ssh/x",
    "port-negative": "https://host:-1/x",
    "port-unicode": "https://host:\u0661/x",
    "ipv6-open": "https://[::1/x",
    "ipv6-zone": "https://[fe80::1%25eth0]/x",
    "too-long": "https://host/" + "a" * URL_LIMIT,
    "surrogate": "https://host/\ud800",
}
GOOD_URLS = {
    "https": "https://github.com/hashicorp/packer-plugin-proxmox",
    "dot-git": "https://host/a/b.git",
    "https-port": "https://host.example:8443/a",
    "ssh": "ssh://host/a",
    "ssh-user-port": "ssh://git@host.example:2222/team/a.git",
    "ssh-at": "ssh://git@host/x@2",
    "ssh-home": "ssh://git@host/~ada/a",
    "file": "file:///srv/mirror/a.git",
    "ipv4": "https://127.0.0.1:8443/a",
    "ipv6": "https://[::1]:8443/a",
    "percent": "https://host/a%20b",
    "hidden-segment": "https://host/.config/..a/a..b",
    "highest-port": "https://host:65535/a",
}


@pytest.mark.parametrize("text", BAD_URLS.values(), ids=BAD_URLS)
def test_a_url_outside_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(InvalidText):
        parse_url(text)


@pytest.mark.parametrize("text", GOOD_URLS.values(), ids=GOOD_URLS)
def test_a_good_url_is_rebuilt_as_it_was(text: str) -> None:
    assert str(parse_url(text)) == text


@pytest.mark.parametrize(
    "text",
    ["https://user:hunter2@host/x", "ssh://git:hunter2@host/x", "http://hunter2@host/x", "https://host/x?t=hunter2"],
    ids=["https", "ssh", "http", "query"],
)
def test_a_refused_secret_is_not_repeated_in_the_reason(text: str) -> None:
    with pytest.raises(InvalidText) as caught:
        parse_url(text)
    assert "hunter2" not in str(caught.value)


def test_a_url_is_taken_apart() -> None:
    assert parse_url("ssh://git@Host.Example:0022/a/b.git") == Url("ssh", "git", "host.example", 22, "/a/b.git")
    assert parse_url("https://host/a") == Url("https", "", "host", None, "/a")
    assert parse_url("file:///srv/a") == Url("file", "", "", None, "/srv/a")
    assert parse_url("https://[2001:DB8::1]:99/a") == Url("https", "", "[2001:db8::1]", 99, "/a")


def test_hosts_are_compared_without_case() -> None:
    assert parse_url("https://GitHub.COM/a") == parse_url("https://github.com/a")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("git@github.com:team/tool.git", "ssh://git@github.com/team/tool.git"),
        ("git@host:/srv/tool.git", "ssh://git@host/srv/tool.git"),
        ("git@host:~ada/tool", "ssh://git@host/~ada/tool"),
        ("host.example:tool", "ssh://host.example/tool"),
        ("nas:/srv/tool", "ssh://nas/srv/tool"),
        ("git@h:o/x.git", "ssh://git@h/o/x.git"),
        ("deploy+ci@srv:o/x", "ssh://deploy+ci@srv/o/x"),
        ("git@[::1]:x.git", "ssh://git@[::1]/x.git"),
        ("https://host/tool", "https://host/tool"),
        ("ssh://git@host:22/tool", "ssh://git@host:22/tool"),
    ],
    ids=["usual", "absolute", "home", "no-user", "no-user-absolute", "one-letter-host", "plus", "ipv6", "https", "ssh"],
)
def test_what_a_user_types_becomes_a_url(typed: str, expected: str) -> None:
    assert str(normalize_url(typed)) == expected


@pytest.mark.parametrize(
    "typed",
    [
        *("ext::sh -c x", "git@host:a:b", "git@host:../x", "git@host://x", "-oProxy@host:x", "git@-host:x", "C:x"),
        *("file:/srv/x", "https:/host/x", "C:/x", "git@host:", "git@host:a b", "git@host:$HOME", "git:secret@host:x"),
        *("oauth2:secret@host/team/x", "oauth2:sec/ret@host/x", "tool"),
    ],
)
def test_what_only_looks_like_an_scp_address_is_refused(typed: str) -> None:
    with pytest.raises(InvalidText):
        normalize_url(typed)


def test_the_form_of_scp_is_named_where_it_is_taken() -> None:
    for typed, word in (("tool", "user@host:path"), ("git@host:a:b", "no other colon")):
        with pytest.raises(InvalidText, match=word):
            normalize_url(typed)
    with pytest.raises(InvalidText) as caught:
        parse_url("git@host:tool")
    assert "user@" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("https://host/team/tool", "tool"),
        ("https://host/team/tool.git", "tool"),
        ("https://host/team/tool.git/", "tool"),
        ("https://host/tool.git.git", "tool.git"),
        ("file:///tool", "tool"),
    ],
)
def test_the_default_name_is_the_last_part_of_the_path(text: str, name: str) -> None:
    assert name_from_url(parse_url(text)) == name


BASE = "https://host/team/tool.git"


@pytest.mark.parametrize(
    ("base", "text", "expected"),
    [
        (BASE, "../lib.git", "https://host/team/lib.git"),
        (BASE, "../../other/lib", "https://host/other/lib"),
        (BASE, "./part", "https://host/team/tool.git/part"),
        (BASE + "/", ".././../x/", "https://host/x"),
        ("ssh://git@host:22/team/tool", "../lib", "ssh://git@host:22/team/lib"),
        ("file:///srv/tool", "../lib", "file:///srv/lib"),
        (BASE, "https://other/lib", "https://other/lib"),
        (BASE, "git@other:lib", "ssh://git@other/lib"),
        (None, "/srv/lib", "file:///srv/lib"),
    ],
    ids=["beside", "two-up", "below", "mixed", "ssh", "file", "absolute", "scp", "path"],
)
def test_a_url_of_gitmodules_is_resolved_against_its_repository(base: str | None, text: str, expected: str) -> None:
    assert str(resolve_url(text, None if base is None else parse_url(base))) == expected


@pytest.mark.parametrize(
    ("base", "text"),
    [
        (BASE, "../../.."),
        (BASE, "../../../x"),
        (BASE, "../../../.evil.example/x"),
        (BASE, "../../../:99/x"),
        ("ssh://host/tool", "../../@evil.example/x"),
        (BASE, "../.."),
        (BASE, "../a b"),
        (BASE, "../%2e%2e/x"),
        (BASE, "../x?y"),
        (BASE, "ext::sh -c x"),
        (BASE, "tool"),
        (None, "../lib"),
    ],
    ids=[
        *("nothing-left", "above", "longer-host", "port", "host-becomes-user", "only-the-host", "space", "hidden-dots"),
        *("query", "helper", "plain", "no-base"),
    ],
)
def test_a_url_of_gitmodules_never_leaves_its_server_or_the_grammar(base: str | None, text: str) -> None:
    with pytest.raises(InvalidText):
        resolve_url(text, None if base is None else parse_url(base))


@pytest.mark.parametrize(
    "text",
    [
        "https://u:secret@h/x",
        "secret@h:x",
        "git@secret@h:x",
        "git@h:x?secret",
        "ssh://git:secret@h/x",
        "h/x?t=secret",
        "h/x#secret",
        "https://u%3Asecret%40h/x",
    ],
)
def test_a_refused_url_that_may_hold_a_secret_is_hidden(text: str) -> None:
    assert "secret" not in shown_url(text)


def test_a_refused_url_without_a_secret_is_shown_up_to_a_length() -> None:
    assert shown_url("http://host/x") == "http://host/x"
    assert shown_url("git@h:x") == "git@h:x"
    assert len(shown_url("x" * 999)) == 200


def test_what_was_to_be_no_url_is_shown_unless_it_may_be_one_with_a_secret() -> None:
    assert shown_text("a@{b") == "a@{b"
    assert [shown_text(text) for text in ("https://u:secret@h/x", "//u@h/x", "u:secret@h")] == ["(hidden)"] * 3
    assert len(shown_text("x" * 999)) == 200


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("git@github.com:a/b.git", "allowed: write ssh://git@github.com/a/b.git"),
        ("git@h:/a", "allowed: write ssh://git@h/a"),
        ("secret@h:a", "allowed: user@host:path is written ssh://user@host/path"),
        ("h:a", "allowed"),
        ("http://h/a", "allowed"),
    ],
)
def test_what_to_write_for_the_short_form_of_ssh_is_told(text: str, told: str) -> None:
    with pytest.raises(InvalidText) as caught:
        parse_url(text)
    assert str(caught.value) == f"only https://, ssh:// and file:/// URLs are {told}"
