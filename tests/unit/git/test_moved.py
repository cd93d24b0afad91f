"""Where a server leads git to, which goes nowhere by itself where policy names hosts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from git_hybrid.core.errors import HostNotAllowed, HybridError, InsecureRedirect, NetworkFailure, RedirectLoop
from git_hybrid.git.answers import Answer
from git_hybrid.git.limits import Limits
from git_hybrid.git.moved import Trail
from git_hybrid.git.run import Runner

URL, ASKED_FOR = "https://me@one.example/r.git", "/info/refs?service=git-upload-pack"
SAID = "Cloning into x\nfatal: unable to access 'https://one.example/r.git/': The requested URL returned error: 301\n"
LIMITS = Limits(stall=timedelta(seconds=30), deadline=timedelta(minutes=1))


def _allowed(host: str) -> bool:
    return host == "two.example"


def _led(*places: str, judged: bool = True, said: str = SAID) -> tuple[Trail, list[bool]]:
    trail, went = Trail(URL, LIMITS, judged=judged), []
    for place in places:
        answer = Answer(asked=("https://one.example",), moved=place)
        went.append(trail.goes_on(said, answer, _allowed))
    return trail, went


@pytest.mark.parametrize(
    ("moved", "asked"),
    [
        (f"https://two.example/x{ASKED_FOR}", "https://two.example/x"),
        (f"https://TWO.example:81/x{ASKED_FOR}", "https://TWO.example:81/x"),
        (f"https://other:secret@two.example/x{ASKED_FOR}", "https://two.example/x"),
        # The one that was asked need not be in policy; it is where a setting led.
        (f"https://one.example/new.git{ASKED_FOR}", "https://me@one.example/new.git"),
    ],
)
def test_the_next_is_asked_where_it_may_be(moved: str, asked: str) -> None:
    trail, went = _led(moved)
    assert went == [True]
    assert trail.asking(["fetch", URL, "x"]) == ["fetch", asked, "x"]
    assert trail.limits.deadline < LIMITS.deadline


@pytest.mark.parametrize(
    ("moved", "error"),
    [
        (f"https://evil.example/x{ASKED_FOR}", HostNotAllowed),
        (f"https://two.example@evil.example/x{ASKED_FOR}", HostNotAllowed),
        (f"http://two.example/x{ASKED_FOR}", InsecureRedirect),
        ("file:///etc/passwd", InsecureRedirect),
        ("https:///x", HostNotAllowed),
        ("https://two.example/login", NetworkFailure),
        (f"https://two.example/?x={ASKED_FOR}", NetworkFailure),
    ],
)
def test_it_is_not_where_it_may_not(moved: str, error: type[HybridError]) -> None:
    with pytest.raises(error) as caught:
        _led(moved)
    assert "secret" not in str(caught.value)


def test_it_is_not_asked_for_ever() -> None:
    with pytest.raises(RedirectLoop):
        _led(*[f"https://two.example/{number}{ASKED_FOR}" for number in range(21)])
    with pytest.raises(RedirectLoop, match="leads back"):
        _led(*[f"https://two.example/{name}{ASKED_FOR}" for name in "aba"])


def test_git_goes_alone_where_nobody_judges() -> None:
    place = f"https://evil.example/x{ASKED_FOR}"
    assert _led(place, judged=False)[1] == [False]
    assert _led(place, said="fatal: other\n")[1] == [False]
    assert _led("")[1] == [False]


def test_what_a_cache_in_front_sends_on_is_asked_as_it_stands() -> None:
    runner = Runner(environ={}, settings=frozenset())
    trail, _ = _led()
    assert not any("insteadOf" in setting for setting in trail.settings(runner))
    # By a setting of the user's the first was asked elsewhere.
    place = f"https://one.example/r.git{ASKED_FOR}"
    trail, went = _led(place)
    assert went == [True]
    assert "url.https://me@one.example/r.git.insteadOf=https://me@one.example/r.git" in trail.settings(runner)
    with pytest.raises(RedirectLoop, match="leads back"):
        _led(place, place)
    trail, _ = _led(f"https://two.example/a=b{ASKED_FOR}")
    assert not any("insteadOf" in setting for setting in trail.settings(runner))
    assert trail.settings(runner) != _led(place, judged=False)[0].settings(runner) == []
