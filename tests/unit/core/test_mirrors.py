"""The inventory of mirrors as values: whose URL it is, how old what it holds is, what has to be recorded."""

from __future__ import annotations

from datetime import timedelta

import pytest

from git_hybrid.core.audit import Event, Line, Segment, Tail, extend
from git_hybrid.core.check_mirrors import check_mirrors
from git_hybrid.core.checks import Facts
from git_hybrid.core.condition import condition
from git_hybrid.core.endpoints import Endpoint, check_base, folder_of, folder_url, parse_mirrors, repository_path
from git_hybrid.core.freshness import stale
from git_hybrid.core.ids import InvalidText, SourceName, parse_url
from git_hybrid.core.lock import Lock
from git_hybrid.core.manifest import Manifest, Policy
from git_hybrid.core.mirror_told import mirror_event
from git_hybrid.core.mirrors import (
    Finding,
    Held,
    Incomplete,
    Inventory,
    Mirror,
    age,
    late,
    plain_url,
    served_url,
    serving,
    unwell,
    update_target,
    verified,
    with_mirrors,
)
from git_hybrid.core.plan import Absent
from git_hybrid.core.reducer import Decision, Files, to_records
from git_hybrid.core.state import State
from git_hybrid.core.value import replace
from support.values import NOW, OPERATOR, a_pin, a_run, a_snapshot, a_source, a_state_entry, oid

BASE = "https://mirror.example.org/git"
SERVED = f"{BASE}/git.example.org/team/tool.git"
TOOL = SourceName("tool")
DAY = timedelta(days=1)


def a_mirror(name: str = "corp", **changes) -> Mirror:
    made = Mirror(name=name, base_url=BASE, kind="mirror", owner=OPERATOR, added_at=NOW - 9 * DAY, added_by=OPERATOR)
    return replace(made, **changes)


def listed(*mirrors: Mirror, incomplete: tuple[Incomplete, ...] = ()) -> Inventory:
    return Inventory(mirrors={entry.name: entry for entry in mirrors}, incomplete=incomplete)


def served_state(url: str | None = SERVED) -> State:
    return State(sources={TOOL: replace(a_state_entry(), served_by=url)})


def facts(inventory: Inventory, text: str = "", state: State | None = None, folder: str | None = None) -> Facts:
    return Facts(
        manifest=Manifest(),
        clock=NOW,
        inventory=inventory,
        mirrors=parse_mirrors(text),
        state=state or State(),
        bundle_folder=folder,
    )


def lacking(name: str = "old", **plain: str) -> Incomplete:
    return Incomplete(place="mirrors[0]", name=name, lacking=("owner",), plain=plain)


def test_the_path_of_a_repository():
    assert (
        repository_path(parse_url("https://Git.example.org:8443/team/tool.git/"))
        == "git.example.org_8443/team/tool.git"
    )
    assert repository_path(parse_url("file:///srv/tool")) == "localhost/srv/tool.git"


@pytest.mark.parametrize("base", ["http://x", "https://x/{branch}", "https://u:p@x", "x"])
def test_what_is_no_base(base):
    with pytest.raises(InvalidText):
        check_base(base)


def test_put_and_drop():
    start = listed(a_mirror("a"), a_mirror("b"), incomplete=(lacking("c"), lacking("d"), lacking("e")))
    after = with_mirrors(start, put={"c": a_mirror("c")}, drop=frozenset({"a", "d"}))
    assert list(after.mirrors) == ["b", "c"]
    assert [entry.name for entry in after.incomplete] == ["e"]


@pytest.mark.parametrize(
    ("kind", "base", "target"),
    [
        ("mirror", "file:///srv/mirror", "corp"),
        ("mirror", "file:///srv/{host}/{path}", "DIR"),
        ("mirror", BASE, "DIR"),
        ("bundle", "file:///srv/bundles", ""),
    ],
)
def test_what_mirror_update_takes(kind, base, target):
    assert update_target(a_mirror(kind=kind, base_url=base)) == target


def test_who_serves_a_url():
    source = a_source()
    inventory = listed(a_mirror(), a_mirror("disk", kind="bundle", base_url="file:///srv/bundles/"))
    corp, disk = inventory.mirrors["corp"], inventory.mirrors["disk"]
    assert serving(inventory, SERVED, source.url, TOOL) is corp
    assert served_url(disk, source.url, TOOL) == "file:///srv/bundles/tool.bundle"
    assert serving(inventory, "file:///srv/bundles/tool.bundle", source.url, TOOL) is disk
    # A file of bundle create may be called anything.
    assert serving(inventory, "file:///srv/bundles/may", source.url, TOOL) is disk
    assert serving(inventory, "file:///srv/bundles/deeper/tool.bundle", source.url, TOOL) is None
    assert serving(inventory, str(source.url), source.url, TOOL) is None


def test_the_age_of_a_source():
    mirror = a_mirror()
    assert age(mirror, TOOL, NOW) == 9 * DAY
    assert age(replace(mirror, verified_at=NOW - 4 * DAY), TOOL, NOW) == 4 * DAY
    held = Held(commit=oid(1), checked_at=NOW - 2 * DAY, ok=True)
    assert age(replace(mirror, verified_at=NOW, sources={TOOL: held}), TOOL, NOW) == 2 * DAY
    assert age(replace(mirror, sources={TOOL: replace(held, checked_at=NOW + DAY)}), TOOL, NOW) == timedelta(0)


def test_a_time_that_is_still_to_come_counts_as_no_check():
    mirror = a_mirror()
    ahead = Held(commit=oid(1), checked_at=NOW + 300 * DAY, ok=True)
    wrong = replace(mirror, verified_at=NOW + 300 * DAY, sources={TOOL: ahead})
    assert age(wrong, TOOL, NOW) == age(mirror, TOOL, NOW) == 9 * DAY
    assert age(replace(wrong, sources={}), TOOL, NOW) == 9 * DAY
    assert age(replace(wrong, added_at=NOW + 300 * DAY), TOOL, NOW) > 10_000 * DAY
    policy = Policy(mirror_max_staleness=7 * DAY)
    assert late(wrong, policy, NOW) == (TOOL,)
    assert stale(listed(wrong), policy, a_source(), Endpoint(SERVED, BASE), NOW) is not None
    assert (
        stale(
            listed(verified(wrong, {TOOL: Finding(commit=oid(1), ok=True)}, NOW)),
            policy,
            a_source(),
            Endpoint(SERVED, BASE),
            NOW,
        )
        is None
    )


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("file:///srv/ws/../bd/up.bundle", "file:///srv/bd/up.bundle"),
        ("file:///srv//./bd/", "file:///srv/bd"),
        ("file:///../srv", "file:///srv"),
        ("https://host/a//b/", "https://host/a//b"),
        ("https://Host.Example:8443/A/{path}", "https://host.example:8443/A/{path}"),
        ("ssh://Git@Host/A", "ssh://Git@host/A"),
    ],
)
def test_urls_of_one_folder_are_one(url, plain):
    assert plain_url(url) == plain


@pytest.mark.parametrize("folder", ["/srv/b", "/srv/a b%/{x}", "/srv/\udcfc\u00fc", "/srv/a;b'"])
def test_the_url_of_a_folder_leads_back_to_it(folder):
    url = folder_url(folder)
    assert check_base(url) == url
    assert folder_of(url) == folder


def test_who_serves_a_url_however_its_path_is_written():
    disk = a_mirror(name="disk", base_url="file:///srv/./bundles/", kind="bundle")
    assert serving(listed(disk), "file:///srv/ws/../bundles/tool.bundle", a_source().url, TOOL) is disk
    facts_in_use = served_state("file:///srv/ws/../bundles/tool.bundle")
    assert check_mirrors(facts(listed(disk), state=facts_in_use)) == ()
    (found,) = check_mirrors(facts(Inventory(), state=facts_in_use))
    assert found.entry == "file:///srv/bundles"


@pytest.mark.parametrize(
    ("before", "as_of", "days"),
    [(None, None, 0), (None, 5, 5), (None, -5, 0), (2, None, 0), (2, 5, 2), (2, 1, 1), (2, -5, 0)],
)
def test_without_a_word_of_upstream_a_mirror_is_as_old_as_it_says(before, as_of, days):
    mirror = a_mirror()
    if before is not None:
        mirror = verified(mirror, {TOOL: Finding(commit=oid(1), ok=True)}, NOW - before * DAY)
    told = Finding(commit=oid(1), ok=True, as_of=None if as_of is None else NOW - as_of * DAY)
    assert verified(mirror, {TOOL: told}, NOW).sources[TOOL].checked_at == NOW - days * DAY


def test_a_check_that_finds_less_does_not_make_it_younger():
    first = verified(a_mirror(), {TOOL: Finding(commit=oid(1), ok=True)}, NOW - 3 * DAY)
    assert first.sources[TOOL] == Held(commit=oid(1), checked_at=NOW - 3 * DAY, ok=True)
    second = verified(first, {TOOL: Finding(commit=oid(2), ok=False)}, NOW)
    assert second.sources[TOOL] == Held(commit=oid(2), checked_at=NOW - 3 * DAY, ok=False)
    assert second.verified_at == NOW
    third = verified(second, {}, NOW + DAY)
    assert third.sources == second.sources
    # Of a source that was never found well the time is that of the mirror.
    less = {TOOL: Finding(commit=oid(1), ok=False)}
    assert verified(a_mirror(), less, NOW).sources[TOOL].checked_at == a_mirror().added_at
    once = a_mirror(verified_at=NOW - DAY)
    assert verified(once, less, NOW).sources[TOOL].checked_at == NOW - DAY


def test_fresh_or_refused():
    source, policy = a_source(), Policy(mirror_max_staleness=7 * DAY)
    inventory = listed(a_mirror())
    error = stale(inventory, policy, source, Endpoint(SERVED, BASE), NOW)
    assert error is not None
    assert (error.mirror, error.age, error.limit) == ("corp", "9 d", "7 d")
    fresh = listed(a_mirror(verified_at=NOW - 7 * DAY))
    assert stale(fresh, policy, source, Endpoint(SERVED, BASE), NOW) is None
    assert stale(inventory, policy, source, Endpoint(str(source.url), None), NOW) is None
    assert stale(Inventory(), policy, source, Endpoint(SERVED, BASE), NOW) is None


def test_status_knows_who_served():
    source = a_source()
    snapshot = a_snapshot(source, policy=Policy(mirror_max_staleness=DAY))

    def served(inventory: Inventory, state: State):
        return condition(replace(snapshot, mirrors=inventory, state=state), source, Absent(), now=NOW).served

    assert served(Inventory(), served_state(None)) is None
    assert served(Inventory(), State()) is None
    assert served(Inventory(), served_state(str(source.url))) is None
    unknown = served(Inventory(), served_state())
    assert unknown is not None
    assert (unknown.url, unknown.name, unknown.stale) == (SERVED, None, False)
    known = served(listed(a_mirror()), served_state())
    assert known is not None
    assert (known.name, known.age, known.stale) == ("corp", 9 * DAY, True)


def test_what_is_in_use_must_be_recorded():
    def mends(inventory: Inventory, text: str = "", state: State | None = None, folder: str | None = None) -> list[str]:
        found = check_mirrors(facts(inventory, text, state, folder))
        assert all(item.file == "state/sources-mirrors.json" and item.why for item in found)
        return [item.mend for item in found]

    add = f"git hybrid mirror add NAME {BASE} --owner WHO"
    assert mends(Inventory()) == mends(Inventory(), "direct") == mends(Inventory(), "off") == []
    assert mends(Inventory(), f"{BASE}/,direct", served_state()) == [add]
    assert mends(Inventory(), "", served_state()) == [add]
    assert mends(listed(a_mirror()), BASE, served_state()) == []
    # Where the URL of the entry was edited, the one that is pinned is no mirror.
    pinned = replace(
        facts(Inventory(), state=served_state()), lock=Lock(pins={TOOL: replace(a_pin(), url=parse_url(SERVED))})
    )
    assert check_mirrors(pinned) == ()
    disk = "git hybrid mirror add NAME file:///srv/b --owner WHO --kind bundle"
    assert mends(Inventory(), folder="/srv/b/") == [disk]
    for file in ("tool.bundle", "may"):
        assert mends(Inventory(), state=served_state(f"file:///srv/b/{file}")) == [disk]
    assert mends(listed(a_mirror(kind="bundle", base_url="file:///srv/b")), folder="/srv/b") == []
    spaced = "file:///srv/a%20b"
    assert mends(Inventory(), folder="/srv/a b") == [disk.replace("file:///srv/b", spaced)]
    assert mends(listed(a_mirror(kind="bundle", base_url=spaced)), folder="/srv/a b") == []
    assert mends(Inventory(), "https://example.org/a;b") == [add.replace(BASE, "'https://example.org/a;b'")]
    assert mends(Inventory(), state=served_state(str(a_source().url))) == []
    assert mends(Inventory(), state=served_state("bundle:" + "0" * 64)) == []
    odd = "git hybrid mirror add NAME https://odd.example.org/x --owner WHO"
    assert mends(Inventory(), state=served_state("https://odd.example.org/x")) == [odd]


def test_a_mirror_that_is_asked_and_was_not_well_is_a_warning():
    def warnings(name: str, text: str, *, ok: bool = False):
        held = {SourceName(name): Held(commit=oid(1), checked_at=NOW, ok=ok)}
        about = facts(listed(a_mirror(sources=held)), text)
        return check_mirrors(replace(about, manifest=Manifest(sources={TOOL: a_source()})))

    (found,) = warnings("tool", f"{BASE}/")
    assert (found.level, found.entry, found.mend) == ("warn", "mirror.corp", "git hybrid mirror verify corp")
    assert found.what.endswith("verified: tool")
    assert unwell(listed(a_mirror(sources={TOOL: Held(commit=oid(1), checked_at=NOW, ok=False)}))) == {TOOL}
    assert warnings("tool", "direct") == warnings("tool", BASE, ok=True) == warnings("gone", BASE) == ()


def test_an_entry_that_lacks_a_field_is_told():
    inventory = listed(incomplete=(lacking(base_url=BASE), replace(lacking(), lacking=("name", "base_url"))))
    first, second = check_mirrors(facts(inventory))
    assert (first.entry, first.what) == ("mirrors[0]", "lacks owner")
    assert first.mend == f"git hybrid mirror add old {BASE} --owner WHO"
    assert second.mend == "git hybrid mirror add NAME BASE_URL --owner WHO"


def test_the_record_that_made_an_entry():
    events = [Event(event="mirror-verify", detail={"mirror": name}) for name in ("a", "b")]
    decision = Decision(events=events, mirrors={"a": a_mirror("a"), "b": a_mirror("b")})

    def records(start: Inventory, written=()):
        return to_records(decision, Files(mirrors=start), tail=Tail(), written=written, info=a_run())

    first = records(Inventory())
    assert first.mirrors is not None
    hashes = [record["hash"] for record in first.audit]
    assert [entry.audit_hash for entry in first.mirrors.mirrors.values()] == hashes
    assert len(set(hashes)) == 2
    again = records(first.mirrors, first.audit)
    assert (again.audit, again.mirrors) == ((), None)


def test_a_mirror_that_the_log_has_and_the_inventory_lost_is_missed() -> None:
    told = {"mirror": "corp", "base_url": BASE, "kind": "mirror", "owner": OPERATOR}
    events = [Event(event="mirror-add", detail=told), Event(event="mirror-add", detail={**told, "mirror": "gone"})]
    events.append(Event(event="mirror-remove", detail={"mirror": "gone"}))
    records = extend(Tail(), events, at=NOW, operator=OPERATOR, command_id="run", log_id="log")
    lines = [Line(number=at, size=1, sha256="", record=record, whole=True) for at, record in enumerate(records)]
    log = (Segment(file="log", lines=tuple(lines)),)
    (lost,) = check_mirrors(replace(facts(listed()), log=log))
    assert (lost.entry, lost.what) == ("mirror.corp", "is in the audit log and not here")
    assert lost.mend == f"git hybrid mirror add corp {BASE} --owner '{OPERATOR}'"
    for there in (listed(a_mirror()), listed(incomplete=(replace(lacking("corp"), lacking=()),))):
        assert not any(item.what == lost.what for item in check_mirrors(replace(facts(there), log=log)))


def test_an_entry_that_the_log_does_not_bear_out_fails_where_the_log_is_read():
    event = mirror_event("mirror-verify", a_mirror(), {})
    (record,) = extend(Tail(), [event], at=NOW, operator=OPERATOR, command_id="run", log_id="log")
    log = (Segment(file="log", lines=(Line(number=0, size=1, sha256="", record=record, whole=True),)),)
    right = a_mirror(audit_hash=str(record["hash"]))
    about = replace(facts(listed(right)), log=log)
    assert check_mirrors(about) == ()
    edited = replace(about, inventory=listed(replace(right, verified_at=NOW)))
    (found,) = check_mirrors(edited)
    assert (found.level, found.what) == ("fail", "is not what the audit log tells")
    assert (found.entry, found.mend) == ("mirror.corp", "git hybrid mirror verify corp")
    assert check_mirrors(replace(edited, log=())) == ()
