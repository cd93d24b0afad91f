from __future__ import annotations

import pytest

from git_hybrid.core.check_metadata import at_odds, check_metadata
from git_hybrid.core.checks import Facts, Violation
from git_hybrid.core.ids import RefName, parse_url
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Commit, Policy, Source, Tag
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.state import ScanStatus, SourceState
from git_hybrid.core.value import replace
from support.values import NOW, RUN, a_pin, a_snapshot, a_source, a_state_entry, oid

TOOL, OTHER, BRANCH = a_source("tool"), a_source("other"), a_source("branch")


def checked(snapshot: Snapshot) -> tuple[Violation, ...]:
    return check_metadata(
        Facts(manifest=snapshot.manifest, clock=snapshot.clock, lock=snapshot.lock, state=snapshot.state)
    )


def places(snapshot: Snapshot) -> list[tuple[str, str]]:
    return [(found.file, found.entry) for found in checked(snapshot)]


def test_files_that_agree_have_no_violation() -> None:
    assert checked(a_snapshot(TOOL, pins=[a_pin(TOOL)], recorded=[a_state_entry(TOOL)])) == ()


def test_a_step_on_the_way_fails_nothing() -> None:
    assert checked(a_snapshot(TOOL, pins=[a_pin(TOOL)])) == checked(a_snapshot()) == ()
    (found,) = checked(a_snapshot(TOOL, OTHER, pins=[a_pin(TOOL)]))
    assert (found.file, found.entry, found.level) == ("sources.toml", "source.other", "warn")
    assert found.mend == "git hybrid pin"
    snapshot = a_snapshot(TOOL)
    facts = Facts(manifest=snapshot.manifest, clock=snapshot.clock, left_out=("state/sources.lock",))
    assert [found.file for found in check_metadata(facts)] == ["state/sources.lock"]


def test_a_host_outside_the_policy_is_a_violation() -> None:
    (found,) = checked(a_snapshot(TOOL, policy=Policy(hosts=frozenset({"github.com"}))))
    assert (found.file, found.entry) == ("sources.toml", "source.tool")
    assert "git.example.org" in found.what
    assert found.mend == "git hybrid remove tool"


def test_a_pin_that_nobody_declares_is_a_violation() -> None:
    (found,) = checked(a_snapshot(pins=[a_pin(OTHER)]))
    assert (found.file, found.entry) == ("state/sources.lock", "source.other")
    assert found.mend.endswith("git hybrid sync --prune")


def test_a_pin_of_another_manifest_entry_is_a_violation() -> None:
    (found,) = checked(a_snapshot(TOOL, pins=[a_pin(TOOL, digest="sha256:old")]))
    assert (found.file, found.entry) == ("state/sources.lock", "source.tool")
    assert found.mend == "git hybrid pin"
    (found,) = checked(a_snapshot(TOOL, pins=[a_pin(replace(TOOL, track=Tag("v9")))]))
    assert found.mend == "git hybrid pin tool"


@pytest.mark.parametrize("key", ["url", "ref"])
def test_a_pin_that_was_edited_beside_its_digest_is_a_violation(key: str) -> None:
    wrong = {"url": parse_url("https://h.example/x"), "ref": RefName("refs/heads/x")}
    pin = replace(a_pin(TOOL), **{key: wrong[key]})
    (found,) = checked(a_snapshot(TOOL, pins=[pin]))
    assert (found.file, found.entry, found.level) == ("state/sources.lock", "source.tool", "fail")
    assert found.mend == "git checkout HEAD -- state/sources.lock; where it was committed so: git hybrid pin tool"
    # A forced one may lie off the declared ref, and comes from no other place.
    assert len(checked(a_snapshot(TOOL, pins=[replace(pin, override="ovr-1")]))) == (key == "url")


def test_two_pins_by_one_tag_at_two_commits_are_a_violation_unless_an_override_says_why() -> None:
    at_tag, later = a_source("tool", track=Tag("v1")), a_source("other", track=Tag("v1"))
    by_commit = a_source("fixed", track=Commit(oid(3)))
    pins = [a_pin(at_tag), replace(a_pin(later, commit=oid(2), tag_object=oid(9)), first_seen=NOW)]
    pins += [a_pin(by_commit, commit=oid(3), ref="refs/tags/v1"), a_pin(BRANCH)]
    (found,) = checked(a_snapshot(at_tag, later, by_commit, BRANCH, pins=pins))
    assert (found.file, found.entry) == ("state/sources.lock", "source.other")
    assert found.what.startswith(f"has v1 at {oid(2)} (tag {oid(9)}), and tool, ")
    assert f"git hybrid pin other --to {oid(2)} --force " in found.mend
    # One has taken the moved tag with an approval, another after it, and a third is where it was.
    third = a_source("third", track=Tag("v1"))
    pins = [replace(a_pin(at_tag, commit=oid(2)), override="ovr-1"), a_pin(later, commit=oid(2)), a_pin(third)]
    assert checked(a_snapshot(at_tag, later, third, pins=pins)) == ()


def test_a_state_entry_that_nobody_declares_is_a_violation() -> None:
    (found,) = checked(a_snapshot(recorded=[a_state_entry(OTHER)]))
    assert (found.file, found.entry) == ("state/sources.json", "other")
    assert found.mend.startswith("git hybrid sync")


def test_a_source_that_was_installed_and_has_no_pin_is_a_violation() -> None:
    recorded = replace(a_state_entry(TOOL), command_id=RUN)
    (found,) = checked(a_snapshot(TOOL, recorded=[recorded]))
    assert (found.file, found.entry, found.level) == ("state/sources.lock", "source.tool", "fail")
    assert found.mend == "git checkout HEAD -- state/sources.lock; where it was committed so: git hybrid pin"
    snapshot = a_snapshot(TOOL, recorded=[recorded])
    facts = Facts(manifest=snapshot.manifest, clock=NOW, state=snapshot.state, lost=frozenset({"tool"}))
    assert [item.mend for item in check_metadata(facts)] == ["git checkout HEAD -- state/sources.lock"]
    assert check_metadata(replace(facts, left_out=("state/sources.lock",)))[0].level == "warn"
    # What version 0 of state tells was installed without a pin.
    (found,) = checked(a_snapshot(TOOL, recorded=[replace(recorded, command_id=None, audit_hash=None)]))
    assert found.level == "warn"


def test_state_of_the_pinned_commit_is_at_odds_with_the_lock_where_its_url_or_ref_is_another() -> None:
    other = parse_url("https://h.example/x")
    url, ref = (replace(a_state_entry(TOOL), **changed) for changed in ({"url": other}, {"track": Tag("v9")}))
    behind = replace(url, commit=oid(2))

    def odd(recorded: SourceState, source: Source = TOOL, *pins: Pin) -> tuple[str, ...]:
        snapshot = a_snapshot(source, pins=pins or (a_pin(TOOL),), recorded=[recorded])
        return at_odds(Facts(manifest=snapshot.manifest, clock=NOW, lock=snapshot.lock, state=snapshot.state))

    assert odd(url) == odd(ref) == ("tool",)
    assert odd(a_state_entry(TOOL)) == odd(behind) == odd(url, OTHER) == odd(url, TOOL, a_pin(OTHER)) == ()
    # A pin that is not valid is told for itself.
    assert odd(a_state_entry(TOOL), replace(TOOL, track=Tag("v9"))) == ()
    for entry, has in ((url, f"url {other}, "), (ref, "tag v9, ")):
        snapshot = a_snapshot(TOOL, pins=[a_pin(TOOL)], recorded=[entry])
        facts = Facts(manifest=snapshot.manifest, clock=NOW, lock=snapshot.lock, state=snapshot.state)
        assert check_metadata(facts) == ()
        (found,) = check_metadata(replace(facts, edited=frozenset({TOOL.name})))
        assert (found.file, found.entry, found.level) == ("state/sources.json", "tool", "fail")
        assert found.what.startswith(f"has {has}and sources.toml and state/sources.lock have ")
        assert found.mend.endswith("git hybrid sync tool")


def test_an_entry_that_lacks_keys_is_a_violation_and_a_warning_where_an_older_version_wrote_it() -> None:
    lacking = ("audit_hash", "command_id")
    old = replace(a_state_entry(TOOL), audit_hash=None, lacking=lacking)
    scan = ScanStatus(state="clean")
    scanned = replace(a_state_entry(TOOL), scan=scan, lacking=("command_id",))
    for entry, level in (
        (old, "warn"),
        (scanned, "warn"),
        (replace(scanned, scan=ScanStatus()), "fail"),
        (replace(old, served_by="x"), "fail"),
        (replace(old, command_id=RUN, lacking=("audit_hash",)), "fail"),
        (replace(old, lacking=(*lacking, "scan_status")), "fail"),
    ):
        (found,) = checked(a_snapshot(TOOL, pins=[a_pin(TOOL)], recorded=[entry]))
        assert (found.file, found.entry, found.level) == ("state/sources.json", "tool", level)
        assert found.what == f"lacks {', '.join(entry.lacking)}"
        assert found.mend.endswith("git hybrid sync tool")


def test_a_source_that_state_has_lost_is_a_violation_and_a_warning_where_a_merge_may_have_done_it() -> None:
    snapshot = a_snapshot(TOOL, OTHER, pins=[a_pin(TOOL), a_pin(OTHER)])
    facts = Facts(manifest=snapshot.manifest, clock=NOW, lock=snapshot.lock, unsaid={"tool": True, "other": False})
    lost, doubtful = check_metadata(facts)
    assert (lost.file, lost.entry, lost.level) == ("state/sources.json", "tool", "fail")
    assert lost.mend == "git checkout HEAD -- state/sources.json; where it was committed so: git hybrid sync tool"
    assert (doubtful.entry, doubtful.level, doubtful.mend) == ("other", "warn", "git hybrid sync other")


def test_state_in_another_form_is_a_warning() -> None:
    snapshot = a_snapshot(TOOL, pins=[a_pin(TOOL)])
    facts = Facts(manifest=snapshot.manifest, clock=NOW, lock=snapshot.lock, is_in_form=False)
    (found,) = check_metadata(facts)
    assert (found.file, found.level) == ("state/sources.json", "warn")
    assert found.mend.endswith(f" {found.file} {found.file}")


def test_every_violation_is_told_at_once() -> None:
    policy = Policy(hosts=frozenset())
    snapshot = a_snapshot(
        TOOL, pins=[a_pin(TOOL, digest="x"), a_pin(OTHER)], recorded=[a_state_entry(OTHER)], policy=policy
    )
    files = [found.file for found in checked(snapshot)]
    assert files == ["sources.toml", "state/sources.lock", "state/sources.lock", "state/sources.json"]


def test_what_the_commit_leaves_out_is_told_and_fails_nothing() -> None:
    facts = Facts(manifest=a_snapshot().manifest, clock=a_snapshot().clock, left_out=("state/sources.json",))
    (found,) = check_metadata(facts)
    assert (found.file, found.level, found.mend) == ("state/sources.json", "warn", "git add -- state/sources.json")
    for left_out in (facts.left_out, ()):
        (found,) = check_metadata(replace(facts, ignored=frozenset(facts.left_out), left_out=left_out))
        assert (found.level, found.mend) == ("warn", "git add -f -- state/sources.json")
