"""Whichever address of a server answers first is taken."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from git_hybrid.git import dialling
from git_hybrid.git.dialling import dial


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def full() -> Iterator[tuple[str, int]]:
    """An address that answers nothing: its queue is full, as far as Linux is concerned that is a lost packet."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        place = server.getsockname()
        with socket.create_connection(place):
            yield place


def _resolved(monkeypatch: pytest.MonkeyPatch, *places: tuple[str, int], family: int = socket.AF_INET) -> None:
    found = [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", place) for place in places]
    monkeypatch.setattr(dialling, "getaddrinfo", lambda *_, **__: found)


def test_a_name_is_connected_to(port):
    with dial("localhost", port, 5.0) as made:
        assert (made.getpeername()[1], made.gettimeout()) == (port, 5.0)


def test_one_that_is_dead_or_refuses_costs_a_moment(port, full, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        refusing = closed.getsockname()
    _resolved(monkeypatch, full, refusing, ("127.0.0.1", port))
    begun = time.monotonic()
    with dial("example.org", 443, 30.0) as made:
        assert made.getpeername()[1] == port
    assert time.monotonic() - begun < 10


def test_what_none_of_them_gives_is_told(full, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        refusing = closed.getsockname()
    _resolved(monkeypatch, refusing, refusing)
    with pytest.raises(ConnectionRefusedError):
        dial("example.org", 443, 5.0)
    _resolved(monkeypatch, full)
    with pytest.raises(TimeoutError):
        dial("example.org", 443, 0.3)
    _resolved(monkeypatch)
    with pytest.raises(TimeoutError):
        dial("example.org", 443, 0.3)
    _resolved(monkeypatch, ("127.0.0.1", 1), family=12345)
    with pytest.raises(OSError, match="family"):
        dial("example.org", 443, 0.3)


def test_both_families_have_their_turn(monkeypatch):
    six, four = socket.AF_INET6, socket.AF_INET
    places = [(six, "a"), (six, "b"), (six, "c"), (four, "d")]
    found = [(family, 1, 6, "", (place,)) for family, place in places]
    monkeypatch.setattr(dialling, "getaddrinfo", lambda *_, **__: found)
    assert [place for _, (place,) in dialling._addresses("h", 1)] == ["a", "d", "b", "c"]
