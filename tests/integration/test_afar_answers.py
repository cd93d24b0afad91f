"""What a server may answer to a fetch without git, told apart piece by piece: what is kept, and what is git's."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from git_hybrid.core.errors import Interrupted, MalformedObjects, NetworkFailure, RefMissing
from git_hybrid.core.ids import SourceName
from git_hybrid.core.manifest import Defaults
from git_hybrid.core.ports import FetchRequest, Stage
from git_hybrid.core.transfer import Transfer
from git_hybrid.git.afar import Afar
from git_hybrid.git.direct import Direct
from git_hybrid.git.limits import DeadlineExceeded
from git_hybrid.git.receiving import HAVES, Fetch
from git_hybrid.git.run import Runner
from git_hybrid.git.skeleton import write_skeleton
from support.kit import git
from support.packs import framed, packed
from support.upstream import Upstream, UpstreamFactory

POST = "/git-upload-pack"
MAIN, KEPT = "refs/heads/main", "refs/hybrid/upstream/heads/main"
ADVERTISED = b"001e# service=git-upload-pack\n0000000eversion 2\n000cls-refs\n000afetch\n0000"


class Server:
    """Answers as it is told to, one answer after the other, in place of a server."""

    def __init__(self, *answers: bytes | None, advertised: bytes | None = ADVERTISED) -> None:
        self.answers, self.advertised = iter(answers), advertised

    def may_ask(self, _url: str) -> bool:
        return True

    def discover(self, _url: str, _limits: object, _allowed_host: object) -> bytes | None:
        return self.advertised

    def ask(self, _url: str, _body: bytes, _limits: object, *, is_git_s: bool) -> bytes | None:
        assert is_git_s
        return next(self.answers)

    def asking(self, _url: str, _body: bytes, _limits: object, *, is_git_s: bool) -> Answering:
        assert is_git_s
        return Answering(next(self.answers))

    def close(self) -> None:
        pass


class Answering:
    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer

    def __enter__(self) -> Callable[[], bytes] | None:
        pieces: Iterator[bytes] = iter([] if self.answer is None else [self.answer[:700], self.answer[700:]])
        return None if self.answer is None else lambda: next(pieces, b"")

    def __exit__(self, *_error: object) -> None:
        pass


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory("a")
    upstream.commit({"README": "first\n", "much": "".join(f"line {line}\n" for line in range(3000))})
    upstream.commit({"noise": os.urandom(50_000)})
    return upstream


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    write_skeleton(tmp_path / "stage/.git", object_format="sha1")
    return Stage(name=SourceName("tool"), path=str(tmp_path / "stage"))


def listed(oid: str, ref: str = MAIN) -> bytes:
    line = f"{oid} {ref}\n".encode()
    return b"%04x%s0000" % (len(line) + 4, line)


def answered(pack: bytes) -> bytes:
    return b"000dpackfile\n0005\x01" + framed(pack) + b"0006\x02.0000"


def fetched(stage: Stage, *answers: bytes | None, told: list[Transfer] | None = None, cancelled: int = 0) -> bool:
    runner = Runner(environ={**os.environ, "GIT_SSL_CAINFO": "/nowhere"}, cancelled=lambda: cancelled)
    direct = Direct(runner)
    direct._servers = Server(*answers)  # type: ignore[assignment]
    return Afar(runner, direct, lambda _host: True).fetch(
        Fetch(
            stage=stage,
            url="https://example.org/tool.git",
            request=FetchRequest(refs=(MAIN,)),
            defaults=Defaults(),
            watch=None if told is None else told.append,
        )
    )


def whole(tool: Upstream) -> bytes:
    return packed(tool, "main\n", "--revs")


def is_untouched(stage: Stage) -> bool:
    return not list(Path(stage.path, ".git/objects/pack").iterdir()) and not Path(stage.path, ".git", KEPT).exists()


def test_what_is_asked_and_what_comes(tool, stage):
    told: list[Transfer] = []
    assert fetched(stage, listed(tool.rev("main")), answered(whole(tool)), told=told)
    assert Path(stage.path, ".git", KEPT).read_text() == f"{tool.rev('main')}\n"
    assert git("fsck", "--full", "--strict", "--no-dangling", cwd=stage.path) == ""
    assert told[-1].done == told[-1].total
    assert {transfer.phase for transfer in told} <= {"receiving", "resolving"}


def test_only_what_is_new_is_asked_for(tool, stage):
    assert fetched(stage, listed(tool.rev("main")), answered(whole(tool)))
    base = tool.rev("main")
    Path(stage.path, ".git", KEPT).unlink()
    Path(stage.path, ".git/packed-refs").write_text(f"{base} {HAVES}0\n")
    assert fetched(stage, listed(base))
    tool.commit({"README": "new\n"})
    thin = packed(tool, f"main\n^{base}\n", "--revs", "--thin")
    assert fetched(stage, listed(tool.rev("main")), answered(thin))
    assert git("fsck", "--full", "--strict", "--no-dangling", cwd=stage.path) == ""
    # Where a server tells of a commit that is there already an empty pack comes.
    tool.update_ref(MAIN, tool.rev("main~1"))
    Path(stage.path, ".git/packed-refs").write_text(f"{tool.rev('main')} {HAVES}0\n{base} {HAVES}1\n")
    empty = packed(tool, "")
    Path(stage.path, ".git/packed-refs").write_text(f"{'0' * 39}1 {HAVES}0\n")
    assert fetched(stage, listed(base), answered(empty))


def _wrong(tool: Upstream) -> Mapping[str, tuple[bytes | None, ...]]:
    tip, pack = tool.rev("main"), answered(whole(tool))
    return {
        "no answer": (None,),
        "other objects": (listed("1" * 64),),
        "no second answer": (listed(tip), None),
        "no pack": (listed(tip), b"0000"),
        "more after the end": (listed(tip), pack + b"0000"),
        "an error": (listed(tip), b"000dpackfile\n" + b"000a\x03error" + b"0000"),
        "shallow": (listed(tip), b"0011shallow-info\n" + b"0001" + pack),
        "another tip": (listed("1" * 40), pack),
        "no list": (b"0010nonsense....",),
        "a name with a zero": (b"003f" + tip.encode() + b" " + MAIN.encode() + b"\0x\n" + b"0000",),
        "nothing": (listed(tip), answered(packed(tool, ""))),
        # What goes wrong for git too is told at once.
        "a part of it": (listed(tip), answered(packed(tool, f"main\n^{tool.rev('main~1')}\n", "--revs"))),
        "half a pack": (listed(tip), pack[: len(pack) // 2]),
        "no end": (listed(tip), pack[:-4]),
        "another ref": (listed(tip, "refs/heads/main2"),),
        "no such ref": (b"0000",),
    }


@pytest.mark.parametrize(
    "name",
    [
        *("no answer", "other objects", "no second answer", "no pack", "more after the end", "an error", "shallow"),
        *("another tip", "nothing", "no list", "a name with a zero"),
    ],
)
def test_what_is_not_plain_is_git_s(tool, stage, name):
    assert not fetched(stage, *_wrong(tool)[name])
    assert is_untouched(stage)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("a part of it", MalformedObjects),
        ("half a pack", NetworkFailure),
        ("no end", NetworkFailure),
        ("another ref", RefMissing),
        ("no such ref", RefMissing),
    ],
)
def test_what_goes_wrong_for_git_too_is_told(tool, stage, name, error):
    with pytest.raises(error):
        fetched(stage, *_wrong(tool)[name])
    assert is_untouched(stage)


def test_the_deadline_is_one_for_all_requests(tool, stage):
    given = []

    class Slow(Server):
        def discover(self, url, limits, allowed_host):
            given.append(limits.deadline)
            time.sleep(0.3)
            return super().discover(url, limits, allowed_host)

        def ask(self, url, body, limits, *, is_git_s):
            given.append(limits.deadline)
            time.sleep(0.3)
            return super().ask(url, body, limits, is_git_s=is_git_s)

    runner = Runner(environ=dict(os.environ))
    direct = Direct(runner)
    direct._servers = Slow(listed(tool.rev("main")), answered(whole(tool)))
    slow = Fetch(
        stage=stage,
        url="https://example.org/tool.git",
        request=FetchRequest(refs=(MAIN,)),
        defaults=Defaults(deadline=timedelta(seconds=0.5)),
    )
    with pytest.raises(DeadlineExceeded):
        Afar(runner, direct, lambda _host: True).fetch(slow)
    first, second = given
    assert second < first - timedelta(seconds=0.2)


def test_a_signal_between_two_pieces(tool, stage):
    with pytest.raises(Interrupted):
        fetched(stage, listed(tool.rev("main")), answered(whole(tool)), cancelled=15)
    assert is_untouched(stage)


def test_a_deadline_leaves_the_next_try_to_git(tool, stage, https_server):
    runner = Runner(environ={**os.environ, **https_server.env()})
    direct, url = Direct(runner), https_server.url("a.git")
    request = FetchRequest(refs=(MAIN,))
    https_server.drip_always(1000, size=2000, pause=0.2, only=POST)
    try:
        short = Fetch(stage=stage, url=url, request=request, defaults=Defaults(deadline=timedelta(seconds=1)))
        with pytest.raises(DeadlineExceeded):
            Afar(runner, direct, lambda _host: True).fetch(short)
        assert is_untouched(stage)
        assert not Afar(runner, direct, lambda _host: True).fetch(short)
    finally:
        direct.close()


def test_a_server_that_nobody_is_behind(stage, https_server):
    runner = Runner(environ={**os.environ, **https_server.env()})
    direct = Direct(runner)
    gone = Fetch(
        stage=stage,
        url="https://localhost:1/a.git",
        request=FetchRequest(refs=(MAIN,)),
        defaults=Defaults(),
    )
    with pytest.raises(NetworkFailure) as caught:
        Afar(runner, direct, lambda _host: True).fetch(gone)
    assert caught.value.kind == "refused"
    assert direct.server_of(gone.url) is None
