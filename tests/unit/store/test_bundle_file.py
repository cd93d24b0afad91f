"""What a bundle file may hold: what is read as a whole has the bound of its file in a workspace."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from git_hybrid.core.bundles import Carried, key_of_content, key_of_submodule
from git_hybrid.core.errors import BadBundle, NewerSchema
from git_hybrid.core.files import LOCK, LOG, MANIFEST
from git_hybrid.core.ids import SourceName, parse_url
from git_hybrid.store import content
from git_hybrid.store.bundlefile import read_bundle, write_bundle
from git_hybrid.store.bundleinventory import decode_inventory, history_of, inventory_of, member_of, report_of
from git_hybrid.store.bundlepart import is_bundle_file, parts_of, take_part
from support.values import oid


@pytest.mark.parametrize("large", [MANIFEST, LOCK, LOG, report_of("tool")])
def test_a_member_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: str) -> None:
    monkeypatch.setattr(content, "SIZE_LIMIT", 2000)
    monkeypatch.setattr(content, "LOG_LIMIT", 2000)
    for size, folder in ((2000, "fine"), (2001, "large")):
        members: dict[str, Path | bytes] = {MANIFEST: b"m", LOCK: b"l", large: bytes(size)}
        file = tmp_path / folder
        write_bundle(file, inventory_of(members, [], None), None, members)
        if size == 2000:
            assert read_bundle(file, tmp_path / f"{folder}.d").read(large) == bytes(size)
            continue
        with pytest.raises(BadBundle, match="larger than") as caught:
            read_bundle(file, tmp_path / f"{folder}.d")
        assert caught.value.place == large
        assert not any(path.stat().st_size > 1 for path in (tmp_path / f"{folder}.d").iterdir())


def a_bundle(path: Path, **histories: bytes) -> Path:
    members: dict[str, Path | bytes] = {MANIFEST: b"m", LOCK: b"l" * 700}
    members |= {history_of(name): data for name, data in histories.items()}
    carried = [Carried(name=SourceName(name), kind="full") for name in histories]
    carried.append(Carried(name=SourceName("there"), kind="present"))
    write_bundle(path, inventory_of(members, carried, None), None, members)
    return path


CONTENT = b"content" * 1000
URL, COMMIT = parse_url("https://example.org/lib.git"), oid(7)
KEYS = key_of_submodule(URL, COMMIT), key_of_content(hashlib.sha256(CONTENT).hexdigest())


def inside_bundle(path: Path) -> Path:
    """Write a bundle that carries a submodule and content of Git LFS."""
    members: dict[str, Path | bytes] = {MANIFEST: b"m", LOCK: b"l"}
    members |= dict(zip(map(member_of, KEYS), (b"history", CONTENT), strict=True))
    carried = [Carried(name=SourceName("there"), kind="present")]
    write_bundle(path, inventory_of(members, carried, None, {KEYS[0]: (URL, COMMIT)}), None, members)
    return path


def test_what_is_inside_of_sources_is_a_part_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "SIZE_LIMIT", 2000)
    file = inside_bundle(tmp_path / "f")
    assert read_bundle(file, tmp_path / "d").said.inside == frozenset(KEYS)
    parts = parts_of(file)
    assert parts.keys() == {*KEYS}
    take_part(parts[KEYS[1]], tmp_path / "content")
    assert (tmp_path / "content").read_bytes() == CONTENT


def test_a_bundle_that_has_nothing_left_to_carry_inside_is_of_that_form_too(tmp_path: Path) -> None:
    members: dict[str, Path | bytes] = {MANIFEST: b"m", LOCK: b"l"}
    for submodules, inside in ((None, None), ({}, frozenset())):
        inventory = inventory_of(members, [], "0" * 64, submodules)
        assert (
            decode_inventory(inventory, lambda place, why: BadBundle(path="b", place=place, reason=why)).inside
            == inside
        )


def test_the_part_of_one_source_is_taken_without_the_rest(tmp_path: Path) -> None:
    file = a_bundle(tmp_path / "any name", a=b"x" * 513, b=b"y" * 512)
    assert is_bundle_file(file)
    parts = parts_of(file)
    assert sorted(parts) == ["a", "b"]
    take_part(parts["b"], tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"y" * 512
    # Of the others nothing is asked, not even whether they are sound.
    data = bytearray(file.read_bytes())
    data[parts["a"].start + 600] ^= 1
    file.write_bytes(data)
    take_part(parts_of(file)["b"], tmp_path / "again")
    with pytest.raises(BadBundle, match="its SHA-256 differs"):
        take_part(parts["a"], tmp_path / "a")


def test_a_part_of_a_file_that_was_cut_or_replaced_is_refused(tmp_path: Path) -> None:
    file = a_bundle(tmp_path / "f", a=b"x" * 513)
    data = file.read_bytes()
    part = parts_of(file)["a"]
    for wrong in (data[:-1], data + b"\0", data[:3000], data[:20], data.replace(b"schema_version", b"schema_versiom")):
        file.write_bytes(wrong)
        with pytest.raises(BadBundle):
            parts_of(file)
    file.write_bytes(data[: part.start])
    with pytest.raises(BadBundle, match="it was cut"):
        take_part(part, tmp_path / "a")
    for other in (b"", b"inventory.jso", b"# v2 git bundle\n"):
        file.write_bytes(other)
        assert not is_bundle_file(file)


def test_a_newer_bundle_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("git_hybrid.store.bundleinventory.VERSION", 3)
        file = inside_bundle(tmp_path / "f")
    with pytest.raises(NewerSchema) as caught:
        parts_of(file)
    assert caught.value.path == f"{file} (inventory.json)"
