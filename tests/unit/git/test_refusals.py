"""What a server that does not simply answer comes to: git's own error, or nothing where git might get further."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from http.client import BadStatusLine, IncompleteRead, RemoteDisconnected
from types import SimpleNamespace

import pytest

from git_hybrid.core.errors import (
    AccessDenied,
    HostNotAllowed,
    HybridError,
    InsecureRedirect,
    NetworkFailure,
    RepositoryNotFound,
)
from git_hybrid.git.keptalive import Broken, Unconnected
from git_hybrid.git.refusals import Asker, of_connection, of_discovery, of_status

URL = "https://example.org/tool.git"
OID = b"0123456789012345678901234567890123456789"


def reply(status: int, kind: str = "", headers: Mapping[str, str] | None = None) -> SimpleNamespace:
    return SimpleNamespace(status=status, kind=kind, header=lambda name: (headers or {}).get(name, ""))


def discovered(found: SimpleNamespace, body: bytes = b"", *, nobody: bool = True) -> HybridError | None:
    asker = Asker(is_nobody=nobody, allowed_host=lambda host: host in ("example.org", "mirror.example"))
    return of_discovery(URL, found, body, asker)


@pytest.mark.parametrize(
    ("status", "is_git_s", "has_answered", "error"),
    [
        (200, True, True, None),
        (302, True, True, None),
        (401, True, True, None),
        (407, True, True, None),
        (403, True, False, AccessDenied),
        (403, False, True, None),
        (410, True, False, RepositoryNotFound),
        (418, True, True, RepositoryNotFound),
        (429, False, False, NetworkFailure),
        (500, True, False, NetworkFailure),
        (500, False, True, NetworkFailure),
        (500, False, False, None),
        (503, False, False, NetworkFailure),
    ],
)
def test_statuses(status: int, is_git_s: bool, has_answered: bool, error: type[HybridError] | None) -> None:
    found = of_status(URL, reply(status), is_git_s=is_git_s, has_answered=has_answered)
    assert found is None if error is None else type(found) is error


@pytest.mark.parametrize("status", [403, 429, 503])
def test_how_long_a_server_asks_to_wait(status: int) -> None:
    found = of_status(URL, reply(status, headers={"Retry-After": "7"}), is_git_s=True, has_answered=True)
    assert isinstance(found, NetworkFailure)
    assert found.retry_after == 7


def test_nothing_there() -> None:
    assert isinstance(discovered(reply(404)), RepositoryNotFound)


@pytest.mark.parametrize(
    ("wanted", "nobody", "error"),
    [
        ('Basic realm="x"', True, AccessDenied),
        ("", True, AccessDenied),
        ('Basic realm="x"', False, None),
        ("Negotiate", True, None),
        ("Basic, NTLM", True, None),
    ],
)
def test_logins(wanted: str, nobody: bool, error: type[HybridError] | None) -> None:
    found = discovered(reply(401, headers={"WWW-Authenticate": wanted}), nobody=nobody)
    assert found is None if error is None else type(found) is error


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("https://mirror.example/tool.git/info/refs?service=git-upload-pack", None),
        ("/other.git/info/refs?service=git-upload-pack", None),
        ("", None),
        ("https://evil.example/", HostNotAllowed),
        ("//evil.example/", HostNotAllowed),
        ("https://mirror.example@evil.example/", HostNotAllowed),
        ("https://EVIL.example:443/", HostNotAllowed),
        ("http://mirror.example/", InsecureRedirect),
        ("file:///etc/passwd", None),
        ("https://[::1/", None),
    ],
)
def test_redirects(location: str, error: type[HybridError] | None) -> None:
    found = discovered(reply(301, headers={"Location": location}))
    assert found is None if error is None else type(found) is error


@pytest.mark.parametrize(
    ("kind", "body", "error"),
    [
        ("text/plain", OID + b"\trefs/heads/main\n", None),
        ("application/x-git-upload-pack-advertisement", b"0000", None),
        ("text/html", b"<html>\n</html>\n", RepositoryNotFound),
        ("text/html", b"<html></html>", NetworkFailure),
        ("", b"", NetworkFailure),
    ],
)
def test_other_answers(kind: str, body: bytes, error: type[HybridError] | None) -> None:
    found = discovered(reply(200, kind), body)
    assert found is None if error is None else type(found) is error


@pytest.mark.parametrize(
    ("error", "cause", "kind"),
    [
        (Unconnected, ConnectionRefusedError(), "refused"),
        (Unconnected, ssl.SSLCertVerificationError(), None),
        (Unconnected, ConnectionResetError(), None),
        (Broken, ConnectionResetError(), "cut"),
        (Broken, RemoteDisconnected(), "cut"),
        (Broken, ssl.SSLEOFError(), "cut"),
        (Broken, IncompleteRead(b"", 5), "cut"),
        (Broken, BadStatusLine("x"), None),
        (Broken, ValueError(), None),
    ],
)
def test_connections(error: type[Broken], cause: Exception, kind: str | None) -> None:
    broken = error()
    broken.__cause__ = cause
    assert of_connection(URL, broken, is_git_s=False) is None
    found = of_connection(URL, broken, is_git_s=True)
    assert (found.kind if isinstance(found, NetworkFailure) else None) == kind
