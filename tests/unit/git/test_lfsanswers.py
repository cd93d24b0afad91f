"""What git-lfs tells in its trace, without a server."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import pytest

from git_hybrid.cli.telling import tell
from git_hybrid.core.errors import (
    TIMEOUT,
    AccessDenied,
    EndlessAnswer,
    HostNotAllowed,
    InsecureRedirect,
    LfsMissing,
    LocalIo,
    NetworkFailure,
    RedirectLoop,
    RepositoryNotFound,
    WrongContent,
)
from git_hybrid.git.answers import Headers, read_headers
from git_hybrid.git.attributes import smudging
from git_hybrid.git.environment import configured
from git_hybrid.git.lfsanswers import EVERYTHING, Led, Pace, classify_lfs, last_status
from git_hybrid.git.quarantine import ATTRIBUTES, ATTRIBUTES_LFS

URL = "https://host/a.git"
TOLD = b"08:54:30.996966 trace git-lfs: HTTP: %d\n"


@pytest.fixture
def trace() -> Iterator[IO[bytes]]:
    with TemporaryFile() as file:
        yield file


def _write(trace: IO[bytes], *statuses: int) -> None:
    trace.write(b"".join(TOLD % status for status in statuses))
    trace.flush()


def test_redirects_one_after_the_other_are_counted(trace: IO[bytes]) -> None:
    led = Led(trace, URL, str)
    _write(trace, *[301] * 20)
    led.check()
    _write(trace, 200, *[307] * 20)
    led.check()
    _write(trace, 302)
    with pytest.raises(RedirectLoop):
        led.check()


def test_a_server_that_may_not_be_asked_is_told_and_not_the_circle(trace: IO[bytes]) -> None:
    def judge(servers: Sequence[str]) -> None:
        if servers != ("https://host",):
            raise HostNotAllowed(name="", host=servers[-1])

    led = Led(trace, URL, judge)
    for host in (b"host", b"other.example:1"):
        trace.write(b"08:54:30.99 trace git-lfs: HTTP: POST https://" + host + b"/a.git/info/lfs\n")
        _write(trace, *[307] * 20)
        with nullcontext() if host == b"host" else pytest.raises(HostNotAllowed, match=r"other\.example:1"):
            led.check()


def test_logins_that_are_asked_for_again_and_again_are_counted(trace: IO[bytes]) -> None:
    led = Led(trace, URL, str)
    _write(trace, *[401] * 20, 200, *[401] * 20)
    led.check()
    _write(trace, 401)
    with pytest.raises(AccessDenied):
        led.check()


def test_a_line_that_is_not_whole_is_read_when_it_is(trace: IO[bytes]) -> None:
    led = Led(trace, URL, str)
    _write(trace, *[301] * 20)
    for part in (TOLD[:20], TOLD[20:-1] % 301):
        trace.write(part)
        trace.flush()
        led.check()
    trace.write(b"\n")
    trace.flush()
    with pytest.raises(RedirectLoop):
        led.check()


def test_a_line_without_an_end_is_passed_over(trace: IO[bytes]) -> None:
    led = Led(trace, URL, str)
    trace.write(b"x" * (3 << 20) + b"\n")
    _write(trace, *[301] * 21)
    for _ in range(3):
        led.check()
    with pytest.raises(RedirectLoop):
        led.check()


def test_a_checkout_asks_nobody_for_content(tmp_path: Path) -> None:
    (tmp_path / "info").mkdir()
    (tmp_path / "info/attributes").write_text(ATTRIBUTES)
    assert smudging(tmp_path) == {}
    (tmp_path / "info/attributes").write_text(ATTRIBUTES_LFS)
    found = smudging(tmp_path, {"core.x": "y"})
    nobody = found["GIT_CONFIG_VALUE_0"]
    settings = configured({"lfs.url": nobody, f"url.{nobody}.insteadOf": nobody, **EVERYTHING, "core.x": "y"})
    assert found == {"GIT_LFS_SKIP_SMUDGE": "0", **settings}
    # No name that a clone has for another URL can be as long as one that nobody knew before.
    assert nobody != smudging(tmp_path)["GIT_CONFIG_VALUE_0"]


def test_the_last_answer_counts() -> None:
    assert last_status(b"") == 0
    assert last_status(TOLD % 200 + b'08:54:30.9 trace git-lfs: HTTP: {"message": "HTTP: 500"}\n' + TOLD % 403) == 403


@pytest.mark.parametrize(
    ("stderr", "status", "http", "kind"),
    [
        (f"expected OID {'a' * 64}, got {'b' * 64} after 9 bytes written\n", 2, 200, WrongContent),
        (f'file "/x" has an invalid hash {"b" * 64}, expected {"a" * 64}\n', 2, 0, WrongContent),
        (f"[{'a' * 64}] gone: [410] gone\n", 2, 200, LfsMissing),
        (f'error transferring "{"a" * 64}": [0] remote missing object {"a" * 64}\n', 2, 0, LfsMissing),
        ("batch response: gone\n", 2, 404, RepositoryNotFound),
        ("batch response: Not Implemented: https://host/x.git/info/lfs/objects/batch\n", 2, 501, LfsMissing),
        ("batch response: Not Allowed\n", 2, 405, LfsMissing),
        (f"[{'a' * 64}] no: [501] no\n", 2, 200, NetworkFailure),
        ("LFS: Client error &{%!!(string=https) %!!(bool=false)}s(MISSING) from HTTP 410\n", 2, 410, LfsMissing),
        ("batch response: Unable to parse HTTP response for POST https://host: invalid\n", 2, 200, NetworkFailure),
        (f"[{'a' * 64}] busy: [503] busy\n", 2, 200, NetworkFailure),
        ("", -signal.SIGKILL, 401, AccessDenied),
        ("batch response: no\n", 2, 403, AccessDenied),
        ("batch response: what\n", 2, 200, NetworkFailure),
        ("batch response: No space left on device\n", 2, 507, NetworkFailure),
        (f"[{'a' * 64}] x509: no space left on device: [503] x\n", 2, 200, NetworkFailure),
        ("open /x: no space left on device\n", 2, 200, LocalIo),
        (f"[{'a' * 64}] gone\r\nerror: no\nx: [404] gone\n", 2, 200, LfsMissing),
        ('missing protocol: "file:///etc/passwd"\nerror: failed to fetch\n', 2, 200, LfsMissing),
        ("[../x] The server returned an unknown OID.\n", 2, 200, LfsMissing),
        ("panic: runtime error: nil\n\ngoroutine 1 [running]:\nmain()\n", 2, 200, LfsMissing),
        ("batch response: refusing insecure redirect: HTTPS to HTTP\n", 2, 307, InsecureRedirect),
        ("runtime: out of memory: cannot allocate\nfatal error: out of memory\n\ngoroutine 1:\n", 2, 0, EndlessAnswer),
        ("fatal error: runtime: cannot allocate memory\n", 2, 200, EndlessAnswer),
    ],
)
def test_what_it_means(stderr: str, status: int, http: int, kind: type[Exception]) -> None:
    error = classify_lfs(stderr, url=URL, status=status, http=http)
    assert type(error) is kind
    assert "%!" not in str(error)


@pytest.mark.parametrize(
    ("why", "kind"),
    [
        ("LFS: read tcp 10.0.0.1:2->10.0.0.3:443: i/o timeout", "stalled"),
        ("LFS: read tcp 10.0.0.1:2->10.0.0.3:443: read: connection reset by peer", "cut"),
        ("LFS: stream error: stream ID 1; INTERNAL_ERROR; received from peer", "unknown"),
        ("write /x: input/output error", None),
    ],
)
def test_what_does_not_come_is_not_the_disk_that_it_would_be_written_to(why: str, kind: str | None) -> None:
    told = f'cannot write data to temporary file "/x y/incomplete/{"a" * 64}": {why}\nerror: failed to fetch\n'
    assert getattr(classify_lfs(told, url=URL, status=2, http=200), "kind", None) == kind


@pytest.mark.parametrize(
    ("why", "kind"),
    [
        ("dial tcp 10.0.0.3:443: i/o timeout", TIMEOUT),
        ("net/http: TLS handshake timeout", TIMEOUT),
        ("dial tcp: lookup host on 10.0.0.1:53: server misbehaving", "dns"),
        ("dial tcp 10.0.0.3:443: connect: connection refused", "refused"),
    ],
)
def test_a_host_that_is_not_reached_is_told_as_git_tells_it(why: str, kind: str) -> None:
    error = classify_lfs(f'batch request: Post "https://host/x": {why}\n', url=URL, status=2, http=0)
    assert vars(error)["kind"] == kind


@pytest.mark.parametrize("status", [402, 406, 413, 422, 451])
def test_a_refusal_is_no_repository_that_is_not_there(status: int) -> None:
    error = classify_lfs("batch response: over its quota\n", url=URL, status=2, http=status)
    assert isinstance(error, LfsMissing)
    assert (error.status, error.message) == (status, "batch response: over its quota")
    assert f"refuses to send Git LFS content (HTTP {status})" in tell(error).title


def test_what_does_not_end_is_weighed(trace: IO[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("git_hybrid.git.lfsanswers._WEIGHED", 0)
    folder = tmp_path / "incomplete"
    led = Led(trace, URL, str, str(folder), 10)
    led.check()
    folder.mkdir()
    for name in ("a", "b"):
        led.check()
        (folder / name).write_bytes(b"x" * 6)
    with pytest.raises(EndlessAnswer, match="max_bytes"):
        led.check()


@pytest.mark.parametrize(("seconds", "waits"), [(b"0.25", False), (b"100000.00", True)])
def test_a_server_that_asks_to_wait_is_told_of(trace: IO[bytes], seconds: bytes, waits: bool) -> None:
    led = Led(trace, URL, str)
    _write(trace, 429)
    trace.write(b'08:54:31.1 trace git-lfs: tq: enqueue retry #1 after %ss for "x" (size: 9)\n' % seconds)
    trace.flush()
    if not waits:
        led.check()
        return
    with pytest.raises(NetworkFailure) as caught:
        led.check()
    assert (caught.value.kind, caught.value.retry_after) == ("http-429", 100000)


def test_a_git_lfs_that_does_not_wait_so_long_tells_for_how_long_it_was_asked_to(trace: IO[bytes]) -> None:
    _write(trace, 429)
    assert read_headers(Headers(trace)).retry_after is None
    trace.write(b'08:54:31.1 trace git-lfs: tq: refusing to retry "x", retry after 3600s exceeds maximum 300s\n')
    trace.flush()
    Led(trace, URL, str).check()
    answer = read_headers(Headers(trace))
    assert (answer.retry_after, answer.status) == (3600, 429)


@pytest.mark.parametrize(
    ("looks", "lost"),
    [
        # Each is how much was traced by then, and how much is there of what is incomplete.
        ([(1, 0)] * 12, True),
        ([(1, 200 * second) for second in range(12)], True),
        ([(1, 1000 * second) for second in range(12)], False),
        ([(second, 0) for second in range(12)], False),
        ([(1, 10 - second) for second in range(10)], False),
    ],
)
def test_what_comes_too_slowly_is_told(
    looks: Sequence[tuple[int, int]], lost: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A program that was stopped for an hour did not look meanwhile.
    clock = iter([0.0, *(3600.0 + second for second in range(20))])
    monkeypatch.setattr("git_hybrid.git.lfsanswers.time.monotonic", lambda: next(clock))
    pace = Pace(timedelta(seconds=5))
    assert not pace.is_lost(*looks[0])
    assert any(pace.is_lost(*look) for look in looks[1:]) is lost


def test_a_server_of_content_that_says_nothing_is_not_waited_for(
    trace: IO[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("git_hybrid.git.lfsanswers._WEIGHED", 0)
    led = Led(trace, URL, str, str(tmp_path), 10, timedelta(microseconds=1))
    for _ in range(2):
        led.check()
    trace.write(b"08:54:30.99 trace git-lfs: HTTP: POST https://host/a.git/info/lfs\n")
    trace.flush()
    led.check()
    (tmp_path / "a").write_bytes(b"x")
    monkeypatch.setattr("git_hybrid.git.lfsanswers._LEAST", 1e9)
    with pytest.raises(NetworkFailure) as caught:
        led.check()
    assert caught.value.kind == "stalled"
