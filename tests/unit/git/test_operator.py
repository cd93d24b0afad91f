"""Who runs a command: the first choice that says something, in one line and not too long."""

from __future__ import annotations

import getpass

import pytest

from git_hybrid.core.errors import BadArgument
from git_hybrid.core.override import UNKNOWN, person
from git_hybrid.git.settings import operator

USER = {"user.name": "Bob", "user.email": "bob@x.org"}
BLANK = ["", " ", "\n", "\x1b\x07", "\u200b", "\udcff", "< >", "\u00a0"]


@pytest.mark.parametrize("blank", BLANK)
def test_what_is_blank_says_nothing(blank: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert operator({"GIT_HYBRID_OPERATOR": blank}, USER) == "Bob <bob@x.org>"
    assert operator({"GIT_HYBRID_OPERATOR": blank}, USER | {"hybrid.operator": "Cfg <c@x>"}) == "Cfg <c@x>"
    assert operator({}, USER | {"hybrid.operator": blank}) == "Bob <bob@x.org>"
    assert operator({}, USER | {"user.name": blank}) == "<bob@x.org>"
    assert operator({}, USER | {"user.email": blank}) == "Bob"
    monkeypatch.setattr(getpass, "getuser", lambda: "login")
    assert operator({}, dict.fromkeys(USER, blank)) == "login"
    monkeypatch.setattr(getpass, "getuser", lambda: blank)
    assert operator({}, {}) == UNKNOWN


def test_a_machine_that_does_not_know_the_login(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> str:
        raise OSError

    monkeypatch.setattr(getpass, "getuser", refuse)
    assert operator({}, {}) == UNKNOWN


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("J\udcf6rg <j@x>", "J\ufffdrg <j@x>"),
        ("a\nb", "a b"),
        ("a\x1b[1mb", "a [1mb"),
        ("b\u200bob@x.org", "bob@x.org"),
        ("  Bob <b@x>  ", "Bob <b@x>"),
    ],
)
def test_a_name_is_one_line_of_what_can_be_seen(given: str, kept: str) -> None:
    assert operator({"GIT_HYBRID_OPERATOR": given}, {}) == kept


@pytest.mark.parametrize("form", ["Bob {} <bob@x.org>", "{} bob@x.org", "<bob@x.org> {}", "bob@x.org {}"])
def test_of_a_long_name_the_address_is_kept(form: str) -> None:
    text = form.format("x" * 195)
    for found in (operator({"GIT_HYBRID_OPERATOR": text}, {}), operator({}, {"hybrid.operator": text})):
        assert len(found) <= 200
        assert person(found) == "bob@x.org"
    assert operator({}, {"user.name": "y" * 300, "user.email": "bob@x.org"}).endswith("y <bob@x.org>")


@pytest.mark.parametrize("text", ["x" * 201, f"Bob <{'b' * 200}@x.org>", "Bob https://bob:secret@x.org/ <bob@x.org>"])
def test_what_is_too_long_to_tell_people_apart_or_holds_a_secret_is_refused(text: str) -> None:
    for environ, config, where in (
        ({"GIT_HYBRID_OPERATOR": text}, {}, "GIT_HYBRID_OPERATOR"),
        ({}, {"hybrid.operator": text}, "hybrid.operator"),
        ({}, {"user.name": text}, "user.name"),
    ):
        with pytest.raises(BadArgument) as caught:
            operator(environ, config)
        assert caught.value.what == where
        assert "secret@" not in caught.value.value
