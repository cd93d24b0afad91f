"""Which server is asked when, how often, and how long is waited."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import force_setattr

from git_hybrid.app.remote import fetch, fetch_lfs, list_refs
from git_hybrid.app.retry import with_retry
from git_hybrid.cli.telling import tell
from git_hybrid.core import errors
from git_hybrid.core.ids import SourceName
from git_hybrid.core.manifest import Defaults, Manifest, Policy, Retry, Source
from git_hybrid.core.ports import FetchRequest, RemoteRefs, Stage
from git_hybrid.core.ports_bundle import plain_bundle
from git_hybrid.core.value import replace
from support.fakes import FakeTransport, runtime
from support.samples import OID, URL, source

SOURCE, STAGE = source(), Stage(SourceName("tool"), "/nowhere")
ONE, TWO = "https://one.example", "https://two.example"
AT_ONE, AT_TWO = f"{ONE}/example.org/group/tool.git", f"{TWO}/example.org/group/tool.git"
MANIFEST = Manifest(
    defaults=Defaults(retry=Retry(attempts=3, initial=timedelta(seconds=1), maximum=timedelta(seconds=30)))
)
FOUND = RemoteRefs(tips={"refs/heads/main": OID})


def _network(retry_after: float | None = None) -> errors.NetworkFailure:
    return errors.NetworkFailure(url=URL, message="m", kind="dns", retry_after=retry_after)


def test_a_host_that_one_source_never_got_to_is_tried_once_by_the_others():
    transport = FakeTransport({URL: [_network() for _ in range(5)] + [FOUND, _network(), FOUND]})
    rt = runtime(transport)
    for tries in (3, 4, 5):
        with pytest.raises(errors.NetworkFailure):
            list_refs(rt, SOURCE, MANIFEST)
        assert len(transport.asked) == tries
    # Once it answers it is tried as before.
    assert list_refs(rt, SOURCE, MANIFEST) == list_refs(rt, SOURCE, MANIFEST) == FOUND


FALL_THROUGH = (
    _network(),
    errors.RepositoryNotFound(url=AT_ONE, message="m"),
    errors.LfsMissing(url=AT_ONE, message="m"),
    errors.RepositoryDamaged(url=AT_ONE, message="m"),
    errors.WrongContent(name="", what="LFS content", expected="e", found="f", url=AT_ONE),
    errors.RefMissing(name="", ref="refs/heads/main", url=AT_ONE),
    errors.UnusableRef(name="", ref="refs/heads/main", why="shallow"),
)
FINAL = (
    errors.WrongContent(name="", what="w", expected="e", found="f"),
    errors.MalformedObjects(name="", message="m"),
    errors.TlsFailure(url=AT_ONE, message="m"),
    errors.InsecureRedirect(url=AT_ONE, message="m", target="http://h"),
    errors.HostKeyFailure(url=AT_ONE, message="m"),
    errors.HostNotAllowed(name="", host="h"),
    errors.IdentityChanged(name="", url=AT_ONE, old=(), new=()),
    errors.AccessDenied(url=AT_ONE, message="m"),
    errors.GitFailed(command="c", status=1, stderr="s"),
    errors.LocalIo(path="p", operation="o", reason="r"),
)


@pytest.mark.parametrize("failure", FALL_THROUGH, ids=lambda error: error.code)
def test_the_next_mirror_is_asked(failure):
    transport = FakeTransport({AT_ONE: [failure], AT_TWO: [FOUND]})
    rt = runtime(transport, mirrors=f"{ONE},{TWO}")
    assert list_refs(rt, SOURCE, MANIFEST) == FOUND
    assert transport.asked[-1] == AT_TWO
    assert any(kind == "note" and AT_ONE in text for kind, _, text in rt.progress.events)


@pytest.mark.parametrize("last", [FALL_THROUGH[0], FINAL[0]], ids=lambda error: error.code)
def test_what_the_servers_before_said_is_told_with_the_error_of_the_last(last):
    missing = errors.RefMissing(name="", ref="refs/heads/main", url=AT_ONE)
    gone = errors.RepositoryNotFound(url=AT_TWO, message="m")
    transport = FakeTransport({AT_ONE: [missing], AT_TWO: [gone], URL: [last]})
    with pytest.raises(type(last)) as caught:
        list_refs(runtime(transport, mirrors=f"{ONE},{TWO},direct"), SOURCE, MANIFEST)
    told = (f"not served by {AT_ONE} (ref-missing)", f"not served by {AT_TWO} (repository-not-found)")
    assert caught.value.passed_over == told
    assert tell(caught.value).cause[-2:] == told


@pytest.mark.parametrize("failure", FINAL, ids=lambda error: error.code)
def test_no_other_mirror_is_asked_after_a_failure_of_trust(failure):
    transport = FakeTransport({AT_ONE: [failure], AT_TWO: [FOUND], URL: [FOUND]})
    with pytest.raises(type(failure)):
        list_refs(runtime(transport, mirrors=f"{ONE},{TWO},direct"), SOURCE, MANIFEST)
    assert transport.asked == [AT_ONE]


def test_there_is_no_way_to_the_internet_without_direct():
    transport = FakeTransport({AT_ONE: [errors.RepositoryNotFound(url=AT_ONE, message="m")]})
    with pytest.raises(errors.RepositoryNotFound) as caught:
        list_refs(runtime(transport, mirrors=ONE), SOURCE, MANIFEST)
    assert transport.asked == [AT_ONE]
    assert caught.value.name == "tool"


@pytest.mark.parametrize(("mirrors", "asked"), [("", [URL]), ("direct", [URL]), (f"direct,{ONE}", [URL])])
def test_direct(mirrors, asked):
    transport = FakeTransport({URL: [FOUND]})
    list_refs(runtime(transport, mirrors=mirrors), SOURCE, MANIFEST)
    assert transport.asked == asked


@pytest.mark.parametrize(("mirrors", "offline"), [("off", ""), (f"off,{ONE},direct", ""), ("", "--offline")])
def test_no_network_asks_nobody(mirrors, offline):
    transport = FakeTransport()
    with pytest.raises(errors.Offline) as caught:
        list_refs(runtime(transport, mirrors=mirrors, offline=offline), SOURCE, MANIFEST)
    assert transport.asked == []
    assert caught.value.why
    assert caught.value.name == "tool"


@pytest.mark.parametrize(("mirrors", "asked"), [("", []), (f"{ONE},direct", [AT_ONE])])
def test_a_host_that_policy_does_not_have_is_not_asked_itself(mirrors, asked):
    manifest = Manifest(defaults=MANIFEST.defaults, policy=Policy(hosts=frozenset({"elsewhere.example"})))
    transport = FakeTransport({AT_ONE: [errors.RepositoryNotFound(url=AT_ONE, message="m")], URL: [FOUND]})
    rt = runtime(transport, mirrors=mirrors)
    with pytest.raises(errors.HostNotAllowed) as caught:
        list_refs(rt, SOURCE, manifest)
    assert (caught.value.name, caught.value.host) == ("tool", "example.org")
    with pytest.raises(errors.HostNotAllowed):
        fetch(rt, SOURCE, manifest, STAGE, FetchRequest(), satisfied=lambda: True)
    with pytest.raises(errors.HostNotAllowed):
        fetch_lfs(rt, SOURCE, manifest, STAGE, OID)
    assert transport.asked == asked * 3


def test_policy_says_nothing_of_the_hosts_of_mirrors():
    manifest = Manifest(defaults=MANIFEST.defaults, policy=Policy(hosts=frozenset({"elsewhere.example"})))
    transport = FakeTransport({AT_ONE: [FOUND]})
    assert list_refs(runtime(transport, mirrors=ONE), SOURCE, manifest) == FOUND


def test_a_stale_mirror_is_passed_over():
    transport = FakeTransport({AT_ONE: [FOUND], AT_TWO: [FOUND]})
    rt = runtime(transport, mirrors=f"{ONE},{TWO}")
    served = fetch(rt, SOURCE, MANIFEST, STAGE, FetchRequest(), satisfied=lambda: AT_TWO in transport.asked)
    assert served == AT_TWO


def test_the_last_server_leaves_the_judgement_to_the_caller():
    transport = FakeTransport({URL: [FOUND]})
    assert fetch(runtime(transport), SOURCE, MANIFEST, STAGE, FetchRequest(), satisfied=lambda: False) == URL


def test_a_bundle_that_has_it_needs_no_network():
    transport = FakeTransport()
    rt = runtime(transport, offline="--offline", bundles=lambda name: [plain_bundle(f"/b/{name}.bundle")])
    assert fetch(rt, SOURCE, MANIFEST, STAGE, FetchRequest(), satisfied=lambda: True) == "file:///b/tool.bundle"
    assert (transport.bundles, transport.asked) == (["/b/tool.bundle"], [])


def test_tries_are_told_and_kept():
    slept: list[float] = []
    rt = runtime(FakeTransport({URL: [_network(), _network(), FOUND]}), slept=slept)
    assert list_refs(rt, SOURCE, MANIFEST) == FOUND
    assert len(slept) == 2
    assert rt.ledger.attempts == [("tool", "dns: m")] * 2
    told = [text for kind, _, text in rt.progress.events if kind == "retry"]
    assert told[0].startswith("try 1 of 3 failed (dns); waiting ")


@pytest.mark.parametrize("before", [0, 1])
def test_what_has_taken_all_its_time_is_not_tried_again(before):
    late = errors.NetworkFailure(url=URL, message="no end", kind=errors.DEADLINE)
    rt = runtime(FakeTransport({URL: [*[_network()] * before, late, FOUND]}))
    with pytest.raises(errors.NetworkFailure) as caught:
        list_refs(rt, SOURCE, MANIFEST)
    assert caught.value.attempts == before + 1
    assert rt.ledger.attempts[-1] == ("tool", "deadline: no end")


def test_a_signal_ends_the_tries():
    number = 0

    def sleep(_seconds: float) -> None:
        nonlocal number
        number = 15

    transport = FakeTransport({URL: [_network()]})
    rt = runtime(transport, cancelled=lambda: number)
    force_setattr(rt, "sleep", sleep)
    with pytest.raises(errors.Interrupted) as caught:
        list_refs(rt, SOURCE, MANIFEST)
    assert caught.value.signal == 15
    assert len(transport.asked) == 1


def _tried(failures: list[Exception], policy: Retry) -> tuple[list[float], Exception | None, int]:
    slept: list[float] = []
    calls = 0

    def step() -> None:
        nonlocal calls
        calls += 1
        if failures:
            raise failures.pop(0)

    try:
        with_retry(step, policy=policy, sleep=slept.append, on_failure=lambda *_: None)
    except errors.HybridError as error:
        return slept, error, calls
    return slept, None, calls


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_tries_are_bounded_and_counted(attempts):
    slept, error, calls = _tried([_network() for _ in range(9)], Retry(attempts=attempts))
    assert isinstance(error, errors.NetworkFailure)
    assert error.attempts == calls == attempts
    assert len(slept) == attempts - 1


def test_waits_grow_up_to_the_maximum():
    policy = Retry(attempts=9, initial=timedelta(seconds=1), maximum=timedelta(seconds=10))
    runs = [_tried([_network() for _ in range(9)], policy)[0] for _ in range(200)]
    for position in range(8):
        longest = max(run[position] for run in runs)
        bound = min(2**position, 10)
        assert all(0 <= run[position] <= bound for run in runs)
        assert longest > bound * 0.6
    assert len({run[3] for run in runs}) > 100


@pytest.mark.parametrize("asked", [7.0, 30.0])
def test_a_server_says_how_long_to_wait(asked):
    assert _tried([_network(retry_after=asked)], Retry())[0] == [asked]


def test_a_server_whose_clock_is_behind_is_no_reason_to_ask_again_at_once():
    """A date that is over comes as 0."""
    waits = [_tried([_network(retry_after=0.0)], Retry())[0][0] for _ in range(50)]
    assert len({*waits}) > 40


@pytest.mark.parametrize("tried", [0, 1])
@pytest.mark.parametrize("asked", [31.0, 3600.0, 1e30])
def test_a_server_that_asks_for_more_than_the_maximum_is_not_asked_again(tried, asked):
    begun = datetime.now(UTC) - timedelta(seconds=1)
    failures = [*(_network() for _ in range(tried)), _network(retry_after=asked)]
    slept, error, calls = _tried(failures, Retry())
    assert (len(slept), calls) == (tried, tried + 1)
    assert isinstance(error, errors.NetworkFailure)
    assert error.attempts == calls
    assert datetime.fromisoformat(error.until) >= begun + timedelta(seconds=min(asked, 1e8))
    told = tell(error)
    assert f"the server asks to wait until {error.until}" in told.title
    assert told.exit == 4


@pytest.mark.parametrize("failure", FINAL, ids=lambda error: error.code)
def test_only_what_may_pass_is_tried_again(failure):
    slept, error, calls = _tried([failure], Retry())
    assert (slept, calls) == ([], 1)
    assert error is failure


def test_a_bug_is_not_tried_again():
    with pytest.raises(ZeroDivisionError):
        with_retry(lambda: 1 // 0, policy=Retry(), sleep=lambda _: None, on_failure=lambda *_: None)


def _named(number: int) -> Source:
    return replace(SOURCE, name=SourceName(f"tool-{number}"))


def test_a_host_that_three_sources_never_got_to_is_asked_no_more():
    transport = FakeTransport({URL: [_network() for _ in range(5)], AT_ONE: [FOUND]})
    rt = runtime(transport)
    for number, tries, attempts in ((1, 3, 3), (2, 4, 1), (3, 5, 1), (4, 5, 0), (5, 5, 0)):
        with pytest.raises(errors.NetworkFailure) as caught:
            list_refs(rt, _named(number), MANIFEST)
        assert (len(transport.asked), caught.value.attempts, caught.value.kind) == (tries, attempts, "dns")
    assert tell(caught.value).title.endswith("the network failed (dns) for others before it, so it was not asked")
    # Nothing was tried, so nothing is told of a try.
    assert {name for name, _ in rt.ledger.attempts} == {"tool-1", "tool-2", "tool-3"}


def test_the_next_mirror_is_asked_where_a_host_is_given_up():
    transport = FakeTransport({AT_ONE: [_network() for _ in range(5)], AT_TWO: [FOUND] * 5})
    rt = runtime(transport, mirrors=f"{ONE},{TWO}")
    for number in range(1, 6):
        assert list_refs(rt, _named(number), MANIFEST) == FOUND
    assert transport.asked.count(AT_ONE) == 5
    assert transport.asked[-2:] == [AT_TWO, AT_TWO]


def test_an_answer_of_any_kind_shows_that_there_is_a_way():
    answer = errors.RepositoryNotFound(url=URL, message="m")
    failures = [_network() for _ in range(4)]
    transport = FakeTransport({URL: [*failures, answer, *[_network() for _ in range(3)]]})
    rt = runtime(transport)
    for number, tries in ((1, 3), (2, 4), (3, 5), (4, 8)):
        with pytest.raises(errors.RemoteError):
            list_refs(rt, _named(number), MANIFEST)
        assert len(transport.asked) == tries


def test_a_host_that_keeps_content_for_another_is_not_that_one():
    away = "https://store.example"
    failures = [errors.NetworkFailure(url=URL, message="m", kind="refused", elsewhere=away) for _ in range(12)]
    transport = FakeTransport({URL: [*failures, FOUND]})
    rt = runtime(transport)
    for number in range(4):
        with pytest.raises(errors.NetworkFailure) as caught:
            fetch_lfs(rt, _named(number), MANIFEST, STAGE, OID)
    assert len(transport.asked) == 12
    assert f"after 3 tries at {away}, where LFS content is kept" in tell(caught.value).title
    assert list_refs(rt, SOURCE, MANIFEST) == FOUND


def test_who_waits_for_the_next_try_does_not_make_it_once_the_host_is_given_up():
    transport = FakeTransport({URL: [_network() for _ in range(9)]})
    rt = runtime(transport)

    def others(_seconds: float) -> None:
        rt.unreached["example.org"] = {SourceName(f"other-{number}"): _network() for number in range(3)}

    force_setattr(rt, "sleep", others)
    with pytest.raises(errors.NetworkFailure) as caught:
        list_refs(rt, SOURCE, MANIFEST)
    assert (len(transport.asked), caught.value.attempts) == (1, 1)
    slept: list[float] = []
    with pytest.raises(errors.NetworkFailure):
        with_retry(_failing, policy=Retry(), sleep=slept.append, on_failure=lambda *_: None, is_over=lambda: True)
    assert slept == []


def _failing() -> None:
    raise _network()
