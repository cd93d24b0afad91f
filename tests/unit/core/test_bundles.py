"""Bundles as values: what a receipt allows to leave out, and who may follow whom."""

from __future__ import annotations

from datetime import timedelta

from git_hybrid.core.bundles import (
    BundleContent,
    Carried,
    Had,
    LogEnd,
    Receipt,
    Standing,
    as_seen,
    begun,
    changed_pins,
    edits,
    goes_on,
    had,
    is_content,
    is_inside,
    key_of_content,
    key_of_submodule,
    may_join,
    mismatch,
    moved,
    place_of,
    tip_of,
    with_carrier,
)
from git_hybrid.core.errors import NoPin, Offline
from git_hybrid.core.ids import SourceName, parse_url
from git_hybrid.core.lock import Lock, Pin
from git_hybrid.core.manifest import Branch, Manifest, Policy, Source, Tag
from git_hybrid.core.plan import Task, Unfinished
from git_hybrid.core.state import SourceState, State
from git_hybrid.core.value import replace
from support.values import a_pin, a_source, a_state_entry, a_task, an_unfinished_run, oid

TOOL = SourceName("tool")


def content(
    *sources: Source, pinned: tuple[str, ...] = ("tool",), carried: tuple[str, ...] = ("tool",)
) -> BundleContent:
    by_name = {source.name: source for source in sources or (a_source(),)}
    return BundleContent(
        path="b",
        sha256="0" * 64,
        carried=tuple(Carried(name=SourceName(name), kind="full") for name in carried),
        manifest_text="",
        manifest=Manifest(sources=by_name),
        lock=Lock(pins={SourceName(name): a_pin(by_name.get(SourceName(name), a_source(name))) for name in pinned}),
        state=State(),
        log=LogEnd(),
    )


def here(*sources: Source, policy: Policy | None = None) -> Manifest:
    return Manifest(policy=policy or Policy(), sources={source.name: source for source in sources})


def codes(found: BundleContent, manifest: Manifest) -> dict[str, str]:
    return {name: error.code for name, error in may_join(found, manifest).items()}


def test_the_tip_is_the_tag_object_where_there_is_one():
    assert tip_of(a_pin()) == oid(1)
    assert tip_of(a_pin(tag_object=oid(2))) == oid(2)


def test_a_receipt_counts_for_the_same_repository():
    pin = a_pin()
    there = Had(url=str(pin.url), tip=oid(1), commit=oid(1))
    assert had(Receipt(), pin) is None
    assert had(Receipt(sources={TOOL: there}), pin) == there
    assert had(Receipt(sources={TOOL: replace(there, url="https://example.org/x")}), pin) is None


def test_who_may_join():
    assert codes(content(), here()) == {}
    assert codes(content(), here(a_source())) == {}
    other = a_source(url="https://git.example.org/other")
    assert codes(content(), here(other)) == {"tool": "bundle-conflict"}
    assert codes(content(), here(a_source("Tool"))) == {"tool": "duplicate-source"}
    assert codes(content(), here(policy=Policy(hosts=frozenset({"x"})))) == {"tool": "host-not-allowed"}
    assert codes(content(a_source(), a_source("more")), here(policy=Policy(hosts=frozenset()))).keys() == {"tool"}


def test_a_moved_tag():
    tag = a_source(track=Tag("v1"))
    old, new = a_pin(tag), a_pin(tag, commit=oid(2))
    error = moved(old, new)
    assert error is not None
    assert (error.old, error.new, error.tag) == (oid(1), oid(2), "refs/tags/v1")
    assert moved(None, new) is None
    assert moved(old, old) is None
    assert moved(a_pin(), a_pin(commit=oid(2))) is None
    assert moved(old, a_pin(a_source(track=Tag("v2")), commit=oid(2))) is None
    assert moved(replace(old, url=parse_url("https://example.org/x")), new) is None


def test_what_is_edited():
    assert edits(content(), here(a_source())) == ([], [])
    assert edits(content(), here()) == ([], [a_source()])
    changed = a_source(track=Branch("next"))
    assert edits(content(changed), here(a_source())) == ([TOOL], [changed])
    assert edits(content(a_source(), a_source("more")), here(a_source())) == ([], [])


def test_what_begins_is_what_no_entry_stands_for_yet():
    both = content(a_source(), a_source("more"), pinned=("tool", "more"), carried=("tool", "more"))
    assert begun(both, here()) == [a_source("more"), a_source()]
    assert begun(both, here(a_source(track=Branch("next")))) == [a_source("more")]
    assert begun(content(a_source(), a_source("more")), here(a_source())) == []


def test_pins_that_change():
    found = content()
    assert changed_pins(found, found.lock) == {}
    assert changed_pins(found, Lock()) == dict(found.lock.pins)


def test_parts_that_do_not_fit():
    assert mismatch(content()) is None
    assert mismatch(content(carried=())) == (
        "inventory.json",
        "tool is not both in the list of sources and in the lock",
    )
    assert mismatch(content(pinned=("tool", "x"), carried=("tool", "x"))) == (
        "state/sources.lock",
        "x has no entry in sources.toml",
    )


def test_what_is_pinned_here_was_seen_when_this_side_says_so():
    ours, lib = a_pin(), a_pin(a_source("lib"))
    theirs = replace(ours, first_seen=ours.first_seen - timedelta(days=9))
    moved_on = replace(theirs, commit=oid(7))
    found = as_seen(Lock(pins={TOOL: theirs, lib.source: lib}), Lock(pins={TOOL: ours, SourceName("own"): ours}))
    assert dict(found.pins) == {TOOL: ours, lib.source: lib}
    assert as_seen(Lock(pins={TOOL: moved_on}), Lock(pins={TOOL: ours})).pins[TOOL] == moved_on


def test_what_can_be_carried_is_told_where_a_bundle_brought_it():
    entry = replace(a_state_entry(), served_by=f"bundle:{'1' * 64}")

    def told(entry: SourceState | None, pin: Pin | None) -> tuple[str, bool]:
        error = with_carrier(Offline(name="tool", url="u", why="w"), entry, pin)
        assert isinstance(error, Offline)
        return error.brought, error.is_news

    assert told(entry, a_pin(commit=entry.commit)) == ("1" * 10, False)
    assert told(entry, None) == ("1" * 10, True)
    # What was pinned since is in no bundle that state knows.
    assert told(entry, a_pin(commit=oid(9))) == ("", False)
    assert told(None, None) == told(replace(entry, served_by="https://example.org/x"), None) == ("", False)
    other = NoPin(name="tool", stale=False, mend="m")
    assert with_carrier(other, entry, None) is other


def test_an_apply_goes_on_with_one_of_its_own_that_has_pins_of_the_bundle_left():
    found = content()
    task = a_task()

    def run(command: str, *tasks: Task) -> Unfinished:
        return replace(an_unfinished_run(*tasks), command=command)

    apply = "git hybrid -C there bundle apply b"
    assert goes_on(found, found.lock, run(apply, task))
    assert not goes_on(found, Lock(), run(apply, task))
    assert not goes_on(found, found.lock, run(apply, task, replace(task, source=a_source("other"))))
    for other in ("git hybrid sync", "git hybrid resume", "git hybrid bundle create -o apply"):
        assert not goes_on(found, found.lock, run(other, task))


def test_what_is_inside_of_sources_has_a_key_that_no_source_has():
    url = parse_url("https://example.org/lib.git")
    keys = {key_of_submodule(url, oid(1)), key_of_submodule(url, oid(2)), key_of_content("0" * 64)}
    assert len(keys) == 3
    assert all(map(is_inside, keys))
    assert [key for key in keys if is_content(key)] == [key_of_content("0" * 64)]
    assert not is_inside("lfs")
    assert not is_content("submodules")


def test_a_place_is_of_any_bytes():
    assert place_of("a/b") != place_of("a\udce9b") != place_of("ab")
    assert {Standing(place_of("a"), "u", oid(1))} == {Standing(place_of("a"), "u", oid(1))}
