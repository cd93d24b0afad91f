"""The stream from the server ends, or is changed, at any byte: nothing half is kept, and the next sync finishes (P5, P9, P10)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.cli import Hybrid
from support.fleet import half_done, pinned_fleet, wrong_clones
from support.https_server import HttpsGitServer
from support.kit import replace
from support.terminal import run_on_terminal
from support.upstream import Upstream, UpstreamFactory

LIMITS = '[defaults]\nstall = "{stall}"\ndeadline = "{deadline}"\nretry = {{ attempts = 2, initial = "10ms", maximum = "50ms" }}\n'
HASTY, PATIENT = LIMITS.format(stall="1s", deadline="5s"), LIMITS.format(stall="60s", deadline="100s")
PACK = 5000
"""Answers of more bytes hold a pack; those that list refs are shorter."""


@dataclass(frozen=True, slots=True)
class Broken:
    """One source of the fleet: the answer with the pack is cut after `at` bytes, or the byte there is flipped."""

    how: str
    at: int

    @property
    def name(self) -> str:
        """The name of the source and of its repository."""
        return f"{self.how}-{self.at}"

    def arrange(self, server: HttpsGitServer) -> None:
        """Let the server fail."""
        where = f"/{self.name}.git/git-upload-pack"
        if self.how == "flip":
            server.change_always(self._flipped, over=PACK, only=where)
        else:
            server.cut(self.at, times=None, only=where, reset=self.how == "rst")

    def _flipped(self, body: bytes) -> bytes:
        return body[: self.at] + bytes([body[self.at] ^ 0x10]) + body[self.at + 1 :]


Try = Callable[[int], tuple[list[str], int]]


@pytest.fixture
def upstream(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    upstream.commit({"README": "one\n", "text": "line\n" * 3000, "noise": random.Random(0).randbytes(30_000)})
    return upstream


@pytest.fixture
def broken_streams(upstream: Upstream, https_server: HttpsGitServer, workspace: Path, hybrid: Hybrid) -> Try:
    """Break the stream of many sources in one sync, then mend the server: return what was wrong, of how many."""

    def run(count: int) -> tuple[list[str], int]:
        size = _answer_size(upstream, https_server, workspace, hybrid)
        cases = _cases(size, count)
        for case in cases:
            (https_server.root / f"{case.name}.git").symlink_to("tool.git")
            case.arrange(https_server)
        names = [case.name for case in cases]
        urls = {name: https_server.url(f"{name}.git") for name in names}
        commit = pinned_fleet(workspace, upstream, urls, head=HASTY)
        env = https_server.env()
        https_server.clear_requests()
        ended = run_on_terminal("sync", "--json", "-j", "4", cwd=workspace, env=env, limit=len(cases) * 12)
        asked = {name: len(https_server.times(f"/{name}.git/info/refs")) for name in names}
        rows = ended.rows()
        bad = [f"asked {ended.asked!r}"] if ended.asked else []
        bad += [f"still running: {ended.orphans}"] if ended.orphans else []
        codes = {name: row["exit_code"] for name, row in rows.items()}
        for case in cases:
            if not _is_right(case, codes[case.name], asked[case.name], size):
                bad.append(
                    f"{case.name} of {size}: exit {codes[case.name]} after {asked[case.name]}: {rows[case.name]['error']}"
                )
        whole = [name for name, code in codes.items() if code == 0]
        bad += wrong_clones(workspace, whole, commit) + half_done(
            workspace, [name for name in names if name not in whole]
        )
        https_server.clear_faults()
        replace(workspace / "sources.toml", HASTY, PATIENT)
        hybrid("sync", "-q", "-j", "4", env=env) if len(cases) < 40 else run_on_terminal(
            "sync", "-q", cwd=workspace, env=env, limit=len(cases) * 5
        )
        return bad + wrong_clones(workspace, names, commit), len(cases)

    return run


def _answer_size(upstream: Upstream, server: HttpsGitServer, workspace: Path, hybrid: Hybrid) -> int:
    """Return how long the answer with the pack is."""
    sizes: list[int] = []

    def measure(body: bytes) -> bytes:
        sizes.append(len(body))
        return body

    server.change_always(measure, over=PACK)
    pinned_fleet(workspace, upstream, {"tool": server.url("tool.git")}, head=PATIENT)
    hybrid("sync", env=server.env())
    hybrid("remove", "tool")
    server.clear_faults()
    return max(sizes)


def _cases(size: int, count: int) -> list[Broken]:
    """Return cuts at every part of the answer, and flips in the pack: dense at both ends, where the framing is."""
    step = size // count
    inner = list(range(step, size - step, step))
    cuts = sorted({0, 1, 4, 5, 8, 50, 300, *inner, size - 200, size - 21, size - 9, size - 5, size - 4, size - 1})
    found = [Broken("rst" if number % 3 == 1 else "fin", at) for number, at in enumerate(cuts)]
    return found + [Broken("flip", at + 7) for at in inner[::2]]


def _is_right(case: Broken, code: int, asked: int, size: int) -> bool:
    """Tell whether exit code and number of tries fit: a flip may hit framing (4) or words for humans (0) instead."""
    if case.how == "flip":
        return (code, asked) in ((5, 1), (4, 2), (0, 1))
    # The pack is whole before the last packets, and git may have seen enough.
    return (code, asked) == (4, 2) or (code == 0 and case.at >= size - 9)


def test_broken_streams(broken_streams: Try) -> None:
    bad, _ = broken_streams(3)
    assert bad == []


@pytest.mark.sweep
@pytest.mark.timeout(3000)
def test_every_part_of_the_stream(broken_streams: Try) -> None:
    bad, count = broken_streams(120)
    print(f"P9 P10: held {count - len(bad)} of {count}")
    assert bad == []
