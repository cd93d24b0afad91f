from __future__ import annotations

from datetime import timedelta

import pytest

from git_hybrid.core.ids import SourceName
from git_hybrid.core.merging import (
    Change,
    Clash,
    agreed,
    common,
    common_tables,
    joined,
    merged,
    merged_inventory,
    merged_state,
    merged_tables,
)
from git_hybrid.core.mirrors import Incomplete, Inventory, Mirror
from git_hybrid.core.state import ScanStatus, SourceState
from git_hybrid.core.value import replace
from support.values import NOW, a_pin, a_source, a_state_entry, oid

TOOL, OTHER = SourceName("tool"), SourceName("other")


@pytest.mark.parametrize(
    ("was", "our", "their", "left", "both"),
    [
        (None, None, 1, 1, False),
        (None, 1, None, 1, False),
        (1, 1, 2, 2, False),
        (1, 2, 1, 2, False),
        (1, None, 1, None, False),
        (1, 1, None, None, False),
        (1, 2, 3, 2, True),
        (None, 2, 3, 2, True),
        (1, None, 3, 3, True),
        (1, 3, None, 3, True),
    ],
    ids=[
        *("theirs-added", "ours-added", "theirs-changed", "ours-changed", "ours-took-out", "theirs-took-out"),
        *("both-changed", "both-added", "taken-out-here-changed-there", "changed-here-taken-out-there"),
    ],
)
def test_what_one_side_alone_changed_counts(
    was: int | None, our: int | None, their: int | None, left: int | None, both: bool
) -> None:
    def table(value: int | None) -> dict[str, int]:
        return {"same": 9} | ({} if value is None else {"it": value})

    found, changes = merged(table(was), table(our), table(their))
    assert found == table(left)
    assert changes == (Change("it", both),)


def test_where_the_sides_agree_there_is_no_change() -> None:
    assert merged({"a": 1, "b": 1}, {"a": 2}, {"a": 2}) == ({"a": 2}, ())


def test_a_table_of_both_that_neither_side_has_was_joined_by_git() -> None:
    was = a_state_entry(a_source())
    ours = replace(was, commit=oid(1), scan=ScanStatus(state="clean"))
    theirs = replace(was, commit=oid(2), scan=ScanStatus(state="error", tree=oid(9)))
    mixed = replace(ours, scan=ScanStatus(state="error", tree=None))
    tables = {"ours": ours, "theirs": theirs, "mixed": mixed, "other": replace(mixed, commit=oid(3))}
    every = dict.fromkeys(tables, was), dict.fromkeys(tables, ours), dict.fromkeys(tables, theirs)
    assert joined(tables, *every) == ("mixed",)
    assert joined({"mixed": mixed}, every[1], every[1], every[2]) == ()
    assert joined({"mixed": mixed}, every[0], every[1], {}) == ()


def test_what_two_bases_do_not_agree_on_both_have_changed() -> None:
    base = common([{"a": 1, "b": 1, "c": 1}, {"a": 1, "b": 2}])
    found, changes = merged(base, {"a": 1, "b": 1, "c": 1, "d": 1}, {"a": 2, "b": 2})
    assert found == {"a": 2, "b": 1, "c": 1, "d": 1}
    assert [change.name for change in changes if change.both] == ["b", "c"]
    assert merged(base, {"b": 2}, {"b": 2}) == ({"b": 2}, ())
    assert common([{"a": 1}]) == {"a": 1}


def test_of_two_bases_that_began_with_a_third_one_each_counts_for_what_it_changed() -> None:
    base = common([{"a": 2, "b": 1, "c": 2, "d": 1}, {"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 1, "c": 1}])
    assert {name: base[name] for name in "abd"} == {"a": 2, "b": 2, "d": 1}
    found, changes = merged(base, {"a": 3, "b": 2, "c": 2, "d": 1}, {"a": 2, "b": 2, "c": 3})
    assert found == {"a": 3, "b": 2, "c": 2}
    assert [change.name for change in changes if change.both] == ["c"]


def test_tables_of_two_bases_are_compared_key_by_key() -> None:
    one, other = {"t": {"a": 1, "b": 1}, "u": {"c": 1}}, {"t": {"a": 1, "b": 2}}
    base = common_tables([one, other])
    ours = {"t": {"a": 1, "b": 2}, "u": {"c": 1}}
    found, clashes = merged_tables(base, ours, {"t": {"a": 2, "b": 2}, "u": {"c": 1}})
    assert (found, clashes) == ({"t": {"a": 2, "b": 2}, "u": {"c": 1}}, ())
    clashes = merged_tables(base, ours, {"t": {"a": 1, "b": 1}})[1]
    assert [(clash.table, clash.key) for clash in clashes] == [("t", "b"), ("u", "")]
    assert common_tables([one, other, one]) == other


def test_tables_are_merged_key_by_key() -> None:
    base = {"t": {"a": 1, "b": 1, "c": 1}}
    both = {"t": {"a": 2, "b": 2}, "u": {"d": 1, "e": 1}}
    assert merged_tables(
        base, {"t": {"a": 2, "b": 1, "c": 1}, "u": {"d": 1}}, {"t": {"a": 1, "b": 2}, "u": {"e": 1}}
    ) == (
        both,
        (),
    )


def test_a_key_that_both_changed_is_to_be_decided() -> None:
    clashes = merged_tables({"t": {"a": 1, "b": 1}}, {"t": {"a": 2}}, {"t": {"a": 3, "b": 2}})[1]
    wanted = ({"key": "a", "ours": 2, "theirs": 3}, {"key": "b", "ours": None, "theirs": 2})
    assert clashes == tuple(Clash(table="t", **fields) for fields in wanted)


@pytest.mark.parametrize("left", [None, {"a": 1, "b": 1}])
def test_a_table_that_one_side_took_out_and_the_other_one_left_as_it_was_is_gone(left: dict[str, int] | None) -> None:
    other = {} if left is None else {"t": left}
    assert merged_tables({"t": {"a": 1, "b": 1}}, {}, other) == ({}, ())
    assert merged_tables({"t": {"a": 1, "b": 1}}, other, {}) == ({}, ())


def test_a_table_that_one_side_took_out_and_the_other_one_changed_is_to_be_decided() -> None:
    base, changed = {"t": {"a": 1, "b": 1, "c": 1}}, {"t": {"a": 2, "c": 1}}
    wanted = {"a": 2, "b": None}
    assert merged_tables(base, {}, changed)[1] == (Clash(table="t", key="", ours=None, theirs=wanted),)
    assert merged_tables(base, changed, {})[1] == (Clash(table="t", key="", ours=wanted, theirs=None),)


def test_pins_that_differ_in_when_they_were_first_seen_agree() -> None:
    later = replace(a_pin(), first_seen=NOW + timedelta(days=1))
    ours, theirs = agreed({TOOL: later}, {TOOL: replace(a_pin(), first_seen=NOW)})
    assert ours == theirs == {TOOL: replace(a_pin(), first_seen=NOW)}
    other = a_pin(commit=oid(2))
    assert agreed({TOOL: later, OTHER: other}, {TOOL: other}) == ({TOOL: later, OTHER: other}, {TOOL: other})


def test_the_entry_of_state_is_that_of_the_commit_and_of_its_newest_scan() -> None:
    def entry(number: int, day: int) -> SourceState:
        scan = ScanStatus(state="clean", commit=oid(number), scanned_at=NOW + timedelta(days=day))
        return replace(a_state_entry(), commit=oid(number), scan=scan)

    def kept(ours: SourceState | None, theirs: SourceState | None, pinned: int = 1) -> SourceState | None:
        sides = [{} if side is None else {TOOL: side} for side in (entry(9, 0), ours, theirs)]
        return merged_state(*sides, {TOOL: a_pin(commit=oid(pinned))}).get(TOOL)

    assert kept(entry(1, 1), entry(1, 2)) == entry(1, 2)
    assert kept(entry(1, 2), entry(1, 1)) == entry(1, 2)
    assert kept(entry(2, 3), entry(1, 1)) == entry(1, 1)
    assert kept(replace(entry(1, 9), scan=ScanStatus()), entry(1, 1)) == entry(1, 1)
    assert kept(entry(2, 1), entry(9, 0)) == entry(2, 1)
    assert kept(None, entry(9, 0)) is None
    assert merged_state({}, {TOOL: entry(1, 1)}, {}, {}) == {}
    found, broken = entry(1, 1), entry(1, 2)
    found = replace(found, scan=replace(found.scan, state="findings", counts={"high": 1}))
    broken = replace(broken, scan=replace(broken.scan, state="error", counts={"high": 0}))
    assert kept(found, broken) == kept(broken, found) == found
    whole = replace(broken, scan=replace(broken.scan, counts={"high": 1}))
    assert kept(found, whole) == whole
    assert kept(entry(1, 1), broken) == broken


def _lacking(place: int, **plain: str) -> Incomplete:
    where = f"mirrors[{place}]"
    return Incomplete(place=where, name=plain.get("name", where), lacking=("owner",), plain=plain)


def a_mirror(name: str, *, owner: str = "ops", day: int | None = None) -> Mirror:
    verified_at = None if day is None else NOW + timedelta(days=day)
    url = f"https://{name}.example.org"
    return Mirror(
        name=name, base_url=url, kind="mirror", owner=owner, added_at=NOW, added_by="ada", verified_at=verified_at
    )


def _inventory(*mirrors: Mirror) -> Inventory:
    return Inventory(mirrors={mirror.name: mirror for mirror in mirrors})


def test_of_a_mirror_that_both_verified_the_last_one_counts() -> None:
    first, second = a_mirror("a", day=1), a_mirror("a", day=2)
    for sides in ((first, second), (second, first), (a_mirror("a"), second)):
        assert merged_inventory([_inventory(a_mirror("a", day=0))], *map(_inventory, sides))[0] == _inventory(second)
    moved = a_mirror("a", owner="eve", day=1)
    found, changes = merged_inventory([_inventory(first)], _inventory(second), _inventory(moved))
    assert (found, changes) == (_inventory(moved), (Change("a", both=False),))


def test_a_mirror_that_one_side_took_out_and_the_other_one_verified_is_gone() -> None:
    base, asked = _inventory(a_mirror("a")), _inventory(a_mirror("a", day=1))
    for sides in ((asked, _inventory()), (_inventory(), asked)):
        assert merged_inventory([base], *sides) == (_inventory(), (Change("a", both=False),))


def test_entries_of_the_inventory_that_lack_fields_are_merged_like_all_others() -> None:
    base = Inventory(incomplete=(_lacking(0, name="a"), _lacking(1, name="b"), _lacking(2, kind="mirror")))
    ours = Inventory(mirrors={"a": a_mirror("a")}, incomplete=(_lacking(0, name="b"), _lacking(1, kind="mirror")))
    theirs = Inventory(
        mirrors={"c": a_mirror("c")},
        incomplete=(_lacking(0, name="a"), _lacking(1, kind="mirror"), _lacking(2, kind="bundle")),
    )
    found, changes = merged_inventory([base], ours, theirs)
    assert found.mirrors == {"a": a_mirror("a"), "c": a_mirror("c")}
    assert sorted(entry.plain["kind"] for entry in found.incomplete) == ["bundle", "mirror"]
    assert {change.name for change in changes if change.both} == set()


def test_of_an_entry_that_lacks_fields_and_both_changed_ours_stands() -> None:
    base, ours, theirs = (
        Inventory(incomplete=(_lacking(0, name="a", kind=kind),)) for kind in ("", "mirror", "bundle")
    )
    found, changes = merged_inventory([base], ours, theirs)
    assert [entry.plain["kind"] for entry in found.incomplete] == ["mirror"]
    assert changes == (Change("a", both=True),)
