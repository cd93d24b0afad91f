from __future__ import annotations

import time
from contextlib import nullcontext
from datetime import timedelta
from tempfile import TemporaryFile

import pytest

from git_hybrid.core.errors import TIMEOUT, NetworkFailure
from git_hybrid.git.answers import Answer, Headers, OfLfs, elsewhere, headers_file, host_of, led_to, read_headers

MINUTE = timedelta(minutes=1)
CURL = b"""\
05:20:30.616 http.c:684              => Send header: GET /r/info/refs HTTP/1.1
05:20:30.616 http.c:684              => Send header: Host: one.example:8443
05:20:30.659 http.c:684              <= Recv header: Location: https:///two.example/r
05:20:30.764 http.c:684              => Send header: host: two.example
05:20:31.013 http.c:725              => Send header: Host: one.example:8443
"""
LFS = b"""\
05:20:30.306 trace git-lfs: HTTP: POST https://one.example/r.git/info/lfs/objects/batch
05:20:30.371 trace git-lfs: HTTP: 200
05:20:30.371 trace git-lfs: HTTP: {"href": "http://no.example/x"}
05:20:30.372 trace git-lfs: HTTP: GET http://two.example:81/x?token=1
"""


def answer(data: bytes) -> Answer:
    with TemporaryFile() as file:
        file.write(data)
        return read_headers(Headers(file))


@pytest.mark.parametrize(
    ("data", "asked"),
    [
        (CURL, ("https://one.example:8443", "https://two.example")),
        (LFS, ("https://one.example", "http://two.example:81")),
        (b"", ()),
    ],
)
def test_every_server_that_was_asked_is_known(data: bytes, asked: tuple[str, ...]) -> None:
    assert answer(data).asked == asked


def test_where_it_redirects_to_that_is_not_https_is_told_without_secrets() -> None:
    led = b"05:20:30.659 http.c:684   <= Recv header: location: HTTP://u:secret@Three.example:81?token=1\r\n"
    assert answer(CURL + led).insecure == "http://three.example:81"
    assert answer(CURL).insecure == ""


def test_the_first_server_is_the_one_that_was_named() -> None:
    for data, other in ((CURL, "https://two.example"), (LFS, "http://two.example:81"), (b"", None)):
        assert led_to("https://h/r", answer(data).asked) == ((other,) if other else ())
    # Over ssh the first need not be: git-lfs goes on to https from there. git does so because of a setting alone.
    assert led_to("ssh://one.example/r", answer(LFS).asked, by_lfs=True) == ("http://two.example:81",)
    assert led_to("git@one.example:r", answer(LFS).asked, by_lfs=True) == answer(LFS).asked
    assert led_to("ssh://one.example/r", answer(CURL).asked) == ("https://two.example",)
    assert led_to("https://h/r", ("https://a", "http://a")) == ("http://a",)


def test_where_content_is_kept_that_is_not_at_the_server_itself_is_told() -> None:
    assert elsewhere("https://h/r", answer(LFS).asked) == "http://two.example:81"
    assert elsewhere("https://h/r", ("https://one.example",)) == elsewhere("ssh://h/r", ()) == ""
    assert elsewhere("ssh://h/r", ("https://one.example",)) == "https://one.example"


def test_only_git_lfs_goes_on_to_https_from_elsewhere() -> None:
    terms = OfLfs(judge=str, logins={"A": "b"})
    for url, of_lfs, variable in (
        ("https://h/r", None, "GIT_TRACE_CURL"),
        # By a setting.
        ("ssh://h/r", None, "GIT_TRACE_CURL"),
        ("ssh://h/r", terms, "GIT_TRACE"),
        ("file:///r", terms, "GIT_TRACE"),
    ):
        with headers_file(url, MINUTE, settings=["x.y=z"], of_lfs=of_lfs) as headers:
            assert headers is not None
            assert variable in headers.wanted
            assert headers.wanted.get("A") == (None if of_lfs is None else "b")
            assert list(headers.handed[2]) == (["x.y=z"] if of_lfs is None else [])
    with headers_file("file:///r", MINUTE) as headers:
        assert headers is None


@pytest.mark.parametrize(
    ("location", "moved"),
    [
        ("https://two.example/r/info/refs", "https://two.example/r/info/refs"),
        ("/r2/info/refs", "https://one.example:8443/r2/info/refs"),
        ("//two.example/x", "https://two.example/x"),
        ("http://two.example/", "http://two.example/"),
        ("https://[::1/", ""),
    ],
)
def test_where_git_was_sent_on_to_at_last(location: str, moved: str) -> None:
    asked = b"".join(CURL.splitlines(keepends=True)[:2])
    last = f"05:20:30.7 http.c:684   <= Recv header: Location: {location}\r\n".encode()
    assert answer(CURL + asked + last).moved == moved
    assert answer(last).moved == ""


TRYING = b"20:53:20.32 http.c:725  == Info:   Trying 127.0.0.1:443...\n"
ASKED = b"20:53:20.38 http.c:715  => Send header: GET /r/info/refs HTTP/1.1\n"
TUNNEL = b"20:53:20.38 http.c:715  => Send header: CONNECT h:443 HTTP/1.1\n"


@pytest.mark.parametrize(
    ("trace", "waits"),
    [
        (TRYING, True),
        (TRYING + b"20:53:20.33 http.c:725  == Info: Connected to h\n", True),
        (TRYING + TUNNEL, True),
        (TRYING + ASKED + TRYING, True),
        (TRYING + ASKED, False),
        (b"x" * (1 << 17) + b"\n" + TRYING, True),
        (TRYING[:-1], False),
        (b"", False),
    ],
)
def test_a_connection_that_does_not_come_about_has_an_end(trace: bytes, *, waits: bool) -> None:
    with headers_file("https://h/r", timedelta(0)) as headers:
        assert headers is not None
        assert headers.check is not None
        headers.file.write(trace)
        headers.file.flush()
        with pytest.raises(NetworkFailure) if waits else nullcontext() as failed:
            for _ in range(4):
                headers.check()
                time.sleep(0.001)
        assert failed is None or failed.value.kind == TIMEOUT


def test_a_host_is_read_from_what_may_be_no_url() -> None:
    assert [host_of(url) for url in ("https://A.example:1/x", "https://[", "x")] == ["a.example", "", ""]
