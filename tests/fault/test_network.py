"""Servers that fail, over real https: each failure ends, is retried only if it may pass, and is healed by a sync (P9, P10)."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.cli import Hybrid
from support.fleet import half_done, pinned_fleet, wrong_clones
from support.https_server import HttpsGitServer
from support.pki import Pki, create_pki
from support.sandbox import hermetic_environment
from support.terminal import Ended, run_on_terminal
from support.upstream import Upstream, UpstreamFactory

LIMITS = '[defaults]\nstall = "1s"\ndeadline = "5s"\nretry = { attempts = 2, initial = "10ms", maximum = "1s" }\n'
POLICY = '[policy]\nhosts = ["localhost", "nowhere.invalid"]\n'
PATIENT = LIMITS.replace('"1s"\nd', '"60s"\nd').replace('"5s"', '"100s"')
HTML = b"<html>\n<body>Please log in to the network</body>\n</html>\n"
NETWORK, DENIED, ABSENT = "network", "access-denied", "repository-not-found"
Arrange = Callable[[HttpsGitServer, str], None]


@dataclass(frozen=True, slots=True)
class Case:
    """A fault at one repository, and what has to come of it; `tries` is how often it is asked for."""

    name: str
    arrange: Arrange
    error: str
    tries: int
    words: str = ""
    code: int = 4
    base: str = "main"


def _status(status: int, error: str = NETWORK, *, tries: int = 1, where: str = "info/refs", **headers: str) -> Case:
    def arrange(server: HttpsGitServer, path: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        server.fail_always(status, headers=named, only=f"{path}/{where}")

    suffix = "".join(f"-{name}-{value}" for name, value in headers.items() if name == "Retry_After")
    name = f"http-{status}{'' if where == 'info/refs' else '-pack'}{suffix}".lower().replace("_", "-")
    return Case(name, arrange, error, tries, str(status))


def _fault(name: str, method: str, *args: Any, where: str = "git-upload-pack", **options: Any) -> tuple[str, Arrange]:
    return name, lambda server, path: getattr(server, method)(*args, only=f"{path}/{where}", **options)


def _nothing(server: HttpsGitServer, path: str) -> None:
    """The URL itself is at fault."""


def _flipped(body: bytes) -> bytes:
    at = len(body) // 2
    return body[:at] + bytes([body[at] ^ 0x40]) + body[at + 1 :]


def _moved(to: str, path: str = "/tool.git") -> Arrange:
    return lambda server, source: server.redirect(source, server.elsewhere[to] + path)


LOGIN = 'Basic realm="x"'
CASES = [
    *(_status(code, tries=2) for code in (500, 502, 503, 504, 429)),
    *(_status(code, tries=2, Retry_After="1") for code in (429, 503)),
    # Longer than anybody waits.
    _status(429, tries=1, Retry_After="3600"),
    _status(503, tries=2, where="git-upload-pack"),
    _status(401, DENIED, WWW_Authenticate=LOGIN),
    _status(403, DENIED),
    _status(403, DENIED, where="git-upload-pack"),
    _status(404, ABSENT),
    _status(410, ABSENT),
    Case(*_fault("mute", "mute_always", hang_up=False, where="info/refs"), NETWORK, 2, "too slow"),
    Case(*_fault("hang-up", "mute_always", hang_up=True, where="info/refs"), NETWORK, 2),
    Case(*_fault("stall-before", "stall", 0, times=None), NETWORK, 2),
    Case(*_fault("stall-in-pack", "stall", 20_000, times=None), NETWORK, 2),
    Case(*_fault("drip", "drip_always", 5000, size=50, pause=0.2), NETWORK, 2),
    Case(*_fault("drip-until-deadline", "drip_always", 5000, size=1000, pause=0.25), NETWORK, 1, "no end after 5 s"),
    Case(*_fault("reset", "cut", 20_000, times=None, reset=True), NETWORK, 2),
    *(Case(*_fault(f"cut-{at}", "cut", at, times=None), NETWORK, 2) for at in (0, 3, 700, 5000, 40_000)),
    Case(*_fault("html", "fail_always", 200, body=HTML, headers={"Content-Type": "text/html"}, where=""), ABSENT, 1),
    Case(*_fault("html-pack", "fail_always", 200, body=HTML, headers={"Content-Type": "text/html"}), NETWORK, 0),
    Case(*_fault("html-line", "fail_always", 200, body=HTML.replace(b"\n", b""), where="info/refs"), NETWORK, 2),
    Case(*_fault("nothing", "fail_always", 200, where="info/refs"), NETWORK, 2),
    Case(*_fault("truncated", "change_always", lambda body: body[:-5000], over=5000), NETWORK, 2),
    Case(*_fault("garbled", "change_always", _flipped, over=5000), "malformed-objects", 1, code=5),
    Case("redirect-host", _moved("host"), "host-not-allowed", 1, "127.0.0.1", code=6),
    Case("redirect-plain", _moved("plain"), "insecure-redirect", 1, "on to http://localhost", code=4),
    Case("redirect-loop", _moved("itself", "/redirect-loop.git"), "redirect-loop", 1, code=4),
    Case("certificate", _nothing, "tls", 1, "certificate", base="untrusted"),
    Case("host-name", _nothing, "tls", 1, base="misnamed"),
    Case("dns", _nothing, NETWORK, 2, "resolve", base="nowhere"),
    Case("refused", _nothing, NETWORK, 2, base="closed"),
]
NAMES = [case.name for case in CASES]
LATE = ["http-429-retry-after-3600"]
RETRIED = {"http-429-retry-after-1": 1, "http-503-retry-after-1": 1}


class Site(HttpsGitServer):
    """The main server, and where else it may send clients."""

    elsewhere: dict[str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one sync of all cases did, and the next one against the mended servers."""

    commit: str
    ended: Ended
    asked: dict[str, list[float]]
    leaked: int
    left: list[str]
    journal: str
    healed: Ended
    wrong: list[str]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, pki: Pki) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("served")
    with Site(root, pki=pki) as server:
        yield server


@pytest.fixture(scope="module")
def upstream(site: Site) -> Upstream:
    upstream = Upstream.create(site.root / "tool.git")
    upstream.commit({"README": "one\n", "noise": random.Random(0).randbytes(60_000)})
    for name in NAMES:
        (site.root / f"{name}.git").symlink_to("tool.git")
    return upstream


def _mended(bases: dict[str, str], main: str) -> dict[str, str]:
    """Return the environment in which git finds at `main` whatever stands at the other addresses."""
    env = {"GIT_CONFIG_COUNT": str(len(bases))}
    for number, base in enumerate(bases.values()):
        env |= {f"GIT_CONFIG_KEY_{number}": f"url.{main}.insteadOf", f"GIT_CONFIG_VALUE_{number}": base}
    return env


@pytest.fixture(scope="module")
def outcome(site: Site, upstream: Upstream, pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    folder = tmp_path_factory.mktemp("network")
    ws, other, wrong = folder / "ws", create_pki(folder / "other"), create_pki(folder / "wrong", host="wrong.example")
    ws.mkdir()
    ca = folder / "ca.pem"
    ca.write_bytes(pki.ca.read_bytes() + wrong.ca.read_bytes())
    env = {"GIT_SSL_CAINFO": str(ca)}
    with (
        hermetic_environment(tmp_path_factory.mktemp("home")),
        HttpsGitServer(site.root, pki=other) as untrusted,
        HttpsGitServer(site.root, pki=wrong) as misnamed,
        HttpsGitServer(site.root, pki=pki, plain_http=True) as plain,
    ):
        site.elsewhere = {
            "itself": site.base_url,
            "host": site.base_url.replace("localhost", "127.0.0.1"),
            "plain": plain.base_url,
        }
        bad = {"untrusted": untrusted.base_url, "misnamed": misnamed.base_url}
        bad |= {"nowhere": "https://nowhere.invalid", "closed": "https://localhost:1"}
        bases = {"main": site.base_url} | bad
        urls = {case.name: f"{bases[case.base]}/{case.name}.git" for case in CASES}
        commit = pinned_fleet(ws, upstream, urls, head=LIMITS + POLICY)
        for case in CASES:
            case.arrange(site, f"/{case.name}.git")
        ended = run_on_terminal("sync", "--json", "-v", "-j", "4", cwd=ws, env=env, limit=90)
        asked = {name: site.times(f"/{name}.git/info/refs") for name in NAMES}
        journal = "".join(path.read_text() for path in (ws / "state/journal").glob("*"))
        left = half_done(ws, NAMES)
        site.clear_faults()
        site.clear_redirects()
        (ws / "sources.toml").write_text((ws / "sources.toml").read_text().replace(LIMITS, PATIENT))
        healed = run_on_terminal("sync", "--json", cwd=ws, env=env | _mended(bad, site.base_url), limit=90)
        found = wrong_clones(ws, NAMES, commit)
        yield Outcome(commit, ended, asked, len(plain.requests), left, journal, healed, found)


def test_every_fault(outcome: Outcome, subtests: pytest.Subtests) -> None:
    # One test, so that one worker has them all: what they look at takes a quarter of a minute to come about.
    for case in CASES:
        with subtests.test(case.name):
            _is_as_expected(case, outcome)
    for name, delay in RETRIED.items():
        with subtests.test(f"{name} is honoured"):
            _waits(name, delay, outcome)
    for look in (_each_try_is_in_the_journal, _all_end_without_a_question, _the_next_sync_finishes):
        with subtests.test(look.__name__):
            look(outcome)


def _is_as_expected(case: Case, outcome: Outcome) -> None:
    row = outcome.ended.rows()[case.name]
    error = row["error"]
    assert row["exit_code"] == case.code, error
    assert case.error in ("", error["code"]), error
    told = "\n".join([error["message"], *error["cause"]])
    assert case.words in told
    assert error["hints"], "what to try is missing"
    retried = re.findall(
        rf"^{case.name}: try (\d) of 2 failed \((\S+)\); waiting", outcome.ended.result.err, re.MULTILINE
    )
    if case.tries:
        assert len(retried) == case.tries - 1
        assert case.base != "main" or "loop" in case.name or len(outcome.asked[case.name]) == case.tries
    pending = [source["name"] for source in outcome.ended.result.json()["pending"]]
    assert (case.name in pending) == (case.code == 4), "only what may pass is resumed"
    if error["code"] == NETWORK:
        assert error["cause"], "the last words of the server are missing"
        tries = "1 try" if case.tries == 1 else "2 tries"
        late = r"the server asks to wait until \S+ \(\S+\)$"
        assert re.search(late if case.name in LATE else rf"\(\S+\) after {tries}$", error["message"])


def _each_try_is_in_the_journal(outcome: Outcome) -> None:
    noted = Counter(json.loads(line)["source"] for line in outcome.journal.splitlines() if '"t": "attempt"' in line)
    failed = {case.name: case.tries for case in CASES if case.error == NETWORK and case.tries}
    assert {name: noted[name] for name in failed} == failed


def _waits(name: str, delay: float, outcome: Outcome) -> None:
    assert f"{name}: try 1 of 2 failed ({name[:8]}); waiting {delay:.1f} s" in outcome.ended.result.err
    first, second = outcome.asked[name]
    assert delay <= second - first < delay + 20


def _all_end_without_a_question(outcome: Outcome) -> None:
    assert outcome.ended.result.code == 5
    assert outcome.ended.asked == b""
    assert outcome.ended.orphans == ()
    assert outcome.left == []
    assert outcome.leaked == 0, "a redirect led to plain http"


def _the_next_sync_finishes(outcome: Outcome) -> None:
    failed = {name: row["error"] for name, row in outcome.healed.rows().items() if row["exit_code"]}
    assert failed == {}
    assert outcome.healed.result.code == 0
    assert outcome.wrong == []


@pytest.mark.parametrize(
    ("arrange", "code", "words"),
    [
        (
            _fault("", "fail_always", 503, where="info/refs"),
            4,
            ("http-503", "after 2 tries", "503", "git hybrid resume"),
        ),
        (_fault("", "fail_always", 404, where="info/refs"), 4, ("no repository", "not found", "git ls-remote")),
        (_fault("", "change_always", _flipped, over=5000), 5, ("bad object", "hint: ")),
    ],
    ids=["503", "404", "garbled"],
)
def test_exit_code_and_words_of_one_source(
    arrange: tuple[str, Arrange],
    code: int,
    words: tuple[str, ...],
    upstream_factory: UpstreamFactory,
    https_server: HttpsGitServer,
    workspace: Path,
    hybrid: Hybrid,
) -> None:
    tool = upstream_factory()
    tool.commit({"noise": random.Random(1).randbytes(60_000)})
    commit = pinned_fleet(workspace, tool, {"tool": https_server.url("tool.git")}, head=LIMITS)
    arrange[1](https_server, "/tool.git")
    ended = run_on_terminal("sync", cwd=workspace, env=https_server.env(), limit=40)
    assert (ended.result.code, ended.asked, ended.orphans) == (code, b"", ())
    assert ended.seconds < 2 * (5 + 5)
    assert len(re.findall("^error: ", ended.result.err, re.MULTILINE)) == 1
    for word in ("cause: ", *words):
        assert word in ended.result.err
    assert half_done(workspace, ["tool"]) == []
    https_server.clear_faults()
    hybrid("resume" if "git hybrid resume" in words else "sync", env=https_server.env())
    assert wrong_clones(workspace, ["tool"], commit) == []
